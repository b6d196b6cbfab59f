"""Fewer rows for who can't take them all: the newest of each selection, at a pace.

Conflation forgets what was in between and never what is last: whatever is left
out has a newer row behind it, and that one leaves.
"""

from __future__ import annotations

from collections.abc import Iterable

from protipp_stream.model import OddsUpdate, Selection

__all__ = ["Pace", "newest"]

Row = tuple[OddsUpdate, bytes]


def newest(rows: Iterable[Row]) -> list[Row]:
    """Keep the newest row of each selection.

    Parameters
    ----------
    rows : iterable of (OddsUpdate, bytes)
        In the order of the log.

    Returns
    -------
    list of (OddsUpdate, bytes)
        In the order of the log, each selection once. Applied to a board, they
        leave it as all of ``rows`` would.
    """
    last: dict[Selection, Row] = {}
    for row in rows:
        selection = row[0].selection
        # Out and in again: a dict keeps the place of the first one.
        last.pop(selection, None)
        last[selection] = row
    return list(last.values())


class Pace:
    """At most so many frames a second: the first edge at once, the last value always.

    Parameters
    ----------
    max_hz : float or None
        Frames a second; None for no limit.
    """

    def __init__(self, max_hz: float | None = None) -> None:
        self._pause_s = 0.0 if max_hz is None else 1.0 / max_hz
        self._due = float("-inf")

    def wait_s(self, now: float) -> float:
        """Seconds until a frame may leave; 0 if it may now.

        Whoever has something to say asks again after that time: that is what
        makes the last value leave.
        """
        return max(self._due - now, 0.0)

    def leave(self, now: float) -> None:
        """Note that a frame leaves."""
        self._due = now + self._pause_s

    def copy(self) -> Pace:
        """Return another with the same past; their futures are their own."""
        other = Pace()
        other._pause_s, other._due = self._pause_s, self._due
        return other
