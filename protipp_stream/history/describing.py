"""A history in a line: where it is, how much of it, from when to when."""

from __future__ import annotations

from datetime import datetime
from html import escape
from pathlib import Path
from typing import NamedTuple

from protipp_stream.history.asking import moment
from protipp_stream.history.reading import View

__all__ = ["Extent", "extent", "html", "words"]


class Extent(NamedTuple):
    """How much there is, without reading it."""

    rows: int
    hot: int
    removed: int
    begin: datetime | None
    end: datetime | None


def extent(view: View) -> Extent:
    """Return how much there is: what footers and heads of lines say."""
    times: list[datetime] = []
    for file in view.sealed.get("updates", {}).values():
        if known := file.bounds("timestamp"):
            times += [moment(known[0]), moment(known[1])]
    # Not of its lines: a replay's rows are older than when they were written.
    times += [at for segment in view.hot for at in segment.times]
    hot = sum(segment.updates for segment in view.hot)
    begin, end = min(times, default=None), max(times, default=None)
    return Extent(view.updates, hot, view.removed, begin, end)


def words(folder: Path, known: Extent) -> str:
    """Return it as text."""
    return f"<History {str(folder)!r}: {_rows(known)}>"


def html(folder: Path, known: Extent) -> str:
    """Return it as HTML; whatever is in a name, it is text."""
    hint = "updates(), as_of(t), moves(), arbitrage(), … : help(History)"
    return (
        f"<div><b>History</b> <code>{escape(str(folder))}</code><br>"
        f"{escape(_rows(known))}<br><small>{escape(hint)}</small></div>"
    )


def _rows(known: Extent) -> str:
    gone = f", {known.removed:,} removed by retention" if known.removed else ""
    if known.begin is None or known.end is None:
        return f"no updates left{gone}" if gone else "no updates yet"
    hot = f", {known.hot:,} of them not sealed yet" if known.hot else ""
    begin, end = (f"{at:%Y-%m-%d %H:%M}" for at in (known.begin, known.end))
    return f"{known.rows:,} updates{hot}, {begin} to {end} UTC{gone}"
