"""Tells of every change of the link's state: to who asked for it, and to the log in words."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from protipp_stream.model import RealTimeConnection

__all__ = ["Transitions"]

_log = logging.getLogger(__name__)

Callback = Callable[[RealTimeConnection], None]

_TRANSPORTS = {"websocket": "WebSocket", "sse": "SSE", "polling": "polling"}


class Transitions:
    """Who is told when status, detail or transport change; not of each sign of life.

    Parameters
    ----------
    base : str
        The gateway's address, for the log.
    status : RealTimeConnection
        The state from which the first change is one.

    Attributes
    ----------
    since : datetime
        UTC: when it became live, or ceased to be, was left, or ended.
    """

    def __init__(self, base: str, status: RealTimeConnection) -> None:
        self._base = base
        self._last = status
        self.since = datetime.now(UTC)
        # Replaced, never changed: whoever goes through it has a whole one.
        self._callbacks: tuple[Callback, ...] = ()

    def on(self, callback: Callback) -> Callable[[], None]:
        """Add a callback; return a function that removes it."""

        def called(status: RealTimeConnection) -> None:
            # A name of its own: one callback may be added twice, and removed once.
            callback(status)

        def remove() -> None:
            self._callbacks = tuple(each for each in self._callbacks if each is not called)

        self._callbacks = (*self._callbacks, called)
        return remove

    def take(self, status: RealTimeConnection) -> None:
        """Take a state; called by the client's thread."""
        before, self._last = self._last, status
        if _kind(status) != _kind(before):
            self.since = datetime.now(UTC)
        if _shown(status) == _shown(before):
            return
        is_worse = status.status == "error" or (_is_live(before) and not _is_wanted(status))
        level = logging.WARNING if is_worse and not _is_live(status) else logging.INFO
        _log.log(level, "link to %s: %s", self._base, _in_words(status))
        for callback in self._callbacks:
            try:
                callback(status)
            except Exception:  # noqa: BLE001 - logged
                # A mistake of theirs must not cost the link, nor the others their turn.
                _log.exception("a callback on a transition has failed")


def _shown(status: RealTimeConnection) -> tuple[str, str | None, str]:
    return status.status, status.detail, status.connection_type


def _kind(status: RealTimeConnection) -> str:
    """Say which stretch a state belongs to: it may be tried, and wait, again and again."""
    return status.detail if status.detail in ("live", "paused", "terminal") else "trying"


def _is_live(status: RealTimeConnection) -> bool:
    return status.detail == "live"


def _is_wanted(status: RealTimeConnection) -> bool:
    """Whether it was closed, or left without an error."""
    is_left = status.detail == "paused" and status.last_error is None
    return status.status == "disconnected" and (is_left or status.detail == "terminal")


def _in_words(status: RealTimeConnection) -> str:
    transport = _TRANSPORTS.get(status.connection_type, status.connection_type)
    why = f": {status.last_error}" if status.last_error else ""
    match status.status, status.detail:
        case "connected", "stalled":
            return f"stalled, no sign of life over {transport}"
        case "connected", _:
            return f"live over {transport}"
        case "connecting", _:
            return f"connecting over {transport}"
        case "disconnected", "terminal":
            return "closed"
        case "disconnected", "paused":
            return f"disconnected until reconnect(){why}"
        case "disconnected", _:
            return (
                f"disconnected, trying {transport} again ({status.reconnect_attempts} so far){why}"
            )
        case _:
            return f"ended for good{why}"
