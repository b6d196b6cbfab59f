"""Drives a link as the shell would, with a clock of its own: no time passes."""

from __future__ import annotations

from protipp_stream.core.link import Link
from protipp_stream.core.link_words import (
    Connected,
    Effect,
    Failed,
    Failure,
    Heard,
    Input,
    Passed,
    Phase,
    Start,
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
        self.link = Link(range(rungs), lambda: chance)
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
