"""Who moves first.

Two bookmakers' moves of one outcome in one direction are paired, each with the other's
oldest one that still waits for an answer, if they lie within a window; who was earlier led.
Prices that came together (one poll, one moment) lead nobody. Cross-correlation of returns
(Hayashi and Yoshida 2005) needs prices that move many times within the lag that is sought:
odds move a few times an hour, so moves are counted one by one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import combinations, groupby
from statistics import median
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from protipp_stream.core.moves.move import h_of
from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import NO_TIME, Asked, micros
from protipp_stream.history.counting import Progress, counted
from protipp_stream.history.frames import NAME, NUMBER, WHOLE, frame_of_rows
from protipp_stream.history.questions.updates import in_order
from protipp_stream.history.reading import View
from protipp_stream.history.standing import SELECTION

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Clock", "lead_lag"]

Clock = Literal["received", "source"]

_TYPES = {
    "bookmaker_id": NAME,
    "other_id": NAME,
    "n": WHOLE,
    "led": WHOLE,
    "followed": WHOLE,
    "together": WHOLE,
    "led_share": NUMBER,
    "median_lag_s": NUMBER,
}
_ROUNDING = 1e-12


class _Move(NamedTuple):
    event: str
    market: str
    outcome: str
    is_up: bool
    at: int
    bookmaker: str

    @property
    def what(self) -> tuple[str, str, str, bool]:
        """What moved, and where to."""
        return self[:4]


def lead_lag(
    view: View, asked: Asked, within: int, least_h: float, clock: Clock, progress: Progress
) -> pd.DataFrame:
    """Return a row a pair of bookmakers; see `History.lead_lag`."""
    if clock not in {"received", "source"}:
        raise ConfigurationError(
            f"There is no clock {clock!r}.",
            hint='"received" is the gateway\'s, "source" the bookmakers\' own, unverified.',
        )
    if not least_h >= 0:
        raise ConfigurationError(f"least_h={least_h!r} can't be.", hint="0 counts every move.")
    lags: dict[tuple[str, str], list[int]] = {}
    moved = sorted(_moves(view, asked, least_h, clock, progress))
    for _, same in groupby(moved, key=lambda move: move.what):
        for pair, found in _paired(same, within, asked.bookmakers):
            lags.setdefault(pair, []).extend(found)
    rows = [row for pair, found in sorted(lags.items()) if found for row in _rows(pair, found)]
    return frame_of_rows(rows, _TYPES)


def _moves(
    view: View, asked: Asked, least_h: float, clock: Clock, progress: Progress
) -> list[_Move]:
    stamp = "timestamp" if clock == "received" else "source_timestamp"
    columns = [*SELECTION, "old_odds", "new_odds", "seq", "line", "is_image"]
    # Who leads a bookmaker is seen in the moves of the others.
    everybody = asked.over(bookmakers=frozenset())
    table = in_order(view.table("updates", list(dict.fromkeys([*columns, stamp])), everybody))
    names = [table.column(name).to_pylist() for name in SELECTION]
    found = []
    at = micros(table.column(stamp)).tolist()
    odds = zip(
        table.column("old_odds").to_pylist(), table.column("new_odds").to_pylist(), strict=True
    )
    for row, (old, new) in enumerate(counted(odds, len(at), progress)):
        if old is None or new is None or old == new or at[row] == NO_TIME:
            continue
        if abs(h_of(1 / new) - h_of(1 / old)) >= least_h - _ROUNDING:
            bookmaker, event, market, outcome = (column[row] for column in names)
            found.append(_Move(event, market, outcome, new < old, at[row], bookmaker))
    return found


def _paired(
    moved: Iterable[_Move], within: int, wanted: frozenset[str]
) -> Iterable[tuple[tuple[str, str], list[int]]]:
    """Yield the lags of each pair of bookmakers that is wanted: positive where the first led."""
    times: dict[str, list[int]] = {}
    for move in moved:
        times.setdefault(move.bookmaker, []).append(move.at)
    for one, other in combinations(sorted(times), 2):
        if not wanted or wanted & {one, other}:
            yield (one, other), _lags(times[one], times[other], within)


def _lags(ours: list[int], theirs: list[int], within: int) -> list[int]:
    # Who waits is of one side only: whoever comes from the other takes the oldest.
    waiting: deque[tuple[int, bool]] = deque()
    lags = []
    for at, is_ours in sorted([*((at, True) for at in ours), *((at, False) for at in theirs)]):
        while waiting and at - waiting[0][0] > within:
            waiting.popleft()
        if waiting and waiting[0][1] != is_ours:
            since, _ = waiting.popleft()
            lags.append(since - at if is_ours else at - since)
        else:
            waiting.append((at, is_ours))
    return lags


def _rows(pair: tuple[str, str], lags: list[int]) -> list[tuple[Any, ...]]:
    return [_row(pair, lags), _row((pair[1], pair[0]), [-lag for lag in lags])]


def _row(pair: tuple[str, str], lags: list[int]) -> tuple[Any, ...]:
    led, followed = sum(lag > 0 for lag in lags), sum(lag < 0 for lag in lags)
    together = len(lags) - led - followed
    return (*pair, len(lags), led, followed, together, led / len(lags), median(lags) / 1e6)
