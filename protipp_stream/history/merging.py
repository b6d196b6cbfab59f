"""Merging: the small files of a day that is over become one, sorted anew.

Files of one day and kind hold stretches of the journal that don't overlap, each sorted by
event. So the merged file is, event after event, the rows of every file in turn: nothing
is sorted again, and no more than a batch of each file is in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from itertools import groupby
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from protipp_stream.errors import TrailChanged
from protipp_stream.history.counting import Progress, adding, quietly
from protipp_stream.history.durable import remove
from protipp_stream.history.layout import KINDS, SEE_VERIFY, Layout
from protipp_stream.history.leftovers import changing
from protipp_stream.history.manifest import (
    Merged,
    SealedFile,
    append_entry,
    day_of,
    kind_of,
    lines_of,
    sealed_path,
)
from protipp_stream.history.parquet import GROUP_ROWS, digest_of, write_file
from protipp_stream.history.tables import SORTED_BY

__all__ = ["Merging", "merge"]

MAX_ROWS = 10_000_000
SETTLED = timedelta(hours=6)
_BATCH_ROWS = 16_384


class Merging(msgspec.Struct, frozen=True):
    """How many files became how many, with how many rows and bytes before and after."""

    sources: int = 0
    files: int = 0
    rows: int = 0
    bytes_before: int = 0
    bytes_after: int = 0


def merge(
    folder: Path | str,
    *,
    now: datetime,
    settled: timedelta = SETTLED,
    max_rows: int = MAX_ROWS,
    progress: Progress = quietly,
) -> Merging:
    """Make one file of a day's many, where the day is over.

    Parameters
    ----------
    folder : path
        Of the trail.
    now : datetime
        UTC.
    settled : timedelta
        How long a day must be over: rows that came late may still be sealed.
    max_rows : int
        How large a file may become.
    progress : callable
        Hears of rows.

    Raises
    ------
    TrailUnavailable
        If another process seals, there is no trail, or no room.
    TrailChanged
        If the manifest was changed, or is older than the folder, or a file is not what was
        sealed: it stays as it is, for `verify` to find.
    """
    layout, result = Layout(folder), Merging()
    with changing(layout, "merging") as manifest:
        jobs = [
            job
            for kind in KINDS
            for day, files in groupby(manifest.of_kind(kind), lambda file: day_of(file.path))
            if _is_over(day, now - settled)
            for job in _jobs(files, max_rows)
        ]
        heard = adding(sum(file.rows for job in jobs for file in job), progress)
        for job in jobs:
            _refuse_changed(layout, job)
            merged = _merged(layout, job, heard)
            append_entry(layout, manifest, Merged([file.path for file in job], [merged]), now)
            for file in job:
                remove(layout.folder / file.path)
            result = Merging(
                result.sources + len(job),
                result.files + 1,
                result.rows + merged.rows,
                result.bytes_before + sum(file.bytes for file in job),
                result.bytes_after + merged.bytes,
            )
    return result


def _is_over(day: str, now: datetime) -> bool:
    return now >= datetime.fromisoformat(f"{day}T00:00:00+00:00") + timedelta(days=1)


def _jobs(files: Iterable[SealedFile], max_rows: int) -> Iterator[list[SealedFile]]:
    """Part a day's files, in order, into those that become one."""
    job: list[SealedFile] = []
    rows = 0
    for file in files:
        if job and rows + file.rows > max_rows:
            if len(job) > 1:
                yield job
            job, rows = [], 0
        job.append(file)
        rows += file.rows
    if len(job) > 1:
        yield job


def _refuse_changed(layout: Layout, job: Sequence[SealedFile]) -> None:
    """A merge gives rows a new digest: what is wrong with them would be true from then on."""
    for file in job:
        if digest_of(layout.folder / file.path)[0] != file.sha256:
            raise TrailChanged(
                f"{file.path} is not what was sealed.",
                hint=SEE_VERIFY,
            )


def _merged(layout: Layout, job: Sequence[SealedFile], done: Callable[[int], None]) -> SealedFile:
    kind, day = kind_of(job[0].path), day_of(job[0].path)
    first, last = lines_of(job[0].path)[0], lines_of(job[-1].path)[1]
    path = sealed_path(kind, day, first, last)
    with ExitStack() as opened:
        cursors = [opened.enter_context(_Cursor(layout.folder / file.path)) for file in job]
        rows = _by_event(cursors) if SORTED_BY[kind][0] == "event_id" else _in_turn(cursors)
        return write_file(layout, path, _heard(_grouped(rows), done))


def _heard(parts: Iterable[pa.Table], done: Callable[[int], None]) -> Iterator[pa.Table]:
    for part in parts:
        yield part
        done(len(part))


class _Cursor:
    """Reads a sealed file from its beginning, as many rows as asked for."""

    def __init__(self, path: Path) -> None:
        self._file = pq.ParquetFile(path)
        self._batches = self._file.iter_batches(_BATCH_ROWS)
        self._batch: pa.RecordBatch | None = None

    def __enter__(self) -> _Cursor:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def rows(self) -> int:
        """How many there are."""
        count: int = self._file.metadata.num_rows
        return count

    def events(self) -> Counter[str]:
        """How many rows there are of each event."""
        counts: Counter[str] = Counter()
        for batch in self._file.iter_batches(columns=["event_id"]):
            for found in pc.value_counts(batch.column(0).cast(pa.string())).to_pylist():
                counts[found["values"]] += found["counts"]
        return counts

    def take(self, count: int) -> Iterator[pa.Table]:
        """Return the next rows."""
        while count:
            if not self._batch:
                self._batch = next(self._batches)
            part, self._batch = self._batch[:count], self._batch[count:]
            count -= len(part)
            yield pa.Table.from_batches([part])


def _by_event(cursors: Sequence[_Cursor]) -> Iterator[pa.Table]:
    counts = [cursor.events() for cursor in cursors]
    for event in sorted(set().union(*counts), key=str.encode):
        for cursor, count in zip(cursors, counts, strict=True):
            yield from cursor.take(count[event])


def _in_turn(cursors: Sequence[_Cursor]) -> Iterator[pa.Table]:
    for cursor in cursors:
        yield from cursor.take(cursor.rows)


def _grouped(parts: Iterable[pa.Table]) -> Iterator[pa.Table]:
    """Put pieces together to what is written as one group of rows."""
    waiting: list[pa.Table] = []
    rows = 0
    for part in parts:
        while rows + len(part) >= GROUP_ROWS:
            room = GROUP_ROWS - rows
            yield pa.concat_tables([*waiting, part[:room]])
            waiting, rows, part = [], 0, part[room:]
        if len(part):
            waiting.append(part)
            rows += len(part)
    if waiting:
        yield pa.concat_tables(waiting)
