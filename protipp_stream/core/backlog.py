"""What happened since a cursor: the newest updates, and how to bring anyone level.

Three answers, the best that is possible: ``replay`` (every update since),
``patch`` (each selection changed since, at its newest), ``snapshot`` (the
board). A cursor that is malformed, foreign or from the future, or older than an event
that has been forgotten, gets the snapshot: never an error, never a partial splice.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from protipp_stream.core.book import Book
from protipp_stream.core.filter import Filter
from protipp_stream.model import Cursor, OddsUpdate, Quote

__all__ = ["Backlog", "Mode", "Recovery", "recover", "recovery_mode"]

Mode = Literal["replay", "patch", "snapshot"]


class Backlog:
    """The newest updates of one epoch, dense in their sequence.

    Parameters
    ----------
    capacity : int
        How many it holds at least; up to a quarter more before it is trimmed,
        so that trimming costs nothing an update.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._updates: list[OddsUpdate] = []
        # Beside each update its bytes, encoded once for everyone.
        self._rows: list[bytes] = []
        # How many bytes the log had after each: a stretch is weighed by one
        # subtraction.
        self._ends: list[int] = []
        self._dropped = self._dropped_bytes = 0

    @property
    def head(self) -> int:
        """The newest sequence number; 0 before the first update."""
        return self._dropped + len(self._updates)

    def append(self, update: OddsUpdate, row: bytes = b"") -> None:
        """Add the next update of the log, with its encoded bytes.

        Raises
        ------
        ValueError
            If its sequence number is not the next: the log would have a hole
            that no client could see.
        """
        if update.seq != self.head + 1:
            raise ValueError(f"update {update.id} does not follow sequence {self.head}")
        self._ends.append((self._ends[-1] if self._ends else self._dropped_bytes) + len(row))
        self._updates.append(update)
        self._rows.append(row)
        if len(self._updates) > self._capacity + self._capacity // 4:
            surplus = len(self._updates) - self._capacity
            self._dropped_bytes = self._ends[surplus - 1]
            del self._updates[:surplus]
            del self._rows[:surplus]
            del self._ends[:surplus]
            self._dropped += surplus

    def holds_since(self, seq: int) -> bool:
        """Whether every update after ``seq`` is still here."""
        return self._dropped <= seq <= self.head

    def since(self, seq: int, limit: int | None = None) -> list[OddsUpdate]:
        """Return the updates after ``seq``, oldest first, at most ``limit``.

        Raises
        ------
        LookupError
            If some are no longer here: ask `holds_since` first.
        """
        return self._updates[self._stretch(seq, limit)]

    def bytes_since(self, seq: int) -> int:
        """Return what the updates after ``seq`` weigh in bytes; raises as `since`."""
        start = self._stretch(seq, None).start
        if not self._ends:
            return 0
        return self._ends[-1] - (self._ends[start - 1] if start else self._dropped_bytes)

    def rows_since(self, seq: int, limit: int | None) -> list[tuple[OddsUpdate, bytes]]:
        """Return the updates after ``seq`` with their bytes; raises as `since`."""
        stretch = self._stretch(seq, limit)
        return list(zip(self._updates[stretch], self._rows[stretch], strict=True))

    def _stretch(self, seq: int, limit: int | None) -> slice:
        if not self.holds_since(seq):
            raise LookupError(f"sequence {seq} is outside {self._dropped}..{self.head}")
        start = seq - self._dropped
        return slice(start, None if limit is None else start + limit)


class Recovery(msgspec.Struct, frozen=True):
    """How a subscriber is brought level with ``cursor``.

    Attributes
    ----------
    mode : str
        ``replay``, ``patch`` or ``snapshot``.
    since : Cursor or None
        What it follows; None for a snapshot, which follows nothing.
    updates, quotes : list
        ``updates`` for replay and patch, ``quotes`` for a snapshot.
    """

    mode: Mode
    cursor: Cursor
    since: Cursor | None
    updates: list[OddsUpdate]
    quotes: list[Quote]


def recover(
    book: Book, backlog: Backlog, since: str | Cursor | None, wanted: Filter | None = None
) -> Recovery:
    """Answer "I have seen everything up to here: what have I missed?".

    Parameters
    ----------
    since : str, Cursor or None
        Whatever a client sent; None and nonsense alike get a snapshot.
    """
    mode, mine = recovery_mode(book, backlog, since)
    if mine is None:
        return Recovery(mode, book.cursor, None, [], book.quotes(wanted))
    if mode == "replay":
        updates = [u for u in backlog.since(mine.seq) if wanted is None or wanted.matches(u)]
        return Recovery(mode, book.cursor, mine, updates, [])
    return Recovery(mode, book.cursor, mine, book.changed_since(mine.seq, wanted), [])


def recovery_mode(
    book: Book, backlog: Backlog, since: str | Cursor | None
) -> tuple[Mode, Cursor | None]:
    """Say how `recover` would answer, without collecting anything.

    Returns
    -------
    (str, Cursor or None)
        The mode, and the cursor that it starts from; None for a snapshot.
    """
    mine = Cursor.parse(since) if isinstance(since, str) else since
    if mine is None or mine.epoch != book.epoch or not 0 <= mine.seq <= book.seq:
        return "snapshot", None
    if backlog.holds_since(mine.seq):
        return "replay", mine
    # What was forgotten since is in no patch, and would stand on its board for ever.
    return ("patch", mine) if mine.seq >= book.forgotten_to else ("snapshot", None)
