"""The hub by itself: who is handed what, when nobody is in a hurry and when someone is slow."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import msgspec
import pytest

from protipp_stream.core.filter import Filter
from protipp_stream.core.mirror import Mirror
from protipp_stream.core.wire import Snapshot, Updates, decode_server_frame
from protipp_stream.feeds.base import batch_now
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.subscription import Outgoing, Subscription
from protipp_stream.model import Cursor, Event, RealTimeConnection
from tests.scripted import EVENT, HandClock, quote


def pending(hub: Hub, subscription: Subscription) -> list[Outgoing]:
    """Everything that the hub would hand to a subscriber now."""
    frames = []
    while (frame := hub._next(subscription)) is not None:
        frames.append(frame)
    return frames


def joined(hub: Hub, wanted: Filter | None = None, resume: str | None = None) -> Subscription:
    subscription = hub.subscribe("websocket", wanted or Filter())
    hub.opening(subscription, resume)
    return subscription


def tell(hub: Hub, *odds: float, **names: str) -> None:
    for price in odds:
        hub.take(batch_now([quote(price, **names)], [EVENT]))


def rows(frames: list[Outgoing]) -> list[Any]:
    return [
        row
        for frame in frames
        if isinstance(decoded := decode_server_frame(frame.data), Updates)
        for row in decoded.updates
    ]


def test_subscribers_with_one_filter_share_the_bytes() -> None:
    hub = Hub()
    tell(hub, 2.0)
    first, second, other = joined(hub), joined(hub), joined(hub, Filter(markets=("h2h",)))
    tell(hub, 2.1)
    [a], [b], [c] = pending(hub, first), pending(hub, second), pending(hub, other)
    assert a.data is b.data
    assert c.data is not a.data


def test_a_slow_subscriber_gets_each_selection_at_its_newest_and_is_told_why() -> None:
    hub = Hub(Settings(backlog=8))
    tell(hub, 2.0)
    slow, fast = joined(hub), joined(hub)
    seen: list[Any] = []
    for number in range(40):
        tell(hub, 3.0 + number)
        seen += rows(pending(hub, fast))
    assert [row.new_odds for row in seen] == [3.0 + number for number in range(40)]
    [frame] = pending(hub, slow)
    decoded = decode_server_frame(frame.data)
    assert isinstance(decoded, Updates)
    assert decoded.conflated == "slow"
    assert [row.new_odds for row in decoded.updates] == [42.0]
    assert hub.conflations == 1


def test_a_long_stretch_is_cut_into_frames_that_follow_each_other() -> None:
    hub = Hub(Settings(frame_rows=10))
    tell(hub, 2.0)
    subscription = joined(hub)
    for number in range(25):
        tell(hub, 3.0 + number)
    frames = [decode_server_frame(frame.data) for frame in pending(hub, subscription)]
    assert [len(frame.updates) for frame in frames if isinstance(frame, Updates)] == [10, 10, 5]
    for earlier, later in pairwise(frames):
        assert isinstance(earlier, Updates)
        assert isinstance(later, Updates)
        assert later.prev == earlier.cursor


def test_what_a_filter_leaves_out_is_no_gap() -> None:
    hub = Hub()
    tell(hub, 2.0, market="totals@7")
    subscription = joined(hub, Filter(markets=("totals",)))
    mirror = Mirror()
    mirror.reset(subscription.told, [])
    tell(hub, *(2.0 + n for n in range(5)))
    assert pending(hub, subscription) == []
    tell(hub, 9.0, market="totals@7")
    [frame] = pending(hub, subscription)
    decoded = decode_server_frame(frame.data)
    assert isinstance(decoded, Updates)
    prev, cursor = Cursor.parse(decoded.prev), Cursor.parse(decoded.cursor)
    assert prev is not None
    assert cursor is not None
    judged, fresh = mirror.apply(prev, cursor, decoded.updates)
    assert (judged, len(fresh)) == ("next", 1)


def test_an_event_is_described_once_and_again_when_it_changes() -> None:
    hub = Hub()
    tell(hub, 2.0)
    subscription = joined(hub)
    tell(hub, 2.1)
    renamed = msgspec.structs.replace(EVENT, name="Reds @ Blues, game 2")
    hub.take(batch_now([quote(2.2)], [renamed]))
    frames = [decode_server_frame(frame.data) for frame in pending(hub, subscription)]
    [merged] = frames
    assert isinstance(merged, Updates)
    assert merged.events == [renamed]
    [snapshot] = [
        decoded
        for frame in hub.opening(hub.subscribe("sse", Filter()), None)
        if isinstance(decoded := decode_server_frame(frame.data), Snapshot)
    ]
    assert snapshot.events == [renamed]


def test_a_resumed_subscriber_hears_of_events_it_has_not_seen() -> None:
    hub = Hub()
    tell(hub, 2.0)
    before = str(hub.cursor)
    new = Event("late", "C v D", "tennis")
    hub.take(batch_now([quote(1.5, event_id="late")], [new]))
    subscription = joined(hub, resume=before)
    [frame] = pending(hub, subscription)
    decoded = decode_server_frame(frame.data)
    assert isinstance(decoded, Updates)
    assert decoded.events == [new]


@pytest.mark.parametrize("odds", [1.0, 0.0, float("nan"), float("inf"), 1_000_001.0])
def test_what_can_not_be_true_is_quarantined_and_never_shown(odds: float) -> None:
    hub = Hub()
    hub.take(batch_now([quote(odds), quote(2.0, "Reds")], [EVENT]))
    assert [q.outcome for q in hub.book.quotes()] == ["Reds"]
    assert hub.quarantined == {"odds": 1}
    assert hub.audit.counts["quarantine"] == 1


def test_a_silent_source_becomes_stale_and_fresh_again() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    hub.report(
        RealTimeConnection(id="f", bookmaker_id="f", connection_type="polling", status="connected")
    )
    hub.heard("f", 30)
    clock.advance(29.9)
    hub.check_freshness()
    assert not hub.sources["f"].stale
    clock.advance(0.1)
    hub.check_freshness()
    assert hub.sources["f"].stale
    hub.heard("f", 30)
    assert not hub.sources["f"].stale


def test_a_replay_is_as_silent_as_its_recording() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    hub.report(
        RealTimeConnection(id="r", bookmaker_id="r", connection_type="replay", status="connected")
    )
    hub.heard("r", 30)
    clock.advance(300)
    hub.check_freshness()
    assert not hub.sources["r"].stale


def test_frames_are_shared_for_a_moment_only() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    tell(hub, *(2.0 + n / 10 for n in range(300)))
    for number in range(300):
        pending(hub, joined(hub, resume=f"{hub.book.epoch}:{number}"))
    assert len(hub._frames) <= 64
    clock.advance(1)
    pending(hub, joined(hub, resume=f"{hub.book.epoch}:1"))
    assert len(hub._frames) == 1


async def test_one_who_does_not_read_does_not_hold_up_a_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("protipp_stream.gateway.hub.PATIENCE_S", 0.01)
    hub = Hub()
    tell(hub, 2.0)
    stuck = joined(hub)
    tell(hub, 3.0)
    await hub.delivered()
    assert stuck.position < hub.cursor.seq


def test_notices_that_pile_up_end_a_subscription() -> None:
    hub = Hub()
    subscription = joined(hub)
    for _ in range(1001):
        subscription.notify(Outgoing("pong", b"{}"))
    assert subscription.closes_with == 4001
    assert not subscription.notices


async def test_who_is_always_behind_does_not_read_past_its_token() -> None:
    clock = HandClock()
    hub = Hub(Settings(frame_rows=1), clock=clock)
    tell(hub, *(2.0 + number for number in range(50)))
    subscription = hub.subscribe("websocket", Filter())
    subscription.expires_at = clock.wall().timestamp() + 120
    names = []
    async for frame in hub.stream(subscription, f"{hub.book.epoch}:0"):
        names.append(frame.name)
        if names.count("updates") == 3:
            clock.advance(200)
    assert names.count("updates") == 3
    assert names[-1] == "error"
    assert subscription.closes_with == 4004
