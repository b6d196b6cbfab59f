"""A source of server-sent events against a local one: it reads, breaks, resumes, ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import msgspec
import pytest

from protipp_stream.core.book import Book
from protipp_stream.core.quarantine import quote_fault
from protipp_stream.errors import ConfigurationError, FeedRefused
from protipp_stream.feeds import OPTIC_ODDS, Feed, SseSource
from protipp_stream.gateway import Gateway
from protipp_stream.model import Batch, Event
from tests.feeds.conftest import CANARY, Waits, take
from tests.feeds.sse_source_rows import AWAY, HOME, row, status, total
from tests.feeds.sse_source_server import HANG, FakeSse, Raw, serving

Make = Callable[..., SseSource]
KNOWN = Event("f1", f"{HOME} v {AWAY}", "baseball", None, HOME, AWAY)


@pytest.fixture
def provider() -> Iterator[FakeSse]:
    with serving(FakeSse({CANARY})) as fake:
        yield fake


@pytest.fixture
def make(provider: FakeSse, waits: Waits) -> Make:
    def made(mapping: Any = OPTIC_ODDS, **more: Any) -> SseSource:
        settings = {
            "headers": {"X-Api-Key": CANARY},
            "events": [KNOWN],
            "sleep": waits,
            "chance": lambda: 0.5,
        }
        return SseSource(more.pop("url", provider.url), mapping, **(settings | more))

    return made


class Followed:
    """A feed, read batch by batch into a book."""

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        self._batches = batches
        self.book = Book("t")

    async def next(self, count: int = 1) -> Batch:
        for _ in range(count):
            async with asyncio.timeout(10):
                batch = await anext(self._batches)
            sound = [q for q in batch.quotes if quote_fault(q, batch.received_at) is None]
            self.book.apply(sound, batch.received_at)
        return batch

    @property
    def prices(self) -> dict[tuple[str, str], float]:
        return {
            (q.market, q.outcome): round(q.odds, 2)
            for q in self.book.quotes()
            if q.odds is not None
        }


@asynccontextmanager
async def following(feed: SseSource) -> AsyncIterator[Followed]:
    async with aclosing(cast(AsyncGenerator[Batch, None], aiter(feed))) as batches:
        yield Followed(batches)


async def begun(board: Followed, provider: FakeSse) -> None:
    """Open it, hear its greeting, and let a moneyline stand."""
    await board.next(2)
    provider.push("odds", [row(HOME, -150), row(AWAY, 130)])
    await board.next()
    assert board.prices == MONEYLINE


MONEYLINE = {("h2h", HOME): 1.67, ("h2h", AWAY): 2.3}


# ------------------------------------------------------------------------ it reads


async def test_prices_arrive_and_the_connection_tells_of_it(make: Make, provider: FakeSse) -> None:
    feed = make()
    assert isinstance(feed, Feed)
    assert feed.connection.status == "connecting"
    async with following(feed) as board:
        opened = await board.next()
        assert opened.events == [KNOWN]
        await board.next()
        now = feed.connection
        assert (now.status, now.detail, now.connection_type) == ("connected", "live", "sse")
        assert now.last_update is None
        assert now.latency_ms is not None
        before = datetime.now(UTC)
        provider.push("odds", [row(HOME, -150), row(AWAY, 130)])
        batch = await board.next()
        assert feed.connection.last_update is not None
        assert before <= feed.connection.last_update <= datetime.now(UTC)
    assert board.prices == MONEYLINE
    assert {q.bookmaker_id for q in batch.quotes} == {"Pinnacle"}
    assert (feed.connection.error_count, feed.connection.reconnect_attempts) == (0, 0)
    headers, _ = provider.asked[0]
    assert headers["accept"] == "text/event-stream"
    assert "last-event-id" not in headers


async def test_a_moved_line_leaves_nothing_of_the_old_one(make: Make, provider: FakeSse) -> None:
    async with following(make()) as board:
        await board.next(2)
        provider.push("odds", total(8.5))
        provider.push("locked-odds", total(8.5))
        provider.push("odds", total(9.5))
        await board.next(3)
    assert board.prices == {("totals@9.5", "Over"): 1.91, ("totals@9.5", "Under"): 1.91}
    assert len(board.book.quotes()) == 4


@pytest.mark.parametrize("how", ["completed", "cancelled"])
async def test_nothing_of_a_fixture_stands_once_it_is_over(
    make: Make, provider: FakeSse, how: str
) -> None:
    feed = make()
    async with following(feed) as board:
        await begun(board, provider)
        provider.push("odds", [row(HOME, 120, fixture_id="f2")])
        provider.push("fixture-status", status(how))
        provider.push("odds", [row(HOME, -150)])  # it was under way already
        await board.next(3)
    assert {q.event_id for q in board.book.quotes() if q.odds} == {"f2"}
    assert "f1" not in feed._standing


async def test_a_status_describes_its_fixture(make: Make, provider: FakeSse) -> None:
    async with following(make(events=[])) as board:
        await board.next(2)
        provider.push("fixture-status", status(None))
        provider.push("odds", [row(f"{AWAY} +1.5", -120, "Run Line", 1.5)])
        described = await board.next()
        assert [event.home for event in described.events] == [HOME]
        await board.next()
    assert board.prices == {("spreads@-1.5", AWAY): 1.83}


async def test_pings_and_comments_are_signs_of_life(make: Make, provider: FakeSse) -> None:
    now = [datetime(2026, 8, 4, tzinfo=UTC)]
    feed = make(beat_s=0.05, clock=lambda: now[0])
    async with following(feed) as board:
        await board.next(2)
        for alive in (provider.ping, provider.comment):
            now[0] += timedelta(seconds=5)
            alive()
            assert (await board.next()).quotes == []
            assert feed.connection.last_heartbeat == now[0]
    assert feed.connection.last_update is None


async def test_rows_that_can_not_be_read_are_counted_and_never_kill_it(
    make: Make, provider: FakeSse
) -> None:
    now = [datetime(2026, 8, 4, tzinfo=UTC)]
    feed = make(clock=lambda: now[0])
    async with following(feed) as board:
        await begun(board, provider)
        provider.push("odds", [row(HOME, "evens"), row(AWAY, 140), {"nothing": 1}, 7])
        await board.next()
        assert feed.connection.error_count == 3
        assert "3 items could not be read, first row" in str(feed.connection.last_error)
        provider.raw(b"event: odds\ndata: {rubbish\n\n")
        provider.raw(b"event: gossip\ndata: 1\n\n" * 2)
        await board.next(3)
        now[0] += timedelta(seconds=1)
        provider.ping()
        await board.next()
    assert feed.connection.error_count == 5
    assert feed.connection.status == "connected"
    # What can't be read any more does not stand with its last price.
    assert board.prices == {("h2h", AWAY): 2.4}


# -------------------------------------------------------------- it breaks and resumes


@pytest.mark.parametrize("broken", ["end", "drop"])
async def test_a_break_is_resumed_from_the_last_id(
    make: Make, provider: FakeSse, waits: Waits, broken: str
) -> None:
    feed = make()
    async with following(feed) as board:
        await begun(board, provider)
        last = provider.push("odds", [row(HOME, -160)])
        await board.next()
        getattr(provider, broken)()
        provider.keep("locked-odds", [row(AWAY, 130)])
        assert (await board.next()).quotes == []
        assert (feed.connection.status, feed.connection.detail) == ("connecting", "backoff")
        assert feed.connection.reconnect_attempts == 1
        await board.next(3)
        assert feed.connection.status == "connected"
    assert waits.seconds == [5.0]  # as the server asked
    headers, query = provider.asked[1]
    assert headers["last-event-id"] == query["last_entry_id"] == last
    assert board.prices == {("h2h", HOME): 1.62}


@pytest.mark.parametrize("forgets", ["reset", 410, 412])
async def test_when_the_source_has_forgotten_all_that_stood_is_suspended(
    make: Make, waits: Waits, forgets: str | int
) -> None:
    with serving(FakeSse({CANARY}, memory=2)) as provider:
        provider.forgets = forgets
        feed = make(url=provider.url)
        async with following(feed) as board:
            await begun(board, provider)
            provider.drop()
            for price in (100, 110, 120):
                provider.keep("odds", [row(HOME, price)])
            await board.next(3 if forgets == "reset" else 2)
            if forgets == "reset":
                await board.next()
            assert board.prices == {}
            assert len(board.book.quotes()) == 2
            assert feed.connection.status == "connected"
            assert feed.connection.error_count == 2
            assert feed.connection.last_error is not None
            provider.push("odds", [row(HOME, 120)])
            while not board.prices:
                await board.next()
        assert board.prices == {("h2h", HOME): 2.2}
        assert "last-event-id" not in provider.asked[-1][0] or forgets == "reset"


async def test_after_a_long_break_nothing_is_trusted_to_be_replayed(
    make: Make, provider: FakeSse
) -> None:
    now = [datetime(2026, 8, 4, tzinfo=UTC)]

    async def asleep(seconds: float) -> None:
        now[0] += timedelta(seconds=OPTIC_ODDS.remembers_s + 1)

    async with following(make(clock=lambda: now[0], sleep=asleep)) as board:
        await begun(board, provider)
        provider.drop()
        await board.next(2)
    assert board.prices == {}
    assert "last-event-id" not in provider.asked[1][0]


async def test_a_source_that_never_replays_begins_with_nothing(
    make: Make, provider: FakeSse
) -> None:
    mapping = msgspec.structs.replace(OPTIC_ODDS, remembers_s=0.0)
    async with following(make(mapping)) as board:
        await begun(board, provider)
        provider.drop()
        await board.next(2)
    assert board.prices == {}
    assert "last-event-id" not in provider.asked[1][0]


@pytest.mark.parametrize(
    ("retry_ms", "wait_s"), [(0, 1.0), (20, 1.0), (3000, 3.0), (9_000_000, 60.0), (None, 1.0)]
)
async def test_what_the_server_asks_for_has_a_floor_and_a_ceiling(
    make: Make, provider: FakeSse, waits: Waits, retry_ms: int | None, wait_s: float
) -> None:
    provider.retry_ms = retry_ms
    async with following(make()) as board:
        await board.next(2)
        provider.drop()
        await board.next(2)
    assert waits.seconds == [wait_s]


async def test_the_waits_grow_beyond_what_was_asked(
    make: Make, provider: FakeSse, waits: Waits
) -> None:
    async with following(make()) as board:
        await board.next(2)
        provider.mishaps.extend([Raw(500)] * 4)
        provider.drop()
        await board.next(6)
    assert waits.seconds == [5.0, 5.0, 5.0, 8.0, 16.0]


TROUBLES = {
    "500": Raw(500),
    "503": Raw(503),
    "408": Raw(408),
    "a redirect": Raw(302, b"", {"location": "http://127.0.0.1:9/elsewhere"}),
    "a page": Raw(200, b"<html>", {"content-type": "text/html"}),
    "no type": Raw(200, b"data: x\n\n"),
    "packed": Raw(200, b"x", {"content-type": "text/event-stream", "content-encoding": "gzip"}),
    "hanging": HANG,
}


@pytest.mark.parametrize("mishap", TROUBLES.values(), ids=TROUBLES.keys())
async def test_trouble_is_tried_again(
    make: Make, provider: FakeSse, waits: Waits, mishap: Any
) -> None:
    provider.mishaps.append(mishap)
    feed = make(timeout_s=0.5)
    async with following(feed) as board:
        assert (await board.next()).quotes == []
        assert (feed.connection.error_count, feed.connection.status) == (1, "connecting")
        await begun(board, provider)
    assert waits.seconds == [1.0]


async def test_nobody_there_is_tried_again(make: Make, waits: Waits) -> None:
    feed = make(url="http://127.0.0.1:9")
    await take(feed, 3)
    assert waits.seconds == [1.0, 2.0]
    assert "can't be reached" in str(feed.connection.last_error)


@pytest.mark.parametrize(("header", "wait_s"), [({"retry-after": "7"}, 7.0), ({}, 1.0)])
async def test_too_many_is_waited_for_as_long_as_asked(
    make: Make, provider: FakeSse, waits: Waits, header: dict[str, str], wait_s: float
) -> None:
    provider.mishaps.append(Raw(429, b"slow down", header))
    feed = make()
    await take(feed, 2)
    assert waits.seconds == [wait_s]
    assert "429 slow down" in str(feed.connection.last_error)


async def test_silence_is_taken_for_death(make: Make, provider: FakeSse, waits: Waits) -> None:
    feed = make(beat_s=0.05, silence_s=0.2)
    async with following(feed) as board:
        await board.next(3)
        assert "silent for" in str(feed.connection.last_error)
        await board.next()
    assert len(provider.asked) == 2


# ----------------------------------------------------------------------- it ends


@pytest.mark.parametrize("code", [401, 403, 404, 422])
async def test_a_refusal_ends_it_and_suspends_what_stood(
    make: Make, provider: FakeSse, waits: Waits, code: int
) -> None:
    feed = make()
    async with following(feed) as board:
        await begun(board, provider)
        provider.mishaps.append(Raw(code, b"no"))
        provider.drop()
        await board.next(2)
        assert board.prices == {}
        with pytest.raises(FeedRefused, match=f"{code} no"):
            await board.next()
    assert (feed.connection.status, feed.connection.detail) == ("error", "terminal")
    assert len(waits.seconds) == 1


async def test_no_content_ends_it_in_peace(make: Make, provider: FakeSse) -> None:
    feed = make()
    async with following(feed) as board:
        await begun(board, provider)
        provider.mishaps.append(Raw(204))
        provider.end()
        await board.next(2)
        with pytest.raises(StopAsyncIteration):
            await board.next()
    assert board.prices == {}
    assert (feed.connection.status, feed.connection.detail) == ("disconnected", "terminal")


# ------------------------------------------------------------------------- floods


@pytest.mark.parametrize("flood", [b"data: " + b"x" * 3000, b"data: xxxxxxxxxxxxxxxxxx\n" * 200])
async def test_an_event_without_end_ends_the_connection(
    make: Make, provider: FakeSse, flood: bytes
) -> None:
    feed = make(max_event_bytes=2000)
    async with following(feed) as board:
        await begun(board, provider)
        for _ in range(20):  # many small ones are no flood
            provider.push("odds", [row(HOME, -150)])
            await board.next()
        provider.raw(flood)
        await board.next()
        assert "more than 2000 bytes" in str(feed.connection.last_error)
        await board.next()
        assert feed.connection.status == "connected"


async def test_more_prices_than_it_keeps_suspend_the_oldest(make: Make, provider: FakeSse) -> None:
    feed = make(max_selections=2)
    async with following(feed) as board:
        await begun(board, provider)
        provider.push("odds", [row(HOME, 110, fixture_id="f2")])
        await board.next()
    assert {q.event_id for q in board.book.quotes() if q.odds} == {"f2"}
    assert "too many prices" in str(feed.connection.last_error)


@pytest.mark.parametrize("ident", ["x" * 300, "é", "a\tb"])
async def test_an_id_that_can_not_be_sent_back_is_not(
    make: Make, provider: FakeSse, ident: str
) -> None:
    feed = make()
    async with following(feed) as board:
        await begun(board, provider)
        provider.raw(f"event: ping\nid: {ident}\ndata: x\n\n".encode())
        await board.next()
        provider.drop()
        await board.next(2)
    assert "last-event-id" not in provider.asked[1][0]
    assert board.prices == {}
    assert feed.connection.error_count == 2


# ------------------------------------------------------------------ the rest of it


async def test_what_can_not_be_true_is_quarantined_by_the_hub(
    make: Make, provider: FakeSse
) -> None:
    decimal = msgspec.structs.replace(OPTIC_ODDS, odds_format="decimal")
    with Gateway(make(decimal, id="optic")) as gateway:
        hub = gateway.hub
        await _until(lambda: provider.readers == 1)
        provider.push("odds", [row(HOME, 1.9), row(AWAY, 2.0)])
        await _until(lambda: len(hub.book.quotes()) == 2)
        provider.push("odds", [row(HOME, 1.0), row("Draw", "NaN"), row("Draw", 1e12)])
        wild = [row("Draw", 3.0, timestamp=4e9), row("Draw", 3.0, timestamp="soon")]
        provider.push("odds", [*wild, row("Draw", 3.0, sportsbook="x" * 300)])
        await _until(lambda: hub.quarantined == {"odds": 3, "timestamp": 2, "name": 1})
        assert hub.audit.counts["quarantine"] == 6
        standing = {q.outcome for q in hub.book.quotes() if q.odds is not None}
        assert standing == {AWAY}
        assert hub.sources["optic"].status == "connected"
        assert hub.sources["optic"].error_count == 0


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - the other thread has no event of ours
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("when", ["opening", "live", "waiting"])
async def test_a_cancelled_feed_leaves_nothing_behind(
    make: Make, provider: FakeSse, when: str
) -> None:
    asleep = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await asyncio.sleep(3600)

    if when != "live":
        provider.mishaps.append(HANG if when == "opening" else Raw(500))
    feed = make(sleep=sleep)

    async def read() -> None:
        async for _ in feed:
            pass

    task = asyncio.create_task(read())
    is_there = {
        "opening": lambda: len(provider.asked) == 1,
        "live": lambda: feed.connection.status == "connected",
        "waiting": asleep.is_set,
    }
    await _until(is_there[when])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    await _until(lambda: provider.readers == 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_client_that_was_given_is_used_and_left_open(make: Make) -> None:
    async with httpx.AsyncClient(timeout=0.2) as client:
        await take(make(client=client), 2)
        assert not client.is_closed


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://example.test/stream"},
        {"url": "nonsense"},
        {"url": "https://me:secret@example.test"},
        {"beat_s": 0.0},
        {"beat_s": 70.0},
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(
    make: Make, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        make(**wrong)
