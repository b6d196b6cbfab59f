"""The board as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from protipp_stream.history.asking import Asked
from protipp_stream.history.frames import NAME, NUMBER, TIME, frame_of
from protipp_stream.history.questions.events import Known, described
from protipp_stream.history.reading import View
from protipp_stream.history.sessions import sessions_of
from protipp_stream.history.standing import SELECTION, standing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["as_of"]

_TYPES = {
    "bookmaker_id": NAME,
    "event_id": NAME,
    "event": NAME,
    "sport": NAME,
    "starts_at": TIME,
    "market": NAME,
    "outcome": NAME,
    "odds": NUMBER,
    "commission": NUMBER,
    "timestamp": TIME,
    "source_timestamp": TIME,
    "good_at": TIME,
    "age_s": NUMBER,
}


def as_of(view: View, asked: Asked, at: int) -> pd.DataFrame:
    """Return what stood at a time, a row a selection; see `History.as_of`."""
    sessions = sessions_of(view)
    current = int(sessions.at(np.array([at], np.int64))[0])
    states = standing(view, asked.over(since=at, until=at + 1), sessions)
    # None of them is of later than that: the last is the one that stood.
    found = states.last
    found = found[states.session[states.group[found]] == current]
    rows = states.prices.take(pa.array(states.row[found]))
    columns: dict[str, Any] = {name: rows.column(name) for name in SELECTION}
    # What was described later, a start that was moved, was not known then.
    known = Known(at, int(rows.column("line").to_numpy().max(initial=-1)))
    columns |= described(view, asked, rows.column("event_id").to_pylist(), known)
    columns |= {
        "odds": states.odds[found],
        "commission": rows.column("commission"),
        "timestamp": rows.column("timestamp"),
        "source_timestamp": states.source[found],
        "good_at": states.good_at[found],
        "age_s": (at - states.good_at[found]) / 1e6,
    }
    board = frame_of(columns, _TYPES)
    return board.sort_values(["event_id", "market", "outcome", "bookmaker_id"], ignore_index=True)
