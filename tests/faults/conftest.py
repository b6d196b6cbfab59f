"""A scaled clock, a network of faults, and a gateway that says a script."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from protipp_stream.client import LiveOdds
from protipp_stream.client.connect import live_odds
from protipp_stream.core.filter import Filter
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.model import Cursor
from tests.faults.proxy import FaultProxy, Network, Upstream
from tests.faults.scaled_time import faulty_settings, scale_client
from tests.faults.script import Metronome, Script
from tests.faults.watching import Watcher


class Stage:
    """A gateway with a metronome, and clients behind a proxy each.

    ``follow`` connects a client and watches it; ``settle`` rests the metronome and
    judges everyone.
    """

    def __init__(self, network: Network, settings: Settings, per_second: float = 200) -> None:
        self.network = network
        self.metronome = Metronome(script := Script(0), per_second)
        self.gateway = Gateway(self.metronome, settings=settings).start()
        self.upstream = Upstream(self.gateway.port)
        self.epoch = self.gateway.hub.cursor.epoch
        self.scripts = {self.epoch: script}
        self.watchers: list[Watcher] = []

    def follow(
        self, transport: str = "auto", wanted: Filter | None = None, token: object = None
    ) -> tuple[LiveOdds, FaultProxy, Watcher]:
        """Connect a client through a proxy of its own, before the metronome starts."""
        proxy = self.network.proxy(self.upstream, len(self.watchers))
        wanted = wanted or Filter()
        odds = live_odds(
            proxy.url,
            token or self.gateway.token(f"client {len(self.watchers)}"),  # type: ignore[arg-type]
            transport=transport,
            bookmakers=wanted.bookmakers,
            events=wanted.events,
            markets=wanted.markets,
        )
        watcher = Watcher(odds, self.scripts, wanted, Cursor(self.epoch, 0))
        self.watchers.append(watcher)
        odds.start(20)
        return odds, proxy, watcher

    def drain(self) -> None:
        """Read what everyone has got, and look at their boards."""
        for watcher in self.watchers:
            watcher.drain()
            watcher.look()

    def wait_for_everyone(self, updates: int = 60) -> None:
        """Wait until each has got so many more updates, and those of this epoch."""
        before = [watcher.checker.delivered for watcher in self.watchers]
        deadline = time.monotonic() + 20
        for watcher, had in zip(self.watchers, before, strict=True):
            checker = watcher.checker
            while (
                checker.position is None
                or checker.position.epoch != self.epoch
                or checker.delivered < had + updates
            ):
                assert time.monotonic() < deadline, repr(watcher.odds)
                self.drain()
                time.sleep(0.01)

    def settle(self) -> None:
        """Rest, wait until all are level, judge."""
        head = Cursor(self.epoch, self.metronome.pause())
        for watcher in self.watchers:
            watcher.settle(head)

    def close(self) -> None:
        for watcher in self.watchers:
            watcher.odds.close()
        self.gateway.stop()


@pytest.fixture
def scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's times, scaled down: see `scaled_time`."""
    scale_client(monkeypatch)


@pytest.fixture
def network() -> Iterator[Network]:
    """Proxies on the loopback."""
    with Network() as network:
        yield network


@pytest.fixture
def stage(network: Network, scaled: None) -> Iterator[Stage]:
    """A gateway in scaled time, 200 updates a second."""
    stage = Stage(network, faulty_settings())
    yield stage
    stage.close()
