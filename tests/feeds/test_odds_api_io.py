"""odds-api.io against a local one: image and deltas, how it fails, how it comes back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
import pytest

from protipp_stream.core.book import Book
from protipp_stream.core.quarantine import quote_fault
from protipp_stream.errors import ConfigurationError, FeedRefused
from protipp_stream.feeds.base import Feed
from protipp_stream.feeds.odds_api_io import DISMISSALS, OddsApiIo
from protipp_stream.gateway import Gateway
from protipp_stream.model import Batch, Quota
from tests.feeds.conftest import CANARY, Waits, take
from tests.feeds.odds_api_io_bodies import (
    AWAY,
    BEFORE_S,
    HOME,
    event,
    ml,
    said,
    spread,
    totals,
)
from tests.feeds.odds_api_io_server import HANG, SILENT, FakeOddsApiIo, Raw, serving

Make = Callable[..., OddsApiIo]


@pytest.fixture
def provider() -> Iterator[FakeOddsApiIo]:
    """One event, one bookmaker, a moneyline and a spread."""
    with serving(FakeOddsApiIo({CANARY}, ["Bet365"])) as fake:
        fake.events[1] = event()
        fake.odds[1] = {"Bet365": [ml(), spread(), {"name": "Corners", "odds": []}]}
        yield fake


@pytest.fixture
def make(provider: FakeOddsApiIo, waits: Waits) -> Make:
    def made(key: str = CANARY, **more: Any) -> OddsApiIo:
        settings = {
            "sport": "baseball",
            "base_url": provider.socket_url,
            "rest_url": provider.rest_url,
            "sleep": waits,
            "chance": lambda: 0.5,
        }
        return OddsApiIo(key, **(settings | more))

    return made


class Followed:
    """A feed, read batch by batch into a book."""

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        self._batches = batches
        self.book = Book("t")

    async def next(self) -> Batch:
        async with asyncio.timeout(10):
            batch = await anext(self._batches)
        sound = [q for q in batch.quotes if quote_fault(q, batch.received_at) is None]
        self.book.apply(sound, batch.received_at)
        return batch

    @property
    def prices(self) -> dict[tuple[str, str], float]:
        return {(q.market, q.outcome): q.odds for q in self.book.quotes() if q.odds is not None}


@asynccontextmanager
async def following(feed: OddsApiIo) -> AsyncIterator[Followed]:
    async with aclosing(cast(AsyncGenerator[Batch, None], aiter(feed))) as batches:
        yield Followed(batches)


async def until_refused(feed: OddsApiIo) -> tuple[list[Batch], FeedRefused]:
    batches: list[Batch] = []
    with pytest.raises(FeedRefused) as caught:
        async for batch in feed:
            batches.append(batch)
            assert len(batches) < 50
    return batches, caught.value


IMAGE = {
    ("h2h", HOME): 1.9,
    ("h2h", AWAY): 2.0,
    ("spreads@-1.5", HOME): 2.1,
    ("spreads@-1.5", AWAY): 1.75,
}


# -------------------------------------------------------------- image and deltas


async def test_it_begins_with_the_image(make: Make, provider: FakeOddsApiIo) -> None:
    feed = make(leagues=["usa-mlb"], status="prematch")
    assert isinstance(feed, Feed)
    async with following(feed) as board:
        batch = await board.next()
    assert board.prices == IMAGE
    assert [found.name for found in batch.events] == [f"{HOME} v {AWAY}"]
    assert provider.handshakes == [
        {
            "apiKey": CANARY,
            "markets": "ML,Spread,Totals",
            "sport": "baseball",
            "leagues": "usa-mlb",
            "status": "prematch",
        }
    ]
    assert provider.calls == [
        (
            "/v3/events",
            {"apiKey": CANARY, "sport": "baseball", "league": "usa-mlb", "status": "pending"},
        ),
        ("/v3/odds/multi", {"apiKey": CANARY, "eventIds": "1", "bookmakers": "Bet365"}),
    ]


async def test_the_connection_tells_how_it_goes(make: Make) -> None:
    feed = make()
    assert feed.connection.status == "connecting"
    before = datetime.now(UTC)
    await take(feed, 1)
    now = feed.connection
    assert (now.status, now.detail, now.connection_type) == ("connected", "live", "websocket")
    assert now.quota == Quota(remaining=4998, used=2)
    assert now.last_heartbeat is not None
    assert before <= now.last_heartbeat <= datetime.now(UTC)
    assert now.last_update == now.last_heartbeat
    assert (now.error_count, now.last_error, now.reconnect_attempts) == (0, None, 0)


async def test_an_update_replaces_the_markets_that_it_names(
    make: Make, provider: FakeOddsApiIo
) -> None:
    async with following(make()) as board:
        await board.next()
        provider.push(said("updated", spread(-2.5)), said("created", totals(8.5), bookie="Bet365"))
        batch = await board.next()
    assert {market for market, _ in board.prices} == {"h2h", "spreads@-2.5", "totals@8.5"}
    gone = {(q.market, q.outcome) for q in batch.quotes if q.odds is None}
    assert gone == {("spreads@-1.5", HOME), ("spreads@-1.5", AWAY)}


@pytest.mark.parametrize("kind", ["deleted", "no_markets"])
@pytest.mark.parametrize("bookie", ["Bet365", None])
async def test_what_is_removed_is_suspended(
    make: Make, provider: FakeOddsApiIo, kind: str, bookie: str | None
) -> None:
    async with following(make()) as board:
        await board.next()
        provider.push(said(kind, bookie=bookie))
        await board.next()
    assert board.prices == {}
    assert len(board.book.quotes()) == 4


async def test_what_is_removed_is_forgotten(make: Make, provider: FakeOddsApiIo) -> None:
    feed = make()
    async with following(feed) as board:
        await board.next()
        provider.push(said("deleted", bookie=None))
        await board.next()
        assert feed._merge._events == {}
        assert feed._merge._standing._events == {}


async def test_only_the_wanted_bookmakers_and_markets_count(
    make: Make, provider: FakeOddsApiIo
) -> None:
    provider.odds[1]["Unibet"] = [ml()]
    async with following(make(bookmakers=["Unibet"], markets=["ML"])) as board:
        await board.next()
        provider.push(said("updated", ml("5.0")), said("updated", spread(), bookie="Unibet"))
        await board.next()
        assert {q.bookmaker_id for q in board.book.quotes()} == {"Unibet"}
    assert board.prices == {("h2h", HOME): 1.9, ("h2h", AWAY): 2.0}


async def test_an_event_that_nobody_described_has_home_and_away(
    make: Make, provider: FakeOddsApiIo
) -> None:
    async with following(make()) as board:
        await board.next()
        provider.push(said("created", ml("1.5", "2.6"), id=2))
        batch = await board.next()
        assert {q.outcome for q in batch.quotes} == {"home", "away"}
        # Described by the next image, it is called by its teams, and by those only.
        provider.events[2] = event(2, home="Reds", away="Cubs")
        provider.odds[2] = {"Bet365": [ml("1.5", "2.6")]}
        provider.drop()
        await board.next()
        await board.next()
    standing = {q.outcome for q in board.book.quotes() if q.event_id == "2" and q.odds}
    assert standing == {"Reds", "Cubs"}


# ----------------------------------------------------- what comes before the image


async def test_deltas_that_are_newer_than_the_image_go_on_top_of_it(
    make: Make, provider: FakeOddsApiIo
) -> None:
    provider.meanwhile.append(provider.frame(said("updated", ml("1.80", "2.12"))))
    async with following(make()) as board:
        await board.next()
    assert board.prices == IMAGE | {("h2h", HOME): 1.8, ("h2h", AWAY): 2.12}


async def test_deltas_that_are_older_than_the_image_are_passed_over(
    make: Make, provider: FakeOddsApiIo
) -> None:
    old = said("updated", ml("1.80", "2.12"), timestamp=BEFORE_S - 5)
    provider.meanwhile.append(provider.frame(old, said("deleted", timestamp=BEFORE_S - 5)))
    async with following(make()) as board:
        await board.next()
    assert board.prices == IMAGE


async def test_a_delta_of_the_images_second_counts(make: Make, provider: FakeOddsApiIo) -> None:
    same = said("updated", ml("1.80", "2.12"), timestamp=BEFORE_S)
    provider.meanwhile.append(provider.frame(same))
    async with following(make()) as board:
        await board.next()
    assert board.prices["h2h", HOME] == 1.8


async def test_a_removal_after_the_image_counts(make: Make, provider: FakeOddsApiIo) -> None:
    provider.meanwhile.append(provider.frame(said("no_markets")))
    async with following(make()) as board:
        await board.next()
    assert board.prices == {}


async def test_an_image_from_the_future_does_not_stop_the_deltas(
    make: Make, provider: FakeOddsApiIo
) -> None:
    provider.odds[1]["Bet365"][0]["updatedAt"] = "2087-01-01T00:00:00Z"
    provider.meanwhile.append(provider.frame(said("updated", ml("1.80", "2.12"))))
    async with following(make()) as board:
        await board.next()
    assert board.prices == IMAGE | {("h2h", HOME): 1.8, ("h2h", AWAY): 2.12}


# ------------------------------------------------------------- it comes back


async def test_after_a_break_what_the_new_image_does_not_have_is_suspended(
    make: Make, provider: FakeOddsApiIo, waits: Waits
) -> None:
    feed = make()
    async with following(feed) as board:
        await board.next()
        provider.odds[1] = {"Bet365": [ml("1.7", "2.3")]}
        provider.drop()
        assert (await board.next()).quotes == []
        assert (feed.connection.status, feed.connection.detail) == ("connecting", "backoff")
        assert "broke the connection off" in str(feed.connection.last_error)
        again = await board.next()
    assert waits.seconds == [1.0]
    assert board.prices == {("h2h", HOME): 1.7, ("h2h", AWAY): 2.3}
    assert again.events == []  # nothing new about them
    assert feed.connection.status == "connected"
    assert feed.connection.reconnect_attempts == 1


async def test_a_resync_that_is_asked_for_fetches_another_image(
    make: Make, provider: FakeOddsApiIo
) -> None:
    async with following(make()) as board:
        await board.next()
        provider.odds[1] = {"Bet365": [ml("1.6", "2.5")]}
        provider.push({"type": "resync_required", "reason": "gap"}, said("updated", totals(9.5)))
        await board.next()
        assert len(provider.handshakes) == 1
    assert {market for market, _ in board.prices} == {"h2h", "totals@9.5"}


async def test_the_waits_grow_until_a_connection_has_lasted(
    make: Make, provider: FakeOddsApiIo, waits: Waits
) -> None:
    now = [datetime(2026, 8, 4, 1, tzinfo=UTC)]
    feed = make(clock=lambda: now[0])
    async with following(feed) as board:
        for _ in range(3):
            await board.next()
            provider.drop()
            await board.next()
        await board.next()
        assert waits.seconds == [1.0, 2.0, 4.0]
        now[0] += timedelta(seconds=31)
        provider.push(said("updated", ml("1.8")))
        await board.next()
        assert feed.connection.reconnect_attempts == 0
        assert feed.connection.last_update == now[0]
        provider.drop()
        await board.next()
        await board.next()
    assert waits.seconds == [1.0, 2.0, 4.0, 1.0]


async def test_silence_is_asked_and_then_taken_for_death(
    make: Make, provider: FakeOddsApiIo
) -> None:
    feed = make(beat_s=0.05, silence_s=0.3)
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
        provider.freeze()
        while feed.connection.status == "connected":
            await board.next()
        assert "silent for" in str(feed.connection.last_error)
        provider.thaw()
        while feed.connection.status != "connected":
            await board.next()


async def test_no_welcome_is_no_connection(make: Make, provider: FakeOddsApiIo) -> None:
    provider.refusals.append(SILENT)
    feed = make(timeout_s=0.2)
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
    make: Make, provider: FakeOddsApiIo, waits: Waits, mishap: Any
) -> None:
    provider.mishaps.extend([None, mishap])
    feed = make(timeout_s=0.5)
    async with following(feed) as board:
        assert (await board.next()).quotes == []
        assert feed.connection.status == "connecting"
        assert feed.connection.error_count == 1
        await board.next()
    assert board.prices == IMAGE
    assert waits.seconds == [1.0]


async def test_too_many_calls_wait_as_long_as_asked(
    make: Make, provider: FakeOddsApiIo, waits: Waits
) -> None:
    provider.used = provider.limit
    feed = make()
    await take(feed, 2)
    assert waits.seconds == [7.0]
    assert "Rate limit exceeded" in str(feed.connection.last_error)
    assert feed.connection.quota == Quota(remaining=0, used=5000)


@pytest.mark.parametrize(("status", "wait_s"), [(429, 9.0), (500, 1.0), (503, 1.0), (302, 1.0)])
async def test_a_handshake_that_fails_is_tried_again(
    make: Make, provider: FakeOddsApiIo, waits: Waits, status: int, wait_s: float
) -> None:
    provider.refusals.append(status)
    async with following(make()) as board:
        await board.next()
        await board.next()
    assert board.prices == IMAGE
    assert waits.seconds == [wait_s]


async def test_nobody_there_is_tried_again(make: Make, waits: Waits) -> None:
    feed = make(base_url="ws://127.0.0.1:9")
    await take(feed, 3)
    assert waits.seconds == [1.0, 2.0]
    assert "can't be reached" in str(feed.connection.last_error)


# ---------------------------------------------------------------- refused for good


@pytest.mark.parametrize("status", [400, 401, 403, 404])
async def test_a_refused_handshake_ends_the_feed(
    make: Make, provider: FakeOddsApiIo, waits: Waits, status: int
) -> None:
    provider.refusals.append(status)
    feed = make()
    batches, refusal = await until_refused(feed)
    assert [batch.quotes for batch in batches] == [[]]
    assert str(status) in str(refusal)
    assert (feed.connection.status, feed.connection.detail) == ("error", "terminal")
    assert waits.seconds == []


@pytest.mark.parametrize("code", [1000, 1008, 4001])
async def test_a_second_connection_of_the_key_ends_the_first_and_not_the_other_way_round(
    make: Make, provider: FakeOddsApiIo, waits: Waits, code: int
) -> None:
    provider.takeover = (code, "Closed: new connection established")
    first = make()
    async with following(first) as board:
        await board.next()
        async with following(make()) as other:
            await other.next()
            last = await board.next()
            assert {q.odds for q in last.quotes} == {None}
            assert board.prices == {}
            with pytest.raises(FeedRefused, match="One key has one connection"):
                await board.next()
            # The other one was left in peace.
            provider.push(said("updated", ml("1.8")))
            await other.next()
            assert other.prices["h2h", HOME] == 1.8
    assert len(provider.handshakes) == 2
    assert waits.seconds == []
    assert first.connection.detail == "terminal"


async def test_being_sent_away_again_and_again_ends_in_peace_too(
    make: Make, provider: FakeOddsApiIo, waits: Waits
) -> None:
    feed = make()
    with pytest.raises(FeedRefused, match="soon after it opened"):
        async for batch in feed:
            if batch.quotes and feed.connection.status == "connected":
                provider.close(4000)
    assert len(provider.handshakes) == DISMISSALS
    assert waits.seconds == [1.0, 2.0, 4.0, 8.0]


@pytest.mark.parametrize("code", [1001, 1012])
async def test_a_restart_is_no_dismissal(
    make: Make, provider: FakeOddsApiIo, waits: Waits, code: int
) -> None:
    async with following(make()) as board:
        for _ in range(DISMISSALS + 2):
            await board.next()
            provider.close(code, "going away")
            await board.next()
        await board.next()
    assert len(waits.seconds) == DISMISSALS + 2


async def test_try_again_later_is_waited_for(
    make: Make, provider: FakeOddsApiIo, waits: Waits
) -> None:
    async with following(make()) as board:
        await board.next()
        provider.close(1013, "try again later")
        await board.next()
        await board.next()
    assert waits.seconds == [8.0]


async def test_without_bookmakers_nothing_can_be_asked(make: Make, provider: FakeOddsApiIo) -> None:
    provider.bookmakers = []
    _, refusal = await until_refused(make())
    assert "bookmakers=" in refusal.hint


# ------------------------------------------------------------------------- floods


async def test_a_frame_that_is_too_large_ends_the_connection(
    make: Make, provider: FakeOddsApiIo, waits: Waits
) -> None:
    feed = make(max_frame_bytes=2000)
    async with following(feed) as board:
        await board.next()
        provider.raw(b" " * 2001)
        await board.next()
        assert "too large" in str(feed.connection.last_error)
        await board.next()
    assert board.prices == IMAGE
    assert waits.seconds == [1.0]


async def test_a_flood_before_the_image_ends_the_connection(
    make: Make, provider: FakeOddsApiIo, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.feeds.odds_api_io.MAX_EARLY_BYTES", 5000)
    provider.meanwhile.extend([b" " * 3000] * 2)
    provider.mishaps.extend([None, None])
    feed = make()
    await take(feed, 1)
    assert "before its image came" in str(feed.connection.last_error)


async def test_rubbish_is_counted_and_the_rest_goes_on(
    make: Make, provider: FakeOddsApiIo, caplog: pytest.LogCaptureFixture
) -> None:
    feed = make()
    async with following(feed) as board:
        await board.next()
        good = json.dumps(said("updated", ml("1.8"))).encode()
        nobody, unknown = said("updated", ml(), bookie=None), {"type": "gift", "id": 1}
        provider.raw(b"\n".join([b"{rubbish", provider.frame(nobody, unknown), good]))
        await board.next()
    assert board.prices["h2h", HOME] == 1.8
    assert feed.connection.status == "connected"
    assert feed.connection.error_count == 3
    assert "could not be read" in str(feed.connection.last_error)
    assert "could not be read" in caplog.text


async def test_a_flood_of_rubbish_is_not_a_flood_of_log(
    make: Make, provider: FakeOddsApiIo, caplog: pytest.LogCaptureFixture
) -> None:
    now = [datetime(2026, 8, 4, 1, tzinfo=UTC)]
    feed = make(clock=lambda: now[0])
    async with following(feed) as board:
        await board.next()
        for _ in range(100):
            provider.raw(b"{rubbish")
            await board.next()
        assert len(caplog.records) == 1
        now[0] += timedelta(seconds=1)
        provider.raw(b"{rubbish")
        await board.next()
    assert len(caplog.records) == 2
    assert feed.connection.error_count == 101
    assert "100 items" in caplog.records[1].getMessage()


async def test_more_prices_than_it_keeps_suspend_the_oldest(
    make: Make, provider: FakeOddsApiIo
) -> None:
    feed = make(max_selections=4)
    async with following(feed) as board:
        await board.next()
        provider.push(said("created", ml(), id=2))
        await board.next()
        assert {q.event_id for q in board.book.quotes() if q.odds} == {"2"}
    assert "too many prices" in str(feed.connection.last_error)


async def test_more_events_than_fit_into_the_image_are_told(
    make: Make, provider: FakeOddsApiIo
) -> None:
    for number in range(2, 26):
        provider.events[number] = event(number, date=f"2026-08-05T00:{number:02}:00Z")
        provider.odds[number] = {"Bet365": [ml()]}
    feed = make(max_events=12)
    async with following(feed) as board:
        await board.next()
        assert {q.event_id for q in board.book.quotes()} == {str(n) for n in range(1, 13)}
    assert "13 later events" in str(feed.connection.last_error)
    ids = [asked["eventIds"].split(",") for path, asked in provider.calls if "multi" in path]
    assert [len(some) for some in ids] == [10, 2]


# ------------------------------------------------------------------ the rest of it


async def test_what_can_not_be_true_is_quarantined_by_the_hub(
    make: Make, provider: FakeOddsApiIo
) -> None:
    with Gateway(make()) as gateway:
        hub = gateway.hub
        await _until(lambda: len(hub.book.quotes()) == 4)
        wild = {"timestamp": 4_000_000_000}
        provider.push(
            said("updated", ml("1.00", "NaN")),
            said("updated", totals(8.5), **wild),
            said("updated", ml("99999999", "2.2")),
        )
        await _until(lambda: hub.quarantined == {"odds": 3, "timestamp": 2})
        assert hub.audit.counts["quarantine"] == 5
        standing = {(q.market, q.outcome) for q in hub.book.quotes() if q.odds is not None}
        # The price that an impossible one took the place of does not stand either.
        assert standing == {("h2h", AWAY), ("spreads@-1.5", HOME), ("spreads@-1.5", AWAY)}
        assert hub.sources["odds_api_io:baseball"].status == "connected"


async def _until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("when", ["before the welcome", "during the image", "live", "waiting"])
async def test_a_cancelled_feed_leaves_nothing_behind(
    make: Make, provider: FakeOddsApiIo, when: str
) -> None:
    live = asyncio.Event()

    async def asleep(seconds: float) -> None:
        live.set()
        await asyncio.sleep(3600)

    if when == "before the welcome":
        provider.refusals.append(SILENT)
    elif when == "during the image":
        provider.mishaps.append(HANG)
    elif when == "waiting":
        provider.refusals.append(500)
    feed = make(sleep=asleep)

    async def read() -> None:
        async for batch in feed:
            if batch.quotes:
                live.set()

    task = asyncio.create_task(read())
    if when in ("live", "waiting"):
        await asyncio.wait_for(live.wait(), 10)
    else:
        await _until(lambda: bool(provider.calls if "image" in when else provider.is_connected))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    await _until(lambda: not provider.is_connected)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_client_that_was_given_is_used_and_left_open(make: Make) -> None:
    async with httpx.AsyncClient() as client:
        await take(make(client=client), 1)
        assert not client.is_closed


async def test_events_can_be_asked_for_by_their_ids(make: Make, provider: FakeOddsApiIo) -> None:
    [batch] = await take(make(sport=None, event_ids=[1]), 1)
    assert len(batch.quotes) == 4
    assert [path for path, _ in provider.calls] == ["/v3/odds/multi"]
    assert provider.handshakes[0]["eventIds"] == "1"


async def test_a_settled_event_is_not_in_the_image(make: Make, provider: FakeOddsApiIo) -> None:
    provider.events[1]["status"] = "settled"
    [batch] = await take(make(sport=None, event_ids=[1]), 1)
    assert (batch.quotes, batch.events) == ([], [])


@pytest.mark.parametrize(
    "wrong",
    [
        {"sport": None},
        {"markets": []},
        {"markets": "ML"},
        {"markets": ["Corners"]},
        {"status": "soon"},
        {"leagues": "usa-mlb"},
        {"bookmakers": "Bet365"},
        {"leagues": ["a"], "event_ids": [1]},
        {"event_ids": range(51)},
        {"leagues": [str(n) for n in range(21)]},
        {"base_url": "ws://example.test"},
        {"base_url": "https://example.test"},
        {"base_url": "wss://me:secret@example.test"},
        {"rest_url": "http://example.test"},
        {"rest_url": "nonsense"},
        {"beat_s": 50.0},
        {"beat_s": 0.0},
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        OddsApiIo(CANARY, **({"sport": "baseball"} | wrong))


@pytest.mark.parametrize("key", ["", "  ", None])
def test_a_key_is_needed(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="needs a key"):
        OddsApiIo(key, sport="baseball")
