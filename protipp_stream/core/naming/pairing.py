"""Which fixture of one source is which of another, when teams meet more than once.

Two games of a doubleheader differ by their start only, and sources do not agree
about starts: so the nearest is taken, one to one, where it is clearly the nearest.
Where it is not, nothing is: prices of two games under one name are worse than one
game under two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["CLEAR_S", "pair"]

# So much further away the second nearest must be, unless all games pair up.
CLEAR_S = 30 * 60.0

# Seconds between the starts, None where two can't be one fixture.
Apart = Sequence[Sequence[float | None]]


def pair(apart: Apart) -> tuple[list[tuple[int, int]], set[int], set[int]]:
    """Pair what is clearly the same.

    Rows and columns mean the same: transposed, it returns the same pairs.

    Parameters
    ----------
    apart : matrix of float or None
        Seconds between the start of each fixture of one side (rows) and each of the
        other (columns); None where they can't be the same.

    Returns
    -------
    pairs : list of (int, int)
        Row and column. No row or column comes twice.
    unclear_rows, unclear_columns : set of int
        Those that could be several.
    """
    pairs: list[tuple[int, int]] = []
    unclear: tuple[set[int], set[int]] = set(), set()
    for rows, columns in _groups(apart):
        found = _nearest(apart, rows, columns)
        # Were more pairs possible than the nearest leave, then all starts may be
        # shifted, and the nearest is the neighbour.
        if len(found) == _most(apart, rows):
            pairs += found
        else:
            unclear[0].update(rows)
            unclear[1].update(columns)
    return pairs, *unclear


def _groups(apart: Apart) -> Iterable[tuple[list[int], list[int]]]:
    """Yield rows and columns that hang together."""
    left = set(range(len(apart)))
    while left:
        start = min(left)
        rows, columns, edge = {start}, set[int](), [start]
        while edge:
            row = edge.pop()
            for column in _columns(apart, row):
                if column not in columns:
                    columns.add(column)
                    fresh = {r for r in left - rows if apart[r][column] is not None}
                    rows |= fresh
                    edge += fresh
        left -= rows
        if columns:
            yield sorted(rows), sorted(columns)


def _nearest(apart: Apart, rows: list[int], columns: list[int]) -> list[tuple[int, int]]:
    """Take the nearest of each other, again and again; none if one is not clear."""
    rows, columns = list(rows), list(columns)
    mutual = {(r, c): gap for r, c, gap in _mutual(apart, rows, columns)}
    if len(mutual) == len(rows) == len(columns):
        return sorted(mutual)
    pairs: list[tuple[int, int]] = []
    while clear := [(r, c) for r, c, gap in _mutual(apart, rows, columns) if gap >= CLEAR_S]:
        pairs += clear
        rows = [row for row in rows if all(row != r for r, _ in clear)]
        columns = [column for column in columns if all(column != c for _, c in clear)]
    return pairs


def _mutual(apart: Apart, rows: list[int], columns: list[int]) -> Iterable[tuple[int, int, float]]:
    """Yield each two that are strictly nearest to each other, and by how much."""
    for row in rows:
        near = sorted((d, c) for c in columns if (d := apart[row][c]) is not None)
        if not near:
            continue
        least, column = near[0]
        others = [d for d, _ in near[1:]]
        others += [d for r in rows if r != row and (d := apart[r][column]) is not None]
        gap = min(others, default=float("inf")) - least
        if gap > 0:
            yield row, column, gap


def _most(apart: Apart, rows: list[int]) -> int:
    """Return how many pairs are possible at all (Kuhn's augmenting paths)."""
    holder: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column in _columns(apart, row):
            if column not in tried:
                tried.add(column)
                if column not in holder or place(holder[column], tried):
                    holder[column] = row
                    return True
        return False

    return sum(place(row, set()) for row in rows)


def _columns(apart: Apart, row: int) -> list[int]:
    return [column for column, distance in enumerate(apart[row]) if distance is not None]
