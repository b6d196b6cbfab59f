"""One Parquet file of the trail: how it is written, so that little of it must be read.

Measured on the recorded baseball and on a simulator's run (`tests/bench`): names and odds
as dictionaries, numbers that grow as deltas, zstd. Rows are sorted, and every group of
them says its least and greatest event: a question about one event reads a group or two.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from protipp_stream.errors import TrailChanged
from protipp_stream.history.durable import publish, sync_folder
from protipp_stream.history.layout import SEE_VERIFY, Layout
from protipp_stream.history.manifest import SealedFile, kind_of
from protipp_stream.history.tables import NAMES, SORTED_BY, STORED

__all__ = ["GROUP_ROWS", "check_footer", "digest_of", "sound", "times_in", "write_file"]

GROUP_ROWS = 65_536
_BLOCK = 1 << 20
_COMPRESSION_LEVEL = 3
# The length of what is before it, and the magic number.
_FOOTER_END = 8

# Odds have few values: a dictionary takes a byte or two a row where 8 would be needed.
_DICTIONARIES = {"old_odds", "new_odds", "latency_ms", "commission", "rows"}
_GROWING = {"seq", "line", "timestamp", "source_timestamp", "delivered_at", "starts_at"}
_GROWING |= {"first_seq", "last_seq", "count"}


def write_file(layout: Layout, path: str, parts: Iterable[pa.Table]) -> SealedFile:
    """Write tables to a new file of a dataset; it is safe on disk when this returns.

    Parameters
    ----------
    path : str
        From the trail's folder; `manifest.sealed_path`.
    parts : iterable of pyarrow.Table
        Each with at most `GROUP_ROWS` rows, but for the only one; all sorted already.
    """
    kind = kind_of(path)
    target = layout.folder / path
    _make_folder(target.parent, layout.folder)
    # Whoever reads the dataset passes over a name with a dot.
    hidden = target.with_name(f".{target.name}")
    rows = 0
    with pq.ParquetWriter(hidden, STORED[kind], **_options(kind)) as writer:
        for part in parts:
            # Of two dictionaries in one group, Parquet writes the second one's rows plain.
            whole = part.unify_dictionaries().cast(STORED[kind])
            writer.write_table(whole, row_group_size=GROUP_ROWS)
            rows += len(part)
    digest, size = digest_of(hidden)
    footer = sha256(footer_of(hidden)).hexdigest()
    publish(hidden, target)
    return SealedFile(path, digest, rows, size, footer)


def digest_of(path: Path, done: Callable[[int], None] = lambda _: None) -> tuple[str, int]:
    """Return SHA-256 of a file in hex, and its bytes; ``done`` hears of every block."""
    digest, size = sha256(), 0
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            size += len(block)
            done(len(block))
    return digest.hexdigest(), size


def footer_of(path: Path) -> bytes:
    """Return the end of a Parquet file: what is where in it, how long that is, ``PAR1``."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(size - _FOOTER_END, 0))
        length = int.from_bytes(file.read(4), "little") + _FOOTER_END
        file.seek(max(size - length, 0))
        return file.read()


def check_footer(path: Path, footer: str | None) -> None:
    """Refuse a file whose footer is not what was sealed, before Arrow reads it.

    Nothing in Parquet protects it: of one flipped bit there Arrow may say that no row is in
    question, or end the process.

    Raises
    ------
    TrailChanged
        If its digest is another one. Trails that were sealed before this was kept know none.
    """
    if footer is not None and sha256(footer_of(path)).hexdigest() != footer:
        raise TrailChanged(
            f"{path.name} is no Parquet file of the trail any more: its footer was changed.",
            hint=SEE_VERIFY,
        )


@contextmanager
def sound(path: Path) -> Iterator[None]:
    """Turn what Arrow says of bytes that are no Parquet into an error that says what to do."""
    try:
        yield
    except pa.ArrowException as error:
        raise TrailChanged(
            f"{path.name} is no Parquet file of the trail: {error}.",
            hint=SEE_VERIFY,
        ) from None


def times_in(path: Path, *columns: str, footer: str | None = None) -> list[datetime]:
    """Return the least and greatest times of a sealed file's columns, from its footer.

    Of each group of rows; of ``timestamp``, which every row has, if no column is named.

    Raises
    ------
    TrailChanged
        If it is no Parquet file, or its footer is not that of the manifest.
    """
    check_footer(path, footer)
    with sound(path):
        metadata = pq.read_metadata(path)
    times: list[datetime] = []
    for name in columns or ("timestamp",):
        number = metadata.schema.names.index(name)
        for index in range(metadata.num_row_groups):
            found = metadata.row_group(index).column(number).statistics
            if found.has_min_max:
                times += [found.min.astimezone(UTC), found.max.astimezone(UTC)]
    return times


def _options(kind: str) -> dict[str, object]:
    schema = STORED[kind]
    encodings = {name: "DELTA_BINARY_PACKED" for name in schema.names if name in _GROWING}
    return {
        "compression": "zstd",
        "compression_level": _COMPRESSION_LEVEL,
        "use_dictionary": [name for name in schema.names if name in NAMES or name in _DICTIONARIES],
        "column_encoding": encodings,
        "write_page_index": True,
        # A bit that a disk lost would be another price, else.
        "write_page_checksum": True,
        "sorting_columns": pq.SortingColumn.from_ordering(
            schema, [(name, "ascending") for name in SORTED_BY[kind]]
        ),
    }


def _make_folder(folder: Path, above: Path) -> None:
    if folder.is_dir():
        return
    if folder != above:
        _make_folder(folder.parent, above)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)
