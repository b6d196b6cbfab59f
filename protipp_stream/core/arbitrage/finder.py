"""Arbitrage: prices of several bookmakers which together pay whoever wins.

``S = Σ 1/o'ᵢ`` over a best price for each outcome of one market; an arbitrage iff S < 1,
and its margin is ``1/S - 1``, the return on the total put at risk (analytics.md).

`ArbitrageFinder` takes updates and says what opened, changed and closed. Its work for an
update grows with the outcomes of that market, never with the board: see
`prices`. What looks like an arbitrage and is none is reported as suppressed,
with every reason: see `judge`. Information only: nothing here places a bet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime

from protipp_stream.core.arbitrage.judge import Judge
from protipp_stream.core.arbitrage.life import Arbitrage, Change, Key, Moment, Watch
from protipp_stream.core.arbitrage.market import Market
from protipp_stream.core.arbitrage.prices import Prices
from protipp_stream.core.arbitrage.terms import Terms
from protipp_stream.model import Confirmation, Event, OddsUpdate, Quote

__all__ = ["Arbitrage", "ArbitrageFinder", "Change", "Key", "Terms"]


class ArbitrageFinder:
    """Finds arbitrage in a stream of prices. Not safe for several threads at once.

    A leg grows old while nobody says a word: call `expire` at `deadline`, or now and then.

    Parameters
    ----------
    terms : Terms, optional
        What to stake, and what counts.
    clones : mapping of str to str, optional
        Bookmaker to group: bookmakers of a group count as one. A group may be called
        as one of its bookmakers: ``{"betonlineag": "lowvig"}``.
    keep : int
        How many expired ones are remembered.
    """

    def __init__(
        self,
        terms: Terms | None = None,
        clones: Mapping[str, str] | None = None,
        keep: int = 200,
    ) -> None:
        self.terms = terms or Terms()
        self._clones = dict(clones or {})
        self._prices = Prices(self.terms, self._clones)
        self._starts: dict[str, datetime] = {}
        # The markets that have something to report, by event and name.
        self._watches: dict[tuple[str, str], Watch] = {}
        self._expired: deque[Arbitrage] = deque(maxlen=keep)

    @property
    def price_count(self) -> int:
        """How many prices are known, suspended ones included."""
        return len(self._prices)

    @property
    def current(self) -> list[Arbitrage]:
        """All that stand, active and suppressed."""
        return [each for watch in self._watches.values() for each in watch.arbitrages]

    @property
    def active(self) -> list[Arbitrage]:
        """Those that could be taken, the best margin first."""
        found = [each for each in self.current if each.status == "active"]
        return sorted(found, key=lambda each: -each.margin)

    @property
    def expired(self) -> list[Arbitrage]:
        """Those that are over, the newest first; only so many are kept."""
        return list(reversed(self._expired))

    @property
    def deadline(self) -> datetime | None:
        """When time alone may change something next (UTC); looks at all that stand."""
        found = (watch.deadline() for watch in self._watches.values())
        return min((each for each in found if each is not None), default=None)

    def take(self, updates: Iterable[OddsUpdate], now: datetime) -> list[Change]:
        """Take updates that arrived together; judge when all of them are known.

        Parameters
        ----------
        now : datetime
            UTC; prices' ages count from the bookmaker's stamps to this.
        """
        put = self._prices.put
        touched: dict[Market, None] = {}
        for update in updates:
            stamp, received = update.source_timestamp, update.timestamp
            # Nobody said it after we heard it: a clock that is ahead makes nothing fresher.
            market = put(
                update.bookmaker_id, update.event_id, update.market, update.outcome,
                update.new_odds, update.commission,
                received if stamp is None or stamp > received else stamp,
            )  # fmt: skip
            if market is not None:
                touched[market] = None
        return self._judge(touched, now) if touched else []

    def take_quotes(self, quotes: Iterable[Quote], now: datetime) -> list[Change]:
        """Take prices as they stand; those not among them stay as they are."""
        return self._judge(self._put(quotes, now), now)

    def reset(
        self, quotes: Iterable[Quote], now: datetime, events: Iterable[Event] = ()
    ) -> list[Change]:
        """Take a snapshot: what is not in it is gone. Opportunities in it live on."""
        self._prices = Prices(self.terms, self._clones)
        self._starts = {}
        self._note(events)
        self._put(quotes, now)
        # All of it: what stood before may stand here without a price having touched it.
        markets = {(m.event_id, m.name): m for m in self._prices.markets()}
        gone = [place for place in self._watches if place not in markets]
        return self._close(gone, now) + self._judge(markets.values(), now)

    def confirm(self, said: Iterable[Confirmation], now: datetime) -> list[Change]:
        """Note that prices were seen again, unchanged; backs and lays one by one."""
        touched: dict[Market, None] = {}
        for each in said:
            market = self._prices.confirm(each, each.good_at)
            if market is not None:
                touched[market] = None
        return self._judge(touched, now) if touched else []

    def describe(self, events: Iterable[Event], now: datetime) -> list[Change]:
        """Note when events start: from then on prices grow stale sooner."""
        moved = self._note(events)
        return self._judge([m for m in self._standing() if m.event_id in moved], now)

    def forget(self, event_id: str, now: datetime) -> list[Change]:
        """Drop an event and all its prices."""
        self._starts.pop(event_id, None)
        places = [(market.event_id, market.name) for market in self._prices.forget(event_id)]
        return self._close(places, now)

    def expire(self, now: datetime) -> list[Change]:
        """Look again at what time alone has changed."""
        due = [
            watch.market
            for watch in self._watches.values()
            if (deadline := watch.deadline()) is not None and deadline <= now
        ]
        return self._judge(due, now)

    def use_clones(self, clones: Mapping[str, str], now: datetime) -> list[Change]:
        """Count these groups of bookmakers as one each; replaces the groups before."""
        self._clones = dict(clones)
        self._prices.use_clones(self._clones)
        return self._judge(self._standing(), now)

    def use_terms(self, terms: Terms, now: datetime) -> list[Change]:
        """Judge the whole board by other terms."""
        self.terms = terms
        self._prices.use_terms(terms)
        return self._judge(self._prices.markets(), now)

    def _put(self, quotes: Iterable[Quote], now: datetime) -> list[Market]:
        touched: dict[Market, None] = {}
        for quote in quotes:
            # A board's quote carries its newest confirmation, heard later than the price.
            heard = quote.confirmed_at or quote.timestamp or now
            stamp = min(quote.good_at or heard, heard)
            market = self._prices.put(*quote.selection, quote.odds, quote.commission, stamp)
            if market is not None:
                touched[market] = None
        return list(touched)

    def _note(self, events: Iterable[Event]) -> set[str]:
        moved = set()
        for event in events:
            if self._starts.get(event.event_id) != event.starts_at:
                moved.add(event.event_id)
            if event.starts_at is None:
                self._starts.pop(event.event_id, None)
            else:
                self._starts[event.event_id] = event.starts_at
        return moved

    def _standing(self) -> list[Market]:
        return [watch.market for watch in self._watches.values()]

    def _judge(self, markets: Iterable[Market], now: datetime) -> list[Change]:
        changes: list[Change] = []
        for market in markets:
            changes += self._judge_market(market, now)
        return changes

    def _judge_market(self, market: Market, now: datetime) -> list[Change]:
        terms = self.terms
        moment = Moment(now, terms, self._starts.get(market.event_id))
        judge = Judge(self._prices.limit, now - moment.max_age, terms.max_margin, terms.max_gap)
        findings = judge.findings(market)
        place = market.event_id, market.name
        watch = self._watches.get(place)
        market.standing = bool(findings)
        market.is_tight = any(finding.kind != "mixed" for finding in findings)
        if not findings:
            return self._close([place], now) if watch else []
        if watch is None:
            watch = self._watches[place] = Watch(market)
        watch.market = market  # another one after a reset
        return self._remember(watch.take(findings, moment))

    def _close(self, places: Iterable[tuple[str, str]], now: datetime) -> list[Change]:
        changes: list[Change] = []
        for place in places:
            watch = self._watches.pop(place, None)
            if watch:
                changes += watch.close(now)
        return self._remember(changes)

    def _remember(self, changes: list[Change]) -> list[Change]:
        self._expired.extend(each.arbitrage for each in changes if each.what == "closed")
        return changes
