"""One subscriber's place in the log, and what is said to it beside the log.

A subscriber holds no queue of updates, only a position: what it has not read
yet stands in the backlog once, for all. So a slow one costs no memory.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Literal

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.conflate import Pace
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
    opening : iterator of Outgoing, or None
        What is said before everything else, made only as there is room for it;
        None when it has been said.
    catch_up : Cursor or None
        With ``needs_catch_up``: since when it needs a patch; None for a snapshot.
    confirmations : int
        Of the book's, those that it was told or that are none of its business.
    pace : Pace
        When its last frame left, for one that is not among others.
    audience : Audience or None
        The level ones among whom it stands; their position is then its own.
    notices : deque of Outgoing
        Frames beside the log that wait until its buffer is clear.
    facts : dict of Outgoing
        The same for the states of sources: the newest of each.
    full_since : float or None
        Since when its buffer has been full without progress, in monotonic
        seconds; ``full_bytes`` stood in it then.
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
        self.want(wanted, max_hz)
        self.opened = opened
        self.position = self.replays_to = 0
        self.told = Cursor("", 0)
        self.opening: Iterator[Outgoing] | None = None
        self.needs_catch_up = False
        self.confirmations = 0
        self.catch_up: Cursor | None = None
        self.audience: Audience | None = None
        self.facts: dict[str, Outgoing] = {}
        self.notices: deque[Outgoing] = deque()
        self.last_sent: datetime | None = None
        self.beat_due = self.warned_of = 0.0
        self.full_since: float | None = None
        self.full_bytes = 0
        self.expires_at: float = float("inf")
        self.closes_with: int | None = None
        self.ended = asyncio.Event()
        self._fanout = fanout
        outlet.attach(self)

    def want(self, wanted: Filter, max_hz: float | None) -> None:
        """Want something else from now on; call it before it is brought level again."""
        self.wanted, self.max_hz, self.pace = wanted, max_hz, Pace(max_hz)

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
        if self.closes_with is not None:
            return  # its last words have been said
        if self._has_the_word:
            self.write(notice)
            return
        self.notices.append(notice)
        if len(self.notices) > MAX_NOTICES:
            self.end(CloseCode.TOO_SLOW)

    def inform(self, ident: str, fact: Outgoing) -> None:
        """Tell the state of a source; while there is no room, only its newest is kept."""
        if self._has_the_word:
            self.notify(fact)
        elif self.closes_with is None:
            self.facts[ident] = fact

    @property
    def _has_the_word(self) -> bool:
        """Whether what is said now leaves at once, and overtakes nothing."""
        return self.is_idle and not self.notices and self.opening is None

    def next_word(self) -> Outgoing | None:
        """Return what is to be said next beside the log; None when all is said."""
        if self.opening is not None:
            if (frame := next(self.opening, None)) is not None:
                return frame
            self.opening = None
        if self.notices:
            return self.notices.popleft()
        return self.facts.pop(next(iter(self.facts))) if self.facts else None

    def end(self, code: int, last_word: Outgoing | None = None) -> None:
        """Say that nothing comes any more but a last word."""
        if self.closes_with is None:
            self.closes_with = code
            self._fanout.leave(self)
            self.notices.clear()
            self.facts.clear()
            if last_word is not None and self.outlet.is_open:
                # Room or not: it is a hundred bytes, and there is no better moment.
                self.write(last_word)
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
        self.ended.set()

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
