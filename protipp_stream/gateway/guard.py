"""The guard stands before every route, so that no route can forget to ask.

In this order: may this page ask (Origin), is this our name (Host), is a token
where a log would print it (query), who is it (Authorization, or a page's
ticket), how often (rate). Whatever is wrong with a token or a ticket, the
answer is the same bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from math import ceil
from typing import Any
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.limits import SlidingWindow
from protipp_stream.gateway.audit import Audit, endpoint_of, requester_of
from protipp_stream.gateway.auth import Authenticator, Identity, Refused
from protipp_stream.gateway.clock import Clock
from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.tickets import Tickets

__all__ = ["Guard", "Refusal", "RequestRates", "json_response"]

# Liveness says nothing but that we live; whoever restarts us has no token.
OPEN_PATHS = frozenset({"/healthz"})
STATUS_PATHS = frozenset({"/api/v1/realtime/status", "/metrics"})
# The two that a browser can't give a header: kind of scope, and path.
TICKET_DOORS = frozenset({("websocket", "/api/v1/odds/realtime"), ("http", "/api/v1/odds/stream")})
_JWT = re.compile(r"eyJ[\w-]*\.[\w-]*\.")
SWEEP_AT = 10_000
_TOKEN_NAMES = frozenset({"token", "access_token", "jwt", "authorization", "bearer"})


class Refusal(Exception):
    """A request that is answered with an error.

    Parameters
    ----------
    status : int
        HTTP status.
    reason : str
        For the audit.
    code : int or str
        For the peer: a close code or a word.
    message : str
        For the peer, in generic words.
    """

    def __init__(
        self,
        status: int,
        reason: str,
        code: int | str,
        message: str,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.code = code
        self.message = message
        self.headers = headers or {}

    def record(self, audit: Audit, scope: Scope, endpoint: str) -> None:
        """Write it down: the reason, where, and who it was.

        Parameters
        ----------
        endpoint : str
            One of ours, never a path as it came: that may hold anything, tokens too.
        """
        audit.record(self.reason, by=requester_of(scope), endpoint=endpoint)

    def response(self) -> Response:
        """Return the answer for the peer."""
        body = {"error": {"code": self.code, "message": self.message}}
        return json_response(body, self.status, self.headers)


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Answer with JSON that no cache keeps."""
    return Response(
        msgspec.json.encode(body),
        status_code=status,
        media_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def unauthorized(reason: str) -> Refusal:
    """Refuse a token: the same words whatever is wrong with it."""
    return Refusal(
        401, reason, int(CloseCode.INVALID_TOKEN), "unauthorized", {"WWW-Authenticate": "Bearer"}
    )


class RequestRates:
    """A sliding window for each subject and endpoint; idle ones are forgotten."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._windows: dict[tuple[str, str], SlidingWindow] = {}
        self._sweep_at = SWEEP_AT

    def admit(
        self, subject: str, endpoint: str, now: float, *, by_ticket: bool = False
    ) -> float | None:
        """Admit a request; else return the seconds after which to come again.

        What pages do with a subject's tickets is counted apart: a hundred pages that come
        back together must not keep out the server that asked for the tickets.
        """
        if by_ticket:
            endpoint += " by ticket"
        if len(self._windows) > self._sweep_at:
            busy = {key: w for key, w in self._windows.items() if not w.is_idle(now)}
            self._windows = busy
            self._sweep_at = max(SWEEP_AT, 2 * len(busy))
        window = self._windows.setdefault((subject, endpoint), SlidingWindow(self._limit))
        return None if window.admit(now) else window.retry_after(now)

    def active(self, endpoint: str, now: float) -> int:
        """How many subjects asked for an endpoint (``GET /path``) within the last minute."""
        return sum(
            1
            for (_, at), window in self._windows.items()
            if at == endpoint and not window.is_idle(now)
        )


class Guard:
    """ASGI middleware; puts an `Identity` into the scope or refuses.

    A WebSocket may come with nothing (a browser can't set a header): then the
    identity is None, and its first frame must bring a token or a ticket.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        settings: Settings,
        authenticator: Authenticator,
        tickets: Tickets,
        audit: Audit,
        clock: Clock,
        rates: RequestRates,
        endpoints: Collection[str],
        is_draining: Callable[[], bool],
    ) -> None:
        self._app = app
        self._endpoints = frozenset(endpoints)
        self._is_draining = is_draining
        self._settings = settings
        self._authenticator = authenticator
        self._tickets = tickets
        self._audit = audit
        self._clock = clock
        self._rates = rates

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Judge a request or handshake, then pass it on or answer it."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        try:
            self._identify(scope)
        except Refusal as refusal:
            refusal.record(self._audit, scope, self._endpoint(scope))
            await _refuse(refusal, scope, receive, send)
            return
        await self._app(scope, receive, send)

    def _identify(self, scope: Scope) -> None:
        """Put into the scope who it is: before its rate, which is refused by name."""
        scope["identity"] = None
        headers = Headers(scope=scope)
        self._check_origin(headers)
        if scope["path"] in OPEN_PATHS:
            return
        self._check_host(headers)
        if self._is_draining() and scope["path"] not in STATUS_PATHS:
            # Whoever was sent away must not come back to a gateway that is going.
            retry = {"Retry-After": "1"}
            raise Refusal(503, "draining", int(CloseCode.DRAINING), "draining", retry)
        identity = scope["identity"] = self._who(scope, headers)
        if identity is not None:
            self._check_rate(identity, scope, by_ticket=not headers.getlist("authorization"))

    def _who(self, scope: Scope, headers: Headers) -> Identity | None:
        ticket = _ticket_in_query(scope)
        tokens = headers.getlist("authorization")
        if ticket is None:
            if not tokens and scope["type"] == "websocket":
                return None
            return self._authenticate(tokens)
        if tokens:
            raise unauthorized("ticket_and_token")
        identity = self._redeem(ticket, headers.get("origin"))
        who = requester_of(scope, identity.subject)
        self._audit.record("ticket_redeemed", by=who, endpoint=self._endpoint(scope))
        return identity

    def _check_rate(self, identity: Identity, scope: Scope, *, by_ticket: bool) -> None:
        endpoint, now = self._endpoint(scope), self._clock.monotonic()
        wait_s = self._rates.admit(identity.subject, endpoint, now, by_ticket=by_ticket)
        if wait_s is not None:
            # Rounded up: a client that obeys must not come a moment too early.
            retry = {"Retry-After": str(ceil(wait_s))}
            raise Refusal(429, "rate_limited", "rate_limited", "too many requests", retry)

    def _endpoint(self, scope: Scope) -> str:
        endpoint = endpoint_of(scope)
        return endpoint if endpoint in self._endpoints else "other"

    def _check_host(self, headers: Headers) -> None:
        hosts = headers.getlist("host")
        if len(hosts) != 1 or _without_port(hosts[0]) not in self._settings.allowed_hosts:
            raise Refusal(400, "host", "host", "unknown host")

    def _check_origin(self, headers: Headers) -> None:
        origins = headers.getlist("origin")
        if not origins:
            return
        if len(origins) != 1 or origins[0] not in self._settings.allowed_origins:
            raise Refusal(403, "origin", int(CloseCode.FORBIDDEN), "forbidden")

    def _authenticate(self, tokens: list[str]) -> Identity:
        if len(tokens) != 1:
            raise unauthorized("token_missing")
        scheme, _, token = tokens[0].partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise unauthorized("token_malformed")
        try:
            return self._authenticator.verify(token)
        except Refused as refused:
            raise unauthorized(refused.reason) from None

    def _redeem(self, ticket: str, origin: str | None) -> Identity:
        if origin is None:
            # Only a browser needs a ticket, and a browser says whose page it shows.
            reason = "ticket_without_origin"
            raise Refusal(403, reason, int(CloseCode.FORBIDDEN), "forbidden")
        try:
            return self._tickets.redeem(ticket, origin)
        except Refused as refused:
            raise unauthorized(refused.reason) from None


def _ticket_in_query(scope: Scope) -> str | None:
    """Return the ticket that stands in the query; nothing else may be secret there."""
    tickets: list[str] = []
    for name, value in parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True):
        if name.lower() in _TOKEN_NAMES or _JWT.search(f"{name} {value}"):
            raise unauthorized("token_in_query")
        if name.lower() == "ticket":
            tickets.append(value)
    if not tickets:
        return None
    if (scope["type"], scope["path"]) not in TICKET_DOORS or scope.get("method", "GET") != "GET":
        raise unauthorized("ticket_in_query")
    if len(tickets) > 1:
        raise unauthorized("ticket_malformed")
    return tickets[0]


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return (name if colon and port.isdigit() else host).lower()


async def _refuse(refusal: Refusal, scope: Scope, receive: Receive, send: Send) -> None:
    response = refusal.response()
    if scope["type"] == "websocket":
        await WebSocket(scope, receive, send).send_denial_response(response)
    else:
        await response(scope, receive, send)
