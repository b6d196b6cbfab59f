"""The book: the last update of every selection; quotes in, changes out.

A bookmaker repeats itself: of a million quotes in a day's recording, one in
nine says something new. The book finds that one and gives it its place in the
log, so whatever is behind it handles changes only.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple

from protipp_stream.core.eviction import over
from protipp_stream.core.filter import Filter
from protipp_stream.core.moves import Move, Rule, RuleWithMemory, h
from protipp_stream.model import Confirmation, Cursor, Event, OddsUpdate, Quote, Selection

__all__ = ["Book"]

MarketKey = tuple[str, str, str]


class _Said(NamedTuple):
    """A price was said again: see `Confirmation`."""

    received_at: datetime
    stamp: datetime | None
    is_vouched: bool


class Book:
    """Last quote per selection.

    Parameters
    ----------
    epoch : str
        Names this incarnation of the log.
    rule : Rule
        Decides which moves are significant; one with a memory is for this book only.

    Attributes
    ----------
    forgotten_to : int
        The newest sequence number among what was forgotten: who knows less than that
        has prices on its board that nothing here will withdraw.
    confirmations : int
        How often an unchanged price was confirmed: the board is then another,
        though no update came of it.
    """

    def __init__(self, epoch: str, rule: Rule | None = None) -> None:
        self.epoch = epoch
        self.seq = 0
        self._rule = h() if rule is None else rule
        self._last: dict[Selection, OddsUpdate] = {}
        self._live: dict[MarketKey, dict[str, float]] = {}
        self._starts: dict[str, datetime] = {}
        # Which unchanged prices were said again, the newest last.
        self._confirmed: dict[Selection, tuple[int, _Said]] = {}
        self.confirmations = 0
        self.forgotten_to = 0

    @property
    def cursor(self) -> Cursor:
        """Where the log stands."""
        return Cursor(self.epoch, self.seq)

    def __len__(self) -> int:
        return len(self._last)

    def know(self, event: Event) -> None:
        """Learn when an event starts: from then on its moves are judged as in play."""
        if event.starts_at is None:
            self._starts.pop(event.event_id, None)
        else:
            self._starts[event.event_id] = event.starts_at

    def apply(
        self, quotes: Iterable[Quote], received_at: datetime, latency_ms: float = 0.0
    ) -> list[OddsUpdate]:
        """Take what one read of a source said and return what changed.

        Parameters
        ----------
        quotes : iterable of Quote
            Sound ones: see `core.quarantine`.
        received_at : datetime
            UTC; the ``timestamp`` of every update made here.
        latency_ms : float
            Milliseconds since receipt, as far as they are known yet.

        Returns
        -------
        list of OddsUpdate
            In the order of the quotes; each has the next sequence number.
        """
        updates: list[OddsUpdate] = []
        for segment in _without_repeats(quotes):
            updates += self._apply_segment(segment, received_at, latency_ms)
        return updates

    def adopt(
        self, quotes: Iterable[Quote], updates: Sequence[OddsUpdate], received_at: datetime
    ) -> None:
        """Take over what another book of this epoch has made of quotes.

        Parameters
        ----------
        quotes : iterable of Quote
            Those that `apply` was given there.
        updates : sequence of OddsUpdate
            What it returned.
        """
        changed = {update.selection for update in updates}
        for quote in quotes:
            if quote.selection not in changed:
                self._is_news(quote, received_at)  # or it was said again
        for update in updates:
            self._set_price(update.quote)
            self._last[update.selection] = update
            self.seq = update.seq

    def _apply_segment(
        self, quotes: list[Quote], received_at: datetime, latency_ms: float
    ) -> list[OddsUpdate]:
        # Both sides of a market arrive together. Judging the first before the
        # second is known would see a margin that never existed.
        changed = [quote for quote in quotes if self._is_news(quote, received_at)]
        markets = {_market(quote) for quote in changed}
        before = {market: self._overround(market) for market in markets}
        for quote in changed:
            self._set_price(quote)
        bases = {market: _basis(before[market], self._overround(market)) for market in markets}
        updates = []
        for quote in changed:
            self.seq += 1
            selection = quote.selection
            old = self._last.get(selection)
            old_odds = old.new_odds if old else None
            reason = self._judge(quote, old_odds, selection, received_at, bases)
            update = OddsUpdate(
                id=f"{self.epoch}:{self.seq}",
                bookmaker_id=quote.bookmaker_id,
                event_id=quote.event_id,
                market=quote.market,
                outcome=quote.outcome,
                old_odds=old_odds,
                new_odds=quote.odds,
                timestamp=received_at,
                source_timestamp=quote.source_timestamp,
                latency_ms=latency_ms,
                is_significant=reason is not None,
                reason=reason,
                commission=quote.commission,
            )
            self._last[selection] = update
            updates.append(update)
        return updates

    def _is_news(self, quote: Quote, received_at: datetime) -> bool:
        selection = quote.selection
        last = self._last.get(selection)
        if last is None:
            return quote.odds is not None
        if last.new_odds != quote.odds or last.commission != quote.commission:
            return quote.odds is not None or last.new_odds is not None
        if quote.odds is not None:
            self._confirm(selection, last, received_at, quote.source_timestamp)
        return False

    def _confirm(
        self,
        selection: Selection,
        last: OddsUpdate,
        received_at: datetime,
        stamp: datetime | None,
    ) -> None:
        known = self._confirmed.get(selection)
        said = known[1].stamp if known else last.source_timestamp
        if stamp is not None and said is not None and stamp <= said:
            return  # an aggregator that repeats what the bookmaker said long ago
        self.confirmations += 1
        # Out and in again: a dict keeps the place of the first one.
        self._confirmed.pop(selection, None)
        newest = _Said(received_at, stamp or said, stamp is None)
        self._confirmed[selection] = self.confirmations, newest

    def _set_price(self, quote: Quote) -> None:
        self._confirmed.pop(quote.selection, None)
        prices = self._live.setdefault(_market(quote), {})
        if quote.odds is None:
            prices.pop(quote.outcome, None)
        else:
            prices[quote.outcome] = quote.odds

    def _overround(self, market: MarketKey) -> tuple[frozenset[str], float]:
        prices = self._live.get(market, {})
        return frozenset(prices), sum(1 / odds for odds in prices.values())

    def _judge(
        self,
        quote: Quote,
        old_odds: float | None,
        selection: Selection,
        at: datetime,
        bases: dict[MarketKey, tuple[float, float] | None],
    ) -> str | None:
        if old_odds is None or quote.odds is None:
            return None
        basis = bases[_market(quote)]
        old_total, new_total = basis or (1.0, 1.0)
        starts_at = self._starts.get(quote.event_id)
        return self._rule(
            Move(
                old_odds=old_odds,
                new_odds=quote.odds,
                old_probability=1 / old_odds / old_total,
                new_probability=1 / quote.odds / new_total,
                margin_removed=basis is not None,
                selection=selection,
                at=at,
                in_play=starts_at is not None and at >= starts_at,
            )
        )

    def over(self, events: Mapping[str, Event], now: datetime, after_s: float) -> set[str]:
        """Return the events that are over; see `core.eviction`."""
        rows = ((u.event_id, u.new_odds is not None, self._heard(u)) for u in self._last.values())
        return over(rows, events, now, after_s)

    @property
    def events(self) -> set[str]:
        """Of which there are prices, withdrawn ones too."""
        return {update.event_id for update in self._last.values()}

    def _heard(self, update: OddsUpdate) -> datetime:
        said = self._confirmed.get(update.selection)
        return said[1].received_at if said else update.timestamp

    def forget(self, events: Set[str]) -> None:
        """Forget events, with all that is known of their prices."""
        gone = [update for update in self._last.values() if update.event_id in events]
        for update in gone:
            del self._last[update.selection]
            self._confirmed.pop(update.selection, None)
            self._live.pop(_market(update), None)
            self.forgotten_to = max(self.forgotten_to, update.seq)
        for event_id in events:
            self._starts.pop(event_id, None)
            if isinstance(self._rule, RuleWithMemory):
                self._rule.forget(event_id)

    def quotes(self, wanted: Filter | None = None) -> list[Quote]:
        """Return the whole board: every selection, suspended ones with odds None."""
        return [self._newest(update) for update in self._matching(wanted)]

    def changed_since(self, seq: int, wanted: Filter | None = None) -> list[OddsUpdate]:
        """Return each selection changed after ``seq``, at its newest, in order."""
        changed = [update for update in self._matching(wanted) if update.seq > seq]
        return sorted(changed, key=lambda update: update.seq)

    def confirmed_since(self, number: int, wanted: Filter) -> list[Confirmation]:
        """Return what was said again, unchanged, after that many `confirmations`."""
        outcomes: dict[tuple[MarketKey, _Said], list[str]] = {}
        for selection, (its, said) in reversed(self._confirmed.items()):
            if its <= number:
                break
            if wanted.is_empty or wanted.matches(selection):
                outcomes.setdefault((_market(selection), said), []).append(selection.outcome)
        return [Confirmation(*market, named, *said) for (market, said), named in outcomes.items()]

    def _matching(self, wanted: Filter | None) -> Iterator[OddsUpdate]:
        for update in self._last.values():
            if wanted is None or wanted.matches(update):
                yield update

    def _newest(self, update: OddsUpdate) -> Quote:
        confirmed = self._confirmed.get(update.selection)
        return update.quote if confirmed is None else update.quote.confirmed(*confirmed[1])


def _market(quote: Quote | OddsUpdate | Selection) -> MarketKey:
    return quote.bookmaker_id, quote.event_id, quote.market


def _basis(
    before: tuple[frozenset[str], float], after: tuple[frozenset[str], float]
) -> tuple[float, float] | None:
    """Return what to divide old and new probabilities by; None if a market is not whole.

    No bookmaker sells a whole market for less than 1: below it, an outcome is
    missing, and dividing by the sum would invent probability.
    """
    is_whole = before[0] == after[0] and before[1] >= 1 and after[1] >= 1
    return (before[1], after[1]) if is_whole else None


def _without_repeats(quotes: Iterable[Quote]) -> Iterator[list[Quote]]:
    """Cut where a selection comes again: two prices of one are two moments."""
    segment: list[Quote] = []
    seen: set[Selection] = set()
    for quote in quotes:
        if quote.selection in seen:
            yield segment
            segment, seen = [], set()
        seen.add(quote.selection)
        segment.append(quote)
    if segment:
        yield segment
