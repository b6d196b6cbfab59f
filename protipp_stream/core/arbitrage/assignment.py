"""The assignment problem: a different worker for every job, at the least total cost.

An arbitrage takes each of its legs from another bookmaker. Taking the best price of
every outcome in turn does not find the best such choice, and trying them all takes
``m!/(m - n)!`` tries: more than a million for 8 runners and 10 bookmakers. Kuhn's method
(1955), by shortest augmenting paths with potentials, takes ``n²·m`` steps at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

__all__ = ["assign"]


def assign(costs: Sequence[Sequence[float]]) -> list[int]:
    """Choose a column for each row, no column twice, so that the sum is the least.

    Parameters
    ----------
    costs : sequence of sequence of float
        Finite; rows of one length, which is at least their number.

    Returns
    -------
    list of int
        The column of each row.

    Examples
    --------
    >>> assign([[1.0, 2.0], [1.0, 9.0]])
    [1, 0]
    """
    width = len(costs[0])
    row_of: list[int | None] = [None] * width
    row_potential = [0.0] * len(costs)
    potential = [0.0] * width
    for start in range(len(costs)):
        # Dijkstra over reduced costs, from the new row to the nearest free column.
        distance, before = [inf] * width, [-1] * width
        settled: list[int] = []
        is_open = [True] * width
        row, via, reached = start, -1, 0.0
        while True:
            base = reached - row_potential[row]
            nearest, least = -1, inf
            for column in range(width):
                if is_open[column]:
                    length = base + costs[row][column] - potential[column]
                    if length < distance[column]:
                        distance[column], before[column] = length, via
                    if distance[column] < least:
                        nearest, least = column, distance[column]
            reached, via = least, nearest
            is_open[nearest] = False
            owner = row_of[nearest]
            if owner is None:
                break
            settled.append(nearest)
            row = owner
        row_potential[start] += reached
        for column in settled:
            owner = row_of[column]
            assert owner is not None
            row_potential[owner] += reached - distance[column]
            potential[column] -= reached - distance[column]
        while via != -1:
            step = before[via]
            row_of[via] = start if step == -1 else row_of[step]
            via = step
    chosen = [0] * len(costs)
    for column, taken in enumerate(row_of):
        if taken is not None:
            chosen[taken] = column
    return chosen
