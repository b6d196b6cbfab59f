"""Retention: what is old enough goes, a tombstone says so, and the trail still verifies."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.manifest import day_of, kind_of, read_manifest
from protipp_stream.history.parquet import times_in
from protipp_stream.history.report import INTACT
from protipp_stream.history.retention import OddsPolicy, retain
from protipp_stream.history.sealing import seal
from protipp_stream.history.verifying import verify
from protipp_stream.model import Event
from tests.history.trails import TrailWriter


def three_days(folder: Path) -> TrailWriter:
    writer = TrailWriter(folder)
    for _ in range(3):
        writer.busy(8)
        writer.begin_segment()
        writer.now += timedelta(days=1)
    writer.rows(updates=[writer.update()])
    seal(folder, now=writer.now, including_last=False)
    writer.checkpoint()
    return writer


def days_of(writer: TrailWriter, kind: str) -> list[str]:
    return [day_of(file.path) for file in read_manifest(writer.layout).of_kind(kind)]


def test_by_default_all_is_kept(tmp_path: Path) -> None:
    writer = three_days(tmp_path)
    result = retain(tmp_path, OddsPolicy(), now=writer.now + timedelta(days=9999))
    assert (result.files, result.rows) == ((), 0)


def test_whole_days_that_are_old_go_with_a_tombstone(tmp_path: Path) -> None:
    writer = three_days(tmp_path)
    first, *others = days_of(writer, "updates")
    files = read_manifest(writer.layout).files
    old = [path for path in files if day_of(path) == first and kind_of(path) != "groups"]
    newest = max(max(times_in(tmp_path / path)) for path in old)
    result = retain(
        tmp_path, OddsPolicy(odds_days=1), now=newest + timedelta(days=1, microseconds=1)
    )
    assert set(result.files) == set(old)
    assert result.rows == sum(files[path].rows for path in old)
    assert not any((tmp_path / path).exists() for path in old)
    assert not (tmp_path / "odds" / "updates" / f"date={first}").exists()
    assert days_of(writer, "updates") == others
    stone = msgspec.json.decode(writer.layout.manifest.read_bytes().splitlines()[-1])["removed"]
    assert stone["why"] == "retention: odds older than 1 days"
    assert stone["rows"] == result.rows
    writer.checkpoint()
    assert verify(tmp_path).status == INTACT


def test_a_file_stays_until_its_newest_row_is_old(tmp_path: Path) -> None:
    writer = three_days(tmp_path)
    first = read_manifest(writer.layout).of_kind("updates")[0]
    newest = max(times_in(tmp_path / first.path))
    result = retain(tmp_path, OddsPolicy(odds_days=1), now=newest + timedelta(days=1))
    assert first.path not in result.files


@pytest.mark.parametrize("starts_in", [None, timedelta(days=90)])
def test_what_an_event_is_stays_until_it_is_long_over(
    tmp_path: Path, starts_in: timedelta | None
) -> None:
    """A final is described once, months ahead, and its prices change until it begins."""
    writer = TrailWriter(tmp_path)
    starts_at = starts_in and writer.now + starts_in
    writer.rows(events=[Event("final", "A @ B", "football", starts_at)])
    seal(tmp_path, now=writer.now)
    policy, over = OddsPolicy(odds_days=30), starts_at or writer.now
    assert not retain(tmp_path, policy, now=over + timedelta(days=30)).files
    assert retain(tmp_path, policy, now=over + timedelta(days=31)).rows == 1


def test_a_dry_run_says_what_would_go_and_changes_nothing(tmp_path: Path) -> None:
    writer = three_days(tmp_path)
    policy, later = OddsPolicy(odds_days=1), writer.now + timedelta(days=1)
    before = sorted(tmp_path.rglob("*"))
    manifest = writer.layout.manifest.read_bytes()
    said = retain(tmp_path, policy, now=later, dry_run=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert writer.layout.manifest.read_bytes() == manifest
    assert retain(tmp_path, policy, now=later) == said
    assert said.files


def test_proofs_have_a_policy_of_their_own(tmp_path: Path) -> None:
    writer = three_days(tmp_path)
    later = writer.now + timedelta(days=30)
    retain(tmp_path, OddsPolicy(odds_days=1), now=later)
    assert {kind_of(path) for path in read_manifest(writer.layout).files} == {"groups"}
    result = retain(tmp_path, OddsPolicy(odds_days=1, proof_days=10), now=later)
    assert result.oldest_kept is None
    assert not list(tmp_path.rglob("*.parquet"))
    writer.checkpoint()
    assert verify(tmp_path).status == INTACT


def test_times_are_those_of_the_rows(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    updates = [writer.update() for _ in range(9)]
    writer.rows(updates=updates)
    seal(tmp_path, now=writer.now)
    (file,) = read_manifest(writer.layout).of_kind("updates")
    times = [update.timestamp for update in updates]
    assert times_in(tmp_path / file.path) == [min(times), max(times)]
    stamps = [update.source_timestamp for update in updates if update.source_timestamp]
    assert times_in(tmp_path / file.path, "source_timestamp") == [min(stamps), max(stamps)]


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf")])
def test_nonsense_is_refused(tmp_path: Path, days: float) -> None:
    writer = three_days(tmp_path)
    with pytest.raises(ConfigurationError, match="can't be kept"):
        retain(tmp_path, OddsPolicy(odds_days=days), now=datetime.fromisoformat("2027-01-01T00Z"))
    assert read_manifest(writer.layout).files
