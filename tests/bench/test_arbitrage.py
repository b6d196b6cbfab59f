"""Arbitrage: what an update costs, whatever the size of the board.

3 outcomes at 10 bookmakers, updates one by one, each selection quoted anew within
minutes, a tenth of the events in play; every suppression is on, a pair of bookmakers are
clones, and once a second of the board's time the finder is asked what has grown stale,
which is in its figure. Prices walk as in `odds_walk`.

- *bare dict scan*: the floor. Sets the price in a dict, takes the largest of the ten of
  its outcome, sums 1/best over three kept ones. It knows no ages, no legs, no reasons.
- *pandas*: the price set in a frame, then the best of each outcome and the sum of each
  event by groupby, over the whole board, as a notebook does it.

In a row with an exchange and mixed sets one bookmaker lays, too, and one names no draw
in a twentieth of the events, so that an arbitrage that is none stands there all the time.

A race has one market of many runners, of whom each bookmaker leaves out another one: so
no two of them name the same outcomes. Nothing stands.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Iterable, Sequence
from datetime import timedelta
from statistics import median

import pytest

from protipp_stream.core.arbitrage import ArbitrageFinder, Key
from protipp_stream.model import OddsUpdate
from tests.bench.odds_walk import CLONES, START, UPDATES_A_SECOND, Walk
from tests.bench.tables import Table, ratio

pytestmark = pytest.mark.timeout(600)

ROUNDS = 5
BOOKMAKERS = 10
Prices = dict[str, dict[str, dict[str, float]]]


class Scan:
    """The floor."""

    def __init__(self, opening: Sequence[OddsUpdate]) -> None:
        self.prices: Prices = {}
        for update in opening:
            event = self.prices.setdefault(update.event_id, {})
            event.setdefault(update.outcome, {})[update.bookmaker_id] = update.new_odds or 1.0
        self.best = {
            event: {outcome: max(odds.values()) for outcome, odds in outcomes.items()}
            for event, outcomes in self.prices.items()
        }

    def run(self, updates: Sequence[OddsUpdate]) -> int:
        """Take updates; return after how many of them the sum was below 1."""
        prices, all_best, tight = self.prices, self.best, 0
        for update in updates:
            event, outcome = update.event_id, update.outcome
            odds, best = prices[event][outcome], all_best[event]
            odds[update.bookmaker_id] = update.new_odds or 1.0
            best[outcome] = max(odds.values())
            total = 0.0
            for each in best.values():
                total += 1 / each
            if total < 1:
                tight += 1
        return tight

    def tight(self) -> set[str]:
        """The events that have a sum below 1."""
        return {e for e, best in self.best.items() if sum(1 / o for o in best.values()) < 1}


class Ours:
    """The finder, asked for what is stale once a second of the board's time."""

    def __init__(self, walk: Walk, opening: Sequence[OddsUpdate]) -> None:
        self.finder = ArbitrageFinder(clones=CLONES)
        self.finder.describe(walk.events, START)
        self.finder.take(opening, opening[-1].timestamp)
        self.rows = {update.selection: update for update in opening}

    def run(self, updates: Sequence[OddsUpdate]) -> int:
        """Take updates one by one; return how many changes were told."""
        finder, told = self.finder, 0
        for begin in range(0, len(updates), UPDATES_A_SECOND):
            for update in updates[begin : begin + UPDATES_A_SECOND]:
                told += len(finder.take((update,), update.timestamp))
            told += len(finder.expire(update.timestamp))
        return told


def stands(finder: ArbitrageFinder) -> dict[Key, object]:
    return {each.key: (each.legs, each.reasons) for each in finder.current}


@pytest.mark.parametrize(
    ("events", "is_mixed"), [(100, False), (1000, False), (4000, False), (1000, True)]
)
def test_the_cost_of_an_update_does_not_grow_with_the_board(
    events: int, is_mixed: bool, tables: list[Table], is_full: bool
) -> None:
    events, count = (events, 20_000) if is_full else (events // 50, 300)
    walk = Walk(events, BOOKMAKERS, is_mixed)
    opening = walk.opening()
    scan, ours = Scan(opening), Ours(walk, opening)
    cpu_us: dict[str, list[float]] = {"floor": [], "ours": []}
    tight = told = 0
    for _ in range(ROUNDS if is_full else 1):
        updates = list(walk.updates(count))
        gc.collect()
        began = time.process_time()
        tight += scan.run(updates)
        between = time.process_time()
        told += ours.run(updates)
        cpu_us["floor"].append((between - began) / count * 1e6)
        cpu_us["ours"].append((time.process_time() - between) / count * 1e6)
        ours.rows |= {update.selection: update for update in updates}

    if not is_mixed:  # where the floor compares what must not be compared
        assert {key[0] for key in stands(ours.finder)} == scan.tight()
    again = ArbitrageFinder(clones=CLONES)
    again.reset([row.quote for row in ours.rows.values()], updates[-1].timestamp, walk.events)
    assert stands(again) == stands(ours.finder)

    kind = ", with an exchange and mixed sets" if is_mixed else ""
    title = f"Arbitrage: {events:,} events, 3 outcomes, 10 bookmakers{kind}"
    table = Table(title, ["", "µs CPU/update", "floor = 1", "below 1 after", "changes told"])
    updated = count * len(cpu_us["ours"])
    share = None if is_mixed else f"{tight / updated:.1%}"
    table.add("bare dict scan (floor)", median(cpu_us["floor"]), 1.0, share, None)
    against = ratio(cpu_us, "ours", "floor")
    table.add("protipp_stream", median(cpu_us["ours"]), against, "-", f"{told / updated:.1%}")
    if (events, is_mixed) == (1000, False) or not is_full:
        pandas_us, found = whole_board(ours.rows.values())
        assert found == scan.tight() or is_mixed
        table.add("pandas, whole board", pandas_us, pandas_us / median(cpu_us["floor"]), "-", "-")
    tables.append(table)


class Race:
    """One market of many outcomes, of which each bookmaker leaves out another one."""

    def __init__(self, bookmakers: int, runners: int) -> None:
        self._chance = random.Random(1)
        self._runners = runners
        self._seq = 0
        self._selections = [
            (f"maker_{maker}", f"runner_{runner}")
            for maker in range(bookmakers)
            for runner in range(runners)
            if runner != maker % runners
        ]

    def opening(self) -> list[OddsUpdate]:
        """Every selection once."""
        return [self._update(*selection) for selection in self._selections]

    def updates(self, count: int) -> list[OddsUpdate]:
        """Return so many more."""
        return [self._update(*self._chance.choice(self._selections)) for _ in range(count)]

    def _update(self, maker: str, runner: str) -> OddsUpdate:
        self._seq += 1
        now = START + timedelta(seconds=self._seq / UPDATES_A_SECOND)
        odds = round(self._runners * self._chance.uniform(0.7, 0.93), 1)
        return OddsUpdate(
            f"bench:{self._seq}", maker, "race", "outrights", runner, None, odds, now, None, 0.1,
            False,
        )  # fmt: skip


@pytest.mark.parametrize(("bookmakers", "runners"), [(12, 20), (12, 60), (25, 60)])
def test_outcome_sets_that_differ_cost_little_more(
    bookmakers: int, runners: int, tables: list[Table], is_full: bool
) -> None:
    count = 20_000 if is_full else 300
    race = Race(bookmakers, runners)
    opening = race.opening()
    scan, finder = Scan(opening), ArbitrageFinder()
    finder.take(opening, opening[-1].timestamp)
    cpu_us: dict[str, list[float]] = {"floor": [], "ours": []}
    for _ in range(ROUNDS if is_full else 1):
        updates = race.updates(count)
        gc.collect()
        began = time.process_time()
        scan.run(updates)
        between = time.process_time()
        for update in updates:
            finder.take((update,), update.timestamp)
        cpu_us["floor"].append((between - began) / count * 1e6)
        cpu_us["ours"].append((time.process_time() - between) / count * 1e6)
    assert stands(finder) == {}
    title = f"Arbitrage: {runners} outcomes, {bookmakers} bookmakers, each without another one"
    table = Table(title, ["", "µs CPU/update", "floor = 1"])
    table.add("bare dict scan (floor)", median(cpu_us["floor"]), 1.0)
    table.add("protipp_stream", median(cpu_us["ours"]), ratio(cpu_us, "ours", "floor"))
    tables.append(table)


def whole_board(rows: Iterable[OddsUpdate]) -> tuple[float, set[str]]:
    """Return the CPU time in µs of a recompute in pandas, and the events below 1."""
    import pandas as pd

    fields = [(u.event_id, u.outcome, u.bookmaker_id, u.new_odds) for u in rows]
    frame = pd.DataFrame(fields, columns=["event", "outcome", "bookmaker", "odds"])
    frame = frame.astype(dict.fromkeys(("event", "outcome", "bookmaker"), "category"))
    spent = []
    for row in range(30):
        began = time.process_time()
        frame.loc[row, "odds"] = frame.loc[row, "odds"]
        best = frame.groupby(["event", "outcome"], observed=True)["odds"].max()
        total = (1 / best).groupby(level="event", observed=True).sum()
        found = set(total.index[total < 1])
        spent.append((time.process_time() - began) * 1e6)
    return median(spent), found
