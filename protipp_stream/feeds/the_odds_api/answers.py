"""What an answer of The Odds API v4 says beside the odds: refusals, quota, patience."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx
import msgspec

from protipp_stream.errors import FeedError, FeedRefused, FeedThrottled, FeedUnavailable
from protipp_stream.model import Quota

__all__ = ["quota", "refusal"]

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


def refusal(response: httpx.Response, redact: Callable[[str], str]) -> FeedError | None:
    """Return what an answer refuses, and whether for good; None for one that is fine.

    Parameters
    ----------
    redact : callable
        Takes the key out of the provider's words: it may well quote it.
    """
    status = response.status_code
    if status == HTTPStatus.OK:
        return None
    said = _said(response.content)
    about = redact(" ".join(filter(None, (str(status), said.error_code, said.message))))
    if said.error_code in _HINTS:
        return FeedRefused(f"The Odds API refuses: {about}.", hint=_HINTS[said.error_code])
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        asked_s = _retry_after_s(response.headers, datetime.now(UTC))
        return FeedThrottled(f"The Odds API says: {about}.", retry_after=asked_s)
    if 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT:
        return FeedRefused(f"The Odds API refuses: {about}.")
    return FeedUnavailable(f"The Odds API fails: {about}.")


def quota(headers: httpx.Headers, before: Quota | None) -> Quota | None:
    """Return what the headers say about the quota; ``before`` where they say nothing."""
    named = [_number(headers.get(f"x-requests-{word}")) for word in ("remaining", "used", "last")]
    return before if named == [None, None, None] else Quota(*named)


def _said(body: bytes) -> _Refusal:
    try:
        return _refusal.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Refusal()  # a proxy's HTML page: the status has to do


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _retry_after_s(headers: httpx.Headers, now: datetime) -> float:
    """Read Retry-After (RFC 9110, 10.2.3: seconds or a date); 0 if it says nothing."""
    text = headers.get("retry-after")
    seconds = _number(text)
    if text is not None and seconds is None:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        # The RFC's dates are GMT; one that says no zone comes back naive.
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return seconds or 0.0
