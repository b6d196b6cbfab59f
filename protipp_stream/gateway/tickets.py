"""Tickets: what a browser shows where it can't set a header.

Neither a page's WebSocket nor its EventSource can send ``Authorization``, and a
token in an address would stand in logs and histories. So the page asks for a
ticket with its token, and shows that: once, soon, and from its own origin.

Only digests are kept: whoever reads our memory finds nothing to show at the door.
"""

from __future__ import annotations

import secrets
from collections import Counter
from hashlib import sha256

import msgspec

from protipp_stream.gateway.auth import Identity, Refused
from protipp_stream.gateway.clock import Clock

__all__ = ["Tickets", "TooManyTickets"]


class TooManyTickets(Exception):
    """No ticket now; ``retry_after_s`` says when the next one expires."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("too many tickets that nobody has shown")
        self.retry_after_s = retry_after_s


class _Ticket(msgspec.Struct, frozen=True):
    identity: Identity
    origin: str
    expires: float


class Tickets:
    """The tickets that are good now, and why the last ones no longer are.

    Nothing in here awaits, so in one event loop a ticket has one winner.

    Parameters
    ----------
    clock : Clock
        Its monotonic side measures their lives.
    lifetime_s : float
        How long a ticket is good.
    per_subject, most : int
        How many may wait to be shown: of one subject, and in all.
    """

    def __init__(self, clock: Clock, *, lifetime_s: float, per_subject: int, most: int) -> None:
        self._clock = clock
        self._lifetime_s = lifetime_s
        self._per_subject = per_subject
        self._most = most
        # Both in the order of time: all live equally long, so the oldest is the first.
        self._open: dict[bytes, _Ticket] = {}
        self._closed: dict[bytes, str] = {}
        self._held: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._open)

    def issue(self, identity: Identity, origin: str) -> str:
        """Make a ticket for a page of ``origin``.

        Raises
        ------
        TooManyTickets
            If too many wait to be shown.
        """
        now = self._clock.monotonic()
        self._sweep(now)
        if len(self._open) >= self._most:
            raise TooManyTickets(next(iter(self._open.values())).expires - now)
        if self._held[identity.subject] >= self._per_subject:
            raise TooManyTickets(self._oldest_of(identity.subject).expires - now)
        ticket = secrets.token_urlsafe(32)
        self._open[_digest(ticket)] = _Ticket(identity, origin, now + self._lifetime_s)
        self._held[identity.subject] += 1
        return ticket

    def redeem(self, ticket: str, origin: str) -> Identity:
        """Return whom a ticket speaks for. It is spent then, whatever comes of it.

        Raises
        ------
        Refused
            If it was used, is late, was never issued, is another origin's, or
            its token has expired since.
        """
        self._sweep(self._clock.monotonic())
        digest = _digest(ticket)
        if digest not in self._open:
            raise Refused(self._closed.get(digest, "ticket_unknown"))
        found = self._close(digest, "ticket_used")
        if found.origin != origin:
            raise Refused("ticket_origin")
        if found.identity.expires_at <= self._clock.wall().timestamp():
            raise Refused("token_expired")
        return found.identity

    def _oldest_of(self, subject: str) -> _Ticket:
        return next(t for t in self._open.values() if t.identity.subject == subject)

    def _close(self, digest: bytes, reason: str) -> _Ticket:
        closed = self._open.pop(digest)
        self._held[closed.identity.subject] -= 1
        if not self._held[closed.identity.subject]:
            del self._held[closed.identity.subject]
        self._closed[digest] = reason
        if len(self._closed) > self._most:
            del self._closed[next(iter(self._closed))]
        return closed

    def _sweep(self, now: float) -> None:
        late = []
        for digest, ticket in self._open.items():
            if ticket.expires > now:
                break
            late.append(digest)
        for digest in late:
            self._close(digest, "ticket_late")


def _digest(ticket: str) -> bytes:
    return sha256(ticket.encode()).digest()
