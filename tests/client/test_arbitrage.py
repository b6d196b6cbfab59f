"""Arbitrage on a live board: found with the update that makes it, and gone with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pandas as pd
import pytest

import protipp_stream as ps
from protipp_stream.client import LiveOdds
from protipp_stream.client.arbitrage import LiveArbitrage
from protipp_stream.client.changes import Board
from protipp_stream.client.transports import LADDER
from protipp_stream.core.arbitrage import Terms
from protipp_stream.errors import ConfigurationError, LinkClosed
from protipp_stream.gateway import Gateway
from protipp_stream.model import Confirmation, Cursor, Quote
from tests.client.conftest import until
from tests.scripted import EVENT, ScriptedFeed, quote

ACME = [quote(2.1), quote(1.8, "Reds")]
OTHER = [quote(1.8, bookmaker_id="other"), quote(2.1, "Reds", bookmaker_id="other")]


@pytest.fixture
def feed() -> ScriptedFeed:
    return ScriptedFeed()


@pytest.fixture
def odds(feed: ScriptedFeed, request: pytest.FixtureRequest) -> Iterator[LiveOdds]:
    with Gateway(feed) as gateway:
        feed.tell(ACME)
        with ps.connect(gateway, transport=getattr(request, "param", "auto")) as odds:
            yield odds


@pytest.mark.parametrize("odds", LADDER, indirect=True)
def test_it_is_found_with_the_update_that_makes_it_and_ends_with_the_one_that_ends_it(
    odds: LiveOdds, feed: ScriptedFeed
) -> None:
    found = odds.arbitrage(stake=200, unit=1)
    assert found.active == []
    feed.tell(OTHER)
    until(lambda: bool(found.active))
    table, legs = found.table(), found.legs()
    assert table.bookmakers.tolist() == ["acme / other"]
    assert table.event.tolist() == [EVENT.name]
    assert (table.stake[0], table.profit[0]) == (200, 10)
    assert table.margin[0] == pytest.approx(0.05)
    assert legs.stake.tolist() == [100, 100]
    assert legs.odds.tolist() == [2.1, 2.1]
    feed.tell([quote(None, "Reds", bookmaker_id="other")])
    until(lambda: not found.active)
    assert found.table().empty
    assert found.table(expired=True).status.tolist() == ["expired"]
    assert found.expired[0].first_seen <= found.expired[0].last_seen


def test_one_that_stands_already_is_found_at_once(odds: LiveOdds, feed: ScriptedFeed) -> None:
    feed.tell(OTHER)
    until(lambda: len(odds.board().quotes) == 4)
    assert len(odds.arbitrage().active) == 1


def test_an_empty_table_has_its_columns_and_their_kinds(odds: LiveOdds) -> None:
    found = odds.arbitrage()
    assert found.table().dtypes["margin"] == "float64"
    assert found.table().dtypes["first_seen"] == "datetime64[us, UTC]"
    assert isinstance(found.legs().dtypes["side"], pd.CategoricalDtype)


def test_clones_are_one_opinion(odds: LiveOdds, feed: ScriptedFeed) -> None:
    feed.tell(OTHER)
    until(lambda: len(odds.board().quotes) == 4)
    found = odds.arbitrage(clones=[{"other", "acme"}])
    assert found.clones == ({"acme", "other"},)
    assert found.active == []
    [seen] = found.suppressed
    assert seen.reasons == ("clones",)
    assert "copy" in found.table(suppressed=True).reasons[0]


def test_after_close_it_follows_no_longer(odds: LiveOdds, feed: ScriptedFeed) -> None:
    found = odds.arbitrage()
    found.close()
    feed.tell(OTHER)
    until(lambda: len(odds.board().quotes) == 4)
    assert found.active == []


def test_what_is_no_setting_is_said(odds: LiveOdds) -> None:
    with pytest.raises(ConfigurationError, match="no setting 'steak'") as said:
        odds.arbitrage(steak=100)
    assert "max_age_s" in (said.value.hint or "")
    with pytest.raises(ConfigurationError, match="stake"):
        odds.arbitrage(stake=-1)
    with pytest.raises(ConfigurationError, match="either"):
        odds.arbitrage(Terms(), stake=1)


class Bench:
    """A board and a clock that a test sets."""

    def __init__(self) -> None:
        self.now = datetime(2026, 8, 7, 0, 40, tzinfo=UTC)
        quotes = [msgspec.structs.replace(each, timestamp=self.now) for each in ACME + OTHER]
        self.board = Board(Cursor("e", 4), quotes, {EVENT.event_id: EVENT})
        self.forgotten: list[LiveArbitrage] = []
        self.found = LiveArbitrage(
            lambda: self.board,
            lambda: self.now.timestamp(),
            Terms(max_age_s=300),
            (),
            self.forgotten.append,
        )
        self.found.on_reset()

    def confirm(self, quotes: list[Quote]) -> None:
        for each in quotes:
            names = each.bookmaker_id, each.event_id, each.market, [each.outcome]
            self.found.on_confirmed([Confirmation(*names, self.now)])


def test_a_price_that_nobody_confirms_grows_stale_by_itself() -> None:
    bench = Bench()
    bench.now += timedelta(seconds=299)
    assert len(bench.found.active) == 1
    bench.confirm(ACME)
    bench.now += timedelta(seconds=2)
    assert bench.found.active == []
    [seen] = bench.found.suppressed
    assert seen.reasons == ("stale",)
    assert bench.found.table(suppressed=True).oldest_s[0] == 301
    bench.confirm(OTHER)
    assert len(bench.found.active) == 1


def test_a_new_board_ends_what_is_not_on_it() -> None:
    bench = Bench()
    bench.board = Board(Cursor("f", 2), bench.board.quotes[:2], bench.board.events)
    bench.found.on_reset()
    assert bench.found.active == []
    assert [each.status for each in bench.found.expired] == ["expired"]


def test_bookmakers_that_copy_one_another_are_found() -> None:
    bench = Bench()
    assert len(bench.found.active) == 1
    for round_ in range(150):
        bench.now += timedelta(seconds=60)
        price = 1.5 + round_ / 100
        quotes = [
            msgspec.structs.replace(quote(price, outcome, bookmaker_id=name), timestamp=bench.now)
            for name in ("acme", "other")
            for outcome in ("Blues", "Reds")
        ]
        bench.board = Board(bench.board.cursor, quotes, bench.board.events)
        # 200 pairs prove it: two outcomes a look, of which the first were not alike.
        assert bench.found.clones == (() if round_ < 98 else ({"acme", "other"},)), round_
    bench.board = Board(bench.board.cursor, ACME + OTHER, bench.board.events)
    bench.found.on_reset()
    assert [each.reasons for each in bench.found.suppressed] == [("clones",)]


def test_what_was_found_is_shown_as_it_stood_at_one_moment() -> None:
    bench = Bench()
    bench.now += timedelta(seconds=301)
    table = bench.found.table(suppressed=True, expired=True)
    assert table.status.tolist() == ["suppressed", "expired"]


def test_after_close_time_stands_still() -> None:
    bench = Bench()
    bench.found.close()
    bench.now += timedelta(hours=1)
    assert len(bench.found.active) == 1


def test_of_odds_that_have_ended_no_arbitrage_is_followed(odds: LiveOdds) -> None:
    odds.close()
    with pytest.raises(LinkClosed):
        odds.arbitrage()


def test_one_bookmaker_is_no_group_of_clones(odds: LiveOdds) -> None:
    for flat in (["acme", "other"], "acme"):
        with pytest.raises(ConfigurationError, match="groups of bookmakers"):
            odds.arbitrage(clones=flat)


@pytest.mark.parametrize("wrong", [{"stake": "200"}, {"commissions": 0.02}, {"max_stakes": 100}])
def test_terms_of_another_kind_are_said(odds: LiveOdds, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="Expected"):
        odds.arbitrage(**wrong)


def test_a_watcher_that_fails_costs_nobody_the_link(
    odds: LiveOdds, feed: ScriptedFeed, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        def on_updates(self, updates: object, events: object) -> None:
            raise ZeroDivisionError

    failing, found = Failing(), odds.arbitrage()
    odds._listeners.watch(failing)  # type: ignore[arg-type]
    feed.tell(OTHER)
    until(lambda: bool(found.active))
    # Either of the two may be told first.
    until(lambda: "has failed on what came in" in caplog.text)
    assert odds.status.status == "connected"


def test_terms_can_be_changed_while_it_follows() -> None:
    bench = Bench()
    bench.found.use_terms(Terms(commissions={"other": 0.5}))
    assert bench.found.active == []
    assert bench.found.terms.commissions == {"other": 0.5}
