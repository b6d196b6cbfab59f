"""One view of a trail: what is sealed and what is hot, every row once.

Nobody is waited for and nobody waits: the manifest is read, then the files. Who seals or
merges may take a file away meanwhile; then all is read again, from the manifest on. What
is read in batches goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock
from typing import NamedTuple, TypeVar

import pyarrow as pa

from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history.asking import EVERYTHING, Asked
from protipp_stream.history.hot import Head, HotSegment
from protipp_stream.history.layout import Layout
from protipp_stream.history.manifest import Manifest, day_of, lines_of, read_manifest
from protipp_stream.history.sealed import SealedParquet, batches_of, dataset_of, table_of
from protipp_stream.history.tables import SCHEMAS
from protipp_stream.history.unreadable import Vanished, reading

__all__ = ["Trail", "View", "day_bounds"]

_ATTEMPTS = 20
_DAY_US = 86_400_000_000

Answer = TypeVar("Answer")


class View:
    """A trail as it is at one moment.

    Attributes
    ----------
    sealed : dict of str to dict of str to SealedParquet
        By kind and path, in the order of days.
    hot : list of HotSegment
    next_line : int
        The first line of the journal that is not sealed.
    removals : list of Removed
        The tombstones of what a retention took away.
    removed : int
        How many rows of updates it took.
    """

    def __init__(
        self,
        manifest: Manifest,
        sealed: dict[str, dict[str, SealedParquet]],
        hot: list[HotSegment],
    ) -> None:
        self.sealed = sealed
        self.hot = hot
        self.next_line = manifest.next_line
        self.removals = manifest.removals
        self.removed = manifest.removed_rows["updates"]
        self._sealed_rows = sum(file.rows for file in manifest.of_kind("updates"))

    @property
    def updates(self) -> int:
        """How many rows of updates there are; images among them only where sealed."""
        return self._sealed_rows + sum(segment.updates for segment in self.hot)

    @property
    def may_have_images(self) -> bool:
        """Whether a recording client may have found rows on a board; few trails have such."""
        files = self.sealed.get("updates", {}).values()
        return bool(self.hot) or any(file.bounds("is_image") != (False, False) for file in files)

    @property
    def heads(self) -> list[Head]:
        """Of the lines that are still hot."""
        return [head for segment in self.hot for head in segment.heads]

    def table(
        self, kind: str, columns: list[str] | None = None, asked: Asked = EVERYTHING
    ) -> pa.Table:
        """Return the rows of a kind that are asked for, in no order."""
        wanted = SCHEMAS[kind].names if columns is None else columns
        schema = pa.schema([SCHEMAS[kind].field(name) for name in wanted])
        parts = [part for file in self.files(kind, asked).values() if (part := file.part(asked))]
        tables = [table_of(dataset_of(kind, parts), wanted, asked)] if parts else []
        tables += [table.select(wanted) for table in self.hot_tables(kind, asked)]
        if not tables:
            return schema.empty_table()
        return pa.concat_tables([table.cast(schema) for table in tables]).unify_dictionaries()

    def files(self, kind: str, asked: Asked) -> dict[str, SealedParquet]:
        """Return the sealed files that can hold rows that are asked for, by path, in order."""
        return {
            path: file
            for path, file in self.sealed.get(kind, {}).items()
            if asked.may_be_in({"timestamp": _times_on(path)})
        }

    def hot_tables(self, kind: str, asked: Asked) -> list[pa.Table]:
        """Return the rows that are asked for and not sealed yet."""
        with reading("A segment of the journal"):
            tables = [table for segment in self.hot for table in segment.tables(kind, asked)]
        return [_wanted(table, asked) for table in tables]


class _Done(NamedTuple):
    """Up to where sealed rows were given: files of a day hold lines that don't overlap."""

    day: str
    line: int

    def holds(self, path: str) -> bool:
        return (day_of(path), lines_of(path)[1]) <= self

    def is_in(self, path: str) -> bool:
        return day_of(path) == self.day and lines_of(path)[0] <= self.line


class Trail:
    """A trail's folder, looked at anew for each question.

    Parameters
    ----------
    folder : Path or str

    Raises
    ------
    TrailUnavailable
        If there is no trail.
    """

    def __init__(self, folder: Path | str) -> None:
        self.layout = Layout(folder)
        self._lock = RLock()
        self._sealed: dict[str, SealedParquet] = {}
        self._hot: dict[int, HotSegment] = {}
        self._refuse_what_is_none()

    def ask(self, question: Callable[[View], Answer]) -> Answer:
        """Return the answer to a question about one moment of the trail.

        Raises
        ------
        TrailUnavailable
            If the trail can't be read, or is changed again and again.
        TrailChanged
            If it is not what was written.
        """
        with self._lock:
            is_second = False
            for _ in range(_ATTEMPTS):
                try:
                    if view := self._view():
                        return question(view)
                except Vanished:
                    self._refuse_what_is_none()
                except TrailChanged:
                    # A writer takes back what a full disk refused, and may have done so
                    # while it was read: what is still wrong the second time is wrong.
                    if is_second:
                        raise
                    is_second = True
                    self._hot.clear()
        raise self._restless()

    def batches(self, kind: str, columns: list[str], asked: Asked) -> Iterator[pa.Table]:
        """Yield the rows of one moment, some at a time: day by day, the hot ones last.

        Each of them once, whoever writes, seals or merges meanwhile; without those that a
        retention removes before their turn.

        Raises
        ------
        TrailUnavailable, TrailChanged
            As `ask`.
        """
        view, hot = self.ask(lambda view: (view, view.hot_tables(kind, asked)))
        end_line, wanted = view.next_line, asked
        done = _Done("", -1)
        attempts = 0
        while attempts < _ATTEMPTS:
            try:
                for path, file in view.files(kind, wanted).items():
                    if done.holds(path):
                        continue
                    # Of what it was merged from, some may be done.
                    left = wanted.over(first_line=done.line + 1) if done.is_in(path) else wanted
                    if part := file.part(left):
                        for batch in batches_of(dataset_of(kind, [part]), columns, left):
                            yield pa.Table.from_batches([batch])
                    done, attempts = _Done(day_of(path), lines_of(path)[1]), 0
                yield from (table.select(columns) for table in hot)
                return
            except Vanished:
                attempts += 1
                view = self.ask(lambda view: view)
                # What was hot comes last, though it is sealed by now.
                wanted = asked.over(end_line=end_line)
        raise self._restless()

    def _restless(self) -> TrailUnavailable:
        return TrailUnavailable(
            f"Files that the manifest of {self.layout.folder} names are not there.",
            hint="Run `protipp-stream history verify`, or ask again when nobody seals.",
        )

    def _refuse_what_is_none(self) -> None:
        layout = self.layout
        if layout.hot.is_dir() or layout.manifest.is_file():
            return
        what = "is no audit trail" if layout.folder.is_dir() else "does not exist"
        raise TrailUnavailable(
            f"{layout.folder} {what}.",
            hint="Give the folder that a gateway or a client records to; it holds hot/ or odds/.",
        )

    def _view(self) -> View | None:
        with reading(f"The trail {self.layout.folder}"):
            manifest = read_manifest(self.layout)
            hot = self._refresh(manifest)
            # A segment that was sealed after the manifest was read is in neither, else.
            if _size(self.layout.manifest) != manifest.size + manifest.torn:
                return None
        sealed: dict[str, dict[str, SealedParquet]] = {}
        known, self._sealed = self._sealed, {}
        for kind in SCHEMAS:
            for file in manifest.of_kind(kind):
                found = known.get(file.path) or SealedParquet(
                    self.layout.folder / file.path, file.footer
                )
                self._sealed[file.path] = sealed.setdefault(kind, {})[file.path] = found
        return View(manifest, sealed, hot)

    def _refresh(self, manifest: Manifest) -> list[HotSegment]:
        there = {
            first: path
            for first, path in self.layout.segments()
            if path.name not in manifest.segments
        }
        for first in [first for first in self._hot if first not in there]:
            del self._hot[first]
        for first, path in there.items():
            if first not in self._hot or not self._hot[first].only_grows:
                self._hot[first] = HotSegment(path)
            self._hot[first].refresh(is_last=first == max(there))
        return [self._hot[first] for first in there]


def _wanted(table: pa.Table, asked: Asked) -> pa.Table:
    if not asked.columns or not table.num_rows:
        return table
    batches = table.unify_dictionaries().to_batches()
    kept = [batch.filter(pa.array(asked.mask(batch))) for batch in batches]
    return pa.Table.from_batches(kept, table.schema)


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _times_on(path: str) -> tuple[int, int]:
    begin, end = day_bounds(day_of(path))
    return begin, end - 1


def day_bounds(day: str) -> tuple[int, int]:
    """Return when a UTC day, ``2026-11-23``, begins and the next one does, in microseconds."""
    begin = int(pa.scalar(day).cast(pa.timestamp("us")).value)
    return begin, begin + _DAY_US
