"""The sliding window against counting by hand, with a clock that is a number."""

from __future__ import annotations

from itertools import accumulate
from math import inf, nextafter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.limits import SlidingWindow

# Eighths of a second are exact in binary: what is said about an edge is meant.
EIGHTH = 0.125
arrivals = st.lists(st.integers(0, 120), max_size=80).map(
    lambda gaps: [gap * EIGHTH for gap in accumulate(gaps)]
)
limits = st.integers(1, 6)


def in_window(times: list[float], now: float, seconds: float) -> int:
    """How many lie in ``(now - seconds, now]``, counted one by one."""
    return sum(1 for time in times if now - seconds < time <= now)


@given(limits, arrivals)
def test_no_window_holds_more_than_the_limit_and_none_is_refused_without_need(
    limit: int, times: list[float]
) -> None:
    window = SlidingWindow(limit, 60.0)
    admitted: list[float] = []
    for now in times:
        room = in_window(admitted, now, 60.0) < limit
        assert window.admit(now) is room
        if room:
            admitted.append(now)
    assert all(in_window(admitted, now, 60.0) <= limit for now in times)
    # A window that begins at an admission, [begin, begin + 60), is as full as any.
    for begin in admitted:
        assert sum(1 for time in admitted if begin <= time < begin + 60.0) <= limit


@given(limits, st.lists(st.tuples(st.integers(0, 120), st.booleans()), max_size=60))
def test_what_may_not_be_refused_counts_all_the_same(
    limit: int, said: list[tuple[int, bool]]
) -> None:
    window = SlidingWindow(limit, 60.0)
    counted: list[float] = []
    now = 0.0
    for gap, is_refresh in said:
        now += gap * EIGHTH
        room = in_window(counted, now, 60.0) < limit
        if is_refresh:
            window.count_anyway(now)
            counted.append(now)
        else:
            assert window.admit(now) is room
            if room:
                counted.append(now)
        assert window.is_idle(now) is (in_window(counted, now, 60.0) == 0)


@given(limits, st.lists(st.tuples(st.integers(0, 120), st.booleans()), max_size=60))
def test_retry_after_is_the_first_moment_with_room(
    limit: int, said: list[tuple[int, bool]]
) -> None:
    window = SlidingWindow(limit, 60.0)
    counted: list[float] = []
    now = 0.0
    for gap, is_refresh in said:
        now += gap * EIGHTH
        if is_refresh:
            window.count_anyway(now)
            counted.append(now)
        elif window.admit(now):
            counted.append(now)
    wait = window.retry_after(now)
    assert (wait == 0) is (in_window(counted, now, 60.0) < limit)
    if wait:
        assert in_window(counted, now + wait - EIGHTH, 60.0) >= limit
        assert not window.admit(nextafter(now + wait, -inf))
    assert window.admit(now + wait)


@given(st.lists(st.floats(0, 30), min_size=3, max_size=30), st.floats(0, 1e6))
def test_with_any_float_the_wait_is_right_to_a_microsecond(gaps: list[float], begin: float) -> None:
    window = SlidingWindow(3, 60.0)
    now = begin
    for gap in gaps:
        now += gap
        window.admit(now)
    wait = window.retry_after(now)
    if wait > 1e-6:
        assert not window.admit(now + wait - 1e-6)
    assert window.admit(now + wait + 1e-6)


def test_message_101_within_a_minute_is_refused_minute_after_minute() -> None:
    window = SlidingWindow(100, 60.0)
    for minute in range(3):
        begin = 1000.0 + 60 * minute
        for message in range(100):
            assert window.admit(begin + message * EIGHTH), (minute, message)
        for knock in range(20):
            assert not window.admit(begin + 12.5 + 2 * knock), (minute, knock)
        assert not window.admit(begin + 60 - EIGHTH)


def test_a_burst_around_the_full_minute_is_seen() -> None:
    window = SlidingWindow(100, 60.0)
    assert sum(window.admit(59.0) for _ in range(100)) == 100
    assert sum(window.admit(61.0) for _ in range(100)) == 0
    assert not window.admit(118.875)
    assert window.admit(119.0)


def test_who_keeps_knocking_is_let_in_in_time() -> None:
    window = SlidingWindow(1, 60.0)
    assert window.admit(0.0)
    assert [now for now in range(1, 121) if window.admit(float(now))] == [60, 120]


def test_refreshes_beyond_the_limit_lengthen_the_wait() -> None:
    window = SlidingWindow(2, 60.0)
    for now in (0.0, 10.0, 20.0, 30.0):
        window.count_anyway(now)
    assert window.retry_after(40.0) == 40.0  # 0, 10 and 20 have to leave; 20 leaves at 80
    assert not window.admit(79.875)
    assert window.admit(80.0)


@pytest.mark.parametrize(("now", "wait"), [(0.0, 60.0), (59.875, 0.125), (60.0, 0.0)])
def test_the_wait_runs_out(now: float, wait: float) -> None:
    window = SlidingWindow(1, 60.0)
    window.admit(0.0)
    assert window.retry_after(now) == wait


def test_an_unused_window_is_idle() -> None:
    window = SlidingWindow(1, 60.0)
    assert window.is_idle(0.0)
    assert window.retry_after(0.0) == 0.0
    window.admit(0.0)
    assert not window.is_idle(59.875)
    assert window.is_idle(60.0)


def test_a_window_that_admits_nobody_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="nobody"):
        SlidingWindow(0)
