"""A push: what an arbitrage leaves if a bet is neither won nor lost.

Settled here goal by goal and half bet by half bet, which is not how the floor is reckoned.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from protipp_stream.core.arbitrage import WORDS, Arbitrage, ArbitrageFinder, Leg, Terms

from .arbitrage_boards import NOW, said
from .arbitrage_oracle import exact


def over_and_under(market: str, finder: ArbitrageFinder | None = None) -> Arbitrage:
    finder = finder or ArbitrageFinder()
    finder.take(said("ada", market=market, Over=2.1, Under=1.8), NOW)
    finder.take(said("bob", market=market, Over=1.8, Under=2.1), NOW)
    [only] = finder.current
    return only


@pytest.mark.parametrize(
    ("line", "can_push", "floor", "words"),
    [
        ("8", True, 0.0, "a push returns the stakes"),
        ("0", True, 0.0, "a push returns the stakes"),
        ("-1", True, 0.0, "a push returns the stakes"),
        ("8.25", True, 2.5, "a push returns half the stakes"),
        ("-8.75", True, 2.5, "a push returns half the stakes"),
        ("8.5", False, 5.0, ""),
        ("-0.5", False, 5.0, ""),
        ("8.1", False, 5.0, ""),
        ("inf", False, 5.0, ""),
        ("a name", False, 5.0, ""),
    ],
)
def test_what_a_push_leaves(line: str, can_push: bool, floor: float, words: str) -> None:
    found = over_and_under(f"totals@{line}")
    assert (found.status, found.worst_case) == ("active", 5.0)
    assert (found.can_push, found.floor, found.words) == (can_push, floor, words)


def test_without_a_line_only_draw_no_bet_is_known_to_push() -> None:
    assert over_and_under("draw_no_bet").floor == 0
    assert not over_and_under("h2h").can_push


def test_a_third_outcome_is_no_push() -> None:
    finder = ArbitrageFinder()
    for name in ("ada", "bob", "cyd"):
        finder.take(said(name, market="spreads@-1", home=3.2, draw=3.2, away=3.2), NOW)
    [found] = finder.active
    assert (found.can_push, found.floor) == (False, found.worst_case)


def test_why_it_is_suppressed_comes_first_and_a_loss_is_no_better_for_a_push() -> None:
    finder = ArbitrageFinder(Terms(unit=50.0))
    finder.take(said("ada", market="spreads@-1", home=1.3, away=3.0), NOW)
    finder.take(said("bob", market="spreads@-1", home=1.2, away=4.4), NOW)
    [found] = finder.current
    assert found.words == WORDS["rounding"] + "; a push returns the stakes"
    assert found.worst_case is not None
    assert found.floor == found.worst_case < 0


def test_where_no_stakes_are_said_there_is_no_floor() -> None:
    finder = ArbitrageFinder()
    finder.take([*said("ada", Over=2.1, Under=1.8), *said("bob", Over=1.8)], NOW)
    finder.take(said("bob", Draw=9.0, Under=2.1), NOW)
    assert {(each.kind, each.floor) for each in finder.current} == {("mixed", None)}


def profit(legs: Iterable[Leg], line: Fraction, goals: int) -> Fraction:
    """Settle all bets at so many goals; a quarter line is two bets of half the stake."""
    bets = [line] if line % Fraction(1, 2) == 0 else [line - Fraction(1, 4), line + Fraction(1, 4)]
    return sum((_settled(leg, bet, goals) / len(bets) for leg in legs for bet in bets), Fraction(0))


def _settled(leg: Leg, line: Fraction, goals: int) -> Fraction:
    if goals == line:
        return Fraction(0)
    stake, win, kept = exact(leg.stake), exact(leg.odds) - 1, 1 - exact(leg.commission)
    has_come = (goals > line) == (leg.outcome == "Over")
    if leg.side == "lay":
        return -stake * win if has_come else stake * kept
    return stake * win * kept if has_come else -stake


prices = st.floats(1.5, 3.0).map(lambda odds: round(odds, 2))


@given(
    st.sampled_from(["3", "3.25", "3.5", "3.75"]),
    st.lists(st.tuples(prices, prices, st.sampled_from([0.0, 0.02])), min_size=2, max_size=4),
    st.sampled_from([0.01, 0.5, 1.0, 20.0]),
)
def test_whatever_the_goals_no_less_is_left_than_the_floor_says(
    line: str, makers: list[tuple[float, float, float]], unit: float
) -> None:
    finder = ArbitrageFinder(Terms(unit=unit, max_margin=10.0, max_gap=4.0))
    for number, (over, under, commission) in enumerate(makers):
        for market in ("totals", "totals_lay") if commission else ("totals",):
            finder.take(
                said(
                    f"m{number}", market=f"{market}@{line}", commission=commission,
                    Over=over, Under=under,
                ),
                NOW,
            )  # fmt: skip
    for each in finder.current:
        assert each.floor is not None
        event(f"{line} {each.status}")
        left = [profit(each.legs, exact(float(line)), goals) for goals in range(9)]
        assert min(left) >= exact(each.floor)
        if line in {"3", "3.5"}:  # of a quarter line the other leg may be the one that pays more
            assert min(left) - exact(each.floor) < Fraction(1, 100)
        assert each.can_push == (line != "3.5")
        assert each.status != "active" or each.floor >= 0
