"""The state of a connection in words, an icon and a level: colour never says it alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from protipp_stream.model import RealTimeConnection

__all__ = ["Level", "Word", "origin_label", "word_of"]

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
STOPPED = Word("■", "Stopped", "grey")
REFUSED = Word("✕", "Ended", "red")
FAILING = Word("✕", "Failing", "red")

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
        case _:
            return STOPPED if detail == "terminal" else RECONNECTING


def origin_label(sources: Mapping[str, RealTimeConnection]) -> str:
    """Return the warning for prices that are no bookmaker's, or an empty string."""
    kinds = {source.connection_type for source in sources.values()}
    return " · ".join(label for kind, label in _ORIGINS.items() if kind in kinds)
