"""Merging: a day's files become one with the same rows, in order, in bounded pieces."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.errors import TrailChanged
from protipp_stream.history import merging, parquet
from protipp_stream.history.layout import KINDS
from protipp_stream.history.manifest import SealedFile, day_of, read_manifest, sealed_path
from protipp_stream.history.merging import merge
from protipp_stream.history.report import CHANGED
from protipp_stream.history.sealing import seal
from protipp_stream.history.tables import SORTED_BY
from protipp_stream.history.verifying import verify
from tests.history.test_sealing import counted, sealed
from tests.history.trails import TrailWriter


def thrice_sealed(folder: Path) -> TrailWriter:
    writer = TrailWriter(folder)
    for _ in range(3):
        writer.busy(30)
        seal(folder, now=writer.now)
        writer.begin_segment()
    return writer


def test_a_day_becomes_one_file_a_kind_with_the_same_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 100)
    monkeypatch.setattr(merging, "GROUP_ROWS", 100)
    monkeypatch.setattr(merging, "_BATCH_ROWS", 7)
    writer = thrice_sealed(tmp_path)
    expected = counted(sealed(writer.layout))
    result = merge(tmp_path, now=writer.now + timedelta(days=2))
    assert (result.sources, result.files) == (3 * len(KINDS), len(KINDS))
    assert counted(sealed(writer.layout)) == expected
    found = read_manifest(writer.layout)
    assert len(list(tmp_path.rglob("*.parquet"))) == len(found.files) == len(KINDS)
    for kind in KINDS:
        (file,) = found.of_kind(kind)
        with pq.ParquetFile(tmp_path / file.path) as opened:
            table = opened.read()
            sizes = [
                opened.metadata.row_group(index).num_rows
                for index in range(opened.metadata.num_row_groups)
            ]
        keys = list(zip(*(table[name].to_pylist() for name in SORTED_BY[kind]), strict=True))
        assert keys == sorted(keys)
        assert set(sizes[:-1]) <= {100}


def test_a_day_that_is_not_over_for_long_waits(tmp_path: Path) -> None:
    writer = thrice_sealed(tmp_path)
    over = (writer.now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    just_before = over + timedelta(hours=6) - timedelta(microseconds=1)
    assert merge(tmp_path, now=just_before).files == 0
    assert merge(tmp_path, now=over + timedelta(hours=6)).files == len(KINDS)
    assert merge(tmp_path, now=over + timedelta(days=9)).files == 0


def test_what_comes_late_is_merged_with_what_was(tmp_path: Path) -> None:
    writer = thrice_sealed(tmp_path)
    merge(tmp_path, now=writer.now + timedelta(days=2))
    writer.busy(10)
    seal(tmp_path, now=writer.now)
    expected = counted(sealed(writer.layout))
    assert merge(tmp_path, now=writer.now + timedelta(days=2)).sources == 2 * len(KINDS)
    assert counted(sealed(writer.layout)) == expected


def test_no_file_grows_beyond_the_bound(tmp_path: Path) -> None:
    writer = thrice_sealed(tmp_path)
    before = max(file.rows for file in read_manifest(writer.layout).files.values())
    heard: list[tuple[int, int]] = []
    merge(
        tmp_path,
        now=writer.now + timedelta(days=2),
        max_rows=2 * before,
        progress=lambda done, total: heard.append((done, total)),
    )
    assert all(file.rows <= 2 * before for file in read_manifest(writer.layout).files.values())
    assert heard[-1][0] == heard[-1][1]


@pytest.mark.parametrize("how", ["another price", "no parquet"])
def test_a_changed_file_is_not_made_true_by_merging_it(tmp_path: Path, how: str) -> None:
    writer = thrice_sealed(tmp_path)
    victim = tmp_path / read_manifest(writer.layout).of_kind("updates")[1].path
    if how == "no parquet":
        victim.write_bytes(b"PAR1")
    else:
        rows = pd.read_parquet(victim, partitioning=None)
        rows.loc[0, "new_odds"] = 99.0
        rows.to_parquet(victim)
    with pytest.raises(TrailChanged, match="not what was sealed"):
        merge(tmp_path, now=writer.now + timedelta(days=2))
    assert victim.exists()
    assert verify(tmp_path).status == CHANGED


@given(st.lists(st.integers(1, 30), max_size=25), st.integers(1, 60))
def test_jobs_are_of_neighbours_and_within_the_bound(rows: list[int], bound: int) -> None:
    files = [
        SealedFile(sealed_path("updates", "2026-11-23", n * 10, n * 10 + 9), "0" * 64, count, 1)
        for n, count in enumerate(rows)
    ]
    jobs = list(merging._jobs(files, bound))
    assert all(sum(file.rows for file in job) <= bound and len(job) > 1 for job in jobs)
    merged = [file for job in jobs for file in job]
    assert merged == [file for file in files if file in merged]
    for job in jobs:
        start = files.index(job[0])
        assert files[start : start + len(job)] == job
        assert day_of(job[0].path) == "2026-11-23"
