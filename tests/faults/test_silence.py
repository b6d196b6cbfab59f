"""A peer that vanishes without closing: shown as stalled, then replaced, and nothing lost.

With the real heartbeat of 30 s: stalled is shown after 35 s, death comes after 40,
and another connection delivers before 45. Here a heartbeat takes 1 s and the backoff
a thirtieth. The times are printed; only their order is asserted, because a busy
machine is no reason to fail (`tests/core/test_link.py` has them exactly).
"""

from __future__ import annotations

import random
import time

import pytest

from protipp_stream.model import Cursor
from tests.faults.conftest import Stage
from tests.faults.proxy import Network, Way
from tests.faults.scaled_time import faulty_settings, scale_client

# Generous: two heartbeats and a half without life would be another machine's fault.
LATEST = 2.5


@pytest.mark.parametrize("transport", ["websocket", "sse", "polling"])
def test_a_vanished_peer_is_shown_as_stalled_and_replaced(
    network: Network,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    transport: str,
) -> None:
    scale_client(monkeypatch, backoff_scale=1 / 30)
    stage = Stage(network, faulty_settings())
    try:
        odds, proxy, watcher = stage.follow(transport)
        _, _, untouched = stage.follow(transport)
        stage.metronome.resume()
        time.sleep(0.3)
        head = Cursor(stage.epoch, stage.metronome.pause())
        assert odds.wait_until(head, 5)
        seen: list[tuple[float, str, str | None]] = []
        odds.param.watch(
            lambda change: seen.append((time.monotonic(), change.new.status, change.new.detail)),
            "status",
        )
        time.sleep(1.0 + random.random() * 0.5)
        proxy.vanish()
        vanished = proxy.last_down

        def when(status: str, detail: str, after: float = 0.0) -> float | None:
            times = [at for at, *state in seen if state == [status, detail] and at > after]
            return times[0] if times else None

        deadline = time.monotonic() + 10
        while True:
            stalled, broken = when("connected", "stalled"), when("disconnected", "backoff")
            if broken and (back := when("connected", "live", broken)):
                break
            assert time.monotonic() < deadline, seen
            time.sleep(0.005)
        stage.metronome.resume()
        time.sleep(0.3)
        stage.settle()
        assert stalled is not None
        assert vanished < stalled < broken < back
        with capsys.disabled():
            shown = [f"{30 * (at - vanished):.1f}" for at in (stalled, broken, back)]
            print(  # noqa: T201
                f"\n{transport}, in heartbeats of 30 s since the last sign of life: "
                "stalled {} (35), broken {} (40), live again {} (< 45) s".format(*shown)
            )
        assert back - vanished < LATEST
        for each in (watcher, untouched):
            assert not each.checker.gaps
            assert not +each.checker.wrong, each.checker.details
        assert odds.status.error_count == 1
        assert untouched.odds.status.error_count == 0
    finally:
        stage.close()


def test_what_is_only_late_is_not_lost(stage: Stage) -> None:
    ways: list[Way] = ["down", "up"] * 3
    for transport in ("websocket", "sse", "polling"):
        stage.follow(transport)
        stage.follow(transport)
    stage.metronome.resume()
    for held_s in (0.3, 1.25, 3.0):
        for proxy, way in zip(stage.network.proxies, ways, strict=True):
            proxy.freeze(way)
        time.sleep(held_s)
        for proxy in stage.network.proxies:
            proxy.clear()
        time.sleep(0.2)
        stage.drain()
    stage.settle()
    for watcher in stage.watchers:
        assert not watcher.checker.gaps
        assert not +watcher.checker.wrong, watcher.checker.details


def test_a_last_frame_before_a_silence_that_is_lost_is_asked_for_again(stage: Stage) -> None:
    for transport in ("websocket", "sse"):
        stage.follow(transport)
    stage.metronome.beat()
    for _ in range(3):
        stage.settle()
        for proxy in stage.network.proxies:
            proxy.lose_frame()
        stage.metronome.beat()
    # Nothing follows that could show the hole: only a heartbeat says where the log stands.
    stage.settle()
    assert all(proxy.faults["frame lost"] == 3 for proxy in stage.network.proxies)
    for watcher in stage.watchers:
        assert not watcher.checker.gaps
        assert not +watcher.checker.wrong, watcher.checker.details


def test_a_reader_that_does_not_read_is_conflated_and_told_so(
    network: Network, scaled: None
) -> None:
    # A log so short and odds so fast that whoever is held up is overtaken by the log.
    stage = Stage(network, faulty_settings(backlog=100, heartbeat_s=20), per_second=20_000)
    try:
        for transport in ("websocket", "sse"):
            stage.follow(transport)
        _, _, fast = stage.follow("websocket")
        for proxy in network.proxies[:2]:
            proxy.freeze("down")
        stage.metronome.resume()
        # More than the sockets of a connection hold: some 4 MB.
        deadline = time.monotonic() + 60
        while stage.gateway.hub.cursor.seq < 25_000:
            assert time.monotonic() < deadline
            fast.drain()
            time.sleep(0.01)
        for proxy in network.proxies:
            proxy.clear()
        time.sleep(0.5)
        stage.settle()
        for watcher in stage.watchers:
            assert not +watcher.checker.wrong, watcher.checker.details
        for watcher in stage.watchers[:2]:
            # Conflated, or sent away and patched when it came back.
            assert watcher.checker.gaps["slow"] + watcher.checker.gaps["patch"]
    finally:
        stage.close()
