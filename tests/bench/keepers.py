"""Who keeps rows on the disk: our journal, the floor under it, SQLite alone.

All are handed the same entries, lists of encoded updates, and make them safe in groups of
`GROUP` rows. What is in memory is bounded: none runs more than a few groups ahead of the
disk.

- `journal`: `Journal.put`, with lines, hash chain, checkpoints, and its own thread.
- `floor`: ``os.write`` and ``os.fdatasync`` of the same bytes, joined already.
- `sqlite`: the same bytes in a table with the sequence number as its key; WAL,
  ``synchronous=FULL``, ``executemany``, a commit a group. It reads nothing of a row.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path
from typing import Protocol

from protipp_stream.core import wire
from protipp_stream.history.group import Entry
from protipp_stream.history.journal import Journal, JournalSettings
from protipp_stream.history.layout import Layout
from tests.bench.load import EPOCH, ROW_MARK, updates

__all__ = ["GROUP", "KEEPERS", "Floor", "Keeper", "KeptByJournal", "entries", "entry_of"]

GROUP = 5_000
AHEAD = 4 * GROUP


def entry_of(seq: int, size: int) -> Entry:
    """Return an entry of so many updates after ``seq``, encoded now."""
    return Entry(EPOCH, "updates", wire.encode_updates(updates(seq, size)), seq + 1, seq + size)


def entries(sizes: Sequence[int]) -> list[Entry]:
    """Return entries with so many updates each, one after the other."""
    return [entry_of(end - size, size) for end, size in zip(accumulate(sizes), sizes, strict=True)]


class Keeper(Protocol):
    """Keeps entries in a folder; is made with all that it will be handed."""

    def keep_all(self) -> None:
        """Hand all in, and return when all is safe."""
        ...

    def close(self) -> None:
        """Let go of the folder."""
        ...

    def kept(self) -> int:
        """How many rows can be read back."""
        ...

    def size(self) -> int:
        """Bytes on the disk."""
        ...


class KeptByJournal:
    """Ours."""

    def __init__(self, folder: Path, given: list[Entry]) -> None:
        self._given = given
        self._layout = Layout(folder)
        self._journal = Journal(folder, JournalSettings(commit_rows=GROUP))

    def keep_all(self) -> None:
        journal, ahead = self._journal, AHEAD // len(self._given[0].rows)
        for entry in self._given:
            number = journal.put(entry)
            if number - journal.durable > ahead:
                journal.wait(number - ahead // 2)
        # It does not wait a tenth of a second for company any more, and signs where it ends.
        journal.close()

    def close(self) -> None:
        self._journal.close()

    def kept(self) -> int:
        return sum(path.read_bytes().count(ROW_MARK) for _, path in self._layout.segments())

    def size(self) -> int:
        return sum(path.stat().st_size for _, path in self._layout.segments())


class Floor:
    """Nothing but the writes."""

    def __init__(self, folder: Path, given: list[Entry]) -> None:
        self._path = folder / "rows"
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        rows = [row for entry in given for row in entry.rows]
        self._groups = [
            b"\n".join(rows[first : first + GROUP]) + b"\n" for first in range(0, len(rows), GROUP)
        ]

    def keep_all(self) -> None:
        for group in self._groups:
            assert os.write(self._descriptor, group) == len(group)
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

    def kept(self) -> int:
        return self._path.read_bytes().count(ROW_MARK)

    def size(self) -> int:
        return self._path.stat().st_size


class KeptBySQLite:
    """A database alone."""

    def __init__(self, folder: Path, given: list[Entry]) -> None:
        self._folder, self._given = folder, given
        self._database = sqlite3.connect(folder / "rows.sqlite", isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=FULL")
        self._database.execute("CREATE TABLE updates (seq INTEGER PRIMARY KEY, row BLOB)")

    def keep_all(self) -> None:
        waiting: list[tuple[int, bytes]] = []
        for entry in self._given:
            waiting += enumerate(entry.rows, entry.first_seq)
            if len(waiting) >= GROUP:
                self._commit(waiting)
                waiting = []
        if waiting:
            self._commit(waiting)

    def _commit(self, rows: list[tuple[int, bytes]]) -> None:
        self._database.execute("BEGIN")
        self._database.executemany("INSERT INTO updates VALUES (?, ?)", rows)
        self._database.execute("COMMIT")

    def close(self) -> None:
        self._database.close()

    def kept(self) -> int:
        with sqlite3.connect(self._folder / "rows.sqlite") as database:
            [(count,)] = database.execute("SELECT count(*) FROM updates")
        database.close()
        return int(count)

    def size(self) -> int:
        return (self._folder / "rows.sqlite").stat().st_size


KEEPERS: dict[str, type[KeptByJournal] | type[Floor] | type[KeptBySQLite]] = {
    "journal": KeptByJournal,
    "floor": Floor,
    "sqlite": KeptBySQLite,
}
