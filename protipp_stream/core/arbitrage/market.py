"""One market: who may be compared with whom, and the best price of every outcome.

Bookmakers that name the same *outcome set* share a `Pool`. A set is all that a bookmaker
has ever named there, so a suspended draw still makes it a three-way market. A pool has a
`Column` for whatever can be bet on, with the offers on it and the best of them; a
*partition* is a choice of columns of which exactly one wins: all backs, or {back i, lay i}.

Across the pools an outcome has a `Top`, the best price of it whoever says it. With a
non-runner or a name of its own every bookmaker may be a pool of its own, so what the tops
of a pool's outcomes sum to is kept, not reckoned: nothing that the pool could be part of
costs less.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from math import inf

__all__ = ["Column", "Market", "Offer", "Partition", "Pool"]

Outcomes = tuple[str, ...]
# Sums that are kept for days must not drift, so they are of whole numbers of these parts,
# rounded down. What a sum of floats is off by is far less than the slack.
_PARTS = 2**50
_PARTS_AND_SLACK = _PARTS * (1 + 1e-9)


class Offer:
    """The price of one bookmaker for one outcome, backed or laid.

    ``cost`` is ``1/o'``: what a return of 1 costs; infinite while it is suspended.
    """

    __slots__ = (
        "column", "commission", "cost", "is_lay", "maker", "odds", "outcome", "rank", "stamp",
    )  # fmt: skip

    def __init__(self, maker: Maker, outcome: str, is_lay: bool, column: Column) -> None:
        self.maker = maker
        self.outcome = outcome
        self.is_lay = is_lay
        self.column = column
        self.odds: float | None = None
        self.commission = 0.0  # as the quote says
        self.cost = inf
        # Decides between equal prices, so that the order of arrival does not.
        self.rank = (maker.bookmaker_id, is_lay)
        self.stamp: datetime

    @property
    def charged(self) -> float:
        """The commission that the user pays."""
        own = self.maker.commission
        return self.commission if own is None else own


Partition = tuple["Column", ...]


class Column:
    """All offers on one thing that can win: an outcome, or "not" an outcome.

    ``calm`` is set by whoever judges: an offer that is not the best and costs no more
    than this changes nothing of what is reported.
    """

    __slots__ = ("best", "calm", "cost", "offers", "partitions", "pool", "top")

    def __init__(self, pool: Pool, top: Top | None) -> None:
        self.pool = pool
        self.top = top
        self.offers: list[Offer] = []
        self.best: Offer | None = None
        self.cost = inf
        self.calm = 0.0
        self.partitions: list[Partition] = []

    def find_best(self) -> None:
        """Look through all offers."""
        best, cost = None, inf
        for offer in self.offers:
            if offer.cost < cost or (
                best is not None and offer.cost == cost and offer.rank < best.rank
            ):
                best, cost = offer, offer.cost
        self.lead(best, cost)

    def lead(self, best: Offer | None, cost: float) -> None:
        """Take this for the best."""
        self.best, self.cost = best, cost
        if self.top is not None:
            self.top.follow(self)


class Top:
    """The best price of an outcome in a market, whatever else its bookmaker names."""

    __slots__ = ("_parts", "column", "columns", "cost")

    def __init__(self) -> None:
        # Of each pool that names the outcome.
        self.columns: list[Column] = []
        self.column: Column | None = None
        self.cost = inf
        self._parts = 0

    def add(self, column: Column) -> None:
        """Take the column, still empty, of one pool more."""
        self.columns.append(column)
        column.pool.count(self._parts, self.cost < inf)

    def remove(self, column: Column) -> None:
        """Forget the column of a pool that is no more; it has no offers left."""
        self.columns.remove(column)

    def follow(self, column: Column) -> None:
        """Note that the best of a column is another one now."""
        if column.cost < self.cost:
            self._set(column, column.cost)
        elif column is self.column or column.cost == self.cost:
            self._find()

    def _find(self) -> None:
        found, best, cost = None, None, inf
        for column in self.columns:
            own = column.best
            if own is not None and (
                column.cost < cost
                or (best is not None and column.cost == cost and own.rank < best.rank)
            ):
                found, best, cost = column, own, column.cost
        self._set(found, cost)

    def _set(self, column: Column | None, cost: float) -> None:
        self.column = column
        if cost != self.cost:
            parts = int(cost * _PARTS) if cost < inf else 0
            more, priced = parts - self._parts, (cost < inf) - (self.cost < inf)
            self.cost, self._parts = cost, parts
            for each in self.columns:
                each.pool.count(more, priced)


class Pool:
    """The bookmakers of a market that name the same outcomes."""

    __slots__ = ("_parts", "_priced", "backs", "lays", "makers", "outcomes", "partitions")

    def __init__(self, outcomes: Outcomes, tops: dict[str, Top]) -> None:
        self.outcomes = outcomes
        self.makers = 0
        # Of its outcomes' tops: their sum, and how many have a price.
        self._parts = self._priced = 0
        self.backs: dict[str, Column] = {}
        for outcome in outcomes:
            top = tops.setdefault(outcome, Top())
            self.backs[outcome] = column = Column(self, top)
            top.add(column)
        self.lays: dict[str, Column] = {}
        self.partitions: list[Partition] = []
        self._set_partitions()

    def column(self, outcome: str, is_lay: bool) -> Column:
        """Where an offer belongs."""
        if not is_lay:
            return self.backs[outcome]
        if len(self.outcomes) == 2:
            # Of two, "not this one" is the other one.
            return self.backs[next(each for each in self.outcomes if each != outcome)]
        if outcome not in self.lays:
            self.lays[outcome] = Column(self, None)
            self._set_partitions()
        return self.lays[outcome]

    def count(self, parts: int, priced: int) -> None:
        """Note how much more the best prices of its outcomes cost, and how many more are."""
        self._parts += parts
        self._priced += priced

    def may_be_below(self, limit: float) -> bool:
        """Whether the best prices of its outcomes, whoever says them, may sum to less.

        One that is not below a limit here is not in truth; one a little above may be.
        """
        return self._parts < limit * _PARTS_AND_SLACK and self._priced > 1

    def leave(self) -> None:
        """Take its columns out of the market."""
        for column in self.backs.values():
            if column.top is not None:
                column.top.remove(column)

    def columns(self) -> list[Column]:
        """Return all columns."""
        return [*self.backs.values(), *self.lays.values()]

    def _set_partitions(self) -> None:
        self.partitions = []
        for column in self.columns():
            column.partitions = []
        if len(self.outcomes) < 2:
            return
        # All backs, then the pairs in the order of the outcomes, whichever came first.
        pairs = [(self.backs[o], self.lays[o]) for o in self.outcomes if o in self.lays]
        for partition in (tuple(self.backs.values()), *pairs):
            self.partitions.append(partition)
            for column in partition:
                column.partitions.append(partition)


class Maker:
    """A bookmaker in one market, with all that it has ever named there.

    ``group`` is that of its clones, or itself; ``commission`` what the user pays there,
    if the user said so.
    """

    __slots__ = ("bookmaker_id", "commission", "group", "market", "offers", "pool")

    def __init__(self, bookmaker_id: str, market: Market) -> None:
        self.bookmaker_id = bookmaker_id
        self.market = market
        self.group = bookmaker_id
        self.commission: float | None = None
        self.pool = market.pool(())
        self.pool.makers += 1
        self.offers: list[Offer] = []

    def name(self, outcome: str, is_lay: bool) -> Offer:
        """Take a selection that was never seen; it may make the outcome set larger."""
        if outcome not in self.pool.outcomes:
            self._join(self.market.pool(tuple(sorted((*self.pool.outcomes, outcome)))))
        column = self.pool.column(outcome, is_lay)
        offer = Offer(self, outcome, is_lay, column)
        column.offers.append(offer)
        self.offers.append(offer)
        return offer

    def _join(self, pool: Pool) -> None:
        for offer in self.offers:
            offer.column.offers.remove(offer)
            offer.column.find_best()
            offer.column = pool.column(offer.outcome, offer.is_lay)
            offer.column.offers.append(offer)
            offer.column.find_best()
        self.pool.makers -= 1
        if not self.pool.makers:
            self.pool.leave()
            del self.market.pools[self.pool.outcomes]
        self.pool = pool
        pool.makers += 1


class Market:
    """All bookmakers' prices of one market of one event."""

    __slots__ = ("_tops", "event_id", "is_tight", "makers", "name", "pools", "standing")

    def __init__(self, event_id: str, name: str) -> None:
        self.event_id = event_id
        self.name = name
        self.pools: dict[Outcomes, Pool] = {}
        self.makers: dict[str, Maker] = {}
        self._tops: dict[str, Top] = {}
        # Set by whoever judges: whether something is reported of it, and whether that is
        # of comparable bookmakers.
        self.standing = False
        self.is_tight = False

    def pool(self, outcomes: Outcomes) -> Pool:
        """Return the pool of an outcome set; made when it is new."""
        found = self.pools.get(outcomes)
        if found is None:
            found = self.pools[outcomes] = Pool(outcomes, self._tops)
        return found

    def across(self, pool: Pool, limit: float) -> list[Offer] | None:
        """Find what would be an arbitrage if outcome sets did not matter.

        Returns
        -------
        list of Offer or None
            The best price of each outcome of the pool, whoever names it, if their sum
            is below ``limit`` *and* one of them is of another pool or an outcome has no
            price at all.
        """
        if not pool.may_be_below(limit):
            return None
        found, total, is_mixed = [], 0.0, False
        for outcome, own in pool.backs.items():
            top = self._tops[outcome]
            # Of equals its own.
            column = own if own.cost == top.cost else top.column
            best = column.best if column is not None else None
            is_mixed = is_mixed or best is None or column is not own
            if best is not None:
                found.append(best)
                total += top.cost
        return found if is_mixed and len(found) > 1 and total < limit else None

    def is_close(self, column: Column, limit: float) -> bool:
        """Whether the best of a column, just changed, calls for a judgement.

        Of a market of which nothing stands: then no sum was below the limit before.
        """
        for partition in column.partitions:
            if len(partition) == 2 and partition[0].cost + partition[1].cost < limit:
                return True
        if column.top is not None:
            for each in column.top.columns:
                if each.pool.may_be_below(limit):
                    return True
        return False

    def offers(self) -> Iterator[Offer]:
        """Yield every price, suspended ones too."""
        for maker in self.makers.values():
            yield from maker.offers
