"""What event ids stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from protipp_stream.history.asking import NO_TIME, Asked, micros
from protipp_stream.history.frames import NAME, TIME, frame_of, names_and_codes
from protipp_stream.history.reading import View

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["UNKNOWN", "Known", "described", "events", "start_of_rows", "starts_of"]

UNKNOWN = int(np.iinfo(np.int64).max)
"""When an event starts of which nobody has said: never, so that nothing comes after it."""

_TYPES = {
    "event_id": NAME,
    "name": NAME,
    "sport": NAME,
    "starts_at": TIME,
    "home": NAME,
    "away": NAME,
    "described_at": TIME,
}


class Known(NamedTuple):
    """By when: a time, and the last line of the journal that had been told by then."""

    at: int
    line: int


def newest(view: View, asked: Asked, known: Known | None = None) -> pa.Table:
    """Return the newest description of each event, in the order of events.

    With `known` the newest that was known by then, or the first one.
    """
    table = view.table("events", None, Asked(events=asked.events))
    line, at = table.column("line").to_numpy(), micros(table.column("timestamp"))
    # What a replay tells is written long after its time, in the order of its lines.
    is_known = np.ones(len(line), bool)
    if known is not None:
        is_known = (line <= known.line) | (at <= known.at)
    last: dict[str, int] = {}
    ids = table.column("event_id").to_pylist()
    for row in np.argsort(line, kind="stable").tolist():
        if is_known[row] or ids[row] not in last:
            last[ids[row]] = row
    return table.take(pa.array([last[event] for event in sorted(last)], pa.int64()))


def events(view: View, asked: Asked) -> pd.DataFrame:
    """Return a row an event; see `History.events`."""
    found = newest(view, asked)
    columns = {name: found.column(name) for name in found.column_names}
    return frame_of({**columns, "described_at": found.column("timestamp")}, _TYPES)


def starts_of(view: View, asked: Asked) -> dict[str, int]:
    """Return when events start, in microseconds, where it is known."""
    found = newest(view, asked)
    starts = micros(found.column("starts_at"))
    known = zip(found.column("event_id").to_pylist(), starts, strict=True)
    return {event: int(at) for event, at in known if at != NO_TIME}


def described(view: View, asked: Asked, ids: list[Any], known: Known) -> dict[str, Any]:
    """Return ``event``, ``sport`` and ``starts_at`` for these event ids, as columns."""
    found = newest(view, asked, known)
    place = {event: number for number, event in enumerate(found.column("event_id").to_pylist())}
    rows = pa.array([place.get(event) for event in ids], pa.int64())
    names = {"event": "name", "sport": "sport", "starts_at": "starts_at"}
    return {ours: found.column(theirs).take(rows) for ours, theirs in names.items()}


def start_of_rows(starts: dict[str, int], column: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    """Return for each row when its event starts; `UNKNOWN` where nobody knows."""
    events, codes = names_and_codes(column)
    known = [starts.get(event, UNKNOWN) for event in events]
    found: npt.NDArray[np.int64] = np.array(known, np.int64)[codes]
    return found
