"""What a replay brought, counted from the updates that came out of it."""

from __future__ import annotations

from protipp_stream.model import OddsUpdate, Selection

__all__ = ["Summary"]


class Summary:
    """Counts updates as a reader of odds would.

    A first sight and a change against the last known price are updates. A row
    that only says "gone", or "back at its old price", is counted apart.

    Attributes
    ----------
    updates, suspended, resumed : int
        Rows of each kind; together every row that was taken.
    """

    def __init__(self) -> None:
        self.updates = self.suspended = self.resumed = 0
        self._last_known: dict[Selection, float] = {}

    def take(self, update: OddsUpdate) -> None:
        """Count one row."""
        if update.new_odds is None:
            self.suspended += 1
        elif self._last_known.get(update.selection) == update.new_odds:
            self.resumed += 1
        else:
            self.updates += 1
            self._last_known[update.selection] = update.new_odds

    def line(self, fetches: int) -> str:
        """Return the counts as ``name=count`` words."""
        events = {selection.event_id for selection in self._last_known}
        bookmakers = {selection.bookmaker_id for selection in self._last_known}
        return (
            f"fetches={fetches} events={len(events)} bookmakers={len(bookmakers)} "
            f"selections={len(self._last_known)} updates={self.updates} "
            f"suspended={self.suspended} resumed={self.resumed}"
        )
