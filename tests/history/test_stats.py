"""Stats: what is in a trail, as counted the slow way."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from protipp_stream.core.journal_line import Note
from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history.history import History
from protipp_stream.history.retention import OddsPolicy, retain
from protipp_stream.history.sealing import seal
from protipp_stream.history.stats import stats
from tests.history.trails import TrailWriter


def test_it_counts_what_is_sealed_and_what_is_hot(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.rows(notes=[Note(kind="gap", timestamp=writer.now)] * 3)
    writer.busy(20)
    writer.begin_segment()
    hot_from = writer.n
    writer.busy(5)
    said = writer.checkpoint()
    seal(tmp_path, now=writer.now, including_last=False)
    found = stats(tmp_path)
    for kind, rows in found.rows.items():
        assert rows == len(pd.read_parquet(tmp_path / "odds" / kind))
    assert found.notes["gap"] == 3
    assert sum(found.notes.values()) == found.rows["notes"]
    assert (found.head_n, found.head_hash) == (writer.n - 1, writer.head)
    assert (found.segments, found.hot_lines) == (1, writer.n - hot_from)
    assert found.hot_bytes == writer.segment.stat().st_size
    sizes = [path.stat().st_size for path in tmp_path.rglob("*.parquet")]
    assert (found.files, found.sealed_bytes) == (len(sizes), sum(sizes))
    received = History(tmp_path).updates().timestamp
    assert (found.first, found.last) == (received.min(), received.max())
    assert (found.manifest_n, found.checkpoint) == (0, said)


def test_a_trail_that_is_all_sealed_or_all_hot_has_a_head_and_times(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(3)
    hot = stats(tmp_path)
    assert (hot.files, hot.bytes_a_row) == (0, None)
    seal(tmp_path, now=writer.now)
    sealed = stats(tmp_path)
    assert sealed.hot_lines == sealed.hot_bytes == 0
    received = History(tmp_path).updates().timestamp
    for found in (hot, sealed):
        assert (found.head_n, found.head_hash) == (writer.n - 1, writer.head)
        assert (found.first, found.last) == (received.min(), received.max())


def test_the_head_is_the_last_whole_line_however_long_the_half_one(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(3)
    with writer.segment.open("ab") as file:
        file.write(b'{"n":9' + b"9" * 200_000)
    assert stats(tmp_path).head_n == writer.n - 1


def test_a_segment_without_a_line_leaves_the_head_where_it_was(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(3)
    seal(tmp_path, now=writer.now)
    writer.layout.segment(writer.n).touch()
    assert stats(tmp_path).head_n == writer.n - 1


@pytest.mark.parametrize("kind", ["updates", "notes"])
def test_a_file_that_is_no_parquet_is_said(tmp_path: Path, kind: str) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(3)
    seal(tmp_path, now=writer.now)
    for path in (tmp_path / "odds" / kind).rglob("*.parquet"):
        path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(TrailChanged, match="no Parquet file"):
        stats(tmp_path)
    with pytest.raises(TrailChanged, match="no Parquet file"):
        retain(tmp_path, OddsPolicy(odds_days=1), now=writer.now)


def test_no_trail_is_said(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(TrailUnavailable, match="no audit trail"):
            stats(folder)
