"""What can be set about a gateway, and within which limits."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from protipp_stream.core.access import ACCESS_DAYS, ADDRESS_DAYS
from protipp_stream.errors import ConfigurationError

__all__ = ["Settings"]

MOST_DAYS = 36_500
LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
# Neither "*" nor "null", no slash at the end: compared exactly, they would allow
# nobody here, and anybody in a proxy that reads them otherwise.
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#*\sA-Z]+")


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of a gateway; the defaults are safe on the loopback.

    Attributes
    ----------
    allowed_origins : frozenset of str
        Web origins whose pages may connect, exactly as a browser sends them
        (``https://odds.example``). Empty: no page may; Python clients, which
        send no origin, are not concerned.
    allowed_hosts : frozenset of str
        Names by which the gateway may be addressed, without port: a page that
        points its own DNS name here (DNS rebinding) is refused.
    issuer, audience : str
        What ``iss`` and ``aud`` of a token must say.
    heartbeat_s : float
        Seconds between heartbeats.
    handshake_s : float
        Seconds a WebSocket has for its ``connect`` frame.
    messages_per_minute : int
        Inbound messages a connection, and requests a subject and endpoint.
    backlog : int
        Updates that are kept for ``replay``.
    frame_rows : int
        Updates a frame holds at most: bounds what one subscriber makes us
        hold in its socket.
    pending_bytes : int
        What a subscriber may be behind by; past it, it gets the newest of each
        selection only, and is told so.
    stuck_s : float
        A subscriber whose buffer does not empty for so long is sent away (4001).
    poll_rows : int
        Updates an answer to a poll holds at most; the rest comes with the next.
    long_poll_s : float
        The longest ``wait`` of a poll.
    body_bytes : int
        The largest body of a publish; decoding it holds up everyone else.
    stale_after_s : float
        A feed silent for so long (and twice its own interval, if it polls) is
        shown as stale.
    bookmaker_stale_after_s : float
        The same for a bookmaker behind a feed, by its own clock where it says
        when it last looked at a price.
    forget_after_s : float
        An event of which every price has been withdrawn for so long is over, and
        forgotten. Clients forget it after an hour.
    drain_s : float
        Seconds that subscribers have to leave when the gateway stops.
    retry_ms : int
        When subscribers of a draining gateway shall come back.
    direct_writes : bool
        False serves through plain ASGI: slower, for when a newer uvicorn has
        moved what direct writes rely on (the log then says so).
    ticket_s : float
        How long a page has to show the ticket that it was given.
    tickets_per_subject, tickets : int
        Tickets that may wait to be shown: of one subject, and in all.
    publish_after : str
        With a history: ``queued`` hands updates out while they are being written,
        ``durable`` when they are safe on the disk, some milliseconds later.
    history_failure : str
        What to do when the history can't be written: ``continue`` without it, as long
        as memory lasts without a gap, and say so; or ``stop`` the gateway. With
        ``durable`` nothing goes out meanwhile, and when memory ends the gateway stops.
    odds_days, access_days, address_days : float or None
        With a history: how long updates, access records, and the addresses and user
        agents in these are kept. None: for ever. About once a day what is older is
        removed, and the chain says what was.
    """

    allowed_origins: frozenset[str] = frozenset()
    allowed_hosts: frozenset[str] = LOOPBACK_HOSTS
    issuer: str = "protipp-stream"
    audience: str = "protipp-stream"
    heartbeat_s: float = 30.0
    handshake_s: float = 10.0
    messages_per_minute: int = 100
    backlog: int = 50_000
    frame_rows: int = 500
    pending_bytes: int = 256 * 1024
    stuck_s: float = 20.0
    poll_rows: int = 5_000
    long_poll_s: float = 25.0
    body_bytes: int = 250_000
    stale_after_s: float = 30.0
    bookmaker_stale_after_s: float = 300.0
    forget_after_s: float = 3600.0
    drain_s: float = 5.0
    retry_ms: int = 1_000
    direct_writes: bool = True
    ticket_s: float = 30.0
    tickets_per_subject: int = 50
    tickets: int = 10_000
    publish_after: Literal["queued", "durable"] = "queued"
    history_failure: Literal["continue", "stop"] = "continue"
    odds_days: float | None = None
    access_days: float | None = ACCESS_DAYS
    address_days: float | None = ADDRESS_DAYS

    def __post_init__(self) -> None:
        _one_of("publish_after", self.publish_after, ("queued", "durable"))
        _one_of("history_failure", self.history_failure, ("continue", "stop"))
        for name in ("odds_days", "access_days", "address_days"):
            _days(name, getattr(self, name))
        for origin in sorted(self.allowed_origins):
            if not _ORIGIN.fullmatch(origin):
                raise ConfigurationError(
                    f"{origin!r} is no origin that a browser sends.",
                    hint="Write scheme, name and port only, for example https://odds.example.",
                )


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigurationError(
            f"{name} can't be {value!r}.", hint=f"One of: {', '.join(allowed)}."
        )


def _days(name: str, days: float | None) -> None:
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise ConfigurationError(
            f"{name} can't be {days}.", hint=f"1 to {MOST_DAYS:,} days, or None for ever."
        )
