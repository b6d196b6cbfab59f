"""Backoff and breaker as a feed uses them: one that polls, and one that streams."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.breaker import State
from protipp_stream.errors import FeedThrottled, FeedUnavailable
from protipp_stream.feeds.retrying import Retrying
from protipp_stream.model import RealTimeConnection

CONNECTION = RealTimeConnection(
    id="feed", bookmaker_id="acme", connection_type="stream", status="connecting"
)
DOWN = FeedUnavailable("It is down.")


def retrying() -> Retrying:
    return Retrying(chance=lambda: 0.5)


def told(state: RealTimeConnection) -> tuple[str, str | None, int, int]:
    return state.status, state.detail, state.error_count, state.reconnect_attempts


def test_an_outage_backs_off_then_opens_the_breaker_then_probes() -> None:
    source, now, waits = retrying(), 0.0, []
    for _ in range(8):
        waits.append(source.failed(DOWN, now))
        now += waits[-1]
    assert waits == [1, 2, 4, 8, 30, 60, 120, 240]


def test_it_is_shown_as_it_goes() -> None:
    source, now, shown = retrying(), 0.0, CONNECTION
    for _ in range(4):
        now += source.failed(DOWN, now)
        shown = source.shown(shown)
    assert told(shown) == ("connecting", "backoff", 4, 4)
    assert shown.last_error == "It is down."
    now += source.failed(DOWN, now)
    shown = source.shown(shown)
    assert told(shown) == ("disconnected", "backoff", 5, 5)
    assert shown.last_error == "5 failures within 60 s: no further try for 30 s. It is down."
    now += source.failed(DOWN, now)
    shown = source.shown(shown)
    assert shown.last_error == "It fails still: no further try for 60 s. It is down."
    for detail in ("recovering", "recovering", "live"):
        source.worked(now)
        shown = source.shown(shown)
        assert told(shown) == ("connected", detail, 6, 0)
        now += 60


def test_showing_it_twice_counts_a_failure_once_and_keeps_other_words() -> None:
    source = retrying()
    source.failed(DOWN, 0.0)
    once = source.shown(CONNECTION)
    assert source.shown(once) == once
    source.worked(1.0)
    assert source.shown(once).last_error == "It is down."


def test_a_stream_that_is_accepted_and_broken_off_is_not_hammered() -> None:
    source, now, waits = retrying(), 0.0, []
    for _ in range(10):
        source.worked(now)  # its first words came
        now += 0.1
        waits.append(source.failed(DOWN, now))
        now += waits[-1]
    assert waits[:5] == [1, 2, 4, 8, 30]
    assert all(wait >= 30 for wait in waits[4:])


def test_after_half_a_minute_of_health_backoff_begins_anew() -> None:
    source = retrying()
    assert [source.failed(DOWN, now) for now in (0.0, 61.0)] == [1, 2]
    source.worked(130.0)
    source.worked(150.0)
    assert source.failed(DOWN, 160.0) == 1
    source.worked(230.0)
    assert source.failed(DOWN, 259.9) == 2


def test_a_source_that_asks_for_patience_gets_it() -> None:
    source = retrying()
    throttled = FeedThrottled("Slower.", retry_after=45.0)
    assert source.failed(throttled, 0.0) == 45.0
    for _ in range(3):
        source.failed(DOWN, 1.0)
    # Longer than the breaker would be open: the longer one holds, and is said.
    assert source.failed(FeedThrottled("Slower.", retry_after=600.0), 2.0) == 600.0
    assert "no further try for 10 min" in str(source.shown(CONNECTION).last_error)


def test_what_a_source_asks_for_once_and_for_all_is_the_least_of_every_wait() -> None:
    source, now, waits = retrying(), 0.0, []
    for error in (DOWN, DOWN, FeedThrottled("Slower.", retry_after=7.0), DOWN, DOWN):
        waits.append(source.failed(error, now, least_s=5.0))
        now += waits[-1]
    assert waits == [5, 5, 7, 8, 30]


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 100)), max_size=60), st.floats(0, 1))
def test_no_minute_sees_more_than_five_failed_tries_however_it_goes(
    tries: list[tuple[bool, float]], chance: float
) -> None:
    """Whoever waits as told never fails six times in 60 s, whatever worked between."""
    source, now, failures = Retrying(chance=lambda: chance), 0.0, []
    for works, lasts_s in tries:
        if works:
            source.worked(now)
            now += lasts_s
        failures.append(now)
        wait_s = source.failed(DOWN, now)
        assert wait_s > 0
        assert (source.breaker.state is State.OPEN) is (source.breaker.wait_s(now) > 0)
        now += wait_s
    for first in range(len(failures)):
        assert sum(failures[first] <= at < failures[first] + 60 for at in failures) <= 6


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_a_pause_that_was_waited_for_is_over(jitter: float) -> None:
    """So that a feed which sleeps as told never finds the breaker open still."""
    source, now = Retrying(chance=lambda: jitter), 0.0
    for _ in range(5):
        now += source.failed(DOWN, now)
    source.worked(now)
    assert source.breaker.state is State.HALF_OPEN
