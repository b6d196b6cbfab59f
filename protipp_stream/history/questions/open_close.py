"""The first price and the last before the start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from protipp_stream.history.asking import NO_TIME, Asked, micros
from protipp_stream.history.frames import NAME, NUMBER, TIME, WHOLE, frame_of
from protipp_stream.history.questions.events import UNKNOWN, start_of_rows, starts_of
from protipp_stream.history.questions.updates import prices_in_order
from protipp_stream.history.reading import View
from protipp_stream.history.standing import SELECTION, by_code, codes_of, runs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["open_close"]

_TYPES = {
    "event_id": NAME,
    "market": NAME,
    "outcome": NAME,
    "bookmaker_id": NAME,
    "starts_at": TIME,
    "opened_at": TIME,
    "open": NUMBER,
    "closed_at": TIME,
    "close": NUMBER,
    "low": NUMBER,
    "high": NUMBER,
    "prices": WHOLE,
}


def open_close(view: View, asked: Asked) -> pd.DataFrame:
    """Return a row a selection; see `History.open_close`."""
    table = prices_in_order(view, asked)
    starts = start_of_rows(starts_of(view, asked), table.column("event_id"))
    at = micros(table.column("timestamp"))
    odds = table.column("new_odds").to_numpy()
    kept = np.flatnonzero(~np.isnan(odds) & (at < starts))
    table = table.take(pa.array(kept))
    selection = codes_of(table, SELECTION)
    order = by_code(selection)
    first = np.flatnonzero(runs(selection[order]))
    last = np.append(first[1:], len(order)) - 1 if len(first) else first
    at, odds, starts = at[kept][order], odds[kept][order], starts[kept][order]
    rows = table.select(SELECTION).take(pa.array(order[first]))
    made = frame_of(
        {
            **{name: rows.column(name) for name in SELECTION},
            "starts_at": np.where(starts[first] == UNKNOWN, NO_TIME, starts[first]),
            "opened_at": at[first],
            "open": odds[first],
            "closed_at": at[last],
            "close": odds[last],
            "low": np.minimum.reduceat(odds, first) if len(first) else odds,
            "high": np.maximum.reduceat(odds, first) if len(first) else odds,
            "prices": last - first + 1,
        },
        _TYPES,
    )
    return made.sort_values(["event_id", "market", "outcome", "bookmaker_id"], ignore_index=True)
