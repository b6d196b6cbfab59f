"""By how much the prices of a whole market exceed certainty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import Asked
from protipp_stream.history.frames import NAME, NUMBER, TIME, WHOLE, frame_of
from protipp_stream.history.questions.markets import MARKET, market_states
from protipp_stream.history.reading import View

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["overround"]

_BY = {"bookmaker": "bookmaker_id", "event": "event_id", "market": "market"}
_TYPES = {
    "timestamp": TIME,
    "bookmaker_id": NAME,
    "event_id": NAME,
    "market": NAME,
    "outcomes": WHOLE,
    "overround": NUMBER,
}


def overround(view: View, asked: Asked, by: str | None) -> pd.DataFrame:
    """Return the margin after every change, or by something; see `History.overround`."""
    if by not in [None, *_BY]:
        raise ConfigurationError(
            f"There is no overround by {by!r}.", hint=f"By {', '.join(_BY)}, or None for all."
        )
    states = market_states(view, asked)
    kept = states.is_last & states.is_whole
    if asked.since is not None:
        kept &= states.at >= asked.since
    rows = np.flatnonzero(kept)
    table = states.table.take(pa.array(rows))
    made = frame_of(
        {
            **{name: table.column(name) for name in MARKET},
            "timestamp": states.at[rows],
            "outcomes": states.outcomes[rows],
            "overround": states.implied[rows] - 1,
        },
        _TYPES,
    )
    if by is None:
        return made.sort_values(
            ["timestamp", "event_id", "market", "bookmaker_id"], ignore_index=True
        )
    return _by(made, _BY[by])


def _by(made: pd.DataFrame, column: str) -> pd.DataFrame:
    grouped = made.groupby(column, observed=True)["overround"]
    found = grouped.agg(["count", "mean", "median", "min", "max"]).reset_index()
    return found.astype({"count": "int64"})
