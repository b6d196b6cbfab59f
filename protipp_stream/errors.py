"""What can go wrong, whose fault it was, and what to do about it.

Every error of this package is a `ProtippStreamError`; catch a branch to say
how much you care::

    ProtippStreamError
    ├── ConfigurationError      yours: a setting or argument; nothing was sent
    ├── RecordingError          yours: a file is missing or is no recording
    ├── TrailError              an audit trail can't be read, written or trusted
    │   ├── TrailChanged        it is not what was written: somebody changed it
    │   └── TrailUnavailable    yours: no folder, no room, locked by another, no key
    ├── NoFairPrice             yours: prices out of which no margin can be taken
    ├── FeedError               the bookmaker's side; the gateway goes on
    │   ├── FeedRefused         key or plan: never retried by itself
    │   ├── FeedThrottled       too fast: retried after `retry_after` seconds
    │   └── FeedUnavailable     network, 5xx: retried with backoff
    └── LinkError               between client and gateway
        ├── GatewayUnreachable  nothing answers: retried with backoff
        ├── NotAGateway         something answers, but not a gateway: a wrong URL
        ├── TokenRefused        401, 4501: the token; never retried
        ├── AccessForbidden     403, 4502: scope or origin; never retried
        ├── ConnectionLost      it worked, then it broke: retried
        ├── ConnectionEnded     the gateway said "do not come back" (45xx)
        ├── UpdatesMissed       an iterator can't hand out every update; go on reading
        ├── ProtocolError       the peer broke the contract: a bug on that side
        └── LinkClosed          `close()` was called: nothing more will come

An error carries a ``hint``: one sentence that says what to do. The command
line prints message and hint, and no traceback.
"""

from __future__ import annotations

__all__ = [
    "AccessForbidden",
    "ConfigurationError",
    "ConnectionEnded",
    "ConnectionLost",
    "FeedError",
    "FeedRefused",
    "FeedThrottled",
    "FeedUnavailable",
    "GatewayUnreachable",
    "LinkClosed",
    "LinkError",
    "NoFairPrice",
    "NotAGateway",
    "ProtippStreamError",
    "ProtocolError",
    "RecordingError",
    "TokenRefused",
    "TrailChanged",
    "TrailError",
    "TrailUnavailable",
    "UpdatesMissed",
]


class ProtippStreamError(Exception):
    """Base of everything that this package raises on purpose.

    Parameters
    ----------
    message : str
        What happened.
    hint : str, optional
        What the person who reads it can do.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class ConfigurationError(ProtippStreamError):
    """A setting or argument is missing or makes no sense."""


class RecordingError(ProtippStreamError):
    """A recording can't be found or read."""


class TrailError(ProtippStreamError):
    """An audit trail can't be read, written or trusted."""


class TrailChanged(TrailError):
    """A trail is not what was written: bytes were changed, dropped or moved."""


class TrailUnavailable(TrailError):
    """A trail can't be reached: no folder, no room, another writer, no key."""


class NoFairPrice(ProtippStreamError):
    """These prices are no market out of which a margin can be taken."""


class FeedError(ProtippStreamError):
    """A bookmaker's side failed; its feed reports it and the gateway goes on."""


class FeedRefused(FeedError):
    """The source refuses us for good: key, plan, quota or parameters."""


class FeedThrottled(FeedError):
    """The source asks us to slow down.

    Parameters
    ----------
    message : str
        What happened.
    retry_after : float
        Seconds to wait before the next call.
    """

    def __init__(self, message: str, *, retry_after: float, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class FeedUnavailable(FeedError):
    """The source does not answer, or answers with a server error."""


class LinkError(ProtippStreamError):
    """Something between a client and its gateway.

    Parameters
    ----------
    message : str
        What happened.
    retry_after : float, optional
        Seconds the gateway asked us to wait; it wins over our own backoff.
    """

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class GatewayUnreachable(LinkError):
    """Nothing answers at the gateway's address."""


class NotAGateway(LinkError):
    """Something answers, but it does not speak our protocol."""


class TokenRefused(LinkError):
    """The gateway does not accept the token."""


class AccessForbidden(LinkError):
    """The token is good, but not for this, or not from this origin."""


class ConnectionLost(LinkError):
    """A connection that worked broke off."""


class ConnectionEnded(LinkError):
    """The gateway closed for good (close code 4500 to 4999)."""


class UpdatesMissed(LinkError):
    """Some updates can't be handed out one by one; the board itself is right."""


class ProtocolError(LinkError):
    """The peer said something that the protocol does not allow."""


class LinkClosed(LinkError):
    """The link was closed on this side."""
