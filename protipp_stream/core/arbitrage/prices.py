"""The best price of every outcome, kept up to date at a constant cost an update.

An update costs a look-up and a comparison. Only if the best of a column changed is there
more to do: a sum for each lay of that outcome, a look at what the best prices sum to in
each pool that names it (see `market`), and, if the best itself got worse, a scan of the
column. Whether what was found is any good is judged elsewhere (`judge`), for the few
markets where a sum is below 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from math import inf

from protipp_stream.core.arbitrage.market import Maker, Market, Offer
from protipp_stream.core.arbitrage.stakes import net_odds
from protipp_stream.core.arbitrage.terms import Terms
from protipp_stream.model import Confirmation

__all__ = ["Prices", "base_market"]

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
                column.lead(offer, cost)
        elif cost < column.cost or (
            best is not None and cost == column.cost and offer.rank < best.rank
        ):
            column.lead(offer, cost)
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
