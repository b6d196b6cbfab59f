"""How far long work is: told to whoever wants to hear it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

__all__ = ["Progress", "adding", "counted", "quietly"]

Progress = Callable[[int, int], None]
"""Hears how many rows or bytes are done, and how many there are."""

_AT_A_TIME = 16_384

Row = TypeVar("Row")


def quietly(done: int, total: int = 0) -> None:
    """Tell nobody."""


def adding(total: int, progress: Progress) -> Callable[[int], None]:
    """Return what hears how many more are done, and tells how many it is by then."""
    done = 0

    def heard(more: int) -> None:
        nonlocal done
        done += more
        progress(done, total)

    return heard


def counted(rows: Iterable[Row], total: int, progress: Progress) -> Iterator[Row]:
    """Yield rows; tell how many are done, every some thousand and at the end."""
    for number, row in enumerate(rows, 1):
        yield row
        if number % _AT_A_TIME == 0 or number == total:
            progress(number, total)
