"""One source: its listings by its own ids, its own words, and what is counted of it."""

from __future__ import annotations

from protipp_stream.core.naming.fixtures import Listing
from protipp_stream.core.naming.report import Tally
from protipp_stream.core.naming.tables import SourceNames

__all__ = ["Source"]


class Source:
    """What is known of one source.

    Parameters
    ----------
    names : SourceNames or None
        What a user said about its words.
    is_first : bool
        Whether it is the first one of all.
    """

    def __init__(self, names: SourceNames | None, is_first: bool) -> None:
        self.listings: dict[str, Listing] = {}
        self.names = names
        self.is_first = is_first
        self.tally = Tally()

    def note(self, listing: Listing, is_only: bool) -> str | None:
        """Return what was decided of a listing, in words, if that is new.

        Parameters
        ----------
        is_only : bool
            Whether there is no other source.
        """
        first, why = listing.fixture.listings[0], listing.why
        if len(listing.fixture.listings) > 1:
            if first is listing:
                return None
            why = f"is event {listing.fixture.event_id} of {first.source}"
        elif is_only or (self.is_first and why == "alone"):
            return None
        else:
            why = f"is no other source's event: {why}"
        if why == listing.noted:
            return None
        listing.noted = why
        return f"{listing.title} {why}"
