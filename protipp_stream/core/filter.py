"""What a subscriber wants to see: bookmakers, events, markets."""

from __future__ import annotations

from typing import Annotated, Protocol

import msgspec

from protipp_stream.model import Name

__all__ = ["Filter"]

MAX_NAMES = 200
Names = Annotated[tuple[Name, ...], msgspec.Meta(max_length=MAX_NAMES)]


class _HasSelection(Protocol):
    @property
    def bookmaker_id(self) -> str: ...
    @property
    def event_id(self) -> str: ...
    @property
    def market(self) -> str: ...


class Filter(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A choice of what to see; an empty part means "all".

    Attributes
    ----------
    bookmakers, events : tuple of str
        Ids, at most 200 of each.
    markets : tuple of str
        A kind (``totals``, with every line) or one line (``totals@7.5``).
    """

    bookmakers: Names = ()
    events: Names = ()
    markets: Names = ()

    @property
    def is_empty(self) -> bool:
        """Whether everything passes."""
        return not (self.bookmakers or self.events or self.markets)

    def matches(self, item: _HasSelection) -> bool:
        """Whether a quote or an update passes."""
        if self.bookmakers and item.bookmaker_id not in self.bookmakers:
            return False
        if self.events and item.event_id not in self.events:
            return False
        return not self.markets or (
            item.market in self.markets or item.market.partition("@")[0] in self.markets
        )

    def matches_event(self, event_id: str) -> bool:
        """Whether anything of this event can pass."""
        return not self.events or event_id in self.events
