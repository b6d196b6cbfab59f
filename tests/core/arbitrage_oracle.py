"""What is an arbitrage, by trying everything: exact fractions and no cleverness at all.

It shares no code with the finder: it is slow, and short enough to be seen to be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import product
from math import asin, sqrt
from statistics import median
from typing import NamedTuple

from protipp_stream.core.arbitrage import Arbitrage, Leg, Terms


class Price(NamedTuple):
    """What a bookmaker says; the market is ``h2h`` or, if ``is_lay``, ``h2h_lay``."""

    bookmaker: str
    outcome: str
    is_lay: bool
    odds: float | None
    commission: float
    stamp: datetime

    @property
    def cost(self) -> Fraction:
        assert self.odds is not None
        odds, kept = exact(self.odds), 1 - exact(self.commission)
        return 1 / (1 + kept / (odds - 1) if self.is_lay else 1 + (odds - 1) * kept)

    @property
    def rank(self) -> tuple[str, bool]:
        return self.bookmaker, self.is_lay


class Expected(NamedTuple):
    implied: Fraction
    # None: that of several equal choices, any will do.
    legs: frozenset[tuple[str, str, bool]] | None
    reasons: frozenset[str]


def exact(shown: float) -> Fraction:
    return Fraction(repr(float(shown)))


def opportunities(
    prices: Iterable[Price], now: datetime, in_play: bool, terms: Terms, clones: dict[str, str]
) -> dict[tuple[str, tuple[str, ...]], Expected]:
    """Find what must be reported of one market, by kind and outcome set."""
    prices = list(prices)
    named: dict[str, set[str]] = {}
    for price in prices:
        named.setdefault(price.bookmaker, set()).add(price.outcome)
    sets = {bookmaker: tuple(sorted(outcomes)) for bookmaker, outcomes in named.items()}
    live = [price for price in prices if price.odds is not None]
    max_age = timedelta(seconds=terms.max_age_in_play_s if in_play else terms.max_age_s)
    world = _World(sets, live, now - max_age, terms, clones)
    found = {}
    for outcomes in sorted(set(sets.values())):
        if len(outcomes) > 1:
            for kind, expected in world.of(outcomes):
                found[kind, outcomes] = expected
    return found


class _World(NamedTuple):
    sets: dict[str, tuple[str, ...]]
    live: list[Price]
    oldest: datetime
    terms: Terms
    clones: dict[str, str]

    def of(self, outcomes: tuple[str, ...]) -> Iterator[tuple[str, Expected]]:
        combinations = [
            (sum(p.cost for p in legs), number, tuple(p.rank for p in legs), legs)
            for number, columns in enumerate(self.partitions(outcomes))
            for legs in product(*columns)
        ]
        combinations = [c for c in combinations if c[0] < 1]
        if combinations:
            best = min(combinations)
            sound = [c for c in combinations if not self.flaws(outcomes, c[3])]
            least = min((c[0] for c in sound), default=None)
            if least is not None:
                legs = frozenset(map(_leg, best[3])) if best in sound else None
                yield "sound", Expected(least, legs, self.wild_margin(least))
            if least != best[0]:
                reasons = self.flaws(outcomes, best[3]) | self.wild_margin(best[0])
                yield "best", Expected(best[0], frozenset(map(_leg, best[3])), reasons)
        yield from self.mixed(outcomes)

    def partitions(self, outcomes: tuple[str, ...]) -> Iterator[list[list[Price]]]:
        yield [self.on(outcomes, outcome) for outcome in outcomes]
        if len(outcomes) > 2:
            for outcome in outcomes:
                yield [self.on(outcomes, outcome), self.on(outcomes, outcome, is_lay=True)]

    def on(self, outcomes: tuple[str, ...], outcome: str, is_lay: bool = False) -> list[Price]:
        """The prices on an outcome (or on "not" it) of those who name these outcomes."""
        of_set = [p for p in self.live if self.sets[p.bookmaker] == outcomes]
        return [
            p for p in of_set
            if (p.outcome, p.is_lay) == (outcome, is_lay)
            or (len(outcomes) == 2 and not is_lay and p.is_lay and p.outcome != outcome)
        ]  # fmt: skip

    def flaws(self, outcomes: tuple[str, ...], legs: tuple[Price, ...]) -> frozenset[str]:
        wild = {"palpable_error"} if any(self.is_wild(outcomes, leg) for leg in legs) else set()
        return frozenset(self.plain_flaws(legs) | wild)

    def plain_flaws(self, legs: Iterable[Price]) -> set[str]:
        legs = list(legs)
        flaws = set()
        if any(leg.stamp <= self.oldest for leg in legs):
            flaws.add("stale")
        for one in range(len(legs)):
            for other in range(one):
                a, b = legs[one].bookmaker, legs[other].bookmaker
                if a == b:
                    flaws.add("one_bookmaker")
                elif self.group(a) == self.group(b):
                    flaws.add("clones")
        return flaws

    def group(self, bookmaker: str) -> str:
        return self.clones.get(bookmaker, bookmaker)

    def is_wild(self, outcomes: tuple[str, ...], leg: Price) -> bool:
        columns = [column for partition in self.partitions(outcomes) for column in partition]
        column = next(column for column in columns if leg in column)
        others: dict[str, list[Fraction]] = {}
        for price in column:
            if price.stamp > self.oldest and self.group(price.bookmaker) != self.group(
                leg.bookmaker
            ):
                others.setdefault(self.group(price.bookmaker), []).append(price.cost)
        if len(others) < 2:
            return False
        usual = float(median(min(costs) for costs in others.values()))
        return 2 * asin(sqrt(usual)) - 2 * asin(sqrt(leg.cost)) > self.terms.max_gap

    def wild_margin(self, implied: Fraction) -> frozenset[str]:
        is_wild = 1 / implied - 1 > exact(self.terms.max_margin)
        return frozenset({"palpable_error"} if is_wild else ())

    def mixed(self, outcomes: tuple[str, ...]) -> Iterator[tuple[str, Expected]]:
        legs = []
        for outcome in outcomes:
            offers = [
                (p.cost, self.sets[p.bookmaker] != outcomes, p.rank, p)
                for each in set(self.sets.values())
                if outcome in each
                for p in self.on(each, outcome)
            ]
            legs += [min(offers)[3]] if offers else []
        implied = sum(leg.cost for leg in legs)
        foreign = [leg for leg in legs if self.sets[leg.bookmaker] != outcomes]
        if len(legs) < 2 or implied >= 1 or (len(legs) == len(outcomes) and not foreign):
            return
        reasons = self.plain_flaws(legs)
        if foreign:
            reasons.add("outcomes_differ")
        if len(set(outcomes).union(*(self.sets[p.bookmaker] for p in legs))) > len(legs):
            reasons.add("outcome_missing")
        yield "mixed", Expected(implied, frozenset(map(_leg, legs)), frozenset(reasons))


def _leg(price: Price) -> tuple[str, str, bool]:
    return price.bookmaker, price.outcome, price.is_lay


def worst_result(legs: Iterable[Leg], outcomes: Iterable[str]) -> Fraction:
    """Settle the bets under every outcome, from stake, odds and commission as shown."""
    legs = list(legs)
    return min(sum(_settled(leg, winner) for leg in legs) for winner in outcomes)


def _settled(leg: Leg, winner: str) -> Fraction:
    stake, win = exact(leg.stake), exact(leg.odds) - 1
    kept = 1 - exact(leg.commission)
    if leg.side == "back":
        return stake * win * kept if leg.outcome == winner else -stake
    return -stake * win if leg.outcome == winner else stake * kept


def pays_as_shown(found: Arbitrage) -> bool:
    """Whether what is shown of an arbitrage's profit is true, and not too modest either."""
    assert found.worst_case is not None
    worst = worst_result(found.legs, found.outcomes)
    return 0 <= worst - exact(found.worst_case) < Fraction(1, 100)
