"""The bound that is shown with a latency is a bound: whatever the clocks, whatever the way."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.latency import (
    DRIFT,
    ClockOffset,
    Lag,
    OffsetSample,
    RollingQuantiles,
    bounded,
)

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
    clock = ClockOffset(drift=0.0)
    for ping in drawn:
        assert clock.add(*stamps(skew, *ping))
    best = clock.at(drawn[-1][0])
    assert best is not None
    assert abs(best.offset_s - skew) <= best.error_s
    assert best.error_s == min((there + back) / 2 for _, there, _, back in drawn[-8:])
    assert clock.steps == 0


@given(skews, moments, delays, delays)
def test_equal_delays_give_the_offset_itself(
    skew: float, sent: float, way: float, held: float
) -> None:
    clock = ClockOffset(drift=0.0)
    clock.add(*stamps(skew, sent, way, held, way))
    assert clock.at(sent) == OffsetSample(skew, way)


def test_the_bound_is_reached_when_one_way_takes_all_the_time() -> None:
    clock = ClockOffset(drift=0.0)
    clock.add(*stamps(5.0, 100.0, 0.5, 0.0, 0.0))
    assert clock.at(100.0) == OffsetSample(5.25, 0.25)


# ------------------------------------------------------- clocks that run unevenly


class Gateway:
    """A gateway whose clock is ahead of the true time, drifts, and may be set."""

    def __init__(self, skew: float, drift: float) -> None:
        self.skew = skew
        self.drift = drift

    def offset(self, at: float) -> float:
        return self.skew + self.drift * at

    def clock(self, at: float) -> float:
        return at + self.offset(at)

    def ping(
        self, sent: float, there: float, held: float, back: float
    ) -> tuple[float, float, float, float]:
        arrived = sent + there
        answered = arrived + held
        return sent, self.clock(arrived), self.clock(answered), answered + back


gateways = st.builds(Gateway, st.floats(-300, 300), st.floats(-DRIFT, DRIFT))
# No way takes no time, which leaves room for the rounding of floats.
short = st.floats(1e-5, 2)
# Each ping a while after the last, delayed as it likes on either way.
schedules = st.lists(st.tuples(st.floats(0, 120), short, short, short), min_size=1, max_size=20)
# Sums of seconds around a million are exact to a tenth of a microsecond or so.
ROUNDING = 1e-6


def ask(clock: ClockOffset, gateway: Gateway, schedule: list[tuple[float, ...]]) -> float:
    """Ping as scheduled; return when the last was back."""
    now = 1000.0
    for pause, there, held, back in schedule:
        now += pause
        assert clock.add(*gateway.ping(now, there, held, back))
        now += there + held + back
    return now


@given(gateways, schedules, st.floats(0, 3600))
def test_the_bound_holds_however_the_clocks_drift_and_how_long_ago_the_ping_was(
    gateway: Gateway, schedule: list[tuple[float, ...]], later: float
) -> None:
    clock = ClockOffset()
    now = ask(clock, gateway, schedule) + later
    best = clock.at(now)
    assert best is not None
    assert abs(best.offset_s - gateway.offset(now)) <= best.error_s + ROUNDING
    # Clocks that only drift were never set.
    assert clock.steps == 0


@given(gateways, schedules, schedules, st.floats(50, 1000), st.booleans())
def test_a_clock_that_was_set_is_noticed_at_the_next_ping(
    gateway: Gateway,
    before: list[tuple[float, ...]],
    after: list[tuple[float, ...]],
    step: float,
    is_back: bool,
) -> None:
    clock = ClockOffset()
    ask(clock, gateway, before)
    gateway.skew += -step if is_back else step
    now = ask(clock, gateway, after)
    best = clock.at(now)
    assert best is not None
    assert abs(best.offset_s - gateway.offset(now)) <= best.error_s + ROUNDING
    assert clock.steps == 1


def test_an_old_ping_gives_way_when_its_drift_outweighs_a_longer_round_trip() -> None:
    clock = ClockOffset(drift=0.001)
    clock.add(*stamps(1.0, 0.0, 0.125, 0.0, 0.125))
    clock.add(*stamps(1.25, 1000.0, 0.5, 0.0, 0.5))
    best = clock.at(1001.0)
    assert best is not None
    assert (best.offset_s, best.error_s) == (1.25, pytest.approx(0.501))
    assert best.error_s < 0.125 + 0.001 * 1001


@pytest.mark.parametrize(
    "ping",
    [
        pytest.param((10.0, 10.0, 10.0, 9.5), id="back before it was sent"),
        pytest.param((10.0, 10.5, 10.25, 11.0), id="answered before it came"),
        pytest.param((10.0, 10.0, 12.0, 11.0), id="held for longer than it was away"),
        pytest.param((10.0, 12.0, 11.0, 9.5), id="both clocks were set"),
        pytest.param((10.0, 1e308, 1e308, 11.0), id="no time at all"),
        pytest.param((10.0, -1e308, 1e308, 11.0), id="no time, and no difference"),
    ],
)
def test_stamps_that_contradict_each_other_are_not_taken_and_nor_is_what_was_known(
    ping: tuple[float, float, float, float],
) -> None:
    clock = ClockOffset(drift=0.0)
    assert not clock.add(*ping)
    assert clock.at(11.0) is None
    assert clock.add(10.0, 10.5, 10.5, 11.0)
    assert clock.at(11.0) == OffsetSample(0.0, 0.5)
    assert not clock.add(*ping)
    assert clock.at(11.0) is None
    assert clock.steps == 1


def test_only_the_last_pings_count() -> None:
    clock = ClockOffset(window=2, drift=0.0)
    clock.add(*stamps(1.0, 0.0, 0.125, 0.0, 0.125))
    clock.add(*stamps(1.5, 10.0, 0.5, 0.0, 0.5))
    assert clock.at(11.0) == OffsetSample(1.0, 0.125)
    clock.add(*stamps(1.5, 20.0, 0.25, 0.0, 0.25))
    assert clock.at(21.0) == OffsetSample(1.5, 0.25)


# ------------------------------------------------------------------------- lag

WINDOW_S = 600.0
# A frame's pause after the last one, and how long it is on its way.
frames = st.lists(st.tuples(st.floats(0, 400), st.floats(0, 60)), min_size=1, max_size=60)


@given(gateways, frames)
def test_behind_is_what_a_frame_exceeds_the_quickest_by_and_claims_no_more(
    gateway: Gateway, drawn: list[tuple[float, float]]
) -> None:
    lag = Lag(WINDOW_S)
    now = 1e4
    seen: list[tuple[float, float]] = []
    for pause, delay in drawn:
        now += pause
        behind = lag.add(gateway.clock(now - delay), now)
        seen.append((now, delay))
        # The window moves on in steps of ten seconds.
        of_all = min(delay for at, delay in seen if at > now - WINDOW_S)
        of_less = min(delay for at, delay in seen if at > now - WINDOW_S + WINDOW_S / Lag.STEPS)
        # A second of delay may be a little more on the gateway's clock.
        assert 0 <= behind <= delay * (1 + DRIFT) - of_all * (1 - DRIFT) + ROUNDING
        hidden = 2 * DRIFT * (WINDOW_S + 60)
        assert behind >= delay - of_less - hidden - ROUNDING


def test_a_queue_that_grows_shows_whatever_the_clocks_say() -> None:
    lag, gateway = Lag(drift=0.0), Gateway(-300.0, 0.0)
    grown = [lag.add(gateway.clock(at), at + 0.25 + at / 64) for at in range(0, 320, 16)]
    assert grown == [n / 4 for n in range(20)]
    assert lag.behind_s == grown[-1]


def test_a_way_that_is_longer_for_good_is_the_new_normal_after_the_window() -> None:
    lag = Lag(60.0, drift=0.0)
    lag.add(0.0, 0.0)
    assert lag.add(30.0, 32.0) == 2.0
    assert lag.add(70.0, 72.0) == 0.0


def test_what_the_lag_keeps_is_bounded() -> None:
    lag = Lag()
    for at in range(100_000):
        lag.add(0.0, at / 10)  # each later than the one before
    assert len(lag._minima) <= Lag.STEPS


# ---------------------------------------------------------------- quantiles


@given(
    st.lists(st.integers(-5, 5).map(float) | st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.integers(1, 40),
    st.integers(0, 128),
    st.integers(1, 50),
)
def test_a_quantile_is_the_smallest_value_that_enough_of_the_window_do_not_exceed(
    seen: list[float], window: int, parts: int, chunk: int
) -> None:
    quantiles = RollingQuantiles(window)
    for start in range(0, len(seen), chunk):
        quantiles.add(seen[start : start + chunk])
    kept = sorted(seen[-window:])
    enough = [v for v in kept if 128 * sum(1 for other in kept if other <= v) >= parts * len(kept)]
    assert quantiles.quantiles(parts / 128, 1.0) == [enough[0], kept[-1]]
    assert quantiles.count == len(seen)


@pytest.mark.parametrize(
    ("q", "value"), [(0.0, 1), (0.01, 1), (0.5, 50), (0.9, 90), (0.95, 95), (0.99, 99), (1.0, 100)]
)
def test_quantiles_of_one_to_a_hundred(q: float, value: float) -> None:
    quantiles = RollingQuantiles()
    quantiles.add([float(seen) for seen in reversed(range(1, 101))])
    assert quantiles.quantiles(q) == [value]


def test_before_the_first_there_is_no_quantile() -> None:
    quantiles = RollingQuantiles()
    quantiles.add([])
    assert quantiles.quantiles(0.5) is None
    assert quantiles.error is None


batches = st.lists(
    st.tuples(st.lists(st.floats(-10, 10), max_size=9), st.floats(0, 5)), min_size=1, max_size=30
)


@given(batches, st.integers(1, 20), st.data())
def test_no_quantile_is_further_from_the_true_ones_than_the_error_says(
    batches: list[tuple[list[float], float]], window: int, data: st.DataObject
) -> None:
    measured, true = RollingQuantiles(window), RollingQuantiles(window)
    errors: list[float] = []
    for values, error in batches:
        wrong_by = data.draw(st.floats(-error, error))
        measured.add([value + wrong_by for value in values], error)
        true.add(values)
        errors += [error] * len(values)
    if not errors:
        return
    assert measured.error == max(errors[-window:])
    for q in (0.5, 0.95, 0.99):
        [found], [right] = measured.quantiles(q) or [], true.quantiles(q) or []
        assert abs(found - right) <= measured.error + ROUNDING


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
