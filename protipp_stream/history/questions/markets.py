"""Every state of every market at a bookmaker: what it was sold for after each change."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protipp_stream.history.asking import Asked, micros
from protipp_stream.history.questions.updates import prices_in_order
from protipp_stream.history.reading import View
from protipp_stream.history.sessions import sessions_of
from protipp_stream.history.standing import SELECTION, by_code, codes_of, dense, runs

__all__ = ["MARKET", "States", "market_states"]

Ints = npt.NDArray[np.int64]

MARKET = ["bookmaker_id", "event_id", "market"]
_TOLERANCE = 1e-9


class States(NamedTuple):
    """Rows sorted by market, session and time.

    Attributes
    ----------
    table : pyarrow.Table
    market : array of int
        Counts markets' sessions.
    at : array of int
        Microseconds.
    is_last : array of bool
        Of the rows that arrived together: after it the state is one to look at.
    is_whole : array of bool
        After this row every outcome that was ever named in this session has a price, there
        are two or more, and they sum to no less than 1: below that, one is missing.
    implied : array of float
        The sum of 1/odds after this row.
    outcomes : array of int
        How many were named.
    """

    table: pa.Table
    market: Ints
    at: Ints
    is_last: npt.NDArray[np.bool_]
    is_whole: npt.NDArray[np.bool_]
    implied: npt.NDArray[np.float64]
    outcomes: Ints


def market_states(view: View, asked: Asked) -> States:
    """Follow the markets that are asked for, from rows before `asked.until`."""
    sessions = sessions_of(view)
    table = prices_in_order(view, sessions.reaching_back(asked))
    session = sessions.of(table.column("line").to_numpy())
    market = _paired(codes_of(table, MARKET), session)
    order = by_code(market)
    table, market = table.take(pa.array(order)), market[order]
    at = micros(table.column("timestamp"))
    inverse = 1 / table.column("new_odds").to_numpy()
    is_priced = ~np.isnan(inverse)
    inverse = np.where(is_priced, inverse, 0.0)
    before = _before(_paired(codes_of(table, SELECTION), market))
    is_new = before < 0
    changed = inverse - np.where(is_new, 0.0, inverse[before])
    more = is_priced.astype(np.int64) - np.where(is_new, 0, is_priced[before])
    begins = runs(market)
    outcomes: Ints = _summed(is_new.astype(np.int64), begins)
    priced: Ints = _summed(more, begins)
    implied: npt.NDArray[np.float64] = _summed(changed, begins)
    is_whole = (priced == outcomes) & (outcomes >= 2) & (implied >= 1 - _TOLERANCE)
    is_last = np.append(runs(market, at)[1:], True) if len(market) else np.zeros(0, bool)
    return States(table, market, at, is_last, is_whole, implied, outcomes)


def _paired(codes: Ints, more: Ints) -> Ints:
    return dense(codes * (int(more.max(initial=0)) + 1) + more)


def _before(selection: Ints) -> Ints:
    """Return the row before of the same selection; -1 for the first."""
    order = by_code(selection)
    before = np.full(len(selection), -1, np.int64)
    follows = ~runs(selection[order])
    before[order[follows]] = order[np.flatnonzero(follows) - 1]
    return before


def _summed(values: npt.NDArray[Any], begins: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    """Add up within each market."""
    total = np.cumsum(values)
    first = np.flatnonzero(begins)
    offset = total[first] - values[first]
    found: npt.NDArray[Any] = total - np.repeat(offset, np.diff(np.append(first, len(values))))
    return found
