"""The Exchange Stream, live: prices, suspensions, broken connections and refusals."""

from __future__ import annotations

import asyncio
import logging
import math
import random
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.errors import ConfigurationError, FeedRefused
from protipp_stream.feeds import Betfair
from protipp_stream.feeds.base import Feed
from protipp_stream.gateway.hub import Hub
from tests.feeds.authority import Authority
from tests.feeds.betfair_board import Followed, following, until
from tests.feeds.betfair_server import FakeBetfair, definition, prices, runner, serving
from tests.feeds.conftest import Waits

KEY, SESSION = "canary-key-0a1b2c", "canary+session/3d4e=="
ONE, TWO = "1.101", "1.102"

Make = Callable[..., Betfair]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"), "an authority of the tests")


@pytest.fixture
def fake(authority: Authority) -> FakeBetfair:
    fake = FakeBetfair(authority.server(), KEY, SESSION)
    fake.change({"id": ONE, "marketDefinition": definition(), "rc": [prices(1, 1.5, 1.6)]})
    return fake


@pytest.fixture
def make(fake: FakeBetfair, authority: Authority, waits: Waits) -> Make:
    def made(session: Any = SESSION, **more: Any) -> Betfair:
        settings = {"app_key": KEY, "market_filter": {"eventTypeIds": ["2"]}, "heartbeat_ms": 500}
        here = {"host": "127.0.0.1", "port": fake.port, "tls": authority.trust()}
        timing = {"timeout_s": 5.0, "sleep": waits, "chance": lambda: 0.5}
        return Betfair(session=session, **(settings | here | timing | more))

    return made


def seen(followed: Followed, fake: FakeBetfair) -> Callable[[], bool]:
    return lambda: bool(followed.batches) and followed.equals(fake)


# ------------------------------------------------------------------ as it should be


async def test_best_back_and_lay_prices_arrive_with_commission_and_the_stamp(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        quote = followed.batches[0].quotes[0]
        assert (quote.bookmaker_id, quote.event_id, quote.market) == ("betfair", "30", "h2h")
        assert (quote.outcome, quote.odds, quote.commission) == ("1", 1.5, 0.05)
        assert quote.source_timestamp is not None
        assert quote.source_timestamp.timestamp() == 1_790_000_001.0
        assert isinstance(followed.feed, Feed)
        connection = followed.feed.connection
        assert (connection.id, connection.bookmaker_id) == ("betfair", "betfair")
        assert (connection.connection_type, connection.status) == ("stream", "connected")
        assert (connection.detail, connection.stale, connection.error_count) == ("live", False, 0)


async def test_only_what_changed_is_said_and_a_side_that_empties_is_none(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        said = len([q for b in followed.batches for q in b.quotes])
        assert said == 2
        await fake.publish({"id": ONE, "rc": [prices(1, 1.5, 1.62)]})
        await fake.publish({"id": ONE, "rc": [prices(1, None, 1.62)]})
        await until(seen(followed, fake))
        changes = [(q.market, q.odds) for b in followed.batches for q in b.quotes][said:]
        assert changes == [("h2h_lay", 1.62), ("h2h", None)]


async def test_a_suspended_market_has_no_prices_and_a_reopened_one_has_them_again(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "marketDefinition": definition(status="SUSPENDED")})
        await until(lambda: not followed.board)
        await fake.publish({"id": ONE, "rc": [prices(1, 1.7, 1.8)]})
        await fake.publish({"id": ONE, "marketDefinition": definition()})
        await until(lambda: followed.best() == {("30", "1"): (1.7, 1.8)})


async def test_a_removed_runner_has_no_price(fake: FakeBetfair, make: Make) -> None:
    async with serving(fake), following(make()) as followed:
        await fake.publish({"id": ONE, "rc": [prices(2, 3.0, 3.1)]})
        await until(seen(followed, fake))
        gone = definition(runner(1), runner(2, "REMOVED"))
        await fake.publish({"id": ONE, "marketDefinition": gone})
        await until(lambda: set(followed.best()) == {("30", "1")})


async def test_a_closed_market_leaves_the_board_and_our_memory(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        feed = followed.feed
        await until(seen(followed, fake))
        for number in range(50):
            market = f"1.{number}"
            opened = definition(event=str(number))
            await fake.publish({"id": market, "marketDefinition": opened, "rc": [prices(1, 2, 3)]})
            closed = definition(event=str(number), status="CLOSED")
            await fake.publish({"id": market, "marketDefinition": closed})
            await fake.publish({"id": market, "rc": [prices(1, 2, 3)]})
        await fake.publish({"id": ONE, "rc": [prices(1, 1.01, None)]})
        await until(lambda: followed.best() == {("30", "1"): (1.01, None)})
        assert len(feed._listener.books) == 1
        assert list(feed._listener.stream.caches) == [ONE]
        assert feed.connection.error_count == 0


async def test_segments_and_lines_in_pieces_are_put_together(fake: FakeBetfair, make: Make) -> None:
    for number in range(7):
        fake.change(
            {
                "id": f"1.{number}",
                "marketDefinition": definition(event=str(number)),
                "rc": [prices(1, 2 + number, 3 + number)],
            }
        )
    fake.segments, fake.pieces = 3, 7
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish(*({"id": f"1.{n}", "rc": [prices(1, 5 + n, 6 + n)]} for n in range(7)))
        await until(seen(followed, fake))


# ------------------------------------------------------------ broken connections


async def test_a_drop_in_mid_market_is_resumed_with_its_clocks_and_nothing_is_lost(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    fake.change(
        {"id": TWO, "marketDefinition": definition(event="31"), "rc": [prices(1, 4.0, 4.1)]}
    )
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "rc": [prices(1, 1.51, 1.61)]})
        await until(seen(followed, fake))
        fake.lost = True
        await fake.publish({"id": ONE, "rc": [prices(1, 1.52, None), prices(2, 2.9, 3.0)]})
        await fake.publish({"id": TWO, "marketDefinition": definition(event="31", status="CLOSED")})
        fake.lost = False
        await fake.drop(half=b'{"op":"mcm","id":2,"pt":1790000000000,"mc":[{"id":"1.1')
        await until(seen(followed, fake))
        first, second = fake.subscriptions()
        assert (first["initialClk"], first["clk"]) == (None, None)
        assert (second["initialClk"], second["clk"]) == ("i:E1", "c:3")
        assert waits.seconds == [1.0]
        details = [state.detail for state in followed.states]
        assert details[0] == details[-1] == "live"
        assert "backoff" in details
        assert followed.feed.connection.reconnect_attempts == 0
        assert followed.feed.connection.error_count == 1


async def test_the_clock_of_a_heartbeat_counts(fake: FakeBetfair, make: Make) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        # A change in a market that this subscription does not hold moves the clock alone.
        fake._log.append([])
        beats = len(followed.batches)
        await until(lambda: len(followed.batches) > beats + 1)
        await fake.drop()
        await until(lambda: len(fake.subscriptions()) == 2)
        assert fake.subscriptions()[1]["clk"] == "c:2"


async def test_within_segments_the_clock_does_not_move(fake: FakeBetfair, make: Make) -> None:
    fake.change(
        {"id": TWO, "marketDefinition": definition(event="31"), "rc": [prices(1, 4.0, 4.1)]}
    )
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        half = (
            b'{"op":"mcm","id":2,"pt":1790000000000,"clk":"c:99","segmentType":"SEG_START",'
            b'"mc":[{"id":"1.101","rc":[{"id":1,"batb":[[0,1.9,1]]}]}]}\r\n'
        )
        await fake.say(half)
        await until(lambda: followed.best()["30", "1"][0] == 1.9)
        await fake.drop()
        await until(lambda: len(fake.subscriptions()) == 2)
        assert fake.subscriptions()[1]["clk"] == "c:2"


async def test_an_invalid_clock_starts_afresh_without_a_wait(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    fake.change(
        {"id": TWO, "marketDefinition": definition(event="31"), "rc": [prices(1, 4.0, 4.1)]}
    )
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        fake.epoch = "E2"
        fake.change(
            {"id": ONE, "rc": [prices(1, 1.7, 1.8)]},
            {"id": TWO, "marketDefinition": definition(event="31", status="CLOSED")},
        )
        await fake.drop()
        # Market two is not in the new image: its price must not stand for ever.
        await until(seen(followed, fake))
        assert [asked["clk"] for asked in fake.subscriptions()] == [None, "c:2", None]
        assert waits.seconds == [1.0, 0.0]
        assert any("INVALID_CLOCK" in text for text in followed.texts)


async def test_a_clock_refused_again_and_again_is_not_asked_for_without_a_wait(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    fake.refuse_subs.extend(["INVALID_CLOCK"] * 4)
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        assert waits.seconds == [0.0, 2.0, 4.0, 8.0]


async def test_a_garbage_line_is_counted_and_the_stream_resumed_before_it(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        fake.lost = True
        await fake.publish({"id": ONE, "rc": [prices(1, 1.9, 2.0)]})
        fake.lost = False
        # The line that was the change arrives as this, then the stream goes on.
        await fake.say(b'{"op":"mcm","id":2,"pt":17900000\xff\xfe]}\r\n')
        await until(seen(followed, fake))
        assert fake.subscriptions()[1]["clk"] == "c:1"
        assert followed.feed.connection.error_count == 1


async def test_garbage_that_comes_back_makes_it_subscribe_afresh(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        for number in (1, 2):
            await until(lambda n=number: len(fake.subscriptions()) == n)  # type: ignore[misc]
            await until(lambda: any(c.subscription for c in fake.clients))
            await until(lambda: followed.feed.connection.status == "connected")
            await fake.say(b"nonsense\r\n")
            await until(lambda n=number: followed.feed.connection.error_count == n)  # type: ignore[misc]
        await until(lambda: len(fake.subscriptions()) == 3)
        assert [asked["clk"] for asked in fake.subscriptions()] == [None, "c:1", None]


async def test_a_market_that_can_not_be_read_is_withdrawn_asked_for_once_and_no_loss_to_others(
    fake: FakeBetfair, make: Make
) -> None:
    fake.change(
        {"id": TWO, "marketDefinition": definition(event="31"), "rc": [prices(1, 4.0, 4.1)]}
    )
    bad = (
        b'{"op":"mcm","id":%d,"pt":1790000000000,"clk":"c:2","mc":['
        b'{"id":"1.101","rc":[{"id":1,"batb":[[0,"2.5",1]]}]},'
        b'{"id":"1.102","rc":[{"id":1,"batb":[[0,5.5,1]]}]}]}\r\n'
    )
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.say(bad % 2)
        await until(lambda: len(fake.subscriptions()) == 2)
        shown = [
            {q.event_id: q.odds for q in b.quotes if q.market == "h2h"} for b in followed.batches
        ]
        assert {"30": None, "31": 5.5} in shown
        assert fake.subscriptions()[1]["clk"] is None
        await until(seen(followed, fake))
        # And the second time it just stays away; the others go on.
        await fake.say(bad % 4)
        await until(lambda: followed.best() == {("31", "1"): (5.5, 4.1)})
        await fake.publish({"id": ONE, "rc": [prices(1, 1.2, 1.3)]})
        await fake.publish({"id": TWO, "rc": [prices(1, 6.0, 6.1)]})
        await until(lambda: followed.best() == {("31", "1"): (6.0, 6.1)})
        assert len(fake.subscriptions()) == 2


async def test_silence_is_death_after_two_and_a_half_heartbeats(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        fake.is_silent = True
        await until(lambda: any("silent for 1.25 s" in text for text in followed.texts))
        fake.is_silent = False
        await until(lambda: followed.feed.connection.status == "connected")
        assert fake.subscriptions()[1]["clk"] == "c:1"


async def test_a_server_that_accepts_and_says_nothing_is_given_up(
    fake: FakeBetfair, make: Make
) -> None:
    fake.greets = False
    async with serving(fake), following(make(timeout_s=0.1)) as followed:
        await until(lambda: any("silent for 0.1 s" in text for text in followed.texts))


async def test_backoff_grows_and_is_forgotten_only_after_a_stable_while(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    now = [0.0]
    async with serving(fake), following(make(clock=lambda: now[0])) as followed:
        for number in range(1, 5):
            await until(lambda: followed.feed.connection.status == "connected")
            if number == 4:
                now[0] += 30.0
                await fake.publish({"id": ONE, "rc": [prices(1, 1.9, 2.0)]})
                await until(seen(followed, fake))
            await fake.drop()
            await until(lambda n=number: len(waits.seconds) == n)  # type: ignore[misc]
        assert waits.seconds == [1.0, 2.0, 4.0, 1.0]


async def test_late_prices_are_stale_until_a_normal_message_comes(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.say(b'{"op":"mcm","id":2,"status":503}\r\n')
        await until(lambda: followed.feed.connection.stale)
        connection = followed.feed.connection
        assert (connection.status, connection.detail) == ("connected", "stalled")
        assert connection.last_error is not None
        assert "503" in connection.last_error
        count = len(followed.batches)
        await fake.say(b'{"op":"mcm","id":2,"status":503}\r\n' * 3)
        await fake.publish({"id": ONE, "rc": [prices(1, 1.9, 2.0)]})
        await until(seen(followed, fake))
        # "Still late" is no sign of life: only the change was told.
        assert len(followed.batches) == count + 1
        assert (followed.feed.connection.detail, followed.feed.connection.stale) == ("live", False)


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_breaks_the_board_ends_equal_to_the_truth(
    fake: FakeBetfair, make: Make, seed: int
) -> None:
    chance = random.Random(seed)
    statuses = ["OPEN", "OPEN", "OPEN", "SUSPENDED", "CLOSED"]

    def change() -> dict[str, Any]:
        number = chance.randrange(6)
        made: dict[str, Any] = {"id": f"1.{number}", "rc": []}
        is_new = fake.state.get(made["id"], {}).get("marketDefinition", {}).get("status") in (
            None,
            "CLOSED",
        )
        if is_new:
            made |= {"img": True, "marketDefinition": definition(event=str(number))}
        elif chance.random() < 0.3:
            status = chance.choice(statuses)
            runners = [runner(1), runner(2, chance.choice(["ACTIVE", "REMOVED"]))]
            made["marketDefinition"] = definition(*runners, event=str(number), status=status)
        for ident in (1, 2):
            if chance.random() < 0.7:
                back = chance.choice([None, round(chance.uniform(1.1, 9), 2)])
                made["rc"].append(prices(ident, back, chance.choice([None, 9.5, 9.6])))
        return made

    async with serving(fake), following(make()) as followed:
        for _ in range(80):
            await fake.publish(*(change() for _ in range(chance.randrange(1, 4))))
            trouble = chance.random()
            if trouble < 0.1:
                await fake.drop(half=chance.choice([b"", b'{"op":"mcm","id":2,"mc":[{"id":']))
            elif trouble < 0.15:
                fake.epoch += "+"
                await fake.drop()
            elif trouble < 0.2:
                await fake.say(b"garbage\r\n")
            fake.lost = chance.random() < 0.2
            fake.segments = chance.randrange(1, 4)
            if fake.lost:
                await fake.publish(change())
                fake.lost = False
                await fake.drop()
            await asyncio.sleep(0)
        await until(seen(followed, fake))
        assert followed.failure is None


# ------------------------------------------------------------------- refusals


@pytest.mark.parametrize(
    "code", ["NO_APP_KEY", "INVALID_APP_KEY", "NOT_AUTHORIZED", "INVALID_SESSION_INFORMATION"]
)
async def test_what_is_refused_is_not_tried_again(
    fake: FakeBetfair, make: Make, waits: Waits, code: str
) -> None:
    fake.refuse.append(code)
    async with serving(fake), following(make()) as followed:
        await until(lambda: followed.failure is not None)
        assert isinstance(followed.failure, FeedRefused)
        assert followed.failure.hint
        assert code in str(followed.failure)
        assert (followed.states[-1].status, followed.states[-1].detail) == ("error", "terminal")
        assert waits.seconds == []


async def test_too_many_markets_are_refused_with_a_hint(fake: FakeBetfair, make: Make) -> None:
    fake.max_markets = 0
    async with serving(fake), following(make()) as followed:
        await until(lambda: followed.failure is not None)
        assert "Narrow the market filter" in str(followed.failure)


@pytest.mark.parametrize("code", ["TIMEOUT", "UNEXPECTED_ERROR", "CONNECTION_FAILED", "NEW_ONE"])
async def test_what_may_pass_is_tried_again(
    fake: FakeBetfair, make: Make, waits: Waits, code: str
) -> None:
    fake.refuse.append(code)
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        assert waits.seconds == [1.0]
        assert any(code in text for text in followed.texts)


async def test_too_many_connections_wait_until_the_old_one_is_forgotten(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    fake.max_connections = 0
    async with serving(fake), following(make()) as followed:
        await until(lambda: len(waits.seconds) == 1)
        fake.max_connections = 1
        await until(seen(followed, fake))
        assert waits.seconds[0] >= 15


async def test_a_login_that_betfair_gives_up_waiting_for_is_tried_again(
    fake: FakeBetfair, make: Make
) -> None:
    fake.auth_timeout_s = 0.0
    async with serving(fake), following(make()) as followed:
        await until(lambda: any("TIMEOUT" in text for text in followed.texts))
        fake.auth_timeout_s = 15.0
        await until(seen(followed, fake))


async def test_a_session_that_runs_out_is_renewed(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    sessions = iter([SESSION, "another", "a third"])
    async with serving(fake), following(make(session=lambda: next(sessions))) as followed:
        await until(seen(followed, fake))
        fake.sessions = {"another"}
        await fake.drop()
        await until(lambda: len(fake.subscriptions()) == 2)
        await until(seen(followed, fake))
        assert fake.subscriptions()[1]["clk"] == "c:1"
        assert waits.seconds == [1.0, 0.0]
        assert next(sessions) == "a third"


async def test_a_new_session_that_is_refused_as_well_ends_it(fake: FakeBetfair, make: Make) -> None:
    tokens: list[str] = []

    def login() -> str:
        tokens.append(f"wrong {len(tokens)}")
        return tokens[-1]

    async with serving(fake), following(make(session=login)) as followed:
        await until(lambda: followed.failure is not None)
        assert isinstance(followed.failure, FeedRefused)
        assert len(tokens) == 2


async def test_a_login_that_fails_is_tried_again_and_its_words_are_not_repeated(
    fake: FakeBetfair, make: Make
) -> None:
    outcomes: list[Any] = [OSError("password=canary-password"), SESSION]

    def login() -> str:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    async with serving(fake), following(make(session=login)) as followed:
        await until(seen(followed, fake))
        assert any("the login failed (OSError)" in text for text in followed.texts)
        assert not any("canary" in text for text in followed.texts)


async def test_a_certificate_of_somebody_else_is_refused_before_anything_is_sent(
    fake: FakeBetfair, make: Make, tmp_path: Path
) -> None:
    stranger = Authority(tmp_path, "somebody else")
    async with serving(fake), following(make(tls=stranger.trust())) as followed:
        await until(lambda: followed.failure is not None)
        assert isinstance(followed.failure, FeedRefused)
        assert "certificate" in str(followed.failure)
        assert fake.asked == []


async def test_a_certificate_for_another_host_is_refused(fake: FakeBetfair, make: Make) -> None:
    async with serving(fake), following(make(host="localhost")) as followed:
        await until(lambda: followed.failure is not None)
        assert "localhost can't be trusted" in str(followed.failure)
        assert fake.asked == []


async def test_the_secrets_are_in_no_log_error_field_or_repr(
    fake: FakeBetfair, make: Make, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("betfairlightweight").setLevel(logging.DEBUG)
    async with serving(fake), following(make()) as followed:
        feed = followed.feed
        await until(seen(followed, fake))
        fake.sessions = {"another"}  # it quotes the session that it refuses
        await fake.drop()
        await until(lambda: followed.failure is not None)
        shown = [caplog.text, repr(feed), repr(feed._listener), str(followed.failure)]
        shown += [repr(followed.failure), repr(followed.states)]
        assert any("[session]" in text for text in followed.texts)
        assert not any("canary" in text for text in shown)


# ------------------------------------------------------------------ quarantine


@pytest.mark.parametrize("price", [1.0, 0.5, -3.0, 0.0, 1_000_001.0, 1e300])
async def test_an_absurd_price_is_quarantined_and_what_stood_before_it_does_not_stay(
    fake: FakeBetfair, make: Make, price: float
) -> None:
    hub = Hub()
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "rc": [prices(1, price, 1.7)]})
        await until(lambda: followed.best() == {("30", "1"): (None, 1.7)})
        await fake.publish({"id": ONE, "rc": [prices(1, 1.65, 1.7)]})
        await until(seen(followed, fake))
    for batch in followed.batches:
        hub.take(batch, "betfair")
    assert hub.quarantined == {"odds": 1}
    # 1.5, 1.6, then 1.7 and the withdrawal of 1.5, then 1.65.
    assert hub.cursor.seq == 5


@pytest.mark.parametrize("pt", [4e12, 1e17, -1e17, 1e300, 0])
async def test_a_wild_timestamp_is_quarantined_and_the_price_said_again_with_the_next(
    fake: FakeBetfair, make: Make, pt: float
) -> None:
    hub = Hub()
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "rc": [prices(1, 1.55, 1.6)]}, pt=pt)
        await until(lambda: followed.best() == {("30", "1"): (None, 1.6)})
        fake.change({"id": TWO, "marketDefinition": definition(event="31")})
        await fake.publish({"id": TWO, "rc": [prices(1, 9.0, 9.2)]})
        await until(lambda: followed.best().get(("30", "1")) == (1.55, 1.6))
    for batch in followed.batches:
        hub.take(batch, "betfair")
    assert hub.quarantined == {"timestamp": 1}


async def test_a_price_that_is_no_number_is_a_garbage_line(fake: FakeBetfair, make: Make) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "rc": [prices(1, math.nan, 1.7)]})
        await until(lambda: followed.feed.connection.error_count > 0)
        assert "no message" in str(followed.feed.connection.last_error)


# -------------------------------------------------------------------- the end


@pytest.mark.parametrize("moment", ["connecting", "handshake", "greeting", "reading", "waiting"])
async def test_it_stops_at_once_and_leaves_no_thread_and_no_socket(
    fake: FakeBetfair, make: Make, moment: str
) -> None:
    more: dict[str, Any] = {"timeout_s": 60.0, "sleep": asyncio.sleep}
    fake.greets = moment != "greeting"
    async with serving(fake):
        if moment == "waiting":
            fake.refuse.append("UNEXPECTED_ERROR")
        with deaf(is_full=moment == "connecting") as port:
            if moment in ("connecting", "handshake"):
                more["port"] = port
            async with following(make(**more)) as followed:
                if moment == "reading":
                    await until(seen(followed, fake))
                elif moment == "greeting":
                    await until(lambda: fake.count == 1)
                elif moment == "waiting":
                    await until(lambda: bool(followed.texts))
                else:
                    await until(lambda: "protipp-betfair" in names())
                    await asyncio.sleep(0.05)
            # `following` has waited for the end of the feed.
            assert "protipp-betfair" not in names()
            await until(lambda: fake.count == 0)


@contextmanager
def deaf(is_full: bool) -> Iterator[int]:
    """A port that nobody answers at: a connection is made, or if it is full not even that."""
    others: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        try:
            for _ in range(4 if is_full else 0):
                others.append(socket.socket())
                others[-1].setblocking(False)
                others[-1].connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for other in others:
                other.close()


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


# --------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    "wrong",
    [
        {"app_key": " "},
        {"session": ""},
        {"session": None},
        {"fields": ["EX_BEST_OFFERS"]},
        {"fields": "EX_MARKET_DEF"},
        {"heartbeat_ms": 100},
        {"timeout_s": math.nan},
        {"discount": 1.5},
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Betfair(**({"app_key": "k", "session": "s", "market_filter": {}} | wrong))


def test_a_context_that_trusts_anybody_is_not_taken() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ConfigurationError, match="trusts anybody"):
        Betfair("k", "s", {}, tls=context)


def test_a_missing_library_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("betfairlightweight")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("betfair_listener", "betfair_stream"):
        monkeypatch.delitem(sys.modules, f"protipp_stream.feeds.{name}", raising=False)
        monkeypatch.delattr(f"protipp_stream.feeds.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "betfairlightweight", None)
    with pytest.raises(ConfigurationError, match=r"pip install protipp-stream\[betfair\]"):
        Betfair("k", "s", {})
