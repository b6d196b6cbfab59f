"""A real gateway on a real port, with a feed that says what a test tells it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from protipp_stream.gateway import Gateway
from protipp_stream.gateway.auth import SCOPES
from tests.scripted import HandClock, ScriptedFeed, quote

HTTP_ENDPOINTS = [
    ("GET", "/api/v1/odds"),
    ("POST", "/api/v1/odds"),
    ("GET", "/api/v1/odds/stream"),
    ("GET", "/api/v1/realtime/status"),
    ("GET", "/api/v1/realtime/time"),
    ("POST", "/api/v1/realtime/ticket"),
    ("GET", "/metrics"),
]
SOCKET_PATH = "/api/v1/odds/realtime"


@pytest.fixture
def feed() -> ScriptedFeed:
    return ScriptedFeed()


@pytest.fixture
def clock() -> HandClock:
    """A clock that a test sets."""
    return HandClock()


@pytest.fixture
def start() -> Iterator[Callable[..., Gateway]]:
    """Start gateways; they are stopped at the end."""
    started: list[Gateway] = []

    def make(*feeds: ScriptedFeed, **options: object) -> Gateway:
        gateway = Gateway(*feeds, **options).start()  # type: ignore[arg-type]
        started.append(gateway)
        return gateway

    yield make
    for gateway in started:
        gateway.stop()


@pytest.fixture
def gateway(start: Callable[..., Gateway], feed: ScriptedFeed) -> Gateway:
    """A gateway with a board of two prices."""
    made = start(feed)
    feed.tell([quote(2.0), quote(1.9, "Reds")])
    return made


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    """An HTTP client without a token."""
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=5) as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def client(gateway: Gateway) -> Iterator[httpx.Client]:
    """An HTTP client with a token for everything."""
    headers = bearer(gateway.token(scopes=SCOPES))
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False, timeout=5) as made:
        yield made
