"""Fan-out: who gets which bytes when.

Those who want the same and are level with each other are an `Audience`: one
frame is built and wrapped once, and handed to each one's transport in a plain
loop. Whoever's buffer fills leaves the audience and is *behind*: nothing more is
written to it until the buffer is empty, then it catches up from the log with
merged frames (past 256 KB: the newest of each selection, and it is told so) and
joins the audience again. So a slow subscriber costs its neighbours nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.conflate import Pace
from protipp_stream.core.filter import Filter
from protipp_stream.gateway.bell import Bell
from protipp_stream.gateway.clock import Clock, Timer
from protipp_stream.gateway.frames import Framing, Outgoing
from protipp_stream.gateway.log import Log, Step
from protipp_stream.gateway.subscription import Subscription
from protipp_stream.model import Cursor, Event

__all__ = ["Audience", "Fanout"]

_log = logging.getLogger(__name__)

Write = Callable[[bytes], None]


class Audience:
    """Subscribers with one filter and one pace, all at the same place.

    Attributes
    ----------
    position : int
        Every update up to here has been written to all, or does not match.
    told : Cursor
        The newest cursor in a frame that was written to all; each member was
        told this or a later one, so a frame that follows it follows theirs.
    """

    def __init__(self, wanted: Filter, max_hz: float | None, position: int, told: Cursor) -> None:
        self.wanted = wanted
        self.max_hz = max_hz
        self.pace = Pace(max_hz)
        self.position = position
        self.told = told
        self.last_sent: datetime | None = None
        self.timer: Timer | None = None
        # By framing: who gets the same bytes stands together.
        self._writes: dict[Framing, dict[Subscription, Write]] = {}

    def __len__(self) -> int:
        return sum(len(writes) for writes in self._writes.values())

    def add(self, subscription: Subscription) -> None:
        """Take a member."""
        outlet = subscription.outlet
        self._writes.setdefault(outlet.framing, {})[subscription] = outlet.write
        subscription.audience = self

    def remove(self, subscription: Subscription) -> None:
        """Let a member go, with the audience's place."""
        self._writes[subscription.outlet.framing].pop(subscription)
        subscription.told = subscription.newest_told
        subscription.audience = None
        subscription.pace = self.pace.copy()
        subscription.position = max(subscription.position, self.position)

    def members(self) -> list[Subscription]:
        """Return the members."""
        return [member for writes in self._writes.values() for member in writes]

    def send(self, frame: Outgoing) -> None:
        """Write a frame to every member."""
        for framing, writes in self._writes.items():
            if not writes:
                continue
            data = framing(frame)
            # A copy: a transport that fills says so at once, and its member leaves.
            for write in tuple(writes.values()):
                write(data)


class Fanout:
    """Hands the log's frames to subscribers.

    Parameters
    ----------
    log : Log
        What there is to hand out.
    clock : Clock
        Paces, and wakes us.

    Attributes
    ----------
    behind : set of Subscription
        Whose buffers are not empty.
    progress : Bell
        Rings when a subscriber is level or has left.
    """

    def __init__(self, log: Log, clock: Clock) -> None:
        self.behind: set[Subscription] = set()
        self.progress = Bell()
        self._log = log
        self._clock = clock
        self._audiences: dict[tuple[Filter, float | None], Audience] = {}
        self._is_due = False
        self._waiting: set[Subscription] = set()

    # --------------------------------------------------------------- the level

    def publish(self) -> None:
        """Hand out what is new, after everything that can be read now has been.

        What arrived together leaves together, in one write a subscriber; it
        waits for nothing else.
        """
        if not self._is_due:
            self._is_due = True
            self._clock.call_later(0.0, self.flush)

    def flush(self) -> None:
        """Hand out what is new, now."""
        self._is_due = False
        for audience in tuple(self._audiences.values()):
            self._serve(audience)

    def tell_events(self, events: list[Event]) -> None:
        """Describe events whose prices did not move, in a frame that leads nowhere."""
        for audience in tuple(self._audiences.values()):
            if wanted := _of_interest(events, audience.wanted):
                audience.send(self._log.news(wanted, audience.told))
        for subscription in (*self.behind, *self._waiting):
            # A snapshot that is still to come will bring them.
            if subscription.needs_catch_up:
                continue
            if wanted := _of_interest(events, subscription.wanted):
                subscription.notify(self._log.news(wanted, subscription.told))

    def _serve(self, audience: Audience) -> None:
        try:
            self._hand_out(audience)
        except Exception:  # noqa: BLE001 - logged; and its members are told to come back
            # One audience's bad luck must not keep the odds from the others.
            _log.exception("an audience could not be served")
            for member in audience.members():
                member.end(CloseCode.SERVER_ERROR)

    def _hand_out(self, audience: Audience) -> None:
        head = self._log.cursor.seq
        if audience.position >= head:
            return
        now = self._clock.monotonic()
        if (wait_s := audience.pace.wait_s(now)) > 0:
            self._come_back(audience, wait_s)
            return
        while audience.position < head and len(audience):
            frame, leads_to = self._next_for_all(audience)
            # Before it is written: whoever fills leaves from this place.
            audience.position = leads_to
            if frame is not None:
                audience.told = Cursor(audience.told.epoch, leads_to)
                audience.last_sent = self._clock.wall()
                audience.pace.leave(now)
                audience.send(frame)

    def _next_for_all(self, audience: Audience) -> Step:
        if audience.max_hz is not None:
            return self._log.conflated(audience.wanted, audience.told, audience.position, "max_hz")
        return self._log.step(audience.wanted, audience.told, audience.position)

    def _come_back(self, audience: Audience, wait_s: float) -> None:
        if audience.timer is None:

            def serve() -> None:
                audience.timer = None
                self._serve(audience)

            audience.timer = self._clock.call_later(wait_s, serve)

    # -------------------------------------------------------------- the behind

    def fall_behind(self, subscription: Subscription) -> None:
        """Take a subscriber whose buffer has filled out of its audience."""
        self._part(subscription)
        if subscription.full_since is None:
            subscription.full_since = self._clock.monotonic()
            subscription.full_bytes = subscription.outlet.pending_bytes
        if subscription.closes_with is None:
            self.behind.add(subscription)

    def bring_level(self, subscription: Subscription) -> None:
        """Write what a subscriber has missed, as far as its buffer stays clear."""
        self._waiting.discard(subscription)
        while subscription.is_idle and subscription.closes_with is None:
            if (word := subscription.next_word()) is not None:
                subscription.write(word)
            elif (wait_s := self._wait_s(subscription)) > 0:
                self._let_wait(subscription, wait_s)
                return
            elif subscription.needs_catch_up:
                subscription.write(self._catch_up(subscription))
            elif (frame := self._next(subscription)) is not None:
                subscription.pace.leave(self._clock.monotonic())
                subscription.last_sent = self._clock.wall()
                subscription.write(frame)
            else:
                self._join(subscription)
                return
        if subscription.outlet.is_open:
            self.fall_behind(subscription)

    def _wait_s(self, subscription: Subscription) -> float:
        """Seconds that one who wants few frames must wait for what it has missed."""
        if subscription.needs_catch_up or subscription.position >= self._log.cursor.seq:
            return 0.0
        return subscription.pace.wait_s(self._clock.monotonic())

    def _let_wait(self, subscription: Subscription, wait_s: float) -> None:
        self.behind.discard(subscription)
        self._waiting.add(subscription)

        def bring() -> None:
            if subscription in self._waiting:
                self.bring_level(subscription)

        self._clock.call_later(wait_s, bring)

    def _catch_up(self, subscription: Subscription) -> Outgoing:
        """Return the board or what of it has changed, as it is at this moment."""
        since, subscription.needs_catch_up = subscription.catch_up, False
        subscription.told = self._log.cursor
        subscription.position = subscription.told.seq
        if since is None:
            return self._log.snapshot(subscription.wanted)
        return self._log.patch(since, subscription.wanted, "patch")

    def _next(self, subscription: Subscription) -> Outgoing | None:
        while subscription.position < self._log.cursor.seq:
            frame, leads_to = self._next_for_one(subscription)
            subscription.position = leads_to
            if frame is not None:
                subscription.told = Cursor(subscription.told.epoch, leads_to)
                return frame
        return None

    def _next_for_one(self, subscription: Subscription) -> Step:
        wanted, told, position = subscription.wanted, subscription.told, subscription.position
        # What it asked to have replayed is not conflated, whatever its pace.
        is_live = position >= subscription.replays_to
        if is_live and subscription.max_hz is not None:
            return self._log.conflated(wanted, told, position, "max_hz")
        return self._log.next(wanted, told, position, is_slow=is_live)

    def _join(self, subscription: Subscription) -> None:
        audience = self._audience_for(subscription)
        if audience.told.seq > subscription.told.seq:
            # Nothing that matched lies between, but a frame that followed the
            # audience's cursor would look like a gap.
            subscription.write(self._log.level_with(subscription.told, audience.told.seq))
            subscription.told = audience.told
            if not subscription.is_idle:
                return
        self._audiences[audience.wanted, audience.max_hz] = audience
        audience.add(subscription)
        self.behind.discard(subscription)
        self.progress.ring()

    def _audience_for(self, subscription: Subscription) -> Audience:
        key = (subscription.wanted, subscription.max_hz)
        audience = self._audiences.get(key)
        if audience is not None and audience.max_hz is None:
            # Up to here, so that the new member does not get again what it has.
            self._serve(audience)
        if audience is None or not len(audience):
            # None, or one that was dissolved just now: all its members fell behind.
            audience = Audience(*key, subscription.position, subscription.told)
            audience.pace = subscription.pace.copy()
        return audience

    # ---------------------------------------------------------------- leaving

    def leave(self, subscription: Subscription) -> None:
        """Hand nothing more of the log to a subscriber."""
        self._part(subscription)
        self.behind.discard(subscription)
        self._waiting.discard(subscription)
        self.progress.ring()

    def _part(self, subscription: Subscription) -> None:
        audience = subscription.audience
        if audience is not None:
            audience.remove(subscription)
            if not len(audience):
                self._audiences.pop((audience.wanted, audience.max_hz), None)


def _of_interest(events: list[Event], wanted: Filter) -> list[Event]:
    return [event for event in events if wanted.matches_event(event.event_id)]
