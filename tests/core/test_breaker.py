"""The circuit breaker: each sentence of its manual, and any history against brute force."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from protipp_stream.core.breaker import PAUSE_CEILING_S, TRANSITIONS, Breaker, Said, State


def broken(now: float = 0.0) -> Breaker:
    """A breaker that five failures have just opened."""
    breaker = Breaker()
    for _ in range(5):
        breaker.receive(Said.FAILED, now)
    assert breaker.state is State.OPEN
    return breaker


def test_the_table_is_total() -> None:
    assert set(TRANSITIONS) == {(state, said) for state in State for said in Said}


def test_five_failures_within_sixty_seconds_open_it() -> None:
    breaker = Breaker()
    for now in (0.0, 15.0, 30.0, 45.0):
        breaker.receive(Said.FAILED, now)
        assert breaker.may_ask(now)
    breaker.receive(Said.FAILED, 59.9)
    assert not breaker.may_ask(59.9)


def test_five_failures_in_exactly_sixty_seconds_do_not() -> None:
    breaker = Breaker()
    for now in (0.0, 15.0, 30.0, 45.0, 60.0):
        breaker.receive(Said.FAILED, now)
    assert breaker.state is State.CLOSED
    breaker.receive(Said.FAILED, 74.9)
    assert breaker.state is State.OPEN


def test_what_works_between_failures_does_not_excuse_them() -> None:
    breaker = Breaker()
    for now in range(5):
        breaker.receive(Said.WORKED, float(now))
        breaker.receive(Said.FAILED, float(now))
    assert breaker.state is State.OPEN


def test_while_it_is_open_nothing_is_asked() -> None:
    breaker = broken()
    assert breaker.wait_s(0.0) == breaker.deadline == 30.0
    assert not breaker.may_ask(29.999)
    assert breaker.wait_s(29.0) == 1.0
    assert breaker.may_ask(30.0)
    assert breaker.state is State.HALF_OPEN
    assert (breaker.wait_s(30.0), breaker.deadline) == (0.0, inf)


def test_three_successes_in_a_row_close_it() -> None:
    breaker = broken()
    for now, state in ((30.0, "half_open"), (90.0, "half_open"), (150.0, "closed")):
        assert breaker.may_ask(now)
        breaker.receive(Said.WORKED, now)
        assert breaker.state == state


def test_a_probe_that_fails_opens_it_for_twice_as_long_up_to_ten_minutes() -> None:
    breaker, now, pauses = broken(), 0.0, []
    for _ in range(7):
        pauses.append(breaker.wait_s(now))
        now += breaker.wait_s(now)
        assert breaker.may_ask(now)
        breaker.receive(Said.WORKED, now)
        breaker.receive(Said.WORKED, now)
        breaker.receive(Said.FAILED, now)
        assert breaker.state is State.OPEN
    assert pauses == [30, 60, 120, 240, 480, 600, 600]


def test_the_row_of_successes_begins_anew_with_every_half_opening() -> None:
    breaker = broken()
    assert breaker.may_ask(30.0)
    breaker.receive(Said.WORKED, 30.0)
    breaker.receive(Said.FAILED, 30.0)
    assert breaker.may_ask(90.0)
    breaker.receive(Said.WORKED, 90.0)
    breaker.receive(Said.WORKED, 90.0)
    assert breaker.state is State.HALF_OPEN


@pytest.mark.parametrize(("well_s", "pause_s"), [(29.0, 60.0), (30.0, 60.0), (31.0, 30.0)])
def test_opening_again_soon_is_repeated_opening_and_later_is_not(
    well_s: float, pause_s: float
) -> None:
    breaker = broken()
    assert breaker.may_ask(30.0)
    for _ in range(3):
        breaker.receive(Said.WORKED, 30.0)
    for _ in range(5):
        breaker.receive(Said.FAILED, 30.0 + well_s)
    assert breaker.wait_s(30.0 + well_s) == pause_s


def test_late_words_of_earlier_calls_change_nothing_while_it_is_open() -> None:
    breaker = broken()
    for said in (Said.WORKED, Said.FAILED, Said.WORKED, Said.WORKED):
        breaker.receive(said, 10.0)
    assert breaker.wait_s(10.0) == 20.0
    # Nor do they count afterwards: closed again, it needs five new failures.
    assert breaker.may_ask(30.0)
    for _ in range(3):
        breaker.receive(Said.WORKED, 30.0)
    for _ in range(4):
        breaker.receive(Said.FAILED, 31.0)
    assert breaker.state is State.CLOSED


@pytest.mark.parametrize(("chance", "pause_s"), [(0.0, 24.0), (0.5, 30.0), (1.0, 36.0)])
def test_the_pause_is_spread(chance: float, pause_s: float) -> None:
    breaker = Breaker(failures=1, chance=lambda: chance)
    breaker.receive(Said.FAILED, 0.0)
    assert breaker.wait_s(0.0) == pytest.approx(pause_s)


@pytest.mark.parametrize(
    "wrong", [{"failures": 0}, {"successes": 0}, {"window_s": 0.0}, {"pause_s": float("nan")}]
)
def test_a_breaker_that_could_not_work_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="at least"):
        Breaker(**wrong)  # type: ignore[arg-type]


class AnyHistory(RuleBasedStateMachine):
    """Judged from the whole history each time, with no state but where it began anew."""

    @initialize(
        failures=st.integers(1, 6),
        successes=st.integers(1, 4),
        window=st.integers(1, 20),
        pause=st.integers(1, 40),
    )
    def begin(self, failures: int, successes: int, window: int, pause: int) -> None:
        self.now = 0.0
        self.failures, self.successes = failures, successes
        self.window_s, self.first_s = float(window), float(pause)
        self.breaker = Breaker(failures, self.window_s, successes, pause_s=self.first_s)
        # (state entered, when, pause), and what was said since each.
        self.spans: list[tuple[State, float, float]] = [(State.CLOSED, -inf, 0.0)]
        self.said: list[tuple[Said, float]] = []

    def enter(self, state: State, pause_s: float) -> None:
        self.spans.append((state, self.now, pause_s))
        self.said = []

    def next_pause(self) -> float:
        """Double for every opening since the last long stretch of health."""
        pause, seen = self.first_s, []
        for at, (state, since, paused) in enumerate(self.spans):
            if state is State.OPEN:
                seen.append(paused)
            last = at == len(self.spans) - 1
            until = self.now if last else self.spans[at + 1][1]
            if state is State.CLOSED and seen and until - since > seen[-1]:
                seen = []
        for _ in seen:
            pause = min(pause * 2, PAUSE_CEILING_S)
        return min(pause, PAUSE_CEILING_S)

    @rule(said=st.sampled_from([Said.WORKED, Said.FAILED]), times=st.integers(1, 4))
    def a_call_ends(self, said: Said, times: int) -> None:
        for _ in range(times):
            self.breaker.receive(said, self.now)
            self.said.append((said, self.now))
            self.judge(said)

    def judge(self, said: Said) -> None:
        state = self.spans[-1][0]
        if state is State.CLOSED and said is Said.FAILED:
            recent = [
                at
                for what, at in self.said
                if what is Said.FAILED and self.now - self.window_s < at <= self.now
            ]
            if len(recent) >= self.failures:
                self.enter(State.OPEN, self.next_pause())
        elif state is State.HALF_OPEN and said is Said.FAILED:
            self.enter(State.OPEN, self.next_pause())
        elif state is State.HALF_OPEN and [w for w, _ in self.said[-self.successes :]] == (
            [Said.WORKED] * self.successes
        ):
            self.enter(State.CLOSED, 0.0)

    @rule(eighths=st.integers(0, 400), asks=st.booleans())
    def time_passes(self, eighths: int, asks: bool) -> None:
        self.now += eighths / 8  # exact in binary: what is said about an edge is meant
        if not asks:
            return
        state, since, pause_s = self.spans[-1]
        is_over = state is State.OPEN and self.now >= since + pause_s
        assert self.breaker.may_ask(self.now) is (state is not State.OPEN or is_over)
        if is_over:
            self.enter(State.HALF_OPEN, 0.0)

    @invariant()
    def it_stands_where_its_history_says(self) -> None:
        state, since, pause_s = self.spans[-1]
        assert self.breaker.state is state
        left_s = max(since + pause_s - self.now, 0.0) if state is State.OPEN else 0.0
        assert self.breaker.wait_s(self.now) == left_s
        assert self.breaker.deadline == (since + pause_s if state is State.OPEN else inf)


test_any_history = AnyHistory.TestCase
