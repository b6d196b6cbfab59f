"""``max_hz``: a client that wants few frames gets few, and is not warned of what it asked for."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

import protipp_stream as ps
from protipp_stream.client.endpoint import endpoint_of
from protipp_stream.client.transports import LADDER
from protipp_stream.client.transports.polling import polling
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import ClockOffset
from protipp_stream.core.link import DEAD_AFTER, STALLED_AFTER
from protipp_stream.core.wire import Connected
from protipp_stream.errors import ConfigurationError
from protipp_stream.gateway import Gateway
from tests.scripted import ScriptedFeed, quote


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_it_gets_the_newest_of_each_selection_at_its_own_pace_and_no_warning(
    gateway: Gateway, feed: ScriptedFeed, transport: str
) -> None:
    with ps.connect(gateway, transport=transport, max_hz=4) as odds:
        raising, warning = odds.stream(on_gap="raise"), odds.stream()
        for number in range(21):
            feed.tell([quote(3.0 + number)])
        assert odds.wait_until(gateway.hub.cursor, 5)
        [subscription] = gateway.hub.subscriptions
        assert subscription.max_hz == 4
        for stream in (raising, warning):
            got = []
            while update := stream.next(0):
                got.append(update.new_odds)
            # Telling takes a few milliseconds: one frame at once, one or two later.
            assert 2 <= len(got) <= 5
            assert got[-1] == 23.0
        assert list(odds.quotes().odds) == [23.0, 1.9]


async def test_a_poller_asks_as_seldom(
    gateway: Gateway, feed: ScriptedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By its name in sys.modules: the package has a function of the same name.
    module: Any = sys.modules["protipp_stream.client.transports.polling"]
    instant, rests, ask = 0.0, [], module._ask

    async def answered_after_50_ms(*given: Any) -> Any:
        nonlocal instant
        instant += 0.05
        return await ask(*given)

    async def rest(duration_s: float) -> None:
        nonlocal instant
        instant += duration_s
        rests.append(duration_s)

    monkeypatch.setattr(module, "INTERVAL_S", 0.1)
    monkeypatch.setattr(module, "_ask", answered_after_50_ms)
    monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: instant))
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=rest))
    at = endpoint_of(gateway.url, gateway.token(), insecure=False)
    frames = polling(at, gateway.hub.cursor, Filter(), ClockOffset(), max_hz=4)
    async for _ in frames:
        feed.tell([quote(3.0 + len(rests))])
        if len(rests) == 5:
            break
    await frames.aclose()
    # From one question to the next a quarter of a second passes, the answer's time in it.
    assert rests == pytest.approx([0.2] * 5)


@pytest.mark.parametrize("max_hz", [None, 1000.0, 0.5, 0.01])
async def test_a_poller_that_asks_seldom_is_not_taken_for_dead(
    gateway: Gateway, max_hz: float | None
) -> None:
    at = endpoint_of(gateway.url, gateway.token(), insecure=False)
    frames = polling(at, None, Filter(), ClockOffset(), max_hz)
    received = await anext(frames)
    await frames.aclose()
    assert isinstance(received.frame, Connected)
    # It rests for its interval, then waits for news: both pass without a frame.
    silence_s = max(1.25, 1 / (max_hz or 1000)) + 20
    assert received.frame.heartbeat_s * STALLED_AFTER > silence_s
    assert received.frame.heartbeat_s * DEAD_AFTER < silence_s * 1.5


@pytest.mark.parametrize("transport", LADDER)
@pytest.mark.parametrize("max_hz", [0.01, 1, 1000])
def test_any_pace_within_the_limits_is_served(
    gateway: Gateway, transport: str, max_hz: float
) -> None:
    with ps.connect(gateway, transport=transport, max_hz=max_hz) as odds:
        assert len(odds.quotes()) == 2


@pytest.mark.parametrize("max_hz", [0, 0.009, 1001, -1, float("nan"), float("inf"), "5", True])
def test_what_is_no_pace_is_refused_before_anything_is_sent(max_hz: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"0\.01 to 1000"):
        ps.connect("http://127.0.0.1:1", "token", max_hz=max_hz)
