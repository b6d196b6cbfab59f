"""What a subscriber says over its WebSocket, and what it may say.

It can introduce itself, change its filter, refresh its token and ask for the
time. Nothing of it reaches another subscriber. Every message counts against
the rate limit; a malformed one is answered, the fifth ends the connection.
"""

from __future__ import annotations

import asyncio

import msgspec
from starlette.websockets import WebSocket, WebSocketDisconnect

from protipp_stream.core import wire
from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.core.limits import SlidingWindow
from protipp_stream.errors import ProtocolError
from protipp_stream.gateway import frames
from protipp_stream.gateway.audit import endpoint_of
from protipp_stream.gateway.auth import Identity, Refused
from protipp_stream.gateway.frames import Outgoing
from protipp_stream.gateway.routes.context import Context
from protipp_stream.gateway.routes.visit import Visit
from protipp_stream.gateway.subscription import Subscription

__all__ = ["Closed", "Inbox", "Introduction"]

STRIKES_ALLOWED = 4
VIOLATIONS_ALLOWED = 9
REFRESHES_ALLOWED = 100
FLOOD_RETRY_MS = 30_000
MAX_WORDS = 300


class Closed(Exception):
    """The connection is to be closed with ``code``; an error frame may say why."""

    def __init__(
        self, code: int, message: str, *, retry_ms: int | None = None, says_why: bool = True
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.retry_ms = retry_ms
        self.says_why = says_why


class Introduction(msgspec.Struct, frozen=True):
    """Who a subscriber is, what it wants to see and what it has seen."""

    identity: Identity
    wanted: Filter
    resume: str | None
    max_hz: float | None = None


class Inbox:
    """Reads one subscriber's messages.

    Parameters
    ----------
    socket : WebSocket
        Accepted.
    context : Context
        The application's.
    visit : Visit
        Under which what it does is recorded.
    """

    def __init__(self, socket: WebSocket, context: Context, visit: Visit) -> None:
        self._socket = socket
        self._visit = visit
        self._hub = context.hub
        self._authenticator = context.authenticator
        self._tickets = context.tickets
        self._rates = context.rates
        self._clock = context.hub.clock
        self._window = SlidingWindow(context.hub.settings.messages_per_minute)
        self._violations = SlidingWindow(VIOLATIONS_ALLOWED)
        self._refreshes = SlidingWindow(REFRESHES_ALLOWED)
        self._strikes = 0

    async def introduction(self, wanted: Filter) -> Introduction:
        """Wait for the ``connect`` frame of a client that sent no header.

        Raises
        ------
        Closed
            If it does not come in time, is something else, or brings neither a
            good token nor a good ticket.
        """
        try:
            async with asyncio.timeout(self._hub.settings.handshake_s):
                text = await self._receive()
        except TimeoutError:
            raise Closed(CloseCode.HANDSHAKE_TIMEOUT, "no connect frame in time") from None
        self._window.count_anyway(self._clock.monotonic())
        try:
            frame = wire.decode_client_frame(text)
        except ProtocolError as error:
            raise Closed(CloseCode.MALFORMED, error.message[:MAX_WORDS]) from None
        identity = self._introduced(frame)
        if not isinstance(frame, wire.Connect) or identity is None:
            raise Closed(CloseCode.INVALID_TOKEN, "unauthorized")
        self._visit.name(identity.subject)
        if "odds:read" not in identity.scopes:
            raise Closed(CloseCode.FORBIDDEN, "forbidden")
        self._check_rate(identity, by_ticket=frame.ticket is not None)
        return Introduction(identity, frame.filter or wanted, frame.resume, frame.max_hz)

    def _introduced(self, frame: wire.ClientFrame) -> Identity | None:
        match frame:
            case wire.Connect(token=str(token), ticket=None):
                return self._verified(token)
            case wire.Connect(token=None, ticket=str(ticket)):
                return self._redeemed(ticket)
            case wire.Connect(token=str(), ticket=str()):
                self._visit.note("ticket_and_token")
            case _:
                self._visit.note("token_missing")
        return None

    def _redeemed(self, ticket: str) -> Identity | None:
        origin = self._socket.headers.get("origin")
        if origin is None:
            self._visit.note("ticket_without_origin")
            raise Closed(CloseCode.FORBIDDEN, "forbidden")
        try:
            identity = self._tickets.redeem(ticket, origin)
        except Refused as refused:
            self._visit.note(refused.reason)
            return None
        self._visit.name(identity.subject)
        self._visit.note("ticket_redeemed")
        return identity

    def _check_rate(self, identity: Identity, *, by_ticket: bool) -> None:
        # The guard counts whom a handshake names; this one said so only now.
        now = self._clock.monotonic()
        endpoint = endpoint_of(self._socket.scope)
        wait_s = self._rates.admit(identity.subject, endpoint, now, by_ticket=by_ticket)
        if wait_s is not None:
            self._visit.note("rate_limited")
            retry_ms = max(FLOOD_RETRY_MS, int(wait_s * 1000) + 1)
            raise Closed(CloseCode.FLOOD, "too many connections", retry_ms=retry_ms)

    async def listen(self, subscription: Subscription, identity: Identity) -> None:
        """Answer messages until the subscriber leaves.

        Raises
        ------
        Closed
            When it breaks the rules for good.
        WebSocketDisconnect
            When it leaves.
        """
        while True:
            text = await self._receive()
            t1 = self._clock.wall().timestamp()
            frame = self._understood(text, subscription)
            if frame is not None and self._admitted(frame, subscription):
                self._answer(frame, subscription, identity, t1)

    async def _receive(self) -> str:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text: str | None = message.get("text")
        if text is None:
            raise Closed(1003, "text frames only")
        return text

    def _understood(self, text: str, subscription: Subscription) -> wire.ClientFrame | None:
        try:
            return wire.decode_client_frame(text)
        except ProtocolError as error:
            self._strike("malformed")
            subscription.notify(frames.error("malformed", error.message[:MAX_WORDS]))
            self._window.count_anyway(self._clock.monotonic())
            return None

    def _strike(self, reason: str) -> None:
        self._strikes += 1
        self._visit.note(reason)
        if self._strikes > STRIKES_ALLOWED:
            raise Closed(1008, "too many malformed messages")

    def _admitted(self, frame: wire.ClientFrame, subscription: Subscription) -> bool:
        now = self._clock.monotonic()
        if isinstance(frame, wire.Refresh):
            # Refusing a refresh would end the connection that it is to keep.
            self._window.count_anyway(now)
            if not self._refreshes.admit(now):
                raise Closed(CloseCode.FLOOD, "flood", retry_ms=FLOOD_RETRY_MS)
            return True
        if self._window.admit(now):
            return True
        self._visit.note("rate_limited")
        if not self._violations.admit(now):
            raise Closed(CloseCode.FLOOD, "flood", retry_ms=FLOOD_RETRY_MS)
        retry_ms = int(self._window.retry_after(now) * 1000) + 1
        subscription.notify(frames.error("rate_limited", "too many messages", retry_ms))
        return False

    def _answer(
        self, frame: wire.ClientFrame, subscription: Subscription, identity: Identity, t1: float
    ) -> None:
        match frame:
            case wire.Ping():
                t2 = self._clock.wall().timestamp()
                pong = wire.Pong(frame.id, frame.t0, t1, t2)
                subscription.notify(Outgoing("pong", wire.encode(pong)))
            case wire.Subscribe():
                wanted = Filter(frame.bookmakers, frame.events, frame.markets)
                self._hub.refilter(subscription, wanted, frame.max_hz)
                self._visit.subscribed(wanted)
            case wire.Refresh():
                self._refresh(frame.token, subscription, identity)
            case wire.Connect():
                # A client that sent its token in the header may still say what
                # it has and wants; it is brought level from there.
                self._hub.open(subscription, frame.resume, frame.filter, frame.max_hz)
                self._visit.subscribed(subscription.wanted)

    def _refresh(self, token: str, subscription: Subscription, identity: Identity) -> None:
        fresh = self._verified(token)
        if fresh is None or fresh.subject != identity.subject or "odds:read" not in fresh.scopes:
            self._strike("refresh_refused")
            subscription.notify(frames.error(int(CloseCode.INVALID_TOKEN), "unauthorized"))
            return
        subscription.expires_at = fresh.expires_at
        self._visit.note("refreshed")

    def _verified(self, token: str) -> Identity | None:
        try:
            return self._authenticator.verify(token)
        except Refused as refused:
            self._visit.note(refused.reason)
            return None
