"""The hub by itself and its patience: who reads slowly, what waits, who is sent away and when."""

from __future__ import annotations

import msgspec
import pytest

from protipp_stream.core.filter import Filter
from protipp_stream.core.wire import (
    Draining,
    ErrorFrame,
    Expiring,
    Heartbeat,
    Snapshot,
    Source,
)
from protipp_stream.feeds.base import batch_now
from protipp_stream.gateway.frames import Outgoing
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.settings import Settings
from protipp_stream.model import Cursor, RealTimeConnection
from tests.gateway.outlets import KeptOutlet, rows
from tests.scripted import EVENT, HandClock, quote


def tell(hub: Hub, *odds: float, **names: str) -> None:
    for price in odds:
        hub.take(batch_now([quote(price, **names)], [EVENT]))


async def test_one_who_does_not_read_does_not_hold_up_a_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("protipp_stream.gateway.hub.PATIENCE_S", 0.01)
    hub = Hub()
    tell(hub, 2.0)
    stuck = KeptOutlet(room=1)
    hub.subscribe("websocket", stuck, Filter())
    tell(hub, 3.0)
    await hub.delivered()
    assert len(stuck.kept) == 1


def test_heartbeats_come_in_time_and_say_where_the_log_was_told() -> None:
    clock = HandClock()
    hub = Hub(Settings(heartbeat_s=30), clock=clock)
    tell(hub, 2.0)
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    tell(hub, 2.1)
    outlet.read()
    clock.advance(29)
    hub.tick()
    assert outlet.read() == []
    clock.advance(1)
    hub.tick()
    hub.tick()
    [beat] = outlet.read()
    assert isinstance(beat, Heartbeat)
    assert beat.cursor == str(hub.cursor)


def test_a_full_buffer_gets_no_heartbeat_until_it_is_clear() -> None:
    clock = HandClock()
    hub = Hub(Settings(heartbeat_s=10), clock=clock)
    outlet = KeptOutlet(room=1)
    hub.subscribe("websocket", outlet, Filter())
    clock.advance(11)
    hub.tick()
    assert len(outlet.kept) == 1
    outlet.room = None
    outlet.read_all()
    hub.tick()
    assert [type(frame) for frame in outlet.read()] == [Heartbeat]


def test_a_token_that_ends_is_announced_and_ends_the_subscription_even_of_who_is_behind() -> None:
    clock = HandClock()
    hub = Hub(Settings(heartbeat_s=300, stuck_s=300), clock=clock)
    outlet, behind = KeptOutlet(), KeptOutlet(room=1)
    until = clock.wall().timestamp() + 90
    subscription = hub.subscribe("websocket", outlet, Filter(), expires_at=until)
    other = hub.subscribe("websocket", behind, Filter(), expires_at=until)
    clock.advance(10)
    outlet.read()
    clock.advance(21)
    hub.tick()
    hub.tick()
    assert [type(frame) for frame in outlet.read()] == [Expiring]
    clock.advance(60)
    hub.tick()
    [error] = outlet.read()
    assert isinstance(error, ErrorFrame)
    assert error.code == subscription.closes_with == other.closes_with == 4004
    tell(hub, 2.0)
    assert outlet.read() == []


def test_whose_buffer_does_not_empty_is_sent_away() -> None:
    clock = HandClock()
    hub = Hub(Settings(stuck_s=20), clock=clock)
    outlet = KeptOutlet(room=1)
    subscription = hub.subscribe("websocket", outlet, Filter())
    clock.advance(19)
    hub.tick()
    outlet.read()  # it reads one frame of three: the patience begins anew
    clock.advance(19)
    hub.tick()
    assert subscription.closes_with is None
    assert subscription.connection().detail == "stalled"
    clock.advance(1)
    hub.tick()
    assert subscription.closes_with == 4001


def test_one_bad_tick_of_an_audience_keeps_the_odds_from_nobody_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hub = Hub(clock=HandClock())
    bad, good = KeptOutlet(), KeptOutlet()
    unlucky = hub.subscribe("websocket", bad, Filter(markets=("totals",)))
    hub.subscribe("websocket", good, Filter())
    good.read()
    step = hub.log.step

    def broken(wanted: Filter, told: Cursor, position: int) -> object:
        if wanted.markets:
            raise RuntimeError("a bug")
        return step(wanted, told, position)

    monkeypatch.setattr(hub.log, "step", broken)
    tell(hub, 2.0)
    assert [row.new_odds for row in rows(good.read())] == [2.0]
    assert unlucky.closes_with == 4007
    assert "a bug" in caplog.text


def test_states_that_change_while_nobody_reads_wait_as_the_newest_of_each() -> None:
    hub = Hub(clock=HandClock())
    outlet = KeptOutlet(room=1)
    subscription = hub.subscribe("websocket", outlet, Filter())
    for count in range(3_000):
        hub.report(msgspec.structs.replace(_source(), last_error=f"error {count}"))
    assert subscription.closes_with is None
    told = [frame.connection for frame in outlet.read_all() if isinstance(frame, Source)]
    assert told[-1].last_error == "error 2999"
    assert len(told) <= 2


def test_a_state_in_which_only_its_times_are_new_is_told_again_after_a_pause() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    outlet.read()
    told = []
    for _ in range(6):
        hub.report(msgspec.structs.replace(_source(), last_heartbeat=clock.wall()), pause_s=1.0)
        told.append(len(outlet.read()))
        clock.advance(0.4)
    hub.report(msgspec.structs.replace(_source(), status="error"), pause_s=1.0)
    assert told == [1, 0, 0, 1, 0, 0]
    assert len(outlet.read()) == 1


def test_snapshots_are_made_when_there_is_room_for_them() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    outlet = KeptOutlet(room=1)
    subscription = hub.subscribe("websocket", outlet, Filter())
    for _ in range(100):
        hub.refilter(subscription, Filter(), None)
    tell(hub, 2.1)
    assert not subscription.notices
    [snapshot] = [frame for frame in outlet.read_all() if isinstance(frame, Snapshot)]
    assert [q.odds for q in snapshot.quotes] == [2.1]


def test_a_slow_reader_that_gets_on_is_kept_and_one_that_does_not_is_not() -> None:
    clock = HandClock()
    hub = Hub(Settings(stuck_s=20), clock=clock)
    outlet = KeptOutlet(room=1)
    subscription = hub.subscribe("websocket", outlet, Filter())
    outlet.kept = [b"x" * 300_000]
    subscription.full_bytes = 300_000
    for left in (230_000, 160_000):
        outlet.kept = [b"x" * left]
        clock.advance(20)
        hub.tick()
        assert subscription.closes_with is None
    outlet.kept = [b"x" * 150_000]
    clock.advance(20)
    hub.tick()
    assert subscription.closes_with == 4001


def test_after_the_last_word_nothing_is_said() -> None:
    hub = Hub(clock=HandClock())
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    hub.drain()
    hub.report(_source())
    assert isinstance(outlet.read()[-1], Draining)


def test_notices_that_pile_up_end_a_subscription() -> None:
    hub = Hub(clock=HandClock())
    outlet = KeptOutlet(room=1)
    subscription = hub.subscribe("websocket", outlet, Filter())
    for _ in range(1001):
        subscription.notify(Outgoing("pong", b"{}"))
    assert subscription.closes_with == 4001
    assert not subscription.notices


def test_a_gateway_that_goes_says_so_after_everything_else() -> None:
    hub = Hub(Settings(retry_ms=700), clock=HandClock())
    tell(hub, 2.0)
    outlet, behind = KeptOutlet(), KeptOutlet(room=1)
    subscription = hub.subscribe("websocket", outlet, Filter())
    hub.subscribe("sse", behind, Filter())
    tell(hub, 2.1)
    hub.drain()
    *_, update, last = outlet.read()
    assert [row.new_odds for row in rows([update])] == [2.1]
    assert isinstance(last, Draining)
    assert last.retry_ms == 700
    assert subscription.closes_with == 4000
    assert isinstance(behind.read()[-1], Draining)


def _source() -> RealTimeConnection:
    return RealTimeConnection(
        id="f", bookmaker_id="f", connection_type="polling", status="connected"
    )
