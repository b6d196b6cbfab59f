"""What odds-api.io says and nobody can read, or name, must not stand or stay nameless."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.feeds.conftest import MakeOddsApiIo, Waits
from tests.feeds.following import following
from tests.feeds.odds_api_io_bodies import AWAY, HOME, IMAGE, event, ml, said, spread
from tests.feeds.odds_api_io_server import FakeOddsApiIo, Raw

SPREADS = {key: odds for key, odds in IMAGE.items() if key[0] != "h2h"}


def images(provider: FakeOddsApiIo) -> int:
    return sum("multi" in path for path, _ in provider.calls)


# ------------------------------------------------------------------ what can't be read


async def test_a_market_of_which_the_name_can_be_read_is_withdrawn(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    feed = make_io()
    async with following(feed) as board:
        await board.next()
        odds_api_io.push(said("updated", {"name": "ML", "odds": {"home": "1.10"}}))
        await board.next()
        assert feed.connection.error_count == 1
    assert board.prices == SPREADS
    assert images(odds_api_io) == 1


@pytest.mark.parametrize(
    "message",
    [
        said("updated", ml()) | {"markets": [{"name": 7, "odds": []}]},
        said("updated", ml(), bookie=None),
        said("updated", ml(), id=None),
    ],
)
async def test_what_can_not_be_told_asks_for_an_image(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, message: dict[str, Any]
) -> None:
    async with following(make_io()) as board:
        await board.next()
        odds_api_io.odds[1] = {"Bet365": [spread()]}  # the moneyline is suspended
        odds_api_io.push(message)
        await board.next(2)
        assert len(odds_api_io.handshakes) == 1
    assert board.prices == SPREADS


async def test_a_message_that_can_not_be_read_suspends_what_it_names_until_the_image(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    async with following(make_io()) as board:
        await board.next()
        half = json.dumps(said("updated") | {"markets": {"name": "ML"}}).encode()
        odds_api_io.raw(b"{rubbish")
        await board.next()
        assert board.prices == IMAGE
        assert images(odds_api_io) == 2
        odds_api_io.raw(half)  # so soon, no image is asked for
        await board.next()
        assert board.prices == {}
        assert images(odds_api_io) == 2
        await waits(60.0)
        odds_api_io.push(said("status"))
        await board.next()
        assert images(odds_api_io) == 3
        assert board.prices == IMAGE
        # That was the answer to all that could not be read.
        await waits(60.0)
        odds_api_io.push(said("status"))
        await board.next()
    assert images(odds_api_io) == 3


async def test_a_flood_of_rubbish_is_not_a_flood_of_calls(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    async with following(make_io()) as board:
        await board.next()
        for _ in range(100):
            await waits(1.0)
            odds_api_io.raw(b"{rubbish")
            await board.next()
    assert images(odds_api_io) == 3


# ------------------------------------------------------------------- who are they?


async def test_an_event_that_is_new_gets_its_names_for_one_call(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo
) -> None:
    async with following(make_io()) as board:
        await board.next()
        calls = len(odds_api_io.calls)
        odds_api_io.events[2] = event(2, home="Reds", away="Cubs")
        odds_api_io.push(said("created", ml("1.5", "2.6"), spread(-2.5), id=2))
        await board.next()
        batch = await board.next()
        assert [(found.event_id, found.name) for found in batch.events] == [("2", "Reds v Cubs")]
        standing = {(q.market, q.outcome): q.odds for q in board.book.quotes()
                    if q.event_id == "2" and q.odds}  # fmt: skip
        assert standing == {
            ("h2h", "Reds"): 1.5,
            ("h2h", "Cubs"): 2.6,
            ("spreads@-2.5", "Reds"): 2.1,
            ("spreads@-2.5", "Cubs"): 1.75,
        }
        odds_api_io.push(said("updated", ml("1.6", "2.4"), id=2))
        assert {q.outcome for q in (await board.next()).quotes} == {"Reds", "Cubs"}
    assert [path for path, _ in odds_api_io.calls[calls:]] == ["/v3/events"]


async def test_names_are_asked_for_once_a_minute_and_in_vain_only_once(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    async with following(make_io()) as board:
        await board.next()
        begun = len(odds_api_io.calls)
        for number in range(2, 10):
            odds_api_io.push(said("created", ml(), id=number))
            await board.next()
        odds_api_io.push(said("status"))
        await board.next()
        assert len(odds_api_io.calls) == begun + 1
        await waits(60.0)
        for _ in range(2):
            odds_api_io.push(said("created", ml(), id=9))
            await board.next()
            await waits(60.0)
    assert len(odds_api_io.calls) == begun + 2


async def test_a_call_for_names_that_fails_breaks_nothing(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    feed = make_io()
    async with following(feed) as board:
        await board.next()
        odds_api_io.events[2] = event(2, home="Reds", away="Cubs")
        odds_api_io.mishaps.append(Raw(500))
        for _ in range(2):
            odds_api_io.push(said("created", ml(), id=2))
            await board.next()
        assert feed.connection.status == "connected"
        assert feed.connection.error_count == 1
        await waits(60.0)
        odds_api_io.push(said("updated", ml(), id=2))
        await board.next(3)  # said, vouched for, named
    assert {q.outcome for q in board.book.quotes() if q.event_id == "2" and q.odds} == {
        "Reds",
        "Cubs",
    }


# ------------------------------------------------------------ it comes back, and vouches


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (1012, "service restart, please open a new connection"),
        (1001, "session expired"),
        (1011, "keepalive ping timeout expired"),
        (1013, "another client is using too much capacity"),
        (1014, "replaced"),
    ],
)
async def test_a_servers_own_trouble_is_never_the_end_whatever_it_says(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, code: int, reason: str
) -> None:
    async with following(make_io()) as board:
        await board.next()
        odds_api_io.close(code, reason)
        await board.next(2)
    assert board.prices == IMAGE


@pytest.mark.parametrize("status", [404, 409, 421, 423, 425])
async def test_what_worked_before_is_tried_again(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, status: int
) -> None:
    feed = make_io()
    async with following(feed) as board:
        await board.next()
        odds_api_io.mishaps.append(Raw(status))
        odds_api_io.drop()
        await board.next(2)
        assert str(status) in str(feed.connection.last_error)
        await board.next()
        odds_api_io.refusals.append(status)
        odds_api_io.drop()
        await board.next(2)
        assert str(status) in str(feed.connection.last_error)
        await board.next()
    assert board.prices == IMAGE


async def test_a_living_connection_vouches_for_what_stands_once_a_minute(
    make_io: MakeOddsApiIo, odds_api_io: FakeOddsApiIo, waits: Waits
) -> None:
    async with following(make_io(clock=waits.wall)) as board:
        await board.next()
        odds_api_io.push(said("updated", {"name": "Spread", "odds": []}))
        await board.next()
        await waits(60.0)
        odds_api_io.push(said("status"))
        assert (await board.next()).quotes == []
        again = await board.next()
        assert {(q.market, q.outcome) for q in again.quotes} == {("h2h", HOME), ("h2h", AWAY)}
        assert {q.source_timestamp for q in again.quotes} == {None}
        assert {q.good_at for q in board.book.quotes() if q.odds} == {waits.wall()}
        odds_api_io.push(said("updated", ml("1.8")))
        assert (await board.next()).quotes[0].odds == 1.8
