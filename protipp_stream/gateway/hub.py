"""The hub: batches of quotes come in, frames for subscribers go out.

It holds the book, the backlog and everyone's position. Each update is encoded
once, when it is made; subscribers with the same filter at the same place share
the frame's bytes too.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncGenerator, Iterable
from math import isfinite

from protipp_stream.core import wire
from protipp_stream.core.backlog import Backlog, Mode, Recovery, recover, recovery_mode
from protipp_stream.core.book import Book
from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.core.moves import Rule
from protipp_stream.core.quarantine import event_fault, quote_fault
from protipp_stream.gateway.audit import Audit
from protipp_stream.gateway.clock import Clock, SystemClock
from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.sources import Sources
from protipp_stream.gateway.subscription import Outgoing, Subscription, Transport
from protipp_stream.model import Batch, Cursor, Event, Quote, RealTimeConnection

__all__ = ["Hub", "error_frame"]

EXPIRY_NOTICE_S = 60.0
MAX_SHARED, SHARED_FOR_S = 64, 0.05
PATIENCE_S = 1.0

_log = logging.getLogger(__name__)


class Hub:
    """Fan-out of one log of updates.

    Parameters
    ----------
    settings : Settings
        Sizes and times.
    rule : Rule, optional
        Which moves are significant; Cohen's h by default.
    clock : Clock, optional
        Injected by tests.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        rule: Rule | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.clock: Clock = clock or SystemClock()
        self.audit = Audit()
        self.book = Book(secrets.token_hex(6), rule)
        self.sources = Sources(self.clock)
        self.subscriptions: set[Subscription] = set()
        self.quarantined: Counter[str] = Counter()
        self.conflations = 0
        self.is_draining = False
        self.started_at = self.clock.wall()
        self._backlog = Backlog(self.settings.backlog)
        # An event and the sequence number with which it must be told.
        self._events: dict[str, tuple[int, Event]] = {}
        self._last_described = self._described = 0
        self._frames: dict[tuple[Filter, int, int], tuple[Outgoing | None, int]] = {}
        self._frames_from = 0.0
        self._news = asyncio.Event()

    @property
    def cursor(self) -> Cursor:
        """Where the log stands."""
        return self.book.cursor

    # ------------------------------------------------------------ what comes in

    def take(self, batch: Batch) -> int:
        """Take a batch from a feed; return how many updates came of it.

        What can't be true is quarantined: counted and audited, never shown.
        """
        described = self._describe(batch.events)
        sound = [quote for quote in batch.quotes if self._is_sound(quote, batch)]
        waited_ms = (self.clock.monotonic() - batch.arrived) * 1000
        updates = self.book.apply(sound, batch.received_at, latency_ms=round(waited_ms, 3))
        for update, row in zip(updates, wire.encode_updates(updates), strict=True):
            self._backlog.append(update, row)
        if updates:
            self._wake_all()
        elif described:
            self._tell_events(described)
        return len(updates)

    def heard(self, source: str, patience_s: float) -> None:
        """Note a sign of life of a source; it is stale when ``patience_s`` pass without one."""
        if fresh := self.sources.heard(source, patience_s):
            self.report(fresh)

    def check_freshness(self) -> None:
        """Mark sources that have been silent for too long: connected is not fresh."""
        for stale in self.sources.gone_stale():
            self.report(stale)

    def report(self, connection: RealTimeConnection) -> None:
        """Take the state of a source and tell every subscriber."""
        before = self.sources.version
        notice = _source_frame(self.sources.take(connection))
        if self.sources.version != before:
            self._announce()
        for subscription in self.subscriptions:
            subscription.notify(notice)

    @property
    def facts_version(self) -> int:
        """Another number when a source or an event is in another state, prices apart."""
        return self.sources.version + self._described

    def _describe(self, events: Iterable[Event]) -> list[Event]:
        new = []
        for event in events:
            if fault := event_fault(event):
                self._quarantine(f"event_{fault}")
                continue
            known = self._events.get(event.event_id)
            if known is None or known[1] != event:
                self._last_described = self.book.seq + 1
                self._events[event.event_id] = (self._last_described, event)
                new.append(event)
        self._described += len(new)
        return new

    def _tell_events(self, events: list[Event]) -> None:
        """Tell of events whose prices did not move, in a frame that leads nowhere."""
        for subscription in self.subscriptions:
            if not subscription.told.epoch:
                continue  # its opening is still to come, and brings them
            wanted = [e for e in events if subscription.wanted.matches_event(e.event_id)]
            if not wanted:
                continue
            told = subscription.told
            data = wire.updates_frame(told, told, [], self.clock.wall(), events=wanted)
            subscription.notify(Outgoing("updates", data, str(told)))
        self._announce()

    def _is_sound(self, quote: Quote, batch: Batch) -> bool:
        fault = quote_fault(quote, batch.received_at)
        if fault is None:
            return True
        self._quarantine(fault)
        return False

    def _quarantine(self, reason: str) -> None:
        self.quarantined[reason] += 1
        self.audit.record("quarantine", fault=reason)

    # ----------------------------------------------------------- what goes out

    def recover(self, since: str | Cursor | None, wanted: Filter) -> Recovery:
        """Answer what a subscriber has missed since its cursor."""
        return recover(self.book, self._backlog, since, wanted)

    def events(self, wanted: Filter, after: int = 0, until: int | None = None) -> list[Event]:
        """Return the descriptions that became due in ``after < seq <= until``."""
        if after >= self._last_described:
            return []
        last = self.cursor.seq + 1 if until is None else until
        return [
            event
            for seq, event in self._events.values()
            if after < seq <= last and wanted.matches_event(event.event_id)
        ]

    def subscribe(self, transport: Transport, wanted: Filter) -> Subscription:
        """Add a subscriber. It gets nothing before `opening`."""
        subscription = Subscription(
            secrets.token_hex(8), transport, wanted, opened=self.clock.wall()
        )
        self.subscriptions.add(subscription)
        if self.is_draining:
            self._send_away(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscriber."""
        self.subscriptions.discard(subscription)
        self._announce()

    async def stream(
        self, subscription: Subscription, resume: str | None
    ) -> AsyncGenerator[Outgoing, None]:
        """Yield a subscriber's frames, from ``connected`` to the end of its time.

        Whoever iterates may take as long as it likes over each: nothing waits
        for it, and what it misses is conflated.
        """
        for frame in self.opening(subscription, resume):
            yield frame
        beat_due = self.clock.monotonic() + self.settings.heartbeat_s
        warned_of = 0.0
        while True:
            # Before every frame: whoever is always behind must not read on for ever.
            left = subscription.expires_at - self.clock.wall().timestamp()
            if left <= 0:
                subscription.end(CloseCode.TOKEN_EXPIRED)
                yield error_frame(int(CloseCode.TOKEN_EXPIRED), "token expired")
                return
            if left <= EXPIRY_NOTICE_S and warned_of != subscription.expires_at:
                warned_of = subscription.expires_at
                yield Outgoing("expiring", wire.encode(wire.Expiring(round(left, 3))))
            if (next_frame := self._next(subscription)) is not None:
                subscription.last_sent = self.clock.wall()
                yield next_frame
                continue
            if subscription.closes_with is not None:
                return
            now = self.clock.monotonic()
            if now >= beat_due:
                beat_due = now + self.settings.heartbeat_s
                yield self._heartbeat(subscription)
                continue
            warned = warned_of == subscription.expires_at
            until_expiry = left if warned else left - EXPIRY_NOTICE_S
            await subscription.wait(min(beat_due - now, max(until_expiry, 0.001)))

    def opening(self, subscription: Subscription, resume: str | None) -> list[Outgoing]:
        """Bring a subscriber level: ``connected``, the sources, what it missed."""
        mode, since = recovery_mode(self.book, self._backlog, resume)
        subscription.told = since or self.cursor
        subscription.position = subscription.told.seq
        frames = [self._connected(subscription, mode)]
        frames += [_source_frame(source) for source in self.sources]
        if mode != "replay":
            # A replay needs no frame of its own: it is the log from there on.
            recovery = self.recover(since, subscription.wanted)
            frames.append(self._catch_up(subscription, recovery, "patch"))
        return frames

    def refilter(self, subscription: Subscription, wanted: Filter) -> None:
        """Replace a subscriber's filter; it gets a snapshot of what it wants now."""
        subscription.wanted = wanted
        recovery = self.recover(None, wanted)
        subscription.notify(self._catch_up(subscription, recovery, "patch"))

    def _next(self, subscription: Subscription) -> Outgoing | None:
        if subscription.notices:
            return subscription.notices.popleft()
        while subscription.position < self.cursor.seq:
            if not self._backlog.holds_since(subscription.position):
                self.conflations += 1
                recovery = self.recover(subscription.told, subscription.wanted)
                return self._catch_up(subscription, recovery, "slow")
            frame, subscription.position = self._shared_frame(subscription)
            if frame is not None:
                subscription.told = Cursor(self.book.epoch, subscription.position)
                return frame
        self._announce()
        return None

    def _shared_frame(self, subscription: Subscription) -> tuple[Outgoing | None, int]:
        """Return the next frame of this filter from this place, and where it leads.

        None when nothing in that stretch matches: the subscriber's cursor then
        stays, and the next frame's ``prev`` still follows it.
        """
        key = (subscription.wanted, subscription.told.seq, subscription.position)
        # Only as long as those who are level at one moment ask one after the
        # other: later it would hold the backlog many times, with an old `sent_at`.
        now = self.clock.monotonic()
        if len(self._frames) >= MAX_SHARED or now - self._frames_from > SHARED_FOR_S:
            self._frames.clear()
            self._frames_from = now
        found = self._frames.get(key)
        if found is None:
            found = self._frames[key] = self._build_frame(*key)
        return found

    def _build_frame(self, wanted: Filter, told: int, position: int) -> tuple[Outgoing | None, int]:
        stretch = self._backlog.rows_since(position, self.settings.frame_rows)
        leads_to = position + len(stretch)
        rows = [row for update, row in stretch if wanted.is_empty or wanted.matches(update)]
        events = self.events(wanted, position, leads_to)
        if not rows and not events:
            return None, leads_to
        prev, cursor = Cursor(self.book.epoch, told), Cursor(self.book.epoch, leads_to)
        data = wire.updates_frame(prev, cursor, rows, self.clock.wall(), events=events)
        return Outgoing("updates", data, str(cursor)), leads_to

    def _catch_up(self, subscription: Subscription, recovery: Recovery, why: str) -> Outgoing:
        subscription.position = recovery.cursor.seq
        subscription.told = recovery.cursor
        cursor = str(recovery.cursor)
        if recovery.since is None:
            data = wire.snapshot_frame(recovery, self.events(subscription.wanted))
            return Outgoing("snapshot", data, cursor)
        data = wire.updates_frame(
            recovery.since,
            recovery.cursor,
            wire.encode_updates(recovery.updates),
            self.clock.wall(),
            conflated=why,
            events=self.events(subscription.wanted, recovery.since.seq),
        )
        return Outgoing("updates", data, cursor)

    def _connected(self, subscription: Subscription, mode: Mode) -> Outgoing:
        left = subscription.expires_at - self.clock.wall().timestamp()
        frame = wire.Connected(
            connection_id=subscription.id,
            cursor=str(self.cursor),
            mode=mode,
            heartbeat_s=self.settings.heartbeat_s,
            expires_in_s=round(max(left, 0.0), 3) if isfinite(left) else None,
        )
        return Outgoing("connected", wire.encode(frame))

    def _heartbeat(self, subscription: Subscription) -> Outgoing:
        subscription.last_sent = self.clock.wall()
        cursor = str(subscription.told)
        return Outgoing("heartbeat", wire.encode(wire.Heartbeat(cursor, self.clock.wall())), cursor)

    # ------------------------------------------------------- waiting and ending

    def _wake_all(self) -> None:
        for subscription in self.subscriptions:
            subscription.wake()
        self._announce()

    def _announce(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    async def wait_for_news(self, after: int, facts: int, seconds: float) -> None:
        """Wait until the log is past ``after`` or there are other facts.

        Parameters
        ----------
        facts : int
            The `facts_version` that is known already.
        seconds : float
            Wait no longer than this.
        """
        try:
            async with asyncio.timeout(seconds):
                while (
                    self.cursor.seq <= after
                    and self.facts_version == facts
                    and not self.is_draining
                ):
                    await self._news.wait()
        except TimeoutError:
            return

    async def delivered(self) -> None:
        """Wait until every subscriber has been handed all there is.

        The pace of a replay at full speed. Not for ever: one subscriber that
        does not read must not stop the others' odds; it is conflated instead.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                while any(s.position < self.cursor.seq for s in self.subscriptions):
                    await self._news.wait()
        except TimeoutError:
            _log.warning("a subscriber does not read; going on without it")

    async def deserted(self) -> None:
        """Wait until the last subscriber has left."""
        while self.subscriptions:
            await self._news.wait()

    def drain(self) -> None:
        """Send everyone away; they come back after ``retry_ms``."""
        self.is_draining = True
        for subscription in self.subscriptions:
            self._send_away(subscription)
        self._announce()

    def _send_away(self, subscription: Subscription) -> None:
        frame = wire.Draining(self.settings.retry_ms)
        subscription.notify(Outgoing("draining", wire.encode(frame)))
        subscription.end(CloseCode.DRAINING)


def error_frame(code: int | str, message: str, retry_ms: int | None = None) -> Outgoing:
    """Build an ``error`` frame."""
    return Outgoing("error", wire.encode(wire.ErrorFrame(code, message, retry_ms)))


def _source_frame(connection: RealTimeConnection) -> Outgoing:
    return Outgoing("source", wire.encode(wire.Source(connection)))
