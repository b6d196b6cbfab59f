"""Where the history has holes, and when a feed had none to tell."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from protipp_stream.history.asking import NO_TIME, Asked, micros
from protipp_stream.history.frames import NAME, NUMBER, TIME, WHOLE, WORDS, frame_of
from protipp_stream.history.manifest import Removed, day_of, kind_of
from protipp_stream.history.reading import View, day_bounds

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["gaps"]

UP, CONNECTING = "connected", "connecting"
# As long as a connection may be silent before it counts as failed (design.md).
CONNECTS_WITHIN_US = 5_000_000
_TYPES = {
    "kind": NAME,
    "since": TIME,
    "until": TIME,
    "duration_s": NUMBER,
    "source": NAME,
    "detail": WORDS,
    "epoch": NAME,
    "first_seq": WHOLE,
    "last_seq": WHOLE,
    "count": WHOLE,
}
_NOTED = ("gap", "lost", "torn")
Row = dict[str, Any]


def gaps(view: View, asked: Asked) -> pd.DataFrame:
    """Return a row a gap, in the order of the journal; see `History.gaps`."""
    table = view.table("notes")
    notes = table.to_pylist()
    for note, at in zip(notes, micros(table.column("timestamp")).tolist(), strict=True):
        note["at"] = at
    notes.sort(key=lambda note: int(note["line"]))
    heard = _Heard(view)
    rows = [_noted(note, heard) for note in notes if note["kind"] in _NOTED]
    rows += _restarts(notes, heard)
    rows += _outages(notes)
    rows += [_removed(stone) for stone in view.removals if _days_of(stone)]
    rows = [row for row in rows if _is_asked(row, asked)]
    rows.sort(key=lambda row: (row["line"], row["since"]))
    made = frame_of({name: _column(rows, name) for name in _TYPES}, _TYPES)
    # None of them may be known, or all: the type must not depend on it.
    return made.astype({name: "Int64" for name, kind in _TYPES.items() if kind == WHOLE})


def _column(rows: list[Row], name: str) -> Any:
    if name in {"since", "until"}:
        return np.array([NO_TIME if row[name] is None else row[name] for row in rows], np.int64)
    if name == "duration_s":
        return [_duration(row) for row in rows]
    return [row[name] for row in rows]


def _duration(row: Row) -> float:
    if row["since"] is None or row["until"] is None:
        return float("nan")
    return float(row["until"] - row["since"]) / 1e6


def _row(kind: str, line: int, since: int | None, until: int | None, note: Row) -> Row:
    named = {name: note[name] for name in ("source", "detail", "epoch")}
    counted = {name: note[name] for name in ("first_seq", "last_seq", "count")}
    return {"kind": kind, "line": line, "since": since, "until": until, **named, **counted}


class _Heard:
    """When the last line before another was written that holds any row."""

    def __init__(self, view: View) -> None:
        groups = view.table("groups", ["line", "timestamp", "rows"])
        # A trail begins with lines that hold nothing: its id, a signature.
        groups = groups.filter(pc.greater(groups.column("rows"), 0))
        order = np.argsort(groups.column("line").to_numpy())
        self._lines = groups.column("line").to_numpy()[order]
        self._at = micros(groups.column("timestamp"))[order]

    def before(self, line: int) -> int | None:
        place = int(np.searchsorted(self._lines, line)) - 1
        return int(self._at[place]) if place >= 0 else None


def _noted(note: Row, heard: _Heard) -> Row:
    since = note["at"]
    if note["kind"] == "gap":
        # It was noticed when something came again; before that nothing had.
        before = heard.before(note["line"])
        since = since if before is None else min(before, since)
    return _row(str(note["kind"]), note["line"], since, note["at"], note)


def _removed(stone: Removed) -> Row:
    days = [day_bounds(day) for day in _days_of(stone)]
    said = dict.fromkeys(("source", "epoch", "first_seq", "last_seq"))
    # Of what went no more is known than its days.
    since, until = min(begin for begin, _ in days), max(end for _, end in days)
    note = {**said, "detail": stone.why, "count": stone.rows}
    return _row("removed", stone.first_line, since, until, note)


def _days_of(stone: Removed) -> set[str]:
    """Return the days that rows went of; hashes of lines (``groups``) are in no answer."""
    return {day_of(path) for path in stone.files if kind_of(path) != "groups"}


def _restarts(notes: list[Row], heard: _Heard) -> list[Row]:
    rows: list[Row] = []
    stopped: Row | None = None
    for note in notes:
        if note["kind"] == "stop":
            stopped = note
        elif note["kind"] == "start":
            before = heard.before(note["line"])
            if before is not None:
                since = stopped["at"] if stopped else before
                said = {**note, "detail": "stopped" if stopped else "broke off"}
                rows.append(_row("restart", note["line"], since, note["at"], said))
            stopped = None
    return rows


def _outages(notes: list[Row]) -> list[Row]:
    rows: list[Row] = []
    down: dict[str | None, Row] = {}
    known: set[str | None] = set()
    for note in notes:
        if note["kind"] == "start":
            # What becomes of it, nobody is there to say.
            down.clear()
            known.clear()
        elif note["kind"] == "feed" and note["detail"] == UP:
            row = down.pop(note["source"], None)
            if row is not None:
                row["until"] = note["at"]
                if note["source"] not in known and _is_first_connect(row):
                    rows.remove(row)
            known.add(note["source"])
        elif note["kind"] == "feed":
            row = down.get(note["source"])
            if row is None:
                row = down[note["source"]] = _row("outage", note["line"], note["at"], None, note)
                rows.append(row)
            elif row["detail"] == CONNECTING:
                # What came of it says more.
                row["detail"] = note["detail"]
    return rows


def _is_first_connect(row: Row) -> bool:
    """Whether a feed that was just started only took the time that connecting takes."""
    took = int(row["until"]) - int(row["since"])
    return row["detail"] == CONNECTING and took < CONNECTS_WITHIN_US


def _is_asked(row: Row, asked: Asked) -> bool:
    if asked.since is not None and row["until"] is not None and row["until"] < asked.since:
        return False
    return asked.until is None or row["since"] < asked.until
