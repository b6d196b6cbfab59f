"""What the tests of the feeds share: waits that take no time, and a fake provider."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from protipp_stream.feeds.odds_api_io.feed import OddsApiIo
from protipp_stream.feeds.sse.mapping import OPTIC_ODDS
from protipp_stream.feeds.sse.source import SseSource
from protipp_stream.feeds.the_odds_api.feed import TheOddsApi
from protipp_stream.model import Batch
from tests.feeds import odds_api_io_bodies as io_bodies
from tests.feeds import odds_api_io_server as io_server
from tests.feeds import sse_source_begun, sse_source_server
from tests.feeds.bodies import body, moneyline
from tests.feeds.the_odds_api_server import DROP, Answer, FakeTheOddsApi, Raw, serving

# A key with characters that a URL writes differently: both ways must be found nowhere.
CANARY = "canary+0a1b2c3d/4e5f=&7"

# The local one replays what was missed; how long the real one does, it does not say.
REPLAYING = msgspec.structs.replace(OPTIC_ODDS, remembers_s=300.0)

Make = Callable[..., TheOddsApi]
MakeSse = Callable[..., SseSource]
MakeOddsApiIo = Callable[..., OddsApiIo]

# What goes wrong on the way and is worth another try.
TROUBLES = {
    "500": Answer(500),
    "502 with a page": Raw(502, b"<html>Bad gateway</html>"),
    "503": Answer(503),
    "408": Answer(408),
    "a redirect": Raw(302, b"", {"location": "http://127.0.0.1:9/elsewhere"}),
    "no JSON": Raw(200, b"<html>hello</html>"),
    "half JSON": Raw(200, b'[{"id":'),
    "no list": Raw(200, b'{"events": []}'),
    "bad gzip": Raw(200, b"no gzip", {"content-encoding": "gzip"}),
    "too deep": Raw(200, b"[" * 100_000),
    "broken off": DROP,
}


class Waits:
    """Stands in for sleep: takes no time and remembers how long it was asked for.

    Its `clock` and `wall` go on by what was slept, and by nothing else.
    """

    def __init__(self, began: datetime = datetime(2026, 8, 4, 1, tzinfo=UTC)) -> None:
        self.seconds: list[float] = []
        self.began = began

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)

    def clock(self) -> float:
        return sum(self.seconds)

    def wall(self) -> datetime:
        return self.began + timedelta(seconds=self.clock())


async def take(feed: AsyncIterable[Batch], count: int) -> list[Batch]:
    """Take so many batches and close the feed."""
    batches: list[Batch] = []
    async with aclosing(cast(AsyncGenerator[Batch, None], aiter(feed))) as stream:
        async for batch in stream:
            batches.append(batch)
            if len(batches) == count:
                break
    return batches


async def drain(feed: AsyncIterable[Batch], batches: list[Batch]) -> None:
    """Take all there is, into ``batches``: what came before an error is of interest."""
    async for batch in feed:
        batches.append(batch)
        assert len(batches) < 50


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def provider() -> Iterator[FakeTheOddsApi]:
    """The Odds API, with one event and money for 500 credits."""
    with serving(FakeTheOddsApi({CANARY}, [body(moneyline())])) as fake:
        yield fake


@pytest.fixture
def make(provider: FakeTheOddsApi, waits: Waits) -> Make:
    def made(key: str = CANARY, **more: Any) -> TheOddsApi:
        settings: dict[str, Any] = {
            "sport": "baseball_mlb",
            "base_url": provider.url,
            "sleep": waits,
            "clock": waits.clock,
            "wall": waits.wall,
            "chance": lambda: 0.5,
            # What is not about the quota has all the money it wants.
            "quota_renews_on": None,
        }
        return TheOddsApi(key, **(settings | more))

    return made


@pytest.fixture
def odds_api_io() -> Iterator[io_server.FakeOddsApiIo]:
    """odds-api.io, with one event, one bookmaker, a moneyline and a spread."""
    with io_server.serving(io_server.FakeOddsApiIo({CANARY}, ["Bet365"])) as fake:
        fake.events[1] = io_bodies.event()
        corners = {"name": "Corners", "odds": []}
        fake.odds[1] = {"Bet365": [io_bodies.ml(), io_bodies.spread(), corners]}
        yield fake


@pytest.fixture
def make_io(odds_api_io: io_server.FakeOddsApiIo, waits: Waits) -> MakeOddsApiIo:
    def made(key: str = CANARY, **more: Any) -> OddsApiIo:
        settings = {
            "sport": "baseball",
            "base_url": odds_api_io.socket_url,
            "rest_url": odds_api_io.rest_url,
            "sleep": waits,
            "monotonic": waits.clock,
            "chance": lambda: 0.5,
        }
        return OddsApiIo(key, **(settings | more))

    return made


@pytest.fixture
def sse() -> Iterator[sse_source_server.FakeSse]:
    """An OpticOdds-like stream, with nothing to say yet."""
    with sse_source_server.serving(sse_source_server.FakeSse({CANARY})) as fake:
        yield fake


@pytest.fixture
def make_sse(sse: sse_source_server.FakeSse, waits: Waits) -> MakeSse:
    def made(mapping: Any = REPLAYING, **more: Any) -> SseSource:
        settings = {
            "headers": {"X-Api-Key": CANARY},
            "events": [sse_source_begun.KNOWN],
            "sleep": waits,
            "monotonic": waits.clock,
            "chance": lambda: 0.5,
        }
        return SseSource(more.pop("url", sse.url), mapping, **(settings | more))

    return made
