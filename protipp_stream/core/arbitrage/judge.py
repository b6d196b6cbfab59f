"""Is it an arbitrage that one could take, and if not, why not.

Of a pool of comparable bookmakers at most two things are found:

- ``sound``: the best combination of prices that are fresh, from independent
  bookmakers and in line with the others. It is what a user may be shown.
- ``best``: the combination of the best prices of all, where it is better than that and
  so has a flaw. It is named with every reason, or people would look for it in vain.

And a third across pools: ``mixed``, a sum below 1 only because outcomes are missing or
are not the same everywhere.

If even the sound combination promises more than the largest credible margin, a price in
it is wrong and nothing says which. A slightly worse combination would share it, so none
is looked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from math import asin, inf, pi, sin, sqrt
from operator import attrgetter
from typing import Literal, NamedTuple

from protipp_stream.core.arbitrage.assignment import assign
from protipp_stream.core.arbitrage.market import Column, Market, Offer, Partition, Pool
from protipp_stream.core.arbitrage.terms import Reason

__all__ = ["Finding", "Judge", "Kind"]

_by_cost = attrgetter("cost", "rank")

Kind = Literal["sound", "best", "mixed"]


class Finding(NamedTuple):
    """A combination of prices whose implied probabilities sum to less than 1."""

    kind: Kind
    outcomes: tuple[str, ...]
    offers: Sequence[Offer]
    implied: float
    reasons: frozenset[Reason]


class Judge:
    """What may be said about one market at one moment.

    Parameters
    ----------
    limit : float
        A sum of implied probabilities below it is an arbitrage.
    oldest : datetime
        UTC: prices said at this moment or before are stale.
    max_margin, max_gap : float
        See `Terms`.
    """

    def __init__(
        self,
        limit: float,
        oldest: datetime,
        max_margin: float,
        max_gap: float,
    ) -> None:
        self._limit = limit
        self._oldest = oldest
        self._max_margin = max_margin
        self._max_gap = max_gap
        self._fresh: dict[Column, _Fresh] = {}
        self._sane: dict[Column, float] = {}

    def findings(self, market: Market) -> list[Finding]:
        """Find all that there is to report of a market."""
        found: list[Finding] = []
        pools = [pool for pool in market.pools.values() if len(pool.outcomes) > 1]
        sums = [(pool, self._within(pool)) for pool in pools]
        is_tight = any(within for _, within in sums)
        for pool, within in sums:
            if is_tight:  # or nobody asks what is calm
                self._calm(pool, within)
            found += within
            mixed = market.across(pool, self._limit)
            if mixed is not None:
                found.append(self._mixed(pool, mixed))
        return found

    def _calm(self, pool: Pool, found: Sequence[Finding]) -> None:
        """Say which updates need no judgement, or every one of a tight market would."""
        is_plain = len(found) == 1 and all(o is o.column.best for o in found[0].offers)
        if found and not (is_plain and found[0].kind == "sound"):
            calm = dict.fromkeys(pool.columns(), 0.0)
        else:
            calm = dict.fromkeys(pool.columns(), inf)
            for offer in found[0].offers if found else ():
                calm[offer.column] = self._highest_sane(offer.column)
        for column, value in calm.items():
            column.calm = value

    def _highest_sane(self, column: Column) -> float:
        """Return the cost up to which no other offer can make the best one look wild.

        0 if there is one above it already.
        """
        highest = self._sane.get(column)
        if highest is None:
            # Whatever the median of whichever others: it is not above the largest.
            angle = asin(sqrt(column.cost)) + self._max_gap / 2
            highest = sin(angle) ** 2 if angle < pi / 2 else inf
            if any(highest < offer.cost < inf for offer in column.offers):
                highest = 0.0
            self._sane[column] = highest
        return highest

    def _within(self, pool: Pool) -> list[Finding]:
        tight = [p for p in pool.partitions if _cost(p) < self._limit]
        if not tight:
            return []
        # Of equals the first: all backs come before a back and a lay.
        best = min(tight, key=_cost)
        offers = [column.best for column in best if column.best is not None]
        reasons = self._reasons(offers)
        if not reasons:
            return [self._priced("sound", pool, offers, reasons)]
        sound = self._sound(tight)
        if sound is None:
            return [self._priced("best", pool, offers, reasons)]
        second = self._priced("sound", pool, sound, frozenset())
        # As good as the best: then that was one choice among equals.
        if second.implied <= _cost(best) * (1 + 1e-12):
            return [second]
        return [self._priced("best", pool, offers, reasons), second]

    def _priced(
        self, kind: Kind, pool: Pool, offers: Sequence[Offer], reasons: frozenset[Reason]
    ) -> Finding:
        implied = sum(offer.cost for offer in offers)
        # A billionth is an error of the sum.
        if 1 / implied - 1 > self._max_margin + 1e-9:
            reasons |= {"palpable_error"}
        return Finding(kind, pool.outcomes, offers, implied, reasons)

    def _mixed(self, pool: Pool, offers: Sequence[Offer]) -> Finding:
        # Its margin means nothing, so neither it nor a consensus is judged.
        reasons: set[Reason] = set(self._flaws(offers))
        pools = [offer.maker.pool for offer in offers]
        if any(each is not pool for each in pools):
            reasons.add("outcomes_differ")
        named = set(pool.outcomes).union(*(each.outcomes for each in pools))
        if len(named) > len(offers):
            reasons.add("outcome_missing")
        implied = sum(offer.cost for offer in offers)
        return Finding("mixed", pool.outcomes, offers, implied, frozenset(reasons))

    def _reasons(self, offers: Sequence[Offer]) -> frozenset[Reason]:
        reasons = self._flaws(offers)
        wilder = [offer for offer in offers if not self._highest_sane(offer.column)]
        if any(self._fresh_of(offer.column).is_wild(offer) for offer in wilder):
            reasons.add("palpable_error")
        return frozenset(reasons)

    def _flaws(self, offers: Sequence[Offer]) -> set[Reason]:
        flaws: set[Reason] = set()
        if any(offer.stamp <= self._oldest for offer in offers):
            flaws.add("stale")
        bookmakers = {offer.maker.bookmaker_id for offer in offers}
        if len(bookmakers) < len(offers):
            flaws.add("one_bookmaker")
        if len({offer.maker.group for offer in offers}) < len(bookmakers):
            flaws.add("clones")
        return flaws

    def _sound(self, partitions: Iterable[Partition]) -> list[Offer] | None:
        found, least = None, self._limit
        for partition in partitions:
            choices = [
                self._fresh_of(column).sound(may_be_wild=not self._highest_sane(column))
                for column in partition
            ]
            offers = _independent(choices, least)
            if offers is not None:
                implied = sum(offer.cost for offer in offers)
                if implied < least:
                    found, least = offers, implied
        return found

    def _fresh_of(self, column: Column) -> _Fresh:
        fresh = self._fresh.get(column)
        if fresh is None:
            fresh = _Fresh(column, self._oldest, self._max_gap)
            self._fresh[column] = fresh
        return fresh


class _Fresh:
    """The fresh offers of a column, and what independent bookmakers make of it."""

    def __init__(self, column: Column, oldest: datetime, max_gap: float) -> None:
        self._max_gap = max_gap
        self._offers = [o for o in column.offers if o.stamp > oldest and o.cost < inf]
        self._offers.sort(key=_by_cost)
        self._best: dict[str, float] = {}
        for offer in self._offers:
            self._best.setdefault(offer.maker.group, offer.cost)
        self._costs = list(self._best.values())

    def sound(self, may_be_wild: bool) -> dict[str, Offer]:
        """Return by group the best of its offers that is in line with the other groups."""
        found: dict[str, Offer] = {}
        for offer in self._offers:
            group = offer.maker.group
            if group not in found and not (may_be_wild and self.is_wild(offer)):
                found[group] = offer
        return found

    def is_wild(self, offer: Offer) -> bool:
        """Whether a price is far more generous than the other groups' median.

        With one other it is not known which of the two is wrong.
        """
        costs = self._costs
        own = self._best.get(offer.maker.group)
        others = len(costs) - (own is not None)
        if others < 2:
            return False
        hole = len(costs) if own is None else bisect_left(costs, own)
        upper = others // 2
        lower = upper if others % 2 else upper - 1
        median = (costs[upper + (upper >= hole)] + costs[lower + (lower >= hole)]) / 2
        if offer.cost >= median:
            return False
        return 2 * (asin(sqrt(median)) - asin(sqrt(offer.cost))) > self._max_gap


def _cost(partition: Partition) -> float:
    return sum(column.cost for column in partition)


def _independent(choices: Sequence[Mapping[str, Offer]], limit: float) -> list[Offer] | None:
    """Choose an offer of each mapping, no group twice, at the least cost below ``limit``."""
    if not all(choices):
        return None
    # Mappings are in the order of cost, so their first is their best.
    first = [next(iter(choice.items())) for choice in choices]
    if sum(offer.cost for _, offer in first) >= limit:
        return None
    if len({group for group, _ in first}) == len(first):
        return [offer for _, offer in first]
    groups = sorted(set().union(*choices))
    if len(groups) < len(choices):
        return None
    # A group that has nothing to offer asks 1: no arbitrage contains it.
    costs = [[c[group].cost if group in c else 1.0 for group in groups] for c in choices]
    chosen = [groups[column] for column in assign(costs)]
    if any(group not in choice for group, choice in zip(chosen, choices, strict=True)):
        return None
    offers = [choice[group] for group, choice in zip(chosen, choices, strict=True)]
    return offers if sum(offer.cost for offer in offers) < limit else None
