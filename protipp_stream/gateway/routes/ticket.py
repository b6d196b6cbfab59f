"""``POST /api/v1/realtime/ticket``: a ticket for a page."""

from __future__ import annotations

from math import ceil

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.strict_json import decode_json
from protipp_stream.errors import ProtocolError
from protipp_stream.gateway.audit import endpoint_of, requester_of
from protipp_stream.gateway.guard import Refusal, json_response
from protipp_stream.gateway.routes.context import body_of, context_of, forbidden, require
from protipp_stream.gateway.tickets import TooManyTickets

__all__ = ["ticket"]

MAX_BODY = 1_024
WHOSE = 'whose page is it for? Send an Origin header, or {"origin": "https://…"}'


class _Wish(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    origin: str | None = None


async def ticket(request: Request) -> Response:
    """Answer with a ticket for the page that asks, or on whose behalf a server does."""
    identity = require(request, "odds:read")
    context = context_of(request)
    origin = await _origin_of(request, context.hub.settings.allowed_origins)
    try:
        made = context.tickets.issue(identity, origin)
    except TooManyTickets as error:
        retry = {"Retry-After": str(ceil(error.retry_after_s))}
        message = "too many tickets that nobody has shown"
        raise Refusal(429, "ticket_limit", "rate_limited", message, retry) from None
    endpoint = endpoint_of(request.scope)
    context.hub.audit.record("ticket_issued", by=requester_of(request.scope), endpoint=endpoint)
    left_s = identity.expires_at - context.hub.clock.wall().timestamp()
    expires_in_s = round(min(context.hub.settings.ticket_s, left_s), 3)
    return json_response({"ticket": made, "expires_in_s": expires_in_s}, 201)


async def _origin_of(request: Request, allowed: frozenset[str]) -> str:
    """Return the origin that the ticket is bound to; the guard has judged the header."""
    asking = request.headers.get("origin")
    wished = _wish(await body_of(request, MAX_BODY)).origin
    origin = wished if asking is None else asking
    if origin is None:
        raise Refusal(422, "ticket_origin_missing", int(CloseCode.MALFORMED), WHOSE)
    if origin not in allowed or wished not in {None, origin}:
        raise forbidden("origin")
    return origin


def _wish(body: bytes) -> _Wish:
    if not body.strip():
        return _Wish()
    try:
        wish: _Wish = decode_json(body, _Wish)
    except ProtocolError as error:
        raise Refusal(422, "ticket_malformed", int(CloseCode.MALFORMED), str(error)) from None
    return wish
