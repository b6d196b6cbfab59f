"""Sessions: the stretches of a trail in each of which one board was kept.

A gateway that starts anew has a new epoch and an empty board; a recorder that starts anew
finds its board as images. So a session begins with a line that notes a ``start``, or with
the first line of an epoch. It *has begun* at the time of that note or of its earliest row,
whichever is earlier: a replay's rows are older than its start. But what a recorder that
comes back finds on a board that it knows says nothing about when it came.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from protipp_stream.history.asking import EVERYTHING, Asked, micros
from protipp_stream.history.reading import View

__all__ = ["Sessions", "sessions_of"]

Ints = npt.NDArray[np.int64]
_NEVER = np.iinfo(np.int64).max


class Sessions:
    """The sessions of a trail, in order, numbered from 0.

    Parameters
    ----------
    lines : array of int
        The first line of each, rising.
    begun : array of int
        When each had begun, in microseconds since 1970.
    ended : array of int
        None of its rows is later; it may have ended earlier.
    """

    def __init__(self, lines: Ints, begun: Ints, ended: Ints) -> None:
        self.lines = lines
        self.begun = begun
        self.ended = ended

    def of(self, lines: Ints) -> Ints:
        """Return in which session these lines of the journal are."""
        return np.searchsorted(self.lines, lines, side="right") - 1

    def at(self, times: Ints) -> Ints:
        """Return which session was the last that had begun; -1 before the first."""
        current = np.full(len(times), -1, np.int64)
        for number, begun in enumerate(self.begun):
            current[times >= begun] = number
        return current

    def reaching_back(self, asked: Asked) -> Asked:
        """Return the same from the begin of the session on: what stood then began earlier."""
        return asked.over(since=None, first_line=self._first_line_for(asked.since))

    def _first_line_for(self, since: int | None) -> int:
        """Return the first line that matters to whoever asks from a time on."""
        if since is None:
            return 0
        current = self.at(np.array([since], np.int64))
        # Of a replay, or when a clock was put back, an earlier one may have later rows.
        number = int(np.min(np.flatnonzero(self.ended >= since), initial=current[0]))
        return int(self.lines[number]) if number > 0 else 0


def sessions_of(view: View) -> Sessions:
    """Find the sessions of a trail."""
    notes = view.table("notes", ["kind", "timestamp", "line"])
    starts = notes.filter(pc.equal(notes.column("kind").cast("string"), "start"))
    noted: Ints = starts.column("line").to_numpy()
    epochs = _first_of_epochs(view)
    lines = np.unique(np.concatenate([np.zeros(1, np.int64), noted, epochs]))
    # What was before the first of them has been removed, or never was.
    if len(lines) > 1 and not _has_rows_before(view, int(lines[1])):
        lines = lines[1:]
    found = Sessions(lines, np.full(len(lines), _NEVER), np.full(len(lines), -_NEVER))
    np.minimum.at(found.begun, found.of(noted), micros(starts.column("timestamp")))
    is_new = np.isin(lines, epochs)
    is_new[0] = True
    _take_rows(view, found, is_new)
    return found


def _first_of_epochs(view: View) -> Ints:
    first: dict[str, int] = {}
    # A line a group is millions of rows; where only a known epoch goes on, there is no first.
    parts = [
        (bounds["line"], bounds.get("epoch"), file, number)
        for file in view.sealed.get("groups", {}).values()
        for number, bounds in enumerate(file.groups)
    ]
    for _, epochs, file, number in sorted(parts, key=lambda part: part[0]):
        if epochs is None or epochs[0] != epochs[1] or epochs[0] not in first:
            _take_epochs(file.table(["epoch", "line"], number), first)
    for head in view.heads:
        if head.epoch is not None:
            first.setdefault(head.epoch, head.n)
    return np.array(sorted(first.values()), np.int64)


def _take_epochs(table: pa.Table, first: dict[str, int]) -> None:
    least = table.group_by("epoch").aggregate([("line", "min")])
    for row in least.to_pylist():
        if row["epoch"] is not None:
            first[row["epoch"]] = min(first.get(row["epoch"], row["line_min"]), row["line_min"])


def _has_rows_before(view: View, line: int) -> bool:
    files = view.sealed.get("updates", {}).values()
    least = [known[0] for file in files if (known := file.bounds("line"))]
    least += [head.n for head in view.heads[:1]]
    return bool(least) and min(least) < line


def _take_rows(view: View, sessions: Sessions, is_new: npt.NDArray[np.bool_]) -> None:
    for file in view.sealed.get("updates", {}).values():
        lines, times = file.bounds("line"), file.bounds("timestamp")
        columns = ["line", "timestamp"]
        if file.bounds("is_image") != (False, False):
            columns.append("is_image")
        if lines and times:
            first, last = sessions.of(np.array(lines, np.int64))
            of_it = slice(first, last + 1)
            sessions.ended[of_it] = np.maximum(sessions.ended[of_it], times[1])
            if first == last and (is_new[first] or len(columns) == 2):
                sessions.begun[first] = min(sessions.begun[first], times[0])
                continue
        _take_table(file.table(columns), sessions, is_new)
    for table in view.hot_tables("updates", EVERYTHING):
        _take_table(table, sessions, is_new)


def _take_table(table: pa.Table, sessions: Sessions, is_new: npt.NDArray[np.bool_]) -> None:
    session = sessions.of(table.column("line").to_numpy())
    at = micros(table.column("timestamp"))
    np.maximum.at(sessions.ended, session, at)
    if "is_image" in table.column_names:
        told = ~table.column("is_image").to_numpy() | is_new[session]
        session, at = session[told], at[told]
    np.minimum.at(sessions.begun, session, at)
