"""What hangs, fails or never begins is seen: per feed, and per bookmaker behind it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import msgspec
import pytest

from protipp_stream.errors import FeedUnavailable
from protipp_stream.feeds.base import batch_now
from protipp_stream.feeds.retrying import Retrying
from protipp_stream.gateway import Gateway
from protipp_stream.gateway.settings import Settings
from protipp_stream.model import Batch, RealTimeConnection
from tests.scripted import HandClock, ScriptedFeed, quote

QUICK = Settings(heartbeat_s=1.0)  # the gateway then looks twenty times a second


class Hanging:
    """Says it is connected, says so many batches, and never a word again."""

    def __init__(self, batches: int, interval_s: float = 0.0) -> None:
        self.interval_s = interval_s
        self._batches = batches
        self.connection = RealTimeConnection(
            id="hanging", bookmaker_id="hanging", connection_type="stream", status="connected"
        )

    async def __aiter__(self) -> AsyncIterator[Batch]:
        for number in range(self._batches):
            yield batch_now([quote(2.0 + number, bookmaker_id="behind")])
        await asyncio.Event().wait()


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def is_stale(gateway: Gateway, ident: str) -> bool:
    known = {each.id: each for each in gateway.hub.connections}
    return ident in known and known[ident].stale


@pytest.mark.parametrize("batches", [0, 1, 3])
def test_a_feed_that_hangs_is_stale_with_its_bookmakers_even_if_it_never_began(
    start: Callable[..., Gateway], feed: ScriptedFeed, clock: HandClock, batches: int
) -> None:
    gateway = start(Hanging(batches), feed, clock=clock, settings=QUICK)
    until(lambda: len(gateway.hub.book) == min(batches, 1))
    feed.tell([quote(2.0)])
    clock.advance(29)
    feed.tell([quote(2.1)])
    assert not is_stale(gateway, "hanging")
    clock.advance(2)
    until(lambda: is_stale(gateway, "hanging"))
    # The gateway's thread tells of the source first and of its bookmakers after it.
    until(lambda: is_stale(gateway, "bookmaker/behind") is (batches > 0))
    # The other feed is as it was.
    assert not is_stale(gateway, "script")
    assert not is_stale(gateway, "bookmaker/acme")


def test_a_feed_that_is_silent_on_purpose_has_twice_its_interval(
    start: Callable[..., Gateway], clock: HandClock
) -> None:
    gateway = start(Hanging(1, interval_s=900.0), clock=clock, settings=QUICK)
    until(lambda: len(gateway.hub.book) == 1)
    clock.advance(1829)
    gateway.hub.check_freshness()
    assert not is_stale(gateway, "hanging")
    clock.advance(2)
    until(lambda: is_stale(gateway, "hanging"))


class Breaking:
    """Works once and fails from then on; the test's clock is its own."""

    def __init__(self) -> None:
        self.connection = RealTimeConnection(
            id="breaking", bookmaker_id="breaking", connection_type="stream", status="connecting"
        )

    async def __aiter__(self) -> AsyncIterator[Batch]:
        retrying, now = Retrying(), 0.0
        retrying.worked(now)
        self.connection = retrying.shown(self.connection)
        yield batch_now([quote(2.0, bookmaker_id="behind")])
        for _ in range(5):
            now += retrying.failed(FeedUnavailable("It hung up."), now)
            self.connection = retrying.shown(self.connection)
            yield batch_now([])
        await asyncio.Event().wait()


def test_an_open_breaker_is_shown_to_everyone_and_its_bookmakers_are_stale(
    start: Callable[..., Gateway],
) -> None:
    gateway = start(Breaking())
    until(lambda: is_stale(gateway, "bookmaker/behind"))
    until(lambda: gateway.hub.sources["breaking"].error_count == 5)
    shown = gateway.hub.sources["breaking"]
    assert (shown.status, shown.detail) == ("disconnected", "backoff")
    assert str(shown.last_error).startswith("5 failures within 60 s: no further try for ")
    assert is_stale(gateway, "bookmaker/behind")
    assert msgspec.json.encode(shown)
