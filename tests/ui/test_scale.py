"""Axes: two to six round ticks, and nothing that is drawn lies beyond their ends."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.ui.scale import linear_scale, log_scale

prices = st.floats(1.001, 1000)


@given(prices, st.floats(0, 500))
def test_a_linear_scale_has_few_round_ticks_and_holds_its_values(low: float, width: float) -> None:
    high = low + width
    scale = linear_scale(low, high)
    at = [tick for tick, _ in scale.ticks]
    assert 2 <= len(at) <= 6
    assert scale.low <= low <= high <= scale.high
    assert at == sorted(set(at))
    for tick, text in scale.ticks:
        assert float(text) == tick
        assert scale.low <= tick <= scale.high


def test_ticks_are_numbers_that_a_reader_can_do_sums_with() -> None:
    assert [text for _, text in linear_scale(1.62, 2.11).ticks] == ["1.6", "1.8", "2.0"]
    assert [text for _, text in linear_scale(2.0, 2.0).ticks] == [
        "1.96",
        "1.98",
        "2.00",
        "2.02",
        "2.04",
    ]


@given(st.lists(st.floats(0.1, 1e7), max_size=20))
def test_a_log_scale_is_labelled_in_powers_of_ten(values: list[float]) -> None:
    scale = log_scale(values, 0.1, 200)
    assert 2 <= len(scale.ticks) <= 6
    assert scale.low <= min([*values, 0.1])
    assert scale.high > max([*values, 200])
