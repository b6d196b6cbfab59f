"""Feeds: what bookmakers say, decoded into quotes. A file or a folder a source.

`base` says what a feed is · `simulated` needs nothing and is labelled so ·
`the_odds_api` polls a provider · `replay` plays a recording of that provider
through the same decoder · `odds_api_io` holds a WebSocket · `sse` reads any
server-sent events by a mapping · `betfair` follows the Exchange Stream, and plays
recordings of it (extra ``betfair``).

What they share: `polling` is when to ask, `retrying` when to ask again · `image`
and `standing` know what was withdrawn · `keyed` and `reporting` keep secrets out of
what is told · `answers` says what a refusal means, `stopping` ends tasks · `odds_format` and
`instants` read prices and times.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from protipp_stream.feeds.base import Feed, batch_now
from protipp_stream.feeds.image import ImageDiff
from protipp_stream.feeds.replay import Replay
from protipp_stream.feeds.simulated import Simulated
from protipp_stream.feeds.the_odds_api.feed import TheOddsApi

if TYPE_CHECKING:
    from protipp_stream.feeds.betfair.feed import Betfair
    from protipp_stream.feeds.betfair.replay import BetfairReplay
    from protipp_stream.feeds.odds_api_io.feed import OddsApiIo
    from protipp_stream.feeds.sse.mapping import OPTIC_ODDS, SseMapping
    from protipp_stream.feeds.sse.source import SseSource

__all__ = [
    "OPTIC_ODDS",
    "Betfair",
    "BetfairReplay",
    "Feed",
    "ImageDiff",
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
    "OPTIC_ODDS": "protipp_stream.feeds.sse.mapping",
    "Betfair": "protipp_stream.feeds.betfair.feed",
    "BetfairReplay": "protipp_stream.feeds.betfair.replay",
    "OddsApiIo": "protipp_stream.feeds.odds_api_io.feed",
    "SseMapping": "protipp_stream.feeds.sse.mapping",
    "SseSource": "protipp_stream.feeds.sse.source",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
