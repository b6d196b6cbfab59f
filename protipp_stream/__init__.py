"""Real-time betting odds for people who work in notebooks.

    >>> import protipp_stream as ps
    >>> gateway = ps.Gateway(ps.Simulated()).start()
    >>> odds = ps.connect(gateway)
    >>> board = odds.quotes()
    >>> odds.close(); gateway.stop()

Prices come in through feeds (`Simulated`, `TheOddsApi`, `Replay`, or one of your
own: `Feed`), a `Gateway` finds what changed and serves it, `connect` follows it
as `LiveOdds`, `ui` shows it, and `History` answers questions about what was
recorded. Whatever goes wrong is a `ProtippStreamError`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from protipp_stream.errors import ProtippStreamError
from protipp_stream.model import Cursor, Event, OddsUpdate, Quote, RealTimeConnection

if TYPE_CHECKING:
    from protipp_stream import ui
    from protipp_stream.client import LiveOdds, connect
    from protipp_stream.feeds import Feed, Replay, Simulated, TheOddsApi
    from protipp_stream.gateway import Gateway
    from protipp_stream.history import History

__version__ = "0.1.0"

__all__ = [
    "Cursor",
    "Event",
    "Feed",
    "Gateway",
    "History",
    "LiveOdds",
    "OddsUpdate",
    "ProtippStreamError",
    "Quote",
    "RealTimeConnection",
    "Replay",
    "Simulated",
    "TheOddsApi",
    "connect",
    "ui",
]

# An analyst's first cell should not wait for a web server that it may never
# start, nor for Panel, which takes seconds: each is imported at its first use.
_LAZY = {
    "Feed": "protipp_stream.feeds",
    "Gateway": "protipp_stream.gateway",
    "History": "protipp_stream.history",
    "LiveOdds": "protipp_stream.client",
    "Replay": "protipp_stream.feeds",
    "Simulated": "protipp_stream.feeds",
    "TheOddsApi": "protipp_stream.feeds",
    "connect": "protipp_stream.client",
}


def __getattr__(name: str) -> Any:
    if name == "ui":
        return import_module("protipp_stream.ui")
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*__all__, "__doc__", "__version__", "errors", "model"])
