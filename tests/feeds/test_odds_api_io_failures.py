"""odds-api.io against a local one: how it fails, and how it comes back or stands down."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protipp_stream.errors import FeedRefused
from protipp_stream.feeds.odds_api_io.feed import DISMISSALS, OddsApiIo
from protipp_stream.model import Batch, Quota
from tests.feeds.conftest import MakeOddsApiIo, Waits, drain, take
from tests.feeds.following import following
from tests.feeds.odds_api_io_bodies import (
    AWAY,
    HOME,
    IMAGE,
    event,
    ml,
    said,
    totals,
)
from tests.feeds.odds_api_io_server import HANG, SILENT, FakeOddsApiIo, Raw


async def until_refused(feed: OddsApiIo) -> tuple[list[Batch], FeedRefused]:
    batches: list[Batch] = []
    with pytest.raises(FeedRefused) as caught:
        await drain(feed, batches)
    return batches, caught.value


# ------------------------------------------------------------- it comes back


async def test_after_a_break_what_the_new_image_does_not_have_is_suspended(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    feed = make_io()
    async with following(feed) as board:
        await board.next()
        odds_api_io.odds[1] = {"Bet365": [ml("1.7", "2.3")]}
        odds_api_io.drop()
        assert (await board.next()).quotes == []
        assert (feed.connection.status, feed.connection.detail) == ("connecting", "backoff")
        assert "broke the connection off" in str(feed.connection.last_error)
        again = await board.next()
    assert waits.seconds == [1.0]
    assert board.prices == {("h2h", HOME): 1.7, ("h2h", AWAY): 2.3}
    assert again.events == []  # nothing new about them
    assert feed.connection.status == "connected"
    assert feed.connection.reconnect_attempts == 0


async def test_a_resync_that_is_asked_for_fetches_another_image(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    async with following(make_io()) as board:
        await board.next()
        odds_api_io.odds[1] = {"Bet365": [ml("1.6", "2.5")]}
        odds_api_io.push({"type": "resync_required", "reason": "gap"}, said("updated", totals(9.5)))
        await board.next()
        assert len(odds_api_io.handshakes) == 1
    assert {market for market, _ in board.prices} == {"h2h", "totals@9.5"}


async def test_the_waits_grow_until_a_connection_has_lasted(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    now = [datetime(2026, 8, 4, 1, tzinfo=UTC)]
    feed = make_io(clock=lambda: now[0], monotonic=lambda: now[0].timestamp())
    async with following(feed) as board:
        for _ in range(3):
            await board.next()
            odds_api_io.drop()
            await board.next()
        await board.next()
        assert waits.seconds == [1.0, 2.0, 4.0]
        now[0] += timedelta(seconds=31)
        odds_api_io.push(said("updated", ml("1.8")))
        await board.next()
        assert feed.connection.last_update == now[0]
        odds_api_io.drop()
        await board.next()
        await board.next()
    assert waits.seconds == [1.0, 2.0, 4.0, 1.0]


async def test_images_that_are_followed_by_a_break_open_the_breaker_and_signs_of_life_close_it(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    feed = make_io(clock=waits.wall)
    async with following(feed) as board:
        for _ in range(5):
            await board.next()
            assert (feed.connection.status, feed.connection.detail) == ("connected", "live")
            odds_api_io.drop()
            await board.next()
        shown = feed.connection
        assert (shown.status, shown.detail) == ("disconnected", "backoff")
        assert str(shown.last_error).startswith("5 failures within 60 s: no further try for 30 s")
        await board.next()
        assert waits.seconds == [1.0, 2.0, 4.0, 8.0, 30.0]
        assert (feed.connection.status, feed.connection.detail) == ("connected", "recovering")
        for detail in ("recovering", "live"):
            await waits(1.0)
            # Two frames within a second are one sign of life.
            for price in ("1.8", "1.9"):
                odds_api_io.push(said("updated", ml(price)))
                await board.next()
            assert (feed.connection.status, feed.connection.detail) == ("connected", detail)
        assert feed.connection.error_count == 5


async def test_silence_is_asked_and_then_taken_for_death(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    feed = make_io(beat_s=0.05, silence_s=0.3)
    async with following(feed) as board:
        await board.next()
        opened_at = feed.connection.last_heartbeat
        assert (await board.next()).quotes == []
        assert (await board.next()).quotes == []
        assert feed.connection.latency_ms is not None
        assert 0 < feed.connection.latency_ms < 1000
        assert feed.connection.last_heartbeat is not None
        assert opened_at is not None
        assert feed.connection.last_heartbeat > opened_at
        assert feed.connection.last_update == opened_at
        odds_api_io.freeze()
        while feed.connection.status == "connected":
            await board.next()
        assert "silent for" in str(feed.connection.last_error)
        odds_api_io.thaw()
        while feed.connection.status != "connected":
            await board.next()


async def test_no_welcome_is_no_connection(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    odds_api_io.refusals.append(SILENT)
    feed = make_io(timeout_s=0.2)
    await take(feed, 1)
    assert "no welcome" in str(feed.connection.last_error)
    assert feed.connection.status == "connecting"


REST_TROUBLES = {
    "500": Raw(500),
    "408": Raw(408),
    "a redirect": Raw(302, b"", {"location": "http://127.0.0.1:9/"}),
    "no JSON": Raw(200, b"<html>hello</html>"),
    "no list": Raw(200, b"{}"),
    "too deep": Raw(200, b"[" * 100_000),
    "bad gzip": Raw(200, b"no gzip", {"content-encoding": "gzip"}),
    "hanging": HANG,
}


@pytest.mark.parametrize("mishap", REST_TROUBLES.values(), ids=REST_TROUBLES.keys())
async def test_without_an_image_it_begins_again(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits, mishap: Any
) -> None:
    odds_api_io.mishaps.extend([None, mishap])
    feed = make_io(timeout_s=0.5)
    async with following(feed) as board:
        assert (await board.next()).quotes == []
        assert feed.connection.status == "connecting"
        assert feed.connection.error_count == 1
        await board.next()
    assert board.prices == IMAGE
    assert waits.seconds == [1.0]


async def test_too_many_calls_wait_as_long_as_asked(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    odds_api_io.used = odds_api_io.limit
    feed = make_io()
    await take(feed, 2)
    assert waits.seconds == [7.0]
    assert "Rate limit exceeded" in str(feed.connection.last_error)
    assert feed.connection.quota == Quota(remaining=0, used=5000)


@pytest.mark.parametrize(("status", "wait_s"), [(429, 9.0), (500, 1.0), (503, 1.0), (302, 1.0)])
async def test_a_handshake_that_fails_is_tried_again(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits, status: int, wait_s: float
) -> None:
    odds_api_io.refusals.append(status)
    async with following(make_io()) as board:
        await board.next()
        await board.next()
    assert board.prices == IMAGE
    assert waits.seconds == [wait_s]


async def test_nobody_there_is_tried_again(make_io: MakeOddsApiIo, waits: Waits) -> None:
    feed = make_io(base_url="ws://127.0.0.1:9")
    await take(feed, 3)
    assert waits.seconds == [1.0, 2.0]
    assert "can't be reached" in str(feed.connection.last_error)


# ---------------------------------------------------------------- refused for good


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refused_handshake_ends_the_feed(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits, status: int
) -> None:
    odds_api_io.refusals.append(status)
    feed = make_io()
    batches, refusal = await until_refused(feed)
    assert [batch.quotes for batch in batches] == [[]]
    assert str(status) in str(refusal)
    assert (feed.connection.status, feed.connection.detail) == ("error", "terminal")
    assert waits.seconds == []


@pytest.mark.parametrize("code", [1000, 1008, 4001])
async def test_a_second_connection_of_the_key_ends_the_first_and_not_the_other_way_round(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits, code: int
) -> None:
    odds_api_io.takeover = (code, "Closed: new connection established")
    first = make_io()
    async with following(first) as board:
        await board.next()
        async with following(make_io()) as other:
            await other.next()
            last = await board.next()
            assert {q.odds for q in last.quotes} == {None}
            assert board.prices == {}
            with pytest.raises(FeedRefused, match="One key has one connection"):
                await board.next()
            # The other one was left in peace.
            odds_api_io.push(said("updated", ml("1.8")))
            await other.next()
            assert other.prices["h2h", HOME] == 1.8
    assert len(odds_api_io.handshakes) == 2
    assert waits.seconds == []
    assert first.connection.detail == "terminal"


async def test_being_sent_away_again_and_again_ends_in_peace_too(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    feed = make_io()
    async with following(feed) as board:
        for _ in range(DISMISSALS):
            await board.next()
            odds_api_io.close(4000)
            await board.next()
        with pytest.raises(FeedRefused, match="soon after it opened"):
            await board.next()
    assert len(odds_api_io.handshakes) == DISMISSALS
    assert waits.seconds == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("code", [1001, 1012])
async def test_a_restart_is_no_dismissal(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits, code: int
) -> None:
    async with following(make_io()) as board:
        for _ in range(DISMISSALS + 2):
            await board.next()
            odds_api_io.close(code, "going away")
            await board.next()
        await board.next()
    assert len(waits.seconds) == DISMISSALS + 2


async def test_try_again_later_is_waited_for(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    async with following(make_io()) as board:
        await board.next()
        odds_api_io.close(1013, "try again later")
        await board.next()
        await board.next()
    assert waits.seconds == [8.0]


async def test_without_bookmakers_nothing_can_be_asked(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    odds_api_io.bookmakers = []
    _, refusal = await until_refused(make_io())
    assert "bookmakers=" in refusal.hint


# ------------------------------------------------------------------------- floods


async def test_a_frame_that_is_too_large_ends_the_connection(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    feed = make_io(max_frame_bytes=2000)
    async with following(feed) as board:
        await board.next()
        odds_api_io.raw(b" " * 2001)
        await board.next()
        assert "too large" in str(feed.connection.last_error)
        await board.next()
    assert board.prices == IMAGE
    assert waits.seconds == [1.0]


async def test_a_flood_before_the_image_ends_the_connection(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.feeds.odds_api_io.feed.MAX_EARLY_BYTES", 5000)
    odds_api_io.meanwhile.extend([b" " * 3000] * 2)
    odds_api_io.mishaps.extend([None, None])
    feed = make_io()
    await take(feed, 1)
    assert "before its image came" in str(feed.connection.last_error)


async def test_rubbish_is_counted_and_the_rest_goes_on(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, caplog: pytest.LogCaptureFixture
) -> None:
    feed = make_io()
    async with following(feed) as board:
        await board.next()
        good = json.dumps(said("updated", ml("1.8"))).encode()
        nobody, unknown = said("updated", ml(), bookie=None), {"type": "gift", "id": 1}
        odds_api_io.raw(b"\n".join([b"{rubbish", odds_api_io.frame(nobody, unknown), good]))
        await board.next()
    assert board.prices["h2h", HOME] == 1.8
    assert feed.connection.status == "connected"
    assert feed.connection.error_count == 3
    assert "could not be read" in str(feed.connection.last_error)
    assert "could not be read" in caplog.text


async def test_a_flood_of_rubbish_is_not_a_flood_of_log(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, caplog: pytest.LogCaptureFixture
) -> None:
    now = [datetime(2026, 8, 4, 1, tzinfo=UTC)]
    feed = make_io(clock=lambda: now[0])
    async with following(feed) as board:
        await board.next()
        for _ in range(100):
            odds_api_io.raw(b"{rubbish")
            await board.next()
        assert len(caplog.records) == 1
        now[0] += timedelta(seconds=1)
        odds_api_io.raw(b"{rubbish")
        await board.next()
    assert len(caplog.records) == 2
    assert feed.connection.error_count == 101
    assert "100 items" in caplog.records[1].getMessage()


async def test_more_prices_than_it_keeps_suspend_the_oldest(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    feed = make_io(max_selections=4)
    async with following(feed) as board:
        await board.next()
        odds_api_io.push(said("created", ml(), id=2))
        await board.next()
        assert {q.event_id for q in board.book.quotes() if q.odds} == {"2"}
    assert "too many prices" in str(feed.connection.last_error)


async def test_more_events_than_fit_into_the_image_are_told(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    for number in range(2, 26):
        odds_api_io.events[number] = event(number, date=f"2026-08-05T00:{number:02}:00Z")
        odds_api_io.odds[number] = {"Bet365": [ml()]}
    feed = make_io(max_events=12)
    async with following(feed) as board:
        await board.next()
        assert {q.event_id for q in board.book.quotes()} == {str(n) for n in range(1, 13)}
    assert "13 later events" in str(feed.connection.last_error)
    ids = [asked["eventIds"].split(",") for path, asked in odds_api_io.calls if "multi" in path]
    assert [len(some) for some in ids] == [10, 2]
