"""Beside a gateway, which goes on: finished segments are sealed, what is old is removed."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.core.access import AccessRecord, Requester
from protipp_stream.core.wire import encode_updates
from protipp_stream.errors import ConfigurationError
from protipp_stream.gateway.clock import Clock, SystemClock
from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.upkeep import RETAIN_EVERY_S, Upkeep
from protipp_stream.history.access import Trail, export, verify_access
from protipp_stream.history.group import Entry
from protipp_stream.history.journal import Journal, JournalSettings
from protipp_stream.history.layout import Layout
from protipp_stream.history.locking import held
from protipp_stream.history.verifying import verify
from tests.history.load import START, update
from tests.scripted import HandClock


def write(journal: Journal, first: int, count: int) -> None:
    for seq in range(first, first + count):
        rows = encode_updates([update("e", seq, START)])
        assert journal.wait(journal.put(Entry("e", "updates", rows, seq, seq)), 10)


def upkeep(folder: Path, settings: Settings | None = None, clock: Clock | None = None) -> Upkeep:
    return Upkeep(folder, settings or Settings(), clock or SystemClock(), look_s=0.05, retry_s=0.05)


@contextlib.asynccontextmanager
async def running(made: Upkeep) -> AsyncIterator[None]:
    task = asyncio.create_task(made.run())
    yield
    task.cancel()
    await asyncio.wait({task})
    assert task.cancelled()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - it can't ring a bell here
            await asyncio.sleep(0.05)


async def until_sealed(layout: Layout) -> None:
    await until(lambda: len(layout.segments()) <= 1 and layout.manifest.exists())
    # It removes segments before it is done.
    await until(lambda: is_free(layout.sealer_lock))


def is_free(lock: Path) -> bool:
    with held(lock) as alone:
        return alone


async def test_finished_segments_are_sealed_while_the_next_is_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path, JournalSettings(commit_s=0, segment_rows=10))
    await asyncio.to_thread(write, journal, 1, 25)
    sealing = asyncio.create_task(upkeep(tmp_path).run())
    await until_sealed(journal.layout)
    await asyncio.to_thread(write, journal, 26, 15)
    await until_sealed(journal.layout)
    sealing.cancel()
    await asyncio.wait({sealing})
    journal.close()
    report = verify(tmp_path)
    assert (report.status, report.findings) == (0, ())
    assert report.files > 0


async def test_a_seal_that_fails_is_said_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    journal = Journal(tmp_path, JournalSettings(commit_s=0, segment_rows=10))
    await asyncio.to_thread(write, journal, 1, 25)
    caplog.set_level(logging.WARNING, "protipp_stream.gateway.upkeep")
    with held(journal.layout.sealer_lock):
        sealing = asyncio.create_task(upkeep(tmp_path).run())
        await until(lambda: "history seal has failed" in caplog.text)
    await until_sealed(journal.layout)
    sealing.cancel()
    await asyncio.wait({sealing})
    journal.close()


async def test_a_process_that_can_not_be_started_is_not_the_end_of_sealing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, JournalSettings(commit_s=0, segment_rows=10))
    await asyncio.to_thread(write, journal, 1, 25)
    made = upkeep(tmp_path)

    async def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(asyncio, "create_subprocess_exec", refused)
        async with running(made):
            await until(lambda: made.state["last_error"] is not None)
            assert "Too many open files" in str(made.state["last_error"])
            patched.undo()
            await until_sealed(journal.layout)
            await until(lambda: made.state["last_error"] is None)
    journal.close()


async def test_who_stops_in_the_middle_of_a_seal_leaves_no_process_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path, JournalSettings(commit_s=0, segment_rows=10))
    await asyncio.to_thread(write, journal, 1, 25)
    begun: list[asyncio.subprocess.Process] = []
    begin = asyncio.create_subprocess_exec

    async def begin_noted(*arguments: str, **options: Any) -> asyncio.subprocess.Process:
        begun.append(await begin(*arguments, **options))
        return begun[-1]

    monkeypatch.setattr(asyncio, "create_subprocess_exec", begin_noted)
    async with running(upkeep(tmp_path)):
        await until(lambda: bool(begun))
    assert begun[0].returncode is not None
    # It is done by the next one, whatever that one has left.
    async with running(upkeep(tmp_path)):
        await until_sealed(journal.layout)
    journal.close()
    assert verify(tmp_path).status == 0


# -------------------------------------------------------------------- retention


def visited(trail: Trail, *days: float) -> None:
    """Record visits of alice, so many days ago by the clock of this machine."""
    for ago in days:
        at = datetime.now(UTC) - timedelta(days=ago)
        trail.record(AccessRecord(at=at, reason="connected", by=Requester("alice", "192.0.2.7")))
    trail.flush()


def told(folder: Path) -> list[str | None]:
    """The addresses of alice's visits that are known."""
    return [each["address"] for each in export(folder, "alice")["records"]]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Trail]:
    """The trails of a gateway that runs."""
    journal, trail = Journal(tmp_path), Trail(tmp_path)
    visited(trail, 200, 40, 5)
    yield trail
    trail.close()
    journal.close()


async def test_what_is_old_is_removed_at_the_start_and_then_once_a_day(
    tmp_path: Path, kept: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    real = asyncio.create_subprocess_exec

    async def counted(*command: str, **options: Any) -> asyncio.subprocess.Process:
        begun.append(command[4])
        return await real(*command, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", counted)
    clock = HandClock()
    made = upkeep(tmp_path, clock=clock)
    assert made.state == {"sealed_at": None, "retained_at": None, "last_error": None}
    async with running(made):
        await until(lambda: made.state["retained_at"] == clock.wall())
        assert told(tmp_path) == [None, "192.0.2.7"]
        clock.advance(RETAIN_EVERY_S - 1)
        await asyncio.sleep(0.2)  # several looks
        assert begun == ["retain"]
        clock.advance(1)
        await until(lambda: made.state["retained_at"] == clock.wall())
        assert begun == ["retain"] * 2
    assert verify_access(tmp_path) == []


async def test_the_settings_say_how_long_what_is_kept(tmp_path: Path, kept: Trail) -> None:
    settings = Settings(access_days=None, address_days=100)
    made = upkeep(tmp_path, settings)
    async with running(made):
        await until(lambda: made.state["retained_at"] is not None)
    assert told(tmp_path) == [None, "192.0.2.7", "192.0.2.7"]


async def test_where_all_is_kept_no_process_is_begun(
    tmp_path: Path, kept: Trail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asyncio, "create_subprocess_exec", None)
    made = upkeep(tmp_path, Settings(access_days=None, address_days=None))
    async with running(made):
        await until(lambda: made.state["retained_at"] is not None)
    assert told(tmp_path) == ["192.0.2.7"] * 3


async def test_a_retention_that_fails_is_said_and_tried_again(
    tmp_path: Path, kept: Trail, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "protipp_stream.gateway.upkeep")
    made = upkeep(tmp_path)
    with held(Layout(tmp_path).sealer_lock):
        async with running(made):
            await until(lambda: made.state["last_error"] is not None)
            assert made.state["retained_at"] is None
            assert "history retain has failed" in caplog.text
            # What is personal does not wait for whoever seals odds.
            assert told(tmp_path) == [None, "192.0.2.7"]
    async with running(made):
        await until(lambda: made.state["retained_at"] is not None)
    assert made.state["last_error"] is None


@pytest.mark.parametrize("name", ["odds_days", "access_days", "address_days"])
@pytest.mark.parametrize("days", [0, -1, float("nan"), float("inf"), 1e9])
def test_what_is_no_time_to_keep_anything_is_refused(name: str, days: float) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Settings(**{name: days})
