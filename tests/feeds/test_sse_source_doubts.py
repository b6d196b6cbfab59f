"""What a source of server-sent events says and nobody can read must not leave prices standing."""

from __future__ import annotations

import json
from collections import defaultdict
from datetime import timedelta
from typing import Any

import pytest

from protipp_stream.feeds import OPTIC_ODDS
from tests.feeds.conftest import MakeSse, Waits
from tests.feeds.following import following
from tests.feeds.sse_source_begun import MONEYLINE, begun
from tests.feeds.sse_source_rows import AWAY, HOME, row, status, total
from tests.feeds.sse_source_server import FakeSse

SPORTS = {
    "Moneyline": "all but some",
    "Moneyline 3-Way": "hockey soccer",
    "Point Spread": "basketball football",
    "Run Line": "baseball",
    "Puck Line": "hockey",
    "Asian Handicap": "soccer",
    "Game Spread": "tennis",
    "Total Points": "basketball football",
    "Total Runs": "baseball",
    "Total Goals": "hockey soccer",
    "Total Games": "tennis",
}


def test_no_two_markets_of_one_sport_have_one_name() -> None:
    assert SPORTS.keys() == OPTIC_ODDS.markets.keys()
    sports = defaultdict(list)
    for name, kind in OPTIC_ODDS.markets.items():
        sports[kind] += SPORTS[name].split()
    assert [kind for kind, named in sports.items() if len(named) != len(set(named))] == []


async def test_regulation_time_and_overtime_are_two_markets(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    async with following(make_sse()) as board:
        await begun(board, sse)
        three = (HOME, 120), ("Draw", 300), (AWAY, 150)
        sse.push("odds", [row(name, price, "Moneyline 3-Way") for name, price in three])
        await board.next()
        whole = {(market, outcome) for market, outcome in board.prices if market == "h2h_3_way"}
        assert len(whole) == 3
        sse.push("locked-odds", [row(name, None, "Moneyline 3-Way") for name, _ in three])
        await board.next()
    assert board.prices == MONEYLINE


# -------------------------------------------------------- an event that can't be read


async def test_an_event_that_can_not_be_read_is_asked_for_once_more(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    feed = make_sse()
    async with following(feed) as board:
        await begun(board, sse)
        last, ident = feed._last_id, "9999999999999-0"
        # Broken on its way, and whole when it comes again.
        whole = json.dumps({"data": [row(HOME, None)]})
        sse._kept.append((ident, sse._event("locked-odds", whole, ident)))
        sse.raw(sse._event("locked-odds", whole[:20], ident))
        await board.next()
        assert feed.connection.status == "connecting"
        assert "asking once more" in str(feed.connection.last_error)
        assert feed._last_id == last
        await board.next(3)
        assert sse.asked[1][0]["last-event-id"] == last
        assert feed._last_id == ident
    assert board.prices == {("h2h", AWAY): 2.3}


@pytest.mark.parametrize("name", ["odds", "locked-odds", "fixture-status"])
async def test_what_can_not_be_read_twice_suspends_all_that_stood(
    make_sse: MakeSse, sse: FakeSse, name: str
) -> None:
    feed = make_sse()
    async with following(feed) as board:
        await begun(board, sse)
        last = feed._last_id
        ident = sse.push(name, 7)  # no rows
        await board.next()
        assert board.prices == MONEYLINE
        assert feed._last_id == last
        await board.next(3)  # opened, greeted, and the same once more
        assert board.prices == {}
        assert feed._last_id == ident
        assert feed.connection.status == "connected"
        sse.push("odds", [row(HOME, -150)])
        await board.next()
        assert len(sse.asked) == 2
    assert board.prices == {("h2h", HOME): 1.67}


async def test_what_is_never_replayed_suspends_at_once(make_sse: MakeSse, sse: FakeSse) -> None:
    async with following(make_sse(OPTIC_ODDS)) as board:
        await begun(board, sse)
        sse.push("locked-odds", "all")
        await board.next()
        assert len(sse.asked) == 1
    assert board.prices == {}


async def test_a_row_that_can_not_be_read_suspends_what_it_names(
    make_sse: MakeSse, sse: FakeSse
) -> None:
    async with following(make_sse()) as board:
        await begun(board, sse)
        sse.push("odds", [*total(8.5), row(HOME, -120, sportsbook="Bet365", fixture_id="f2")])
        await board.next()
        sse.push("locked-odds", [row(HOME, -150) | {"name": ["?"]}])
        await board.next()
        assert {market for market, _ in board.prices} == {"totals@8.5", "h2h"}
        assert {q.bookmaker_id for q in board.book.quotes() if q.odds and q.market == "h2h"} == {
            "Bet365"
        }
        sse.push("odds", [row("Over 8.5", -110, "Total Runs", "many")])
        await board.next()
    assert {market for market, _ in board.prices} == {"h2h"}


# ---------------------------------------------------- a suspension under another name


@pytest.mark.parametrize("sides", [(AWAY, HOME), ("Phillies", "Nationals")])
async def test_spreads_do_not_stand_when_the_sides_are_others(
    make_sse: MakeSse, sse: FakeSse, sides: tuple[str, str]
) -> None:
    async with following(make_sse()) as board:
        await begun(board, sse)
        spread = row(f"{HOME} -1.5", 120, "Run Line", -1.5)
        sse.push("odds", [spread, *total(8.5)])
        sse.push("fixture-status", status("live"))  # as it was
        await board.next(2)
        assert ("spreads@-1.5", HOME) in board.prices
        home, away = sides
        named = {"home_team_display": home, "away_team_display": away}
        sse.push("fixture-status", status("live", fixture=named))
        await board.next()
        sse.push("locked-odds", [spread])
        await board.next()
    assert {market for market, _ in board.prices} == {"h2h", "totals@8.5"}


@pytest.mark.parametrize(
    ("name", "market"), [("Over 8.5", "Total Runs"), (f"{HOME} -1.5", "Run Line")]
)
async def test_a_lock_without_a_line_has_it_from_its_name(
    make_sse: MakeSse, sse: FakeSse, name: str, market: str
) -> None:
    feed = make_sse()
    async with following(feed) as board:
        await board.next(2)
        points = float(name.split()[-1])
        sse.push("odds", [row(name, -110, market, points)])
        sse.push("odds", [row("Over 9.5", -110, "Total Runs", 9.5)])
        sse.push("locked-odds", [row(name, None, market)])
        await board.next(3)
        assert feed.connection.error_count == 0
    assert board.prices == {("totals@9.5", "Over"): 1.91}


# -------------------------------------------------------------- it vouches for what stands


async def test_a_living_stream_vouches_for_what_stands_once_a_minute(
    make_sse: MakeSse, sse: FakeSse, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.feeds.standing.AGAIN_AT_ONCE", 2)
    feed = make_sse(clock=waits.wall)
    async with following(feed) as board:
        await begun(board, sse)
        sse.push("odds", total(8.5))
        sse.push("locked-odds", [row(AWAY, 130)])
        await board.next(2)
        await waits(59.0)
        sse.ping()
        await board.next()
        await waits(1.0)
        sse.ping()
        assert (await board.next()).quotes == []
        said = [await board.next(), await board.next()]
        assert [len(batch.quotes) for batch in said] == [2, 1]
        assert {q.source_timestamp for batch in said for q in batch.quotes} == {None}
        standing = {q for q in board.book.quotes() if q.odds}
        assert {q.good_at for q in standing} == {waits.wall()}
        assert len(standing) == 3
        # Not again, before another minute; nor for silence alone.
        await waits(10.0)
        sse.ping()
        await board.next()
        sse.push("odds", [row(AWAY, 140)])
        assert [q.outcome for q in (await board.next()).quotes] == [AWAY]
    assert feed.connection.last_update is not None
    assert feed.connection.last_update - waits.began < timedelta(seconds=71)


async def test_after_a_break_it_vouches_for_nothing_before_it_has_heard_what_it_missed(
    make_sse: MakeSse, sse: FakeSse, waits: Waits
) -> None:
    async with following(make_sse()) as board:
        await begun(board, sse)
        await waits(100.0)
        sse.drop()
        sse.keep("locked-odds", [row(AWAY, 130)])
        batches: list[Any] = [await board.next() for _ in range(4)]
        assert [len(batch.quotes) for batch in batches] == [0, 0, 0, 1]
    assert board.prices == {("h2h", HOME): 1.67}
