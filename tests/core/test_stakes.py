"""Stakes: split, rounded, limited, locked; and what they return, in exact fractions."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protipp_stream.core.arbitrage import Leg, Side, net_odds, relock, split
from protipp_stream.errors import ConfigurationError

from .arbitrage_oracle import exact, worst_result

STAMP = datetime(2026, 8, 4, tzinfo=UTC)

prices = st.floats(1.01, 1000.0) | st.integers(102, 2000).map(lambda cents: cents / 100)
commissions = st.sampled_from([0.0, 0.02, 0.05]) | st.floats(0, 0.2)


def back(outcome: str, odds: float, commission: float = 0.0, at: str = "") -> Leg:
    return Leg(at or f"for {outcome}", outcome, "back", odds, commission, STAMP)


def lay(outcome: str, odds: float, commission: float = 0.0) -> Leg:
    return Leg("exchange", outcome, "lay", odds, commission, STAMP)


backs = st.lists(st.tuples(prices, commissions), min_size=2, max_size=5).map(
    lambda drawn: [back(str(number), *price) for number, price in enumerate(drawn)]
)
pairs = st.tuples(prices, commissions, prices, commissions).map(
    lambda p: [back("0", p[0], p[1]), lay("0", p[2], p[3])]
)
books = backs | pairs
units = st.sampled_from([0.01, 0.1, 0.5, 1.0, 5.0])


def outcomes_of(legs: list[Leg]) -> set[str]:
    more = {"another"} if legs[-1].side == "lay" else set()
    return {leg.outcome for leg in legs} | more


@example([back("0", 3.0), back("1", 2.0)], 1000.0, 0.01, {"for 0": 1.9999999999998863})
@given(books, st.floats(10, 1e6), units, st.dictionaries(
    st.sampled_from(["for 0", "for 1", "exchange"]), st.floats(0.5, 1e4)
))  # fmt: skip
def test_what_is_shown_is_true_of_the_stakes_shown(
    legs: list[Leg], total: float, unit: float, limits: dict[str, float]
) -> None:
    shown = split(legs, total, unit, limits)
    worst = worst_result(shown.legs, outcomes_of(legs))
    assert 0 <= worst - exact(shown.worst_case) < Fraction(1, 100)
    assert shown.total == pytest.approx(sum(leg.risk for leg in shown.legs))
    for leg in shown.legs:
        assert (exact(leg.stake) / exact(unit)).denominator == 1
        risk = exact(leg.stake) * (exact(leg.odds) - 1 if leg.side == "lay" else 1)
        assert leg.risk == pytest.approx(float(risk))
        assert risk <= exact(limits.get(leg.bookmaker_id, 1e12))
    assert shown.is_limited == (shown.max_total is not None and shown.max_total < total)


@given(books, st.floats(10, 1e6))
def test_unrounded_every_outcome_returns_the_same(legs: list[Leg], total: float) -> None:
    shown = split(legs, total, 1e-6)
    margin = 1 / sum(1 / leg.net_odds for leg in legs) - 1
    # A stake is off by a millionth or two, times the odds.
    off = 3e-6 * (sum(leg.odds for leg in legs) + len(legs))
    # Of a thin margin a smaller total, of which less is lost to rounding, may leave more:
    # as many as 200 units of a leg less are tried.
    smaller = 200e-6 * max(
        (leg.odds - 1 if leg.side == "lay" else 1) * leg.net_odds for leg in legs
    )
    assert total - smaller - off <= shown.total <= total + off
    assert shown.worst_case == pytest.approx(total * margin, abs=2 * off, rel=1e-9)


@given(books, st.integers(1, 10**6).map(lambda cents: cents / 100), units, st.data())
def test_a_locked_stake_stays_and_the_others_follow(
    legs: list[Leg], stake: float, unit: float, data: st.DataObject
) -> None:
    locked = data.draw(st.integers(0, len(legs) - 1))
    shown = relock(legs, locked, stake, unit)
    assert shown.legs[locked].stake == stake
    worst = worst_result(shown.legs, outcomes_of(legs))
    assert 0 <= worst - exact(shown.worst_case) < Fraction(1, 100)
    returned = shown.legs[locked].risk * legs[locked].net_odds
    for number, leg in enumerate(shown.legs):
        if number != locked:
            per_unit = (leg.odds - 1 if leg.side == "lay" else 1) * leg.net_odds
            assert leg.stake * per_unit == pytest.approx(returned, abs=per_unit * unit * 0.51)


def test_two_backs_by_hand() -> None:
    shown = split([back("home", 2.1), back("away", 2.05)], 100, 0.01)
    assert [leg.stake for leg in shown.legs] == [49.4, 50.6]
    # 49.40 · 2.10 = 103.74, 50.60 · 2.05 = 103.73
    assert (shown.total, shown.worst_case) == (100.0, 3.73)


def test_a_back_and_a_lay_by_hand() -> None:
    shown = split([back("home", 3.0), lay("home", 2.5, 0.05)], 100, 0.01)
    # o' of the lay: 1 + 0.95/1.5 = 1.6333; S = 1/3 + 1/1.6333 = 0.94558
    [backed, laid] = shown.legs
    assert (backed.stake, backed.risk) == (35.24, 35.24)
    assert (laid.stake, laid.risk) == (43.15, 64.725)
    # home: 35.24 · 2 - 64.725 = 5.755; not home: 43.15 · 0.95 - 35.24 = 5.7525
    assert (shown.total, shown.worst_case) == (99.965, 5.75)


def test_a_limit_shrinks_the_whole_and_no_rounding_passes_it() -> None:
    legs = [back("home", 2.1, at="small"), back("away", 2.1)]
    shown = split(legs, 100, 1.0, {"small": 9.99})
    # 9 and 10 would lose 0.10: what is shown within the limit is what pays.
    assert [leg.stake for leg in shown.legs] == [9.0, 9.0]
    assert shown.is_limited
    assert shown.max_total == pytest.approx(19.98)
    assert shown.worst_case == pytest.approx(0.9)


def test_rounding_to_whole_fives_may_eat_the_profit() -> None:
    legs = [back("home", 1.3), back("away", 4.4)]
    assert split(legs, 100, 0.01).worst_case > 0
    assert split(legs, 100, 50.0).worst_case < 0


def test_the_decimals_do_not_depend_on_whoever_set_the_context() -> None:
    from decimal import localcontext

    with localcontext() as context:
        context.prec = 3
        shown = split([back("home", 2.1), back("away", 2.05)], 100_000, 0.01)
    assert shown.worst_case == 3734.93


@pytest.mark.parametrize(
    ("odds", "commission", "is_lay", "net"),
    [(3.0, 0.0, False, 3.0), (3.0, 0.05, False, 2.9), (3.0, 0.0, True, 1.5), (2.0, 0.1, True, 1.9)],
)
def test_odds_net_of_commission(odds: float, commission: float, is_lay: bool, net: float) -> None:
    assert net_odds(odds, commission, is_lay) == pytest.approx(net)


@pytest.mark.parametrize(
    ("locked", "stake", "unit"),
    [(2, 10.0, 0.01), (-1, 10.0, 0.01), (0, 0.0, 0.01), (0, float("nan"), 0.01), (0, 10.0, 0.0)],
)
def test_what_cannot_be_locked_is_refused(locked: int, stake: float, unit: float) -> None:
    with pytest.raises(ConfigurationError):
        relock([back("home", 2.1), back("away", 2.05)], locked, stake, unit)


def test_sides_have_names() -> None:
    sides: set[Side] = {back("home", 2.0).side, lay("home", 2.0).side}
    assert sides == {"back", "lay"}


@pytest.mark.parametrize(
    ("odds", "stakes", "left"),
    [((2.02, 2.00), [99, 100], 0.98), ((14.0, 1.08), [14, 181], 0.48)],
)
def test_rounding_looks_for_what_pays(
    odds: tuple[float, float], stakes: list[float], left: float
) -> None:
    # To the nearest of a total of 200 these leave 0.00 and -4.00.
    placed = split([back("a", odds[0]), back("b", odds[1])], 200, 1)
    assert [leg.stake for leg in placed.legs] == stakes
    assert placed.worst_case == left


@example([7.0, 8.0, 1.56], 5)  # to the nearest, they take 6
@given(
    st.lists(st.floats(1.5, 12).map(lambda o: round(o, 2)), min_size=2, max_size=3),
    st.integers(5, 30),
)
def test_no_whole_stakes_within_the_total_leave_more(odds: list[float], total: int) -> None:
    legs = [back(str(number), each) for number, each in enumerate(odds)]
    choices = product(range(total + 1), repeat=len(odds))
    best = max(
        min(Fraction(str(o)) * n for o, n in zip(odds, stakes, strict=True)) - sum(stakes)
        for stakes in choices
        if sum(stakes) <= total
    )
    placed = split(legs, total, 1)
    assert placed.total <= total
    if best > 0:
        assert 0 <= best - Fraction(str(placed.worst_case)) < Fraction(1, 100)
    else:
        assert placed.worst_case <= 0
