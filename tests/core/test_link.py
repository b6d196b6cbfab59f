"""The link's state machine: every sentence of its manual, then thousands of schedules."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protipp_stream.core.link import BESIDE, TRANSITIONS, IllegalTransition, Link
from protipp_stream.core.link_words import (
    Close,
    Connected,
    Effect,
    Failed,
    Failure,
    Heard,
    Input,
    Level,
    Open,
    Passed,
    Phase,
    Promote,
    Start,
    Stop,
)

HEARTBEAT_S = 30.0


class Driver:
    """Drives a link with a clock of its own, as the shell would, but in no time.

    Parameters
    ----------
    chance : float
        What every draw of jitter returns; 0.5 is none.
    """

    def __init__(self, rungs: int = 3, chance: float = 0.5) -> None:
        self.link = Link(rungs, lambda: chance)
        self.now = 1000.0
        self.done: list[Effect] = []

    def tell(self, received: Input) -> list[Effect]:
        effects = self.link.receive(received, self.now)
        self.done += effects
        return effects

    def start(self) -> None:
        self.tell(Start())

    def live(self) -> int:
        assert self.link.live is not None
        return self.link.live

    def beside(self) -> int:
        assert self.link.probe is not None
        return self.link.probe

    def connect(self) -> None:
        self.tell(Connected(self.live(), HEARTBEAT_S))

    def fail(self, why: Failure, retry_after_s: float | None = None) -> list[Effect]:
        return self.tell(Failed(self.live(), why, retry_after_s))

    def wait(self, seconds: float, *, hearing: bool = False) -> None:
        """Let time pass, deadline by deadline; ``hearing`` keeps the links alive."""
        until = self.now + seconds
        while self.now < until:
            step = min(self.link.deadline, until, self.now + 10.0 if hearing else until)
            self.now = max(step, self.now)
            if hearing and self.link.phase in {Phase.LIVE, Phase.STALLED}:
                self.tell(Heard(self.live()))
            if self.now >= self.link.deadline:
                self.tell(Passed())


def connected(rung: int = 0) -> Driver:
    driver = Driver()
    driver.start()
    for _ in range(rung):
        driver.fail("blocked")
    driver.connect()
    assert (driver.link.phase, driver.link.rung) == (Phase.LIVE, rung)
    return driver


def test_connected_is_when_the_frame_came_not_when_a_socket_opened() -> None:
    driver = Driver()
    driver.start()
    assert driver.done == [Open(1, 0)]
    driver.tell(Heard(1))
    assert driver.link.phase is Phase.CONNECTING
    driver.connect()
    assert driver.link.phase is Phase.LIVE


def test_a_proxy_that_swallows_frames_is_noticed_in_five_seconds() -> None:
    driver = Driver()
    driver.start()
    driver.wait(4.999)
    assert driver.link.rung == 0
    driver.wait(0.001)
    assert driver.done[1:] == [Close(1), Open(2, 1)]


def test_a_blocked_transport_gives_way_to_the_next_at_once() -> None:
    driver = Driver()
    driver.start()
    assert driver.fail("blocked") == [Close(1), Open(2, 1)]
    assert driver.fail("blocked") == [Close(2), Open(3, 2)]
    assert driver.fail("blocked") == [Close(3)]
    assert (driver.link.phase, driver.link.rung) == (Phase.BACKOFF, 0)


def test_where_nothing_answers_the_transport_stays() -> None:
    driver = connected(rung=1)
    driver.fail("lost")
    driver.wait(1.0)
    assert driver.fail("unreachable") == [Close(driver.link._opened)]
    assert (driver.link.phase, driver.link.rung) == (Phase.BACKOFF, 1)


def test_backoff_doubles_to_sixteen_seconds_and_stays_there() -> None:
    driver = Driver()
    driver.start()
    waits = []
    for _ in range(8):
        driver.fail("unreachable")
        waits.append(driver.link.deadline - driver.now)
        driver.wait(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 16, 16, 16]


def test_a_gateways_wish_wins_over_our_backoff() -> None:
    driver = Driver()
    driver.start()
    driver.fail("lost", 30.0)
    assert driver.link.deadline == driver.now + 30.0


def test_attempts_are_forgotten_after_thirty_stable_seconds_not_before() -> None:
    driver = Driver()
    driver.start()
    for expected in (1, 2, 3):
        driver.connect()
        driver.wait(29.9, hearing=True)
        driver.fail("lost")
        assert driver.link.attempts == expected
        driver.wait(driver.link.deadline - driver.now)
    driver.connect()
    driver.wait(30.0, hearing=True)
    assert driver.link.attempts == 0


def test_silence_is_shown_as_stalled_and_then_is_death() -> None:
    driver = connected()
    driver.wait(34.9)
    assert driver.link.phase is Phase.LIVE
    driver.wait(0.1)
    assert driver.link.phase is Phase.STALLED
    driver.tell(Heard(driver.live()))
    assert driver.link.phase is Phase.LIVE
    driver.wait(39.9)
    assert driver.link.phase is Phase.STALLED
    driver.wait(0.1)
    assert driver.link.phase is Phase.BACKOFF
    driver.wait(1.0)
    assert driver.link.phase is Phase.CONNECTING


def test_a_word_from_an_old_connection_is_ignored() -> None:
    driver = connected()
    old = driver.live()
    driver.fail("lost")
    driver.wait(1.0)
    for word in (Connected(old, 1.0), Heard(old), Failed(old, "refused"), Level(old)):
        assert driver.tell(word) == []
    assert driver.link.phase is Phase.CONNECTING


@pytest.mark.parametrize("phase", [Phase.CONNECTING, Phase.LIVE, Phase.STALLED])
def test_a_refusal_ends_it_whatever_it_was_doing(phase: Phase) -> None:
    driver = Driver()
    driver.start()
    if phase is not Phase.CONNECTING:
        driver.connect()
    if phase is Phase.STALLED:
        driver.wait(36.0)
    assert driver.link.phase is phase
    assert driver.fail("refused") == [Close(1)]
    assert driver.link.phase is Phase.ENDED
    assert driver.link.deadline == float("inf")


def test_what_is_no_gateway_on_any_transport_ends_it() -> None:
    driver = Driver()
    driver.start()
    driver.fail("stranger")
    driver.fail("stranger")
    assert driver.link.phase is Phase.CONNECTING
    driver.fail("stranger")
    assert driver.link.phase is Phase.ENDED


def test_strangers_count_only_in_a_row_and_only_before_the_first_connection() -> None:
    driver = Driver()
    driver.start()
    for why in ("stranger", "blocked", "stranger"):
        driver.fail(why)  # type: ignore[arg-type]
    driver.wait(1.0)
    driver.fail("stranger")
    assert driver.link.phase is Phase.CONNECTING
    driver.connect()
    for _ in range(9):
        if driver.link.phase is Phase.BACKOFF:
            driver.wait(driver.link.deadline - driver.now)
        driver.fail("stranger")
    assert driver.link.phase is not Phase.ENDED


def test_a_gap_is_asked_for_again_at_once_but_not_for_ever() -> None:
    driver = connected()
    assert driver.fail("gap") == [Close(1), Open(2, 0)]
    driver.connect()
    assert driver.fail("gap") == [Close(2)]
    assert driver.link.phase is Phase.BACKOFF


def test_probes_come_after_30_60_120_up_to_600_seconds() -> None:
    driver = connected(rung=1)
    gaps, last = [], driver.now
    while len(gaps) < 7:
        driver.wait(1.0, hearing=True)
        if driver.link.probe is not None:
            gaps.append(round(driver.now - last))
            driver.tell(Failed(driver.beside(), "blocked"))
            last = driver.now
    assert gaps == [30, 60, 120, 240, 480, 600, 600]


def test_on_the_best_transport_nothing_is_probed() -> None:
    driver = connected()
    driver.wait(3600.0, hearing=True)
    assert driver.done == [Open(1, 0)]


def test_climbing_back_makes_before_it_breaks() -> None:
    driver = connected(rung=2)
    old = driver.live()
    driver.wait(31.0, hearing=True)
    beside = driver.beside()
    driver.tell(Level(beside))
    assert driver.live() == old  # level before `connected` means nothing
    driver.tell(Connected(beside, HEARTBEAT_S))
    assert driver.live() == old
    assert driver.tell(Level(beside)) == [Promote(beside), Close(old)]
    assert (driver.live(), driver.link.rung, driver.link.probe) == (beside, 0, None)


def test_where_the_best_stays_blocked_the_second_best_is_tried_in_the_same_round() -> None:
    driver = connected(rung=2)
    driver.wait(31.0, hearing=True)
    first = driver.beside()
    effects = driver.tell(Failed(first, "blocked"))
    assert effects == [Close(first), Open(first + 1, 1)]
    driver.tell(Connected(driver.beside(), HEARTBEAT_S))
    driver.tell(Level(driver.beside()))
    assert driver.link.rung == 1


def test_a_probe_that_is_silent_is_dropped() -> None:
    driver = connected(rung=1)
    driver.wait(30.0, hearing=True)
    beside = driver.beside()
    driver.wait(5.0, hearing=True)
    assert driver.link.probe is None
    assert driver.done[-1] == Close(beside)


def test_a_live_one_that_dies_is_followed_by_the_one_beside_it() -> None:
    driver = connected(rung=1)
    driver.wait(31.0, hearing=True)
    old, beside = driver.live(), driver.beside()
    driver.tell(Connected(beside, HEARTBEAT_S))
    assert driver.fail("lost") == [Promote(beside), Close(old)]
    assert driver.link.phase is Phase.LIVE


def test_a_live_one_that_dies_before_the_one_beside_it_is_there_backs_off() -> None:
    driver = connected(rung=1)
    driver.wait(31.0, hearing=True)
    old, beside = driver.live(), driver.beside()
    assert driver.fail("lost") == [Close(beside), Close(old)]
    assert driver.link.phase is Phase.BACKOFF


@pytest.mark.parametrize("phase", Phase)
def test_a_pair_that_is_not_in_the_table_raises_and_changes_nothing(phase: Phase) -> None:
    for word in (Start(), Passed(), Connected(1, 1.0), Heard(1), Level(1), Failed(1, "lost")):
        link = Link(3, lambda: 0.5)
        link.phase, link.live = phase, 1
        before = vars(link).copy()
        if (phase, type(word)) in TRANSITIONS:
            continue
        with pytest.raises(IllegalTransition):
            link.receive(word, 0.0)
        assert vars(link) == before


def test_only_a_live_link_has_one_beside_it() -> None:
    assert {phase for phase, _ in BESIDE} == {Phase.LIVE, Phase.STALLED}


class Schedules(RuleBasedStateMachine):
    """Whatever happens in whatever order: what must hold, holds."""

    @initialize(rungs=st.integers(1, 3), chance=st.floats(0, 1))
    def begin(self, rungs: int, chance: float) -> None:
        self.driver = Driver(rungs, chance)
        self.open: set[int] = set()
        self.last_heard = 0.0
        self.ended_with = -1
        self.driver.start()

    @rule(seconds=st.floats(0, 700), hearing=st.booleans())
    def time_passes(self, seconds: float, hearing: bool) -> None:
        self.driver.wait(seconds, hearing=hearing)

    @precondition(lambda self: self.driver.link.live is not None)
    @rule(heartbeat_s=st.floats(1, 30))
    def the_frame_comes(self, heartbeat_s: float) -> None:
        if self.driver.link.phase is Phase.CONNECTING:
            self.driver.tell(Connected(self.driver.live(), heartbeat_s))
        else:
            self.driver.tell(Heard(self.driver.live()))

    @precondition(lambda self: self.driver.link.live is not None)
    @rule(why=st.sampled_from(["stranger", "blocked", "unreachable", "lost", "gap"]))
    def it_breaks(self, why: Failure) -> None:
        self.driver.fail(why)

    @precondition(lambda self: self.driver.link.probe is not None)
    @rule(
        step=st.sampled_from(["connected", "heard", "level", "blocked", "lost", "gap"]),
    )
    def the_one_beside_it_speaks(self, step: str) -> None:
        beside = self.driver.beside()
        words: dict[str, Input] = {
            "connected": Connected(beside, 30.0),
            "heard": Heard(beside),
            "level": Level(beside),
        }
        failed = Failed(beside, step) if step not in words else None  # type: ignore[arg-type]
        self.driver.tell(words.get(step) or failed or Heard(beside))

    @rule(number=st.integers(0, 50))
    def an_old_one_speaks(self, number: int) -> None:
        if number not in {self.driver.link.live, self.driver.link.probe}:
            assert self.driver.tell(Failed(number, "refused")) == []

    @precondition(lambda self: self.driver.link.live is not None)
    @rule(one_in=st.integers(1, 20))
    def it_is_refused(self, one_in: int) -> None:
        if one_in == 1:
            self.driver.fail("refused")
            assert self.driver.link.phase is Phase.ENDED

    @rule(one_in=st.integers(1, 30))
    def it_is_stopped(self, one_in: int) -> None:
        if one_in == 1:
            self.driver.tell(Stop())

    @invariant()
    def each_connection_is_opened_once_and_closed_once(self) -> None:
        opened: list[int] = []
        open_now: set[int] = set()
        for effect in self.driver.done:
            if isinstance(effect, Open):
                opened.append(effect.connection)
                open_now.add(effect.connection)
            elif isinstance(effect, Close):
                open_now.remove(effect.connection)
            else:
                assert effect.connection in open_now
        assert opened == sorted(set(opened))
        link = self.driver.link
        assert open_now == {number for number in (link.live, link.probe) if number is not None}

    @invariant()
    def phases_have_what_they_need(self) -> None:
        link = self.driver.link
        has_live = link.live is not None
        assert has_live == (link.phase in {Phase.CONNECTING, Phase.LIVE, Phase.STALLED})
        if link.probe is not None:
            assert link.phase in {Phase.LIVE, Phase.STALLED}
            assert link.rung > 0

    @invariant()
    def it_never_waits_for_nothing(self) -> None:
        link = self.driver.link
        waits = link.deadline - self.driver.now
        if link.phase is Phase.ENDED:
            assert waits == float("inf")
        elif link.phase is Phase.BACKOFF:
            assert waits <= 16 * 1.2 + 1e-6
        else:
            assert waits <= 600 * 1.2


Schedules.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestSchedules = Schedules.TestCase
