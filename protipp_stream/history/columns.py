"""Lines of the journal to Arrow columns: what `tables` promises, row by row.

Python objects take ten times the room of columns, so they are turned into columns every
few thousand rows: a segment of a million rows takes some hundred MB and not a GB.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from itertools import repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from protipp_stream.core.journal_line import JournalLine, Note
from protipp_stream.errors import TrailChanged
from protipp_stream.history.tables import SCHEMAS, SORTED_BY
from protipp_stream.model import Event, OddsUpdate, Quote, Selection

__all__ = ["Columns", "by_day", "row_count"]

CHUNK_ROWS = 20_000
_DAY_US = 86_400_000_000
_EPOCH_DAY = date(1970, 1, 1)


class Columns:
    """Collects lines; gives a table a dataset.

    Attributes
    ----------
    rows : int
        Of all datasets, but not of ``groups``.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._waiting = 0
        self._lines: list[JournalLine] = []
        self._done: dict[str, list[pa.Table]] = {kind: [] for kind in SCHEMAS}

    def add(self, line: JournalLine) -> None:
        """Take a line."""
        count = row_count(line)
        self.rows += count
        self._waiting += count + 1
        self._lines.append(line)
        if self._waiting >= CHUNK_ROWS:
            self._turn()

    def tables(self) -> dict[str, pa.Table]:
        """Return what there is, a table a dataset; columns in one chunk. Afterwards empty."""
        self._turn()
        tables = {}
        for kind in SCHEMAS:
            parts, self._done[kind] = self._done[kind], []
            if parts:
                tables[kind] = pa.concat_tables(parts).unify_dictionaries().combine_chunks()
        return tables

    def _turn(self) -> None:
        lines, self._lines, self._waiting = self._lines, [], 0
        for kind, columns in (
            ("updates", _updates(lines)),
            ("updates", _images(lines)),
            ("events", _events(lines)),
            ("confirmed", _confirmed(lines)),
            ("notes", _notes(lines)),
            ("groups", _groups(lines)),
        ):
            if len(columns["line"]):
                self._done[kind].append(_table(kind, columns))


def row_count(line: JournalLine) -> int:
    """Return how many rows a line becomes, beside its own in ``groups``."""
    confirmed = sum(len(said.outcomes) for said in line.confirmed)
    confirmed += sum(quote.confirmed_at is not None for quote in line.images)
    parts = (line.updates, line.images, line.events, line.notes)
    return confirmed + sum(len(part) for part in parts)


def by_day(kind: str, table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Part a table by the UTC day of ``timestamp``; each part sorted as its dataset is."""
    days = _ints(table["timestamp"]) // _DAY_US
    keys = [_sortable(table[name]) for name in SORTED_BY[kind]]
    # The last key counts most, and it is stable.
    order = np.lexsort((*reversed(keys), days))
    days = days[order]
    starts = np.flatnonzero(np.diff(days, prepend=days[0] - 1))
    ends = [*starts[1:], len(days)]
    for start, end in zip(starts, ends, strict=True):
        day = _EPOCH_DAY + timedelta(days=int(days[start]))
        yield day.isoformat(), table.take(pa.array(order[start:end]))


def _table(kind: str, columns: dict[str, Any]) -> pa.Table:
    schema = SCHEMAS[kind]
    return pa.table([_column(columns[field.name], field.type) for field in schema], schema=schema)


def _column(values: Any, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_dictionary(kind):
        return values if isinstance(values, pa.Array) else pa.array(values, kind)
    names = values if isinstance(values, pa.Array) else pa.array(values, kind.value_type)
    return names.dictionary_encode().cast(kind)


def _ints(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    numbers: npt.NDArray[np.int64] = column.combine_chunks().cast(pa.int64()).to_numpy()
    return numbers


def _sortable(column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Numbers in the order of a column's values: names in that of their UTF-8 bytes."""
    if not pa.types.is_dictionary(column.type):
        return _ints(column)
    names = column.combine_chunks()
    if isinstance(names, pa.ChunkedArray):
        names = names.unify_dictionaries().chunk(0)
    order = pc.sort_indices(names.dictionary).to_numpy()
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    ranks: npt.NDArray[np.int64] = rank[names.indices.to_numpy()]
    return ranks


def _selection(rows: Sequence[OddsUpdate | Quote]) -> dict[str, Any]:
    return {
        "bookmaker_id": [row.bookmaker_id for row in rows],
        "event_id": [row.event_id for row in rows],
        "market": [row.market for row in rows],
        "outcome": [row.outcome for row in rows],
    }


def _updates(lines: Sequence[JournalLine]) -> dict[str, Any]:
    rows = [row for line in lines for row in line.updates]
    epoch, seq = _cursors(rows)
    received = pa.array([row.timestamp for row in rows], pa.timestamp("us", tz="UTC"))
    latency = pa.array([row.latency_ms for row in rows], pa.float64())
    return {
        **_selection(rows),
        "epoch": epoch,
        "seq": seq,
        "old_odds": [row.old_odds for row in rows],
        "new_odds": [row.new_odds for row in rows],
        "timestamp": received,
        "source_timestamp": [row.source_timestamp for row in rows],
        "delivered_at": _later(received, latency),
        "latency_ms": latency,
        "is_significant": [row.is_significant for row in rows],
        "reason": [row.reason for row in rows],
        "commission": [row.commission for row in rows],
        "is_image": list(repeat(False, len(rows))),
        "line": _numbers(lines, [len(line.updates) for line in lines]),
    }


def _cursors(rows: Sequence[OddsUpdate]) -> tuple[pa.Array, pa.Array]:
    ids = pa.array([row.id for row in rows], pa.string())
    parts = pc.split_pattern(ids, ":", max_splits=1, reverse=True)
    flat = parts.flatten()
    if len(flat) != 2 * len(rows):
        raise TrailChanged("An update in the journal has an id that is no cursor.")
    halves = np.arange(0, len(flat), 2)
    try:
        return flat.take(pa.array(halves)), flat.take(pa.array(halves + 1)).cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise TrailChanged(f"An update in the journal has no number: {error}.") from None


def _later(received: pa.Array, latency: pa.Array) -> pa.Array:
    waited = np.rint(latency.to_numpy() * 1000).astype(np.int64)
    delivered = received.cast(pa.int64()).to_numpy() + waited
    return pa.array(delivered).cast(received.type)


def _images(lines: Sequence[JournalLine]) -> dict[str, Any]:
    rows = [row for line in lines for row in line.images]
    counts = [len(line.images) for line in lines]
    # A quote that says no time was seen when its line was written.
    written = [line.at for line in lines for _ in line.images]
    received = [row.timestamp or at for row, at in zip(rows, written, strict=True)]
    nothing = list(repeat(None, len(rows)))
    return {
        **_selection(rows),
        "epoch": [line.epoch for line in lines for _ in line.images],
        "seq": np.repeat(np.array([line.image_seq for line in lines], np.int64), counts),
        "old_odds": nothing,
        "new_odds": [row.odds for row in rows],
        "timestamp": received,
        "source_timestamp": [row.source_timestamp for row in rows],
        # Nobody measured how long it took: it is no delivery.
        "delivered_at": nothing,
        "latency_ms": nothing,
        "is_significant": list(repeat(False, len(rows))),
        "reason": nothing,
        "commission": [row.commission for row in rows],
        "is_image": list(repeat(True, len(rows))),
        "line": _numbers(lines, counts),
    }


def _events(lines: Sequence[JournalLine]) -> dict[str, Any]:
    rows: list[Event] = [row for line in lines for row in line.events]
    return {
        "event_id": [row.event_id for row in rows],
        "name": [row.name for row in rows],
        "sport": [row.sport for row in rows],
        "starts_at": [row.starts_at for row in rows],
        "home": [row.home for row in rows],
        "away": [row.away for row in rows],
        "timestamp": [line.at for line in lines for _ in line.events],
        "line": _numbers(lines, [len(line.events) for line in lines]),
    }


def _confirmed(lines: Sequence[JournalLine]) -> dict[str, Any]:
    said = [row for line in lines for row in _said_again(line)]
    return {
        "bookmaker_id": [selection.bookmaker_id for selection, *_ in said],
        "event_id": [selection.event_id for selection, *_ in said],
        "market": [selection.market for selection, *_ in said],
        "outcome": [selection.outcome for selection, *_ in said],
        "timestamp": [received_at for _, received_at, *_ in said],
        "source_timestamp": [stamp for _, _, stamp, _, _ in said],
        "is_vouched": [is_vouched for *_, is_vouched, _ in said],
        "line": [number for *_, number in said],
    }


def _said_again(
    line: JournalLine,
) -> Iterator[tuple[Selection, datetime, datetime | None, bool, int]]:
    for said in line.confirmed:
        for outcome in said.outcomes:
            selection = Selection(said.bookmaker_id, said.event_id, said.market, outcome)
            stamp = said.source_timestamp
            yield selection, said.received_at, stamp, said.is_vouched, line.n
    for quote in line.images:
        # Or a board that was found would look older than it was.
        if quote.confirmed_at is not None:
            yield quote.selection, quote.confirmed_at, None, False, line.n


def _notes(lines: Sequence[JournalLine]) -> dict[str, Any]:
    rows: list[Note] = [row for line in lines for row in line.notes]
    return {
        "timestamp": [row.timestamp for row in rows],
        "kind": [row.kind for row in rows],
        "source": [row.source for row in rows],
        "detail": [row.detail for row in rows],
        "epoch": [
            row.epoch if row.epoch is not None else line.epoch
            for line in lines
            for row in line.notes
        ],
        "first_seq": [row.first_seq for row in rows],
        "last_seq": [row.last_seq for row in rows],
        "count": [row.count for row in rows],
        "line": _numbers(lines, [len(line.notes) for line in lines]),
    }


def _groups(lines: Sequence[JournalLine]) -> dict[str, Any]:
    return {
        "line": [line.n for line in lines],
        "timestamp": [line.at for line in lines],
        "epoch": [line.epoch for line in lines],
        "rows": [row_count(line) for line in lines],
        "hash": [bytes.fromhex(line.hash) for line in lines],
    }


def _numbers(lines: Sequence[JournalLine], counts: Sequence[int]) -> npt.NDArray[np.int64]:
    return np.repeat(np.array([line.n for line in lines], np.int64), counts)
