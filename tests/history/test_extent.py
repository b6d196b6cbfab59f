"""From when to when there is something, and what is gone: as repr, stats and gaps say it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from protipp_stream.core.journal_line import Note
from protipp_stream.history import hot
from protipp_stream.history.history import History
from protipp_stream.history.manifest import read_manifest
from protipp_stream.history.retention import OddsPolicy, retain
from protipp_stream.history.sealing import seal
from protipp_stream.history.stats import stats
from tests.history.journals import Journal
from tests.history.trails import EPOCH, TrailWriter

AUGUST = datetime(2026, 8, 4, 17, 0, tzinfo=UTC)
NOVEMBER = datetime(2026, 11, 23, 15, 7, tzinfo=UTC)


def replayed(folder: Path) -> Journal:
    """August's rows, written in November; whole seconds have no fraction in JSON."""
    journal = Journal(folder)
    note = Note(kind="start", timestamp=NOVEMBER, epoch=EPOCH)
    journal.write(NOVEMBER, epoch=EPOCH, notes=[note])
    some = TrailWriter(folder.with_name("other"), start=AUGUST)
    for number, after in enumerate([0.5, 0, 7200, 7200.25]):
        update = some.update(timestamp=AUGUST + timedelta(seconds=after), source_timestamp=None)
        journal.write(NOVEMBER + timedelta(seconds=number), epoch=EPOCH, updates=[update])
    journal.write(NOVEMBER, epoch=EPOCH, notes=[msgspec.structs.replace(note, kind="stop")])
    return journal


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("block", [100, 1 << 20])
def test_times_are_those_of_the_rows_and_not_of_writing_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_sealed: bool, block: int
) -> None:
    monkeypatch.setattr(hot, "_BLOCK", block)
    journal = replayed(tmp_path / "audit")
    if is_sealed:
        journal.seal(including_last=True)
    assert "2026-08-04 17:00 to 2026-08-04 19:00 UTC" in repr(History(tmp_path / "audit"))
    (tmp_path / "audit" / "signing.pub").touch()
    found = stats(tmp_path / "audit")
    assert (found.first, found.last) == (AUGUST, AUGUST + timedelta(hours=2, seconds=0.25))


def test_times_go_on_with_what_is_appended(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    history = History(tmp_path)
    assert "no updates yet" in repr(history)
    for _ in range(3):
        writer.busy(4)
        received = history.updates().timestamp
        said = f"{received.min():%Y-%m-%d %H:%M} to {received.max():%Y-%m-%d %H:%M}"
        assert said in repr(history)
        writer.now += timedelta(hours=1)


def test_a_seal_and_a_checkpoint_are_no_rows(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(10)
    before = stats(tmp_path)
    writer.now += timedelta(days=2)
    writer.checkpoint()
    seal(tmp_path, now=writer.now)
    writer.begin_segment()
    writer.checkpoint()
    after = stats(tmp_path)
    assert (after.first, after.last) == (before.first, before.last)


def test_what_a_retention_removed_is_said(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(10)
    seal(tmp_path, now=writer.now)
    history = History(tmp_path)
    assert "removed" not in set(history.gaps().kind)
    rows = len(history.updates())
    gone = retain(tmp_path, OddsPolicy(odds_days=1), now=writer.now + timedelta(days=9))
    (row,) = history.gaps().query("kind == 'removed'").itertuples()
    assert row.detail == "retention: odds older than 1 days"
    assert row.count == gone.rows >= rows
    assert (row.since, row.until) == (
        pd.Timestamp("2026-11-22", tz="UTC"), pd.Timestamp("2026-11-23", tz="UTC"),
    )  # fmt: skip
    assert row.duration_s == 86_400
    assert not len(history.gaps(since="2026-11-24").query("kind == 'removed'"))
    images = read_manifest(writer.layout).removed_rows["updates"] - rows
    assert f"no updates left, {rows + images} removed by retention" in repr(history)
    assert sum(stats(tmp_path).removed.values()) == gone.rows
    writer.begin_segment()
    writer.busy(2)
    assert f" UTC, {rows + images} removed by retention" in repr(history)


def test_proofs_that_were_removed_are_in_no_answer(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(10)
    seal(tmp_path, now=writer.now)
    retain(tmp_path, OddsPolicy(proof_days=1), now=writer.now + timedelta(days=9))
    assert "removed" not in set(History(tmp_path).gaps().kind)
