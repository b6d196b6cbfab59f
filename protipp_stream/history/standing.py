"""What stood when: the price of every selection at any time, by its own session's board.

What stands at a time is what the newest row says, in the order of the journal, among those
received by then. A confirmation is bound to the price in front of it, and makes that
younger; one that is older than this price says nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from protipp_stream.history.asking import NO_TIME, Asked, micros
from protipp_stream.history.frames import names_and_codes
from protipp_stream.history.reading import View
from protipp_stream.history.sessions import Sessions

__all__ = ["SELECTION", "Standing", "by_code", "codes_of", "dense", "runs", "standing"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SELECTION = ["bookmaker_id", "event_id", "market", "outcome"]
_PRICE = ["new_odds", "timestamp", "source_timestamp", "commission", "seq", "is_image", "line"]
_SAID = ["timestamp", "source_timestamp", "is_vouched", "line"]


class Standing(NamedTuple):
    """Every state that a price was in, selection by selection, session by session, in time.

    Attributes
    ----------
    prices : pyarrow.Table
        The rows of ``updates`` that these states are of, by `row`.
    row : array of int
    group : array of int
        Counts selections' sessions; within one, `at` rises.
    selection, session : array of int
        Of each group.
    at : array of int
        Since when, in microseconds.
    odds : array of float
        NaN: suspended.
    good_at, source : array of int
        As in `model.Quote`; the least integer where a bookmaker said no time.
    """

    prices: pa.Table
    row: Ints
    group: Ints
    selection: Ints
    session: Ints
    at: Ints
    odds: Floats
    good_at: Ints
    source: Ints

    @property
    def last(self) -> Ints:
        """The last state of each group."""
        return np.flatnonzero(np.append(np.diff(self.group), 1)) if len(self.group) else self.row

    def newest(self, groups: Ints, times: Ints) -> Ints:
        """Return which state of a group stood at a time; -1 where none did yet."""
        if not len(self.at):
            return np.full(len(groups), -1, np.int64)
        group, at = np.concatenate([self.group, groups]), np.concatenate([self.at, times])
        keys = _keys(group, at)
        known, wanted = keys[: len(self.at)], keys[len(self.at) :]
        found = np.searchsorted(known, wanted, side="right") - 1
        return np.where((found >= 0) & (self.group[np.maximum(found, 0)] == groups), found, -1)


def standing(view: View, asked: Asked, sessions: Sessions) -> Standing:
    """Find the states of all selections that are asked for, from rows before `asked.until`."""
    since_start = sessions.reaching_back(asked)
    prices = view.table("updates", [*SELECTION, *_PRICE], since_start)
    said = view.table("confirmed", [*SELECTION, *_SAID], since_start)
    return _states(prices, said, sessions)


def _states(prices: pa.Table, said: pa.Table, sessions: Sessions) -> Standing:
    count = prices.num_rows
    names = pa.concat_tables([prices.select(SELECTION), said.select(SELECTION)])
    selection = codes_of(names, SELECTION)
    line = _both(prices, said, "line", lambda column: column.to_numpy())
    at = _both(prices, said, "timestamp", micros)
    stamp = _both(prices, said, "source_timestamp", micros)
    is_price = np.arange(len(line)) < count
    # Within a line: updates as they were numbered, an image after what it holds already.
    seq = np.concatenate([
        2 * prices.column("seq").to_numpy() + _flags(prices.column("is_image")),
        np.full(said.num_rows, np.iinfo(np.int64).max),
    ])  # fmt: skip
    session = sessions.of(line)
    order = np.lexsort((seq, line, session, selection))
    selection, session, at, stamp = selection[order], session[order], at[order], stamp[order]
    is_price, row = is_price[order], order
    is_vouched = np.concatenate([np.zeros(count, bool), said.column("is_vouched").to_numpy()])[
        order
    ]
    begins = runs(selection, session)
    group = np.cumsum(begins) - 1
    base = np.maximum.accumulate(np.where(is_price, np.arange(len(order)), -1))
    is_bound = (base >= 0) & (group[np.maximum(base, 0)] == group)
    base = np.maximum(base, 0)
    odds_of_price = np.full(len(order), np.nan)
    odds_of_price[is_price] = prices.column("new_odds").to_numpy()[row[is_price]]
    odds = odds_of_price[base] if len(order) else odds_of_price
    is_kept = is_price | (is_bound & ~np.isnan(odds) & (at[base] <= at))
    source = np.where(stamp != NO_TIME, stamp, stamp[base])
    # By the bookmaker's own clock, unless somebody heard or vouched for it later.
    is_stamped = (stamp != NO_TIME) & ~is_vouched
    good_at = np.where(is_stamped, stamp, np.maximum(source, at))
    kept = np.flatnonzero(is_kept)
    kept = kept[_is_seen(group[kept], at[kept])]
    first = np.flatnonzero(begins)
    return Standing(
        prices=prices,
        row=row[base[kept]],
        group=group[kept],
        selection=selection[first],
        session=session[first],
        at=at[kept],
        odds=odds[kept],
        good_at=good_at[kept],
        source=source[kept],
    )


def _is_seen(group: Ints, at: Ints) -> npt.NDArray[np.bool_]:
    """Leave out what was overtaken by a later row with an earlier time, or the same."""
    keys = _keys(group, at)
    least = np.minimum.accumulate(keys[::-1])[::-1]
    seen: npt.NDArray[np.bool_] = keys < np.append(least[1:], np.iinfo(np.int64).max)
    return seen[: len(keys)]


def _keys(group: Ints, at: Ints) -> Ints:
    """Return numbers that order by group, then by time."""
    if not len(at):
        return at
    low = int(at.min())
    width = int(at.max()) - low + 1
    if (int(group.max()) + 1) * width < 1 << 62:
        return group * width + (at - low)
    # A million groups times the microseconds of a year are past 64 bits.
    known = np.unique(at)
    return group * len(known) + np.searchsorted(known, at)


def codes_of(table: pa.Table, columns: list[str]) -> Ints:
    """Return a number for each row: the same where all these columns are the same."""
    codes = np.zeros(table.num_rows, np.int64)
    for name in columns:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            own = names_and_codes(column)[1].astype(np.int64)
        else:
            own = column.cast(pa.int64()).to_numpy()
        # Dense again after each column, so that the product stays within 64 bits.
        own = dense(own - own.min(initial=0))
        codes = dense(codes * (int(own.max(initial=0)) + 1) + own)
    return codes


def dense(codes: Ints) -> Ints:
    """Number codes of 0 and more anew, from 0 without holes, in their order."""
    most = int(codes.max(initial=0))
    if most > 4 * len(codes) + 1_000:
        _, found = np.unique(codes, return_inverse=True)
        return found.astype(np.int64)
    # Ten million rows of twenty bookmakers need no sorting.
    occurs = np.zeros(most + 1, bool)
    occurs[codes] = True
    place: Ints = np.cumsum(occurs) - 1
    return place[codes]


def by_code(codes: Ints) -> Ints:
    """Return the order that puts rows of one code together, each in the order it had."""
    # Of two bytes numpy sorts by radix, ten times as fast.
    few = codes.astype(np.uint16) if int(codes.max(initial=0)) < 1 << 16 else codes
    return np.argsort(few, kind="stable")


def runs(*columns: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Say of each row whether it differs from the one before in any of these."""
    begins = np.zeros(len(columns[0]), bool)
    begins[:1] = True
    for column in columns:
        begins[1:] |= column[1:] != column[:-1]
    return begins


def _both(prices: pa.Table, said: pa.Table, name: str, read: Any) -> Ints:
    return np.concatenate([read(prices.column(name)), read(said.column(name))])


def _flags(column: pa.ChunkedArray) -> Ints:
    flags: Ints = pc.cast(column, pa.int64()).to_numpy()
    return flags
