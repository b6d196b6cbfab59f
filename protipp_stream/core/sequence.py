"""Does what arrives follow what I have? The one question that loses no update.

An ``updates`` frame says which cursor it follows (``prev``) and where it leads
(``cursor``). Filters and conflation leave holes in the sequence numbers, so a
hole is no proof of loss; a ``prev`` beyond mine is.
"""

from __future__ import annotations

from typing import Literal

from protipp_stream.model import Cursor

__all__ = ["Verdict", "verdict"]

Verdict = Literal["next", "duplicate", "gap", "reset"]


def verdict(mine: Cursor | None, prev: Cursor, cursor: Cursor) -> Verdict:
    """Judge a frame by its cursors.

    Parameters
    ----------
    mine : Cursor or None
        Everything up to here has been applied; None before the first snapshot.
    prev, cursor : Cursor
        The frame follows ``prev`` and leads to ``cursor``.

    Returns
    -------
    str
        ``next``: apply the rows with ``seq > mine.seq``.
        ``duplicate``: all of it is known already.
        ``gap``: something between mine and ``prev`` is missing; resume.
        ``reset``: another epoch, or a frame that contradicts itself; snapshot.
    """
    if mine is None or prev.epoch != mine.epoch or cursor.epoch != mine.epoch:
        return "reset"
    if cursor.seq < prev.seq:
        return "reset"
    if prev.seq > mine.seq:
        return "gap"
    if cursor.seq <= mine.seq:
        return "duplicate"
    return "next"
