"""The applier keeps the client's board: each frame checked, applied, timed, handed on.

It neither knows nor cares by which transport a frame came. The order of things:
check the cursor, apply to the mirror, finish the latency, tell who listens.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Protocol, assert_never

import msgspec

from protipp_stream.client.changes import Board, Delivery
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
from protipp_stream.errors import ProtocolError, UpdatesMissed
from protipp_stream.model import Cursor, Event, OddsUpdate, RealTimeConnection

__all__ = ["Applier", "Audience", "cursor_in"]

_log = logging.getLogger(__name__)

RECENT = 10_000
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


class Applier:
    """The board as the gateway has it, and who is told of its changes.

    Parameters
    ----------
    since : Cursor or None
        Everything up to here is known already.
    audience : Audience
        Who is told.

    Attributes
    ----------
    clock : ClockOffset
        The gateway's clock as the connection in use knows it.
    recent : deque of OddsUpdate
        The newest updates.
    has_board : bool
        Whether the gateway has brought us level once.
    last_update : datetime or None
        UTC: when the last change of a price arrived.
    """

    def __init__(self, since: Cursor | None, audience: Audience) -> None:
        self.clock = ClockOffset()
        self.recent: deque[OddsUpdate] = deque(maxlen=RECENT)
        self.has_board = False
        self.last_update: datetime | None = None
        self._audience = audience
        self._lock = threading.Lock()
        self._mirror = Mirror()
        self._mirror.cursor = since
        self._latencies = RollingQuantiles()
        self._live_from = 0

    # --------------------------------------------------------- read by anyone

    @property
    def cursor(self) -> Cursor | None:
        """Everything up to here has been applied."""
        return self._mirror.cursor

    def board(self) -> Board:
        """Return a consistent copy of the board."""
        with self._lock:
            mirror = self._mirror
            return Board(mirror.cursor, list(mirror.quotes.values()), dict(mirror.events))

    def event_name(self, event_id: str) -> str:
        """Return an event's name; its id where it has none."""
        event = self._mirror.events.get(event_id)
        return event.name if event else event_id

    def delivery(self) -> Delivery | None:
        """Return how long updates take from the gateway's receipt to here."""
        with self._lock:
            p50, p95 = self._latencies.quantile(0.5), self._latencies.quantile(0.95)
            best = self.clock.best
            if p50 is None or p95 is None or best is None:
                return None
            return Delivery(self._latencies.count, p50, p95, best.error_s * 1000)

    # ---------------------------------------------------- on the client's loop

    def take(self, frame: ServerFrame) -> None:
        """Take a frame.

        Raises
        ------
        UpdatesMissed
            If something before it is missing. Nothing has changed then.
        ProtocolError
            If its cursor is none.
        """
        match frame:
            case Connected():
                self._live_from = cursor_in(frame.cursor).seq
                self.has_board = self.has_board or frame.mode != "snapshot"
            case Updates():
                self._take_updates(frame)
            case Snapshot():
                self._take_snapshot(frame)
            case Source():
                self._audience.on_source(frame.connection)
            case ErrorFrame(code="rate_limited") | ErrorFrame(code="malformed"):
                _log.warning("the gateway did not take a message: %s", frame.message)
            case Heartbeat():
                self._check_tail(cursor_in(frame.cursor))
            case Draining() | ErrorFrame() | Expiring() | Pong():
                pass  # the transport has answered them, or their close says the rest
            case _:
                assert_never(frame)

    def _check_tail(self, told: Cursor) -> None:
        """The last frame before a silence may be the one that was lost."""
        if verdict(self.cursor, told, told) in {"gap", "reset"}:
            raise UpdatesMissed(f"Updates between {self.cursor} and {told} are missing.")

    def _take_updates(self, frame: Updates) -> None:
        arrived = time.time()
        prev, cursor = cursor_in(frame.prev), cursor_in(frame.cursor)
        with self._lock:
            before = self._mirror.cursor
            judged, fresh = self._mirror.apply(prev, cursor, frame.updates)
            if judged in {"gap", "reset"}:
                raise UpdatesMissed(
                    f"Updates between {before} and {prev} are missing; asking for them again."
                )
            self._mirror.describe(frame.events)
            fresh = [self._completed(update, arrived) for update in fresh]
        if frame.conflated is not None and fresh:
            self._audience.on_gap(
                f"{frame.conflated}: of {len(fresh)} selections only the newest update"
            )
        self.recent.extend(fresh)
        # Without rows too: somebody may wait for the cursor.
        self._audience.on_updates(fresh, frame.events)
        if fresh:
            self.last_update = datetime.now(UTC)

    def _take_snapshot(self, frame: Snapshot) -> None:
        cursor = cursor_in(frame.cursor)
        with self._lock:
            before = self._mirror.cursor
            self._mirror.reset(cursor, frame.quotes)
            self._mirror.describe(frame.events)
        why = None
        if before is not None:
            anew = cursor.epoch != before.epoch
            reason = "the gateway has started anew" if anew else "we were away for too long"
            why = f"{reason}; a snapshot at {cursor} replaced the board of {before}"
            _log.info("%s", why)
        self.has_board = True
        self._audience.on_reset(why)

    def _completed(self, update: OddsUpdate, arrived: float) -> OddsUpdate:
        """Add the way from the gateway to here, where the clocks can be compared.

        What was missed and is caught up on is not measured: its age is that of
        our absence, not of the path.
        """
        best = self.clock.best
        if best is None or update.seq <= self._live_from:
            return update
        latency_ms = (arrived + best.offset_s - update.timestamp.timestamp()) * 1000
        if latency_ms > MAX_LATENCY_MS:
            # A recording played with its own times; that is not how late we are.
            return update
        self._latencies.add(latency_ms)
        return msgspec.structs.replace(update, latency_ms=latency_ms)


def cursor_in(text: str) -> Cursor:
    """Read a cursor that a gateway sent.

    Raises
    ------
    ProtocolError
        If it is none.
    """
    cursor = Cursor.parse(text)
    if cursor is None:
        raise ProtocolError(f"The gateway sent {text!r}, which is no cursor.")
    return cursor
