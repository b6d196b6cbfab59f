"""A gateway with a history: what is taken is kept, and with "durable" nothing goes out before."""

from __future__ import annotations

import errno
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest

import protipp_stream as ps
from protipp_stream.core.journal_line import JournalLine, decode_journal_line
from protipp_stream.errors import ConfigurationError, ProtippStreamError, TrailUnavailable
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.gateway.log import Log, Made
from protipp_stream.gateway.recording import Recording
from protipp_stream.history import segment as segment_module
from protipp_stream.history.access import export
from protipp_stream.history.group import Entry
from protipp_stream.history.journal import Journal, JournalState
from protipp_stream.history.layout import Layout
from protipp_stream.history.writer import Writer
from tests.gateway.conftest import bearer
from tests.scripted import HandClock, ScriptedFeed, quote


def lines_of(folder: Path) -> list[JournalLine]:
    return [
        decode_journal_line(line)
        for _, path in Layout(folder).segments()
        for line in path.read_bytes().splitlines()
    ]


@pytest.fixture(params=["queued", "durable"])
def publish_after(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def wait_for(recording: Recording, status: str) -> JournalState:
    while True:
        state = recording.state["odds"]
        assert isinstance(state, JournalState)
        if state.status == status:
            return state
        threading.Event().wait(0.01)


class Disk:
    """Takes what is written, until it is told to refuse or to let wait."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.refuses = False
        self.goes_on = threading.Event()
        self.goes_on.set()
        monkeypatch.setattr(segment_module, "sync_data", self._sync)

    def _sync(self, descriptor: int) -> None:
        self.goes_on.wait()
        if self.refuses:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        os.fsync(descriptor)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    made = Disk(monkeypatch)
    yield made
    made.refuses = False
    made.goes_on.set()


def test_what_a_client_saw_is_what_was_kept(tmp_path: Path, publish_after: str) -> None:
    feed = ScriptedFeed()
    settings = Settings(publish_after=publish_after)  # type: ignore[arg-type]
    gateway = Gateway(feed, settings=settings, history=tmp_path / "audit")
    with gateway, ps.connect(gateway) as odds:
        stream = odds.stream()
        seen = []
        for number in range(50):
            feed.tell([quote(2.0 + number)])
        while len(seen) < 50:
            update = stream.next(5)
            assert update is not None
            seen.append((update.id, update.old_odds, update.new_odds, update.timestamp))
    lines = lines_of(tmp_path / "audit")
    kept = [each for line in lines for each in line.updates]
    assert [(u.id, u.old_odds, u.new_odds, u.timestamp) for u in kept] == seen
    assert [update.seq for update in kept] == list(range(1, len(kept) + 1))
    notes = [note.kind for line in lines for note in line.notes]
    assert (notes[0], notes[-1]) == ("start", "stop")
    assert "feed" in notes
    # All is signed when it has been closed.
    assert lines[-1].checkpoint is not None


def test_with_durable_nothing_is_seen_before_it_is_safe(tmp_path: Path, disk: Disk) -> None:
    feed = ScriptedFeed()
    settings = Settings(publish_after="durable")
    gateway = Gateway(feed, settings=settings, history=tmp_path / "audit")
    with gateway, ps.connect(gateway) as odds:
        stream = odds.stream()
        feed.tell([quote(1.9)])
        assert stream.next(5) is not None
        disk.goes_on.clear()
        feed.tell([quote(5.0)])
        feed.tell([quote(6.0)])
        # Neither a subscriber nor a newcomer gets what is not on the disk.
        assert stream.next(0.3) is None
        with ps.connect(gateway) as newcomer:
            assert list(newcomer.quotes().odds) == [1.9]
        disk.goes_on.set()
        told = [stream.next(5), stream.next(5)]
        assert [each and each.new_odds for each in told] == [5.0, 6.0]
        assert list(odds.quotes().odds) == [6.0]


def test_with_durable_what_was_taken_goes_out_before_the_gateway_stops(
    tmp_path: Path, disk: Disk
) -> None:
    feed = ScriptedFeed()
    settings = Settings(publish_after="durable")
    gateway = Gateway(feed, settings=settings, history=tmp_path / "audit").start()
    with ps.connect(gateway) as odds:
        stream = odds.stream()
        disk.goes_on.clear()
        feed.tell([quote(5.0)])
        stopping = threading.Thread(target=gateway.stop)
        stopping.start()
        assert stream.next(0.3) is None
        disk.goes_on.set()
        update = stream.next(5)
        assert update is not None
        assert update.new_odds == 5.0
    stopping.join()


class Answering:
    """Stands for a journal that has room, or has none."""

    def __init__(self) -> None:
        self.has_room = True
        self.number = 0
        self.kinds: list[str] = []
        self.on_durable = self.on_trouble = None

    def put(self, entry: Entry) -> int:
        if not self.has_room:
            return 0
        self.kinds.append(entry.kind)
        self.number += 1
        return self.number


async def test_after_what_could_not_be_kept_nothing_more_goes_out() -> None:
    """It would follow a hole, and no subscriber could tell."""
    journal, clock, told = Answering(), HandClock(), []
    log = Log(Settings(), clock, holds_back=True)
    recording = Recording(
        journal,  # type: ignore[arg-type]
        log,
        clock,
        holds_back=True,
        published=lambda: None,
        failed=lambda words, *, is_broken: told.append((words, is_broken)),
    )
    assert recording.take([quote(2.0)], clock.wall(), 0.0) == 1
    journal.has_room = False
    assert recording.take([quote(3.0)], clock.wall(), 0.0) == 0
    assert told == [("The odds journal has no room for what arrives.", True)]
    journal.has_room = True
    recording.take([quote(4.0)], clock.wall(), 0.0)
    recording._release(journal.number)
    # What is safe and follows no hole does.
    assert log.cursor.seq == 1


def test_who_publishes_is_told_how_many_updates_came_of_it(
    tmp_path: Path, publish_after: str
) -> None:
    settings = Settings(publish_after=publish_after)  # type: ignore[arg-type]
    with Gateway(settings=settings, history=tmp_path / "audit") as gateway:
        answer = httpx.post(
            f"{gateway.url}/api/v1/odds",
            content=msgspec.json.encode({"quotes": [quote(1.9), quote(2.1, "Reds")]}),
            headers=bearer(gateway.token(scopes=["odds:publish"])),
        )
        assert answer.json()["updates"] == 2
        assert gateway.hub.sources.get("publish").last_update is not None  # type: ignore[union-attr]


def test_what_was_said_again_just_before_the_end_is_kept(tmp_path: Path) -> None:
    feed = ScriptedFeed()
    with Gateway(feed, history=tmp_path / "audit") as gateway:
        feed.tell([quote(1.9)])
        gateway.hub.recording.confirm()  # type: ignore[union-attr]
        feed.tell([quote(1.9)])
    said = [each for line in lines_of(tmp_path / "audit") for each in line.confirmed]
    assert [each.outcomes for each in said] == [["Blues"]]


def test_an_event_that_is_over_is_not_forgotten_while_a_price_of_it_waits() -> None:
    clock = HandClock()
    log = Log(Settings(), clock, holds_back=True)

    def make(odds: float | None) -> Made:
        return log.make([quote(odds)], clock.wall(), 0.0)

    for odds in (2.0, None):
        log.publish(make(odds))
    clock.advance(2 * Settings().forget_after_s)
    back = make(2.5)
    assert log.forget_over(clock.wall()) == set()
    log.publish(back)
    # Or its end would be no news, and the price stand for ever.
    assert [update.new_odds for update in make(None).updates] == [None]


async def test_a_second_signal_does_not_cost_the_history_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gateway = Gateway(history=tmp_path / "audit")
    handlers = []
    close = Journal.close

    def closing(journal: Journal) -> None:
        handlers.append(signal.getsignal(signal.SIGTERM))
        close(journal)

    monkeypatch.setattr(Journal, "close", closing)
    await gateway.serve(on_ready=lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert handlers
    assert signal.SIG_DFL not in handlers


def test_durable_without_a_history_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="needs a history"):
        Gateway(settings=Settings(publish_after="durable"))


@pytest.mark.parametrize("is_stop", [False, True])
def test_a_full_disk_is_said_and_what_was_taken_is_kept(
    tmp_path: Path, disk: Disk, is_stop: bool
) -> None:
    feed = ScriptedFeed()
    settings = Settings(history_failure="stop" if is_stop else "continue")
    gateway = Gateway(feed, settings=settings, history=tmp_path / "audit").start()
    with ps.connect(gateway) as odds:
        stream = odds.stream()
        feed.tell([quote(1.9)])
        assert stream.next(5) is not None
        disk.refuses = True
        feed.tell([quote(7.0)])
        if is_stop:
            gateway._thread.join(10)  # type: ignore[union-attr]
            assert isinstance(gateway._failure, TrailUnavailable)
            assert "No space left" in str(gateway._failure)
            return
        # Subscribers do not notice.
        update = stream.next(5)
        assert update is not None
        assert update.new_odds == 7.0
        recording = gateway.hub.recording
        assert recording is not None
        state = wait_for(recording, "refused")
        assert state.last_error == "No space left on device"
        disk.refuses = False
        wait_for(recording, "writing")
    gateway.stop()
    kept = [each.new_odds for line in lines_of(tmp_path / "audit") for each in line.updates]
    assert 7.0 in kept


def test_with_a_journal_that_has_failed_nothing_goes_on_as_if_it_were_safe(
    tmp_path: Path, publish_after: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("a bug")

    feed = ScriptedFeed()
    settings = Settings(publish_after=publish_after, drain_s=1.0)  # type: ignore[arg-type]
    gateway = Gateway(feed, settings=settings, history=tmp_path / "audit").start()
    recording = gateway.hub.recording
    assert recording is not None
    with ps.connect(gateway) as odds:
        stream = odds.stream()
        feed.tell([quote(1.9)])
        assert stream.next(5) is not None
        monkeypatch.setattr(Writer, "stage_all", fails)
        feed.tell([quote(7.0)])
        if publish_after == "durable":
            # Nothing else need come in for it to stop.
            gateway._thread.join(10)  # type: ignore[union-attr]
            assert isinstance(gateway._failure, TrailUnavailable)
            assert "the journal has failed" in str(gateway._failure)
            assert stream.next(0.3) is None
        else:
            assert stream.next(5) is not None
            lost = wait_for(recording, "failed").lost_rows
            feed.tell([quote(8.0)])
            assert stream.next(5) is not None
            assert wait_for(recording, "failed").lost_rows > lost > 0
    gateway.stop()


def test_two_gateways_do_not_share_a_folder(tmp_path: Path) -> None:
    with Gateway(history=tmp_path / "audit"), pytest.raises(TrailUnavailable, match="Another"):
        Gateway(history=tmp_path / "audit").start()


def test_a_folder_that_can_not_be_made_is_said_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "audit").write_text("a file")
    with pytest.raises(ProtippStreamError, match="No journal can be written"):
        Gateway(history=tmp_path / "audit").start()
    [said] = [record for record in caplog.records if "has ended" in record.getMessage()]
    assert said.exc_info is None
    assert "No journal can be written" in said.getMessage()


@pytest.mark.parametrize("field", ["publish_after", "history_failure"])
def test_what_is_no_choice_is_refused(field: str) -> None:
    with pytest.raises(ConfigurationError, match=field):
        Settings(**{field: "sometimes"})


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_who_leaves_is_not_written_down_as_having_failed(tmp_path: Path, transport: str) -> None:
    feed = ScriptedFeed()
    with Gateway(feed, history=tmp_path / "audit") as gateway:
        feed.tell([quote(1.9)])
        ps.connect(gateway, transport=transport).close()
    known = export(tmp_path / "audit", "notebook")
    [left] = [each for each in known["records"] if each["reason"] == "left"]
    assert left["facts"].get("code") in {1000, None}
