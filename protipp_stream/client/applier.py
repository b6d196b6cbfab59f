"""The applier keeps the client's board: each frame checked, applied, timed, handed on.

It neither knows nor cares by which transport a frame came. The order of things:
check the cursor, apply to the mirror, finish the latency, tell who listens.
"""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter
from typing import Protocol, assert_never

from protipp_stream.client.arrival import Received
from protipp_stream.client.changes import Board, Delivery, Gap
from protipp_stream.client.sources import MAX_SOURCES
from protipp_stream.client.timing import Stage, Timing
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.latency import ClockOffset, OffsetSample
from protipp_stream.core.mirror import Mirror, quotes_of
from protipp_stream.core.sequence import verdict
from protipp_stream.core.wire import (
    Confirmed,
    Connected,
    Draining,
    ErrorFrame,
    Expiring,
    Heartbeat,
    Pong,
    Snapshot,
    Source,
    Updates,
)
from protipp_stream.errors import ProtocolError, UpdatesMissed
from protipp_stream.model import Confirmation, Cursor, Event, OddsUpdate, RealTimeConnection

__all__ = ["Applier", "Audience", "cursor_in"]

_log = logging.getLogger(__name__)

RECENT = 10_000
# Looking through a whole board takes milliseconds, and nothing of it is urgent.
SWEEP_S = 600.0


class Audience(Protocol):
    """Who is told what the follower finds; called on the follower's thread."""

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        """Take updates that follow each other without a gap."""
        ...

    def on_reset(self, gap: Gap | None) -> None:
        """The board is a new one; ``gap`` says what was missed, None if nothing was."""
        ...

    def on_gap(self, gap: Gap) -> None:
        """The next updates are the newest of each selection, not every one."""
        ...

    def on_confirmed(self, confirmations: Sequence[Confirmation]) -> None:
        """Take which prices were said again, unchanged."""
        ...

    def on_progress(self) -> None:
        """What came in has been handed on: who waits for it may look again."""
        ...

    def on_status(self, status: RealTimeConnection) -> None:
        """Take the state of the link."""
        ...

    def on_source(self, source: RealTimeConnection) -> None:
        """Take the state of one of the gateway's sources."""
        ...

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Take where the gateway's audit trail stands."""
        ...

    def on_epoch(self, sources: Sequence[RealTimeConnection]) -> None:
        """The gateway is another one, and these are all its sources."""
        ...


class Applier:
    """The board as the gateway has it, and who is told of its changes.

    Parameters
    ----------
    since : Cursor or None
        Everything up to here is known already.
    audience : Audience
        Who is told.
    is_paced : bool
        Whether we have asked for few frames: then nobody needs to be told that they
        have only the newest of each selection.

    Attributes
    ----------
    recent : deque of OddsUpdate
        The newest updates.
    handed_on : Cursor or None
        Everything up to here is on the board and with everyone who listens.
    has_board : bool
        Whether the gateway has brought us level once.
    last_update : datetime or None
        UTC: when the last change of a price arrived.
    """

    def __init__(self, since: Cursor | None, audience: Audience, *, is_paced: bool = False) -> None:
        self.recent: deque[OddsUpdate] = deque(maxlen=RECENT)
        self.handed_on = since
        self.has_board = False
        self.last_update: datetime | None = None
        self._audience = audience
        self._asked_for = "max_hz" if is_paced else None
        self._asks_anew = False
        self._lock = threading.Lock()
        self._mirror = Mirror()
        self._mirror.cursor = since
        self._timing = Timing()
        # Up to here we are catching up, which says nothing about the path.
        self._live_from: Cursor | None = None
        self._sweep_due = 0.0
        # Since the log last moved, or the connection began: if the next frame is a
        # snapshot of another epoch, these are all the sources that there are.
        self._sources: dict[str, RealTimeConnection] = {}

    # --------------------------------------------------------- read by anyone

    @property
    def cursor(self) -> Cursor | None:
        """Everything up to here is on the board."""
        return self._mirror.cursor

    @property
    def resume(self) -> Cursor | None:
        """What to ask for everything since; None for the whole board."""
        return None if self._asks_anew else self._mirror.cursor

    def board(self) -> Board:
        """Return a consistent copy of the board."""
        with self._lock:
            cursor, rows = self._mirror.cursor, self._mirror.rows
            events, confirmed = dict(self._mirror.events), self._mirror.confirmed
        return Board(cursor, quotes_of(rows, confirmed), events)

    def event_name(self, event_id: str) -> str:
        """Return an event's name; its id where it has none."""
        event = self._mirror.events.get(event_id)
        return event.name if event else event_id

    def latency(self, stage: Stage) -> Delivery | None:
        """Return how long a stage of the way takes; None before the first update."""
        with self._lock:
            return self._timing.stage(stage)

    @property
    def behind_ms(self) -> float | None:
        """How much later frames come now than the quickest did."""
        with self._lock:
            return self._timing.behind_ms

    def offset(self, arrived: float) -> OffsetSample | None:
        """Return the gateway's clock minus `client.arrival.now`, if it is known."""
        with self._lock:
            return self._timing.clock.at(arrived)

    # ---------------------------------------------------- on the client's loop

    def use(self, clock: ClockOffset) -> None:
        """Measure against this clock from now on: another connection is the live one."""
        with self._lock:
            self._timing.clock = clock

    def ask_anew(self) -> None:
        """Ask for the whole board, until one has come; the old one stays until then."""
        self._asks_anew = True

    def begin(self, frame: Connected) -> None:
        """Note that a connection begins: what comes up to its cursor was missed."""
        self._live_from = cursor_in(frame.cursor)
        self._sources = {}
        self.has_board = self.has_board or frame.mode != "snapshot"

    def take(self, received: Received) -> None:
        """Take a frame.

        Raises
        ------
        UpdatesMissed
            If something before it is missing. Nothing has changed then.
        ProtocolError
            If its cursor is none, or its rows are not what its cursors say.
        """
        frame = received.frame
        match frame:
            case Updates():
                self._take_updates(frame, received.arrived)
            case Snapshot():
                self._take_snapshot(frame)
            case Confirmed():
                with self._lock:
                    self._mirror.confirm(frame.confirmed)
                self._audience.on_confirmed(frame.confirmed)
            case Source():
                self._take_source(frame.connection)
            case ErrorFrame(code="rate_limited") | ErrorFrame(code="malformed"):
                _log.warning("the gateway did not take a message: %r", frame.message)
            case Heartbeat():
                self._check_tail(cursor_in(frame.cursor))
                if frame.checkpoint is not None:
                    self._audience.on_checkpoint(frame.checkpoint)
                with self._lock:
                    self._timing.note(frame.sent_at, received.arrived)
                self._sweep(frame.sent_at, received.arrived)
            case Connected() | Draining() | ErrorFrame() | Expiring() | Pong():
                pass  # the follower or the transport has answered them
            case _:
                assert_never(frame)

    def _sweep(self, sent_at: datetime, arrived: float) -> None:
        if arrived >= self._sweep_due:
            self._sweep_due = arrived + SWEEP_S
            with self._lock:
                gone = self._mirror.forget_over(sent_at)
            if gone:
                # Whoever draws the board takes it anew; no update is missing.
                self._audience.on_reset(None)

    def _check_tail(self, told: Cursor) -> None:
        """The last frame before a silence may be the one that was lost."""
        if verdict(self.cursor, told, told) in {"gap", "reset"}:
            raise UpdatesMissed(f"Updates between {self.cursor} and {told} are missing.")

    def _take_source(self, source: RealTimeConnection) -> None:
        if len(self._sources) < 2 * MAX_SOURCES:  # feeds and bookmakers
            self._sources[source.id] = source
        self._audience.on_source(source)

    def _take_updates(self, frame: Updates, arrived: float) -> None:
        prev, cursor = cursor_in(frame.prev), cursor_in(frame.cursor)
        with self._lock:
            before = self._mirror.cursor
            judged, fresh = self._mirror.apply(prev, cursor, frame.updates)
            if judged in {"gap", "reset"}:
                raise UpdatesMissed(
                    f"Updates between {before} and {prev} are missing; asking for them again."
                )
            self._mirror.describe(frame.events)
            self._timing.note(frame.sent_at, arrived)
            self._timing.complete(frame.sent_at, arrived, self._live(frame, cursor, fresh))
        # A poll brings no heartbeat.
        self._sweep(frame.sent_at, arrived)
        if frame.conflated not in {None, self._asked_for} and fresh:
            why = f"{frame.conflated}: of {len(fresh)} selections only the newest update"
            first = (before or prev).seq + 1
            self._audience.on_gap(Gap(why, cursor.epoch, first, cursor.seq, len(fresh)))
        self.recent.extend(fresh)
        self._sources = {}
        self._audience.on_updates(fresh, frame.events)
        if fresh:
            self.last_update = datetime.now(UTC)
        self._note_progress()

    def _live(
        self, frame: Updates, cursor: Cursor, fresh: Sequence[OddsUpdate]
    ) -> Sequence[OddsUpdate]:
        """Leave out what was missed and is caught up on.

        Its age is that of our absence, not of the path.
        """
        if frame.conflated == "patch":
            return []
        mine = self._live_from
        if mine is None or mine.epoch != cursor.epoch:
            return fresh
        return fresh[bisect_right(fresh, mine.seq, key=attrgetter("seq")) :]

    def _take_snapshot(self, frame: Snapshot) -> None:
        cursor = cursor_in(frame.cursor)
        with self._lock:
            before = self._mirror.cursor
            self._mirror.reset(cursor, frame.quotes)
            self._mirror.describe(frame.events)
        # A poll may bring one at any time, of another epoch too.
        self._live_from = cursor
        asked, self._asks_anew = self._asks_anew, False
        gap = None
        if before is not None and cursor != before:
            gap = _gap_of_snapshot(before, cursor, was_asked=asked)
            _log.info("%s", gap.why)
        told, self._sources = self._sources, {}
        if before is not None and cursor.epoch != before.epoch:
            self._audience.on_epoch(list(told.values()))
        self.has_board = True
        self._audience.on_reset(gap)
        self._note_progress()

    def _note_progress(self) -> None:
        # Last: who has waited for a cursor looks for its rows at once.
        self.handed_on = self._mirror.cursor
        self._audience.on_progress()


def _gap_of_snapshot(before: Cursor, cursor: Cursor, *, was_asked: bool) -> Gap:
    anew = cursor.epoch != before.epoch
    away = "the whole board was asked for" if was_asked else "we were away for too long"
    reason = "the gateway has started anew" if anew else away
    why = f"{reason}; a snapshot at {cursor} replaced the board of {before}"
    # What the old log still had behind its cursor, nobody knows any more.
    return Gap(why, cursor.epoch, 1 if anew else before.seq + 1, cursor.seq)


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
