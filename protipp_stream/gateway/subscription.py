"""One subscriber's place in the log, and what is said to it beside the log.

A subscriber holds no queue of updates, only a position: what it has not read
yet stands in the backlog once, for all. So a slow one costs no memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.gateway.frames import Outgoing
from protipp_stream.gateway.outlet import Outlet
from protipp_stream.model import Cursor, RealTimeConnection

if TYPE_CHECKING:
    from protipp_stream.gateway.fanout import Audience, Fanout

__all__ = ["Subscription", "Transport"]

MAX_NOTICES = 1_000
Transport = Literal["websocket", "sse"]


class Subscription:
    """What one connection wants, and how far it is.

    Attributes
    ----------
    outlet : Outlet
        Where its frames leave.
    wanted : Filter
        What it wants to see, at most ``max_hz`` frames a second.
    position : int
        Every update up to here has been written or does not match.
    told : Cursor
        The newest cursor in a frame that was written to it; with an empty
        epoch as long as it has not been opened.
    replays_to : int
        Up to here it asked for every update: nothing is conflated before.
    audience : Audience or None
        The level ones among whom it stands; their position is then its own.
    notices : deque of Outgoing
        Frames beside the log that wait until its buffer is clear.
    full_since : float or None
        When its buffer filled, in monotonic seconds.
    closes_with : int or None
        The close code, once it is decided that the connection ends; ``ended``
        is set with it.
    """

    def __init__(
        self,
        ident: str,
        transport: Transport,
        outlet: Outlet,
        wanted: Filter,
        max_hz: float | None,
        opened: datetime,
        fanout: Fanout,
    ) -> None:
        self.id = ident
        self.transport = transport
        self.outlet = outlet
        self.wanted = wanted
        self.max_hz = max_hz
        self.opened = opened
        self.position = self.replays_to = 0
        self.told = Cursor("", 0)
        self.audience: Audience | None = None
        self.notices: deque[Outgoing] = deque()
        self.last_sent: datetime | None = None
        self.beat_due = self.warned_of = 0.0
        self.full_since: float | None = None
        self.expires_at: float = float("inf")
        self.closes_with: int | None = None
        self.ended = asyncio.Event()
        self._fanout = fanout
        outlet.attach(self)

    @property
    def is_idle(self) -> bool:
        """Whether a frame that is written now leaves at once."""
        return self.outlet.is_clear and self.outlet.is_open

    @property
    def newest_told(self) -> Cursor:
        """The newest cursor in a frame that was written to it."""
        told = self.audience.told if self.audience else self.told
        return max(told, self.told, key=lambda cursor: cursor.seq)

    def write(self, frame: Outgoing) -> None:
        """Write a frame now; ask `is_idle` first."""
        self.outlet.write(self.outlet.framing(frame))

    def notify(self, notice: Outgoing) -> None:
        """Say something beside the log, as soon as there is room.

        These are not in the backlog, so whoever lets them pile up is sent away.
        """
        if self.is_idle and not self.notices:
            self.write(notice)
            return
        if self.closes_with is not None:
            return  # its last words have been said
        self.notices.append(notice)
        if len(self.notices) > MAX_NOTICES:
            self.notices.clear()
            self.end(CloseCode.TOO_SLOW)

    def end(self, code: int) -> None:
        """Say that nothing comes after the notices that are queued."""
        if self.closes_with is None:
            self.closes_with = code
            self._fanout.leave(self)
            # Its last words, room or not: there will be no better moment.
            while self.notices and self.outlet.is_open:
                self.write(self.notices.popleft())
            self.ended.set()

    def on_full(self) -> None:
        """Its buffer is not empty: from here on it is behind."""
        self._fanout.fall_behind(self)

    def on_clear(self) -> None:
        """Its buffer is empty again: it can be brought level."""
        self.full_since = None
        self._fanout.bring_level(self)

    def on_lost(self) -> None:
        """Nothing can be written any more."""
        self._fanout.leave(self)

    def connection(self) -> RealTimeConnection:
        """The state of this connection, for the status page."""
        newest = self.audience.last_sent if self.audience else None
        times = [time for time in (self.last_sent, newest, self.opened) if time is not None]
        return RealTimeConnection(
            id=self.id,
            bookmaker_id="client",
            connection_type=self.transport,
            status="connected",
            detail="live" if self.full_since is None else "stalled",
            last_heartbeat=max(times),
        )
