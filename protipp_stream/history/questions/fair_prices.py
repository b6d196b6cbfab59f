"""What the prices of whole markets say without their margin."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from math import nan
from typing import TYPE_CHECKING, Any

import numpy as np

from protipp_stream.core.fair import METHODS
from protipp_stream.errors import ConfigurationError, NoFairPrice
from protipp_stream.history.asking import Asked
from protipp_stream.history.counting import Progress, counted
from protipp_stream.history.frames import NAME, NUMBER, TIME, frame_of_rows
from protipp_stream.history.questions.markets import States, market_states
from protipp_stream.history.reading import View

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fair"]

_TYPES = {
    "timestamp": TIME,
    "bookmaker_id": NAME,
    "event_id": NAME,
    "market": NAME,
    "outcome": NAME,
    "odds": NUMBER,
    "probability": NUMBER,
    "overround": NUMBER,
}


def fair(view: View, asked: Asked, method: str, progress: Progress) -> pd.DataFrame:
    """Return fair probabilities after every change; see `History.fair`."""
    if method not in METHODS:
        raise ConfigurationError(
            f"There is no de-vig method {method!r}.", hint=f"Known methods: {', '.join(METHODS)}."
        )
    states = market_states(view, asked)
    since = np.iinfo(np.int64).min if asked.since is None else asked.since
    made = frame_of_rows(_rows(states, method, since, progress), _TYPES)
    order = ["timestamp", "event_id", "market", "bookmaker_id", "outcome"]
    return made.sort_values(order, ignore_index=True)


def _rows(states: States, method: str, since: int, progress: Progress) -> Iterator[tuple[Any, ...]]:
    # A market comes back to the same prices again and again.
    @lru_cache(maxsize=65_536)
    def probabilities(odds: tuple[float, ...]) -> list[float]:
        try:
            return METHODS[method](odds)
        except NoFairPrice:
            return [nan] * len(odds)

    table = states.table
    names = [table.column(name).to_pylist() for name in ("bookmaker_id", "event_id", "market")]
    outcomes = table.column("outcome").to_pylist()
    odds = table.column("new_odds").to_pylist()
    at, is_wanted = states.at.tolist(), (states.is_last & states.is_whole).tolist()
    begins, prices = -1, dict[str, float]()
    markets = counted(states.market.tolist(), len(outcomes), progress)
    for row, market in enumerate(markets):
        if market != begins:
            begins, prices = market, {}
        prices[outcomes[row]] = odds[row]
        if is_wanted[row] and at[row] >= since:
            place = tuple(column[row] for column in names)
            fairly = probabilities(tuple(prices.values()))
            margin = sum(1 / price for price in prices.values()) - 1
            for (outcome, price), share in zip(prices.items(), fairly, strict=True):
                yield (at[row], *place, outcome, price, share, margin)
