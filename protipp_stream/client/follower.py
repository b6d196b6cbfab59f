"""The follower drives a link: it opens, reads, closes and waits; `core.link` decides.

It runs on an event loop in a thread of its own, so that a busy notebook cell
never stalls the stream. While it climbs back to a better transport, two
connections deliver side by side; the applier drops what it knows already.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from math import inf
from typing import Any

import msgspec

from protipp_stream.client.applier import Applier, Audience, cursor_in
from protipp_stream.client.arrival import Received
from protipp_stream.client.endpoint import Endpoint
from protipp_stream.client.plan import Plan, plan_of
from protipp_stream.client.transports import LADDER, TransportName
from protipp_stream.core import link_words as words
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import ClockOffset
from protipp_stream.core.link import Link
from protipp_stream.core.link_words import Failure, Phase
from protipp_stream.core.wire import Connected
from protipp_stream.errors import (
    AccessForbidden,
    ConfigurationError,
    ConnectionEnded,
    ConnectionLost,
    GatewayUnreachable,
    LinkError,
    NotAGateway,
    ProtippStreamError,
    ProtocolError,
    TokenRefused,
    UpdatesMissed,
)
from protipp_stream.model import Cursor, Detail, RealTimeConnection, Status

__all__ = ["Follower"]

_log = logging.getLogger(__name__)

PULSE_S = 0.5
FRAMES_AHEAD = 100
MAX_WORDS = 500
_NAMES = tuple(LADDER)

# How a phase is shown; `Link.phase` is the truth.
_SHOWN: dict[Phase, tuple[Status, Detail | None]] = {
    Phase.IDLE: ("connecting", None),
    Phase.CONNECTING: ("connecting", "recovering"),
    Phase.LIVE: ("connected", "live"),
    Phase.STALLED: ("connected", "stalled"),
    Phase.BACKOFF: ("disconnected", "backoff"),
    Phase.AWAY: ("disconnected", "paused"),
    Phase.ENDED: ("error", "terminal"),
}


class Connection:
    """One open connection: a task that reads frames, and what is known of it.

    Attributes
    ----------
    ident : str
        The gateway's name for it.
    joined : Cursor or None
        Where the log stood when it was accepted.
    clock : ClockOffset
        The gateway's clock as measured over it.
    """

    def __init__(self, clock: ClockOffset, task: asyncio.Task[None]) -> None:
        self.ident = "link"
        self.joined: Cursor | None = None
        self.clock = clock
        self.task = task


class Follower:
    """Follows one gateway.

    Parameters
    ----------
    endpoint : Endpoint
        Where, and who we are.
    rungs : range
        Which transports of `LADDER` are tried.
    wanted : Filter
        What to ask for.
    since : Cursor or None
        Where to resume.
    audience : Audience
        Who is told.
    max_hz : float, optional
        Frames a second that may come at most.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        rungs: range,
        wanted: Filter,
        since: Cursor | None,
        audience: Audience,
        max_hz: float | None = None,
    ) -> None:
        self.applier = Applier(since, audience, is_paced=max_hz is not None)
        self.last_error: ProtippStreamError | None = None
        self.status = RealTimeConnection(
            id="link",
            bookmaker_id="gateway",
            connection_type=_NAMES[rungs.start],
            status="connecting",
        )
        self._endpoint = endpoint
        self._wanted = wanted
        self._max_hz = max_hz
        self._audience = audience
        self._link = Link(rungs, random.random)
        self._connections: dict[int, Connection] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._heard_at: datetime | None = None
        self._pulsed_at, self._pulse_due = -inf, inf
        self.plan: Plan | None = None
        self._following: words.Next | None = None
        self._wishes: deque[words.Control] = deque()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._inbox: asyncio.Queue[tuple[int, Received | ProtippStreamError] | None]

    def wish(self, wish: words.Control) -> None:
        """Take what the user wants, from any thread; one before `run` waits for it."""
        self._wishes.append(wish)
        if self._loop is None:
            return  # `run` looks for wishes when it has its loop
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            _log.debug("link to %s: it has ended; %r came too late", self._endpoint.base, wish)

    def ended(self, status: Status, why: str | None) -> RealTimeConnection:
        """Return the state of a link that has ended."""
        last_error = _printable(why) if why else self.status.last_error
        self.plan = None
        self._replace(status=status, detail="terminal", last_error=last_error, stale=True)
        return self.status

    async def run(self) -> None:
        """Follow until cancelled.

        Raises
        ------
        ProtippStreamError
            When trying again would end the same way.
        """
        self._inbox = asyncio.Queue(FRAMES_AHEAD)
        self._loop = asyncio.get_running_loop()
        try:
            self._tell_link(words.Start())
            while self._link.phase is not Phase.ENDED:
                while self._wishes:
                    self._grant(self._wishes.popleft())
                heard = await self._next()
                if heard is None:
                    self._tell_link(words.Passed())
                    self._pulse()
                else:
                    self._take(*heard)
        finally:
            await self._close_all()
        raise self.last_error or ConnectionEnded("The link has ended.")

    # ------------------------------------------------------------ what comes in

    async def _next(self) -> tuple[int, Received | ProtippStreamError] | None:
        """Return the next word of any connection; None when something else is to be done."""
        deadline = min(self._link.deadline, self._pulse_due)
        try:
            async with asyncio.timeout_at(None if deadline == inf else deadline):
                return await self._inbox.get()
        except TimeoutError:
            return None

    def _wake(self) -> None:
        if not self._inbox.full():  # then `_next` does not wait
            self._inbox.put_nowait(None)

    def _grant(self, wish: words.Control) -> None:
        if isinstance(wish, words.Leave):
            # What went wrong before is not why we are away.
            self._replace(last_error=None)
        elif isinstance(wish, words.Renew):
            self.applier.ask_anew()
        self._tell_link(wish)
        self._show()

    def _take(self, number: int, word: Received | ProtippStreamError) -> None:
        connection = self._connections.get(number)
        if connection is None:
            return  # its last words, after it was closed
        if isinstance(word, ProtippStreamError):
            self._fail(number, word)
            return
        try:
            if isinstance(word.frame, Connected):
                self._connected(number, connection, word.frame)
            else:
                self._tell_link(words.Heard(number))
                self.applier.take(word)
        except ProtippStreamError as error:
            self._fail(number, error)
            return
        if number == self._link.probe and self._is_level(connection):
            self._tell_link(words.Level(number))
        self._sign_of_life()

    def _connected(self, number: int, connection: Connection, frame: Connected) -> None:
        if connection.joined is not None:
            raise ProtocolError("The gateway said twice that we are connected.")
        connection.ident, connection.joined = frame.connection_id, cursor_in(frame.cursor)
        if frame.checkpoint is not None:
            self._audience.on_checkpoint(frame.checkpoint)
        if number == self._link.probe:
            if frame.mode == "snapshot":
                raise ConnectionLost("The better transport would start anew; staying here.")
        else:
            self.applier.begin(frame)
        self._tell_link(words.Connected(number, frame.heartbeat_s))

    def _is_level(self, connection: Connection) -> bool:
        mine, its = self.applier.cursor, connection.joined
        if mine is None or its is None or mine.epoch != its.epoch:
            return False
        return mine.seq >= its.seq

    def _fail(self, number: int, error: ProtippStreamError) -> None:
        _log.debug("link to %s: %s", self._endpoint.base, _printable(str(error)))
        why = _why(error)
        if number == self._link.probe and isinstance(error, ConnectionEnded):
            why = "blocked"  # of this way only: the live one goes on
        if number == self._link.live or why == "refused":
            self._note(error)
        retry_after_s = error.retry_after if isinstance(error, LinkError) else None
        self._tell_link(words.Failed(number, why, retry_after_s))

    def _note(self, error: ProtippStreamError) -> None:
        self.last_error = error
        self._replace(error_count=self.status.error_count + 1, last_error=_printable(str(error)))

    # ------------------------------------------------------------- what is done

    def _tell_link(self, received: words.Input) -> None:
        phase, live, now = self._link.phase, self._link.live, asyncio.get_running_loop().time()
        for effect in self._link.receive(received, now):
            match effect:
                case words.Open():
                    self._open(effect.connection, _NAMES[effect.rung])
                case words.Close():
                    self._close(effect.connection)
                case words.Promote():
                    _log.debug("link to %s: back on %s", self._endpoint.base, self._transport)
        if isinstance(received, words.Passed) and live not in {None, self._link.live}:
            # The link has judged a silence: nobody raised an error, so we say it.
            self._note(ConnectionLost(f"The gateway at {self._endpoint.base} fell silent."))
        if (following := self._link.next_step) != self._following:
            self._following, self.plan = following, plan_of(following, now)
        if self._link.phase is not phase or self._transport != self.status.connection_type:
            self._show()

    def _open(self, number: int, name: TransportName) -> None:
        clock = ClockOffset()
        # What is opened beside a live one has to come level with its board.
        resume = self.applier.cursor if number == self._link.probe else self.applier.resume
        frames = LADDER[name](self._endpoint, resume, self._wanted, clock, self._max_hz)
        task = asyncio.create_task(self._read(number, frames))
        self._connections[number] = Connection(clock, task)

    async def _read(self, number: int, frames: AsyncGenerator[Received, None]) -> None:
        try:
            async with aclosing(frames):
                async for frame in frames:
                    await self._inbox.put((number, frame))
        except ProtippStreamError as error:
            await self._inbox.put((number, error))
        except Exception as error:  # noqa: BLE001 - logged, and shown as the link's error
            _log.exception("a transport has failed")
            lost = ConnectionLost(f"The client has a bug: {error!r}.")
            await self._inbox.put((number, lost))

    def _close(self, number: int) -> None:
        task = self._connections.pop(number).task
        task.cancel()
        # A closing handshake with a peer that has vanished takes its time;
        # nobody waits for it but the end.
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _close_all(self) -> None:
        for number in list(self._connections):
            self._close(number)
        await asyncio.gather(*self._closing, return_exceptions=True)

    # -------------------------------------------------------------- what is shown

    @property
    def _transport(self) -> TransportName:
        return _NAMES[self._link.rung]

    def _show(self) -> None:
        link = self._link
        status, detail = _SHOWN[link.phase]
        is_live = link.phase is Phase.LIVE
        connection = self._connections.get(link.live or 0)
        if connection is not None:
            self.applier.use(connection.clock)
        self._tell(
            id=connection.ident if connection else self.status.id,
            connection_type=self._transport,
            status=status,
            detail=detail,
            reconnect_attempts=0 if is_live else link.attempts,
            stale=not is_live,
        )

    def _sign_of_life(self) -> None:
        self._heard_at = datetime.now(UTC)
        # Told later if not now, or the last one before a silence would never be.
        self._pulse_due = self._pulsed_at + PULSE_S
        self._pulse()

    def _pulse(self) -> None:
        """Tell the sign of life, but not a hundred times a second."""
        now = asyncio.get_running_loop().time()
        if now < self._pulse_due:
            return
        self._pulsed_at, self._pulse_due = now, inf
        delivery = self.applier.latency("total")
        self._tell(
            last_heartbeat=self._heard_at,
            last_update=self.applier.last_update,
            latency_ms=delivery.p50_ms if delivery else None,
        )

    def _tell(self, **changes: Any) -> None:
        self._replace(**changes)
        self._audience.on_status(self.status)

    def _replace(self, **changes: Any) -> None:
        self.status = msgspec.structs.replace(self.status, **changes)


def _printable(words: str) -> str:
    """Take what would forge a line of a log out of words that a peer may have chosen."""
    return "".join(each if each.isprintable() else " " for each in words[:MAX_WORDS])


def _why(error: ProtippStreamError) -> Failure:
    """Say what an error means for the link."""
    match error:
        case TokenRefused() | AccessForbidden() | ConnectionEnded() | ConfigurationError():
            return "refused"
        case NotAGateway():
            return "stranger"
        case GatewayUnreachable():
            return "unreachable"
        case UpdatesMissed():
            return "gap"
        case LinkError(retry_after=None):
            return "blocked"
        case _:
            return "lost"
