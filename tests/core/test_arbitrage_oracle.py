"""The finder, driven at random, against a search that tries every combination."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import count
from math import inf

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from protipp_stream.core.arbitrage import Arbitrage, ArbitrageFinder, Change, Key, Terms
from protipp_stream.core.arbitrage.market import Market, Offer
from protipp_stream.model import Confirmation, Event, OddsUpdate, Quote

from .arbitrage_oracle import Price, opportunities, pays_as_shown

START = datetime(2026, 8, 4, 18, 0, tzinfo=UTC)
KICK_OFF = START + timedelta(seconds=400)
BOOKMAKERS = ["ada", "bob", "cyd", "dee"]
MATCH = Event("match", "Away @ Home", "soccer", KICK_OFF)
STAKED = {"rounding", "limits"}

bookmakers = st.sampled_from(BOOKMAKERS)
sets = st.sampled_from(
    [("away", "home")] * 3 + [("away", "draw", "home")] * 3 + [("home",), ("draw", "home")]
)
# Close to fair for two outcomes and for three, with ties, and now and then absurd.
odds = st.sampled_from([1.5, 1.9, 1.95, 2.0, 2.05, 2.1, 2.2, 2.9, 3.0, 3.1, 3.2, 3.5, 4.0, 11.5])
commissions = st.sampled_from([0.0, 0.0, 0.05])
clones = st.dictionaries(bookmakers, st.sampled_from(["ada", "a group"]), max_size=2)
terms = st.builds(
    Terms,
    unit=st.sampled_from([0.01, 1.0, 5.0]),
    max_stakes=st.dictionaries(bookmakers, st.sampled_from([0.5, 10.0, 33.33]), max_size=2),
    max_margin=st.sampled_from([0.05, 0.2, 1e9]),
)


class Board:
    """A finder and a plain dict, told the same."""

    def __init__(self, terms: Terms) -> None:
        self.finder = ArbitrageFinder(terms)
        self.now = START
        self.clones: dict[str, str] = {}
        self.starts: datetime | None = None
        self.prices: dict[tuple[str, str, bool], Price] = {}
        self.told: dict[Key, Arbitrage] = {}
        self._ids = count(1)

    def hear(self, changes: list[Change]) -> None:
        for change in changes:
            key = change.arbitrage.key
            assert (change.what == "opened") == (key not in self.told)
            if change.what == "closed":
                assert change.arbitrage.status == "expired"
                del self.told[key]
            else:
                assert self.told.get(key) != change.arbitrage
                self.told[key] = change.arbitrage

    def put(self, prices: list[Price]) -> None:
        for price in prices:
            self.prices[price.bookmaker, price.outcome, price.is_lay] = price
        self.hear(self.finder.take([self.update(p) for p in prices], self.now))

    def update(self, price: Price) -> OddsUpdate:
        market = "h2h_lay" if price.is_lay else "h2h"
        return OddsUpdate(
            f"e:{next(self._ids)}", price.bookmaker, "match", market, price.outcome, None,
            price.odds, self.now, price.stamp, 0.0, False, None, price.commission,
        )  # fmt: skip

    def quotes(self) -> list[Quote]:
        return [self.update(price).quote for price in self.prices.values()]

    def compare(self, now: datetime) -> None:
        in_play = self.starts is not None and now >= self.starts
        found = opportunities(self.prices.values(), now, in_play, self.finder.terms, self.clones)
        shown = {(each.kind, each.outcomes): each for each in self.finder.current}
        assert shown.keys() == found.keys()
        for key, expected in found.items():
            arbitrage = shown[key]
            assert arbitrage.implied == pytest.approx(float(expected.implied))
            assert set(arbitrage.reasons) - STAKED == expected.reasons
            legs = {(leg.bookmaker_id, leg.outcome, leg.side == "lay") for leg in arbitrage.legs}
            assert expected.legs is None or legs == expected.legs

    def check(self) -> None:
        current = {each.key: each for each in self.finder.current}
        self.compare(self.now)
        for market in self.finder._prices.markets():
            check_sums(market)
        # What was told, change by change, is what stands.
        assert {k: (v.legs, v.reasons) for k, v in self.told.items()} == {
            k: (v.legs, v.reasons) for k, v in current.items()
        }
        for each in current.values():
            self.check_one(each)
        if self.finder.deadline is not None:
            assert self.finder.deadline > self.now
            self.compare(self.finder.deadline - timedelta(microseconds=1))

    def check_one(self, each: Arbitrage) -> None:
        event(f"{each.kind} {each.status}")
        assert each.status == ("suppressed" if each.reasons else "active")
        assert each.first_seen <= each.last_seen <= self.now
        assert (each.active_since is None) or each.active_since >= each.first_seen
        assert each.best_margin >= each.margin
        assert each.is_in_play == (self.starts is not None and self.now >= self.starts)
        if each.kind == "mixed":
            assert each.worst_case is None
            assert {leg.stake for leg in each.legs} == {0.0}
            return
        assert pays_as_shown(each)
        assert each.worst_case is not None
        assert (each.worst_case <= 0) == bool(STAKED & set(each.reasons))
        most = self.finder.terms.max_stakes
        assert all(leg.risk <= most.get(leg.bookmaker_id, 1e9) for leg in each.legs)
        if each.status == "active":
            groups = [self.clones.get(leg.bookmaker_id, leg.bookmaker_id) for leg in each.legs]
            assert len(set(groups)) == len(groups)
            limit = 60 if each.is_in_play else 180
            assert all(leg.age_s(self.now) < limit for leg in each.legs)


def check_sums(market: Market) -> None:
    """What is kept of the pools from update to update is what it would be anew."""
    for pool in market.pools.values():
        costs = [
            min((o.cost for o in market.offers() if is_back_of(o, outcome)), default=inf)
            for outcome in pool.outcomes
        ]
        priced = [cost for cost in costs if cost < inf]
        assert pool._priced == len(priced)
        assert pool._parts == sum(int(cost * 2**50) for cost in priced)
        assert set(pool.outcomes) <= set(market._tops)


def is_back_of(offer: Offer, outcome: str) -> bool:
    return offer.column is offer.maker.pool.backs.get(outcome)


def opening(data: st.DataObject, board: Board) -> list[Price]:
    """A first price of all that some bookmakers name, some of it laid too."""
    prices = []
    for bookmaker in BOOKMAKERS[: data.draw(st.integers(2, 4))]:
        commission = data.draw(commissions)
        for outcome in data.draw(sets):
            for is_lay in (False, True) if data.draw(st.integers(0, 3)) == 0 else (False,):
                stamp = START - timedelta(seconds=data.draw(st.sampled_from([0, 0, 0, 100, 400])))
                prices.append(Price(bookmaker, outcome, is_lay, data.draw(odds), commission, stamp))
    return prices


def step(data: st.DataObject, board: Board) -> None:
    """Let something happen."""
    what = data.draw(st.sampled_from(
        ["price"] * 5 + ["suspend", "confirm", "wait", "wait", "clones", "start", "reset", "forget"]
    ))  # fmt: skip
    event(what)
    known = sorted(board.prices)
    if what == "price" or (what in {"suspend", "confirm"} and not known):
        outcome = data.draw(st.sampled_from(["home", "away", "draw"]))
        key = data.draw(st.sampled_from(known)) if known and data.draw(st.booleans()) else None
        key = key or (data.draw(bookmakers), outcome, data.draw(st.booleans()))
        age = timedelta(seconds=data.draw(st.sampled_from([-5, 0, 0, 30, 250])))
        price = Price(
            *key, data.draw(odds), data.draw(commissions), min(board.now - age, board.now)
        )
        board.put([price])
    elif what == "suspend":
        board.put([board.prices[data.draw(st.sampled_from(known))]._replace(odds=None)])
    elif what == "confirm":
        key = bookmaker, outcome, is_lay = data.draw(st.sampled_from(known))
        stamp = board.now - timedelta(seconds=data.draw(st.sampled_from([0, 10, 500])))
        price = board.prices[key]
        vouched = data.draw(st.booleans())
        good_at = board.now if vouched else stamp
        board.prices[key] = price._replace(stamp=max(price.stamp, good_at))
        market = "h2h_lay" if is_lay else "h2h"
        said = Confirmation(bookmaker, "match", market, [outcome], board.now, stamp, vouched)
        board.hear(board.finder.confirm([said], board.now))
    elif what == "wait":
        deadline = board.finder.deadline
        if deadline is not None and data.draw(st.booleans()):
            board.now = deadline
        else:
            board.now += timedelta(seconds=data.draw(st.integers(1, 200)))
        board.hear(board.finder.expire(board.now))
    elif what == "clones":
        board.clones = data.draw(clones)
        board.hear(board.finder.use_clones(board.clones, board.now))
    elif what == "start":
        board.starts = data.draw(st.sampled_from([None, KICK_OFF, START]))
        match = Event("match", "Away @ Home", "soccer", board.starts)
        board.hear(board.finder.describe([match], board.now))
    elif what == "reset":
        gone = data.draw(st.sets(st.sampled_from(known), max_size=2)) if known else set()
        board.prices = {key: p for key, p in board.prices.items() if key not in gone}
        events = [Event("match", "Away @ Home", "soccer", board.starts)]
        board.hear(board.finder.reset(board.quotes(), board.now, events))
    else:
        board.prices, board.starts = {}, None
        board.hear(board.finder.forget("match", board.now))


@settings(max_examples=300)
@given(st.data())
def test_after_every_step_exactly_that_is_reported_which_trying_everything_finds(
    data: st.DataObject,
) -> None:
    board = Board(data.draw(terms))
    prices = opening(data, board)
    board.put(prices)
    board.check()
    for _ in range(data.draw(st.integers(0, 8))):
        step(data, board)
        board.check()
    board.finder.use_terms(Terms(commissions={"ada": 0.02}), board.now)
    for key, price in list(board.prices.items()):
        if key[0] == "ada":
            board.prices[key] = price._replace(commission=0.02)
    board.compare(board.now)


@given(st.data())
def test_the_order_in_which_prices_come_does_not_matter(data: st.DataObject) -> None:
    one, other = Board(Terms()), Board(Terms())
    prices = opening(data, one)
    unique = list({(p.bookmaker, p.outcome, p.is_lay): p for p in prices}.values())
    one.put(unique)
    for price in data.draw(st.permutations(unique)):
        other.put([price])
    assert {a.key: (a.legs, a.reasons) for a in one.finder.current} == {
        a.key: (a.legs, a.reasons) for a in other.finder.current
    }
