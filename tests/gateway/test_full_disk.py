"""A gateway whose disk fills up: what its clients see, what it says, and how it ends.

The disk is a real one, of two megabytes.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import httpx
import pytest

import protipp_stream as ps
from protipp_stream.core.journal_line import JournalLine, decode_journal_line
from protipp_stream.errors import TrailUnavailable
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.history import journal as journal_module
from protipp_stream.history.layout import Layout
from protipp_stream.history.verifying import verify
from tests.gateway.conftest import bearer
from tests.scripted import ScriptedFeed, quote
from tests.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.filterwarnings("error")

# More than what is left of the last page of a file on a full disk.
MANY = 60
PRICES = count(200)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SmallDisk]:
    monkeypatch.setattr(journal_module, "RETRY_S", 0.02)
    with small_disk(tmp_path / "small") as made:
        yield made


@pytest.fixture(params=["queued", "durable"])
def publish_after(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def gateway_on(small: SmallDisk, feed: ScriptedFeed, **settings: object) -> Gateway:
    made = Settings(drain_s=1.0, **settings)  # type: ignore[arg-type]
    return Gateway(feed, settings=made, history=small.folder / "audit")


def tell_many(feed: ScriptedFeed) -> list[float]:
    """A batch of new prices, of as many outcomes."""
    prices = [next(PRICES) / 100 for _ in range(MANY)]
    feed.tell([quote(price, f"outcome {number}") for number, price in enumerate(prices)])
    return prices


def history_of(gateway: Gateway) -> dict[str, dict[str, object]]:
    headers = bearer(gateway.token(scopes=["odds:read", "status:read"]))
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as client:
        answer = client.get("/api/v1/realtime/status")
    assert answer.status_code == 200
    return answer.json()["history"]  # type: ignore[no-any-return]


def until(holds: Callable[[], bool]) -> None:
    for _ in range(1000):
        if holds():
            return
        threading.Event().wait(0.02)
    raise AssertionError("it did not come to that")


def lines_of(folder: Path) -> list[JournalLine]:
    return [
        decode_journal_line(line)
        for _, path in Layout(folder).segments()
        for line in path.read_bytes().splitlines()
    ]


def kept_in(small: SmallDisk) -> list[float | None]:
    return [each.new_odds for line in lines_of(small.folder / "audit") for each in line.updates]


def is_refused(gateway: Gateway) -> bool:
    return history_of(gateway)["odds"]["status"] == "refused"


def is_level(gateway: Gateway) -> bool:
    return history_of(gateway)["odds"]["pending_rows"] == 0


def take(stream: ps.UpdateStream, number: int, seconds: float = 5) -> list[float | None]:
    found: list[float | None] = []
    while len(found) < number and (update := stream.next(seconds)) is not None:
        found.append(update.new_odds)
    return found


def test_it_goes_on_and_nothing_is_missing_when_there_is_room_again(
    small: SmallDisk, publish_after: str
) -> None:
    feed = ScriptedFeed()
    gateway = gateway_on(small, feed, publish_after=publish_after)
    with gateway, ps.connect(gateway) as odds:
        stream = odds.stream()
        before = tell_many(feed)
        assert take(stream, MANY) == before
        until(lambda: is_level(gateway))
        small.fill()
        meanwhile = tell_many(feed) + tell_many(feed)
        until(lambda: is_refused(gateway))
        if publish_after == "queued":
            # Subscribers do not notice.
            assert take(stream, 2 * MANY) == meanwhile
        else:
            # They get nothing that is not safe, and nor do newcomers.
            assert take(stream, 1, 0.3) == []
            with ps.connect(gateway) as newcomer:
                assert sorted(newcomer.quotes().odds) == sorted(before)
        said = history_of(gateway)["odds"]
        assert said["last_error"] == "No space left on device"
        assert said["pending_rows"] >= 2 * MANY  # type: ignore[operator]
        assert said["lost_rows"] == 0
        small.empty()
        if publish_after == "durable":
            assert take(stream, 2 * MANY) == meanwhile
        until(lambda: not is_refused(gateway))
        assert history_of(gateway)["odds"]["last_error"] is None
        assert kept_in(small) == before + meanwhile
    assert verify(small.folder / "audit").status == 0


def test_it_stops_if_it_shall_and_says_why(small: SmallDisk, publish_after: str) -> None:
    feed = ScriptedFeed()
    gateway = gateway_on(small, feed, publish_after=publish_after, history_failure="stop").start()
    seen: list[float | None] = []
    with ps.connect(gateway) as odds:
        stream = odds.stream()
        before = tell_many(feed)
        assert take(stream, MANY) == before
        until(lambda: is_level(gateway))
        small.fill()
        told = tell_many(feed)
        assert gateway._thread is not None
        gateway._thread.join(20)
        assert not gateway._thread.is_alive()
        seen = take(stream, MANY, 0.3)
    assert isinstance(gateway._failure, TrailUnavailable)
    assert "No space left on device" in gateway._failure.message
    assert gateway._failure.hint
    kept = kept_in(small)
    assert kept == before
    assert seen == (told if publish_after == "queued" else [])
    small.empty()
    # It begins anew without a hand, and what was kept is intact.
    gateway_on(small, ScriptedFeed()).start().stop()
    assert verify(small.folder / "audit").status == 0


@pytest.mark.parametrize("history_failure", ["continue", "stop"])
def test_what_serves_ends_with_the_reason(
    small: SmallDisk, publish_after: str, history_failure: str
) -> None:
    """`serve`, as the program calls it: it raises if the history made it stop."""
    feed = ScriptedFeed()
    gateway = gateway_on(small, feed, publish_after=publish_after, history_failure=history_failure)

    async def served() -> None:
        ready = asyncio.Event()
        serving = asyncio.create_task(gateway.serve(ready.set))
        await ready.wait()
        small.fill()
        await asyncio.to_thread(tell_many, feed)
        if history_failure == "continue":
            recording = gateway.hub.recording
            assert recording is not None
            await asyncio.to_thread(until, lambda: "refused" in str(recording.state["odds"]))
            gateway.stop()
        await asyncio.wait_for(serving, 20)

    if history_failure == "stop":
        with pytest.raises(TrailUnavailable, match="No space left on device"):
            asyncio.run(served())
    else:
        asyncio.run(served())


@pytest.mark.parametrize("history_failure", ["continue", "stop"])
def test_a_disk_that_is_full_only_when_it_closes_is_said(
    small: SmallDisk, caplog: pytest.LogCaptureFixture, history_failure: str
) -> None:
    feed = ScriptedFeed()
    gateway = gateway_on(small, feed, history_failure=history_failure).start()
    recording = gateway.hub.recording
    assert recording is not None
    # What waits for the next commit when it is told to stop.
    recording._journal.settings = journal_module.JournalSettings(commit_s=60.0)
    tell_many(feed)
    recording._journal.wait(recording._journal._accepted, 5)
    small.fill()
    tell_many(feed)
    gateway.stop()
    assert "rows are not in it" in caplog.text
    state = recording.state["odds"]
    assert isinstance(state, journal_module.JournalState)
    assert (state.status, state.pending_rows) == ("closed", 0)
    assert state.lost_rows >= MANY
    assert isinstance(gateway._failure, TrailUnavailable) == (history_failure == "stop")


def test_with_durable_it_stops_when_memory_ends(
    small: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = functools.partial(journal_module.JournalSettings, buffer_bytes=30_000)
    monkeypatch.setattr(journal_module, "JournalSettings", settings)
    feed = ScriptedFeed()
    gateway = gateway_on(small, feed, publish_after="durable").start()
    seen = []
    with ps.connect(gateway) as odds:
        stream = odds.stream()
        seen += tell_many(feed)
        assert take(stream, MANY) == seen
        until(lambda: is_level(gateway))
        small.fill()
        assert gateway._thread is not None
        while gateway.hub.recording is not None and gateway._trouble is None:
            tell_many(feed)
        gateway._thread.join(20)
        seen += take(stream, MANY, 0.3)
    assert isinstance(gateway._failure, TrailUnavailable)
    assert "no room for what arrives" in gateway._failure.message
    assert seen == kept_in(small)


def test_with_queued_what_memory_could_not_hold_is_in_the_history_as_a_gap(
    small: SmallDisk, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = functools.partial(journal_module.JournalSettings, buffer_bytes=30_000)
    monkeypatch.setattr(journal_module, "JournalSettings", settings)
    feed = ScriptedFeed()
    with gateway_on(small, feed) as gateway, ps.connect(gateway) as odds:
        stream = odds.stream()
        tell_many(feed)
        until(lambda: is_level(gateway))
        small.fill()
        until(lambda: bool(tell_many(feed)) and history_of(gateway)["odds"]["lost_rows"] != 0)
        small.empty()
        until(lambda: not is_refused(gateway))
        tell_many(feed)
        seq = gateway.hub.cursor.seq
        # Subscribers had all of it.
        assert len(take(stream, seq)) == seq
        lost = history_of(gateway)["odds"]["lost_rows"]
    lines = lines_of(small.folder / "audit")
    kept = [update.seq for line in lines for update in line.updates]
    notes = [note for line in lines for note in line.notes if note.kind == "lost"]
    gone = {
        missing
        for note in notes
        for missing in range(note.first_seq or 0, (note.last_seq or 0) + 1)
    }
    assert kept == [each for each in range(1, seq + 1) if each not in gone]
    assert sum(note.count or 0 for note in notes) == lost
    assert verify(small.folder / "audit").status == 0
