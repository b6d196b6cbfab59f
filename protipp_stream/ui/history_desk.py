"""What was read of a trail: once for all who look at it, and anew where it has grown.

Nothing here is made up: a line goes through what `History.updates` says and through
nothing else, and the board of a moment is `History.as_of`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from math import isnan
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple

from protipp_stream.history import History
from protipp_stream.history.layout import Layout
from protipp_stream.ui.history_body import Asked, Band, Body, Chosen, Drawing, Line, Moment
from protipp_stream.ui.line_moves import runs_of, thinned
from protipp_stream.ui.scale import linear_scale

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Desk"]

COLUMNS = 600  # more points than these many pixels could show are left out
OVERVIEW_S = 30.0  # a new event, a new gap: so soon after it was written, at most
QUIET_MS = 6 * 3_600_000.0  # after so long without a row, an event is drawn no further
MOST_KEPT = 8
_COLUMNS = ["bookmaker_id", "market", "outcome", "new_odds", "timestamp", "epoch"]
_WORDS = {
    "restart": "not recorded",
    "gap": "updates missing",
    "lost": "updates lost",
    "torn": "torn line",
    "outage": "outage",
    "removed": "removed by retention",
}
Growth = tuple[tuple[str, int], ...]


class _Overview(NamedTuple):
    """What changes seldom."""

    read_at: float
    names: dict[str, str]
    newest: str
    breaks: list[float]
    bands: list[Band]
    end: float


class Desk:
    """Reads a trail for several who look at it, one after the other.

    Parameters
    ----------
    trail : History, str or Path
        A folder need not be there yet.
    event, market : str or None
        The usual choice; an event by its id or name.
    clock : callable
        Seconds that never go back.
    """

    def __init__(
        self,
        trail: History | str | Path,
        event: str | None,
        market: str,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._history = trail if isinstance(trail, History) else None
        self.folder = trail.folder if isinstance(trail, History) else Path(trail)
        self._event = event
        self._market = market
        self._clock = clock
        self._lock = threading.Lock()
        self._overview: _Overview | None = None
        self._rows: dict[str, tuple[Growth, pd.DataFrame]] = {}
        self._drawings: dict[tuple[str, ...], tuple[str, Drawing]] = {}

    @property
    def growth(self) -> Growth:
        """What is different when something was written: the sizes of the trail's files."""
        layout = Layout(self.folder)
        files = [layout.manifest, *(path for _, path in layout.segments())]
        return tuple((file.name, _size(file)) for file in files)

    def answer(self, asked: Asked, is_wanted: Callable[[], bool] = lambda: True) -> Body:
        """Read what somebody wants to see.

        Parameters
        ----------
        is_wanted : callable
            Asked when it is our turn: who drags a slider leaves many questions behind,
            and what nobody waits for any more is not read.

        Raises
        ------
        TrailUnavailable, TrailChanged
            If the trail can't be read, or is not what was written.
        ConfigurationError
            If it has no event.
        """
        with self._lock:
            if not is_wanted():
                return Body(asked.at, reading=True)
            if self._history is None:
                self._history = History(self.folder)
            return self._answer(self._history, asked, self.growth)

    def _answer(self, history: History, asked: Asked, growth: Growth) -> Body:
        overview = self._look_over(history)
        if not overview.names:
            return Body(asked.at, problem=_EMPTY)
        events = list(overview.names.items())
        # Who has chosen nothing stays with what moved last when the first one looked.
        self._event = self._event or overview.newest
        wanted = asked.event or self._event
        event = _named(overview, wanted)
        if event is None:
            return Body(asked.at, events=events, problem=f"No event “{wanted}” {_CHOOSE}")
        rows = self._rows_of(history, event, growth)
        chosen, note = self._choose(asked, event, rows)
        if not chosen.outcome:
            problem = f"No {chosen.market} of “{overview.names[event]}” {_CHOOSE}"
            return Body(asked.at, events=events, problem=problem)
        token, drawing = self._draw(overview, chosen, rows, growth)
        at = drawing.trail_end if asked.at is None else asked.at
        moment = _moment(history, chosen, at)
        return Body(asked.at, chosen, token, drawing, moment, note=note)

    def _look_over(self, history: History) -> _Overview:
        now, known = self._clock(), self._overview
        if known is None or not known.names or now - known.read_at >= OVERVIEW_S:
            self._overview = known = _read_over(history, now)
            return known
        end = _ms(history.extent().end)
        return known._replace(end=max(end, known.end))

    def _rows_of(self, history: History, event: str, growth: Growth) -> pd.DataFrame:
        known = self._rows.get(event)
        if known is None or known[0] != growth:
            kinds = ("price", "suspension", "image")
            rows = history.updates(event=event, kind=kinds, columns=_COLUMNS)
            _keep(self._rows, event, (growth, rows))
            return rows
        return known[1]

    def _choose(self, asked: Asked, event: str, rows: pd.DataFrame) -> tuple[Chosen, str]:
        markets, note = _names(rows["market"]), ""
        market = asked.market or self._market
        if market not in markets and asked.market is None and markets:
            note = f"No market {market} here: this is {markets[0]}."
            market = markets[0]
        outcomes = _names(rows["outcome"][rows["market"] == market])
        outcome = asked.outcome if asked.outcome in outcomes else (outcomes or [""])[0]
        if asked.outcome and asked.outcome != outcome and outcomes:
            note = f"No outcome {asked.outcome} here: this is {outcome}."
        return Chosen(event, market, outcome), note

    def _draw(
        self, overview: _Overview, chosen: Chosen, rows: pd.DataFrame, growth: Growth
    ) -> tuple[str, Drawing]:
        key = (str(growth), str(overview.read_at), chosen.event, chosen.market, chosen.outcome)
        if key not in self._drawings:
            token = blake2b(repr(key).encode(), digest_size=8).hexdigest()
            _keep(self._drawings, key, (token, _drawing(overview, chosen, rows)))
        return self._drawings[key]


_EMPTY = (
    "The trail has no prices yet. They come as soon as a gateway with history=… or a client"
    " with record=… has written the first."
)
_CHOOSE = "in this trail: choose one from the list."


def _read_over(history: History, now: float) -> _Overview:
    summed = history.summary("event")
    named = history.events()
    known = dict(zip(named["event_id"].astype(str), named["name"].astype(str), strict=True))
    ids = summed["event_id"].astype(str).tolist()
    names = {event: known.get(event) or event for event in ids}
    newest = ids[int(summed["last"].argmax())] if ids else ""
    in_order = sorted(names.items(), key=lambda item: (item[1].casefold(), item[0]))
    breaks, bands = _holes(history.gaps())
    end = _ms(history.extent().end)
    return _Overview(now, dict(in_order), newest, breaks, bands, end)


def _holes(gaps: pd.DataFrame) -> tuple[list[float], list[Band]]:
    breaks: list[float] = []
    bands: list[Band] = []
    for gap in gaps.to_dict("records"):
        since, until = _ms(gap["since"]), _ms(gap["until"])
        begin = until if isnan(since) else since
        if isnan(begin):
            continue
        kind = str(gap["kind"])
        if kind == "restart":
            breaks.append(begin)
        source = f"{gap['source']}: " if isinstance(gap["source"], str) else ""
        words = f"{source}{_WORDS.get(kind, kind)}"
        bands.append(Band(begin, begin if isnan(until) else until, words))
    return sorted(breaks), bands


def _named(overview: _Overview, wanted: str) -> str | None:
    if wanted in overview.names:
        return wanted
    return next((event for event, name in overview.names.items() if name == wanted), None)


def _drawing(overview: _Overview, chosen: Chosen, rows: pd.DataFrame) -> Drawing:
    mine = rows[(rows["market"] == chosen.market) & (rows["outcome"] == chosen.outcome)]
    # A replay, or a clock that was put back: lines of the journal are in another order.
    mine = mine.sort_values("timestamp", kind="stable")
    at = mine["timestamp"].dt.tz_localize(None).to_numpy("datetime64[us]").astype("int64") / 1000
    first, last = float(at.min()), float(at.max())
    trail_end = max(overview.end, last)
    air = max(60_000.0, (last - first) * 0.05)
    end = trail_end if trail_end - last < QUIET_MS else min(last + air, trail_end)
    begin = min(first, end - 10_000.0)
    said = list(zip(mine["bookmaker_id"].astype(str), at.tolist(), mine["new_odds"].tolist(),
                    mine["epoch"].astype(str), strict=True))  # fmt: skip
    lines, points, kept = [], 0, 0
    for name in sorted({each[0] for each in said}, key=str.casefold):
        runs = runs_of((each[1:] for each in said if each[0] == name), overview.breaks, end)
        thin = [thinned(run, begin, end, COLUMNS) for run in runs]
        points += sum(map(len, runs))
        kept += sum(map(len, thin))
        lines.append(Line(name, thin))
    odds = [y for line in lines for run in line.runs for _, y in run] or [1.0, 2.0]
    return Drawing(
        events=list(overview.names.items()),
        markets=_names(rows["market"]),
        outcomes=_names(rows["outcome"][rows["market"] == chosen.market]),
        lines=lines,
        bands=[band for band in overview.bands if band.end >= begin and band.begin <= end][:200],
        begin=begin,
        end=end,
        scale=linear_scale(min(odds), max(odds)),
        points=points,
        left_out=points - kept,
        trail_end=trail_end,
    )


def _moment(history: History, chosen: Chosen, at: float) -> Moment:
    when = datetime.fromtimestamp(at / 1000, UTC)
    board = history.as_of(when, event=chosen.event, market=chosen.market, outcome=chosen.outcome)
    # `totals` asks for every line of it, and this is one.
    board = board[board["market"] == chosen.market]
    columns: Sequence[Any] = (board["bookmaker_id"].astype(str), board["odds"], board["age_s"])
    rows = [
        (str(name), None if isnan(odds) else float(odds), float(age))
        for name, odds, age in zip(*columns, strict=True)
    ]
    return Moment(at, rows)


def _names(column: pd.Series[Any]) -> list[str]:
    return [str(name) for name in dict.fromkeys(column.astype(str))]


def _ms(at: Any) -> float:
    """Return milliseconds since 1970; NaN for no time."""
    if at is None or at != at:
        return float("nan")
    return float(at.timestamp()) * 1000


def _keep(kept: dict[Any, Any], key: Any, value: Any) -> None:
    """Keep it, and the newest few others."""
    kept.pop(key, None)
    kept[key] = value
    while len(kept) > MOST_KEPT:
        del kept[next(iter(kept))]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
