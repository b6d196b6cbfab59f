"""The state of a connection in words, an icon and a level: colour never says it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from protipp_stream.model import RealTimeConnection

__all__ = ["Level", "Word", "kind_of", "origin_label", "word_behind", "word_of"]

Level = Literal["good", "amber", "orange", "red", "grey"]


class Word(msgspec.Struct, frozen=True):
    """How a state is shown."""

    icon: str
    text: str
    level: Level


LIVE = Word("●", "Live", "good")
STALE = Word("◔", "Connected, prices stale", "amber")
STALLED = Word("◐", "Stalled", "amber")
CONNECTING = Word("↻", "Connecting", "orange")
RECONNECTING = Word("↻", "Reconnecting", "orange")
RECOVERING = Word("↻", "Catching up", "orange")
LEFT = Word("■", "Disconnected by you", "grey")
BROKEN = Word("✕", "Disconnected, not retrying", "red")
STOPPED = Word("■", "Stopped", "grey")
REFUSED = Word("✕", "Ended", "red")
FAILING = Word("✕", "Failing", "red")
WAS_LIVE = Word("◌", "Was live", "grey")

_KINDS = {
    "websocket": "WebSocket",
    "sse": "SSE",
    "polling": "Polling",
    "stream": "Stream",
    "simulated": "Simulated",
    "replay": "Replay",
    "publish": "Published",
    "bookmaker": "Bookmaker",
}
_ORIGINS = {
    "simulated": "SIMULATED — invented prices",
    "replay": "REPLAY — recorded prices",
}


def word_of(connection: RealTimeConnection) -> Word:
    """Say how a connection is, from its status and detail."""
    detail = connection.detail
    match connection.status:
        case "connected" if detail == "stalled":
            return STALLED
        case "connected" if detail == "recovering":
            return RECOVERING
        case "connected":
            return STALE if connection.stale else LIVE
        case "connecting":
            return RECONNECTING if connection.reconnect_attempts else CONNECTING
        case "error":
            return REFUSED if detail == "terminal" else FAILING
        case _ if detail == "paused":
            return BROKEN if connection.last_error else LEFT
        case _:
            return STOPPED if detail == "terminal" else RECONNECTING


def word_behind(source: RealTimeConnection, link: RealTimeConnection) -> Word:
    """Say how a source of the gateway is, as far as a client's link lets us know."""
    word = word_of(source)
    if word_of(link) is LIVE:
        return word
    return WAS_LIVE if word is LIVE else Word(word.icon, f"Was {word.text.lower()}", "grey")


def kind_of(connection: RealTimeConnection | str) -> str:
    """Return the way a connection takes, or what it stands for, in words for people."""
    kind = connection if isinstance(connection, str) else connection.connection_type
    return _KINDS.get(kind, kind)


def origin_label(sources: Mapping[str, RealTimeConnection]) -> str:
    """Return the warning for prices that are no bookmaker's, or an empty string."""
    kinds = {source.connection_type for source in sources.values()}
    return " · ".join(label for kind, label in _ORIGINS.items() if kind in kinds)
