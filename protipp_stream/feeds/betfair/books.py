"""Market books into quotes: what changed at the best back and the best lay of a runner.

betfairlightweight's cache keeps the books; this remembers what was last said of
each runner, and looks only at the runners that a message names. What bets can't
be made on (a suspended market, a removed runner, an empty side) has no price:
the quote says None, once.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import msgspec

from protipp_stream.core.quarantine import quote_fault
from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.betfair import words
from protipp_stream.feeds.betfair.words import Definition
from protipp_stream.model import MAX_ODDS, Event, Quote

__all__ = ["BOOKMAKER", "Books", "MarketCache", "Reading"]

BOOKMAKER = "betfair"
USUAL_BASE_RATE = 5.0
LADDERS = frozenset({"atb", "atl", "batb", "batl", "bdatb", "bdatl"})

_log = logging.getLogger(__name__)

RunnerKey = tuple[int, float]


class Ladder(Protocol):
    """What is read of betfairlightweight's ``Available``: offers by price, or by level."""

    order_book: dict[float, list[Any]]


class RunnerCache(Protocol):
    """What is read of betfairlightweight's ``RunnerBookCache``."""

    available_to_back: Ladder
    available_to_lay: Ladder
    best_available_to_back: Ladder
    best_available_to_lay: Ladder
    best_display_available_to_back: Ladder
    best_display_available_to_lay: Ladder


class MarketCache(Protocol):
    """What is read of betfairlightweight's ``MarketBookCache``."""

    market_id: str
    market_definition: Any
    runner_dict: dict[RunnerKey, Any]
    streaming_update: Any


class Reading(NamedTuple):
    """What one message said.

    Attributes
    ----------
    quotes : list of Quote
        What changed, in the order of the message.
    events : list of Event
        Fixtures that are new or described otherwise than before.
    """

    quotes: list[Quote]
    events: list[Event]


class _Runner(msgspec.Struct, gc=False):
    """A runner's names, and what was last said of its prices: back, then lay."""

    outcome: str
    markets: tuple[str, str]
    standing: list[float | None]
    is_active: bool = False


class _Market(msgspec.Struct):
    event_id: str
    suffix: str
    commission: float
    is_open: bool
    runners: dict[RunnerKey, _Runner]


class _Message:
    """The quotes of one message, and the stamp that they carry."""

    def __init__(self, stamp: datetime, received_at: datetime) -> None:
        self.stamp = stamp
        self.quotes: list[Quote] = []
        self._received_at = received_at

    @cached_property
    def is_wild(self) -> bool:
        """Whether its stamp can't be true; most messages change no price and never ask."""
        return is_wild(self.stamp, self._received_at)


def is_wild(stamp: datetime, received_at: datetime) -> bool:
    """Say whether the gateway will quarantine what has this stamp."""
    return quote_fault(Quote(BOOKMAKER, "-", "-", "-", None, stamp), received_at) is not None


class Books:
    """The markets of one feed, as they were last quoted.

    Parameters
    ----------
    runner_names : mapping of int to str
        Selection ids in words.
    event_names : mapping of str to str
        Event ids in words, like ``A v B``.
    discount : float
        The account's discount on the commission, 0 to 1; for markets that allow it.
    """

    def __init__(
        self,
        runner_names: Mapping[int, str] | None = None,
        event_names: Mapping[str, str] | None = None,
        discount: float = 0.0,
    ) -> None:
        self._runner_names = dict(runner_names or {})
        self._event_names = dict(event_names or {})
        if not 0 <= discount <= 1:
            raise ConfigurationError(f"A discount is from 0 to 1, not {discount!r}.")
        self._discount = discount
        self._markets: dict[str, _Market] = {}
        self._owners: dict[tuple[str, str], str] = {}
        self._described: dict[str, Event] = {}
        self._describers: dict[str, str] = {}
        self._doubtful: set[str] = set()
        self._has_offers = self._told_basic = self._told_lines = False

    def __len__(self) -> int:
        return len(self._markets)

    def __contains__(self, market_id: object) -> bool:
        return market_id in self._markets

    def read(
        self,
        changed: Iterable[MarketCache],
        known: Mapping[str, MarketCache],
        stamp: datetime,
        received_at: datetime,
    ) -> Reading:
        """Say what one message changed.

        Parameters
        ----------
        changed : iterable of MarketCache
            The markets that it named, after it was applied.
        known : mapping of str to MarketCache
            All markets, by id.
        stamp : datetime
            UTC: Betfair's own time of the message.
        received_at : datetime
            UTC: ours.
        """
        message, events = _Message(stamp, received_at), list[Event]()
        for cache in changed:
            update = cache.streaming_update
            if "marketDefinition" in update or update.get("img"):
                events += self._define(cache)
                self._read_market(cache, message)
            else:
                self._read_runners(cache, update.get("rc", ()), message)
            if not self._has_offers:
                self._notice_basic(update.get("rc", ()))
        if self._doubtful and not message.is_wild:
            for market_id in self._doubtful & known.keys():
                self._read_market(known[market_id], message)
            self._doubtful.clear()
        return Reading(message.quotes, events)

    def withdraw(self, market_id: str) -> list[Quote]:
        """Forget a market; return the withdrawal of every price that stood in it."""
        market = self._markets.pop(market_id, None)
        if market is None:
            return []
        self._owners = {key: owner for key, owner in self._owners.items() if owner != market_id}
        if self._describers.get(market.event_id) == market_id:
            del self._describers[market.event_id], self._described[market.event_id]
        self._doubtful.discard(market_id)
        return [
            Quote(BOOKMAKER, market.event_id, name, runner.outcome, None)
            for runner in market.runners.values()
            for name, odds in zip(runner.markets, runner.standing, strict=True)
            if odds is not None
        ]

    def standing(self) -> Iterator[Quote]:
        """Say again every price that stands, without a stamp."""
        for market in self._markets.values():
            for runner in market.runners.values():
                for name, odds in zip(runner.markets, runner.standing, strict=True):
                    if odds is not None and 1.0 < odds <= MAX_ODDS:
                        args = BOOKMAKER, market.event_id, name, runner.outcome, odds
                        yield Quote(*args, commission=market.commission)

    def withdraw_others(self, named: Collection[str]) -> list[Quote]:
        """Forget the markets that a whole image did not name."""
        gone = [market_id for market_id in self._markets if market_id not in named]
        return [quote for market_id in gone for quote in self.withdraw(market_id)]

    # ------------------------------------------------------------ definitions

    def _define(self, cache: MarketCache) -> list[Event]:
        """Take a market's definition; return its event if that is news."""
        definition = self._named(cache.market_definition)
        market = self._markets.get(cache.market_id)
        if market is None:
            # By the first start announced: a race that is late is still that race.
            event_id = words.event_id(definition)
            suffix = self._claim(event_id, definition, cache.market_id)
            market = _Market(event_id, suffix, 0.0, False, {})
            self._markets[cache.market_id] = market
        market.commission = self._commission(definition)
        market.is_open = definition.get("status") == "OPEN" and self._has_odds(definition)
        for runner in definition.get("runners", []):
            key = (runner["id"], runner.get("hc") or 0)
            known = market.runners.get(key)
            if known is None:
                names = words.market_names(definition, runner, market.suffix)
                outcome = words.outcome_name(definition, runner, self._runner_names)
                if any(
                    r.outcome == outcome and r.markets == names for r in market.runners.values()
                ):
                    outcome = f"{outcome} ({runner['id']})"
                known = market.runners[key] = _Runner(outcome, names, [None, None])
            known.is_active = runner.get("status") == "ACTIVE"
        return self._describe(market.event_id, definition, cache.market_id)

    def _named(self, definition: Definition) -> Definition:
        """Put the caller's words in: who is at home depends on them, for every name we make."""
        if name := self._event_names.get(definition["eventId"]):
            return {**definition, "eventName": name}
        return definition

    def _claim(self, event_id: str, definition: Definition, market_id: str) -> str:
        """Return what tells a market from another of its type in the same event."""
        kind = definition.get("marketType") or "unnamed"
        owner = self._owners.setdefault((event_id, kind), market_id)
        return "" if owner == market_id else f":{market_id}"

    def _commission(self, definition: Definition) -> float:
        rate = definition.get("marketBaseRate", USUAL_BASE_RATE) / 100
        return rate * (1 - self._discount) if definition.get("discountAllowed") else rate

    def _has_odds(self, definition: Definition) -> bool:
        if words.has_odds(definition):
            return True
        if not self._told_lines:
            self._told_lines = True
            _log.warning("betfair: LINE and RANGE markets have no odds; they are left out")
        return False

    def _describe(self, event_id: str, definition: Definition, market_id: str) -> list[Event]:
        # Markets of one event may differ in their words: one of them speaks for
        # all, the match odds if there are any.
        is_main = definition.get("marketType") == "MATCH_ODDS"
        if is_main or self._describers.setdefault(event_id, market_id) == market_id:
            self._describers[event_id] = market_id
            event = words.describe(event_id, definition, self._runner_names)
            if self._described.get(event_id) != event:
                self._described[event_id] = event
                return [event]
        return []

    def _notice_basic(self, changes: Iterable[Mapping[str, Any]]) -> None:
        for change in changes:
            if LADDERS & change.keys():
                self._has_offers = True
            elif "ltp" in change and not self._told_basic:
                self._told_basic = True
                _log.warning(
                    "betfair: only last traded prices so far, as in the BASIC tier:"
                    " nothing is on offer at them, so no quotes are made of them"
                )

    # ----------------------------------------------------------------- prices

    def _read_market(self, cache: MarketCache, message: _Message) -> None:
        market = self._markets.get(cache.market_id)
        if market is not None:
            for key, runner in market.runners.items():
                self._read_runner(cache, market, key, runner, message)

    def _read_runners(
        self, cache: MarketCache, changes: Iterable[Mapping[str, Any]], message: _Message
    ) -> None:
        market = self._markets.get(cache.market_id)
        if market is None or not market.is_open:
            return
        for change in changes:
            key = (change["id"], change.get("hc", 0))
            runner = market.runners.get(key)
            if runner is not None and runner.is_active:
                self._read_runner(cache, market, key, runner, message)

    def _read_runner(
        self,
        cache: MarketCache,
        market: _Market,
        key: RunnerKey,
        runner: _Runner,
        message: _Message,
    ) -> None:
        book: RunnerCache | None = cache.runner_dict.get(key)
        if book is None or not (market.is_open and runner.is_active):
            best: tuple[float | None, float | None] = (None, None)
        else:
            best = _best_back(book), _best_lay(book)
        for side, odds in enumerate(best):
            if odds == runner.standing[side]:
                continue
            is_true = not message.is_wild and (odds is None or 1.0 < odds <= MAX_ODDS)
            args = BOOKMAKER, market.event_id, runner.markets[side], runner.outcome
            message.quotes.append(Quote(*args, odds, message.stamp, None, market.commission))
            runner.standing[side] = odds
            if not is_true:
                # The gateway will count that and not take it. What stood before
                # must not stay there and look like the price.
                message.quotes.append(Quote(*args, None))
            if message.is_wild:
                runner.standing[side] = None
                self._doubtful.add(cache.market_id)


def _best_back(book: RunnerCache) -> float | None:
    # All prices if we have them, else the levels, in the order of the library.
    if offers := book.available_to_back.order_book:
        return max(offers)
    return _first(book.best_display_available_to_back, book.best_available_to_back)


def _best_lay(book: RunnerCache) -> float | None:
    if offers := book.available_to_lay.order_book:
        return min(offers)
    return _first(book.best_display_available_to_lay, book.best_available_to_lay)


def _first(*ladders: Ladder) -> float | None:
    for ladder in ladders:
        if levels := ladder.order_book:
            price: float = levels[min(levels)][1]
            return price
    return None
