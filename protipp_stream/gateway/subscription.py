"""One subscriber's place in the log.

A subscriber holds no queue of updates, only a position: what it has not read yet stands in
the backlog once, for all. So a slow one costs no memory, and one so slow that
the backlog has moved on gets each selection at its newest, and is told so.
"""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime
from typing import Literal

import msgspec

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.model import Cursor, RealTimeConnection

__all__ = ["Outgoing", "Subscription"]

MAX_NOTICES = 1_000
Transport = Literal["websocket", "sse", "polling"]


class Outgoing(msgspec.Struct, frozen=True):
    """A frame on its way out: its type, its bytes, and the cursor it leads to."""

    name: str
    data: bytes
    cursor: str | None = None


class Subscription:
    """What one connection wants, and how far it is.

    Attributes
    ----------
    position : int
        Every update up to here has been handed over or does not match.
    told : Cursor
        The newest cursor in a frame that the subscriber was given.
    notices : deque of Outgoing
        Frames beside the log, in order: sources, answers, errors.
    closes_with : int or None
        The close code, once it is decided that the connection ends.
    """

    def __init__(self, ident: str, transport: Transport, wanted: Filter, opened: datetime) -> None:
        self.id = ident
        self.transport = transport
        self.wanted = wanted
        self.opened = opened
        self.position = 0
        self.told = Cursor("", 0)
        self.notices: deque[Outgoing] = deque()
        self.last_sent: datetime | None = None
        self.expires_at: float = float("inf")
        self.closes_with: int | None = None
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Say that there may be something to send."""
        self._wake.set()

    def notify(self, notice: Outgoing) -> None:
        """Queue a frame beside the log.

        These are not in the backlog, so whoever lets them pile up is sent away.
        """
        self.notices.append(notice)
        if len(self.notices) > MAX_NOTICES:
            self.notices.clear()
            self.end(CloseCode.TOO_SLOW)
        self._wake.set()

    def end(self, code: int) -> None:
        """Say that nothing comes after the notices that are queued."""
        self.closes_with = code
        self._wake.set()

    async def wait(self, seconds: float) -> None:
        """Wait until woken, at most so long."""
        try:
            async with asyncio.timeout(max(seconds, 0.0)):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()

    def connection(self) -> RealTimeConnection:
        """The state of this connection, for the status page."""
        return RealTimeConnection(
            id=self.id,
            bookmaker_id="client",
            connection_type=self.transport,
            status="connected",
            detail="live",
            last_heartbeat=self.last_sent or self.opened,
        )
