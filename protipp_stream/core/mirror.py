"""A client's copy of the gateway's book: snapshots and updates in, the board out.

It changes only by what the sequence allows. A frame that leaves a gap changes
nothing at all, so the copy is at every moment a board that existed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from protipp_stream.core.eviction import FORGET_AFTER_S, Standing, outdated, over
from protipp_stream.core.sequence import Verdict, seqs_of, verdict
from protipp_stream.model import Confirmation, Cursor, Event, OddsUpdate, Quote, Selection

__all__ = ["Mirror", "quotes_of"]


_LONG_AGO = datetime.min.replace(tzinfo=UTC)
_Key = tuple[str, str, str, str]


class Mirror:
    """The board as the gateway had it at `cursor`."""

    def __init__(self) -> None:
        self.cursor: Cursor | None = None
        self.events: dict[str, Event] = {}
        # Updates stay as they came: of ten thousand a second, few are looked at
        # before the next one replaces them. Keys are plain tuples, which equal a
        # Selection and are made in half the time.
        self._rows: dict[_Key, Quote | OddsUpdate] = {}
        # Looked at when the board is: an update is not slowed down to forget its own.
        self._confirmed: dict[_Key, Confirmation] = {}

    @property
    def rows(self) -> list[Quote | OddsUpdate]:
        """The newest of every selection, as it came: a copy; see `quotes_of`."""
        return list(self._rows.values())

    @property
    def confirmed(self) -> dict[_Key, Confirmation]:
        """When prices were said again, unchanged: a copy; see `quotes_of`."""
        return self._confirmed.copy()

    @property
    def quotes(self) -> dict[Selection, Quote]:
        """The board, by selection."""
        return {quote.selection: quote for quote in quotes_of(self.rows, self._confirmed)}

    def describe(self, events: Iterable[Event]) -> None:
        """Take descriptions of fixtures; a newer one replaces an older one."""
        for event in events:
            self.events[event.event_id] = event

    def reset(self, cursor: Cursor, quotes: Iterable[Quote]) -> None:
        """Take a snapshot: whatever stood here before is gone."""
        self.cursor = cursor
        # Of events too: a gateway that has started anew may not know them.
        self.events = {}
        self._rows = {quote.selection: quote for quote in quotes}
        self._confirmed = {}

    def confirm(self, confirmations: Iterable[Confirmation]) -> None:
        """Note which prices were said again, unchanged."""
        for each in confirmations:
            for outcome in each.outcomes:
                key = each.bookmaker_id, each.event_id, each.market, outcome
                if key in self._rows:
                    self._confirmed[key] = each

    def forget_over(self, now: datetime) -> set[str]:
        """Forget the events that are over, as the gateway does; return their ids."""
        rows = (self._standing(key, row) for key, row in self._rows.items())
        gone = over(rows, self.events, now, FORGET_AFTER_S)
        if gone:
            self._rows = {key: row for key, row in self._rows.items() if row.event_id not in gone}
        for event_id in outdated(self.events, {key[1] for key in self._rows}, gone, now):
            del self.events[event_id]
        standing = self._rows
        self._confirmed = {key: said for key, said in self._confirmed.items() if key in standing}
        return gone

    def _standing(self, key: _Key, row: Quote | OddsUpdate) -> Standing:
        odds = row.new_odds if isinstance(row, OddsUpdate) else row.odds
        # A gateway says of every price on its board when it received it.
        heard = row.timestamp or _LONG_AGO
        if said := self._confirmed.get(key):
            heard = max(heard, said.received_at)
        return row.event_id, odds is not None, heard

    def apply(
        self, prev: Cursor, cursor: Cursor, updates: Sequence[OddsUpdate]
    ) -> tuple[Verdict, Sequence[OddsUpdate]]:
        """Take an ``updates`` frame.

        Returns
        -------
        (str, sequence of OddsUpdate)
            The verdict of `core.sequence`, and the rows that were new. Only
            the verdict ``next`` changes the board.

        Raises
        ------
        ProtocolError
            If its rows are not what its cursors say. Nothing has changed then.
        """
        judged = verdict(self.cursor, prev, cursor)
        if judged != "next" or self.cursor is None:
            return judged, []
        known = bisect_right(seqs_of(updates, prev, cursor), self.cursor.seq)
        fresh = updates[known:] if known else updates
        rows = self._rows
        for update in fresh:
            rows[update.bookmaker_id, update.event_id, update.market, update.outcome] = update
        self.cursor = cursor
        return judged, fresh


def quotes_of(
    rows: Iterable[Quote | OddsUpdate], confirmed: Mapping[_Key, Confirmation]
) -> list[Quote]:
    """Return what rows of a board say as quotes, with what has confirmed them since."""
    quotes = [row.quote if isinstance(row, OddsUpdate) else row for row in rows]
    if not confirmed:
        return quotes
    return [_as_confirmed(quote, confirmed.get(quote.selection)) for quote in quotes]


def _as_confirmed(quote: Quote, said: Confirmation | None) -> Quote:
    # A price that has changed since then has a stamp of its own.
    if said is None or (quote.timestamp is not None and quote.timestamp > said.received_at):
        return quote
    return quote.confirmed(said.received_at, said.source_timestamp, said.is_vouched)
