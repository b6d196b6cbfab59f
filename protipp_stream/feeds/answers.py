"""What an HTTP status means for a feed: refused, throttled, or worth another try."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from protipp_stream.errors import FeedError, FeedRefused, FeedThrottled, FeedUnavailable

__all__ = ["from_status", "number", "retry_after_s"]


def from_status(
    name: str, status: int, about: str, headers: Mapping[str, str], now: datetime
) -> FeedError:
    """Say what an answer other than 200 means.

    Parameters
    ----------
    name : str
        Of the provider, for the message.
    status : int
        HTTP status.
    about : str
        What the provider said, redacted.
    headers : mapping
        For ``Retry-After``.
    now : datetime
        UTC.
    """
    said = f"{status} {about}".rstrip(". ")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return FeedThrottled(f"{name} says: {said}.", retry_after=retry_after_s(headers, now))
    if 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT:
        denied = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        hint = "Check the key, and what its plan allows." if denied else ""
        return FeedRefused(f"{name} refuses: {said}.", hint=hint)
    return FeedUnavailable(f"{name} fails: {said}.")


def number(text: str | None) -> float | None:
    """Read a header that should be a number; None if it is none."""
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def retry_after_s(headers: Mapping[str, str], now: datetime) -> float:
    """Read Retry-After (RFC 9110, 10.2.3: seconds or a date); 0 if it says nothing."""
    text = headers.get("retry-after")
    seconds = number(text)
    if text is not None and seconds is None:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        # The RFC's dates are GMT; one that says no zone comes back naive.
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return max(seconds or 0.0, 0.0)
