"""What an answer of The Odds API v4 says beside the odds: refusals, quota, patience."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus

import httpx
import msgspec

from protipp_stream.errors import FeedError, FeedRefused
from protipp_stream.feeds.answers import from_status, number
from protipp_stream.feeds.keyed import Redactor
from protipp_stream.model import Quota

__all__ = ["NAME", "quota", "refusal"]

NAME = "The Odds API"

# What the person who reads the refusal can do about it.
_HINTS = {
    "MISSING_KEY": "Give the key that The Odds API sent you.",
    "INVALID_KEY": "Check the key for typing errors.",
    "DEACTIVATED_KEY": "The subscription has ended or is unpaid: see your account there.",
    "OUT_OF_USAGE_CREDITS": "Wait until the quota is renewed, or take a larger plan.",
}


class _Refusal(msgspec.Struct):
    message: str = ""
    error_code: str = ""


_refusal = msgspec.json.Decoder(_Refusal)


def refusal(
    response: httpx.Response, body: bytes, redact: Redactor, *, worked: bool = False
) -> FeedError | None:
    """Return what an answer refuses, and whether for good; None for one that is fine.

    Parameters
    ----------
    body : bytes
        Of the answer, as far as it was read.
    worked : bool
        Whether a call did before; see `feeds.answers.from_status`.
    redact : Redactor
        Takes the key out of the provider's words: it may well quote it.
    """
    status = response.status_code
    if status == HTTPStatus.OK:
        return None
    said = _said(body)
    about = redact(f"{said.error_code} {said.message}".strip())
    if said.error_code in _HINTS:
        return FeedRefused(f"{NAME} refuses: {status} {about}.", hint=_HINTS[said.error_code])
    return from_status(NAME, status, about, response.headers, datetime.now(UTC), worked=worked)


def quota(headers: httpx.Headers, before: Quota | None) -> Quota | None:
    """Return what the headers say about the quota; ``before`` where they say nothing."""
    named = [number(headers.get(f"x-requests-{word}")) for word in ("remaining", "used", "last")]
    return before if named == [None, None, None] else Quota(*named)


def _said(body: bytes) -> _Refusal:
    try:
        return _refusal.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Refusal()  # a proxy's HTML page: the status has to do
