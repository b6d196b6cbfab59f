"""A journal that a test drives: its thread is the test's, its clocks stand still."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from protipp_stream.core.chain import GENESIS
from protipp_stream.core.journal_line import JournalLine, Note, decode_journal_line
from protipp_stream.history import journal as journal_module
from protipp_stream.history.group import Entry
from protipp_stream.history.journal import Journal, JournalSettings
from protipp_stream.history.layout import Layout
from protipp_stream.history.reading import Trail
from tests.history.load import update

START = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)


class Hands:
    """Both clocks, and the journal's thread, which runs when `Journal.close` waits for it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        patch.setattr(journal_module, "time", self)
        patch.setattr(journal_module.threading, "Thread", self._thread)

    def monotonic(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def _thread(self, target: Callable[[], None], **_: object) -> _Thread:
        return _Thread(target)

    def journal(self, folder: Path, **settings: object) -> Journal:
        made = msgspec.convert(settings, JournalSettings)
        return Journal(folder, made, wall=self.wall)


class _Thread:
    def __init__(self, target: Callable[[], None]) -> None:
        self._target = target

    def start(self) -> None:
        pass

    def join(self) -> None:
        # It has been told to close: so it works once and ends.
        self._target()


@contextmanager
def hands() -> Iterator[Hands]:
    with pytest.MonkeyPatch.context() as patch:
        yield Hands(patch)


def entry(epoch: str, first: int, last: int) -> Entry:
    """Updates, as a gateway puts them."""
    rows = [msgspec.json.encode(update(epoch, seq, START)) for seq in range(first, last + 1)]
    return Entry(epoch, "updates", rows, first, last)


def work(journal: Journal) -> None:
    """What the thread does in one round, without its waiting."""
    journal._work()


def abandon(journal: Journal) -> None:
    """As if its process had been killed: the kernel closes its files."""
    journal_module.atexit.unregister(journal.close)
    journal._writer.close()


def lines_of(folder: Path) -> list[JournalLine]:
    """Read the hot segments back, from line 0; each must follow on the one before."""
    lines: list[JournalLine] = []
    prev = GENESIS
    for first, path in Layout(folder).segments():
        assert first == len(lines)
        for raw in path.read_bytes().splitlines(keepends=True):
            line = decode_journal_line(raw)
            assert raw.endswith(b"\n")
            assert (line.n, line.prev) == (len(lines), prev)
            lines.append(line)
            prev = line.hash
    return lines


def seqs_of(lines: list[JournalLine]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = {}
    for line in lines:
        if line.updates:
            found.setdefault(line.epoch or "", []).extend(each.seq for each in line.updates)
    return found


def rows_in(trail: Trail) -> dict[str, list[int]]:
    """What somebody who reads sees, by epoch."""
    table = trail.ask(lambda view: view.table("updates", ["line", "epoch", "seq"]))
    found: dict[str, list[int]] = {}
    for row in table.sort_by([("line", "ascending"), ("seq", "ascending")]).to_pylist():
        found.setdefault(row["epoch"], []).append(row["seq"])
    return found


def notes_of(lines: list[JournalLine], kind: str) -> list[Note]:
    return [note for line in lines for note in line.notes if note.kind == kind]
