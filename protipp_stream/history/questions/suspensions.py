"""When a bookmaker took a price off its board, and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protipp_stream.history.asking import NO_TIME, Asked, micros
from protipp_stream.history.frames import NAME, NUMBER, TIME, frame_of
from protipp_stream.history.questions.updates import prices_in_order
from protipp_stream.history.reading import View
from protipp_stream.history.sessions import sessions_of
from protipp_stream.history.standing import SELECTION, by_code, codes_of, runs

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["suspensions"]

Array = npt.NDArray[Any]

_TYPES = {
    "event_id": NAME,
    "market": NAME,
    "outcome": NAME,
    "bookmaker_id": NAME,
    "since": TIME,
    "until": TIME,
    "duration_s": NUMBER,
    "odds_before": NUMBER,
    "odds_after": NUMBER,
}


def suspensions(view: View, asked: Asked) -> pd.DataFrame:
    """Return a row a suspension; see `History.suspensions`."""
    sessions = sessions_of(view)
    table = prices_in_order(view, sessions.reaching_back(asked))
    selection = codes_of(table, SELECTION)
    order = by_code(selection)
    table, selection = table.take(pa.array(order)), selection[order]
    session = sessions.of(table.column("line").to_numpy())
    odds, at = table.column("new_odds").to_numpy(), micros(table.column("timestamp"))
    # A suspension that is said twice, as an image may, is one.
    begins = runs(selection, session, np.isnan(odds))
    first = np.flatnonzero(begins & np.isnan(odds))
    number = np.cumsum(begins) - 1
    starts = np.flatnonzero(begins)
    after = np.append(starts, len(odds))[number[first] + 1]
    has_after = _is_same(after, first, selection, session)
    has_before = _is_same(first - 1, first, selection, session)
    until = np.where(has_after, at[np.minimum(after, len(at) - 1)], NO_TIME) if len(at) else first
    kept = (
        np.ones(len(first), bool)
        if asked.since is None
        else ((until == NO_TIME) | (until > asked.since))
    )
    first, after, until = first[kept], after[kept], until[kept]
    has_after, has_before = has_after[kept], has_before[kept]
    rows = table.select(SELECTION).take(pa.array(first))
    made = frame_of(
        {
            **{name: rows.column(name) for name in SELECTION},
            "since": at[first],
            "until": until,
            "duration_s": np.where(has_after, (until - at[first]) / 1e6, np.nan),
            "odds_before": _where(has_before, odds, first - 1),
            "odds_after": _where(has_after, odds, after),
        },
        _TYPES,
    )
    order_by = ["since", "event_id", "market", "outcome", "bookmaker_id"]
    return made.sort_values(order_by, ignore_index=True)


def _is_same(rows: Array, first: Array, selection: Array, session: Array) -> Array:
    """Whether rows are of the same selection and session as the first of a suspension."""
    if not len(first):
        return np.zeros(0, bool)
    is_there = (rows >= 0) & (rows < len(selection))
    safe = np.where(is_there, rows, 0)
    same: npt.NDArray[np.bool_] = (
        is_there & (selection[safe] == selection[first]) & (session[safe] == session[first])
    )
    return same


def _where(there: Array, values: Array, rows: Array) -> Array:
    found = np.full(len(rows), np.nan)
    found[there] = values[rows[there]]
    return found
