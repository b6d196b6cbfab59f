"""What Betfair's error codes mean for us: give up, log in again, slow down, or just try again."""

from __future__ import annotations

from protipp_stream.errors import FeedError, FeedRefused, FeedThrottled, FeedUnavailable

__all__ = ["ClockRefused", "LineUnreadable", "MarketLost", "SessionRefused", "failure_of"]

_HINTS = {
    "NO_APP_KEY": "Give the application key of your Betfair account.",
    "INVALID_APP_KEY": "Check the application key for typing errors.",
    "NOT_AUTHORIZED": "This key has no access to the Exchange Stream: ask Betfair to enable it.",
    "INVALID_INPUT": "Check the market filter.",
    "INVALID_REQUEST": "Check the market filter.",
    "SUBSCRIPTION_LIMIT_EXCEEDED": "Narrow the market filter: too many markets match it.",
}
_SESSION_CODES = frozenset({"NO_SESSION", "INVALID_SESSION_INFORMATION"})
# An old connection of ours may be counted for a while yet.
_PAUSES_S = {"MAX_CONNECTION_LIMIT_EXCEEDED": 15.0, "TOO_MANY_REQUESTS": 5.0}


class SessionRefused(FeedRefused):
    """The session token is unknown or has run out; another one may do."""


class ClockRefused(FeedUnavailable):
    """The stream can't be resumed from our clocks; a subscription afresh may do."""


class LineUnreadable(FeedUnavailable):
    """A line is no message: what it changed is lost, so the stream must be resumed before it."""


class MarketLost(FeedUnavailable):
    """The book of a market is no longer known, and a new image of it would help."""


def failure_of(code: str, message: str = "") -> FeedError:
    """Return the error that a status message with this code is.

    Parameters
    ----------
    code : str
        ``errorCode``.
    message : str
        ``errorMessage``, with no secret of ours in it.
    """
    about = f"{code} {message}".rstrip(" .")
    if code in _HINTS:
        return FeedRefused(f"Betfair refuses: {about}.", hint=_HINTS[code])
    if code in _SESSION_CODES:
        return SessionRefused(f"Betfair refuses: {about}.", hint="Log in again for a new session.")
    if code in _PAUSES_S:
        return FeedThrottled(f"Betfair says: {about}.", retry_after=_PAUSES_S[code])
    if code == "INVALID_CLOCK":
        return ClockRefused(f"Betfair can't resume: {about}.")
    # TIMEOUT, UNEXPECTED_ERROR, CONNECTION_FAILED, and what may be new tomorrow.
    return FeedUnavailable(f"Betfair fails: {about}.")
