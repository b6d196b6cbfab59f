"""What has grown old is forgotten, addresses first; the chain goes on and verifies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from protipp_stream.errors import ConfigurationError, TrailUnavailable
from protipp_stream.history.access import (
    AccessPolicy,
    Trail,
    access_stats,
    erase,
    export,
    is_anything_old,
    retain_access,
    verify_access,
)
from protipp_stream.history.access.trail_file import TrailFile, read_lines
from protipp_stream.history.heads import Head
from protipp_stream.history.layout import Layout
from tests.history.access.conftest import ALICE, BOB, NOON, STRANGER, every_byte, record

DAYS = (200, 190, 100, 40, 20, 0)


@pytest.fixture
def heads(tmp_path: Path, begin: Callable[..., Trail]) -> list[Head]:
    """A trail of half a year; where it stood after each record."""
    trail, found = begin(), []
    for days in DAYS:
        for who in (ALICE, STRANGER):
            trail.record(record(by=who, days=days))
            trail.flush()
            found.append(trail.head)
    trail.close()
    return found


def test_addresses_go_after_30_days_and_records_after_six_months(
    tmp_path: Path, heads: list[Head]
) -> None:
    assert retain_access(tmp_path, now=NOON) == (4, 4)
    told = export(tmp_path, str(ALICE.subject))["records"]
    assert [(each["n"], each["address"] is not None) for each in told] == [
        (4, False),
        (6, False),
        (8, True),
        (10, True),
    ]
    assert all(each["subject"] == ALICE.subject for each in told)
    assert told[0]["user_agent"] is None
    lines = list(read_lines(Layout(tmp_path).access_trail))
    assert [line.n for line in lines] == list(range(4, 14))
    assert [line.reason for line in lines[-2:]] == ["forgotten", "removed"]
    assert lines[-1].tombstone is not None
    assert (lines[-1].count, lines[-1].tombstone.until) == (4, 3)
    assert lines[-1].tombstone.last_hash == heads[3].hash
    assert verify_access(tmp_path, [*heads, (13, lines[-1].hash)]) == []


def test_stats_say_how_much_is_kept_and_since_when(tmp_path: Path, heads: list[Head]) -> None:
    assert access_stats(tmp_path) == (12, NOON - timedelta(days=200), 6, 12)
    retain_access(tmp_path, now=NOON)
    assert access_stats(tmp_path) == (10, NOON - timedelta(days=100), 4, 4)
    (tmp_path / "access" / "privacy.keys").unlink()
    assert access_stats(tmp_path) == (10, NOON - timedelta(days=100), 4, 4)
    assert access_stats(tmp_path / "elsewhere") is None


def test_a_dry_run_says_the_same_and_changes_nothing(tmp_path: Path, heads: list[Head]) -> None:
    before = every_byte(tmp_path)
    assert retain_access(tmp_path, now=NOON, dry_run=True) == (4, 4)
    assert every_byte(tmp_path) == before


def test_doing_it_again_does_nothing(tmp_path: Path, heads: list[Head]) -> None:
    retain_access(tmp_path, now=NOON)
    before = Layout(tmp_path).access_trail.read_bytes()
    assert retain_access(tmp_path, now=NOON) == (0, 0)
    assert Layout(tmp_path).access_trail.read_bytes() == before


def test_day_by_day_with_erasures_between_it_verifies_all_the_way(
    tmp_path: Path, begin: Callable[..., Trail]
) -> None:
    policy = AccessPolicy(access_days=6, address_days=2)
    trail = begin()
    for day in range(30):
        now = NOON + timedelta(days=day)
        for who in (ALICE, BOB, STRANGER):
            trail.record(record(by=who, days=-day))
        trail.flush()
        if day % 4 == 3:
            assert erase(tmp_path, str(ALICE.subject), now=now).records > 0
        if day % 3 == 0:
            retain_access(tmp_path, policy, now=now)
        assert verify_access(tmp_path) == [], day
    trail.close()
    assert len(list(read_lines(Layout(tmp_path).access_trail))) < 40
    retain_access(tmp_path, policy, now=NOON + timedelta(days=400))
    lines = list(read_lines(Layout(tmp_path).access_trail))
    assert {line.reason for line in lines} == {"removed"}
    assert verify_access(tmp_path) == []


def test_who_was_erased_is_accounted_for_once_where_both_grow_old_at_once(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(*(record(by=who, days=days) for days in (200, 100, 1) for who in (ALICE, BOB)))
    erase(tmp_path, str(ALICE.subject), now=NOON)
    assert retain_access(tmp_path, now=NOON) == (2, 1)
    assert verify_access(tmp_path) == []


def test_nothing_is_kept_for_ever_unless_the_policy_says_so(
    tmp_path: Path, heads: list[Head]
) -> None:
    for_ever = AccessPolicy(access_days=None, address_days=None)
    assert retain_access(tmp_path, for_ever, now=NOON + timedelta(days=9999)) == (0, 0)
    for days in (-1, float("nan"), float("inf")):
        with pytest.raises(ConfigurationError):
            AccessPolicy(access_days=days)


def test_one_record_from_a_wrong_clock_removes_nothing_too_early(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(record("young"), record("from 1970", days=20_000), record("young"))
    assert retain_access(tmp_path, now=NOON) == (0, 0)


def test_one_record_from_a_clock_ahead_keeps_nothing_too_long(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    ahead = record("from 2099", by=ALICE, days=-27_000)
    keep(record(by=ALICE, days=200), ahead, record(by=ALICE, days=190), record("young", by=ALICE))
    assert is_anything_old(tmp_path, AccessPolicy(), now=NOON)
    assert retain_access(tmp_path, now=NOON) == (3, 0)
    told = export(tmp_path, str(ALICE.subject))["records"]
    assert [each["reason"] for each in told] == ["young"]
    assert verify_access(tmp_path) == []


def test_a_look_says_whether_anything_is_old_enough(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    policy = AccessPolicy()
    assert not is_anything_old(tmp_path, policy, now=NOON)
    keep(record("from 2099", days=-27_000), record(days=31))
    assert is_anything_old(tmp_path, policy, now=NOON)
    assert not is_anything_old(tmp_path, policy, now=NOON - timedelta(days=2))
    for_ever = AccessPolicy(access_days=None, address_days=None)
    assert not is_anything_old(tmp_path, for_ever, now=NOON)


def test_a_gateway_goes_on_writing_behind_it(
    tmp_path: Path, heads: list[Head], begin: Callable[..., Trail]
) -> None:
    trail = begin()
    retain_access(tmp_path, now=NOON)
    trail.record(record("after", by=BOB))
    trail.flush()
    lines = list(read_lines(Layout(tmp_path).access_trail))
    assert [line.reason for line in lines[-3:]] == ["forgotten", "removed", "after"]
    assert verify_access(tmp_path, [trail.head]) == []


def test_a_retention_that_breaks_off_is_finished_by_the_next(
    tmp_path: Path, heads: list[Head], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:

        def broken(*_: object) -> None:
            raise OSError(28, "No space left on device")

        patched.setattr(TrailFile, "cut", broken)
        with pytest.raises(TrailUnavailable, match="No space left"):
            retain_access(tmp_path, now=NOON)
    assert [finding.status for finding in verify_access(tmp_path)] == [3]
    assert retain_access(tmp_path, now=NOON).records == 4
    assert verify_access(tmp_path) == []
