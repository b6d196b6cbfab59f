"""From every transport to every other, down and up again, with nothing lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from protipp_stream.core.filter import Filter
from tests.faults.conftest import Stage
from tests.faults.proxy import Weather

LADDER = ("websocket", "sse", "polling")
PAIRS = [(a, b) for a in LADDER for b in LADDER[LADDER.index(a) + 1 :]]


def block_above(stage: Stage, transport: str) -> None:
    """Let nobody have anything better, and cut what they have."""
    for watcher, proxy in zip(stage.watchers, stage.network.proxies, strict=True):
        proxy.clear()
        for better in LADDER[: LADDER.index(transport)]:
            proxy.rule("502", better)
        proxy.reset(after=200)
        watcher.drain()


def until(stage: Stage, condition: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        stage.drain()
        assert time.monotonic() < deadline, [repr(w.odds) for w in stage.watchers]
        time.sleep(0.01)


@pytest.mark.parametrize(("better", "worse"), PAIRS, ids=lambda name: name)
def test_down_and_up_again_losing_nothing(stage: Stage, better: str, worse: str) -> None:
    for wanted in (Filter(), Filter(bookmakers=("acme",), markets=("totals",))):
        stage.follow("auto", wanted)
    everyone = [watcher.odds for watcher in stage.watchers]

    def on(transport: str) -> Callable[[], bool]:
        return lambda: all(
            (odds.status.connection_type, odds.status.detail) == (transport, "live")
            for odds in everyone
        )

    stage.metronome.resume()
    for transport in (better, worse):
        block_above(stage, transport)
        until(stage, on(transport))
    for proxy in stage.network.proxies:
        proxy.clear()
        # The better way overtakes: what both deliver overlaps in part.
        proxy.lag(0.04)
        proxy.set_weather(Weather(request_s=0.2))
        for blocked in LADDER[: LADDER.index(better)]:
            proxy.rule("502", blocked)
    until(stage, on(better))
    stage.settle()
    for watcher in stage.watchers:
        # Not even a patch: the log was there all the time.
        assert not watcher.checker.gaps
        assert not +watcher.checker.wrong, watcher.checker.details
        assert watcher.checker.delivered > 20
    # The connections that they climbed over are closed.
    if better != "polling":
        until(stage, lambda: len(stage.gateway.hub.subscriptions) == len(everyone))
