"""The Exchange Stream on this machine, and a feed that knows its way there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protipp_stream.feeds import Betfair
from tests.feeds.betfair.authority import Authority
from tests.feeds.betfair_server import FakeBetfair, definition, prices
from tests.feeds.conftest import Waits

KEY, SESSION = "canary-key-0a1b2c", "canary+session/3d4e=="
ONE, TWO = "1.101", "1.102"

Make = Callable[..., Betfair]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "an authority of the tests")


@pytest.fixture
def fake(authority: Authority) -> FakeBetfair:
    fake = FakeBetfair(authority.server(), KEY, SESSION)
    fake.change({"id": ONE, "marketDefinition": definition(), "rc": [prices(1, 1.5, 1.6)]})
    return fake


@pytest.fixture
def make(fake: FakeBetfair, authority: Authority, waits: Waits) -> Make:
    def made(session: Any = SESSION, **more: Any) -> Betfair:
        settings = {"app_key": KEY, "market_filter": {"eventTypeIds": ["2"]}, "heartbeat_ms": 500}
        here = {"host": "127.0.0.1", "port": fake.port, "tls": authority.trust()}
        timing = {"timeout_s": 5.0, "sleep": waits, "chance": lambda: 0.5}
        timing["clock"] = waits.clock
        return Betfair(session=session, **(settings | here | timing | more))

    return made
