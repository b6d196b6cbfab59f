"""The best price of every outcome, kept up to date at a constant cost an update.

Who may be compared with whom: bookmakers that name the same *outcome set* in a market
share a `Pool`. A set is all that a bookmaker has ever named there, so a suspended draw
still makes it a three-way market. A pool has a `Column` for whatever can be bet on, with
the offers on it and the best of them; a *partition* is a choice of columns of which
exactly one wins: all backs, or {back i, lay i}.

An update costs a look-up and a comparison. Only if the best of a column changed are
sums formed, over the few partitions that the column is in, and only if the best itself
got worse is the column scanned again. Whether what was found is any good is judged
elsewhere (`judge`), for the few markets where a sum is below 1.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from math import inf

from protipp_stream.core.arbitrage.stakes import net_odds
from protipp_stream.core.arbitrage.terms import Terms
from protipp_stream.model import Confirmation

__all__ = ["Column", "Market", "Offer", "Partition", "Pool", "Prices", "base_market"]

Outcomes = tuple[str, ...]
_LAY = "_lay"


def base_market(market: str) -> tuple[str, bool]:
    """Split a lay market's name into the market's and True: ``h2h_lay`` is ``h2h``.

    Examples
    --------
    >>> base_market("totals_lay@7.5")
    ('totals@7.5', True)
    """
    kind, at, line = market.partition("@")
    if kind.endswith(_LAY):
        return f"{kind.removesuffix(_LAY)}{at}{line}", True
    return market, False


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

    __slots__ = ("best", "calm", "cost", "offers", "partitions", "pool")

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
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
        self.best, self.cost = best, cost


class Pool:
    """The bookmakers of a market that name the same outcomes."""

    __slots__ = ("backs", "lays", "makers", "outcomes", "partitions")

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        self.makers = 0
        self.backs = {outcome: Column(self) for outcome in outcomes}
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
            self.lays[outcome] = Column(self)
            self._set_partitions()
        return self.lays[outcome]

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
            del self.market.pools[self.pool.outcomes]
        self.pool = pool
        pool.makers += 1


class Market:
    """All bookmakers' prices of one market of one event."""

    __slots__ = ("event_id", "is_tight", "makers", "name", "pools", "standing")

    def __init__(self, event_id: str, name: str) -> None:
        self.event_id = event_id
        self.name = name
        self.pools: dict[Outcomes, Pool] = {}
        self.makers: dict[str, Maker] = {}
        # Set by whoever judges: whether something is reported of it, and whether that is
        # of comparable bookmakers.
        self.standing = False
        self.is_tight = False

    def pool(self, outcomes: Outcomes) -> Pool:
        """Return the pool of an outcome set; made when it is new."""
        found = self.pools.get(outcomes)
        if found is None:
            found = self.pools[outcomes] = Pool(outcomes)
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
        found, total, is_mixed = [], 0.0, False
        for outcome, own in pool.backs.items():
            best, cost = own.best, own.cost
            for other in self.pools.values():
                column = other.backs.get(outcome)
                if column is None or column.best is None or column is own:
                    continue
                is_tie = column.cost == cost and best is not own.best
                if column.cost < cost or (
                    is_tie and best is not None and column.best.rank < best.rank
                ):
                    best, cost = column.best, column.cost
            if best is None:
                is_mixed = True
                continue
            is_mixed = is_mixed or best is not own.best
            found.append(best)
            total += cost
        return found if is_mixed and len(found) > 1 and total < limit else None

    def is_close(self, column: Column, limit: float) -> bool:
        """Whether the best of a column, just changed, calls for a judgement."""
        has_gap = False
        for partition in column.partitions:
            total = 0.0
            for each in partition:
                total += each.cost
            if total < limit:
                return True
            has_gap = has_gap or total == inf
        if not has_gap and len(self.pools) == 1:
            return False
        return any(
            self.across(pool, limit) is not None
            for pool in self.pools.values()
            if len(pool.outcomes) > 1
        )

    def offers(self) -> Iterator[Offer]:
        """Yield every price, suspended ones too."""
        for maker in self.makers.values():
            yield from maker.offers


class Prices:
    """The prices of every market.

    Parameters
    ----------
    terms : Terms
        What the user pays in commission, and which margins are of interest.
    clones : mapping of str to str
        Bookmaker to group.
    """

    def __init__(self, terms: Terms, clones: Mapping[str, str]) -> None:
        self.limit = _limit(terms)
        self._commissions = terms.commissions
        self._clones = clones
        self._offers: dict[tuple[str, str, str, str], Offer] = {}
        self._events: dict[str, dict[str, Market]] = {}

    def __len__(self) -> int:
        return len(self._offers)

    def put(
        self,
        bookmaker_id: str,
        event_id: str,
        market: str,
        outcome: str,
        odds: float | None,
        commission: float,
        stamp: datetime,
    ) -> Market | None:
        """Take a price; return its market if that must be judged (again)."""
        key = bookmaker_id, event_id, market, outcome
        offer = self._offers.get(key)
        if is_new := offer is None:
            offer = self._offers[key] = self._named(*key)
        maker = offer.maker
        charged = commission if maker.commission is None else maker.commission
        if odds is None:
            cost = inf
        elif charged or offer.is_lay:
            cost = 1.0 / net_odds(odds, charged, offer.is_lay)
        else:
            cost = 1.0 / odds
        offer.odds, offer.commission, offer.stamp, offer.cost = odds, commission, stamp, cost

        touched = maker.market
        column = offer.column
        best = column.best
        if offer is best:
            if cost > column.cost:
                column.find_best()
            else:
                column.cost = cost
        elif cost < column.cost or (
            best is not None and cost == column.cost and offer.rank < best.rank
        ):
            column.best, column.cost = offer, cost
        elif not is_new:
            # Nothing that is the best has changed: of interest only where the second
            # best may be reported, or where it tells a mistake from a good price.
            return touched if touched.is_tight and cost > column.calm else None
        # A bookmaker that names an outcome more is compared with others from now on.
        if is_new or touched.standing or touched.is_close(column, self.limit):
            return touched
        return None

    def confirm(self, said: Confirmation, stamp: datetime) -> Market | None:
        """Note that unchanged prices were seen again; return the market if it stands."""
        name, is_lay = base_market(said.market)
        found = self._events.get(said.event_id, {}).get(name)
        maker = found.makers.get(said.bookmaker_id) if found else None
        if found is None or maker is None:
            return None
        for offer in maker.offers:
            if offer.is_lay == is_lay and offer.outcome in said.outcomes and stamp > offer.stamp:
                offer.stamp = stamp
        return found if found.standing else None

    def use_terms(self, terms: Terms) -> None:
        """Reckon with other terms; every price is costed anew."""
        self.limit, self._commissions = _limit(terms), terms.commissions
        for market in self.markets():
            for maker in market.makers.values():
                maker.commission = self._commissions.get(maker.bookmaker_id)
                for offer in maker.offers:
                    if offer.odds is not None:
                        offer.cost = 1.0 / net_odds(offer.odds, offer.charged, offer.is_lay)
            for pool in market.pools.values():
                for column in pool.columns():
                    column.find_best()

    def use_clones(self, clones: Mapping[str, str]) -> None:
        """Count these groups as one bookmaker each."""
        self._clones = clones
        for market in self.markets():
            for maker in market.makers.values():
                maker.group = clones.get(maker.bookmaker_id, maker.bookmaker_id)

    def forget(self, event_id: str) -> list[Market]:
        """Drop an event; return the markets that it had."""
        gone = list(self._events.pop(event_id, {}).values())
        for market in gone:
            for offer in market.offers():
                name = _lay_market(market.name) if offer.is_lay else market.name
                del self._offers[offer.maker.bookmaker_id, event_id, name, offer.outcome]
        return gone

    def markets(self) -> list[Market]:
        """Return all markets."""
        return [market for markets in self._events.values() for market in markets.values()]

    def _named(self, bookmaker_id: str, event_id: str, market: str, outcome: str) -> Offer:
        name, is_lay = base_market(market)
        markets = self._events.setdefault(event_id, {})
        found = markets.get(name)
        if found is None:
            found = markets[name] = Market(event_id, name)
        maker = found.makers.get(bookmaker_id)
        if maker is None:
            maker = found.makers[bookmaker_id] = Maker(bookmaker_id, found)
            maker.group = self._clones.get(bookmaker_id, bookmaker_id)
            maker.commission = self._commissions.get(bookmaker_id)
        return maker.name(outcome, is_lay)


def _limit(terms: Terms) -> float:
    # A billionth is no margin: 1/3 three times is below 1 in some order of adding.
    return (1.0 - 1e-9) / (1.0 + terms.min_margin)


def _lay_market(market: str) -> str:
    kind, at, line = market.partition("@")
    return f"{kind}{_LAY}{at}{line}"
