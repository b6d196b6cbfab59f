"""The link under thousands of schedules: whatever happens in whatever order."""

from __future__ import annotations

from math import inf

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protipp_stream.core.link_words import (
    Choose,
    Close,
    ComeBack,
    Connected,
    Control,
    Failed,
    Failure,
    Heard,
    Input,
    Leave,
    Level,
    Open,
    Phase,
    Renew,
    Stop,
)
from tests.core.link_driver import Driver
from tests.core.link_edges import wishes


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

    @rule(wish=st.sampled_from(list(wishes())))
    def the_user_wants_something(self, wish: Control) -> None:
        link, done = self.driver.link, len(self.driver.done)
        phase, live = link.phase, link.live
        effects = self.driver.tell(wish)
        if phase is Phase.ENDED:
            assert (effects, link.phase) == ([], Phase.ENDED)
        elif isinstance(wish, Leave):
            assert link.phase is Phase.AWAY
        elif isinstance(wish, ComeBack):
            assert link.live is not None
        elif isinstance(wish, Renew):
            assert phase is Phase.AWAY or (link.live is not None and link.live != live)
        elif isinstance(wish, Choose):
            assert link.rungs == wish.rungs
            if phase in {Phase.LIVE, Phase.STALLED}:
                assert (link.phase, link.live) == (phase, live), "made before it breaks"
                assert link.rung == wish.rungs.start or link.probe or link.deadline < inf
        else:
            assert link.keeps_trying is wish.is_on
            assert not any(isinstance(each, Open) for each in self.driver.done[done:])

    @precondition(lambda self: self.driver.link.phase is Phase.AWAY)
    @rule(seconds=st.floats(0, 1e6), wish=st.sampled_from(list(wishes())))
    def who_is_away_stays_away(self, seconds: float, wish: Control) -> None:
        self.driver.wait(seconds)
        if not isinstance(wish, ComeBack):
            assert self.driver.tell(wish) == []
            assert self.driver.link.phase is Phase.AWAY

    @invariant()
    def it_backs_off_only_who_keeps_trying(self) -> None:
        assert self.driver.link.phase is not Phase.BACKOFF or self.driver.link.keeps_trying

    @invariant()
    def what_it_tries_was_chosen(self) -> None:
        link = self.driver.link
        if link.phase not in {Phase.LIVE, Phase.STALLED, Phase.ENDED}:
            assert link.rung in link.rungs
        if link.probe is not None:
            assert link._probe_rung in link.rungs

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
            assert link.rung != link._probe_rung

    @invariant()
    def it_never_waits_for_nothing(self) -> None:
        link = self.driver.link
        waits = link.deadline - self.driver.now
        if link.phase in {Phase.ENDED, Phase.AWAY}:
            assert waits == float("inf")
        elif link.phase is Phase.BACKOFF:
            assert waits <= 16 * 1.2 + 1e-6
        else:
            assert waits <= 600 * 1.2


Schedules.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestSchedules = Schedules.TestCase
