"""odds-api.io against a local one: image and deltas, what is kept, what is refused."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.base import Feed
from protipp_stream.feeds.odds_api_io.feed import OddsApiIo
from protipp_stream.gateway import Gateway
from protipp_stream.model import Quota
from tests.feeds.conftest import CANARY, MakeOddsApiIo, take
from tests.feeds.following import following, until
from tests.feeds.odds_api_io_bodies import (
    AWAY,
    BEFORE_S,
    HOME,
    IMAGE,
    event,
    ml,
    said,
    spread,
    totals,
)
from tests.feeds.odds_api_io_server import HANG, SILENT, FakeOddsApiIo

# -------------------------------------------------------------- image and deltas


async def test_it_begins_with_the_image(make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo) -> None:
    feed = make_io(leagues=["usa-mlb"], status="prematch")
    assert isinstance(feed, Feed)
    async with following(feed) as board:
        batch = await board.next()
    assert board.prices == IMAGE
    assert [found.name for found in batch.events] == [f"{HOME} v {AWAY}"]
    assert odds_api_io.handshakes == [
        {
            "apiKey": CANARY,
            "markets": "ML,Spread,Totals",
            "sport": "baseball",
            "leagues": "usa-mlb",
            "status": "prematch",
        }
    ]
    assert odds_api_io.calls == [
        (
            "/v3/events",
            {"apiKey": CANARY, "sport": "baseball", "league": "usa-mlb", "status": "pending"},
        ),
        ("/v3/odds/multi", {"apiKey": CANARY, "eventIds": "1", "bookmakers": "Bet365"}),
    ]


async def test_the_connection_tells_how_it_goes(make_io: MakeOddsApiIo) -> None:
    feed = make_io()
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
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    async with following(make_io()) as board:
        await board.next()
        odds_api_io.push(
            said("updated", spread(-2.5)), said("created", totals(8.5), bookie="Bet365")
        )
        batch = await board.next()
    assert {market for market, _ in board.prices} == {"h2h", "spreads@-2.5", "totals@8.5"}
    gone = {(q.market, q.outcome) for q in batch.quotes if q.odds is None}
    assert gone == {("spreads@-1.5", HOME), ("spreads@-1.5", AWAY)}


@pytest.mark.parametrize("kind", ["deleted", "no_markets"])
@pytest.mark.parametrize("bookie", ["Bet365", None])
async def test_what_is_removed_is_suspended(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, kind: str, bookie: str | None
) -> None:
    async with following(make_io()) as board:
        await board.next()
        odds_api_io.push(said(kind, bookie=bookie))
        await board.next()
    assert board.prices == {}
    assert len(board.book.quotes()) == 4


async def test_what_is_removed_is_forgotten(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    feed = make_io()
    async with following(feed) as board:
        await board.next()
        odds_api_io.push(said("deleted", bookie=None))
        await board.next()
        assert feed._merge._events == {}
        assert feed._merge.standing._events == {}


async def test_only_the_wanted_bookmakers_and_markets_count(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    odds_api_io.odds[1]["Unibet"] = [ml()]
    async with following(make_io(bookmakers=["Unibet"], markets=["ML"])) as board:
        await board.next()
        odds_api_io.push(said("updated", ml("5.0")), said("updated", spread(), bookie="Unibet"))
        await board.next()
        assert {q.bookmaker_id for q in board.book.quotes()} == {"Unibet"}
    assert board.prices == {("h2h", HOME): 1.9, ("h2h", AWAY): 2.0}


async def test_an_event_that_nobody_described_has_home_and_away(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    async with following(make_io()) as board:
        await board.next()
        odds_api_io.push(said("created", ml("1.5", "2.6"), id=2))
        batch = await board.next()
        assert {q.outcome for q in batch.quotes} == {"home", "away"}
        # Described by the next image, it is called by its teams, and by those only.
        odds_api_io.events[2] = event(2, home="Reds", away="Cubs")
        odds_api_io.odds[2] = {"Bet365": [ml("1.5", "2.6")]}
        odds_api_io.drop()
        await board.next()
        await board.next()
    standing = {q.outcome for q in board.book.quotes() if q.event_id == "2" and q.odds}
    assert standing == {"Reds", "Cubs"}


# ----------------------------------------------------- what comes before the image


async def test_deltas_that_are_newer_than_the_image_go_on_top_of_it(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    odds_api_io.meanwhile.append(odds_api_io.frame(said("updated", ml("1.80", "2.12"))))
    async with following(make_io()) as board:
        await board.next()
    assert board.prices == IMAGE | {("h2h", HOME): 1.8, ("h2h", AWAY): 2.12}


async def test_deltas_that_are_older_than_the_image_are_passed_over(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    old = said("updated", ml("1.80", "2.12"), timestamp=BEFORE_S - 5)
    odds_api_io.meanwhile.append(odds_api_io.frame(old, said("deleted", timestamp=BEFORE_S - 5)))
    async with following(make_io()) as board:
        await board.next()
    assert board.prices == IMAGE


async def test_a_delta_of_the_images_second_counts(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    same = said("updated", ml("1.80", "2.12"), timestamp=BEFORE_S)
    odds_api_io.meanwhile.append(odds_api_io.frame(same))
    async with following(make_io()) as board:
        await board.next()
    assert board.prices["h2h", HOME] == 1.8


async def test_a_removal_after_the_image_counts(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    odds_api_io.meanwhile.append(odds_api_io.frame(said("no_markets")))
    async with following(make_io()) as board:
        await board.next()
    assert board.prices == {}


async def test_an_image_from_the_future_does_not_stop_the_deltas(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    odds_api_io.odds[1]["Bet365"][0]["updatedAt"] = "2087-01-01T00:00:00Z"
    odds_api_io.meanwhile.append(odds_api_io.frame(said("updated", ml("1.80", "2.12"))))
    async with following(make_io()) as board:
        await board.next()
    assert board.prices == IMAGE | {("h2h", HOME): 1.8, ("h2h", AWAY): 2.12}


# ------------------------------------------------------------------ the rest of it


async def test_what_can_not_be_true_is_quarantined_by_the_hub(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    with Gateway(make_io()) as gateway:
        hub = gateway.hub
        await until(lambda: len(hub.book.quotes()) == 4)
        wild = {"timestamp": 4_000_000_000}
        odds_api_io.push(
            said("updated", ml("1.00", "NaN")),
            said("updated", totals(8.5), **wild),
            said("updated", ml("99999999", "2.2")),
        )
        await until(lambda: hub.intake.quarantined == {"odds": 3, "timestamp": 2})
        assert hub.audit.counts["quarantine"] == 5
        standing = {(q.market, q.outcome) for q in hub.book.quotes() if q.odds is not None}
        # The price that an impossible one took the place of does not stand either.
        assert standing == {("h2h", AWAY), ("spreads@-1.5", HOME), ("spreads@-1.5", AWAY)}
        assert hub.sources["odds_api_io:baseball"].status == "connected"


@pytest.mark.parametrize("when", ["before the welcome", "during the image", "live", "waiting"])
async def test_a_cancelled_feed_leaves_nothing_behind(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, when: str
) -> None:
    live = asyncio.Event()

    async def asleep(seconds: float) -> None:
        live.set()
        await asyncio.sleep(3600)

    if when == "before the welcome":
        odds_api_io.refusals.append(SILENT)
    elif when == "during the image":
        odds_api_io.mishaps.append(HANG)
    elif when == "waiting":
        odds_api_io.refusals.append(500)
    feed = make_io(sleep=asleep)

    async def read() -> None:
        async for batch in feed:
            if batch.quotes:
                live.set()

    task = asyncio.create_task(read())
    if when in ("live", "waiting"):
        await asyncio.wait_for(live.wait(), 10)
    else:
        await until(
            lambda: bool(odds_api_io.calls if "image" in when else odds_api_io.is_connected)
        )
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(task, 5)
    await until(lambda: not odds_api_io.is_connected)
    assert asyncio.all_tasks() == {asyncio.current_task()}


async def test_a_client_that_was_given_is_used_and_left_open(make_io: MakeOddsApiIo) -> None:
    async with httpx.AsyncClient() as client:
        await take(make_io(client=client), 1)
        assert not client.is_closed


async def test_events_can_be_asked_for_by_their_ids(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    [batch] = await take(make_io(sport=None, event_ids=[1]), 1)
    assert len(batch.quotes) == 4
    assert [path for path, _ in odds_api_io.calls] == ["/v3/odds/multi"]
    assert odds_api_io.handshakes[0]["eventIds"] == "1"


async def test_a_settled_event_is_not_in_the_image(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    odds_api_io.events[1]["status"] = "settled"
    [batch] = await take(make_io(sport=None, event_ids=[1]), 1)
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
