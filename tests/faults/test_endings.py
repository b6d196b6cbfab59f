"""A gateway that goes and comes, a token that ends, and the backoff as it really is."""

from __future__ import annotations

import time

import pytest

from protipp_stream.gateway import Gateway
from protipp_stream.model import Cursor
from tests.faults.conftest import Stage
from tests.faults.proxy import Network
from tests.faults.scaled_time import faulty_settings
from tests.faults.script import Metronome, Script

TRANSPORTS = ("websocket", "sse", "polling", "auto")


def test_a_drained_gateway_and_its_successor_on_the_same_port(
    network: Network, scaled: None
) -> None:
    stage = Stage(network, faulty_settings())
    key = "k" * 32
    first, stage.gateway = stage.gateway, None  # type: ignore[assignment]
    first.stop()
    metronomes = [Metronome(Script(generation), 200) for generation in range(3)]
    gateway = Gateway(metronomes[0], key=key, settings=faulty_settings()).start()
    stage.gateway, stage.metronome = gateway, metronomes[0]
    stage.upstream.port = gateway.port
    stage.epoch = gateway.hub.cursor.epoch
    stage.scripts[stage.epoch] = Script(0)
    try:
        for transport in TRANSPORTS:
            stage.follow(transport)
        for generation in (1, 2):
            stage.metronome.resume()
            stage.wait_for_everyone()
            stage.gateway.stop()
            stage.metronome = metronomes[generation]
            stage.gateway = Gateway(
                stage.metronome, key=key, port=gateway.port, settings=faulty_settings()
            ).start()
            stage.epoch = stage.gateway.hub.cursor.epoch
            stage.scripts[stage.epoch] = Script(generation)
        stage.metronome.resume()
        stage.wait_for_everyone()
        stage.settle()
        for watcher in stage.watchers:
            assert watcher.checker.gaps == {"snapshot: new epoch": 2}
            assert not +watcher.checker.wrong, watcher.checker.details
            assert watcher.checker.delivered > 100
    finally:
        stage.close()


def test_a_token_that_ends_in_mid_stream_costs_no_update(stage: Stage) -> None:
    minted = [0] * len(TRANSPORTS)

    def token_of(number: int) -> object:
        def fresh() -> str:
            minted[number] += 1
            return stage.gateway.token(f"client {number}", lifetime_s=2)

        return fresh

    for number, transport in enumerate(TRANSPORTS):
        stage.follow(transport, token=token_of(number))
    stage.metronome.resume()
    deadline = time.monotonic() + 20
    # Three lives of a token: the second is no accident.
    while min(minted) < 4:
        assert time.monotonic() < deadline, minted
        stage.drain()
        time.sleep(0.02)
    stage.settle()
    for watcher in stage.watchers:
        assert not watcher.checker.gaps
        assert not +watcher.checker.wrong, watcher.checker.details


@pytest.mark.slow
def test_the_real_backoff_loses_nothing_either(
    network: Network, capsys: pytest.CaptureFixture[str]
) -> None:
    stage = Stage(network, faulty_settings(heartbeat_s=30))
    try:
        for transport in TRANSPORTS:
            stage.follow(transport)
        stage.metronome.resume()
        took = []
        for _ in range(3):  # 1, 2 and 4 s
            time.sleep(0.2)
            head = Cursor(stage.epoch, stage.gateway.hub.cursor.seq)
            for proxy in stage.network.proxies:
                proxy.reset(after=100)
            began = time.monotonic()
            time.sleep(0.5)
            further = Cursor(head.epoch, stage.gateway.hub.cursor.seq)
            for watcher in stage.watchers:
                assert watcher.odds.wait_until(further, 20)
            took.append(time.monotonic() - began)
            stage.drain()
        stage.settle()
        with capsys.disabled():
            print("\nlevel again after", *(f"{s:.1f} s" for s in took))  # noqa: T201
        for watcher in stage.watchers:
            assert not watcher.checker.gaps
            assert not +watcher.checker.wrong, watcher.checker.details
            assert watcher.odds.status.error_count >= 1
    finally:
        stage.close()
