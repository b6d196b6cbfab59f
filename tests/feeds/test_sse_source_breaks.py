"""A source of server-sent events against a local one: it breaks, resumes, or forgets."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protipp_stream.feeds import OPTIC_ODDS
from tests.feeds.conftest import CANARY, REPLAYING, MakeSse, Waits, take
from tests.feeds.following import following
from tests.feeds.sse_source_begun import begun
from tests.feeds.sse_source_rows import AWAY, HOME, row
from tests.feeds.sse_source_server import HANG, FakeSse, Raw, serving

# -------------------------------------------------------------- it breaks and resumes


@pytest.mark.parametrize("broken", ["end", "drop"])
async def test_a_break_is_resumed_from_the_last_id(
    make_sse: MakeSse, sse: FakeSse, waits: Waits, broken: str
) -> None:
    feed = make_sse()
    async with following(feed) as board:
        await begun(board, sse)
        last = sse.push("odds", [row(HOME, -160)])
        await board.next()
        getattr(sse, broken)()
        sse.keep("locked-odds", [row(AWAY, 130)])
        assert (await board.next()).quotes == []
        assert (feed.connection.status, feed.connection.detail) == ("connecting", "backoff")
        assert feed.connection.reconnect_attempts == 1
        await board.next(3)
        assert feed.connection.status == "connected"
    assert waits.seconds == [5.0]  # as the server asked
    headers, query = sse.asked[1]
    assert headers["last-event-id"] == query["last_entry_id"] == last
    assert board.prices == {("h2h", HOME): 1.62}


@pytest.mark.parametrize("forgets", ["reset", 410, 412])
async def test_when_the_source_has_forgotten_all_that_stood_is_suspended(
    make_sse: MakeSse, waits: Waits, forgets: str | int
) -> None:
    with serving(FakeSse({CANARY}, memory=2)) as sse:
        sse.forgets = forgets
        feed = make_sse(url=sse.url)
        async with following(feed) as board:
            await begun(board, sse)
            sse.drop()
            for price in (100, 110, 120):
                sse.keep("odds", [row(HOME, price)])
            await board.next(3 if forgets == "reset" else 2)
            if forgets == "reset":
                await board.next()
            assert board.prices == {}
            assert len(board.book.quotes()) == 2
            assert feed.connection.status == "connected"
            assert feed.connection.error_count == 2
            assert feed.connection.last_error is not None
            sse.push("odds", [row(HOME, 120)])
            while not board.prices:
                await board.next()
        assert board.prices == {("h2h", HOME): 2.2}
        assert "last-event-id" not in sse.asked[-1][0] or forgets == "reset"


async def test_after_a_long_break_nothing_is_trusted_to_be_replayed(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    now = [datetime(2026, 8, 4, tzinfo=UTC)]

    async def asleep(seconds: float) -> None:
        now[0] += timedelta(seconds=REPLAYING.remembers_s + 1)

    async with following(make_sse(clock=lambda: now[0], sleep=asleep)) as board:
        await begun(board, sse)
        sse.drop()
        await board.next(2)
    assert board.prices == {}
    assert "last-event-id" not in sse.asked[1][0]


async def test_a_source_that_never_replays_begins_with_nothing(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    async with following(make_sse(OPTIC_ODDS)) as board:
        await begun(board, sse)
        sse.drop()
        await board.next(2)
    assert board.prices == {}
    assert "last-event-id" not in sse.asked[1][0]


@pytest.mark.parametrize(
    ("retry_ms", "wait_s"), [(0, 1.0), (20, 1.0), (3000, 3.0), (9_000_000, 60.0), (None, 1.0)]
)
async def test_what_the_server_asks_for_has_a_floor_and_a_ceiling(
    make_sse: MakeSse, sse: FakeSse, waits: Waits, retry_ms: int | None, wait_s: float
) -> None:
    sse.retry_ms = retry_ms
    async with following(make_sse()) as board:
        await board.next(2)
        sse.drop()
        await board.next(2)
    assert waits.seconds == [wait_s]


async def test_the_waits_grow_beyond_what_was_asked(
    make_sse: MakeSse, sse: FakeSse, waits: Waits
) -> None:
    async with following(make_sse()) as board:
        await board.next(2)
        sse.mishaps.extend([Raw(500)] * 4)
        sse.drop()
        await board.next(6)
    assert waits.seconds == [5.0, 5.0, 5.0, 8.0, 30.0]


async def test_answers_that_end_at_once_open_the_breaker_and_signs_of_life_close_it(
    make_sse: MakeSse, sse: FakeSse, waits: Waits
) -> None:
    sse.mishaps.extend([Raw(200, b"", {"content-type": "text/event-stream"})] * 5)
    feed = make_sse(clock=waits.wall)
    async with following(feed) as board:
        for _ in range(5):
            await board.next(2)
        shown = feed.connection
        assert (shown.status, shown.detail) == ("disconnected", "backoff")
        assert str(shown.last_error).startswith("5 failures within 60 s: no further try for 30 s")
        await board.next(2)
        assert waits.seconds == [1.0, 2.0, 4.0, 8.0, 30.0]
        assert (feed.connection.status, feed.connection.detail) == ("connected", "recovering")
        for detail in ("recovering", "live"):
            await waits(1.0)
            sse.ping()
            await board.next()
            assert (feed.connection.status, feed.connection.detail) == ("connected", detail)
        assert feed.connection.error_count == 5


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
    make_sse: MakeSse, sse: FakeSse, waits: Waits, mishap: Any
) -> None:
    sse.mishaps.append(mishap)
    feed = make_sse(timeout_s=0.5)
    async with following(feed) as board:
        assert (await board.next()).quotes == []
        assert (feed.connection.error_count, feed.connection.status) == (1, "connecting")
        await begun(board, sse)
    assert waits.seconds == [1.0]


async def test_nobody_there_is_tried_again(make_sse: MakeSse, waits: Waits) -> None:
    feed = make_sse(url="http://127.0.0.1:9")
    await take(feed, 3)
    assert waits.seconds == [1.0, 2.0]
    assert "can't be reached" in str(feed.connection.last_error)


@pytest.mark.parametrize(("header", "wait_s"), [({"retry-after": "7"}, 7.0), ({}, 1.0)])
async def test_too_many_is_waited_for_as_long_as_asked(
    make_sse: MakeSse, sse: FakeSse, waits: Waits, header: dict[str, str], wait_s: float
) -> None:
    sse.mishaps.append(Raw(429, b"slow down", header))
    feed = make_sse()
    await take(feed, 2)
    assert waits.seconds == [wait_s]
    assert "429 slow down" in str(feed.connection.last_error)


async def test_silence_is_taken_for_death(make_sse: MakeSse, sse: FakeSse, waits: Waits) -> None:
    feed = make_sse(beat_s=0.05, silence_s=0.2)
    async with following(feed) as board:
        await board.next(3)
        assert "silent for" in str(feed.connection.last_error)
        await board.next()
    assert len(sse.asked) == 2
