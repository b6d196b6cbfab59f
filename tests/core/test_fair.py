"""Taking the margin out: sums done by hand, and what must hold for any market."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from protipp_stream.core.fair import METHODS, additive, clv, fair, overround, power, shin
from protipp_stream.errors import ConfigurationError, NoFairPrice

methods = st.sampled_from(sorted(METHODS))
sane_odds = st.lists(st.floats(1.02, 200), min_size=2, max_size=12)
weights = st.lists(st.floats(0.02, 1), min_size=2, max_size=12)


def priced(weights: list[float], margin: float) -> list[float]:
    """Odds of a market with these probabilities, up to their sum, and this margin."""
    total = sum(weights)
    odds = [total / w / (1 + margin) for w in weights]
    assume(min(odds) > 1.01)
    return odds


def fair_or_none(odds: list[float], method: str) -> list[float] | None:
    try:
        return fair(odds, method)
    except NoFairPrice:
        return None


@pytest.mark.parametrize(
    ("odds", "method", "expected"),
    [
        ([1.9, 1.9], "power", [0.5, 0.5]),
        ([1.9, 1.9], "shin", [0.5, 0.5]),
        # Implied 4/5 and 2/5, sum 6/5.
        ([1.25, 2.5], "multiplicative", [2 / 3, 1 / 3]),
        ([1.25, 2.5], "additive", [0.7, 0.3]),
        ([1.25, 2.5], "shin", [0.7, 0.3]),
        # Implied q and q squared: x + x squared = 1 for x = q ** k, the golden ratio.
        ([1 / 0.8, 1 / 0.64], "power", [0.618034, 0.381966]),
        ([2.0, 3.0, 6.0], "multiplicative", [1 / 2, 1 / 3, 1 / 6]),
    ],
)
def test_by_hand(odds: list[float], method: str, expected: list[float]) -> None:
    assert fair(odds, method) == pytest.approx(expected, abs=1e-6)


@given(weights, st.floats(0.001, 0.05))
def test_shin_finds_the_probabilities_that_shins_model_priced(
    weights: list[float], insiders: float
) -> None:
    # Jullien and Salanié's form of the model: price = sqrt(z p + (1 - z) p squared) by their sum.
    total = sum(weights)
    true = [w / total for w in weights]
    roots = [(insiders * p + (1 - insiders) * p * p) ** 0.5 for p in true]
    odds = [1 / (root * sum(roots)) for root in roots]
    assume(min(odds) > 1.01)
    assert shin(odds) == pytest.approx(true, abs=1e-9)


@given(weights, st.floats(0.0, 10.0))
def test_shin_takes_any_market_with_a_margin(weights: list[float], margin: float) -> None:
    odds = [max(1.001, sum(weights) / w / (1 + margin)) for w in weights]
    assume(overround(odds) >= 0)
    assert len(shin(odds)) == len(odds)


@given(weights, st.floats(0.01, 0.15))
def test_shin_agrees_with_the_package_of_that_name(weights: list[float], margin: float) -> None:
    package = pytest.importorskip("shin", reason="the package shin has no wheel for this Python")
    odds = priced(weights, margin)
    theirs = package.calculate_implied_probabilities(odds, max_iterations=10_000)
    assume(abs(sum(theirs) - 1) < 1e-9)  # or its iteration has not converged
    assert shin(odds) == pytest.approx(theirs, abs=1e-6)


@given(sane_odds, methods)
def test_probabilities_sum_to_one_and_lie_between_zero_and_one(
    odds: list[float], method: str
) -> None:
    probabilities = fair_or_none(odds, method)
    if probabilities is not None:
        assert sum(probabilities) == pytest.approx(1, abs=1e-9)
        assert all(0 < p < 1 for p in probabilities)
        assert len(probabilities) == len(odds)


@given(sane_odds, methods)
def test_shorter_odds_are_never_less_likely(odds: list[float], method: str) -> None:
    probabilities = fair_or_none(odds, method)
    if probabilities is not None:
        by_odds = [p for _, p in sorted(zip(odds, probabilities, strict=True))]
        assert all(a >= b - 1e-12 for a, b in pairwise(by_odds))


@given(weights, methods)
def test_without_a_margin_the_odds_are_the_probabilities(weights: list[float], method: str) -> None:
    odds = priced(weights, 0.0)
    assert fair(odds, method) == pytest.approx([1 / o for o in odds], abs=1e-9)


@given(weights, methods, st.floats(1e-9, 1e-6))
def test_a_margin_that_vanishes_changes_nothing(
    weights: list[float], method: str, margin: float
) -> None:
    odds = priced(weights, margin)
    assert fair(odds, method) == pytest.approx([1 / o for o in odds], abs=1e-4)


@given(weights, st.floats(0.0, 0.3), st.sampled_from(["power", "multiplicative", "shin"]))
def test_markets_as_bookmakers_make_them_are_never_refused(
    weights: list[float], margin: float, method: str
) -> None:
    assert len(fair(priced(weights, margin), method)) == len(weights)


@given(sane_odds)
def test_power_takes_any_market(odds: list[float]) -> None:
    assert len(power(odds)) == len(odds)


@given(st.floats(1.02, 100), st.floats(0.0, 1.0))
def test_with_two_outcomes_additive_and_shin_are_the_same(one: float, part: float) -> None:
    # Between certain and what is fair beside the first.
    other = 1.001 + part * (one / (one - 1) - 1.001)
    assert additive([one, other]) == pytest.approx(shin([one, other]), abs=1e-9)


def test_a_long_shot_keeps_least_by_power_and_most_by_multiplicative() -> None:
    odds = [1.1, 8.0]
    long_shot = {method: fair(odds, method)[1] for method in METHODS}
    assert long_shot["power"] < long_shot["shin"] < long_shot["multiplicative"]


@given(sane_odds, methods)
def test_order_of_outcomes_is_kept(odds: list[float], method: str) -> None:
    probabilities = fair_or_none(odds, method)
    if probabilities is not None:
        backwards = fair(odds[::-1], method)
        assert backwards[::-1] == pytest.approx(probabilities, abs=1e-9)


@pytest.mark.parametrize("method", sorted(METHODS))
@pytest.mark.parametrize(
    "odds",
    [[], [2.0], [2.0, 1.0], [2.0, 0.0], [2.0, -150], [2.0, float("nan")], [2.0, float("inf")]],
)
def test_what_is_no_market_is_refused(method: str, odds: list[float]) -> None:
    with pytest.raises(NoFairPrice) as caught:
        fair(odds, method)
    assert caught.value.hint
    with pytest.raises(NoFairPrice):
        overround(odds)


def test_additive_refuses_to_leave_a_long_shot_with_nothing() -> None:
    with pytest.raises(NoFairPrice, match=r"nothing of odds 100\.0"):
        additive([1.5, 2.5, 100.0])
    assert fair([1.5, 2.5, 100.0], "power")[2] > 0


@given(st.floats(0.0, 0.3))
@example(0.0006)
def test_shin_takes_three_outcomes_of_the_same_odds(margin: float) -> None:
    # The iteration of the package hardly converges there, and stopped short of it.
    assert shin([3 / (1 + margin)] * 3) == pytest.approx([1 / 3] * 3)


def test_shin_refuses_a_market_below_one_where_the_others_do_not() -> None:
    odds = [2.1, 2.1]
    with pytest.raises(NoFairPrice, match=r"-4\.76%"):
        shin(odds)
    for method in ("power", "multiplicative", "additive"):
        assert fair(odds, method) == pytest.approx([0.5, 0.5])


def test_shin_takes_a_margin_that_no_bookmaker_takes() -> None:
    # The iteration of the package finds nothing there.
    assert shin([1.01, 1.01, 1.01]) == pytest.approx([1 / 3] * 3)


def test_an_unknown_method_is_refused_with_the_names_of_the_known() -> None:
    with pytest.raises(ConfigurationError) as caught:
        fair([1.9, 1.9], "logit")
    assert all(method in caught.value.hint for method in METHODS)


@pytest.mark.parametrize(
    ("odds", "expected"),
    [([2.0, 2.0], 0.0), ([1.9, 1.9], 0.0526315789), ([2.1, 2.1], -0.0476190476)],
)
def test_overround_by_hand(odds: list[float], expected: float) -> None:
    assert overround(odds) == pytest.approx(expected)


def test_clv_by_hand() -> None:
    assert clv(2.1, 0.5) == pytest.approx(0.05)
    assert clv(1.9, 0.5) == pytest.approx(-0.05)


@given(st.floats(1.01, 100))
def test_who_bets_at_the_fair_closing_price_gains_nothing(odds: float) -> None:
    assert clv(odds, 1 / odds) == pytest.approx(0)


@pytest.mark.parametrize(
    ("odds", "probability"),
    [(1.0, 0.5), (float("nan"), 0.5), (float("inf"), 0.5), (2.0, 0.0), (2.0, 1.0), (2.0, 50.0)],
)
def test_clv_refuses_what_is_no_price_or_no_probability(odds: float, probability: float) -> None:
    with pytest.raises(NoFairPrice):
        clv(odds, probability)
