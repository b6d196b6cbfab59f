"""Price steps against the ladder as Betfair publishes it, counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.moves.price_steps import price_steps


@pytest.mark.parametrize(
    ("odds", "steps"),
    [
        (1.01, 1),
        (1.5, 50),
        (2.0, 100),
        (2.02, 101),
        (3.0, 150),
        (3.05, 151),
        (4.0, 170),
        (6.0, 190),
        (10.0, 210),
        (20.0, 230),
        (30.0, 240),
        (50.0, 250),
        (100.0, 260),
        (110.0, 261),
        (1000.0, 350),
        (1010.0, 351),
        (2.01, 100.5),
    ],
)
def test_the_ladder_by_hand(odds: float, steps: float) -> None:
    assert price_steps(odds) == pytest.approx(steps)


@given(st.floats(1.001, 2000), st.floats(1.001, 2000))
def test_longer_odds_are_more_steps(one: float, other: float) -> None:
    assert (price_steps(one) < price_steps(other)) == (one < other) or abs(one - other) < 1e-9
