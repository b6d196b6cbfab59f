"""A trail told again in its order, as whoever judges live was told it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protipp_stream.history.asking import NO_TIME, Asked, micros, moment
from protipp_stream.history.counting import Progress
from protipp_stream.history.reading import View
from protipp_stream.history.sessions import Sessions
from protipp_stream.history.standing import SELECTION, runs
from protipp_stream.model import Confirmation, Event, OddsUpdate, Quote

__all__ = ["Said", "retold"]

_UPDATE = [*SELECTION, "old_odds", "new_odds", "timestamp", "source_timestamp", "commission"]
_AT_A_TIME = 16_384
_DESCRIBED, _PRICED, _CONFIRMED = 0, 1, 2


class Said(msgspec.Struct, kw_only=True):
    """What was said together: of one kind, at one time.

    Attributes
    ----------
    at : datetime
        UTC: when it was received.
    session : int
        See `sessions`; with another one the board is empty.
    events, updates, images, confirmed : list
        One of these has something in it.
    """

    at: datetime
    session: int
    events: list[Event] = []
    updates: list[OddsUpdate] = []
    images: list[Quote] = []
    confirmed: list[Confirmation] = []


def retold(
    view: View,
    asked: Asked,
    sessions: Sessions,
    *,
    progress: Progress,
    with_confirmed: bool = False,
) -> Iterator[Said]:
    """Yield all that was said of what is asked for, before ``asked.until``, in order.

    Descriptions come before the prices of their line, confirmations after them.
    """
    wanted = sessions.reaching_back(asked)
    prices = view.table("updates", [*_UPDATE, "seq", "is_image", "line"], wanted)
    columns = [*SELECTION, "timestamp", "source_timestamp", "is_vouched", "line"]
    said = view.table("confirmed", columns, wanted) if with_confirmed else None
    events = view.table("events", None, Asked(events=asked.events))
    tables = {_DESCRIBED: events, _PRICED: prices, _CONFIRMED: said}
    parts = [(kind, table) for kind, table in tables.items() if table is not None]
    kind = np.concatenate([np.full(table.num_rows, kind) for kind, table in parts])
    row = np.concatenate([np.arange(table.num_rows) for _, table in parts])
    line = np.concatenate([table.column("line").to_numpy() for _, table in parts])
    at = np.concatenate([micros(table.column("timestamp")) for _, table in parts])
    is_image = np.zeros(len(kind), bool)
    is_image[kind == _PRICED] = prices.column("is_image").to_numpy()
    seq = np.zeros(len(kind), np.int64)
    seq[kind == _PRICED] = prices.column("seq").to_numpy()
    # A board that was found is one moment, whenever its prices were received.
    at = _together(at, line, is_image)
    # Numbers order updates; confirmations have none, and files keep them by event.
    order = np.lexsort((np.where(kind == _PRICED, 0, at), is_image, seq, kind, line))
    kind, row, line, at, is_image = (each[order] for each in (kind, row, line, at, is_image))
    session = sessions.of(line)
    # What was received at one time may have been written in two lines, a confirmation not.
    begins = np.flatnonzero(runs(kind, session, at, is_image))
    ends = np.append(begins[1:], len(kind))[: len(begins)]
    rows = {each: _Rows(table) for each, table in parts}
    last = 0
    for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
        made = Said(at=moment(int(at[begin])), session=int(session[begin]))
        those = rows[int(kind[begin])].take(row[begin:end])
        match int(kind[begin]):
            case 0:
                made.events = [_event(each) for each in those]
            case 1 if is_image[begin]:
                made.images = [_quote(each) for each in those]
            case 1:
                made.updates = [_update(each) for each in those]
            case _:
                made.confirmed = [_confirmation(each) for each in those]
        yield made
        if end - last >= _AT_A_TIME or end == len(kind):
            progress(end, len(kind))
            last = end


def _together(
    at: npt.NDArray[np.int64], line: npt.NDArray[np.int64], is_image: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int64]:
    """Date all images of a line by the newest of them."""
    lines, place = np.unique(line[is_image], return_inverse=True)
    newest = np.full(len(lines), np.iinfo(np.int64).min)
    np.maximum.at(newest, place, at[is_image])
    made = at.copy()
    made[is_image] = newest[place]
    return made


class _Rows:
    """Rows of a table as Python values, some thousand at a time."""

    def __init__(self, table: pa.Table) -> None:
        self._columns = {name: _values(table.column(name)) for name in table.column_names}

    def take(self, rows: Any) -> list[dict[str, Any]]:
        return [
            {name: column[row] for name, column in self._columns.items()} for row in rows.tolist()
        ]


def _values(column: pa.ChunkedArray) -> list[Any]:
    # Millions of rows have some thousand names and times: each is made once.
    values: list[Any] = []
    if pa.types.is_dictionary(column.type):
        for chunk in column.chunks:
            names = np.array([*chunk.dictionary.to_pylist(), None], object)
            values += names[chunk.indices.fill_null(len(names) - 1).to_numpy()].tolist()
    elif pa.types.is_timestamp(column.type):
        known, place = np.unique(micros(column), return_inverse=True)
        moments = [None if at == NO_TIME else moment(at) for at in known.tolist()]
        values = np.array([*moments, None], object)[place].tolist()
    else:
        values = column.to_pylist()
    return values


def _selection(row: dict[str, Any]) -> tuple[str, str, str, str]:
    return row["bookmaker_id"], row["event_id"], row["market"], row["outcome"]


def _event(row: dict[str, Any]) -> Event:
    return Event(
        row["event_id"], row["name"], row["sport"], row["starts_at"], row["home"], row["away"]
    )


def _quote(row: dict[str, Any]) -> Quote:
    return Quote(
        *_selection(row),
        row["new_odds"],
        row["source_timestamp"],
        row["timestamp"],
        row["commission"] or 0.0,
    )


def _update(row: dict[str, Any]) -> OddsUpdate:
    return OddsUpdate(
        f"x:{row['seq']}",
        *_selection(row),
        row["old_odds"],
        row["new_odds"],
        row["timestamp"],
        row["source_timestamp"],
        0.0,
        False,
        None,
        row["commission"] or 0.0,
    )


def _confirmation(row: dict[str, Any]) -> Confirmation:
    bookmaker, event, market, outcome = _selection(row)
    said = row["timestamp"], row["source_timestamp"], row["is_vouched"]
    return Confirmation(bookmaker, event, market, [outcome], *said)
