"""Prices as people write them, in decimal."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.odds_format import from_american, guess_format, to_decimal

american = st.one_of(st.integers(100, 100_000), st.integers(-100_000, -100))


@pytest.mark.parametrize(
    ("price", "odds"), [(150, 2.5), (-150, 1 + 100 / 150), (100, 2.0), (-100, 2.0), (1050, 11.5)]
)
def test_american_prices_mean_what_they_pay(price: int, odds: float) -> None:
    assert from_american(price) == odds


@given(american)
def test_an_american_price_can_be_read_back_from_its_odds(price: int) -> None:
    odds = from_american(price)
    again = (odds - 1) * 100 if odds >= 2 else -100 / (odds - 1)
    assert round(abs(again)) == abs(price)
    assert from_american(float(price)) == odds


@pytest.mark.parametrize("price", [0, 99.9, -99, 1.91, math.nan, math.inf, -math.inf])
def test_between_plus_and_minus_100_there_is_no_american_price(price: float) -> None:
    with pytest.raises(ValueError, match="no American price"):
        from_american(price)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="fractional"):
        to_decimal("fractional")


@given(st.lists(american), st.integers(-100_000, -100))
def test_american_prices_are_found_to_be_american(prices: list[int], favourite: int) -> None:
    assert guess_format([*prices, favourite]) == "american"


@given(st.lists(st.floats(1.01, 99)), st.lists(st.floats(100, 1000)), st.floats(1.01, 1.99))
def test_decimal_prices_are_found_to_be_decimal(
    prices: list[float], long_shots: list[float], favourite: float
) -> None:
    assert guess_format([*prices, *long_shots, favourite]) == "decimal"


@pytest.mark.parametrize("prices", [[], [None], [100, 105], [100.0, 1001.0], [0, 0.5, 1]])
def test_what_proves_nothing_is_not_guessed(prices: list[float | None]) -> None:
    assert guess_format(prices) is None


def test_one_bad_price_does_not_turn_the_verdict() -> None:
    assert guess_format([-110, -110, -120, 1]) == "american"
    assert guess_format([-110, -110, -120, 1.5]) == "american"
    assert guess_format([1.91, 1.91, -1000]) == "decimal"
