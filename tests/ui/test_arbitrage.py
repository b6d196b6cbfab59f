"""The table of arbitrage: everybody has their own stakes, and every figure is Python's."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.arbitrage import Terms, restaked
from protipp_stream.errors import ConfigurationError
from protipp_stream.ui import ArbitrageTable
from protipp_stream.ui.arbitrage_rows import Calculator, asked_of, calculation
from tests.ui.arbitrage_odds import GAME, PAIR, ArbitrageOdds, priced
from tests.ui.fake import NOON, connection

KEY = ["e1", "h2h", ["away", "home"], "sound"]
HOUR_MS = 3_600_000
NOON_MS = int(NOON.timestamp() * 1000)


@pytest.fixture
def odds() -> Any:
    return ArbitrageOdds(PAIR)


def opened(odds: Any, choice: dict[str, Any] | None = None, **options: Any) -> Any:
    source = ArbitrageTable(odds, **options).source(choice or {})
    source.open()
    return source


def bets(body: Any) -> list[tuple[str, float, float, bool]]:
    [said] = body.calculator
    return [(bet.bookmaker, bet.stake, bet.returns, bet.is_locked) for bet in said.bets]


def test_a_row_says_all_that_the_story_and_the_analytics_ask_for(odds: Any) -> None:
    odds.wait(30)
    [row] = opened(odds).whole().rows
    assert (row.event, row.sport, row.market) == ("Nationals @ Phillies", "mlb", "h2h")
    assert row.bets == [("bob", "away", "back", 2.05), ("ada", "home", "back", 2.1)]
    assert (row.status, row.reasons) == ("active", "")
    assert row.margin == pytest.approx(1 / (1 / 2.1 + 1 / 2.05) - 1)
    assert (row.stake, row.profit) == (99.0, 3.5)
    assert (row.oldest, row.until) == (NOON_MS, NOON_MS + 180_000)
    assert (row.first, row.starts, row.in_play) == (NOON_MS + 30_000, NOON_MS + HOUR_MS, False)
    assert row.ended is None


def test_only_what_changed_is_told_again_and_what_is_over_lingers_a_while(odds: Any) -> None:
    source = opened(odds)
    assert source.news() is None
    odds.say("ada", "home", 2.2)
    news = source.news()
    assert [row.bets[1][3] for row in news.rows] == [2.2]
    assert (news.counts, news.state, news.gone) == (None, None, [])
    odds.say("ada", "home", 1.5)
    news = source.news()
    assert [row.status for row in news.rows] == ["expired"]
    assert news.counts == (0, 0)
    odds.wait(11)
    assert [list(key) for key in source.news().gone] == [
        ["e1", "h2h", ("away", "home"), "sound"],
    ]
    assert source.whole().rows == []


def test_the_suppressed_are_shown_on_request_with_their_reasons_and_always_counted() -> None:
    odds: Any = ArbitrageOdds(
        priced(ada={"home": 2.1, "away": 2.05}, bob={"home": 1.8, "away": 1.8})
    )
    plain = opened(odds).whole()
    assert (plain.rows, plain.counts) == ([], (0, 1))
    [row] = opened(odds, {"suppressed": True}).whole().rows
    assert row.status == "suppressed"
    assert row.reasons == "two legs are at the same bookmaker"


def test_a_viewer_has_stakes_of_its_own_and_disturbs_nobody(odds: Any) -> None:
    table = ArbitrageTable(odds)
    usual, rich, coarse = (
        table.source(choice) for choice in ({}, {"stake": 1000, "unit": 0.01}, {"unit": 50})
    )
    for source in (usual, rich, coarse):
        source.open()
    assert len(odds.followed) == 1
    [first] = usual.whole().rows
    [second] = rich.whole().rows
    assert (first.stake, second.stake) == (99.0, 999.99)
    assert second.profit == pytest.approx(37.34, abs=0.02)
    assert odds.followed[0].terms == Terms(stake=100, unit=1)
    # Fifty on each leaves 2.50: for steps of 50 that is still one.
    assert [row.stake for row in coarse.whole().rows] == [100.0]
    again = table.source({"stake": 100, "unit": 100})
    again.open()
    assert again.whole().counts == (0, 1)
    assert usual.whole().counts == (1, 0)


def test_stakes_are_those_of_the_core_and_follow_the_price(odds: Any) -> None:
    source = opened(odds, {"stake": 250, "unit": 0.5})
    odds.say("bob", "away", 2.3)
    [row] = source.news().rows
    wanted = restaked(odds.followed[0].active[0], Terms(stake=250, unit=0.5))
    assert (row.stake, row.profit) == (wanted.total, wanted.worst_case)


def test_there_is_one_arbitrage_while_there_are_viewers_and_none_before(odds: Any) -> None:
    table = ArbitrageTable(odds)
    assert not odds.followed
    first, second = table.source({}), table.source({"stake": 7})
    first.open()
    second.open()
    assert odds.made == 1
    first.close()
    assert len(odds.followed) == 1
    second.close()
    assert not odds.followed
    first.open()
    assert odds.made == 2


def test_the_calculator_says_every_bet_and_its_stakes_add_up(odds: Any) -> None:
    body = opened(odds, {"calculator": {"key": KEY}}).whole()
    assert bets(body) == [("bob", 50.0, 102.5, False), ("ada", 49.0, 102.9, False)]
    [said] = body.calculator
    assert said.total == sum(bet.risk for bet in said.bets)
    least = min(bet.returns for bet in said.bets)
    assert said.worst == pytest.approx(least - said.total)
    assert said.rounded == pytest.approx(said.worst / said.total)


def test_a_given_stake_stays_and_the_other_is_split_around_it(odds: Any) -> None:
    given = {"key": KEY, "locked": [["ada", "home", "back", 60]]}
    source = opened(odds, {"calculator": given})
    # 60 at 2.1 returns 126, and 126 / 2.05 = 61.46.
    assert bets(source.whole()) == [("bob", 61.0, 125.05, False), ("ada", 60.0, 126.0, True)]
    assert source.whole().calculator[0].worst == pytest.approx(4.05)
    odds.say("bob", "away", 2.1)
    assert bets(source.news()) == [("bob", 60.0, 126.0, False), ("ada", 60.0, 126.0, True)]


def test_a_given_bet_stays_at_the_odds_at_which_it_was_given(odds: Any) -> None:
    given = {"key": KEY, "locked": [["ada", "home", "back", 60]], "taken": [2.1]}
    source = opened(odds, {"calculator": given})
    odds.say("ada", "home", 2.06)
    [said] = source.news().calculator
    [bob, ada] = said.bets
    assert (ada.odds, ada.now, ada.returns) == (2.1, 2.06, 126.0)
    assert (bob.stake, bob.now) == (61.0, None), "split against what was taken"


def test_both_may_be_given_and_the_worst_case_is_then_what_it_is(odds: Any) -> None:
    locked = [["ada", "home", "back", 50], ["bob", "away", "back", 40]]
    [said] = opened(odds, {"calculator": {"key": KEY, "locked": locked}}).whole().calculator
    assert (said.total, said.worst) == (90.0, -8.0)
    assert said.rounded == pytest.approx(-8 / 90)


def test_a_given_stake_whose_leg_is_gone_is_not_passed_over_in_silence(odds: Any) -> None:
    given = {"key": KEY, "locked": [["ada", "home", "back", 60]]}
    source = opened(odds, {"calculator": given})
    odds.say("cyd", "home", 2.3)
    odds.say("cyd", "away", 1.5)
    [said] = source.news().calculator
    assert [bet.bookmaker for bet in said.bets] == ["bob", "cyd"]
    assert not any(bet.is_locked for bet in said.bets)
    assert said.words == [
        "The given stake on home at ada no longer counts: its price is no part of this now."
    ]


def test_a_stake_above_a_bookmakers_limit_is_marked(odds: Any) -> None:
    given = {"key": KEY, "locked": [["ada", "home", "back", 60]]}
    source = opened(odds, {"calculator": given}, max_stakes={"bob": 55.0})
    [said] = source.whole().calculator
    assert {bet.bookmaker: bet.limit for bet in said.bets} == {"bob": 55.0, "ada": None}


def test_when_it_is_over_its_last_figures_stay(odds: Any) -> None:
    given = {"key": KEY, "locked": [["ada", "home", "back", 60]]}
    source = opened(odds, {"calculator": given})
    before = bets(source.whole())
    odds.wait(5)
    odds.say("ada", "home", 1.5)
    news = source.news()
    assert news.calculator[0].status == "expired"
    assert news.calculator[0].ended == NOON_MS + 5000
    assert bets(news) == before
    odds.wait(3600)
    source.news()
    assert bets(source.whole()) == before
    later = opened(odds, {"calculator": {"key": ["e9", "h2h", ["a"], "sound"]}})
    assert later.whole().calculator == []


def test_a_lay_is_reckoned_by_its_liability() -> None:
    quotes = [
        *priced(ada={"home": 3.0, "away": 1.3, "draw": 4.0}),
        *priced("h2h_lay", exchange={"home": 2.5, "away": 9.0, "draw": 9.0}),
    ]
    odds: Any = ArbitrageOdds(quotes)
    source = opened(odds, {"suppressed": True}, commissions={"exchange": 0.05})
    [key] = [row.id for row in source.whole().rows if "lay" in {bet[2] for bet in row.bets}]
    asked = {"key": list(key), "locked": [["exchange", "home", "lay", 40]]}
    body = opened(odds, {"calculator": asked}, commissions={"exchange": 0.05}).whole()
    [said] = body.calculator
    assert {bet.side: (bet.stake, bet.risk, bet.returns) for bet in said.bets} == {
        "lay": (40.0, 60.0, 98.0),
        "back": (33.0, 33.0, 99.0),
    }
    assert (said.total, said.worst) == (93.0, 5.0)


def test_a_mixture_has_no_stakes_and_says_so() -> None:
    quotes = priced(ada={"home": 2.5, "away": 2.9, "draw": 3.4}, bob={"home": 2.6, "away": 2.2})
    odds: Any = ArbitrageOdds(quotes)
    rows = opened(odds, {"suppressed": True}).whole().rows
    [mixed] = [row for row in rows if row.id[3] == "mixed"]
    assert (mixed.stake, mixed.profit) == (None, None)
    asked = {"key": list(mixed.id), "locked": [["bob", "home", "back", 5]]}
    [said] = opened(odds, {"calculator": asked}).whole().calculator
    assert (said.total, said.worst, said.rounded) == (None, None, None)
    assert any("No stakes cover every outcome" in word for word in said.words)


prices = st.integers(102, 900).map(lambda cents: cents / 100)


@given(
    st.lists(prices, min_size=2, max_size=4),
    st.integers(10, 5000),
    st.sampled_from([0.01, 0.5, 1.0, 5.0]),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 500)), max_size=3),
)
def test_whatever_is_given_total_and_worst_case_follow_from_the_bets_shown(
    odds_of: list[float], stake: int, unit: float, given: list[tuple[int, int]]
) -> None:
    best = dict(zip("wxyz", odds_of, strict=False))
    # Everybody has one good price, and what is worthless on the rest.
    offered = {f"at {mine}": {**dict.fromkeys(best, 1.01), mine: best[mine]} for mine in best}
    odds: Any = ArbitrageOdds(priced(**offered))
    terms = Terms(stake=stake, unit=unit, max_margin=1e6, max_gap=3.2)
    for found in odds.arbitrage(terms).found(suppressed=True):
        locked = {
            (leg.bookmaker_id, leg.outcome, leg.side): float(money)
            for at, money in given
            for leg in found.legs[at : at + 1]
        }
        asked = Calculator(found.key, [(*name, money) for name, money in locked.items()])
        said = calculation(found, GAME, asked, terms)
        if said.total is None or said.worst is None:
            continue
        total = 0.0
        least = float("inf")
        for bet in said.bets:
            total += bet.stake
            least = min(least, bet.stake * bet.odds)
        assert said.total == pytest.approx(total)
        assert said.worst == pytest.approx(least - total, abs=0.0101)
        kept = {(b.bookmaker, b.outcome, b.side): b.stake for b in said.bets if b.is_locked}
        assert kept == locked


@pytest.mark.parametrize(
    "wrong",
    [
        {"stake": "100"}, {"stake": 0}, {"stake": -5}, {"stake": 1e300}, {"unit": 0}, {"unit": 200},
        {"stake": None, "unit": True}, {"suppressed": 1}, {"else": 1}, {"calculator": 5},
        {"calculator": {"key": ["e1"]}},
        {"calculator": {"key": KEY, "locked": [["a", "b", "back"]]}},
        {"calculator": {"key": KEY, "locked": [["a", "b", "back", 0]]}},
        {"calculator": {"key": KEY, "locked": [["a" * 1000, "b", "back", 1]]}},
        {"calculator": {"key": KEY, "locked": [["a", "b", "back", 1]] * 101}},
    ],
)  # fmt: skip
def test_what_no_browser_of_ours_says_is_refused(odds: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ArbitrageTable(odds).source(wrong)


words = st.text() | st.sampled_from(["stake", "unit", "calculator", "key", "locked"])
leaves = st.none() | st.booleans() | st.floats() | words


@given(st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(words, inner)))
def test_anything_may_come_from_a_browser(said: Any) -> None:
    for choice in ({"calculator": said}, {"stake": said}, said):
        if isinstance(choice, dict):
            with suppress(ConfigurationError):
                asked_of(choice).terms(Terms())


def test_an_empty_table_says_whether_prices_are_missing_or_arbitrage(odds: Any) -> None:
    odds.cursor = None
    assert "Waiting for the first prices" in opened(odds).whole().state.empty
    odds.cursor = object()
    assert opened(odds).whole().state.empty == ""


def test_odds_that_have_ended_are_shown_as_such(odds: Any) -> None:
    odds.has_ended = True
    odds.status = connection(status="error", detail="terminal", last_error="Refused.")
    source = opened(odds)
    body = source.whole()
    assert body.rows == []
    assert body.state.old
    assert source.news() is None
    source.close()


def test_in_a_terminal_it_is_one_line_and_leaves_nothing_open(odds: Any) -> None:
    said = repr(ArbitrageTable(odds))
    assert said == (
        "<ArbitrageTable of http://127.0.0.1:8765: 1 active, best 3.73%, 0 suppressed, live>"
    )
    assert not odds.followed
    odds.has_ended = True
    assert repr(ArbitrageTable(odds)) == "<ArbitrageTable of http://127.0.0.1:8765: live>"


@pytest.mark.parametrize(
    "wrong", [{"stake": 0}, {"unit": 1000}, {"nonsense": 1}, {"max_height": 3}, {"max_age_s": -1}]
)
def test_what_can_not_be_is_refused(odds: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        ArbitrageTable(odds, **wrong)


def test_a_frame_is_json_that_a_page_can_read(odds: Any) -> None:
    table = ArbitrageTable(odds)
    frames: list[str] = []
    pump = table.pump({"calculator": {"key": KEY}})

    class Viewer:
        keyframe_s = float("inf")
        send = staticmethod(frames.append)

    viewer: Any = Viewer()
    pump.join(viewer)
    pump.leave(viewer)
    body = json.loads(frames[0])["body"]
    assert body["calculator"][0]["id"] == KEY
    assert body["rows"][0]["id"] == KEY
