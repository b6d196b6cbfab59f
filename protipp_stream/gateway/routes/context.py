"""What every endpoint needs: the hub, who asks, and what they want to see."""

from __future__ import annotations

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.gateway.auth import Authenticator, Identity
from protipp_stream.gateway.guard import Refusal, RequestRates
from protipp_stream.gateway.hub import Hub

__all__ = ["Context", "context_of", "filter_of", "identity_of", "refused", "require"]


class Context(msgspec.Struct, frozen=True):
    """What the application carries around."""

    hub: Hub
    authenticator: Authenticator
    rates: RequestRates


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


def forbidden() -> Refusal:
    """Refuse for want of a scope."""
    return Refusal(403, "scope", int(CloseCode.FORBIDDEN), "forbidden")


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


async def refused(request: Request, error: Exception) -> Response:
    """Turn a `Refusal` that a route raised into its answer, and audit it."""
    if not isinstance(error, Refusal):
        raise error
    client = request.client
    context_of(request).hub.audit.record(
        error.reason, path=request.url.path, address=client.host if client else None
    )
    return error.response()
