"""Figures as aligned text, and the few statistics that the benchmarks share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from statistics import median

__all__ = ["Table", "quantile", "ratio"]


class Table:
    """A title, columns, rows, and what a reader must know to trust them.

    Parameters
    ----------
    title : str
        What was measured.
    columns : sequence of str
        The first is the name of the row, flush left; figures are flush right.
    notes : str
        How, in a sentence or two.
    """

    def __init__(self, title: str, columns: Sequence[str], notes: str = "") -> None:
        self._title = title
        self._columns = list(columns)
        self._notes = notes
        self._rows: list[list[str]] = []

    def add(self, *cells: str | float | None) -> None:
        """Add a row; None is shown as a dash."""
        self._rows.append([_as_text(cell) for cell in cells])

    def text(self) -> str:
        """Return it for a terminal."""
        lines = [self._columns, *self._rows]
        widths = [max(len(row[i]) for row in lines if i < len(row)) for i in range(len(lines[0]))]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        shown = ["  ".join(_aligned(row, widths)).rstrip() for row in lines]
        parts = [self._title, rule, shown[0], rule, *shown[1:], rule]
        return "\n".join([*parts, self._notes] if self._notes else parts)


def quantile(values: Sequence[float], q: float) -> float:
    """Return the smallest value that at least ``q`` of them do not exceed."""
    return sorted(values)[max(ceil(q * len(values)) - 1, 0)]


def ratio(rounds: Mapping[str, Sequence[float]], name: str, floor: str) -> float:
    """Return the median over the rounds of ``name`` divided by ``floor`` in the same round."""
    return median(a / b for a, b in zip(rounds[name], rounds[floor], strict=True))


def _as_text(cell: str | float | None) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, str):
        return cell
    if isinstance(cell, int) or abs(cell) >= 100:
        return f"{cell:,.0f}"
    return f"{cell:.3f}" if abs(cell) < 1 else f"{cell:.2f}"


def _aligned(row: Sequence[str], widths: Sequence[int]) -> list[str]:
    first, *others = zip(row, widths, strict=False)
    return [first[0].ljust(first[1]), *(text.rjust(width) for text, width in others)]
