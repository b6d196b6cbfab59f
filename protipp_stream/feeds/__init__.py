"""Feeds: what bookmakers say, decoded into quotes. One file a source.

`base` says what a feed is · `simulated` needs nothing and is labelled so ·
`the_odds_api` polls a provider · `replay` plays a recording of that provider
through the same decoder · `odds_api_io` holds a WebSocket · `sse_source` reads
any server-sent events by a mapping · `betfair` follows the Exchange Stream, and
`betfair_replay` plays recordings of it (extra ``betfair``).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from protipp_stream.feeds.base import Feed, batch_now
from protipp_stream.feeds.replay import Replay
from protipp_stream.feeds.simulated import Simulated
from protipp_stream.feeds.the_odds_api import TheOddsApi

if TYPE_CHECKING:
    from protipp_stream.feeds.betfair import Betfair
    from protipp_stream.feeds.betfair_replay import BetfairReplay
    from protipp_stream.feeds.odds_api_io import OddsApiIo
    from protipp_stream.feeds.sse_mapping import OPTIC_ODDS, SseMapping
    from protipp_stream.feeds.sse_source import SseSource

__all__ = [
    "OPTIC_ODDS",
    "Betfair",
    "BetfairReplay",
    "Feed",
    "OddsApiIo",
    "Replay",
    "Simulated",
    "SseMapping",
    "SseSource",
    "TheOddsApi",
    "batch_now",
]

# Most people never take them: they are imported at their first use.
_LAZY = {
    "OPTIC_ODDS": "protipp_stream.feeds.sse_mapping",
    "Betfair": "protipp_stream.feeds.betfair",
    "BetfairReplay": "protipp_stream.feeds.betfair_replay",
    "OddsApiIo": "protipp_stream.feeds.odds_api_io",
    "SseMapping": "protipp_stream.feeds.sse_mapping",
    "SseSource": "protipp_stream.feeds.sse_source",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
