"""What one connection did, for the audit: it came, it asked, it went."""

from __future__ import annotations

from starlette.types import Scope

from protipp_stream.core.access import Fact
from protipp_stream.core.filter import Filter
from protipp_stream.gateway.audit import WINDOW_S, endpoint_of, requester_of
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.subscription import Subscription

__all__ = ["Visit"]


class Visit:
    """Records under one name what happens on a connection.

    Parameters
    ----------
    hub : Hub
        Whose audit and clock.
    scope : dict
        ASGI, of the handshake or request.
    """

    def __init__(self, hub: Hub, scope: Scope) -> None:
        self._hub = hub
        self._scope = scope
        self._who = requester_of(scope)
        self._endpoint = endpoint_of(scope)
        self._since: float | None = None
        self._is_over = False

    def name(self, subject: str) -> None:
        """Note whom a first frame spoke for."""
        self._who = requester_of(self._scope, subject)

    def begin(self, subscription: Subscription) -> None:
        """Record that it is connected, and how much it wants to see."""
        self._who = requester_of(self._scope, self._who.subject, subscription.id)
        self._since = self._hub.clock.monotonic()
        wanted = _extent(subscription.wanted)
        transport = subscription.transport
        self._record("connected", within_s=0, transport=transport, **wanted)

    def subscribed(self, wanted: Filter) -> None:
        """Record that it wants to see something else."""
        self._record("subscribed", within_s=WINDOW_S, **_extent(wanted))

    def note(self, reason: str) -> None:
        """Record something that happened on it."""
        self._record(reason)

    def end(self, reason: str, code: int | None = None) -> None:
        """Record how it ended; the first word counts.

        Parameters
        ----------
        reason : str
            ``closed_`` and our code, ``left``, or ``cut_off`` where nobody said a word.
        code : int, optional
            The close code that was said.
        """
        if self._is_over:
            return
        self._is_over = True
        if self._since is None:
            # It has shown no token: there may be many of these.
            self._record(reason)
        else:
            stayed_s = round(self._hub.clock.monotonic() - self._since, 3)
            self._record(reason, within_s=0, code=code, duration_s=stayed_s)

    def _record(self, reason: str, *, within_s: float = WINDOW_S, **facts: Fact) -> None:
        self._hub.audit.record(
            reason, 1, by=self._who, endpoint=self._endpoint, within_s=within_s, **facts
        )


def _extent(wanted: Filter) -> dict[str, Fact]:
    # How many, not which: what stands in a filter is the peer's to make up.
    names = (wanted.bookmakers, wanted.events, wanted.markets)
    kinds = ("bookmakers", "events", "markets")
    return {kind: len(chosen) for kind, chosen in zip(kinds, names, strict=True)}
