"""What a link has open and what it waits for: the hands of the state machine in `core.link`.

Here is how a connection is opened, dropped and planned, and on which rung; when that
is to happen is decided there.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from protipp_stream.core.link_words import Close, Effect, Next, Open, Phase

__all__ = ["FIRST_FRAME_S", "PROBE_CEILING_S", "PROBE_FIRST_S", "Connections"]

FIRST_FRAME_S = 5.0
PROBE_FIRST_S, PROBE_CEILING_S, PROBE_JITTER = 30.0, 600.0, 0.2


class Connections:
    """The connection that a link lives by, the one beside it, and their deadlines.

    Parameters
    ----------
    rungs, chance
        See `core.link.Link`.

    Attributes
    ----------
    phase : Phase
        Where it stands.
    rungs : range
        The transports to try. One that is live may lie outside, until one of them is.
    rung : int
        The transport in use or tried next.
    keeps_trying : bool
        Whether it tries again by itself when a connection breaks.
    attempts : int
        Tries since it was last stable.
    live, probe : int or None
        The connection that delivers or is tried, and the one beside it.
    """

    def __init__(self, rungs: range, chance: Callable[[], float]) -> None:
        self.phase = Phase.IDLE
        self.rungs = rungs
        self.rung = rungs.start
        self.keeps_trying = True
        self.attempts = 0
        self.live: int | None = None
        self.probe: int | None = None
        self._chance = chance
        self._opened = 0
        self._strangers = 0
        self._was_live = False
        self._heartbeat_s = 0.0
        self._heard_at = -inf
        self._stable_at = inf
        self._due = inf
        self._probe_rung = rungs.start
        self._probe_connected = False
        self._probe_heartbeat_s = 0.0
        self._probe_at = inf
        self._probe_due = inf
        self._probe_pause_s = PROBE_FIRST_S

    @property
    def deadline(self) -> float:
        """When to call `receive` with `Passed`; infinity for never."""
        return min(self._due, self._stable_at, self._probe_at, self._probe_due)

    @property
    def next_step(self) -> Next | None:
        """What happens next by itself, for who watches; None where nothing is planned."""
        match self.phase:
            case Phase.CONNECTING:
                return Next("wait", self.rung, self._due)
            case Phase.BACKOFF:
                return Next("retry", self.rung, self._due)
            case Phase.STALLED:
                return Next("drop", self.rung, self._due)
            case Phase.LIVE if self.probe is not None:
                # Its deadline moves with every frame, and says nothing to people.
                return Next("probe", self._probe_rung, inf)
            case Phase.LIVE if self._probe_at < inf:
                return Next("climb", self.rungs.start, self._probe_at)
            case _:
                return None

    # --------------------------------------------------- the live connection

    def _open(self, now: float) -> list[Effect]:
        self._opened += 1
        self.live = self._opened
        self.phase = Phase.CONNECTING
        self._due = now + FIRST_FRAME_S
        return [Open(self.live, self.rung)]

    def _drop_live(self) -> list[Effect]:
        dropped, self.live = self.live, None
        self._stable_at = self._probe_at = inf
        if self.rung not in self.rungs:
            self.rung = self.rungs.start
        return [] if dropped is None else [Close(dropped)]

    # ------------------------------------------------------ the one beside it

    def _forget_probes(self) -> None:
        self._probe_at, self._probe_pause_s = inf, PROBE_FIRST_S

    def _plan_probe(self, now: float) -> None:
        if self.rung == self.rungs.start:
            self._probe_at = inf
            return
        jitter = PROBE_JITTER * (2 * self._chance() - 1)
        self._probe_at = now + self._probe_pause_s * (1 + jitter)
        self._probe_pause_s = min(self._probe_pause_s * 2, PROBE_CEILING_S)

    def _open_probe(self, rung: int, now: float) -> list[Effect]:
        self._opened += 1
        self.probe, self._probe_rung, self._probe_connected = self._opened, rung, False
        self._probe_due = now + FIRST_FRAME_S
        return [Open(self.probe, rung)]

    def _drop_probe(self) -> list[Effect]:
        dropped, self.probe = self.probe, None
        self._probe_due, self._probe_connected = inf, False
        return [] if dropped is None else [Close(dropped)]
