"""The hot end of the odds journal: segments of JSON lines to which somebody else appends.

What was read once is not read again, as long as the segment only grows. A question about
one event decodes only the lines that name it; one about all decodes what is left, and
keeps it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from weakref import finalize

import msgspec
import pyarrow as pa

from protipp_stream.core.journal_line import decode_journal_line
from protipp_stream.errors import TrailChanged
from protipp_stream.history.asking import EVERYTHING, Asked
from protipp_stream.history.columns import Columns
from protipp_stream.history.segment import link_of
from protipp_stream.history.tables import SCHEMAS
from protipp_stream.history.unreadable import VERIFY

__all__ = ["Head", "HotSegment", "times_between"]

_BLOCK = 4 << 20
# Of a line: its hash is there, and holds all lines before it.
_END_OF_LINE = 80
# In every update, in nothing else: a quotation mark within a name is escaped.
_IN_AN_UPDATE = b'"latency_ms":'
# When an update was received: a note's or an image's time has something else after it.
_RECEIVED = re.compile(rb'"timestamp":"([0-9T:.-]{19,26})Z","source_timestamp":')
_LONGEST_RECEIVED = 80
# What a line with such rows holds; an image or its confirmation is in ``images``.
_MEMBERS = {
    "updates": (b'"updates":', b'"images":'),
    "events": (b'"events":',),
    "confirmed": (b'"confirmed":', b'"images":'),
    "notes": (b'"notes":',),
}
_NAMED = {"updates", "events", "confirmed"}
# In most lines, or in all of them.
_EVERYWHERE = {"updates", "confirmed", "groups"}


class _Said(msgspec.Struct):
    n: int
    at: datetime
    epoch: str | None = None


class Head(NamedTuple):
    """A line's place in its segment, and what its first members say."""

    begin: int
    end: int
    n: int
    at: datetime
    epoch: str | None


_heads = msgspec.json.Decoder(_Said)


def times_between(file: int, begin: int, end: int) -> list[datetime]:
    """Return the least and greatest time of the updates between two bytes of a segment.

    Found without decoding them; none if there are no updates.

    Parameters
    ----------
    file : int
        Its descriptor.
    """
    found: list[bytes] = []
    rest = b""
    for block in _blocks(file, begin, end):
        # Without the "Z", a text with a fraction is greater than one without.
        if times := _RECEIVED.findall(text := rest + block):
            found = [min([*found[:1], *times]), max([*found[1:], *times])]
        rest = text[-_LONGEST_RECEIVED:]
    return [datetime.fromisoformat(f"{time.decode()}+00:00") for time in found]


class HotSegment:
    """One segment; stays readable when it is sealed and removed meanwhile.

    Parameters
    ----------
    path : Path

    Raises
    ------
    FileNotFoundError
        If it was removed already.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Given back when nobody holds it any more: somebody may still be reading it, in
        # chunks, when it was sealed long ago.
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        finalize(self, os.close, self._file)
        self.heads: list[Head] = []
        self.updates = 0
        self._end = 0
        self._last = b""
        self._times: list[datetime] = []
        self._timed = 0
        self._decoded = 0
        self._tables: dict[str, list[pa.Table]] = {kind: [] for kind in SCHEMAS}

    @property
    def only_grows(self) -> bool:
        """Whether what was read is still there; if not, it must be read from the beginning.

        A writer takes back what a full disk refused, and what a crash left half written.
        Whoever copies a trail may put another file in its place.

        Raises
        ------
        FileNotFoundError
            If it was removed meanwhile.
        """
        if not os.path.samestat(os.fstat(self._file), self._path.stat()):
            return False
        known = len(self._last)
        return os.pread(self._file, known, self._end - known) == self._last

    @property
    def times(self) -> list[datetime]:
        """The least and greatest time of its updates; none if it has none."""
        found = self._times + times_between(self._file, self._timed, self._end)
        self._times, self._timed = [min(found), max(found)] if found else [], self._end
        return self._times

    def refresh(self, *, is_last: bool) -> None:
        """Look at what was appended since.

        Parameters
        ----------
        is_last : bool
            Whether it is the newest segment: only there may a line be half written.

        Raises
        ------
        TrailChanged
            If what was appended are no lines of a journal.
        """
        size = os.fstat(self._file).st_size
        for line in self._appended(size):
            end = self._end + len(line)
            if is_last and end == size and link_of(line) is None:
                return
            try:
                said = _heads.decode(line)
            except (msgspec.MsgspecError, UnicodeError) as error:
                raise TrailChanged(
                    f"{self._path} has at byte {self._end} what is no line of a journal: {error}.",
                    hint=VERIFY,
                ) from None
            self.heads.append(Head(self._end, end, said.n, said.at, said.epoch))
            self.updates += line.count(_IN_AN_UPDATE)
            self._end, self._last = end, line[-_END_OF_LINE:]

    def tables(self, kind: str, asked: Asked = EVERYTHING) -> list[pa.Table]:
        """Return rows of a kind; at least those that are asked for.

        Raises
        ------
        TrailChanged
            If a line that was decoded is not what was written.
        """
        needles = asked.needle if kind in _NAMED else []
        if not needles and kind in _EVERYWHERE:
            self._decode_all()
        found = list(self._tables[kind])
        if self._decoded < len(self.heads):
            wanted = [_MEMBERS[kind], needles] if needles else [_MEMBERS[kind]]
            tables = self._tables_of(self._holding(*wanted))
            found += [tables[kind]] if kind in tables else []
        return found

    def holds(self, needle: bytes) -> bool:
        """Whether these bytes are somewhere in what was read."""
        rest = b""
        for block in _blocks(self._file, 0, self._end):
            if needle in (text := rest + block):
                return True
            rest = text[-len(needle) + 1 :]
        return False

    def _decode_all(self) -> None:
        if self._decoded == len(self.heads):
            return
        for kind, table in self._tables_of(self._holding()).items():
            self._tables[kind].append(table)
        self._decoded = len(self.heads)

    def _tables_of(self, lines: Iterable[bytes]) -> dict[str, pa.Table]:
        columns = Columns()
        try:
            for line in lines:
                columns.add(decode_journal_line(line))
            return columns.tables()
        except TrailChanged as error:
            raise TrailChanged(f"{self._path}: {error.message}", hint=VERIFY) from None

    def _holding(self, *needles: Sequence[bytes]) -> Iterator[bytes]:
        """Yield the lines that are not decoded yet and hold one of each of these."""
        text, at = b"", 0
        for begin, end, *_ in self.heads[self._decoded :]:
            if end > at + len(text):
                # Not mapped: a page that a writer takes back meanwhile would end the process.
                text, at = os.pread(self._file, max(_BLOCK, end - begin), begin), begin
            if all(_holds(text, begin - at, end - at, some) for some in needles):
                yield text[begin - at : end - at]

    def _appended(self, size: int) -> Iterator[bytes]:
        """Yield the lines after those that are known; the last may be half a one."""
        rest = b""
        for block in _blocks(self._file, self._end, size):
            *whole, rest = (rest + block).split(b"\n")
            yield from (line + b"\n" for line in whole)
        if rest:
            yield rest


def _blocks(file: int, begin: int, end: int) -> Iterator[bytes]:
    """Read what lies between two bytes of a file; less, if it has become shorter."""
    at = begin
    while at < end and (block := os.pread(file, min(_BLOCK, end - at), at)):
        yield block
        at += len(block)


def _holds(text: bytes, begin: int, end: int, needles: Sequence[bytes]) -> bool:
    return any(text.find(needle, begin, end) >= 0 for needle in needles)
