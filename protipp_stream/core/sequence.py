"""Does what arrives follow what I have? The one question that loses no update.

An ``updates`` frame says which cursor it follows (``prev``) and where it leads
(``cursor``). Filters and conflation leave holes in the sequence numbers, so a
hole is no proof of loss; a ``prev`` beyond mine is.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from protipp_stream.errors import ProtocolError
from protipp_stream.model import Cursor, OddsUpdate

__all__ = ["Verdict", "seqs_of", "verdict"]

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


def seqs_of(updates: Sequence[OddsUpdate], prev: Cursor, cursor: Cursor) -> Sequence[int]:
    """Read the sequence numbers of a frame's rows.

    Raises
    ------
    ProtocolError
        If they do not rise from behind ``prev`` up to ``cursor``, in its epoch: a
        row out of its place would put an older price over a newer one.
    """
    ids = [update.id for update in updates]
    if len(ids) == cursor.seq - prev.seq:
        # No filter left a row out, so every id is known before it is read.
        seqs: Sequence[int] = range(prev.seq + 1, cursor.seq + 1)
    else:
        seqs = [_seq_in(text) for text in ids]
        bounds = [prev.seq, *seqs, cursor.seq + 1]
        if not all(one < next_one for one, next_one in pairwise(bounds)):
            raise ProtocolError(f"The rows between {prev} and {cursor} are out of order.")
    if ids != [f"{cursor.epoch}:{seq}" for seq in seqs]:
        raise ProtocolError(f"A row between {prev} and {cursor} has an id that can't be there.")
    return seqs


def _seq_in(text: str) -> int:
    digits = text.rpartition(":")[2]
    # A peer's million digits are no number that is worth reading.
    return int(digits) if digits.isdecimal() and len(digits) < 20 else -1
