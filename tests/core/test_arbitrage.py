"""Arbitrage by hand: what pays, what only seems to, and why."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.arbitrage import REASONS, WORDS, Arbitrage, ArbitrageFinder, Terms
from protipp_stream.core.arbitrage.prices import base_market
from protipp_stream.core.arbitrage.terms import LONGEST_AGE_S
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import OddsUpdate

from .arbitrage_boards import LOPSIDED, NOW, PAIR, after, said, told
from .arbitrage_oracle import pays_as_shown


def found(*boards: list[OddsUpdate], finder: ArbitrageFinder | None = None) -> list[Arbitrage]:
    finder = finder or ArbitrageFinder()
    finder.take([update for board in boards for update in board], NOW)
    return finder.current


def suppressed(*boards: list[OddsUpdate], finder: ArbitrageFinder | None = None) -> Arbitrage:
    [only] = found(*boards, finder=finder)
    assert only.status == "suppressed"
    assert all(WORDS[reason] in only.words for reason in only.reasons)
    return only


def test_two_prices_that_pay_whatever_happens() -> None:
    [active] = found(PAIR)
    assert (active.status, active.kind, active.reasons, active.words) == ("active", "sound", (), "")
    assert active.key == ("game", "h2h", ("away", "home"), "sound")
    assert {(leg.bookmaker_id, leg.outcome, leg.odds, leg.stake) for leg in active.legs} == {
        ("ada", "home", 2.1, 49.4),
        ("bob", "away", 2.05, 50.6),
    }
    assert active.margin == pytest.approx(1 / (1 / 2.1 + 1 / 2.05) - 1)
    assert (active.total, active.worst_case) == (100.0, 3.73)
    assert [leg.age_s(after(7)) for leg in active.legs] == [7.0, 7.0]


def test_a_sum_of_exactly_one_pays_nothing_and_is_not_reported() -> None:
    thirds = {"home": 3.0, "draw": 3.0, "away": 3.0}
    assert found(said("ada", **thirds), said("bob", **thirds), said("cyd", **thirds)) == []


def test_commission_makes_an_arbitrage_vanish() -> None:
    exchange = said("exchange", home=2.04, away=1.9, commission=0.05)
    other = said("bob", home=1.8, away=2.0)
    assert found(exchange, other) == []
    [active] = found(exchange, other, finder=ArbitrageFinder(Terms(commissions={"exchange": 0.0})))
    assert [leg.commission for leg in active.legs] == [0.0, 0.0]


def test_a_lay_of_one_of_three_covers_the_two_others() -> None:
    three = {"home": 3.2, "draw": 3.0, "away": 2.2}
    exchange = said("exchange", home=2.8, draw=3.0, away=2.2, commission=0.02)
    laid = said("exchange", market="h2h_lay", home=2.9, commission=0.02)
    [active] = found(said("ada", **three), exchange, laid)
    assert {(leg.bookmaker_id, leg.outcome, leg.side) for leg in active.legs} == {
        ("ada", "home", "back"),
        ("exchange", "home", "lay"),
    }
    assert active.market == "h2h"
    assert active.status == "active"
    assert pays_as_shown(active)


def test_a_lay_of_one_of_two_is_a_back_of_the_other() -> None:
    laid = said("exchange", market="h2h_lay", home=1.9, away=2.3)
    [active] = found(said("ada", home=2.1, away=1.7), laid)
    assert {(leg.outcome, leg.side) for leg in active.legs} == {("home", "back"), ("home", "lay")}


def test_lines_are_markets_of_their_own() -> None:
    over = said("ada", market="totals@7.5", over=2.2, under=1.7)
    assert found(over, said("bob", market="totals@8.5", over=1.7, under=2.2)) == []
    [active] = found(over, said("bob", market="totals_lay@7.5", over=2.0, under=2.5))
    assert active.market == "totals@7.5"


@pytest.mark.parametrize(
    ("market", "base"),
    [
        ("h2h", ("h2h", False)),
        ("h2h_lay", ("h2h", True)),
        ("spreads_lay@-2.5", ("spreads@-2.5", True)),
        ("overlay", ("overlay", False)),
    ],
)
def test_the_market_that_a_lay_market_lays(market: str, base: tuple[str, bool]) -> None:
    assert base_market(market) == base


def test_of_equal_prices_the_same_is_shown_whichever_came_first() -> None:
    three = [said(name, home=2.1, away=1.8) for name in ("zoe", "ada", "mia")]
    for order in (three, three[::-1]):
        [active] = found(*order, said("bob", home=1.8, away=2.05))
        assert {leg.bookmaker_id for leg in active.legs} == {"ada", "bob"}


def test_a_price_that_draws_level_later_is_treated_as_if_it_had_always_been_there() -> None:
    finder = ArbitrageFinder()
    finder.take([*PAIR, *said("abe", home=2.0, away=1.8)], NOW)
    finder.take(said("abe", home=2.1), NOW)
    assert {leg.bookmaker_id for leg in finder.active[0].legs} == {"abe", "bob"}


def test_who_names_one_outcome_more_is_compared_with_others_from_then_on() -> None:
    finder = ArbitrageFinder()
    lay = said("exchange", market="h2h_lay", home=2.9)
    three = said("exchange", home=2.0, draw=2.0, away=2.0)
    finder.take([*said("ada", home=3.2, draw=3.0, away=2.2, off=50.0), *lay, *three], NOW)
    assert finder.current == []
    finder.take(said("exchange", off=40.0), NOW)
    [active] = finder.active
    assert {(leg.outcome, leg.side) for leg in active.legs} == {("home", "back"), ("home", "lay")}


# ------------------------------------------------------------- suppressed, and why


def test_an_old_price_is_stale_and_the_next_best_is_found_instead() -> None:
    old = said("old", at=after(-180), home=2.4, away=1.5)
    stale, active = sorted(found(PAIR, old), key=lambda each: each.kind)
    assert (stale.kind, stale.status, stale.reasons) == ("best", "suppressed", ("stale",))
    assert {leg.bookmaker_id for leg in stale.legs} == {"old", "bob"}
    assert (active.status, {leg.bookmaker_id for leg in active.legs}) == ("active", {"ada", "bob"})


def test_just_below_the_limit_a_price_is_fresh() -> None:
    [active] = found(PAIR, said("old", at=after(-179.999), home=2.4, away=1.5))
    assert (active.status, active.legs[1].bookmaker_id) == ("active", "old")


def test_a_bookmakers_clock_that_is_ahead_makes_its_prices_no_fresher() -> None:
    ahead = said("ada", at=after(3600), received=after(-181), home=2.1, away=1.8)
    assert suppressed(ahead, said("bob", home=1.8, away=2.05)).reasons == ("stale",)


def test_one_bookmaker_is_not_two() -> None:
    alone = suppressed(said("ada", home=2.1, away=2.1), said("bob", home=1.5, away=1.6))
    assert (alone.kind, alone.reasons) == ("best", ("one_bookmaker",))


def test_clones_count_as_one_bookmaker() -> None:
    finder = ArbitrageFinder(clones={"bob": "ada"})
    assert suppressed(PAIR, finder=finder).reasons == ("clones",)
    assert told(finder.use_clones({}, NOW)) == [
        ("opened", "sound", "active"),
        ("closed", "best", "expired"),
    ]
    assert told(finder.use_clones({"ada": "x", "bob": "x"}, NOW))[0][1:] == ("best", "suppressed")


def test_a_two_way_against_a_three_way_market() -> None:
    three_way = said("ada", home=2.6, draw=3.3, away=2.7)
    mixed = suppressed(three_way, said("bob", home=1.9, away=1.9))
    assert (mixed.kind, mixed.outcomes) == ("mixed", ("away", "home"))
    assert "outcomes_differ" in mixed.reasons
    assert "outcome_missing" in mixed.reasons
    assert mixed.worst_case is None
    assert {leg.stake for leg in mixed.legs} == {0.0}


def test_a_draw_that_nobody_prices_any_more_is_missing() -> None:
    boards = [said(name, home=2.6, draw=3.3, away=2.7) for name in ("ada", "bob")]
    finder = ArbitrageFinder()
    assert found(*boards, finder=finder) == []
    gone = [said(name, draw=None) for name in ("ada", "bob")]
    missing = suppressed(*gone, finder=finder)
    assert "outcome_missing" in missing.reasons
    assert "outcomes_differ" not in missing.reasons
    assert missing.outcomes == ("away", "draw", "home")
    assert told(finder.take(said("ada", draw=3.3), NOW)) == [("closed", "mixed", "expired")]


def test_a_favourite_at_eleven_and_a_half_is_a_mistake() -> None:
    # Recorded: fresh, and "+246 %".
    boards = [said(name, home=1.5, away=2.7) for name in ("ada", "bob", "cyd")]
    wild = suppressed(*boards, said("err", home=11.5, away=1.06))
    assert wild.reasons == ("palpable_error",)
    assert wild.margin > 1


def test_a_price_out_of_line_is_a_mistake_even_if_the_margin_is_credible() -> None:
    boards = [said(name, home=1.25, away=3.7) for name in ("ada", "bob", "cyd")]
    wild = suppressed(*boards, said("err", home=1.6, away=2.0))
    assert 0 < wild.margin < 0.2
    assert wild.reasons == ("palpable_error",)


def test_a_mistake_hides_no_arbitrage_among_the_others() -> None:
    wild, active = sorted(found(
        PAIR, said("cyd", home=2.0, away=1.9), said("err", home=11.5, away=1.06)
    ), key=lambda each: each.kind)  # fmt: skip
    assert wild.reasons == ("palpable_error",)
    assert active.status == "active"
    assert "err" not in {leg.bookmaker_id for leg in active.legs}


def test_of_two_bookmakers_who_disagree_wildly_neither_is_believed() -> None:
    wild = suppressed(said("ada", home=2.6, away=1.4), said("bob", home=1.4, away=2.6))
    assert (wild.kind, wild.reasons) == ("sound", ("palpable_error",))


def test_rounding_eats_it() -> None:
    eaten = suppressed(LOPSIDED, finder=ArbitrageFinder(Terms(unit=50.0)))
    assert eaten.reasons == ("rounding",)
    assert eaten.worst_case is not None
    assert eaten.worst_case <= 0


def test_limits_eat_it() -> None:
    small = ArbitrageFinder(Terms(unit=1.0, max_stakes={"ada": 0.9}))
    assert suppressed(PAIR, finder=small).reasons == ("limits",)
    [active] = found(PAIR, finder=ArbitrageFinder(Terms(max_stakes={"ada": 10.0})))
    assert active.max_total == pytest.approx(10 * active.implied * 2.1)
    assert active.total == pytest.approx(active.max_total, abs=0.01)
    assert max(leg.stake for leg in active.legs if leg.bookmaker_id == "ada") == 10.0


def test_every_reason_is_told_in_the_order_of_the_list() -> None:
    old = said("ada", at=after(-400), home=1.5, away=9.0)
    assert suppressed(old, finder=ArbitrageFinder(Terms(unit=60.0))).reasons == (
        "stale", "one_bookmaker", "palpable_error", "rounding",
    )  # fmt: skip
    assert set(WORDS) == set(REASONS)


def test_margins_below_the_one_asked_for_are_not_looked_at() -> None:
    assert found(PAIR, finder=ArbitrageFinder(Terms(min_margin=0.04))) == []
    assert len(found(PAIR, finder=ArbitrageFinder(Terms(min_margin=0.03)))) == 1


# -------------------------------------------------------------------- and always


@given(st.data())
def test_every_active_one_pays_what_it_shows(data: st.DataObject) -> None:
    """Random books around a fair price, in hundredths, some of them exchanges."""
    chances = data.draw(st.lists(st.floats(0.1, 1), min_size=2, max_size=4))
    finder = ArbitrageFinder(Terms(
        unit=data.draw(st.sampled_from([0.01, 0.5, 1.0])),
        max_stakes={"m1": data.draw(st.floats(1, 60))},
    ))  # fmt: skip
    updates = []
    for maker in range(data.draw(st.integers(2, 5))):
        commission = data.draw(st.sampled_from([0.0, 0.02, 0.05]))
        for market in ("h2h", "h2h_lay") if commission else ("h2h",):
            odds = {
                f"o{number}": round(sum(chances) / chance * data.draw(st.floats(0.9, 1.15)), 2)
                for number, chance in enumerate(chances)
            }
            odds = {outcome: max(price, 1.01) for outcome, price in odds.items()}
            updates += said(f"m{maker}", market=market, commission=commission, **odds)
    finder.take(updates, NOW)
    for each in finder.active:
        assert pays_as_shown(each)
        assert each.worst_case is not None
        assert each.worst_case > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"stake": 0.0},
        {"stake": float("nan")},
        {"unit": 0.0},
        {"unit": 200.0},
        {"max_age_s": 0.0},
        {"max_age_in_play_s": -1.0},
        {"max_age_s": 1e11},
        {"max_age_in_play_s": LONGEST_AGE_S + 1},
        {"min_margin": -0.1},
        {"min_margin": 0.3},
        {"max_gap": 0.0},
        {"commissions": {"exchange": 1.0}},
        {"max_stakes": {"ada": 0.0}},
    ],
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="Terms of arbitrage"):
        Terms(**wrong)  # type: ignore[arg-type]


def test_an_age_that_is_refused_is_told_what_it_may_be() -> None:
    with pytest.raises(ConfigurationError, match=r"max_age_s can't be .*at most 315360000"):
        Terms(max_age_s=1e11)


def test_the_longest_age_is_as_good_as_no_limit() -> None:
    finder = ArbitrageFinder(Terms(max_age_s=LONGEST_AGE_S, max_age_in_play_s=LONGEST_AGE_S))
    old = said("ada", at=after(-86_400 * 365), home=2.1, away=1.8)
    [active] = found(old, said("bob", home=1.8, away=2.05), finder=finder)
    assert active.status == "active"
    assert finder.deadline == after(LONGEST_AGE_S - 86_400 * 365)
