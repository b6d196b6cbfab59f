"""A client's copy of the gateway's book: snapshots and updates in, the board out.

It changes only by what the sequence allows. A frame that leaves a gap changes
nothing at all, so the copy is at every moment a board that existed.
"""

from __future__ import annotations

from collections.abc import Iterable

from protipp_stream.core.sequence import Verdict, verdict
from protipp_stream.model import Cursor, Event, OddsUpdate, Quote, Selection

__all__ = ["Mirror"]


class Mirror:
    """The board as the gateway had it at `cursor`."""

    def __init__(self) -> None:
        self.cursor: Cursor | None = None
        self.quotes: dict[Selection, Quote] = {}
        self.events: dict[str, Event] = {}

    def describe(self, events: Iterable[Event]) -> None:
        """Take descriptions of fixtures; a newer one replaces an older one."""
        for event in events:
            self.events[event.event_id] = event

    def reset(self, cursor: Cursor, quotes: Iterable[Quote]) -> None:
        """Take a snapshot: whatever stood here before is gone."""
        self.cursor = cursor
        self.quotes = {quote.selection: quote for quote in quotes}

    def apply(
        self, prev: Cursor, cursor: Cursor, updates: Iterable[OddsUpdate]
    ) -> tuple[Verdict, list[OddsUpdate]]:
        """Take an ``updates`` frame.

        Returns
        -------
        (str, list of OddsUpdate)
            The verdict of `core.sequence`, and the rows that were new. Only
            the verdict ``next`` changes the board.
        """
        judged = verdict(self.cursor, prev, cursor)
        if judged != "next" or self.cursor is None:
            return judged, []
        mine = self.cursor.seq
        fresh = [update for update in updates if update.seq > mine]
        for update in fresh:
            self.quotes[update.selection] = update.quote
        self.cursor = cursor
        return judged, fresh
