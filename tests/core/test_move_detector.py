"""The window and the cooldown: slow drift is seen, and nothing is said twice."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.moves import Move, Rule, h, pct, prob
from protipp_stream.core.moves.detector import Cooldown
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Selection

from .strategies import START

HOME = Selection("fanduel", "phillies", "h2h", "home")


def said(
    rule: Rule,
    probabilities: list[float],
    times: list[float],
    *,
    whole: list[bool] | None = None,
    selection: Selection = HOME,
) -> list[str | None]:
    """Reasons along a path of probabilities; times (seconds) are those of the moves."""
    bases = whole or [True] * len(times)
    return [
        rule(Move(1 / p, 1 / q, p, q, basis, selection, START + timedelta(seconds=t)))
        for (p, q), t, basis in zip(pairwise(probabilities), times, bases, strict=True)
    ]


def test_a_drift_in_small_steps_is_seen_and_told_with_its_length() -> None:
    path = [0.50, 0.508, 0.516, 0.524]
    assert said(prob(), path, [0, 40, 90]) == [
        None,
        None,
        "p +2.4 points in 3 ticks, 90 s (margin removed)",
    ]


def test_the_reason_of_h_tells_ticks_and_seconds() -> None:
    path = [0.50 + 0.004 * i for i in range(8)]
    # h = asin(2 x .524 - 1) = .0480 after six steps; .0560 after seven.
    assert said(h(0.05), path, [40 * i for i in range(7)])[-2:] == [
        None,
        "h=+0.056 in 7 ticks, 240 s (margin removed)",
    ]


def test_after_a_flag_the_reference_restarts_at_the_price_that_was_flagged() -> None:
    path = [0.50, 0.53, 0.54, 0.545, 0.549]
    times = [0.0, 100, 110, 120]
    assert said(prob(), path, times)[1:] == [None, None, None]
    # .571 is 2.1 points from .55: far from .5, but that was told.
    assert said(prob(), [0.50, 0.55, 0.56, 0.569, 0.571], times)[1:] == [
        None,
        None,
        "p +2.1 points in 3 ticks, 120 s (margin removed)",
    ]


def test_what_is_older_than_the_window_is_no_reference() -> None:
    path = [0.50, 0.512, 0.524]
    assert said(prob(), path, [0, 299])[1] is not None
    assert said(prob(), path, [0, 300])[1] is None


def test_the_older_reference_leaves_when_it_is_as_old_as_the_window() -> None:
    # References at 0 (.50) and 160 (.505): at 305 the first is too old, and 1.55 points
    # from the second are none.
    assert said(prob(), [0.50, 0.505, 0.51, 0.5205], [0, 160, 305]) == [None] * 3
    assert said(prob(), [0.50, 0.505, 0.51, 0.5205], [0, 160, 295])[2] is not None


def test_a_window_of_zero_compares_with_the_last_quote_only() -> None:
    path = [0.50 + 0.015 * i for i in range(20)]
    assert said(prob(window_s=0), path, [0] * 19) == [None] * 19
    assert any(said(prob(), path, [0] * 19))


@given(
    st.lists(st.tuples(st.floats(0.0005, 0.019), st.floats(0, 40)), min_size=2, max_size=40),
    st.floats(60, 600),
)
def test_no_steady_drift_escapes_within_half_a_window(
    steps: list[tuple[float, float]], window_s: float
) -> None:
    path, times, now = [0.05], [], 0.0
    for step, pause in steps:
        now += pause
        path.append(path[-1] + step)
        times.append(now)
    reasons = said(prob(window_s=window_s, cooldown_s=0), path, times)
    told = max((i for i, reason in enumerate(reasons) if reason), default=-1)
    recent = [i for i, t in enumerate(times) if i > told and t >= now - window_s / 2 + 1e-3]
    assert not recent or path[-1] - path[recent[0]] < 0.02


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0, 200)), min_size=2, max_size=40))
def test_a_reference_is_never_older_than_the_window(drawn: list[tuple[float, float]]) -> None:
    times, now = [], 0.0
    for _, pause in drawn[1:]:
        now += pause
        times.append(now)
    for reason in said(prob(0.1), [p for p, _ in drawn], times):
        if reason and "ticks" in reason:
            assert int(reason.split(", ")[1].split(" s")[0]) <= 300


def test_the_margin_is_no_move_when_a_market_becomes_whole() -> None:
    path = [0.53, 0.535, 0.50, 0.505]
    # .535 raw, then the other side appears: .50 without the margin is another scale.
    rule = prob()
    assert said(rule, path[:2], [0], whole=[False]) == [None]
    assert said(rule, path[2:], [10], whole=[True]) == [None]
    assert said(prob(), path[:2] + path[3:], [0, 10])[1] is not None, "as one scale it would flag"


def test_odds_are_odds_whether_the_margin_is_known_or_not() -> None:
    path = [1 / 2.0, 1 / 2.06, 1 / 2.12]
    assert said(pct(), path, [0, 10], whole=[False, True])[1] == "odds +6.0% in 2 ticks, 10 s"


def test_each_selection_has_its_own_reference() -> None:
    rule = prob()
    away = HOME._replace(bookmaker_id="pinnacle")
    assert said(rule, [0.5, 0.515], [0]) == [None]
    assert said(rule, [0.515, 0.53], [1], selection=away) == [None]
    assert said(rule, [0.515, 0.53], [2]) != [None]


def test_in_the_cooldown_the_same_direction_is_held_back_unless_larger() -> None:
    path = [0.50, 0.53, 0.56, 0.60]
    reasons = said(prob(window_s=0), path, [0, 10, 20])
    assert [r is not None for r in reasons] == [True, False, True]


def test_what_was_held_back_is_told_when_the_cooldown_is_over() -> None:
    reasons = said(prob(), [0.50, 0.53, 0.555, 0.556], [0, 10, 30])
    assert reasons[1] is None
    assert reasons[2] == "p +2.6 points in 2 ticks, 30 s (margin removed)"


def test_the_other_direction_is_news_but_a_flicker_is_told_once_each_way() -> None:
    flicker = [0.50, 0.53] * 10
    reasons = said(prob(), flicker, list(range(19)))
    assert [r[:4] for r in reasons if r] == ["p +3", "p -3"]
    later = said(prob(), flicker, [31 * i for i in range(19)])
    assert all(later)


@given(st.lists(st.tuples(st.floats(0.01, 0.99), st.floats(0, 50)), min_size=2, max_size=40))
def test_flags_within_a_cooldown_in_one_direction_only_grow(
    drawn: list[tuple[float, float]],
) -> None:
    times, now = [], 0.0
    for _, pause in drawn[1:]:
        now += pause
        times.append(now)
    last: dict[bool, tuple[float, float]] = {}
    for when, reason in zip(times, said(prob(), [p for p, _ in drawn], times), strict=True):
        if reason:
            size = float(reason.split()[1])
            before, its = last.get(size > 0, (-100.0, 0.0))
            assert when - before >= 30 - 1e-6 or abs(size) >= its
            last[size > 0] = (when, abs(size))


def test_a_clock_put_back_starts_anew_instead_of_freezing() -> None:
    rule = prob()
    assert said(rule, [0.50, 0.53], [7200]) != [None]
    # Two hours back: the flag at 7200 holds nothing back, the reference is a new one.
    assert said(rule, [0.53, 0.56], [0]) != [None]
    assert said(rule, [0.56, 0.575, 0.59], [100, 120])[1] is not None


def test_a_move_without_a_time_is_judged_by_itself() -> None:
    rule = prob()
    for _ in range(5):
        assert rule(Move(2.0, 1.9, 0.5, 0.515, True, HOME)) is None
        assert rule(Move(2.0, 1.9, 0.5, 0.53, True, None, START)) is not None


@pytest.mark.parametrize("wrong", [-1, float("nan"), float("inf")])
def test_a_time_that_is_none_is_refused(wrong: float) -> None:
    with pytest.raises(ConfigurationError, match="window_s"):
        h(window_s=wrong)
    with pytest.raises(ConfigurationError, match="cooldown_s"):
        h(cooldown_s=wrong)


def test_a_cooldown_of_zero_holds_nothing_back() -> None:
    cooldown = Cooldown()
    cooldown.start(1.0, START)
    assert not cooldown.holds(1.0, START, timedelta())
    assert cooldown.holds(1.0, START, timedelta(seconds=1))
    assert not cooldown.holds(-1.0, START, timedelta(seconds=1))
