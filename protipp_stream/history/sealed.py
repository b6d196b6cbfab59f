"""Sealed Parquet files: which stretches of them can hold what is asked for.

Rows are sorted by event, and every group of some ten thousand says its least and greatest
event, time and line: a question about one event reads a group or two of each file. Arrow
does not use these where names are read as dictionaries, which takes a third of the time
and of the room, so it is done here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.fs as fs

from protipp_stream.history.asking import Asked, Bounds
from protipp_stream.history.parquet import check_footer
from protipp_stream.history.tables import NAMES, SCHEMAS, STORED
from protipp_stream.history.unreadable import reading

__all__ = ["SealedParquet", "batches_of", "dataset_of", "files_of", "table_of"]

BATCH_ROWS = 131_072

_CHECKED = ds.ParquetFragmentScanOptions(page_checksum_verification=True)
_FORMAT = ds.ParquetFileFormat(dictionary_columns=NAMES, default_fragment_scan_options=_CHECKED)
_PLAIN = ds.ParquetFileFormat(default_fragment_scan_options=_CHECKED)
_DISK = fs.LocalFileSystem()
_BOUNDED = ("event_id", "timestamp", "line", "is_image", "epoch")


class SealedParquet:
    """One file. What its footer says is read once.

    Parameters
    ----------
    path : Path
    footer : str, optional
        Its digest; see `parquet.check_footer`.
    """

    def __init__(self, path: Path, footer: str | None = None) -> None:
        self._path = path
        self._footer = footer
        self._bounds: list[Bounds] | None = None

    @cached_property
    def _fragment(self) -> ds.Fragment:
        return self.fragment_as(_FORMAT)

    def fragment_as(self, form: ds.ParquetFileFormat) -> ds.Fragment:
        """Return it for Arrow to read, its footer checked.

        Raises
        ------
        Vanished
            If the file was merged or removed meanwhile.
        TrailChanged
            If its footer is not what was sealed.
        """
        with reading("A sealed file"):
            check_footer(self._path, self._footer)
            fragment = form.make_fragment(str(self._path), _DISK)
            fragment.ensure_complete_metadata()
            return fragment

    @property
    def groups(self) -> list[Bounds]:
        """Of each group of rows: the least and greatest of some columns, where known.

        Raises
        ------
        Vanished, TrailChanged
            As `fragment_as`.
        """
        if self._bounds is None:
            metadata = self._fragment.metadata
            self._bounds = [
                _bounds(metadata.row_group(number)) for number in range(metadata.num_row_groups)
            ]
        return self._bounds

    def bounds(self, column: str) -> tuple[Any, Any] | None:
        """Return the least and greatest value of a column, if it is known."""
        known = [group[column] for group in self.groups if column in group]
        if len(known) < len(self.groups) or not known:
            return None
        return min(low for low, _ in known), max(high for _, high in known)

    def table(self, columns: list[str], group: int | None = None) -> pa.Table:
        """Return these columns of all rows, or of one group of them."""
        with reading("A sealed file"):
            wanted = (
                self._fragment if group is None else self._fragment.subset(row_group_ids=[group])
            )
            return wanted.to_table(columns=columns)

    def part(self, asked: Asked) -> ds.Fragment | None:
        """Return what can hold rows that are asked for; None if nothing can."""
        groups = self.groups
        wanted = [number for number, each in enumerate(groups) if asked.may_be_in(each)]
        if not wanted:
            return None
        if len(wanted) == len(groups):
            return self._fragment
        return self._fragment.subset(row_group_ids=wanted)


def dataset_of(kind: str, parts: list[ds.Fragment]) -> ds.FileSystemDataset:
    """Return parts of files of one kind as a dataset."""
    return ds.FileSystemDataset(parts, SCHEMAS[kind], _FORMAT, _DISK)


def files_of(kind: str, files: Iterable[SealedParquet]) -> ds.FileSystemDataset:
    """Return whole files as others read them: Arrow passes over groups by itself.

    Raises
    ------
    Vanished, TrailChanged
        As `SealedParquet.fragment_as`.
    """
    fragments = [file.fragment_as(_PLAIN) for file in files]
    return ds.FileSystemDataset(fragments, STORED[kind], _PLAIN, _DISK)


def table_of(dataset: ds.Dataset, columns: list[str], asked: Asked) -> pa.Table:
    """Return the wanted rows of a dataset."""
    if not asked.columns:
        with reading("A sealed file"):
            return dataset.to_table(columns=columns)
    schema = pa.schema([dataset.schema.field(name) for name in columns])
    return pa.Table.from_batches(batches_of(dataset, columns, asked), schema)


def batches_of(dataset: ds.Dataset, columns: list[str], asked: Asked) -> Iterator[pa.RecordBatch]:
    """Yield the wanted rows of a dataset, as they are read.

    Raises
    ------
    Vanished
        Before the first of them: a file that is being read may be removed.
    """
    read = list(dict.fromkeys([*columns, *asked.columns]))
    found = dataset.to_batches(columns=read, batch_size=BATCH_ROWS)
    while True:
        with reading("A sealed file"):
            batch = next(found, None)
        if batch is None:
            return
        mask = asked.mask(batch)
        wanted = batch if mask is None else batch.filter(pa.array(mask))
        if wanted.num_rows:
            yield wanted.select(columns)


def _bounds(group: Any) -> Bounds:
    found = {}
    for number in range(group.num_columns):
        column = group.column(number)
        if column.path_in_schema in _BOUNDED and column.is_stats_set:
            said = column.statistics
            if said.has_min_max:
                found[column.path_in_schema] = (_plain(said.min), _plain(said.max))
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return int(pa.scalar(value, pa.timestamp("us", tz="UTC")).value)
    return value.decode() if isinstance(value, bytes) else value
