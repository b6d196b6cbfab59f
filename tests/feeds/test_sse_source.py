"""A source of server-sent events against a local one: it reads, ends, bears floods."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from protipp_stream.errors import ConfigurationError, FeedRefused
from protipp_stream.feeds import OPTIC_ODDS, Feed
from protipp_stream.gateway import Gateway
from tests.feeds.conftest import MakeSse, Waits, take
from tests.feeds.following import following, until
from tests.feeds.sse_source_begun import KNOWN, MONEYLINE, begun
from tests.feeds.sse_source_rows import AWAY, HOME, row, status, total
from tests.feeds.sse_source_server import HANG, FakeSse, Raw

# ------------------------------------------------------------------------ it reads


async def test_prices_arrive_and_the_connection_tells_of_it(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    feed = make_sse()
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
        sse.push("odds", [row(HOME, -150), row(AWAY, 130)])
        batch = await board.next()
        assert feed.connection.last_update is not None
        assert before <= feed.connection.last_update <= datetime.now(UTC)
    assert board.prices == MONEYLINE
    assert {q.bookmaker_id for q in batch.quotes} == {"Pinnacle"}
    assert (feed.connection.error_count, feed.connection.reconnect_attempts) == (0, 0)
    headers, _ = sse.asked[0]
    assert headers["accept"] == "text/event-stream"
    assert "last-event-id" not in headers


async def test_a_moved_line_leaves_nothing_of_the_old_one(make_sse: MakeSse, sse: FakeSse) -> None:
    async with following(make_sse()) as board:
        await board.next(2)
        sse.push("odds", total(8.5))
        sse.push("locked-odds", total(8.5))
        sse.push("odds", total(9.5))
        await board.next(3)
    assert board.prices == {("totals@9.5", "Over"): 1.91, ("totals@9.5", "Under"): 1.91}
    assert len(board.book.quotes()) == 4


@pytest.mark.parametrize("how", ["completed", "cancelled"])
async def test_nothing_of_a_fixture_stands_once_it_is_over(
    make_sse: MakeSse, sse: FakeSse, how: str
) -> None:
    feed = make_sse()
    async with following(feed) as board:
        await begun(board, sse)
        sse.push("odds", [row(HOME, 120, fixture_id="f2")])
        sse.push("fixture-status", status(how))
        sse.push("odds", [row(HOME, -150)])  # it was under way already
        await board.next(3)
    assert {q.event_id for q in board.book.quotes() if q.odds} == {"f2"}
    assert "f1" not in feed._standing


async def test_a_status_describes_its_fixture(make_sse: MakeSse, sse: FakeSse) -> None:
    async with following(make_sse(events=[])) as board:
        await board.next(2)
        sse.push("fixture-status", status(None))
        sse.push("odds", [row(f"{AWAY} +1.5", -120, "Run Line", 1.5)])
        described = await board.next()
        assert [event.home for event in described.events] == [HOME]
        await board.next()
    assert board.prices == {("spreads@-1.5", AWAY): 1.83}


async def test_pings_and_comments_are_signs_of_life(make_sse: MakeSse, sse: FakeSse) -> None:
    now = [datetime(2026, 8, 4, tzinfo=UTC)]
    feed = make_sse(beat_s=0.05, clock=lambda: now[0])
    async with following(feed) as board:
        await board.next(2)
        for alive in (sse.ping, sse.comment):
            now[0] += timedelta(seconds=5)
            alive()
            assert (await board.next()).quotes == []
            assert feed.connection.last_heartbeat == now[0]
    assert feed.connection.last_update is None


async def test_rows_that_can_not_be_read_are_counted_and_never_kill_it(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    now = [datetime(2026, 8, 4, tzinfo=UTC)]
    feed = make_sse(clock=lambda: now[0])
    async with following(feed) as board:
        await begun(board, sse)
        sse.push("odds", [row(HOME, "evens"), row(AWAY, 140), {"nothing": 1}, 7])
        await board.next()
        assert board.prices == {("h2h", AWAY): 2.4}
        assert feed.connection.error_count == 3
        assert "3 items could not be read, first row" in str(feed.connection.last_error)
        sse.raw(b"event: odds\ndata: {rubbish\n\n")
        sse.raw(b"event: gossip\ndata: 1\n\n" * 2)
        await board.next(3)
        now[0] += timedelta(seconds=1)
        sse.ping()
        await board.next()
    assert feed.connection.error_count == 5
    assert feed.connection.status == "connected"
    # What can't be read any more does not stand with its last price.
    assert board.prices == {}


# ----------------------------------------------------------------------- it ends


@pytest.mark.parametrize("code", [400, 401, 403, 422])
async def test_a_refusal_ends_it_and_suspends_what_stood(
    make_sse: MakeSse, sse: FakeSse, waits: Waits, code: int
) -> None:
    feed = make_sse()
    async with following(feed) as board:
        await begun(board, sse)
        sse.mishaps.append(Raw(code, b"no"))
        sse.drop()
        await board.next(2)
        assert board.prices == {}
        with pytest.raises(FeedRefused, match=f"{code} no"):
            await board.next()
    assert (feed.connection.status, feed.connection.detail) == ("error", "terminal")
    assert len(waits.seconds) == 1


async def test_no_content_ends_it_in_peace(make_sse: MakeSse, sse: FakeSse) -> None:
    feed = make_sse()
    async with following(feed) as board:
        await begun(board, sse)
        sse.mishaps.append(Raw(204))
        sse.end()
        await board.next(2)
        with pytest.raises(StopAsyncIteration):
            await board.next()
    assert board.prices == {}
    assert (feed.connection.status, feed.connection.detail) == ("disconnected", "terminal")


# ------------------------------------------------------------------------- floods


@pytest.mark.parametrize("flood", [b"data: " + b"x" * 3000, b"data: xxxxxxxxxxxxxxxxxx\n" * 200])
async def test_an_event_without_end_ends_the_connection(
    make_sse: MakeSse, sse: FakeSse, flood: bytes
) -> None:
    feed = make_sse(max_event_bytes=2000)
    async with following(feed) as board:
        await begun(board, sse)
        for _ in range(20):  # many small ones are no flood
            sse.push("odds", [row(HOME, -150)])
            await board.next()
        assert feed.connection.error_count == 0
        sse.raw(flood)
        await board.next()
        assert "more than 2000 bytes" in str(feed.connection.last_error)
        await board.next()
        assert feed.connection.status == "connected"


async def test_more_prices_than_it_keeps_suspend_the_oldest(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    feed = make_sse(max_selections=2)
    async with following(feed) as board:
        await begun(board, sse)
        sse.push("odds", [row(HOME, 110, fixture_id="f2")])
        await board.next()
    assert {q.event_id for q in board.book.quotes() if q.odds} == {"f2"}
    assert "too many prices" in str(feed.connection.last_error)


@pytest.mark.parametrize("ident", ["x" * 300, "é", "a\tb"])
async def test_an_id_that_can_not_be_sent_back_is_not(
    make_sse: MakeSse, sse: FakeSse, ident: str
) -> None:
    feed = make_sse()
    async with following(feed) as board:
        await begun(board, sse)
        sse.raw(f"event: ping\nid: {ident}\ndata: x\n\n".encode())
        await board.next()
        sse.drop()
        await board.next(2)
    assert "last-event-id" not in sse.asked[1][0]
    assert board.prices == {}
    assert feed.connection.error_count == 2


# ------------------------------------------------------------------ the rest of it


async def test_what_can_not_be_true_is_quarantined_by_the_hub(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    decimal = msgspec.structs.replace(OPTIC_ODDS, odds_format="decimal")
    with Gateway(make_sse(decimal, id="optic")) as gateway:
        hub = gateway.hub
        await until(lambda: sse.readers == 1)
        sse.push("odds", [row(HOME, 1.9), row(AWAY, 2.0)])
        await until(lambda: len(hub.book.quotes()) == 2)
        sse.push("odds", [row(HOME, 1.0), row("Draw", "NaN"), row("Draw", 1e12)])
        wild = [row("Draw", 3.0, timestamp=4e9), row("Draw", 3.0, timestamp="soon")]
        sse.push("odds", [*wild, row("Draw", 3.0, sportsbook="x" * 300)])
        await until(lambda: hub.intake.quarantined == {"odds": 3, "timestamp": 2, "name": 1})
        assert hub.audit.counts["quarantine"] == 6
        standing = {q.outcome for q in hub.book.quotes() if q.odds is not None}
        assert standing == {AWAY}
        assert hub.sources["optic"].status == "connected"
        assert hub.sources["optic"].error_count == 0


@pytest.mark.parametrize("when", ["opening", "live", "waiting"])
async def test_a_cancelled_feed_leaves_nothing_behind(
    make_sse: MakeSse, sse: FakeSse, when: str
) -> None:
    asleep = asyncio.Event()

    async def sleep(seconds: float) -> None:
        asleep.set()
        await asyncio.sleep(3600)

    if when != "live":
        sse.mishaps.append(HANG if when == "opening" else Raw(500))
    feed = make_sse(sleep=sleep)

    async def read() -> None:
        async for _ in feed:
            pass

    task = asyncio.create_task(read())
    is_there = {
        "opening": lambda: len(sse.asked) == 1,
        "live": lambda: feed.connection.status == "connected",
        "waiting": asleep.is_set,
    }
    await until(is_there[when])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    await until(lambda: sse.readers == 0)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_client_that_was_given_is_used_and_left_open(make_sse: MakeSse) -> None:
    async with httpx.AsyncClient(timeout=0.2) as client:
        await take(make_sse(client=client), 2)
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
    make_sse: MakeSse, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError):
        make_sse(**wrong)
