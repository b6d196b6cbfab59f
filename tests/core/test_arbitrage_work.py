"""How much is done for an update, counted in lines of code run: no clock, no luck."""

from __future__ import annotations

import random
import sys
from types import FrameType
from typing import Any

from protipp_stream.core.arbitrage import ArbitrageFinder

from .arbitrage_boards import NOW, said


def lines_an_update(bookmakers: int, runners: int, *, has_non_runners: bool) -> float:
    """Return how many lines are run for an update of a race in which nothing stands."""
    chance = random.Random(1)
    selections = [
        (f"m{maker}", f"r{runner}")
        for maker in range(bookmakers)
        for runner in range(runners)
        if not has_non_runners or runner != maker % runners
    ]
    updates = []
    for maker, runner in [*selections, *chance.choices(selections, k=200)]:
        odds = round(runners * chance.uniform(0.6, 0.85), 1)
        updates.append(said(maker, market="outrights", **{runner: odds}))
    finder = ArbitrageFinder()
    finder.take([row for rows in updates[: len(selections)] for row in rows], NOW)
    lines = 0

    def trace(frame: FrameType, what: str, arg: Any) -> Any:
        nonlocal lines
        lines += what == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        for rows in updates[len(selections) :]:
            finder.take(rows, NOW)
    finally:
        sys.settrace(before)
    assert finder.current == []
    return lines / 200


def test_with_a_non_runner_each_the_market_is_not_gone_through_for_an_update() -> None:
    small = lines_an_update(5, 10, has_non_runners=True)
    assert lines_an_update(5, 100, has_non_runners=True) < 1.5 * small
    # A look at each of the 25 outcome sets, not at the 1,475 prices in them.
    assert lines_an_update(25, 60, has_non_runners=True) < 8 * 25


def test_with_equal_outcome_sets_an_update_costs_the_same_whatever_the_runners() -> None:
    small = lines_an_update(12, 10, has_non_runners=False)
    assert lines_an_update(12, 60, has_non_runners=False) < 1.5 * small
