"""The gateway's sources: the state of each, and whether it is fresh."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import msgspec

from protipp_stream.gateway.clock import Clock
from protipp_stream.model import RealTimeConnection

__all__ = ["Sources", "log_transition"]

_log = logging.getLogger(__name__)

MAX_ERROR = 200


class Sources:
    """State by id; connected is not fresh, so silence is watched apart.

    Attributes
    ----------
    version : int
        Another number whenever a state changed that is worth waking a poller
        for: a new status or error, not each sign of life.
    """

    def __init__(self, clock: Clock) -> None:
        self.version = 0
        self._clock = clock
        self._known: dict[str, RealTimeConnection] = {}
        self._stale_at: dict[str, float] = {}
        self._patience_s: dict[str, float] = {}

    def __iter__(self) -> Iterator[RealTimeConnection]:
        return iter(self._known.values())

    def __getitem__(self, ident: str) -> RealTimeConnection:
        return self._known[ident]

    def get(self, ident: str) -> RealTimeConnection | None:
        """Return a source's state; None before its first."""
        return self._known.get(ident)

    def take(self, connection: RealTimeConnection) -> RealTimeConnection:
        """Keep a state and return it as it may be shown.

        Its error may hold a publisher's or provider's own words: cut, and
        without control characters, because it goes to every subscriber.
        """
        error = connection.last_error
        if error is not None:
            printable = "".join(c if c.isprintable() else " " for c in error[:MAX_ERROR])
            connection = msgspec.structs.replace(connection, last_error=printable)
        before = self._known.get(connection.id)
        if before is None or _state(before) != _state(connection):
            self.version += 1
        self._known[connection.id] = connection
        return connection

    def heard(self, ident: str, patience_s: float) -> RealTimeConnection | None:
        """Note a sign of life; the source is stale when ``patience_s`` pass without one.

        Returns
        -------
        RealTimeConnection or None
            The new state if it is fresh again.
        """
        self._patience_s[ident] = patience_s
        self._stale_at[ident] = self._clock.monotonic() + patience_s
        known = self._known.get(ident)
        if known is None or not known.stale:
            return None
        return msgspec.structs.replace(known, stale=False)

    def patience_s(self, ident: str) -> float:
        """How long a source may be silent, as far as it is known."""
        return self._patience_s.get(ident, 0.0)

    def gone_stale(self) -> list[RealTimeConnection]:
        """Return the new states of sources that have been silent for too long."""
        now = self._clock.monotonic()
        return [
            msgspec.structs.replace(known, stale=True)
            for ident, known in self._known.items()
            if now >= self._stale_at.get(ident, now + 1)
            and known.status == "connected"
            and not known.stale
            # A replay is as silent as what it recorded.
            and known.connection_type != "replay"
        ]


def _state(connection: RealTimeConnection) -> tuple[object, ...]:
    return connection.status, connection.detail, connection.stale, connection.last_error


def log_transition(before: RealTimeConnection, now: RealTimeConnection) -> None:
    """Say in the log how a source is doing now, and how it was."""
    is_well = now.status == "connected" and not now.stale
    why = f": {now.last_error}" if now.last_error else ""
    level = logging.INFO if is_well else logging.WARNING
    _log.log(level, "source %s: %s, was %s%s", now.id, _in_words(now), _in_words(before), why)


def _in_words(source: RealTimeConnection) -> str:
    words = [source.status, source.detail, "stale" if source.stale else None]
    return " ".join(word for word in words if word)
