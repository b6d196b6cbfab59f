"""What waits for the next commit, and the lines that are made of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import msgspec

from protipp_stream.core.chain import pieces

__all__ = ["Entry", "Pending"]

Kind = Literal["updates", "events", "confirmed", "notes", "images"]


class Entry(NamedTuple):
    """Rows of one kind that came together, encoded already.

    Attributes
    ----------
    epoch : str
        Of the log that they belong to.
    kind : str
        The member of the line that they become.
    rows : list of bytes
        JSON, one element each.
    first_seq, last_seq : int
        Of updates: the stretch that they are; of images, where they stand.
    """

    epoch: str
    kind: Kind
    rows: list[bytes]
    first_seq: int = 0
    last_seq: int = 0

    @classmethod
    def of(cls, epoch: str, kind: Kind, things: Iterable[msgspec.Struct], seq: int = 0) -> Entry:
        """Encode things that came together; ``seq`` is where they stand."""
        return cls(epoch, kind, [msgspec.json.encode(each) for each in things], seq, seq)


class _Joined(NamedTuple):
    """An entry whose rows are one piece of a line."""

    epoch: str
    kind: Kind
    data: bytes
    rows: int
    last_seq: int


class Pending:
    """Entries in the order in which they came.

    Rows are joined as they come, while they are still in the processor's cache: a tenth of
    a second later the writing thread would wait for the memory of each of them.

    Parameters
    ----------
    rows : int
        Rows that a line holds at most; one entry is never cut.
    """

    def __init__(self, rows: int) -> None:
        self._most = rows
        self._entries: list[_Joined] = []
        self.rows = 0
        self.size = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def is_full(self) -> bool:
        """Whether it makes a whole line."""
        return self.rows >= self._most

    def add(self, entry: Entry) -> None:
        """Take an entry."""
        rows, data = len(entry.rows), b",".join(entry.rows)
        self._entries.append(_Joined(entry.epoch, entry.kind, data, rows, entry.last_seq))
        self.rows += rows
        self.size += len(data)

    def lines(self) -> Iterator[tuple[list[bytes], int]]:
        """Yield the members of one line after the other, and how many rows it has.

        A line has one epoch and one image: what stands in two members of a line has no
        order between them but by sequence numbers, which count within an epoch.
        """
        line: list[_Joined] = []
        rows = 0
        for entry in self._entries:
            is_full = rows + entry.rows > self._most
            if line and (is_full or not _fits(line, entry)):
                yield _members(line), rows
                line, rows = [], 0
            line.append(entry)
            rows += entry.rows
        if line:
            yield _members(line), rows


def _fits(line: list[_Joined], entry: _Joined) -> bool:
    if entry.epoch != line[0].epoch:
        return False
    return entry.kind != "images" or all(other.kind != "images" for other in line)


def _members(line: list[_Joined]) -> list[bytes]:
    together: dict[str, list[bytes]] = {}
    # A client has it from a gateway that it need not trust: encoded, it stays a string.
    members = [b'"epoch":' + msgspec.json.encode(line[0].epoch)]
    for entry in line:
        joined = together.setdefault(entry.kind, [])
        if entry.rows:
            joined.append(entry.data)
        if entry.kind == "images":
            members.append(b'"image_seq":%d' % entry.last_seq)
    for kind, rows in together.items():
        members += pieces(kind, rows)
    return members
