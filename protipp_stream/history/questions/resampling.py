"""Prices at regular times; a price that nobody has said for long is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import Asked
from protipp_stream.history.frames import NAME, NUMBER, TIME, frame_of
from protipp_stream.history.reading import View
from protipp_stream.history.sessions import Sessions, sessions_of
from protipp_stream.history.standing import SELECTION, Standing, standing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["resample"]

Ints = npt.NDArray[np.int64]

MAX_ROWS = 50_000_000
_TYPES = {
    "timestamp": TIME,
    "bookmaker_id": NAME,
    "event_id": NAME,
    "market": NAME,
    "outcome": NAME,
    "odds": NUMBER,
    "age_s": NUMBER,
}


def resample(view: View, asked: Asked, step: int, stale: int) -> pd.DataFrame:
    """Return prices every ``step`` microseconds; see `History.resample`."""
    sessions = sessions_of(view)
    states = standing(view, asked, sessions)
    selections, times = _points(states, asked, step, stale)
    found = _states_at(states, sessions, selections, times)
    is_there = found >= 0
    odds, age = np.full(len(found), np.nan), np.full(len(found), np.nan)
    odds[is_there] = states.odds[found[is_there]]
    age[is_there] = times[is_there] - states.good_at[found[is_there]]
    is_fresh = ~np.isnan(odds) & (age <= stale)
    rows = states.prices.take(pa.array(_a_row_of(states)[selections]))
    made = frame_of(
        {
            **{name: rows.column(name) for name in SELECTION},
            "timestamp": times,
            "odds": np.where(is_fresh, odds, np.nan),
            "age_s": np.where(is_fresh, age / 1e6, np.nan),
        },
        _TYPES,
    )
    order = ["event_id", "market", "outcome", "bookmaker_id", "timestamp"]
    return made.sort_values(order, ignore_index=True)


def _points(states: Standing, asked: Asked, step: int, stale: int) -> tuple[Ints, Ints]:
    """Return for which selections and times there is a row.

    From the first time at or after its first row, to the last before its last is stale.
    """
    count = int(states.selection.max(initial=-1)) + 1
    first = np.full(count, np.iinfo(np.int64).max)
    last = np.full(count, np.iinfo(np.int64).min)
    owner = states.selection[states.group]
    np.minimum.at(first, owner, states.at)
    np.maximum.at(last, owner, states.at)
    if asked.since is not None:
        first = np.maximum(first, asked.since)
    last = last + stale
    if asked.until is not None:
        last = np.minimum(last, asked.until - 1)
    begin, end = -(-first // step), last // step
    # One of which only confirmations are left has no price to begin with.
    length = np.where(first <= last, np.maximum(end - begin + 1, 0), 0)
    if (total := int(length.sum())) > MAX_ROWS:
        raise ConfigurationError(
            f"That would be {total:,} rows.",
            hint="Ask for one event, a shorter time or less often.",
        )
    selections = np.repeat(np.arange(count), length)
    offset = np.arange(total) - np.repeat(np.cumsum(length) - length, length)
    return selections, (begin[selections] + offset) * step


def _states_at(states: Standing, sessions: Sessions, selections: Ints, times: Ints) -> Ints:
    # Groups are in the order of selections and sessions; before the first session is -1.
    width = len(sessions.lines) + 1
    groups = states.selection * width + states.session + 1
    wanted = selections * width + sessions.at(times) + 1
    place = np.minimum(np.searchsorted(groups, wanted), len(groups) - 1)
    found = np.full(len(wanted), -1, np.int64)
    known = np.flatnonzero(groups[place] == wanted) if len(groups) else place
    found[known] = states.newest(place[known], times[known])
    return found


def _a_row_of(states: Standing) -> Ints:
    rows = np.zeros(int(states.selection.max(initial=-1)) + 1, np.int64)
    rows[states.selection[states.group]] = states.row
    return rows
