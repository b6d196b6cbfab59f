"""Arbitrage: prices of several bookmakers which together pay whatever happens.

``S = Σ 1/o'ᵢ`` over a best price for each outcome of one market; an arbitrage iff S < 1,
and its margin is ``1/S - 1``, the return on the total put at risk (analytics.md).

`ArbitrageFinder` takes updates and says what opened, changed and closed. Its work for an
update grows with the outcomes of that market, never with the board: see
`arbitrage_prices`. What looks like an arbitrage and is none is reported as suppressed,
with every reason: see `arbitrage_judge`. Information only: nothing here places a bet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from protipp_stream.core.arbitrage_judge import Finding, Judge, Kind
from protipp_stream.core.arbitrage_prices import Market, Offer, Prices
from protipp_stream.core.arbitrage_terms import REASONS, WORDS, Reason, Terms
from protipp_stream.core.stakes import Leg, Split, split
from protipp_stream.model import Event, OddsUpdate, Quote

__all__ = ["Arbitrage", "ArbitrageFinder", "Change", "Key"]

Key = tuple[str, str, tuple[str, ...], Kind]


class Arbitrage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An opportunity, or what looks like one; a value: changes make a new one.

    Attributes
    ----------
    event_id, market : str
        The market; lay prices are reported under the market that they lay.
    outcomes : tuple of str
        What its bookmakers name, sorted. Bookmakers with other sets are not compared.
    kind : str
        ``sound``: fresh, independent prices in line with the others. ``best``: the best
        prices, where these are not sound. ``mixed``: of bookmakers that do not name the
        same outcomes, or with an outcome left out. A market has at most one of each
        for an outcome set, and that is its identity: see `key`.
    status : str
        ``active``, ``suppressed`` or ``expired``.
    reasons : tuple of str
        Why it is suppressed; empty when active. Of an expired one: its last.
    legs : tuple of Leg
        With their stakes; without stakes where ``worst_case`` is None.
    implied : float
        S, the sum of the legs' implied probabilities, net of commission.
    total : float
        Money at risk: stakes of backs, liabilities of lays; after rounding and limits.
    worst_case : float or None
        Profit on those stakes under the least favourable outcome, rounded down.
        None for ``mixed``: then no stakes can be said to cover everything.
    max_total : float or None
        The largest total within the bookmakers' limits.
    first_seen, last_seen : datetime
        UTC: detected, and last looked at while it stood; its end when it has expired.
    active_since : datetime or None
        UTC: first active; None if it never was.
    best_margin : float
        The largest margin since it was detected.
    starts_at : datetime or None
        UTC: of the event.
    is_in_play : bool
        Whether the event had started when this was last judged.
    """

    event_id: str
    market: str
    outcomes: tuple[str, ...]
    kind: Kind
    status: Literal["active", "suppressed", "expired"]
    reasons: tuple[Reason, ...]
    legs: tuple[Leg, ...]
    implied: float
    total: float
    worst_case: float | None
    max_total: float | None
    first_seen: datetime
    last_seen: datetime
    active_since: datetime | None
    best_margin: float
    starts_at: datetime | None
    is_in_play: bool

    @property
    def key(self) -> Key:
        """What it keeps while it lives, whichever bookmakers make it up."""
        return self.event_id, self.market, self.outcomes, self.kind

    @property
    def margin(self) -> float:
        """The return on the total before rounding, ``1/S - 1``: 0.02 is 2 %."""
        return 1 / self.implied - 1

    @property
    def words(self) -> str:
        """Why it is suppressed, for people; empty when it is not."""
        return "; ".join(WORDS[reason] for reason in self.reasons)


class Change(msgspec.Struct, frozen=True, gc=False):
    """An opportunity that opened, changed or closed (``what``), as it is now."""

    what: Literal["opened", "changed", "closed"]
    arbitrage: Arbitrage


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
        self._prices = Prices(self.terms)
        self._starts: dict[str, datetime] = {}
        self._standing: dict[tuple[str, str], Market] = {}
        self._lives: dict[tuple[str, str], dict[Key, Arbitrage]] = {}
        self._expired: deque[Arbitrage] = deque(maxlen=keep)

    def __len__(self) -> int:
        """How many prices are known, suspended ones included."""
        return len(self._prices)

    @property
    def current(self) -> list[Arbitrage]:
        """All that stand, active and suppressed."""
        return [each for lives in self._lives.values() for each in lives.values()]

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
        """When time alone will change something next (UTC); looks at all that stand."""
        return min((m.deadline for m in self._standing.values() if m.deadline), default=None)

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
        before = self._standing
        self._prices = Prices(self.terms)
        self._starts, self._standing = {}, {}
        self._note(events)
        self._put(quotes, now)
        # All of it: what stood before may stand here without a price having touched it.
        markets = {(m.event_id, m.name): m for m in self._prices.markets()}
        gone = [market for key, market in before.items() if key not in markets]
        return self._close(gone, now) + self._judge(markets.values(), now)

    def confirm(
        self, bookmaker_id: str, event_id: str, market: str, stamp: datetime, now: datetime
    ) -> list[Change]:
        """Note that a bookmaker's prices in a market were seen again, unchanged.

        Parameters
        ----------
        market : str
            As its quotes name it; backs and lays are confirmed one by one.
        stamp : datetime
            UTC: the bookmaker's stamp, or when it was seen.
        """
        found = self._prices.confirm(bookmaker_id, event_id, market, min(stamp, now))
        return self._judge([found], now) if found else []

    def describe(self, events: Iterable[Event], now: datetime) -> list[Change]:
        """Note when events start: from then on prices grow stale sooner."""
        moved = self._note(events)
        return self._judge([m for m in self._standing.values() if m.event_id in moved], now)

    def forget(self, event_id: str, now: datetime) -> list[Change]:
        """Drop an event and all its prices."""
        self._starts.pop(event_id, None)
        return self._close(self._prices.forget(event_id), now)

    def expire(self, now: datetime) -> list[Change]:
        """Look again at what time alone has changed."""
        due = [m for m in self._standing.values() if m.deadline and m.deadline <= now]
        return self._judge(due, now)

    def use_clones(self, clones: Mapping[str, str], now: datetime) -> list[Change]:
        """Count these groups of bookmakers as one each; replaces the groups before."""
        self._clones = dict(clones)
        return self._judge(list(self._standing.values()), now)

    def use_terms(self, terms: Terms, now: datetime) -> list[Change]:
        """Judge the whole board by other terms."""
        self.terms = terms
        self._prices.use(terms)
        return self._judge(self._prices.markets(), now)

    def _put(self, quotes: Iterable[Quote], now: datetime) -> list[Market]:
        touched: dict[Market, None] = {}
        for quote in quotes:
            received = quote.timestamp or now
            # A board's quote carries its newest confirmation, later than its receipt.
            stamp = min(quote.source_timestamp or received, max(received, now))
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

    def _judge(self, markets: Iterable[Market], now: datetime) -> list[Change]:
        changes: list[Change] = []
        for market in markets:
            changes += self._judge_market(market, now)
        return changes

    def _judge_market(self, market: Market, now: datetime) -> list[Change]:
        terms, starts_at = self.terms, self._starts.get(market.event_id)
        is_in_play = starts_at is not None and starts_at <= now
        max_age = timedelta(seconds=terms.max_age_in_play_s if is_in_play else terms.max_age_s)
        judge = Judge(
            self._clones, self._prices.limit, now - max_age, terms.max_margin, terms.max_gap
        )
        findings = judge.findings(market)
        place = market.event_id, market.name
        before = self._lives.get(place)
        if not findings and before is None:
            return []
        lives: dict[Key, Arbitrage] = {}
        changes: list[Change] = []
        for finding in findings:
            key = (*place, finding.outcomes, finding.kind)
            old = before.pop(key, None) if before else None
            new = self._told(finding, key, old, now, starts_at, is_in_play)
            lives[key] = new
            if old is None:
                changes.append(Change("opened", new))
            elif msgspec.structs.replace(old, last_seen=now) != new:
                changes.append(Change("changed", new))
        changes += [self._ended(old, now) for old in (before or {}).values()]
        self._keep(market, lives)
        if lives:
            stamp = judge.first_stale(market)
            market.deadline = None if stamp is None else stamp + max_age
            if starts_at is not None and not is_in_play:
                market.deadline = min(market.deadline or starts_at, starts_at)
        return changes

    def _told(
        self,
        finding: Finding,
        key: Key,
        old: Arbitrage | None,
        now: datetime,
        starts_at: datetime | None,
        is_in_play: bool,
    ) -> Arbitrage:
        placed, reasons = self._staked(finding)
        is_active = not reasons
        margin = 1 / finding.implied - 1
        return Arbitrage(
            event_id=key[0],
            market=key[1],
            outcomes=finding.outcomes,
            kind=finding.kind,
            status="active" if is_active else "suppressed",
            reasons=tuple(reason for reason in REASONS if reason in reasons),
            legs=placed.legs,
            implied=finding.implied,
            total=placed.total,
            worst_case=None if finding.kind == "mixed" else placed.worst_case,
            max_total=placed.max_total,
            first_seen=old.first_seen if old else now,
            last_seen=now,
            active_since=(old.active_since if old else None) or (now if is_active else None),
            best_margin=max(margin, old.best_margin) if old else margin,
            starts_at=starts_at,
            is_in_play=is_in_play,
        )

    def _staked(self, finding: Finding) -> tuple[Split, frozenset[Reason]]:
        legs = tuple(_leg(offer) for offer in finding.offers)
        if finding.kind == "mixed":
            return Split(legs, 0.0, 0.0), finding.reasons
        terms, reasons = self.terms, set(finding.reasons)
        placed = split(legs, terms.stake, terms.unit, terms.max_stakes)
        if placed.worst_case <= 0:
            if placed.is_limited:
                reasons.add("limits")
            if not placed.is_limited or split(legs, terms.stake, terms.unit).worst_case <= 0:
                reasons.add("rounding")
        return placed, frozenset(reasons)

    def _close(self, markets: Iterable[Market], now: datetime) -> list[Change]:
        changes: list[Change] = []
        for market in markets:
            lives = self._lives.get((market.event_id, market.name), {})
            changes += [self._ended(old, now) for old in lives.values()]
            self._keep(market, {})
        return changes

    def _ended(self, old: Arbitrage, now: datetime) -> Change:
        over = msgspec.structs.replace(old, status="expired", last_seen=now)
        self._expired.append(over)
        return Change("closed", over)

    def _keep(self, market: Market, lives: dict[Key, Arbitrage]) -> None:
        place = market.event_id, market.name
        market.standing = bool(lives)
        market.is_tight = any(key[3] != "mixed" for key in lives)
        if lives:
            self._lives[place], self._standing[place] = lives, market
        else:
            self._lives.pop(place, None)
            self._standing.pop(place, None)


def _leg(offer: Offer) -> Leg:
    assert offer.odds is not None  # a suspended price has no finite cost
    return Leg(
        offer.side.maker.bookmaker_id,
        offer.outcome,
        "lay" if offer.side.is_lay else "back",
        offer.odds,
        offer.charged,
        offer.stamp,
    )
