"""When a bet is a push: neither won nor lost, and the stake comes back.

A total of 8 goals is neither over nor under 8. A *quarter line* is two bets of half the
stake: 8.25 is on 8 and on 8.5, so at 8 goals half of every stake comes back and the other
half is settled. On a half line there is no push.
"""

from __future__ import annotations

from collections.abc import Collection
from math import isfinite

__all__ = ["returned_share"]


def returned_share(market: str, outcomes: Collection[str]) -> float:
    """Return which part of every stake comes back on a push: 1, 0.5, or 0 without any.

    Told by the market's name. With a third outcome the tie is one of them and no push.

    Examples
    --------
    >>> [returned_share(f"totals@{line}", ("Over", "Under")) for line in (8, 8.25, 8.5)]
    [1.0, 0.5, 0.0]
    """
    if len(outcomes) != 2:
        return 0.0
    kind, at, line = market.partition("@")
    if not at:
        return 1.0 if kind == "draw_no_bet" else 0.0
    try:
        quarters = float(line) * 4
    except ValueError:
        return 0.0  # a name, as in "first_scorer@home"
    if not isfinite(quarters) or quarters % 1:
        return 0.0
    return (1.0, 0.5, 0.0, 0.5)[int(quarters) % 4]
