"""What an HTTP status means for a feed: refused, throttled, or worth another try."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

import httpx

from protipp_stream.errors import FeedError, FeedRefused, FeedThrottled, FeedUnavailable

__all__ = ["MAX_BODY_BYTES", "from_status", "number", "read_body", "retry_after_s"]

MAX_BODY_BYTES = 32 * 1024 * 1024

# What a source that worked before says while it is being moved, or still knows our last
# connection. To a first call they mean that the address, or what is asked for, is wrong.
_PASSING = frozenset({404, 409, 421, 423, 425})


def from_status(
    name: str,
    status: int,
    about: str,
    headers: Mapping[str, str],
    now: datetime,
    *,
    worked: bool = False,
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
    worked : bool
        Whether the same has worked before: then some refusals are worth another try.
    """
    said = f"{status} {about}".rstrip(". ")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return FeedThrottled(f"{name} says: {said}.", retry_after=retry_after_s(headers, now))
    passes = status == HTTPStatus.REQUEST_TIMEOUT or (worked and status in _PASSING)
    if 400 <= status < 500 and not passes:
        denied = status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        hint = "Check the key, and what its plan allows." if denied else ""
        return FeedRefused(f"{name} refuses: {said}.", hint=hint)
    return FeedUnavailable(f"{name} fails: {said}.")


async def read_body(name: str, response: httpx.Response) -> bytes:
    """Read a body that was asked for as a stream, up to `MAX_BODY_BYTES`; then close it.

    Raises
    ------
    FeedUnavailable
        If it is longer: what has no end would fill the memory.
    """
    body = bytearray()
    try:
        async for part in response.aiter_bytes():
            body += part
            if len(body) > MAX_BODY_BYTES:
                break
        else:
            return bytes(body)
    finally:
        await response.aclose()
    body.clear()
    raise FeedUnavailable(f"{name} sent a body of more than {MAX_BODY_BYTES} bytes.")


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
