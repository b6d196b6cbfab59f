"""One checker for every fault: what a client handed out, against what was said.

The rule, per epoch and filter: updates 1..n, each once, in their order, exactly
as the producer said them; or else an announced gap at the very place:

- a **snapshot** says from which board to which; everything up to the first must
  have been delivered, and what follows continues from the second;
- a **patch**, or **slow** (conflated), says how many rows it has; they must be the
  newest of each selection that changed in the stretch, none missing, and what
  follows continues after the last of them.

Every board that is shown must be one that existed, at its cursor. The checker
keeps no socket, no clock and no thread: `test_checker` feeds it by hand.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

from protipp_stream.client import Board, Change
from protipp_stream.core.filter import Filter
from protipp_stream.model import Cursor, OddsUpdate, Selection
from tests.faults.script import Script

__all__ = ["Checker"]

_SNAPSHOT = re.compile(r"a snapshot at (\S+) replaced the board of (\S+)$")
_MERGED = re.compile(r"(\w+): of (\d+) selections only the newest update$")
MOST_DETAILS = 20

Prices = dict[Selection, float | None]


class Checker:
    """Follows what one client hands out.

    Parameters
    ----------
    scripts : mapping of str to Script
        What was said in each epoch.
    wanted : Filter
        What the client asked for.
    start : Cursor, optional
        Where the client's first board stood; None: its first update says it.

    Attributes
    ----------
    position : Cursor or None
        Everything that matches up to here was delivered, or its gap announced.
    delivered : int
        Updates that were handed out.
    gaps : Counter
        Announced gaps, by kind.
    wrong : Counter
        What must not be, by kind; ``details`` has the first of them in words.
    """

    def __init__(
        self, scripts: Mapping[str, Script], wanted: Filter, start: Cursor | None = None
    ) -> None:
        self.position = start
        self.delivered = 0
        self.gaps: Counter[str] = Counter()
        self.wrong: Counter[str] = Counter()
        self.details: list[str] = []
        self._scripts = scripts
        self._wanted = wanted
        self._missing: set[tuple[str, int]] = set()
        self._owed = 0
        self._merged: list[int] = []
        self._own: dict[Selection, tuple[Cursor | None, float | None]] = {}

    def fault(self, kind: str, words: str) -> None:
        """Note what must not be."""
        self.wrong[kind] += 1
        if len(self.details) < MOST_DETAILS:
            self.details.append(f"{kind}: {words}")

    # --------------------------------------------------- one update after the other

    def take(self, update: OddsUpdate) -> None:
        """Take the next update that was handed out."""
        cursor = Cursor.parse(update.id)
        if cursor is None or not self._is_as_said(update, cursor):
            return
        self.delivered += 1
        if self.position is None:
            self.position = Cursor(cursor.epoch, cursor.seq - 1)
        if cursor.epoch != self.position.epoch:
            self.fault("spliced", f"{cursor} follows {self.position} without a word")
            self.position, self._owed = cursor, 0
        elif self._owed:
            self._take_merged(cursor)
        else:
            self._take_next(cursor)

    def _is_as_said(self, update: OddsUpdate, cursor: Cursor) -> bool:
        script = self._scripts.get(cursor.epoch)
        if script is None:
            self.fault("altered", f"{update.id} is of no epoch that there was")
            return False
        n = cursor.seq
        said = (script.selection(n), script.odds(n), script.old_odds(n))
        if (update.selection, update.new_odds, update.old_odds) != said:
            self.fault("altered", f"{update} instead of {said}")
        if not (self._wanted.is_empty or self._wanted.matches(update)):
            self.fault("unwanted", f"{update.id} does not pass the filter")
        return True

    def _take_next(self, cursor: Cursor) -> None:
        assert self.position is not None
        if cursor.seq <= self.position.seq:
            known = (cursor.epoch, cursor.seq)
            if known in self._missing:
                self._missing.discard(known)
                self.wrong["lost"] -= 1
                self.fault("out of order", f"{cursor} after {self.position}")
            else:
                self.fault("doubled", f"{cursor} after {self.position}")
            return
        self._skip(cursor.seq - 1, f"before {cursor}")
        self.position = cursor

    def _skip(self, until: int, where: str) -> None:
        """Go to ``until``; whatever matches on the way is lost."""
        assert self.position is not None
        script = self._scripts[self.position.epoch]
        for n in script.matching(self.position.seq, until, self._wanted):
            self._missing.add((self.position.epoch, n))
            self.fault("lost", f"{self.position.epoch}:{n}, {where}")

    # ------------------------------------------------------------ announced gaps

    def announce(self, words: str) -> None:
        """Take what was announced at this place."""
        if self._owed:
            self.fault("lost", f"{self._owed} rows of a merged frame, before: {words}")
            self._owed = 0
        if found := _SNAPSHOT.search(words):
            self._take_snapshot(Cursor.parse(found[1]), Cursor.parse(found[2]), words)
        elif found := _MERGED.search(words):
            self.gaps[found[1]] += 1
            self._owed, self._merged = int(found[2]), []
        else:
            self.fault("unknown gap", words)

    def _take_snapshot(self, after: Cursor | None, before: Cursor | None, words: str) -> None:
        if after is None or before is None or after.epoch not in self._scripts:
            self.fault("unknown gap", words)
            return
        mine = self.position or before
        anew = after.epoch != before.epoch
        self.gaps["snapshot: new epoch" if anew else "snapshot"] += 1
        if before.epoch != mine.epoch or before.seq < mine.seq:
            self.fault("spliced", f"{words}; but we stood at {mine}")
        elif before.seq > mine.seq:
            self.position = mine
            self._skip(before.seq, f"before: {words}")
        if not anew and after.seq < before.seq:
            self.fault("out of order", f"a board went back: {words}")
        self.position = after

    def _take_merged(self, cursor: Cursor) -> None:
        self._owed -= 1
        self._merged.append(cursor.seq)
        if self._owed:
            return
        assert self.position is not None
        script = self._scripts[cursor.epoch]
        due = script.newest(self.position.seq, cursor.seq, self._wanted)
        if self._merged != due:
            rows = Counter(self._merged)
            for n in due:
                if not rows[n]:
                    self.fault("lost", f"{n} of the merged stretch {self.position} to {cursor}")
            for n, times in rows.items():
                if n not in due or times > 1:
                    self.fault("doubled", f"{n} of the merged stretch {self.position} to {cursor}")
            if sorted(self._merged) == sorted(due):
                self.fault("out of order", f"merged rows {self._merged}")
        if cursor.seq > self.position.seq:
            self.position = cursor

    # ------------------------------------------------------------------- boards

    def look(self, board: Board) -> None:
        """Take a board that was shown: it must have existed, at its cursor."""
        if board.cursor is None:
            return
        prices = {quote.selection: quote.odds for quote in board.quotes}
        if len(prices) != len(board.quotes):
            self.fault("wrong board", "a selection stands twice")
        self._compare(prices, board.cursor, "board()")

    def change(self, change: Change) -> None:
        """Take what `Changes.take` brought; `settle` compares what it makes."""
        if change.snapshot:
            self._own = {quote.selection: (None, quote.odds) for quote in change.quotes}
        for update in change.updates:
            cursor = Cursor.parse(update.id)
            if cursor is None or not self._is_as_said(update, cursor):
                continue
            before = self._own.get(update.selection, (None, None))[0]
            if before and before.epoch == cursor.epoch and before.seq >= cursor.seq:
                self.fault("out of order", f"changes(): {cursor} after {before}")
            self._own[update.selection] = (cursor, update.new_odds)

    def settle(self, head: Cursor, prices: Prices) -> None:
        """Judge the end, when nothing moves: the log stands at ``head``.

        Parameters
        ----------
        head : Cursor
            Where the producer stopped.
        prices : dict
            The client's board, as its DataFrame says it.
        """
        if self._owed:
            self.fault("lost", f"{self._owed} rows of a merged frame never came")
        if self.position is not None:
            if self.position.epoch != head.epoch:
                self.fault("spliced", f"ended at {self.position}, the log at {head}")
            else:
                self._skip(head.seq, "at the end")
        self._compare(prices, head, "quotes()")
        own = {selection: price for selection, (_, price) in self._own.items()}
        self._compare(own, head, "changes()")

    def _compare(self, prices: Prices, at: Cursor, where: str) -> None:
        script = self._scripts.get(at.epoch)
        said = {} if script is None else script.board(at.seq, self._wanted)
        if script is None or prices != said:
            wrong = {
                selection: (prices.get(selection, "absent"), said.get(selection, "absent"))
                for selection in prices.keys() | said.keys()
                if prices.get(selection, "absent") != said.get(selection, "absent")
            }
            few = dict(list(wrong.items())[:3])
            self.fault("wrong board", f"{where} at {at}: {len(wrong)} prices, (shown, said): {few}")
