"""How long to wait before the next try: 1, 2, 4, 8, 16 s, then 16 again and again."""

from __future__ import annotations

__all__ = ["CEILING_S", "JITTER", "delay_s"]

CEILING_S = 16.0
JITTER = 0.2
SHORTEST_ASKED_S, LONGEST_ASKED_S = 0.25, 3600.0


def delay_s(attempt: int, chance: float, asked_s: float | None = None) -> float:
    """Seconds to wait before try number ``attempt`` (1 is the first retry).

    Parameters
    ----------
    attempt : int
        From 1.
    chance : float
        A random number from 0 to 1: spreads a herd by ±20 %.
    asked_s : float, optional
        What the server asked for; it wins, and is never undercut by jitter. Not
        below 0.25 s, though, or a mistake of its own would be hammered, and not
        above an hour.
    """
    spread = JITTER * (2 * chance - 1)
    if asked_s is not None:
        return min(max(asked_s, SHORTEST_ASKED_S), LONGEST_ASKED_S) * (1 + abs(spread))
    steps = min(max(attempt, 1), 16) - 1
    return min(2.0**steps, CEILING_S) * (1 + spread)
