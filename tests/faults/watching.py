"""Reads what a client hands out, as its users do, and gives it to the checker."""

from __future__ import annotations

import time
from collections.abc import Mapping

from protipp_stream.client import LiveOdds
from protipp_stream.core.filter import Filter
from protipp_stream.errors import ProtippStreamError, UpdatesMissed
from protipp_stream.model import Cursor, Selection
from tests.faults.checker import Checker, Prices
from tests.faults.script import Script

__all__ = ["Watcher"]

GRACE_S = 3.0
_BEFORE, _AFTER = "Updates are missing here: ", ". The board is right: see quotes()."


class Watcher:
    """A client's stream, changes and boards, checked.

    Make it before the client is started, or before the producer says anything:
    then the first update must be number 1 (or follow ``start``).
    """

    def __init__(
        self,
        odds: LiveOdds,
        scripts: Mapping[str, Script],
        wanted: Filter | None = None,
        start: Cursor | None = None,
    ) -> None:
        self.odds = odds
        self._scripts = scripts
        self.checker = Checker(scripts, wanted or Filter(), start)
        self.wanted = wanted or Filter()
        self.last_fresh = time.monotonic()
        self.has_ended = False
        self._level_since: float | None = None
        self._stream = odds.stream(on_gap="raise")
        self._changes = odds.changes()

    def drain(self) -> int:
        """Read what there is; return how many updates that was."""
        count = 0
        while not self.has_ended:
            try:
                update = self._stream.next(timeout=0)
            except UpdatesMissed as gap:
                self.checker.announce(str(gap).partition(_AFTER)[0].removeprefix(_BEFORE))
                continue
            except ProtippStreamError as error:
                self.has_ended = True
                self.checker.fault("ended", str(error))
                break
            if update is None:
                break
            self.checker.take(update)
            count += 1
        if count:
            self.last_fresh = time.monotonic()
        return count

    def look(self) -> None:
        """Look at the board, and at what has changed since the last look."""
        self.checker.look(self.odds.board())
        if (change := self._changes.take()) is not None:
            self.checker.change(change)

    def settle(self, head: Cursor, patience_s: float = 30) -> None:
        """Wait until the client is level with a log that rests at ``head``; judge the end."""
        script = self._scripts[head.epoch]
        last = max(script.matching(head.seq - 100, head.seq, self.wanted), default=0)
        deadline = time.monotonic() + patience_s
        while not self.has_all(Cursor(head.epoch, last)):
            if self.has_ended:
                return
            if time.monotonic() > deadline:
                self.checker.fault("not level", f"{self.odds!r} at {self.odds.cursor}, not {head}")
                break
            time.sleep(0.01)
        self.look()
        self.checker.settle(head, self._quotes())

    def has_all(self, cursor: Cursor) -> bool:
        """Whether everything up to ``cursor`` is on the board and was handed out.

        The board is ahead for a moment, so a last update that never comes is known
        as lost only when there was time for it.
        """
        self.drain()
        mine, read = self.odds.cursor, self.checker.position
        if mine is None or mine.epoch != cursor.epoch or mine.seq < cursor.seq:
            self._level_since = None
            return False
        self._level_since = self._level_since or time.monotonic()
        has_read = read is not None and read.epoch == cursor.epoch and read.seq >= cursor.seq
        return has_read or time.monotonic() > self._level_since + GRACE_S

    def _quotes(self) -> Prices:
        table = self.odds.quotes()
        names = table[["bookmaker_id", "event_id", "market", "outcome"]].astype(str)
        keys = [Selection(*row) for row in names.itertuples(index=False, name=None)]
        prices = [None if price != price else float(price) for price in table.odds]
        return dict(zip(keys, prices, strict=True))
