"""Sealing: what was in the lines is in the files, once, whatever happens in between."""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.chain import linked
from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history import (
    parquet,
    sealing,
)
from protipp_stream.history.layout import KINDS
from protipp_stream.history.locking import held, sealing_alone
from protipp_stream.history.manifest import read_manifest
from protipp_stream.history.merging import merge
from protipp_stream.history.report import INTACT
from protipp_stream.history.sealing import seal
from protipp_stream.history.tables import SORTED_BY, STORED
from protipp_stream.history.verifying import verify
from tests.history.sealed_rows import counted, obvious, sealed, trail
from tests.history.trails import TrailWriter


def test_every_row_of_every_kind_is_sealed_as_it_was(tmp_path: Path) -> None:
    writer = trail(tmp_path)
    expected = counted(obvious([path for _, path in writer.layout.segments()][:-1]))
    result = seal(tmp_path, now=writer.now, including_last=False)
    assert counted(sealed(writer.layout)) == expected
    assert all(expected[kind] for kind in KINDS)
    assert result.segments == 3
    assert result.rows == sum(expected[kind].total() for kind in KINDS if kind != "groups")
    assert [path for _, path in writer.layout.segments()] == [writer.segment]


def test_schemas_and_order_are_those_of_the_format(tmp_path: Path) -> None:
    writer = trail(tmp_path)
    seal(tmp_path, now=writer.now)
    for kind in KINDS:
        for file in read_manifest(writer.layout).of_kind(kind):
            with pq.ParquetFile(tmp_path / file.path) as opened:
                table, group = opened.read(), opened.metadata.row_group(0)
            assert table.schema.equals(STORED[kind])
            keys = list(zip(*(table[name].to_pylist() for name in SORTED_BY[kind]), strict=True))
            assert keys == sorted(keys)
            columns = [table.schema.names[each.column_index] for each in group.sorting_columns]
            assert columns == SORTED_BY[kind]
            assert group.column(0).compression == "ZSTD"
            assert group.column(0).has_column_index


def test_an_event_is_found_by_the_statistics_of_few_groups(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 64)
    writer = TrailWriter(tmp_path)
    writer.busy(200)
    seal(tmp_path, now=writer.now)
    path = read_manifest(writer.layout).of_kind("updates")[0].path
    metadata = pq.read_metadata(tmp_path / path)
    column = metadata.schema.names.index("event_id")
    spans = [
        metadata.row_group(index).column(column).statistics
        for index in range(metadata.num_row_groups)
    ]
    assert len(spans) > 10
    assert sum(span.min <= "event-05" <= span.max for span in spans) <= 3
    # And whoever reads the folder without this package passes over the others by himself.
    plain = ds.dataset(tmp_path / "odds" / "updates", partitioning="hive")
    wanted = pc.field("event_id") == "event-05"
    fragments = list(plain.get_fragments(wanted))
    assert sum(len(each.split_by_row_group(wanted)) for each in fragments) <= 3 * len(fragments)


def test_rows_lie_in_the_folder_of_their_own_day(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    midnight = datetime.fromisoformat("2026-11-23T00:00:00Z")
    writer.rows(updates=[writer.update(timestamp=midnight - timedelta(microseconds=1))])
    writer.rows(updates=[writer.update(timestamp=midnight), writer.update(timestamp=midnight)])
    seal(tmp_path, now=writer.now)
    files = read_manifest(writer.layout).of_kind("updates")
    assert [(file.path.split("/")[2], file.rows) for file in files] == [
        ("date=2026-11-22", 1),
        ("date=2026-11-23", 2),
    ]


def test_pandas_reads_the_folder_as_it_is(tmp_path: Path) -> None:
    writer = trail(tmp_path)
    seal(tmp_path, now=writer.now)
    frame = pd.read_parquet(tmp_path / "odds" / "updates", filters=[("event_id", "==", "event-03")])
    assert set(frame["event_id"]) == {"event-03"}
    assert str(frame["timestamp"].dtype) == "datetime64[us, UTC]"


def test_the_newest_segment_waits_for_its_writer(tmp_path: Path) -> None:
    writer = trail(tmp_path)
    with held(writer.layout.writer_lock):
        assert seal(tmp_path, now=writer.now).segments == 3
    assert writer.segment.exists()
    assert seal(tmp_path, now=writer.now).segments == 1
    assert not writer.segment.exists()


def test_nobody_begins_to_write_while_the_newest_is_sealed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = trail(tmp_path)
    free: list[bool] = []

    def look(done: int, total: int) -> None:
        with held(writer.layout.writer_lock) as taken:
            free.append(taken)

    seal(tmp_path, now=writer.now, progress=look)
    # Three segments that are finished, and the newest.
    assert free == [True, True, True, False]


def test_progress_is_heard_within_a_segment_and_ends_at_the_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sealing, "_HEARD_BYTES", 2_000)
    writer = TrailWriter(tmp_path)
    writer.busy(30)
    size, heard = writer.segment.stat().st_size, []
    seal(tmp_path, now=writer.now, progress=lambda *said: heard.append(said))
    assert len(heard) > 5
    assert heard == sorted(heard)
    assert heard[-1] == (size, size)


@pytest.mark.parametrize("left", [b'{"n":', b"\0" * 99, b"\0" * 99 + b"\n"])
def test_half_a_line_at_the_end_is_left_to_the_next_writer(tmp_path: Path, left: bytes) -> None:
    writer = trail(tmp_path)
    with writer.segment.open("ab") as file:
        file.write(left)
    assert seal(tmp_path, now=writer.now).segments == 3
    assert writer.segment.exists()


def test_a_second_sealer_says_so(tmp_path: Path) -> None:
    writer = trail(tmp_path)
    with (
        sealing_alone(writer.layout.sealer_lock),
        pytest.raises(TrailUnavailable, match="Another process seals"),
    ):
        seal(tmp_path, now=writer.now)
    with pytest.raises(TrailUnavailable, match="no such folder"):
        seal(tmp_path / "nowhere", now=writer.now)


@pytest.mark.parametrize("spoil", ["flip", "drop", "rename", "another", "rehash"])
def test_a_broken_segment_is_refused_and_left(tmp_path: Path, spoil: str) -> None:
    writer = trail(tmp_path)
    first, second, *_ = (path for _, path in writer.layout.segments())
    lines = second.read_bytes().splitlines(keepends=True)
    match spoil:
        case "flip":
            second.write_bytes(second.read_bytes().replace(b"book1", b"book7", 1))
        case "drop":
            second.write_bytes(b"".join(lines[:3] + lines[4:]))
        case "rename":
            second.rename(writer.layout.segment(7777))
        case "rehash":
            body = lines[-1][:-76].replace(b'"prev"', b'"x":1,"prev"')
            lines[-1] = body + b',"hash":"%b"}\n' % sha256(body).hexdigest().encode()
            second.write_bytes(b"".join(lines))
        case "another":
            line, _ = linked(int(second.stem), writer.now, [b'"updates":[]'], "1" * 64)
            second.write_bytes(line)
    before = {path: path.read_bytes() for _, path in writer.layout.segments()}
    with pytest.raises(TrailChanged, match="verify"):
        seal(tmp_path, now=writer.now)
    assert {path: path.read_bytes() for _, path in writer.layout.segments()} == before
    assert first in before


def test_what_is_no_line_of_a_journal_is_refused(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    line, _ = linked(1, writer.now, [b'"updates":[{"id":"x"}]'], writer.head)
    with writer.segment.open("ab") as file:
        file.write(line)
    with pytest.raises(TrailChanged, match="no line of an odds journal"):
        seal(tmp_path, now=writer.now)


def test_an_old_manifest_is_not_believed(tmp_path: Path) -> None:
    writer = trail(tmp_path)
    seal(tmp_path, now=writer.now, including_last=False)
    kept = writer.layout.manifest.read_bytes()
    writer.begin_segment()
    writer.busy(3)
    seal(tmp_path, now=writer.now)
    writer.layout.manifest.write_bytes(kept)
    files = sorted(tmp_path.rglob("*.parquet"))
    with pytest.raises(TrailChanged, match="in no manifest"):
        seal(tmp_path, now=writer.now)
    assert sorted(tmp_path.rglob("*.parquet")) == files


def test_a_manifest_that_forgot_a_merge_costs_no_file(tmp_path: Path) -> None:
    writer = trail(tmp_path)
    for _ in range(2):
        seal(tmp_path, now=writer.now, including_last=False)
        writer.begin_segment()
        writer.busy(2)
    kept = writer.layout.manifest.read_bytes()
    assert merge(tmp_path, now=writer.now + timedelta(days=3)).sources
    writer.layout.manifest.write_bytes(kept)
    files = sorted(tmp_path.rglob("*.parquet"))
    with pytest.raises(TrailChanged, match="is gone"):
        seal(tmp_path, now=writer.now)
    assert sorted(tmp_path.rglob("*.parquet")) == files


# --------------------------------------------------------------------- beside a writer


def test_it_seals_beside_a_writer_that_goes_on(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    with held(writer.layout.writer_lock):
        for _ in range(12):
            writer.busy(3)
            writer.begin_segment()
            seal(tmp_path, now=writer.now)
            writer.busy(1)
    writer.checkpoint()
    report = verify(tmp_path)
    assert (report.status, report.lines) == (INTACT, writer.n)


@given(st.lists(st.integers(1, 40), max_size=20))
def test_segments_are_parted_in_order_and_none_is_left_out(sizes: list[int]) -> None:
    class Sized:
        def __init__(self, size: int) -> None:
            self.st_size = size

        def stat(self) -> Sized:
            return self

    paths: list[Any] = [Sized(size) for size in sizes]
    bound, sealing.SEAL_BYTES = sealing.SEAL_BYTES, 50
    try:
        batches = list(sealing._batches(paths))
    finally:
        sealing.SEAL_BYTES = bound
    assert [path for batch in batches for path in batch] == paths
    assert all(len(batch) == 1 or sum(p.st_size for p in batch) <= 50 for batch in batches)
