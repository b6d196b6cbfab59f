"""The Exchange Stream with broken connections: resumed, or begun afresh, and nothing is lost."""

from __future__ import annotations

import asyncio
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protipp_stream.feeds import Betfair
from protipp_stream.feeds.betfair.news import News
from protipp_stream.model import Batch
from tests.feeds.betfair.board import following, seen, until
from tests.feeds.betfair.conftest import ONE, TWO, Make
from tests.feeds.betfair_server import FakeBetfair, definition, prices, runner, serving
from tests.feeds.conftest import Waits


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


async def test_images_that_are_followed_by_a_break_open_the_breaker_and_signs_of_life_close_it(
    fake: FakeBetfair, make: Make, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.feeds.betfair.feed.TELL_S", 0.0)
    async with serving(fake), following(make()) as followed:
        for number in range(1, 6):
            await until(lambda: followed.feed.connection.status == "connected")
            await fake.drop()
            await until(lambda n=number: len(waits.seconds) == n)  # type: ignore[misc]
        assert waits.seconds == [1.0, 2.0, 4.0, 8.0, 30.0]
        [opened] = [state for state in followed.states if state.status == "disconnected"]
        assert (opened.detail, opened.reconnect_attempts, opened.error_count) == ("backoff", 1, 5)
        assert str(opened.last_error).startswith("5 failures within 60 s: no further try for 30 s")
        await until(lambda: followed.feed.connection.status == "connected")
        after = followed.states.index(opened) + 1
        for price in (1.9, 2.0):
            await fake.publish({"id": ONE, "rc": [prices(1, price, 2.1)]})
        await until(lambda: followed.feed.connection.detail == "live")
        assert [s.detail for s in followed.states[after:]][:3] == ["recovering"] * 2 + ["live"]


async def test_what_need_not_wait_waits_all_the_same_while_the_breaker_is_open(
    fake: FakeBetfair, make: Make, waits: Waits
) -> None:
    fake.refuse_subs.extend([*["UNEXPECTED_ERROR"] * 4, "INVALID_CLOCK"])
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        assert waits.seconds == [1.0, 2.0, 4.0, 8.0, 30.0]


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


def test_still_late_is_told_once_however_long_it_lasts_and_signs_of_life_once_a_second() -> None:
    feed, start = Betfair("k", "s", {}), datetime(2026, 9, 21, tzinfo=UTC)

    def tell(seconds: float, is_late: bool) -> bool:
        at = start + timedelta(seconds=seconds)
        return feed._tell(News(Batch([], at, seconds), is_late))

    late = [tell(seconds, True) for seconds in (0, 5, 10)]
    well = [tell(seconds, False) for seconds in (15, 15.5, 16.1)]
    assert (late, well) == ([True, False, False], [True, False, True])


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
