"""The line of a price over time: steps between what was said, and gaps where nothing was."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from math import isnan
from operator import itemgetter

__all__ = ["Point", "runs_of", "thinned"]

Point = tuple[float, float]
"""Unix time in milliseconds, and decimal odds."""

_odds = itemgetter(1)


def runs_of(
    said: Iterable[tuple[float, float, str]], breaks: Sequence[float], end: float
) -> list[list[Point]]:
    """Return the stretches in which a price stood, each as the corners of its steps.

    Parameters
    ----------
    said : iterable of (float, float, str)
        When (milliseconds), the odds (NaN: suspended), and the epoch that said so; in the
        order of time.
    breaks : sequence of float
        When a gateway stopped: from then on nothing is known. Rising.
    end : float
        Up to here the last price stood, if nothing ended it.

    Returns
    -------
    list of list of (float, float)
        The last point of each repeats the odds at the moment up to which they stood.
    """
    runs: list[list[Point]] = []
    run: list[Point] = []
    of = ""

    def close(until: float) -> None:
        nonlocal run
        if run:
            if until > run[-1][0]:
                run.append((until, run[-1][1]))
            runs.append(run)
        run = []

    for at, odds, epoch in said:
        if run:
            stopped = _first_from(breaks, run[-1][0], at)
            if stopped < at:
                close(stopped)
            elif epoch != of:
                # Another gateway, and nobody noted when the one before had stopped.
                close(run[-1][0])
        if isnan(odds):
            close(at)
        else:
            run.append((at, odds))
        of = epoch
    if run:
        close(_first_from(breaks, run[-1][0], end))
    return runs


def _first_from(breaks: Sequence[float], begin: float, otherwise: float) -> float:
    place = bisect_left(breaks, begin)
    return min(breaks[place], otherwise) if place < len(breaks) else otherwise


def thinned(run: list[Point], begin: float, end: float, columns: int) -> list[Point]:
    """Leave out what a screen can't show: of each column of pixels four points stay.

    Parameters
    ----------
    run : list of (float, float)
        In the order of time.
    begin, end : float
        The ends of the axis.
    columns : int
        How many pixels wide it is.

    Returns
    -------
    list of (float, float)
        The first, the last, the least and the greatest of each column, in their order.
    """
    width = (end - begin) / columns or 1.0
    kept: list[Point] = []
    column: list[Point] = []
    number = 0
    for point in run:
        here = int((point[0] - begin) / width)
        if here != number:
            kept += _four_of(column)
            column, number = [], here
        column.append(point)
    return kept + _four_of(column)


def _four_of(column: list[Point]) -> list[Point]:
    if len(column) <= 4:
        return column
    places = range(len(column))
    least = min(places, key=lambda place: _odds(column[place]))
    most = max(places, key=lambda place: _odds(column[place]))
    return [column[place] for place in sorted({0, least, most, len(column) - 1})]
