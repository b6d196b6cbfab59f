"""The rules of significance against sums done by hand."""

from __future__ import annotations

from math import asin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.moves import RULES, Move, h, pct, rule_named
from protipp_stream.errors import ConfigurationError

prices = st.floats(1.001, 1000)


def move(old: float, new: float, *, whole: bool = False) -> Move:
    """From one price to another, with plain 1/odds."""
    return Move(old, new, 1 / old, 1 / new, whole)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        # h = asin(2 p1 - 1) - asin(2 p0 - 1)
        (2.0, 1.6, "h=+0.253 in 1 tick (raw 1/odds)"),  # asin(1/4) = .25268
        (1.6, 2.0, "h=-0.253 in 1 tick (raw 1/odds)"),
        (4.0, 2.0, "h=+0.524 in 1 tick (raw 1/odds)"),  # pi/6
        (2.0, 2.1, "h=-0.048 in 1 tick (raw 1/odds)"),  # asin(1/21) = .04764
        (2.0, 2.09, None),  # asin(9/209) = .04307
        (10.0, 10.5, None),  # asin(.8) - asin(17/21) = .9273 - .9433 = -.0160: 5 %, and yet nothing
        (1.25, 1.27, None),  # asin(.6) - asin(73/127) = .0310
        (1.25, 1.28, "h=-0.046 in 1 tick (raw 1/odds)"),  # asin(.6) - asin(.5625) = .0461
    ],
)
def test_h_by_hand(old: float, new: float, reason: str | None) -> None:
    assert h()(move(old, new)) == reason


def test_the_reason_says_on_which_basis() -> None:
    assert h()(move(2.0, 1.6, whole=True)) == "h=+0.253 in 1 tick (margin removed)"


@given(prices, prices)
def test_h_is_symmetric(old: float, new: float) -> None:
    up, down = h()(move(old, new)), h()(move(new, old))
    assert (up is None) == (down is None)
    if up and down and not up.startswith(("h=+0.000", "h=-0.000")):
        assert up.translate(str.maketrans("+-", "-+")) == down


@given(prices, prices)
def test_h_of_an_outcome_is_minus_the_h_of_its_complement(old: float, new: float) -> None:
    p, q = 1 / old, 1 / new
    one = h(0.0)(Move(old, new, p, q, True))
    other = h(0.0)(Move(old, new, 1 - p, 1 - q, True))
    assert one
    assert other
    assert float(one[2:8]) == pytest.approx(-float(other[2:8]), abs=0.0011)


def test_h_flags_at_its_threshold() -> None:
    exactly = asin(0.25)  # of 2.0 to 1.6
    assert h(exactly - 1e-9)(move(2.0, 1.6))
    assert h(exactly + 1e-9)(move(2.0, 1.6)) is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (2.0, 2.1, "odds +5.0% in 1 tick"),
        (2.0, 1.9, "odds -5.0% in 1 tick"),
        (4.0, 4.2, "odds +5.0% in 1 tick"),
        (10.0, 10.5, "odds +5.0% in 1 tick"),
        (1.6, 1.68, "odds +5.0% in 1 tick"),  # in binary a last digit less than 5 %
        (1.4, 1.33, "odds -5.0% in 1 tick"),
        (2.0, 2.0999, None),
        (2.0, 1.9001, None),
        (2.0, 4.0, "odds +100.0% in 1 tick"),
    ],
)
def test_pct_by_hand(old: float, new: float, reason: str | None) -> None:
    assert pct()(move(old, new)) == reason


@given(prices, st.integers(1, 99))
def test_pct_of_up_and_down_by_the_same_share_agree(old: float, percent: int) -> None:
    up, down = move(old, old * (1 + percent / 100)), move(old, old * (1 - percent / 100))
    assert (pct()(up) is None) == (pct()(down) is None) == (percent < 5)


def test_a_rule_is_found_by_its_name() -> None:
    assert rule_named("h")(move(2.0, 1.6)) == h()(move(2.0, 1.6))
    assert rule_named("pct")(move(2.0, 1.6)) == "odds -20.0% in 1 tick"


@pytest.mark.parametrize("name", ["", "H", "steam", "h ", "__class__"])
def test_an_unknown_rule_is_refused_with_the_names_of_the_known(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rule_named(name)
    assert repr(name) in caught.value.message
    assert all(known in caught.value.hint for known in RULES)
