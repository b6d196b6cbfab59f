"""Whole images into quotes: what stood in the last image and is gone is suspended.

A source that answers with everything it has never says "withdrawn"; it just
stops naming the price. Left at that, a dead price would stand on the board for
ever, and look like the best one.
"""

from __future__ import annotations

from collections.abc import Iterable

from protipp_stream.model import Event, Quote, Selection

__all__ = ["ImageDiff"]


class ImageDiff:
    """Compares each image of a source with the one before.

    Attributes
    ----------
    changed : bool
        Whether the last image said anything new: a price, a suspension.
    """

    def __init__(self) -> None:
        self.changed = False
        self._standing: dict[Selection, float] = {}
        self._described: dict[str, Event] = {}

    def quotes(self, image: Iterable[Quote]) -> list[Quote]:
        """Take the next image and say what it means.

        Parameters
        ----------
        image : iterable of Quote
            Everything the source quotes now.

        Returns
        -------
        list of Quote
            The image itself, then one quote with odds None for every selection
            that had a price in the last image and is missing in this one.
        """
        quotes = list(image)
        named = {quote.selection: quote.odds for quote in quotes}
        gone = [selection for selection in self._standing if selection not in named]
        standing = {selection: odds for selection, odds in named.items() if odds is not None}
        self.changed = standing != self._standing
        self._standing = standing
        # The source said nothing about when it withdrew them, so no stamp.
        return quotes + [Quote(*selection, odds=None) for selection in gone]

    def events(self, image: Iterable[Event]) -> list[Event]:
        """Take the fixtures of the next image; return those new or changed."""
        named = {event.event_id: event for event in image}
        news = [event for event in named.values() if self._described.get(event.event_id) != event]
        self._described = named
        return news
