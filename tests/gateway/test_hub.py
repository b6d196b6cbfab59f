"""The hub by itself: what comes in, and what subscribers are told."""

from __future__ import annotations

import msgspec
import pytest

from protipp_stream.core.filter import Filter
from protipp_stream.core.moves import Move
from protipp_stream.core.wire import (
    Confirmed,
    Connected,
    Snapshot,
    Source,
)
from protipp_stream.feeds.base import batch_now
from protipp_stream.gateway.hub import Hub
from protipp_stream.model import Batch, Event, RealTimeConnection
from tests.gateway.outlets import KeptOutlet, updates_in
from tests.scripted import EVENT, HandClock, quote


def tell(hub: Hub, *odds: float, **names: str) -> None:
    for price in odds:
        hub.take(batch_now([quote(price, **names)], [EVENT]))


def test_a_subscriber_is_connected_told_the_sources_and_given_the_board() -> None:
    hub = Hub(clock=HandClock())
    hub.report(_source())
    tell(hub, 2.0)
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    connected, source, snapshot = outlet.read()
    assert isinstance(connected, Connected)
    assert isinstance(source, Source)
    assert isinstance(snapshot, Snapshot)
    assert connected.cursor == snapshot.cursor == str(hub.cursor)
    assert [q.odds for q in snapshot.quotes] == [2.0]


def test_an_event_is_described_once_and_again_when_it_changes() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    outlet.read()
    tell(hub, 2.1)
    renamed = msgspec.structs.replace(EVENT, name="Reds @ Blues, game 2")
    hub.take(batch_now([quote(2.2)], [renamed]))
    first, second = updates_in(outlet.read())
    assert first.events == []
    assert second.events == [renamed]
    late = KeptOutlet()
    hub.subscribe("sse", late, Filter())
    [snapshot] = [frame for frame in late.read() if isinstance(frame, Snapshot)]
    assert snapshot.events == [renamed]


def test_the_book_learns_from_a_description_when_play_begins() -> None:
    moves: list[Move] = []
    hub = Hub(clock=HandClock(), rule=moves.append)
    batch = batch_now([quote(2.0)], [EVENT])
    for starts_at, odds in ((None, 2.1), (batch.received_at, 2.2)):
        event = msgspec.structs.replace(EVENT, starts_at=starts_at)
        hub.take(batch)
        hub.take(msgspec.structs.replace(batch, quotes=[quote(odds)], events=[event]))
    assert moves[1].in_play is False  # before it stands the one it was tried out with
    assert moves[-1].in_play is True


def test_an_event_without_a_price_is_described_in_a_frame_that_leads_nowhere() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    outlet, elsewhere, slow, late = KeptOutlet(), KeptOutlet(), KeptOutlet(), KeptOutlet(room=1)
    hub.subscribe("websocket", outlet, Filter())
    hub.subscribe("websocket", elsewhere, Filter(events=("match",)))
    hub.subscribe("websocket", slow, Filter())
    hub.subscribe("websocket", late, Filter())
    slow.room = 1
    tell(hub, 2.1)
    for each in (outlet, elsewhere):
        each.read()
    new = Event("late", "C v D", "tennis")
    hub.take(batch_now([], [new]))
    [frame] = updates_in(outlet.read())
    assert (frame.prev, frame.updates, frame.events) == (frame.cursor, [], [new])
    assert elsewhere.read() == []
    assert [frame.events for frame in updates_in(slow.read_all())] == [[], [new]]
    [snapshot] = [frame for frame in late.read_all() if isinstance(frame, Snapshot)]
    assert snapshot.events == [EVENT, new]


def test_a_resumed_subscriber_hears_of_events_it_has_not_seen() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    before = str(hub.cursor)
    new = Event("late", "C v D", "tennis")
    hub.take(batch_now([quote(1.5, event_id="late")], [new]))
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter(), resume=before)
    [frame] = updates_in(outlet.read())
    assert frame.events == [new]


@pytest.mark.parametrize("odds", [1.0, 0.0, float("nan"), float("inf"), 1_000_001.0])
def test_what_can_not_be_true_is_quarantined_and_never_shown(odds: float) -> None:
    hub = Hub(clock=HandClock())
    hub.take(batch_now([quote(odds), quote(2.0, "Reds")], [EVENT]))
    assert [q.outcome for q in hub.book.quotes()] == ["Reds"]
    assert hub.intake.quarantined == {"odds": 1}
    assert hub.audit.counts["quarantine"] == 1


def test_a_silent_source_becomes_stale_and_fresh_again() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    hub.report(_source())
    hub.heard("f", 30)
    clock.advance(29.9)
    hub.tick()
    assert not hub.sources["f"].stale
    clock.advance(0.1)
    hub.tick()
    assert hub.sources["f"].stale
    hub.heard("f", 30)
    assert not hub.sources["f"].stale


def test_a_replay_is_as_silent_as_its_recording() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    hub.report(msgspec.structs.replace(_source(), connection_type="replay"))
    hub.heard("f", 30)
    clock.advance(300)
    hub.tick()
    assert not hub.sources["f"].stale


def test_a_newcomer_is_told_how_fresh_an_unchanged_price_is() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    for _ in range(2):
        confirmed = msgspec.structs.replace(quote(2.0), source_timestamp=clock.wall())
        hub.take(batch_now([confirmed], [EVENT]))
        outlet = KeptOutlet()
        hub.subscribe("websocket", outlet, Filter())
        [snapshot] = [frame for frame in outlet.read() if isinstance(frame, Snapshot)]
        assert snapshot.quotes[0].source_timestamp == clock.wall()
        clock.advance(60)


def test_a_price_that_can_not_be_withdraws_the_one_before_it() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    tell(hub, 0.95)
    assert [each.odds for each in hub.book.quotes()] == [None]
    # What was never on the board is not withdrawn from it, and a name that is none can't be.
    hub.take(batch_now([quote(0.5, "Reds"), quote(0.5, "a\nb"), quote(0.5, bookmaker_id=["x"])]))
    assert len(hub.book) == 1
    assert hub.intake.quarantined == {"odds": 2, "name": 2}


def test_a_subscriber_is_told_once_what_was_said_again_unchanged() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    hub.take(batch_now([quote(2.0), quote(3.0, bookmaker_id="other")], [EVENT]))
    all_of_it, other, behind = KeptOutlet(), KeptOutlet(), KeptOutlet()
    hub.subscribe("websocket", all_of_it, Filter())
    hub.subscribe("websocket", other, Filter(bookmakers=("other",)))
    late = hub.subscribe("websocket", behind, Filter())
    for outlet in (all_of_it, other, behind):
        outlet.read()
    behind.full()
    clock.advance(5)
    again = batch_now([quote(2.0)])
    hub.take(again)
    for _ in range(2):
        clock.advance(1)
        hub.tick()
    [told] = all_of_it.read()
    assert isinstance(told, Confirmed)
    [row] = told.confirmed
    assert (row.bookmaker_id, row.outcomes, row.received_at) == (
        "acme",
        ["Blues"],
        again.received_at,
    )
    assert other.read() == []
    assert behind.kept == []
    assert not late.is_idle
    behind.clear()
    hub.tick()
    assert any(isinstance(frame, Confirmed) for frame in behind.read())


def test_who_resumes_at_the_head_hears_of_an_event_described_meanwhile() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    new = Event("late", "C v D", "tennis")
    hub.take(batch_now([], [new]))
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter(), resume=str(hub.cursor))
    [frame] = updates_in(outlet.read())
    assert (frame.prev, frame.events) == (frame.cursor, [new])


def _source() -> RealTimeConnection:
    return RealTimeConnection(
        id="f", bookmaker_id="f", connection_type="polling", status="connected"
    )


def test_an_event_that_is_over_is_forgotten_by_gateway_and_newcomers() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    hub.take(Batch([quote(2.0)], clock.wall(), clock.monotonic(), [EVENT]))
    clock.advance(10)
    hub.take(Batch([quote(None)], clock.wall(), clock.monotonic()))
    for _ in range(5):
        clock.advance(600)
        hub.tick()
    assert len(hub.book) == 1
    for _ in range(3):
        clock.advance(600)
        hub.tick()
    assert len(hub.book) == 0
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    [snapshot] = [frame for frame in outlet.read() if isinstance(frame, Snapshot)]
    assert (snapshot.quotes, snapshot.events) == ([], [])
