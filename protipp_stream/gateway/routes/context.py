"""What every endpoint needs: the hub, who asks, and what they want to see."""

from __future__ import annotations

import logging
import secrets

import msgspec
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.core.wire import MaxHz
from protipp_stream.gateway.audit import endpoint_of
from protipp_stream.gateway.auth import Authenticator, Identity
from protipp_stream.gateway.guard import Refusal, RequestRates, json_response
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.tickets import Tickets

__all__ = [
    "Context",
    "body_of",
    "context_of",
    "failed",
    "filter_of",
    "forbidden",
    "identity_of",
    "max_hz_of",
    "refused",
    "require",
    "unknown",
]


_log = logging.getLogger(__name__)


class Context(msgspec.Struct, frozen=True):
    """What the application carries around."""

    hub: Hub
    authenticator: Authenticator
    rates: RequestRates
    tickets: Tickets


def context_of(connection: HTTPConnection) -> Context:
    """Return the application's context."""
    context: Context = connection.app.state.context
    return context


def identity_of(request: Request) -> Identity:
    """Return whom the guard has let in."""
    identity: Identity = request.scope["identity"]
    return identity


def require(request: Request, scope: str) -> Identity:
    """Return the identity if its token has ``scope``.

    Raises
    ------
    Refusal
        403, if it has not.
    """
    identity = identity_of(request)
    if scope not in identity.scopes:
        raise forbidden()
    return identity


def forbidden(reason: str = "scope") -> Refusal:
    """Refuse what a good token may not do; for want of a scope, mostly."""
    return Refusal(403, reason, int(CloseCode.FORBIDDEN), "forbidden")


async def body_of(request: Request, most: int) -> bytes:
    """Return the body.

    Raises
    ------
    Refusal
        413, as soon as it is longer than ``most``.
    """
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            message = f"a body may have {most} bytes at most; send several"
            raise Refusal(413, "body_too_large", int(CloseCode.TOO_LARGE), message)
    return bytes(body)


def filter_of(query: QueryParams) -> Filter:
    """Read ``bookmaker=``, ``event=`` and ``market=``, each repeatable.

    Raises
    ------
    Refusal
        400, for names that can't be.
    """
    parts = {
        "bookmakers": query.getlist("bookmaker"),
        "events": query.getlist("event"),
        "markets": query.getlist("market"),
    }
    try:
        return msgspec.convert(parts, Filter)
    except msgspec.ValidationError as error:
        raise Refusal(400, "filter", int(CloseCode.MALFORMED), f"bad filter: {error}") from None


def max_hz_of(query: QueryParams) -> float | None:
    """Read ``max_hz=``: frames a second that a subscriber wants at most.

    Raises
    ------
    Refusal
        400, for what is no number from 0.01 to 1000.
    """
    text = query.get("max_hz")
    if text is None:
        return None
    try:
        return msgspec.convert(text, MaxHz, strict=False)
    except msgspec.ValidationError:
        message = "max_hz must be a number from 0.01 to 1000"
        raise Refusal(400, "max_hz", int(CloseCode.MALFORMED), message) from None


async def refused(request: Request, error: Exception) -> Response:
    """Turn a `Refusal` that a route raised into its answer, and audit it."""
    if not isinstance(error, Refusal):
        raise error
    endpoint = endpoint_of(request.scope)
    error.record(context_of(request).hub.audit, request.scope, endpoint)
    return error.response()


async def unknown(request: Request, error: Exception) -> Response:
    """Answer for a path or method that is not ours, in the words of all our errors."""
    status = error.status_code if isinstance(error, HTTPException) else 404
    detail = error.detail if isinstance(error, HTTPException) else "not found"
    return json_response({"error": {"code": status, "message": detail.lower()}}, status)


async def failed(request: Request, error: Exception) -> Response:
    """Answer for a bug of ours: the peer learns an id, the log the rest."""
    error_id = secrets.token_hex(4)
    _log.error("error %s in %s", error_id, request.url.path, exc_info=error)
    message = f"internal error {error_id}"
    return json_response({"error": {"code": int(CloseCode.SERVER_ERROR), "message": message}}, 500)
