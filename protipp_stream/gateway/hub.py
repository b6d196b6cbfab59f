"""The hub: batches of quotes come in, frames for subscribers go out.

It joins the log (what happened), the fan-out (who gets which bytes) and the
sources (how the feeds are doing), and looks after each subscriber's time:
heartbeats, the end of its token, the end of our patience.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from protipp_stream.core.backlog import Mode, Recovery
from protipp_stream.core.book import Book
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.core.naming import Naming
from protipp_stream.gateway import frames
from protipp_stream.gateway.audit import Audit
from protipp_stream.gateway.bell import Bell
from protipp_stream.gateway.bookmakers import Bookmakers
from protipp_stream.gateway.clock import Clock, SystemClock
from protipp_stream.gateway.fanout import Fanout
from protipp_stream.gateway.frames import Outgoing
from protipp_stream.gateway.intake import Intake
from protipp_stream.gateway.judging import Rules, judged
from protipp_stream.gateway.log import Log
from protipp_stream.gateway.looking_after import look_after
from protipp_stream.gateway.outlet import Outlet
from protipp_stream.gateway.recording import Recording
from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.sources import Sources, log_transition
from protipp_stream.gateway.subscription import Subscription, Transport
from protipp_stream.model import Batch, Cursor, Quote, RealTimeConnection

__all__ = ["Hub"]

PATIENCE_S = 1.0
# Looking through a whole board takes milliseconds that belong to the subscribers.
SWEEP_S, CONFIRM_S = 600.0, 0.05

_log = logging.getLogger(__name__)


class Hub:
    """Fan-out of one log of updates.

    Parameters
    ----------
    settings : Settings
        Sizes and times.
    rule : Rule, str, or sequence of both, optional
        Which moves are significant; Cohen's h by default. See `judging.judged`.
    names : Naming or dict, optional
        What different sources call the same; a dict is its tables.
    clock : Clock, optional
        Injected by tests.
    holds_back : bool
        Whether updates may wait for a journal before they are published.

    Attributes
    ----------
    recording : Recording or None
        Keeps what is taken; the gateway sets it when it starts.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        rule: Rules | None = None,
        names: Naming | Mapping[str, Any] | None = None,
        clock: Clock | None = None,
        holds_back: bool = False,
    ) -> None:
        self.recording: Recording | None = None
        self.settings = settings or Settings()
        self.clock: Clock = clock or SystemClock()
        self.audit = Audit(self.clock)
        rules = judged(rule, self.audit.counts)
        self.log = Log(self.settings, self.clock, rules, holds_back=holds_back)
        self.intake = Intake(self.audit, names if isinstance(names, Naming) else Naming(names))
        self.fanout = Fanout(self.log, self.clock)
        self.sources = Sources(self.clock)
        self.bookmakers = Bookmakers(self.clock, self.settings.bookmaker_stale_after_s)
        self.subscriptions: set[Subscription] = set()
        self.is_draining = False
        self.started_at = self.clock.wall()
        self._news = Bell()
        self._tell_again: dict[str, float] = {}
        self._sweep_due = self.clock.monotonic() + SWEEP_S

    @property
    def cursor(self) -> Cursor:
        """Where the log stands."""
        return self.log.cursor

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Where the audit trail stands, signed; None without one."""
        return None if self.recording is None else self.recording.checkpoint

    @property
    def book(self) -> Book:
        """The last quote of every selection."""
        return self.log.book

    @property
    def facts_version(self) -> int:
        """Another number when a source or an event is in another state, prices apart."""
        return self.sources.version + self.bookmakers.version + self.log.described

    @property
    def connections(self) -> list[RealTimeConnection]:
        """The state of every source, and of every bookmaker behind them."""
        return [*self.sources, *self.bookmakers]

    # ------------------------------------------------------------ what comes in

    def take(self, batch: Batch, source: str | None = None) -> int:
        """Take a batch from a feed; return how many updates came of it.

        What can't be true is quarantined: counted and audited, never shown.

        Parameters
        ----------
        source : str, optional
            The id of the feed; its bookmakers' freshness is then watched.
        """
        return self._publish(batch, self.intake.sound(batch.quotes, batch.received_at), source)

    def take_sound(self, batch: Batch, source: str | None = None) -> int:
        """Take a batch whose quotes have been checked already; as `take`."""
        return self._publish(batch, batch.quotes, source)

    def _publish(self, batch: Batch, quotes: list[Quote], source: str | None) -> int:
        named = self.intake.named(batch, quotes, source)
        described = self.log.describe(named.events)
        if self.recording is not None:
            self.recording.describe(described)
        quotes = [*named.moved, *named.quotes] if named.moved else named.quotes
        waited_ms = (self.clock.monotonic() - batch.arrived) * 1000
        keeper = self.recording or self.log
        count = keeper.take(quotes, batch.received_at, latency_ms=round(waited_ms, 3))
        if count:
            self.fanout.publish()
        elif described:
            self.fanout.tell_events(described)
        if count or described:
            self._news.ring()
        if source is not None:
            self._watch_bookmakers(named.quotes, batch.received_at, source)
        return count

    def published(self) -> None:
        """Hand out what waited to be safe."""
        self.fanout.publish()
        self._news.ring()

    def _watch_bookmakers(self, quotes: list[Quote], received_at: datetime, source: str) -> None:
        known = self.sources.get(source)
        # A replay is as old as what it recorded.
        if known is None or known.connection_type != "replay":
            patience_s = self.sources.patience_s(source)
            changed = self.bookmakers.seen(quotes, received_at, source, patience_s)
            self._tell_bookmakers(changed)

    # -------------------------------------------------------------- the sources

    def heard(self, source: str, patience_s: float) -> None:
        """Note a sign of life of a source; it is stale when ``patience_s`` pass without one."""
        if fresh := self.sources.heard(source, patience_s):
            self.report(fresh)

    def check_freshness(self) -> None:
        """Mark sources that have been silent for too long: connected is not fresh."""
        for stale in self.sources.gone_stale():
            self.report(stale)
        self._tell_bookmakers(self.bookmakers.gone_stale())

    def _tell_bookmakers(self, changed: list[RealTimeConnection]) -> None:
        if changed:
            self._tell(changed)
            self._news.ring()

    def report(self, connection: RealTimeConnection, pause_s: float = 0.0) -> None:
        """Take the state of a source and tell every subscriber.

        Parameters
        ----------
        pause_s : float
            A state in which nothing is new but its times is told again after so
            many seconds only.
        """
        before, version = self.sources.get(connection.id), self.sources.version
        taken = self.sources.take(connection)
        now, is_news = self.clock.monotonic(), self.sources.version != version
        if is_news or now >= self._tell_again.get(taken.id, now):
            self._tell_again[taken.id] = now + pause_s
            self._tell([taken])
        if is_news:
            if before is not None:
                log_transition(before, taken)
            self._tell(self.bookmakers.follow(taken))
            self._news.ring()

    def _tell(self, connections: Iterable[RealTimeConnection]) -> None:
        for connection in connections:
            if self.recording is not None:
                self.recording.report(connection)
            notice = frames.source(connection)
            for subscription in tuple(self.subscriptions):
                subscription.inform(connection.id, notice)

    # ------------------------------------------------------------- subscribers

    def subscribe(
        self,
        transport: Transport,
        outlet: Outlet,
        wanted: Filter,
        *,
        resume: str | None = None,
        max_hz: float | None = None,
        expires_at: float = float("inf"),
    ) -> Subscription:
        """Add a subscriber and begin to bring it level.

        Parameters
        ----------
        resume : str, optional
            The cursor that it has everything up to.
        max_hz : float, optional
            Frames a second that it wants at most.
        expires_at : float
            When its token ends, in seconds since 1970.
        """
        subscription = Subscription(
            secrets.token_hex(8),
            transport,
            outlet,
            wanted,
            max_hz,
            self.clock.wall(),
            self.fanout,
        )
        subscription.expires_at = expires_at
        subscription.beat_due = self.clock.monotonic() + self.settings.heartbeat_s
        self.subscriptions.add(subscription)
        self.open(subscription, resume)
        if self.is_draining:
            self._send_away(subscription)
        return subscription

    def open(
        self,
        subscription: Subscription,
        resume: str | None,
        wanted: Filter | None = None,
        max_hz: float | None = None,
    ) -> None:
        """Say ``connected``, tell the sources, and bring a subscriber level.

        A client that introduced itself by a header may do so once more by a
        frame, with a filter and a cursor.
        """
        self.fanout.leave(subscription)
        subscription.want(wanted or subscription.wanted, max_hz or subscription.max_hz)
        mode, since = self.log.mode(resume)
        subscription.told = since or self.cursor
        subscription.position = subscription.told.seq
        subscription.replays_to = self.cursor.seq
        # How long it was away, nobody knows: what was said again meanwhile looks older to
        # it than it is, until it is said once more.
        subscription.confirmations = self.book.confirmations
        subscription.opening = self._opening(subscription, mode)
        # A replay needs no frame of its own: it is the log from there on.
        subscription.needs_catch_up, subscription.catch_up = mode != "replay", since
        self.fanout.bring_level(subscription)

    def _opening(self, subscription: Subscription, mode: Mode) -> Iterator[Outgoing]:
        left_s = subscription.expires_at - self.clock.wall().timestamp()
        heartbeat_s, head = self.settings.heartbeat_s, self.cursor
        yield frames.connected(subscription.id, head, mode, heartbeat_s, left_s, self.checkpoint)
        for known in self.connections:
            yield frames.source(known)
        due = self.log.events(subscription.wanted, head.seq)
        if mode == "replay" and due:
            # Described since, but no price of theirs has moved: no row brings them.
            yield self.log.news(due, subscription.told)

    def refilter(self, subscription: Subscription, wanted: Filter, max_hz: float | None) -> None:
        """Replace what a subscriber wants; it gets a snapshot of that."""
        self.fanout.leave(subscription)
        subscription.want(wanted, max_hz)
        subscription.needs_catch_up, subscription.catch_up = True, None
        self.fanout.bring_level(subscription)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscriber."""
        self.subscriptions.discard(subscription)
        self.fanout.leave(subscription)

    def tick(self) -> None:
        """Do what is due by the clock; called about once a second."""
        now, wall = self.clock.monotonic(), self.clock.wall()
        for subscription in tuple(self.subscriptions):
            if subscription.closes_with is None:
                look_after(subscription, self.settings, now, wall, self.checkpoint)
        self._confirm_some(now)
        if self.recording is not None:
            self.recording.confirm()
        self.check_freshness()
        self.audit.tick()
        if now >= self._sweep_due:
            self._sweep_due = now + SWEEP_S
            self.intake.names.forget(self.log.forget_over(wall), wall)

    def _confirm_some(self, now: float) -> None:
        """Tell what was said again, unchanged: who waits longest first, for a moment.

        A thousand filters over a board of thousands take seconds, which belong to the
        updates; whoever is not told now is told later, all of it.
        """
        waiting = [s for s in self.subscriptions if s.confirmations < self.book.confirmations]
        for subscription in sorted(waiting, key=lambda each: each.confirmations):
            if self.clock.monotonic() - now > CONFIRM_S:
                return
            audience = subscription.audience
            # Not before the updates that it still waits for: an old price would look young.
            if audience and audience.position == self.cursor.seq and subscription.is_idle:
                since = subscription.confirmations
                subscription.confirmations = self.book.confirmations
                if frame := self.log.confirmed(subscription.wanted, since):
                    subscription.write(frame)

    # ------------------------------------------------------- waiting and ending

    def recover(self, since: str | Cursor | None, wanted: Filter) -> Recovery:
        """Answer what a poller has missed since its cursor."""
        return self.log.recover(since, wanted)

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
                    await self._news.heard()
        except TimeoutError:
            return

    async def delivered(self) -> None:
        """Wait until every subscriber has been handed all there is.

        The pace of a replay at full speed. Not for ever: one subscriber that
        does not read must not stop the others' odds; it is conflated instead.
        Nor for those who want few frames: theirs is another pace.
        """
        if self.recording is not None:
            await self.recording.released()
        self.fanout.flush()
        try:
            async with asyncio.timeout(PATIENCE_S):
                while self.fanout.behind:
                    await self.fanout.progress.heard()
        except TimeoutError:
            _log.warning("a subscriber does not read; going on without it")

    async def deserted(self) -> None:
        """Wait until the last subscriber has left."""
        while self.subscriptions:
            await self.fanout.progress.heard()

    def drain(self) -> None:
        """Send everyone away; they come back after ``retry_ms``."""
        self.fanout.flush()
        self.is_draining = True
        for subscription in tuple(self.subscriptions):
            self._send_away(subscription)
        self._news.ring()

    def _send_away(self, subscription: Subscription) -> None:
        subscription.end(CloseCode.DRAINING, frames.draining(self.settings.retry_ms))
