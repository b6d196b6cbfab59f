"""Questions to history: one event, and a group-by over all, of ten million rows.

Beside it what an analyst has without it: SQLite with an index on the event, and pandas over
one CSV file. All three answer the same, which is checked; all hold the same nine columns
or more. The Parquet files are written as the sealer writes them.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pacsv
import pytest

from protipp_stream.history.history import History
from protipp_stream.history.layout import Layout
from protipp_stream.history.manifest import (
    Sealed,
    SealedSegment,
    append_entry,
    read_manifest,
    sealed_path,
)
from protipp_stream.history.parquet import GROUP_ROWS, write_file
from protipp_stream.history.tables import SCHEMAS
from tests.bench.tables import Table

pytestmark = pytest.mark.timeout(1800)

DAYS, LINES_A_DAY, EVENTS_A_DAY, BOOKMAKERS = 10, 36_000, 400, 20
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
_CSV = ["bookmaker_id", "event_id", "market", "outcome", "old_odds", "new_odds"]
_CSV += ["timestamp", "latency_ms", "is_significant"]


def test_one_event_and_a_group_by_of_ten_million_rows(
    tmp_path: Path, tables: list[Table], is_full: bool
) -> None:
    rows = 1_000_000 if is_full else 2_000
    made = _fill(tmp_path, rows)
    event = f"event-{EVENTS_A_DAY + 7:05d}"
    with closing(made.database) as database:
        history = History(tmp_path / "audit")
        ways: dict[str, tuple[Callable[[], Any], Callable[[], Any]]] = {
            "History": (
                lambda: history.updates(event=event),
                lambda: history.summary("bookmaker"),
            ),
            "SQLite, index on event": (
                lambda: pd.read_sql(_ONE_EVENT, database, params=[event]),
                lambda: pd.read_sql(_GROUP_BY, database),
            ),
            "pandas over CSV": (
                lambda: (frame := pd.read_csv(made.csv))[frame.event_id == event],
                lambda: _grouped(pd.read_csv(made.csv)),
            ),
        }  # fmt: skip
        table = Table(
            f"Questions to {rows * DAYS:,} updates",
            ["", "one event, first ms", "one event, ms", "group-by, ms", "MB"],
            "Group-by: updates, suspensions, significant, first, last by bookmaker. Median of "
            "the rounds after the first.",
        )
        counts = {}
        for name, (one, grouped) in ways.items():
            rounds = 2 if name == "pandas over CSV" else 7 if is_full else 2
            ones, groups = _timed(one, rounds), _timed(grouped, rounds)
            counts[name] = len(ones.answer), sorted(groups.answer["updates"].tolist())
            size = made.megabytes[name]
            table.add(name, ones.ms[0], median(ones.ms[1:]), median(groups.ms[1:]), size)
        tables.append(table)
    first = counts.pop("History")
    assert first[0] > 0
    assert sum(first[1]) == rows * DAYS
    assert all(other == first for other in counts.values())


_ONE_EVENT = "select * from updates where event_id = ?"
_GROUP_BY = """
select bookmaker_id, count(*) updates, sum(new_odds is null) suspensions,
       sum(is_significant) significant, min(timestamp) first, max(timestamp) last
from updates group by bookmaker_id
"""


def _grouped(frame: pd.DataFrame) -> pd.DataFrame:
    grouped = frame.groupby("bookmaker_id")
    return pd.DataFrame(
        {
            "updates": grouped.size(),
            "suspensions": grouped.new_odds.agg(lambda odds: odds.isna().sum()),
            "significant": grouped.is_significant.sum(),
            "first": grouped.timestamp.min(),
            "last": grouped.timestamp.max(),
        }
    )


class _Timed:
    def __init__(self, ms: list[float], answer: Any) -> None:
        self.ms = ms
        self.answer = answer


def _timed(ask: Callable[[], Any], rounds: int) -> _Timed:
    spent, answer = [], None
    for _ in range(rounds):
        began = time.perf_counter()
        answer = ask()
        spent.append((time.perf_counter() - began) * 1000)
    return _Timed(spent, answer)


class _Made:
    def __init__(
        self, csv: Path, database: sqlite3.Connection, megabytes: dict[str, float]
    ) -> None:
        self.csv = csv
        self.database = database
        self.megabytes = megabytes


def _fill(folder: Path, rows: int) -> _Made:
    layout = Layout(folder / "audit")
    layout.hot.mkdir(parents=True)
    manifest = read_manifest(layout)
    csv, path = folder / "updates.csv", folder / "updates.sqlite"
    database = sqlite3.connect(path)
    database.execute(f"create table updates ({', '.join(_CSV)})")
    random = np.random.default_rng(1)
    schema = pa.schema([SCHEMAS["updates"].field(name) for name in _CSV])
    plain = pa.schema([(field.name, _plain(field.type)) for field in schema])
    with pacsv.CSVWriter(csv, plain) as writer:
        for day in range(DAYS):
            table = _day(random, day, rows)
            first = day * LINES_A_DAY
            last = first + LINES_A_DAY - 1
            name = sealed_path("updates", f"{BEGIN + timedelta(days=day):%Y-%m-%d}", first, last)
            parts = (table.slice(at, GROUP_ROWS) for at in range(0, rows, GROUP_ROWS))
            segment = SealedSegment(f"{first:012d}.jsonl", first, last, "0" * 64, "0" * 64)
            append_entry(
                layout, manifest, Sealed([segment], [write_file(layout, name, parts)]), BEGIN
            )
            others = table.select(_CSV).cast(plain)
            writer.write_table(others)
            columns = (column.cast(_sqlite(column.type)).to_pylist() for column in others.columns)
            marks = ", ".join("?" * len(_CSV))
            database.executemany(
                f"insert into updates values ({marks})", zip(*columns, strict=True)
            )
    database.execute("create index by_event on updates (event_id)")
    database.commit()
    sizes = {
        "History": sum(file.bytes for file in manifest.files.values()),
        "SQLite, index on event": path.stat().st_size,
        "pandas over CSV": csv.stat().st_size,
    }
    return _Made(csv, database, {name: size / 1e6 for name, size in sizes.items()})


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _sqlite(kind: pa.DataType) -> pa.DataType:
    return pa.int64() if pa.types.is_timestamp(kind) or pa.types.is_boolean(kind) else kind


def _day(random: np.random.Generator, day: int, rows: int) -> pa.Table:
    """A day of updates: events of two days, sorted as the sealer sorts."""
    event = random.integers(0, 2 * EVENTS_A_DAY, rows) + day * EVENTS_A_DAY
    line = np.sort(random.integers(0, LINES_A_DAY, rows)) + day * LINES_A_DAY
    order = np.lexsort((line, event))
    begin = int(BEGIN.timestamp() * 1e6) + day * 86_400_000_000
    at = begin + np.linspace(0, 86_399_000_000, rows).astype(np.int64)
    latency = np.round(random.exponential(3, rows), 3)
    old, new = (np.round(random.uniform(1.2, 8, rows), 2) for _ in range(2))
    new[random.random(rows) < 0.02] = np.nan
    is_significant = random.random(rows) < 0.03

    def names(codes: Any, known: list[str]) -> pa.Array:
        return pa.DictionaryArray.from_arrays(pa.array(codes.astype(np.int32)), pa.array(known))

    nothing = pa.nulls(rows, pa.string()).dictionary_encode()
    columns: dict[str, Any] = {
        "epoch": names(np.zeros(rows), ["a1b2c3"]),
        "seq": (np.arange(rows) + day * rows)[order],
        "bookmaker_id": names(random.integers(0, BOOKMAKERS, rows), _named("book", BOOKMAKERS)),
        "event_id": names(event[order], _named("event-", (DAYS + 2) * EVENTS_A_DAY, 5)),
        "market": names(random.integers(0, 10, rows), _named("totals@", 10)),
        "outcome": names(random.integers(0, 3, rows), ["home", "away", "draw"]),
        "old_odds": old,
        "new_odds": pa.array(new, from_pandas=True),
        "timestamp": at[order],
        "source_timestamp": at[order] - 2_000_000,
        "delivered_at": at[order] + (latency * 1000).astype(np.int64),
        "latency_ms": latency,
        "is_significant": is_significant,
        "reason": nothing,
        "commission": np.zeros(rows),
        "is_image": np.zeros(rows, bool),
        "line": line[order],
    }
    schema = SCHEMAS["updates"]
    return pa.table([pa.array(columns[f.name]).cast(f.type) for f in schema], schema=schema)


def _named(word: str, count: int, width: int = 1) -> list[str]:
    return [f"{word}{number:0{width}d}" for number in range(count)]
