"""Feeds: what bookmakers say, decoded into quotes. One file a source.

`base` says what a feed is · `simulated` needs nothing and is labelled so ·
`the_odds_api` polls a provider · `replay` plays a recording of that provider
through the same decoder.
"""

from protipp_stream.feeds.base import Feed, batch_now
from protipp_stream.feeds.replay import Replay
from protipp_stream.feeds.simulated import Simulated
from protipp_stream.feeds.the_odds_api import TheOddsApi

__all__ = ["Feed", "Replay", "Simulated", "TheOddsApi", "batch_now"]
