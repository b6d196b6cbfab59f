"""Somebody else's stakes on the same prices, stakes that are given, and how long it holds."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.arbitrage import (
    Arbitrage,
    ArbitrageFinder,
    Leg,
    Terms,
    fresh_until,
    relock,
    resplit,
    restaked,
)
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Event

from .arbitrage_boards import NOW, PAIR, after, said
from .arbitrage_oracle import exact, worst_result
from .test_stakes import back, books, lay, outcomes_of, units

stakes = st.floats(0.01, 1e6).map(lambda stake: round(stake, 2))


def pays(leg: Leg, stake: Fraction) -> Fraction:
    """What comes back of a stake if the leg wins, itself included."""
    won, kept = exact(leg.odds) - 1, 1 - exact(leg.commission)
    return stake * won + stake * kept if leg.side == "lay" else stake + stake * won * kept


@given(books, units, st.data())
def test_around_given_stakes_each_free_leg_returns_the_same(
    legs: list[Leg], unit: float, data: st.DataObject
) -> None:
    indices = st.integers(0, len(legs) - 1)
    locked = data.draw(st.dictionaries(indices, stakes, min_size=1))
    shown = resplit(legs, locked, unit)

    least = None
    for number, stake in locked.items():
        assert shown.legs[number].stake == stake
        returned = pays(legs[number], exact(stake))
        least = returned if least is None or returned < least else least
    assert least is not None
    total = Fraction(0)
    for number, leg in enumerate(shown.legs):
        risk = exact(leg.stake) * (exact(leg.odds) - 1 if leg.side == "lay" else 1)
        assert leg.risk == pytest.approx(float(risk))
        total += risk
        if number in locked:
            continue
        steps = exact(leg.stake) / exact(unit)
        assert steps.denominator == 1
        # To the nearest: half a unit, and what a float's last digits are worth.
        off = pays(leg, exact(unit)) * Fraction(51, 100) + least / 10**9
        assert abs(pays(leg, exact(leg.stake)) - least) <= off
    assert shown.total == pytest.approx(float(total))
    worst = worst_result(shown.legs, outcomes_of(legs))
    assert 0 <= worst - exact(shown.worst_case) < Fraction(1, 100)


@given(books, stakes, units, st.data())
def test_what_a_leg_returns_is_said_to_the_cent_and_never_more(
    legs: list[Leg], stake: float, unit: float, data: st.DataObject
) -> None:
    shown = resplit(legs, {data.draw(st.integers(0, len(legs) - 1)): stake}, unit)
    least = min(exact(leg.returns) for leg in shown.legs)
    for leg in shown.legs:
        assert 0 <= pays(leg, exact(leg.stake)) - exact(leg.returns) < Fraction(1, 100)
    # So the three figures beside each other agree to the cent.
    left = least - exact(shown.total)
    assert abs(left - exact(shown.worst_case)) < Fraction(1, 50) + exact(shown.total) / 10**12


def test_a_back_and_a_lay_around_the_lay_by_hand() -> None:
    shown = resplit([back("home", 3.0), lay("home", 2.5, 0.05)], {1: 40}, 1)
    # Liability 60, and 60 + 38 come back: 98 / 3 = 32.67 on the back.
    [backed, laid] = shown.legs
    assert (backed.stake, laid.stake, laid.risk) == (33.0, 40.0, 60.0)
    assert (backed.returns, laid.returns) == (99.0, 98.0)
    assert (shown.total, shown.worst_case) == (93.0, 5.0)


def test_the_least_of_two_given_stakes_decides() -> None:
    legs = [back("a", 3.0), back("b", 3.5), back("c", 4.0)]
    shown = resplit(legs, {0: 40, 1: 40}, 1)
    assert [leg.stake for leg in shown.legs] == [40, 40, 30]
    assert (shown.total, shown.worst_case) == (110.0, 10.0)


def test_one_given_stake_is_relock() -> None:
    legs = [back("home", 2.1), back("away", 2.05)]
    assert relock(legs, 0, 60, 1) == resplit(legs, {0: 60}, 1)


@pytest.mark.parametrize("locked", [{}, {2: 10.0}, {-1: 10.0}, {0: 0.0}, {0: 10.0, 1: -1.0}])
def test_what_can_not_be_given_is_refused(locked: dict[int, float]) -> None:
    with pytest.raises(ConfigurationError):
        resplit([back("home", 2.1), back("away", 2.05)], locked, 1)


def found(terms: Terms, *, starts_in_s: float | None = None) -> tuple[ArbitrageFinder, Arbitrage]:
    finder = ArbitrageFinder(terms)
    if starts_in_s is not None:
        finder.describe([Event("game", "A @ B", "mlb", after(starts_in_s))], NOW)
    finder.take(PAIR, NOW)
    return finder, finder.current[0]


@given(
    st.floats(1, 1e5),
    st.sampled_from([0.01, 0.5, 1.0]),
    st.dictionaries(st.sampled_from(["ada", "bob"]), st.floats(0.5, 500)),
)
def test_restaked_is_what_a_finder_with_those_terms_finds(
    stake: float, unit: float, limits: dict[str, float]
) -> None:
    theirs = Terms(stake=stake, unit=unit, max_stakes=limits)
    _, mine = found(Terms(stake=200, unit=50))
    _, wanted = found(theirs)
    again = restaked(mine, theirs)
    assert again.key == mine.key
    unlike = {"active_since": None}
    assert msgspec.structs.replace(again, **unlike) == msgspec.structs.replace(wanted, **unlike)


def test_what_has_expired_stays_so() -> None:
    finder, _ = found(Terms())
    finder.expire(after(200))
    [over] = finder.expired
    assert restaked(over, Terms(stake=1000, unit=1)).status == "expired"
    assert restaked(over, Terms(stake=1000, unit=1)).total == pytest.approx(1000, abs=5)


@given(st.none() | st.integers(-100, 300), st.integers(1, 200), st.integers(1, 200))
def test_it_is_fresh_until_the_finder_says_otherwise(
    starts_in_s: int | None, before_s: int, in_play_s: int
) -> None:
    terms = Terms(max_age_s=before_s, max_age_in_play_s=in_play_s)
    finder, mine = found(terms, starts_in_s=starts_in_s)
    at = fresh_until(mine, terms)
    for second in range(int((at - NOW).total_seconds())):
        finder.expire(after(second))
        assert finder.active, f"{second} s"
    finder.expire(at)
    assert not finder.active


def test_a_confirmed_leg_leaves_the_other_to_be_the_oldest() -> None:
    finder, _ = found(Terms())
    finder.take(said("ada", at=after(100), home=2.2), after(100))
    assert fresh_until(finder.current[0], Terms()) == after(180)
