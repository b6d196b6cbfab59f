"""The budget: it warns once, stops in time, and makes the rest last."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.quota import Budget, Verdict, in_words, next_renewal
from protipp_stream.model import Quota


def told(*answers: tuple[float | None, float | None], every_s: float = 60.0) -> Budget:
    """A budget that heard these (remaining, used), one a minute."""
    budget = Budget()
    for number, (remaining, used) in enumerate(answers):
        budget.note(Quota(remaining=remaining, used=used), number * every_s)
    return budget


def test_below_eighty_per_cent_it_says_nothing() -> None:
    assert told((101, 399)).judge(1) == (Verdict.OK, "")


def test_from_eighty_per_cent_on_it_warns_once_in_words() -> None:
    budget = told((103, 397), (100, 400))
    verdict, words = budget.judge(3)
    assert verdict is Verdict.WARN
    assert words == (
        "80 % of the quota is used: 100 of 500 credits are left,"
        " enough for 33 min at the present pace."
    )
    budget.note(Quota(remaining=97, used=403), 120.0)
    assert budget.judge(3) == (Verdict.OK, "")


def test_without_a_pace_it_warns_all_the_same() -> None:
    assert told((5, 495)).judge(1).words == (
        "99 % of the quota is used: 5 of 500 credits are left."
    )


def test_it_stops_before_the_call_that_cannot_be_paid() -> None:
    assert told((3, 497)).judge(3).verdict is Verdict.WARN
    verdict, words = told((2, 498)).judge(3)
    assert verdict is Verdict.STOP
    assert words == "The next call costs 3 credits and 2 are left."


def test_the_last_call_tells_when_calls_are_dearer_than_expected() -> None:
    budget = Budget()
    budget.note(Quota(remaining=4, used=1, last=5), 0.0)
    assert budget.judge(3).verdict is Verdict.STOP
    # A refused call took nothing: the next one is not free for that.
    budget.note(Quota(remaining=4, used=1, last=0), 1.0)
    assert budget.judge(5).verdict is Verdict.STOP
    assert budget.judge(4).verdict is not Verdict.STOP


def test_a_quota_that_is_renewed_is_another_story() -> None:
    budget = told((20, 480), (10, 490))
    assert budget.judge(1).verdict is Verdict.WARN
    budget.note(Quota(remaining=500, used=0), 180.0)
    assert budget.lasts_s() is None
    assert budget.judge(1).verdict is Verdict.OK
    budget.note(Quota(remaining=490, used=10), 240.0)
    assert budget.lasts_s() == 49 * 60
    budget.note(Quota(remaining=90, used=410), 300.0)
    assert budget.judge(1).verdict is Verdict.WARN


def test_where_nothing_is_known_nothing_is_judged() -> None:
    for budget in (Budget(), told((None, None)), told((None, 499)), told((nan, inf))):
        assert budget.judge(3) == (Verdict.OK, "")
        assert (budget.used_share, budget.lasts_s()) == (None, None)
        assert budget.spread_s(3, 1000.0) == 0.0


def test_without_used_the_most_that_remained_stands_for_the_whole() -> None:
    budget = told((100, None), (30, None))
    assert budget.used_share == pytest.approx(0.7)
    budget.note(Quota(remaining=20), 120.0)
    assert budget.judge(1).verdict is Verdict.WARN


def test_without_remaining_it_follows_from_the_whole() -> None:
    budget = told((100, 400), (None, 498))
    assert budget.remaining == 2
    assert budget.judge(3).verdict is Verdict.STOP


def test_an_answer_that_says_nothing_changes_nothing() -> None:
    budget = told((10, 490))
    budget.note(None, 60.0)
    budget.note(Quota(), 120.0)
    assert (budget.remaining, budget.total) == (10, 500)


def test_fractions_of_credits_are_counted() -> None:
    assert told((0.5, 9.5)).judge(0.5).verdict is Verdict.WARN
    assert told((0.4, 9.6)).judge(0.5).words == "The next call costs 0.5 credits and 0.4 are left."


def test_the_pace_is_that_of_the_last_hour() -> None:
    # 10 credits a minute for an hour, then one a minute for another.
    fast = [(1000.0 - 10 * n, None) for n in range(61)]
    slow = [(400.0 - n, None) for n in range(1, 61)]
    assert told(*fast).lasts_s() == pytest.approx(400 / 10 * 60)
    assert told(*fast, *slow).lasts_s() == pytest.approx(340 * 60)


spent = st.lists(
    st.tuples(st.floats(0.1, 5), st.floats(1, 4000), st.booleans()), min_size=1, max_size=60
)


@given(st.floats(0, 40), st.floats(0.1, 5), spent)
def test_whoever_obeys_never_spends_more_than_there_is_and_hears_of_80_percent_once(
    whole: float, expected: float, calls: list[tuple[float, float, bool]]
) -> None:
    """Against a provider that keeps the account; others may spend from it, too."""
    budget, left, now, warnings, warned_below = Budget(), whole, 0.0, 0, False
    for elsewhere, gap_s, spends in calls:
        budget.note(Quota(remaining=left, used=whole - left, last=0.0), now)
        verdict, words = budget.judge(expected)
        assert bool(words) is (verdict is not Verdict.OK)
        assert (verdict is Verdict.STOP) is (left < expected)
        if verdict is Verdict.STOP:
            break
        if verdict is Verdict.WARN:
            warnings += 1
            assert 1 - left / whole >= 0.8 - 1e-9
        warned_below |= 1 - left / whole >= 0.8 + 1e-9
        left -= expected
        assert left >= 0
        if spends:
            left = max(left - elsewhere, 0.0)
        now += gap_s
    assert warnings <= 1
    assert warnings == 1 or not warned_below


@given(st.integers(1, 500), st.sampled_from([0.5, 1.0, 3.0]), st.floats(1, 1e6))
def test_spread_over_the_time_that_is_left_the_rest_lasts_and_is_all_used(
    left: int, cost: float, left_s: float
) -> None:
    budget, now, calls, remaining = Budget(), 0.0, 0, float(left)
    while now < left_s * (1 - 1e-9):
        budget.note(Quota(remaining=remaining), now)
        if budget.judge(cost).verdict is Verdict.STOP:
            break
        now += budget.spread_s(cost, left_s - now)
        remaining -= cost
        calls += 1
    assert calls == left // cost
    assert calls == 0 or now == pytest.approx(left_s)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.integers(1, 28))
def test_the_next_renewal_is_the_first_such_midnight(when: datetime, day: int) -> None:
    when = when.replace(tzinfo=UTC)
    midnight = datetime(when.year, when.month, when.day, tzinfo=UTC) + timedelta(days=1)
    while midnight.day != day:
        midnight += timedelta(days=1)
    assert next_renewal(when, day) == midnight


def test_a_renewal_on_a_day_that_some_months_lack_is_refused() -> None:
    with pytest.raises(ValueError, match="31"):
        next_renewal(datetime(2026, 1, 1, tzinfo=UTC), 31)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "0.5 s"),
        (45, "45 s"),
        (119, "119 s"),
        (120, "2 min"),
        (750, "12 min"),
        (5400, "1.5 h"),
        (100_000, "28 h"),
        (277_000, "3.2 days"),
    ],
)
def test_a_time_is_said_in_words(seconds: float, words: str) -> None:
    assert in_words(seconds) == words
