"""The trail's writer: groups, crashes, a full disk, and what is said of them."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history.access import Trail, export, trail_file, verify_access
from protipp_stream.history.access.personal import Personal
from protipp_stream.history.access.store import AccessStore
from protipp_stream.history.access.trail_file import TrailFile, read_lines
from protipp_stream.history.layout import Layout
from tests.history.access.conftest import ALICE, BOB, record


def lines_of(folder: Path) -> list[Any]:
    return list(read_lines(Layout(folder).access_trail))


def wait_until(condition: Callable[[], bool], trail: Trail) -> None:
    with trail._news:
        assert trail._news.wait_for(condition, 10)


def test_what_is_flushed_is_on_disk_in_order(tmp_path: Path, begin: Callable[..., Trail]) -> None:
    trail = begin()
    for i in range(500):
        trail.record(record(f"r{i}", by=ALICE))
    trail.flush()
    lines = lines_of(tmp_path)
    assert [line.reason for line in lines] == [f"r{i}" for i in range(500)]
    assert [line.n for line in lines] == list(range(500))
    assert trail.head == (499, lines[-1].hash)
    assert trail.waiting == trail.lost == 0


def test_a_trail_goes_on_where_it_was_left(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(record("one"))
    keep(record("two"))
    keep()
    assert [line.reason for line in lines_of(tmp_path)] == ["one", "two"]
    assert verify_access(tmp_path) == []


def test_files_are_their_owners_only(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(record(by=ALICE))
    for path in (tmp_path / "access").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


class FullDisk:
    """Fails writes of the trail's file with ENOSPC, after so many bytes of each."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, after: int = 0) -> None:
        self.is_full = False
        self.failed = 0
        real = os.write

        def write(descriptor: int, data: Any) -> int:
            is_trail = os.readlink(f"/proc/self/fd/{descriptor}").endswith("trail.jsonl")
            if not (self.is_full and is_trail):
                return real(descriptor, data)
            self.failed += 1
            if after and self.failed % 2:
                return real(descriptor, data[:after])
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(os, "write", write)


@pytest.mark.parametrize("after", [0, 50])
def test_a_full_disk_loses_nothing_and_is_told(
    tmp_path: Path,
    begin: Callable[..., Trail],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    after: int,
) -> None:
    disk = FullDisk(monkeypatch, after)
    trail = begin()
    trail.record(record("before", by=ALICE))
    trail.flush()
    safe = trail.head
    disk.is_full = True
    for i in range(30):
        trail.record(record(f"r{i}", by=ALICE))
    with pytest.raises(TrailUnavailable, match="30 access records are not on disk"):
        trail.flush(timeout=0.2)
    assert "No space left" in str(trail.failure)
    assert trail.head == safe
    assert disk.failed > 1, "it is tried again"
    assert len([r for r in caplog.records if r.levelno == logging.ERROR]) == 1, "but told once"
    assert [line.reason for line in lines_of(tmp_path)] == ["before"], "no half line"
    disk.is_full = False
    trail.flush()
    assert trail.failure is None
    assert [line.reason for line in lines_of(tmp_path)] == ["before", *(f"r{i}" for i in range(30))]
    assert verify_access(tmp_path, [safe, trail.head]) == []
    assert len(export(tmp_path, str(ALICE.subject))["records"]) == 31


def test_who_closes_on_a_full_disk_hears_what_is_lost(
    begin: Callable[..., Trail], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    trail = begin()
    disk.is_full = True
    trail.record(record())
    with pytest.raises(TrailUnavailable, match="1 access records are not on disk"):
        trail.close()


def test_past_the_memorys_limit_records_are_counted_by_reason(
    tmp_path: Path, begin: Callable[..., Trail], monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FullDisk(monkeypatch)
    trail = begin(most_waiting=10)
    disk.is_full = True
    for i in range(25):
        trail.record(record("origin" if i % 2 else "host", by=ALICE))
    wait_until(lambda: trail.failure is not None, trail)
    assert trail.lost == 15
    disk.is_full = False
    trail.flush()
    *kept, lost = lines_of(tmp_path)
    assert len(kept) == 10
    assert (lost.reason, lost.count, lost.facts) == ("lost", 15, {"host": 8, "origin": 7})


def test_a_locked_database_is_a_failure_like_any_other(
    tmp_path: Path, begin: Callable[..., Trail], monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3

    trail = begin()
    with monkeypatch.context() as patched:

        def put(*_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        patched.setattr(Personal, "put", put)
        trail.record(record(by=BOB))
        with pytest.raises(TrailUnavailable, match="disk I/O error"):
            trail.flush(timeout=0.2)
    trail.flush()
    assert [line.n for line in lines_of(tmp_path)] == [0]
    assert verify_access(tmp_path) == []


def test_a_torn_line_is_cut_off_and_said_so(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(record("one", by=ALICE))
    path = Layout(tmp_path).access_trail
    with path.open("ab") as file:
        file.write(b'{"n":1,"at":"2026-11-2')
    assert [finding.status for finding in verify_access(tmp_path)] == [3]
    keep(record("two"))
    assert [line.reason for line in lines_of(tmp_path)] == ["one", "torn", "two"]
    assert lines_of(tmp_path)[1].facts == {"bytes": 22}
    assert verify_access(tmp_path) == []


def test_room_that_a_crash_left_empty_is_cut_off(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(record("one"))
    with Layout(tmp_path).access_trail.open("ab") as file:
        file.write(b"\0" * 9000 + b'00"}\n' + b"\0" * 100)
    keep(record("two"))
    assert [line.reason for line in lines_of(tmp_path)] == ["one", "torn", "two"]


def test_a_group_that_a_power_cut_left_in_parts_is_cut_off_from_the_first_that_is_not_whole(
    tmp_path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(record("safe", by=ALICE))
    with monkeypatch.context() as crash:
        crash.setattr(AccessStore, "sign_off", lambda _: None)
        keep(*(record(f"r{i}", by=ALICE) for i in range(5)))
    path = Layout(tmp_path).access_trail
    lines = path.read_bytes().splitlines(keepends=True)
    lines[3] = b"\0" * len(lines[3])
    path.write_bytes(b"".join(lines))
    keep(record("next"))
    assert [line.reason for line in lines_of(tmp_path)] == ["safe", "r0", "r1", "torn", "next"]
    assert verify_access(tmp_path) == []
    assert [each["n"] for each in export(tmp_path, str(ALICE.subject))["records"]] == [0, 1, 2]


def test_a_crash_between_the_two_files_leaves_no_trace(
    tmp_path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(record("one", by=ALICE))

    def broken(*_: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(TrailFile, "append", broken)
        with pytest.raises(TrailUnavailable):
            keep(record("two", by=ALICE))
    assert [finding.status for finding in verify_access(tmp_path)] == [3, 3]
    keep(record("three", by=ALICE))
    assert [line.reason for line in lines_of(tmp_path)] == ["one", "three"]
    assert verify_access(tmp_path) == []


@pytest.mark.parametrize("loss", ["all", "a line", "half"])
def test_a_writer_does_not_begin_anew_where_safe_lines_are_gone(
    tmp_path: Path, keep: Callable[..., None], loss: str
) -> None:
    keep(record("one", by=ALICE))
    keep(record("two", by=ALICE))
    path = Layout(tmp_path).access_trail
    first, _ = path.read_bytes().splitlines(keepends=True)
    left = {"all": b"", "a line": first, "half": first[:40]}[loss]
    path.write_bytes(left)
    with pytest.raises(TrailChanged, match="line 1 was safe") as raised:
        keep(record("three"))
    assert raised.value.hint
    assert len(list(_parts(tmp_path))) == 4, "what is personal is not thrown away either"
    assert path.read_bytes() == left


def _parts(folder: Path) -> list[Any]:
    personal = Personal(Layout(folder))
    try:
        return list(personal.parts())
    finally:
        personal.close()


def test_a_trail_without_its_database_is_not_continued(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(record(by=ALICE))
    Layout(tmp_path).personal.unlink()
    with pytest.raises(TrailUnavailable, match="is gone"):
        keep(record())


def test_recording_never_waits_for_the_disk(
    begin: Callable[..., Trail], monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    trail = begin()
    may_go_on, is_writing = threading.Event(), threading.Event()
    real = trail_file.sync_data

    def slow(descriptor: int) -> None:
        is_writing.set()
        assert may_go_on.wait(10)
        real(descriptor)

    monkeypatch.setattr(trail_file, "sync_data", slow)
    trail.record(record())
    assert is_writing.wait(10)
    for _ in range(1000):
        trail.record(record())
    assert trail.head.n == -1
    assert trail.waiting == 1001
    may_go_on.set()
    trail.flush()
    assert trail.head.n == 1000


def test_a_writer_learns_of_a_line_that_another_wrote(
    tmp_path: Path, begin: Callable[..., Trail]
) -> None:
    trail, other = begin(), begin()
    other.record(record(by=BOB))
    other.flush()
    wait_until(lambda: trail.head == other.head, trail)


def test_nothing_is_recorded_after_the_end(begin: Callable[..., Trail]) -> None:
    trail = begin()
    trail.close()
    trail.record(record())
    assert trail.lost == 1


def test_a_thread_that_fails_says_so_and_recording_goes_on(
    begin: Callable[..., Trail], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    trail = begin()

    def broken(*_: object) -> None:
        raise RuntimeError("out of order")

    monkeypatch.setattr(Personal, "put", broken)
    trail.record(record())
    wait_until(lambda: trail.failure is not None, trail)
    assert "the access trail has failed" in caplog.text
    trail.record(record())
    with pytest.raises(TrailUnavailable, match="2 access records are not on disk: RuntimeError"):
        trail.close()


def test_a_program_that_just_ends_takes_nothing_with_it(tmp_path: Path) -> None:
    program = (
        "import sys\n"
        "from protipp_stream.history.access import Trail\n"
        "from tests.history.access.conftest import record\n"
        "Trail(sys.argv[1], group_s=60).record(record('last word'))\n"
    )
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
    assert [line.reason for line in lines_of(tmp_path)] == ["last word"]
    assert verify_access(tmp_path) == []
