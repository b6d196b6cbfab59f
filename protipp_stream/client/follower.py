"""The follower keeps a mirror level with the gateway, by whatever transport works.

It runs on an event loop in a thread of its own, so that a busy notebook cell
never stalls the stream. The order of things for each frame: check the cursor,
apply it to the mirror, finish its latency, hand it on.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
import time
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Any, Protocol, assert_never

import msgspec

from protipp_stream.client.changes import Board, Delivery
from protipp_stream.client.endpoint import Endpoint
from protipp_stream.client.transports import LADDER, TransportName
from protipp_stream.core.backoff import delay_s
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import ClockOffset, RollingQuantiles
from protipp_stream.core.mirror import Mirror
from protipp_stream.core.sequence import verdict
from protipp_stream.core.wire import (
    Connected,
    Draining,
    ErrorFrame,
    Expiring,
    Heartbeat,
    Pong,
    ServerFrame,
    Snapshot,
    Source,
    Updates,
)
from protipp_stream.errors import (
    AccessForbidden,
    ConfigurationError,
    ConnectionEnded,
    ConnectionLost,
    GatewayUnreachable,
    LinkError,
    NotAGateway,
    TokenRefused,
)
from protipp_stream.model import Cursor, Event, OddsUpdate, RealTimeConnection, Status

__all__ = ["Audience", "Follower"]

_log = logging.getLogger(__name__)

# Trying again would end the same way; showing an old board as live would lie.
_FINAL = (TokenRefused, AccessForbidden, ConnectionEnded, ConfigurationError)
FIRST_FRAME_S = 5.0
# Death after 4/3 of a heartbeat: 40 s of silence where it is 30.
SILENCE = 4 / 3
RECENT = 10_000
PULSE_S = 0.5
MAX_LATENCY_MS = 3_600_000.0


class Audience(Protocol):
    """Who is told what the follower finds; called on the follower's thread."""

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        """Take updates that follow each other without a gap."""
        ...

    def on_reset(self, why: str | None) -> None:
        """The board is a new one; ``why`` says what was missed, None at the first."""
        ...

    def on_gap(self, why: str) -> None:
        """The next updates are the newest of each selection, not every one."""
        ...

    def on_status(self, status: RealTimeConnection) -> None:
        """Take the state of the link."""
        ...

    def on_source(self, source: RealTimeConnection) -> None:
        """Take the state of one of the gateway's feeds."""
        ...


class Follower:
    """Follows one gateway.

    Parameters
    ----------
    endpoint : Endpoint
        Where, and who we are.
    ladder : sequence of str
        Transports in the order in which they are tried.
    wanted : Filter
        What to ask for.
    since : Cursor or None
        Where to resume.
    audience : Audience
        Who is told.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        ladder: Sequence[TransportName],
        wanted: Filter,
        since: Cursor | None,
        audience: Audience,
    ) -> None:
        self._endpoint = endpoint
        self._ladder = list(ladder)
        self._wanted = wanted
        self._audience = audience
        self._lock = threading.Lock()
        self._mirror = Mirror()
        self._mirror.cursor = since
        self._clock = ClockOffset()
        self._latencies = RollingQuantiles()
        self._live_from = 0
        self._last_update: datetime | None = None
        self._has_board = False
        self.last_error: LinkError | None = None
        self.recent: deque[OddsUpdate] = deque(maxlen=RECENT)
        self.status = RealTimeConnection(
            id="link", bookmaker_id="gateway", connection_type=ladder[0], status="connecting"
        )

    # --------------------------------------------------------- read by anyone

    def board(self) -> Board:
        """Return a consistent copy of the board."""
        with self._lock:
            mirror = self._mirror
            return Board(mirror.cursor, list(mirror.quotes.values()), dict(mirror.events))

    def event_name(self, event_id: str) -> str:
        """Return an event's name; its id where it has none."""
        event = self._mirror.events.get(event_id)
        return event.name if event else event_id

    @property
    def cursor(self) -> Cursor | None:
        """Everything up to here has been applied."""
        return self._mirror.cursor

    @property
    def has_board(self) -> bool:
        """Whether the gateway has brought us level once."""
        return self._has_board

    def ended(self, status: Status, why: str | None) -> RealTimeConnection:
        """Return the state of a link that has ended."""
        last_error = why or self.status.last_error
        self._replace(status=status, detail="terminal", last_error=last_error, stale=True)
        return self.status

    def delivery(self) -> Delivery | None:
        """Return how long updates take from the gateway's receipt to here."""
        with self._lock:
            p50, p95 = self._latencies.quantile(0.5), self._latencies.quantile(0.95)
            best = self._clock.best
            if p50 is None or p95 is None or best is None:
                return None
            return Delivery(self._latencies.count, p50, p95, best.error_s * 1000)

    # ----------------------------------------------------------- on the loop

    async def run(self) -> None:
        """Follow until cancelled.

        Raises
        ------
        LinkError
            When trying again would end the same way.
        """
        step, wrong = 0, 0
        while True:
            name = self._ladder[step]
            was_live = False
            try:
                await self._follow(name)
            except _FINAL as error:
                self._tell(status="error", detail="terminal", last_error=str(error), stale=True)
                raise
            except LinkError as error:
                self.last_error = error
                was_live = self.status.status == "connected"
                wrong = wrong + 1 if isinstance(error, NotAGateway) else 0
                if wrong == len(self._ladder):
                    self._tell(status="error", detail="terminal", last_error=str(error), stale=True)
                    raise
                step = self._next_step(step, error, was_live)
                await self._back_off(error, at_once=step > 0)

    def _next_step(self, step: int, error: LinkError, was_live: bool) -> int:
        """One rung down when this one can't be had; from the top after a loss."""
        if was_live or isinstance(error, GatewayUnreachable):
            return 0
        return (step + 1) % len(self._ladder)

    async def _back_off(self, error: LinkError, *, at_once: bool) -> None:
        attempt = self.status.reconnect_attempts + 1
        _log.info("link to %s: %s", self._endpoint.base, error)
        self._tell(
            status="connecting" if at_once else "disconnected",
            detail="recovering" if at_once else "backoff",
            error_count=self.status.error_count + 1,
            last_error=str(error),
            reconnect_attempts=attempt,
            stale=True,
        )
        if not at_once or error.retry_after is not None:
            await asyncio.sleep(delay_s(attempt, random.random(), error.retry_after))

    async def _follow(self, name: TransportName) -> None:
        self._tell(connection_type=name, status="connecting", detail="recovering")
        self._clock = ClockOffset()
        transport = LADDER[name]
        frames = transport(self._endpoint, self.cursor, self._wanted, self._clock)
        patience_s = FIRST_FRAME_S
        async with aclosing(frames):
            while True:
                try:
                    async with asyncio.timeout(patience_s):
                        frame = await anext(frames)
                except TimeoutError:
                    raise ConnectionLost(
                        f"The gateway at {self._endpoint.base} was silent for {patience_s:.0f} s."
                    ) from None
                if isinstance(frame, Connected):
                    patience_s = frame.heartbeat_s * SILENCE
                self._take(frame)

    def _take(self, frame: ServerFrame) -> None:
        match frame:
            case Connected():
                cursor = Cursor.parse(frame.cursor)
                self._live_from = cursor.seq if cursor else 0
                self._has_board = self._has_board or frame.mode != "snapshot"
                self._tell(
                    id=frame.connection_id,
                    status="connected",
                    detail="live",
                    reconnect_attempts=0,
                    stale=False,
                )
            case Updates():
                self._take_updates(frame)
            case Snapshot():
                self._take_snapshot(frame)
            case Source():
                self._audience.on_source(frame.connection)
            case ErrorFrame(code="rate_limited") | ErrorFrame(code="malformed"):
                _log.warning("the gateway did not take a message: %s", frame.message)
            case Heartbeat():
                self._check_tail(_cursor(frame.cursor))
            case Draining() | ErrorFrame() | Expiring() | Pong():
                pass  # the transport has answered them, or their close says the rest
            case _:
                assert_never(frame)
        self._pulse()

    def _check_tail(self, told: Cursor) -> None:
        """The last frame before a silence may be the one that was lost."""
        if verdict(self.cursor, told, told) in {"gap", "reset"}:
            raise ConnectionLost(f"Updates between {self.cursor} and {told} are missing.")

    def _pulse(self) -> None:
        """Tell the sign of life, but not a hundred times a second."""
        now = datetime.now(UTC)
        last = self.status.last_heartbeat
        if last is None or (now - last).total_seconds() >= PULSE_S:
            delivery = self.delivery()
            self._tell(
                last_heartbeat=now,
                last_update=self._last_update,
                latency_ms=delivery.p50_ms if delivery else None,
            )

    def _take_updates(self, frame: Updates) -> None:
        arrived = time.time()
        prev, cursor = _cursor(frame.prev), _cursor(frame.cursor)
        with self._lock:
            before = self._mirror.cursor
            judged, fresh = self._mirror.apply(prev, cursor, frame.updates)
            if judged in {"gap", "reset"}:
                raise ConnectionLost(
                    f"Updates between {before} and {prev} are missing; asking for them again."
                )
            self._mirror.describe(frame.events)
            fresh = [self._completed(update, arrived) for update in fresh]
        if frame.conflated is not None and fresh:
            self._audience.on_gap(
                f"{frame.conflated}: of {len(fresh)} selections only the newest update"
            )
        if fresh or frame.events:
            self.recent.extend(fresh)
            self._audience.on_updates(fresh, frame.events)
            self._last_update = datetime.now(UTC)

    def _take_snapshot(self, frame: Snapshot) -> None:
        cursor = _cursor(frame.cursor)
        with self._lock:
            before = self._mirror.cursor
            self._mirror.reset(cursor, frame.quotes)
            self._mirror.describe(frame.events)
        why = None
        if before is not None:
            anew = cursor.epoch != before.epoch
            reason = "the gateway has started anew" if anew else "we were away for too long"
            why = f"{reason}; a snapshot at {cursor} replaced the board of {before}"
            _log.info("link to %s: %s", self._endpoint.base, why)
        self._has_board = True
        self._audience.on_reset(why)

    def _completed(self, update: OddsUpdate, arrived: float) -> OddsUpdate:
        """Add the way from the gateway to here, where the clocks can be compared.

        What was missed and is caught up on is not measured: its age is that of
        our absence, not of the path.
        """
        best = self._clock.best
        if best is None or update.seq <= self._live_from:
            return update
        latency_ms = (arrived + best.offset_s - update.timestamp.timestamp()) * 1000
        if latency_ms > MAX_LATENCY_MS:
            # A recording played with its own times; that is not how late we are.
            return update
        self._latencies.add(latency_ms)
        return msgspec.structs.replace(update, latency_ms=latency_ms)

    def _tell(self, **changes: Any) -> None:
        self._replace(**changes)
        self._audience.on_status(self.status)

    def _replace(self, **changes: Any) -> None:
        self.status = msgspec.structs.replace(self.status, **changes)


def _cursor(text: str) -> Cursor:
    cursor = Cursor.parse(text)
    if cursor is None:
        raise ConnectionLost(f"The gateway sent {text!r}, which is no cursor.")
    return cursor
