"""The bound that is shown with a latency is a bound: whatever the clocks, whatever the way."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.latency import ClockOffset, OffsetSample, RollingQuantiles, bounded

# In 2**-20 s (about a microsecond) every sum below is exact in a float, so the
# bound is held against the truth without a tolerance.
TICK = 2.0**-20
skews = st.integers(int(-300 / TICK), int(300 / TICK)).map(lambda n: n * TICK)
delays = st.integers(0, int(20 / TICK)).map(lambda n: n * TICK)
moments = st.integers(0, int(1e6 / TICK)).map(lambda n: n * TICK)
pings = st.tuples(moments, delays, delays, delays)


def stamps(
    skew: float, sent: float, there: float, held: float, back: float
) -> tuple[float, float, float, float]:
    """What two clocks say of one ping, when the gateway's is ahead by ``skew``."""
    arrived = sent + there
    answered = arrived + held
    return sent, arrived + skew, answered + skew, answered + back


@given(skews, st.lists(pings, min_size=1, max_size=20))
def test_the_offset_is_right_to_within_its_error(
    skew: float, drawn: list[tuple[float, float, float, float]]
) -> None:
    clock = ClockOffset()
    for ping in drawn:
        assert clock.add(*stamps(skew, *ping))
    best = clock.best
    assert best is not None
    assert abs(best.offset_s - skew) <= best.error_s
    assert best.error_s == min((there + back) / 2 for _, there, _, back in drawn[-8:])


@given(skews, moments, delays, delays)
def test_equal_delays_give_the_offset_itself(
    skew: float, sent: float, way: float, held: float
) -> None:
    clock = ClockOffset()
    clock.add(*stamps(skew, sent, way, held, way))
    assert clock.best == OffsetSample(skew, way)


def test_the_bound_is_reached_when_one_way_takes_all_the_time() -> None:
    clock = ClockOffset()
    clock.add(*stamps(5.0, 100.0, 0.5, 0.0, 0.0))
    assert clock.best == OffsetSample(5.25, 0.25)


@pytest.mark.parametrize(
    "ping",
    [
        pytest.param((10.0, 10.0, 10.0, 9.5), id="back before it was sent"),
        pytest.param((10.0, 10.5, 10.25, 11.0), id="answered before it came"),
        pytest.param((10.0, 10.0, 12.0, 11.0), id="held for longer than it was away"),
        pytest.param((10.0, 12.0, 11.0, 9.5), id="both clocks were set"),
    ],
)
def test_stamps_that_contradict_each_other_are_not_taken(
    ping: tuple[float, float, float, float],
) -> None:
    clock = ClockOffset()
    assert not clock.add(*ping)
    assert clock.best is None
    assert clock.add(10.0, 10.5, 10.5, 11.0)
    assert not clock.add(*ping)
    assert clock.best == OffsetSample(0.0, 0.5)


def test_only_the_last_pings_count() -> None:
    clock = ClockOffset(window=2)
    clock.add(*stamps(1.0, 0.0, 0.125, 0.0, 0.125))
    clock.add(*stamps(2.0, 10.0, 0.5, 0.0, 0.5))
    assert clock.best == OffsetSample(1.0, 0.125)
    clock.add(*stamps(2.0, 20.0, 0.25, 0.0, 0.25))
    assert clock.best == OffsetSample(2.0, 0.25)


# ---------------------------------------------------------------- quantiles


@given(
    st.lists(st.integers(-5, 5).map(float) | st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.integers(1, 40),
    st.integers(0, 128),
)
def test_a_quantile_is_the_smallest_value_that_enough_of_the_window_do_not_exceed(
    seen: list[float], window: int, parts: int
) -> None:
    quantiles = RollingQuantiles(window)
    for value in seen:
        quantiles.add(value)
    kept = sorted(seen[-window:])
    enough = [v for v in kept if 128 * sum(1 for other in kept if other <= v) >= parts * len(kept)]
    assert quantiles.quantile(parts / 128) == enough[0]
    assert quantiles.count == len(seen)


@pytest.mark.parametrize(
    ("q", "value"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.9, 90), (0.95, 95), (0.99, 99), (1.0, 100)]
)
def test_quantiles_of_one_to_a_hundred(q: float, value: float) -> None:
    quantiles = RollingQuantiles()
    for seen in reversed(range(1, 101)):
        quantiles.add(seen)
    assert quantiles.quantile(q) == value


def test_before_the_first_there_is_no_quantile() -> None:
    assert RollingQuantiles().quantile(0.5) is None


# -------------------------------------------------------------- how it is written

TENTHS = re.compile(r"(?:≤ (\d+\.\d)|(\d+\.\d) ± (\d+\.\d)) ms")


@given(st.floats(-1e6, 1e6), st.floats(0, 1e6))
def test_what_is_written_is_never_negative_and_never_zero(value: float, error: float) -> None:
    written = TENTHS.fullmatch(bounded(value, error))
    assert written
    bound, figure, within = written.groups()
    if bound is not None:
        assert float(bound) > 0
        assert float(bound) >= value + error - 0.051
    else:
        assert value > error
        assert float(figure) > 0
        assert float(figure) == pytest.approx(value, abs=0.051)
        assert float(within) == pytest.approx(error, abs=0.051)


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (12.34, 0.41, "12.3 ± 0.4 ms"),
        (0.1, 0.41, "≤ 0.5 ms"),
        (0.41, 0.41, "≤ 0.8 ms"),
        (-0.3, 0.41, "≤ 0.4 ms"),
        (-5.0, 0.41, "≤ 0.4 ms"),
        (0.0, 0.0, "≤ 0.1 ms"),
        (0.01, 0.02, "≤ 0.1 ms"),
        (0.04, 0.01, "≤ 0.1 ms"),
        (0.06, 0.01, "0.1 ± 0.0 ms"),
    ],
)
def test_a_figure_below_its_error_is_written_as_a_bound(
    value: float, error: float, text: str
) -> None:
    assert bounded(value, error) == text
