"""Arbitrage: prices of several bookmakers which together pay whoever wins.

`finder` takes prices as they come · `prices` puts them where they belong · `market`
keeps the best of every outcome · `judge` says why what looks like an arbitrage is none,
by the `terms` · `stakes` splits, rounds and counts again · `assignment` finds different
bookmakers for the legs · `life` is what an opportunity is, from first to last · `pushes`
says when stakes come back.
"""

from protipp_stream.core.arbitrage.finder import ArbitrageFinder
from protipp_stream.core.arbitrage.life import Arbitrage, Change, Key, fresh_until, restaked
from protipp_stream.core.arbitrage.stakes import (
    Leg,
    Side,
    Split,
    net_odds,
    relock,
    resplit,
    split,
)
from protipp_stream.core.arbitrage.terms import REASONS, WORDS, Reason, Terms, terms_of

__all__ = [
    "REASONS",
    "WORDS",
    "Arbitrage",
    "ArbitrageFinder",
    "Change",
    "Key",
    "Leg",
    "Reason",
    "Side",
    "Split",
    "Terms",
    "fresh_until",
    "net_odds",
    "relock",
    "resplit",
    "restaked",
    "split",
    "terms_of",
]
