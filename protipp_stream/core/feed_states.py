"""How feeds are doing, in the words of a journal's notes, told only when they are news."""

from __future__ import annotations

from protipp_stream.model import RealTimeConnection

__all__ = ["FeedStates"]

# A peer that invents feeds must not fill our memory.
MAX_FEEDS = 10_000


class FeedStates:
    """Remembers what was said last of each feed and bookmaker."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def news(self, connection: RealTimeConnection) -> str | None:
        """Return its state in words: ``connected``, or what is wrong; None if that is known."""
        words = _in_words(connection)
        if self._told.get(connection.id) == words:
            return None
        if len(self._told) >= MAX_FEEDS:
            self._told.clear()
        self._told[connection.id] = words
        return words


def _in_words(connection: RealTimeConnection) -> str:
    is_connected = connection.status == "connected"
    is_well = is_connected and connection.detail in {None, "live"}
    words = [connection.status, None if is_well else connection.detail]
    detail = ", ".join(word for word in (*words, "stale" * connection.stale) if word)
    if connection.last_error and not is_connected:
        detail += f": {connection.last_error}"
    return detail
