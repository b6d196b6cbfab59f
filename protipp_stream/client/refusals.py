"""A gateway's "no", as an error that says whose fault it was and what to do."""

from __future__ import annotations

import msgspec

from protipp_stream.core.codes import CloseCode, comes_back
from protipp_stream.errors import (
    AccessForbidden,
    ConnectionEnded,
    ConnectionLost,
    GatewayUnreachable,
    LinkError,
    NotAGateway,
    TokenRefused,
)

__all__ = ["from_close", "from_status", "not_a_gateway", "unreachable"]


class _Error(msgspec.Struct):
    code: int | str


class _ErrorBody(msgspec.Struct):
    error: _Error


_errors = msgspec.json.Decoder(_ErrorBody)
_MINT = "Get a new one: `protipp-stream token --sub YOU`, with the gateway's own secret."


def from_status(
    base: str, status: int, retry_after: str | None = None, body: bytes = b""
) -> LinkError:
    """Return the error for an HTTP status other than success.

    A middlebox may answer 401 or 403 to one transport and let another pass: a
    refusal is final only in our gateway's own words.
    """
    code = _code_in(body)
    if status == 401 and code == CloseCode.INVALID_TOKEN:
        return _token_refused(base)
    if status == 403 and code == CloseCode.FORBIDDEN:
        return _forbidden(base)
    if status == 400 and code == "host":
        return AccessForbidden(
            f"The gateway does not know itself by the name in {base}.",
            hint="Start it with --allowed-host and that name.",
        )
    if status == 400 and isinstance(code, int) and not comes_back(code):
        return ConnectionEnded(f"The gateway at {base} refuses what was asked ({code}).")
    if status in {429, 503}:
        return ConnectionLost(
            f"The gateway at {base} asks us to come back later ({status}).",
            retry_after=_seconds(retry_after),
        )
    if status >= 500:
        return ConnectionLost(f"The gateway at {base} has a problem of its own ({status}).")
    return not_a_gateway(base, f"it answered {status}")


def _token_refused(base: str) -> TokenRefused:
    return TokenRefused(
        f"The gateway at {base} refuses the token: it is missing, expired, "
        "or signed with another key.",
        hint=_MINT,
    )


def _forbidden(base: str) -> AccessForbidden:
    return AccessForbidden(
        f"The gateway at {base} accepts the token, but not for this.",
        hint="Mint one with the scope odds:read.",
    )


def _code_in(body: bytes) -> int | str | None:
    try:
        return _errors.decode(body).error.code
    except msgspec.MsgspecError:
        return None


def from_close(base: str, code: int | None, reason: str, retry_ms: int | None) -> LinkError:
    """Return the error for a close code, or for the ``code`` of an error frame."""
    if code == CloseCode.INVALID_TOKEN:
        return _token_refused(base)
    if code == CloseCode.FORBIDDEN:
        return _forbidden(base)
    if code is not None and not comes_back(code):
        return ConnectionEnded(
            f"The gateway at {base} ended the connection for good: {reason or 'no reason'} "
            f"({code}).",
            hint="It would do so again; see protipp_stream.core.codes for what the code means.",
        )
    retry_after = None if retry_ms is None else retry_ms / 1000
    what = f"{reason or 'closed'} ({code})" if code is not None else "without a word"
    return ConnectionLost(f"The connection to {base} ended: {what}.", retry_after=retry_after)


def unreachable(base: str, why: object) -> GatewayUnreachable:
    """Return the error for an address where nothing answers."""
    return GatewayUnreachable(
        f"Nothing answers at {base}: {why}.",
        hint="Is it running (`gateway.start()`, or `protipp-stream serve`)? Is the port right?",
    )


def not_a_gateway(base: str, what: str) -> NotAGateway:
    """Return the error for an address where something else answers."""
    return NotAGateway(
        f"Something answers at {base}, but it is no protipp_stream gateway: {what}.",
        hint="Check host and port; the address has no path, e.g. http://127.0.0.1:8700.",
    )


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdigit() else None
