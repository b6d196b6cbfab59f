"""The state machine of a link: which transport, when to try again, when to give up.

Pure: `Link.receive(input, now)` returns what is to be done, and `Link.deadline`
says when to call it with `Passed` if nothing else happens. The shell opens,
closes and waits; it decides nothing. So a race is a unit test, and thousands of
fault schedules run in a second.

What it gets right, because others get it wrong:

- Connected means that the ``connected`` frame came, not that a socket opened. A
  proxy that upgrades and swallows frames is noticed in 5 s.
- The count of attempts is forgotten after 30 s of stability: a gateway that
  accepts and closes at once is not hammered.
- Silence is shown as ``stalled`` before it is taken for death.
- A word from an old connection is ignored.
- A refusal ends the link: no fallback, no retry, a clear state.
- Where nothing answers at all, another transport would not be answered either:
  back off on the same one.
- Climbing back is make-before-break: the better transport is opened beside the
  live one, and the old one delivers until the new one is level. So is the way to
  another transport that the user has chosen.
- Away is away: who has left, or does not want it to try again by itself, finds
  nothing opened and nothing waited for until they say so.

The table at the end holds every transition; a pair that is not in it raises and
changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from protipp_stream.core.backoff import delay_s
from protipp_stream.core.connections import Connections
from protipp_stream.core.link_words import (
    Choose,
    ComeBack,
    Connected,
    Effect,
    Failed,
    Heard,
    Input,
    KeepTrying,
    Leave,
    Level,
    Passed,
    Phase,
    Promote,
    Renew,
    Start,
    Stop,
)

__all__ = ["BESIDE", "TRANSITIONS", "IllegalTransition", "Link"]

STABLE_S = 30.0
# Of a heartbeat: with 30 s, stalled is shown after 35 s and death comes after 40.
STALLED_AFTER, DEAD_AFTER = 7 / 6, 4 / 3


class IllegalTransition(Exception):
    """An input that can't come in this phase: a bug in the shell."""


class Link(Connections):
    """One client's link to its gateway.

    Parameters
    ----------
    rungs : range
        The transports to try, by their rung; the first is the best.
    chance : callable
        Returns a number from 0 to 1: jitter is drawn from it.
    """

    def receive(self, received: Input, now: float) -> list[Effect]:
        """Take an input; return what is to be done.

        Parameters
        ----------
        received : Input
            What happened.
        now : float
            Monotonic seconds.

        Raises
        ------
        IllegalTransition
            If it can't happen in this phase. Nothing has changed then.
        """
        connection = getattr(received, "connection", None)
        beside = connection is not None and connection == self.probe
        if connection is not None and not beside and connection != self.live:
            return []
        table = BESIDE if beside else TRANSITIONS
        step = table.get((self.phase, type(received)))
        if step is None:
            raise IllegalTransition(f"{received!r} while {self.phase}")
        return step(self, received, now)

    # --------------------------------------------------- the live connection

    def _start(self, received: Input, now: float) -> list[Effect]:
        return self._open(now)

    def _connected(self, received: Input, now: float) -> list[Effect]:
        assert isinstance(received, Connected)
        self._was_live = True
        self._come_live(received.heartbeat_s, now)
        return []

    def _come_live(self, heartbeat_s: float, now: float) -> None:
        self._heartbeat_s = heartbeat_s
        self._stable_at = now + STABLE_S
        self._forget_probes()
        self._plan_probe(now)
        self._note_life(now)

    def _note_life(self, now: float) -> None:
        self.phase = Phase.LIVE
        self._heard_at = now
        self._due = now + self._heartbeat_s * STALLED_AFTER

    def _heard(self, received: Input, now: float) -> list[Effect]:
        self._note_life(now)
        return []

    def _too_early(self, received: Input, now: float) -> list[Effect]:
        return []  # a frame before `connected` proves nothing

    def _no_first_frame(self, received: Input, now: float) -> list[Effect]:
        if now < self._due or self.live is None:
            return []
        return self._not_had(Failed(self.live, "blocked"), now)

    def _tick(self, received: Input, now: float) -> list[Effect]:
        if now >= self._stable_at:
            self.attempts, self._stable_at = 0, inf
        if now >= self._due:
            return self._silent(now)
        if now >= self._probe_at:
            self._probe_at = inf
            return self._open_probe(self.rungs.start, now)
        if now >= self._probe_due:
            return self._probe_failed(Failed(0, "lost"), now)
        return []

    def _silent(self, now: float) -> list[Effect]:
        if self.phase is Phase.LIVE:
            self.phase = Phase.STALLED
            self._due = self._heard_at + self._heartbeat_s * DEAD_AFTER
            return []
        assert self.live is not None
        return self._broken(Failed(self.live, "lost"), now)

    def _not_had(self, received: Input, now: float) -> list[Effect]:
        """Judge a connection that never came to `connected`."""
        assert isinstance(received, Failed)
        # Only in a row, and only where there never was a gateway: a tunnel whose
        # far end is down for a moment answers like a stranger, too.
        is_strange = received.why == "stranger" and not self._was_live
        self._strangers = self._strangers + 1 if is_strange else 0
        if received.why == "refused" or self._strangers == len(self.rungs):
            return self._end(received, now)
        if received.why not in {"blocked", "stranger"}:
            return self._back_off(received, now)
        if self.rung + 1 in self.rungs:
            self.rung += 1
            return [*self._drop_live(), *self._open(now)]
        self.rung = self.rungs.start
        return self._back_off(received, now)

    def _broken(self, received: Input, now: float) -> list[Effect]:
        """Judge a connection that worked until now."""
        assert isinstance(received, Failed)
        if received.why == "refused":
            return self._end(received, now)
        if self.probe is not None and self._probe_connected:
            return self._promote(received, now)
        if received.why == "gap" and self.attempts == 0:
            self.attempts = 1
            return [*self._drop_probe(), *self._drop_live(), *self._open(now)]
        return self._back_off(received, now)

    def _back_off(self, failed: Failed, now: float) -> list[Effect]:
        if not self.keeps_trying:
            return self._leave(failed, now)
        self.attempts += 1
        effects = [*self._drop_probe(), *self._drop_live()]
        self.phase = Phase.BACKOFF
        self._due = now + delay_s(self.attempts, self._chance(), failed.retry_after_s)
        return effects

    def _try_again(self, received: Input, now: float) -> list[Effect]:
        return self._open(now) if now >= self._due else []

    def _end(self, received: Input, now: float) -> list[Effect]:
        effects = [*self._drop_probe(), *self._drop_live()]
        self.phase = Phase.ENDED
        self._due = inf
        return effects

    def _nothing(self, received: Input, now: float) -> list[Effect]:
        return []

    # ------------------------------------------------- what the user wants

    def _leave(self, received: Input, now: float) -> list[Effect]:
        effects = [*self._drop_probe(), *self._drop_live()]
        self.phase, self.attempts, self._due = Phase.AWAY, 0, inf
        return effects

    def _open_anew(self, received: Input, now: float) -> list[Effect]:
        self.attempts = 0
        return [*self._drop_probe(), *self._drop_live(), *self._open(now)]

    def _keep_trying(self, received: Input, now: float) -> list[Effect]:
        assert isinstance(received, KeepTrying)
        self.keeps_trying = received.is_on
        gives_up = self.phase is Phase.BACKOFF and not received.is_on
        return self._leave(received, now) if gives_up else []

    def _choose(self, received: Input, now: float) -> list[Effect]:
        assert isinstance(received, Choose)
        if received.rungs == self.rungs:
            return []
        self.rungs, self._strangers = received.rungs, 0
        if self.phase in {Phase.LIVE, Phase.STALLED}:
            return self._move_beside(now)
        if self.phase is Phase.CONNECTING and self.rung in self.rungs:
            return []
        dropped = self._drop_live()
        return dropped if self.phase is Phase.AWAY else [*dropped, *self._open(now)]

    def _move_beside(self, now: float) -> list[Effect]:
        """Go to the best of the chosen transports; the live one delivers until then."""
        effects = self._drop_probe()
        self._forget_probes()
        if self.rung == self.rungs.start:
            return effects
        return [*effects, *self._open_probe(self.rungs.start, now)]

    # ------------------------------------------------- the one beside it

    def _probe_is_connected(self, received: Input, now: float) -> list[Effect]:
        assert isinstance(received, Connected)
        self._probe_connected = True
        self._probe_heartbeat_s = received.heartbeat_s
        return self._probe_heard(received, now)

    def _probe_heard(self, received: Input, now: float) -> list[Effect]:
        if self._probe_connected:
            self._probe_due = now + self._probe_heartbeat_s * DEAD_AFTER
        return []

    def _promote(self, received: Input, now: float) -> list[Effect]:
        promoted = self.probe
        if promoted is None or not self._probe_connected:
            return []  # level without `connected`: not yet
        closed = self._drop_live()
        self.live, self.probe = promoted, None
        self.rung, self._probe_due = self._probe_rung, inf
        self._come_live(self._probe_heartbeat_s, now)
        return [Promote(promoted), *closed]

    def _probe_failed(self, received: Input, now: float) -> list[Effect]:
        assert isinstance(received, Failed)
        if received.why == "refused":
            return self._end(received, now)
        effects = self._drop_probe()
        if self._has_another_to_probe:
            return [*effects, *self._open_probe(self._probe_rung + 1, now)]
        self._plan_probe(now)
        return effects

    @property
    def _has_another_to_probe(self) -> bool:
        beneath = self._probe_rung + 1
        return beneath in self.rungs and (self.rung not in self.rungs or beneath < self.rung)


Step = Callable[[Link, Input, float], list[Effect]]
Table = dict[tuple[Phase, type[Input]], Step]

# What may happen when, to the link itself and the connection that it lives by.
TRANSITIONS: Table = {
    (Phase.IDLE, Start): Link._start,
    (Phase.IDLE, Stop): Link._end,
    (Phase.CONNECTING, Connected): Link._connected,
    (Phase.CONNECTING, Heard): Link._too_early,
    (Phase.CONNECTING, Failed): Link._not_had,
    (Phase.CONNECTING, Passed): Link._no_first_frame,
    (Phase.CONNECTING, Stop): Link._end,
    (Phase.LIVE, Heard): Link._heard,
    (Phase.LIVE, Failed): Link._broken,
    (Phase.LIVE, Passed): Link._tick,
    (Phase.LIVE, Stop): Link._end,
    (Phase.STALLED, Heard): Link._heard,
    (Phase.STALLED, Failed): Link._broken,
    (Phase.STALLED, Passed): Link._tick,
    (Phase.STALLED, Stop): Link._end,
    (Phase.BACKOFF, Passed): Link._try_again,
    (Phase.BACKOFF, Stop): Link._end,
    (Phase.ENDED, Passed): Link._nothing,
    (Phase.ENDED, Stop): Link._nothing,
    (Phase.CONNECTING, Leave): Link._leave,
    (Phase.CONNECTING, ComeBack): Link._nothing,
    (Phase.CONNECTING, Renew): Link._open_anew,
    (Phase.CONNECTING, Choose): Link._choose,
    (Phase.CONNECTING, KeepTrying): Link._keep_trying,
    (Phase.LIVE, Leave): Link._leave,
    (Phase.LIVE, ComeBack): Link._nothing,
    (Phase.LIVE, Renew): Link._open_anew,
    (Phase.LIVE, Choose): Link._choose,
    (Phase.LIVE, KeepTrying): Link._keep_trying,
    (Phase.STALLED, Leave): Link._leave,
    (Phase.STALLED, ComeBack): Link._open_anew,
    (Phase.STALLED, Renew): Link._open_anew,
    (Phase.STALLED, Choose): Link._choose,
    (Phase.STALLED, KeepTrying): Link._keep_trying,
    (Phase.BACKOFF, Leave): Link._leave,
    (Phase.BACKOFF, ComeBack): Link._open_anew,
    (Phase.BACKOFF, Renew): Link._open_anew,
    (Phase.BACKOFF, Choose): Link._choose,
    (Phase.BACKOFF, KeepTrying): Link._keep_trying,
    (Phase.AWAY, Leave): Link._nothing,
    (Phase.AWAY, ComeBack): Link._open_anew,
    (Phase.AWAY, Renew): Link._nothing,
    (Phase.AWAY, Choose): Link._choose,
    (Phase.AWAY, KeepTrying): Link._keep_trying,
    (Phase.AWAY, Passed): Link._nothing,
    (Phase.AWAY, Stop): Link._end,
    (Phase.ENDED, Leave): Link._nothing,
    (Phase.ENDED, ComeBack): Link._nothing,
    (Phase.ENDED, Renew): Link._nothing,
    (Phase.ENDED, Choose): Link._nothing,
    (Phase.ENDED, KeepTrying): Link._nothing,
}

# The same for a connection that is opened beside the live one.
BESIDE: Table = {
    (Phase.LIVE, Connected): Link._probe_is_connected,
    (Phase.LIVE, Heard): Link._probe_heard,
    (Phase.LIVE, Level): Link._promote,
    (Phase.LIVE, Failed): Link._probe_failed,
    (Phase.STALLED, Connected): Link._probe_is_connected,
    (Phase.STALLED, Heard): Link._probe_heard,
    (Phase.STALLED, Level): Link._promote,
    (Phase.STALLED, Failed): Link._probe_failed,
}
