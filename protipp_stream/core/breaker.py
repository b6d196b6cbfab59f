"""A circuit breaker: who fails again and again is left alone for a while.

Backoff spaces the tries of one outage. It forgets as soon as something works,
so a source that accepts and breaks off, or that works every other time, would
be asked at full pace for ever. The breaker counts failures in a window, whatever
worked between them.

Pure: `Breaker.receive(input, now)`, and `Breaker.wait_s(now)` says how long nothing
is to be asked. The table at the end holds every transition; it is total, because
a word of a call that was made before the breaker opened may come at any time.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from enum import StrEnum
from math import inf

__all__ = ["TRANSITIONS", "Breaker", "Said", "State"]

PAUSE_S, PAUSE_CEILING_S, PAUSE_JITTER = 30.0, 600.0, 0.2


class State(StrEnum):
    """Where a breaker stands.

    ``closed``: all is asked. ``open``: nothing is. ``half_open``: calls are
    probes; enough that work close it, one that fails opens it again.
    """

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Said(StrEnum):
    """What a breaker is told."""

    WORKED = "worked"
    FAILED = "failed"
    PASSED = "passed"


class Breaker:
    """Opens at ``failures`` within ``window_s``, closes after ``successes`` in a row.

    Parameters
    ----------
    failures : int
        So many within the window open it.
    window_s : float
        Seconds. Half open, as `core.limits`: a failure exactly one window ago is out.
    successes : int
        So many in a row close it.
    pause_s : float
        Seconds that it stays open at first. It doubles with every opening, up to
        ten minutes, and begins anew once the breaker has stayed closed for longer
        than it was last open.
    chance : callable
        Returns a number from 0 to 1: spreads the pause by ±20 %.

    Attributes
    ----------
    state : State
        Where it stands.
    openings : int
        How often it opened in a row.
    pause_s : float
        How long it was or is open, the last time; 0 before the first.
    """

    def __init__(
        self,
        failures: int = 5,
        window_s: float = 60.0,
        successes: int = 3,
        *,
        pause_s: float = PAUSE_S,
        chance: Callable[[], float] = lambda: 0.5,
    ) -> None:
        if failures < 1 or successes < 1 or not (window_s > 0 and pause_s > 0):
            raise ValueError("a breaker needs at least one failure, one success and some time")
        self.state = State.CLOSED
        self.failures, self.window_s, self.successes = failures, window_s, successes
        self.openings = 0
        self.pause_s = 0.0
        self._first_pause_s = pause_s
        self._chance = chance
        self._failed: deque[float] = deque(maxlen=failures)
        self._worked = 0
        self._until = -inf
        self._closed_at = -inf

    @property
    def deadline(self) -> float:
        """When to tell it `Said.PASSED`, in monotonic seconds; infinity for never."""
        return self._until if self.state is State.OPEN else inf

    def wait_s(self, now: float) -> float:
        """Seconds until something may be asked; 0 for now."""
        return max(self._until - now, 0.0) if self.state is State.OPEN else 0.0

    def may_ask(self, now: float) -> bool:
        """Whether a call may be made now; an open breaker whose pause is over half opens."""
        self.receive(Said.PASSED, now)
        return self.state is not State.OPEN

    def receive(self, said: Said, now: float) -> None:
        """Take what happened.

        Parameters
        ----------
        said : Said
            How a call went, or that time has passed.
        now : float
            Monotonic seconds.
        """
        TRANSITIONS[self.state, said](self, now)

    # ------------------------------------------------------------ the steps

    def _nothing(self, now: float) -> None:
        pass

    def _count_failure(self, now: float) -> None:
        self._failed.append(now)
        # The deque keeps the last ones only: its oldest is within, so all are.
        if len(self._failed) == self.failures and self._failed[0] > now - self.window_s:
            if now - self._closed_at > self.pause_s:
                self.openings = 0
            self._open(now)

    def _open(self, now: float) -> None:
        self.state = State.OPEN
        spread = PAUSE_JITTER * (2 * self._chance() - 1)
        doubled = self._first_pause_s * 2.0 ** min(self.openings, 32)
        self.pause_s = min(doubled, PAUSE_CEILING_S) * (1 + spread)
        self.openings += 1
        self._until = now + self.pause_s
        self._failed.clear()

    def _half_open(self, now: float) -> None:
        if now >= self._until:
            self.state, self._worked = State.HALF_OPEN, 0

    def _count_success(self, now: float) -> None:
        self._worked += 1
        if self._worked >= self.successes:
            self.state, self._closed_at = State.CLOSED, now


Step = Callable[[Breaker, float], None]

TRANSITIONS: dict[tuple[State, Said], Step] = {
    (State.CLOSED, Said.WORKED): Breaker._nothing,
    (State.CLOSED, Said.FAILED): Breaker._count_failure,
    (State.CLOSED, Said.PASSED): Breaker._nothing,
    # Words of calls that were made before it opened: they prove nothing any more.
    (State.OPEN, Said.WORKED): Breaker._nothing,
    (State.OPEN, Said.FAILED): Breaker._nothing,
    (State.OPEN, Said.PASSED): Breaker._half_open,
    (State.HALF_OPEN, Said.WORKED): Breaker._count_success,
    (State.HALF_OPEN, Said.FAILED): Breaker._open,
    (State.HALF_OPEN, Said.PASSED): Breaker._nothing,
}
