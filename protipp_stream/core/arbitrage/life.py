"""The life of an opportunity: detected, active, suppressed for a while, expired.

An opportunity is a market's, not a set of legs': while a market holds one it is the same
one, whichever bookmakers make it up from one update to the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Literal

import msgspec

from protipp_stream.core.arbitrage.judge import Finding, Kind
from protipp_stream.core.arbitrage.market import Market, Offer
from protipp_stream.core.arbitrage.pushes import returned_share
from protipp_stream.core.arbitrage.stakes import Leg, Split, split
from protipp_stream.core.arbitrage.terms import REASONS, WORDS, Reason, Terms

__all__ = ["Arbitrage", "Change", "Key", "Moment", "Watch", "fresh_until", "restaked"]

Status = Literal["active", "suppressed", "expired"]
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
        Profit on those stakes under the least favourable *outcome*, rounded down. On a
        push, which is no outcome, it is less: see `can_push` and `floor`. None for
        ``mixed``: then no stakes can be said to cover everything.
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
    status: Status
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
    def can_push(self) -> bool:
        """Whether stakes may come back instead of a bet being won or lost.

        By the market's name: two outcomes and a whole or quarter line (``totals@8``,
        ``spreads@-1.25``), or ``draw_no_bet``. What no name tells is not known here: an
        ``h2h`` without a draw, in a sport that has ties, may be a push too, and any bet
        may be void.
        """
        return returned_share(self.market, self.outcomes) > 0

    @property
    def floor(self) -> float | None:
        """Profit at the least, a push (see `can_push`) included; None where no stakes are.

        On a push of a whole line all stakes come back: nothing is left and nothing lost.
        On that of a quarter line half of them do, and half a profit is left.
        """
        if self.worst_case is None:
            return None
        share = returned_share(self.market, self.outcomes)
        return min(self.worst_case, self.worst_case * (1 - share))

    @property
    def words(self) -> str:
        """Why it is suppressed and whether it may be a push, for people; or empty."""
        words = [WORDS[reason] for reason in self.reasons]
        share = returned_share(self.market, self.outcomes)
        if share:
            words.append("a push returns " + ("the stakes" if share == 1 else "half the stakes"))
        return "; ".join(words)


class Change(msgspec.Struct, frozen=True, gc=False):
    """An opportunity that opened, changed or closed (``what``), as it is now."""

    what: Literal["opened", "changed", "closed"]
    arbitrage: Arbitrage


class Moment(msgspec.Struct, frozen=True, gc=False):
    """When and on what terms a market is judged."""

    at: datetime
    terms: Terms
    starts_at: datetime | None

    @property
    def is_in_play(self) -> bool:
        """Whether the event has started."""
        return self.starts_at is not None and self.starts_at <= self.at

    @property
    def max_age(self) -> timedelta:
        """The age at which a price is stale."""
        terms = self.terms
        return timedelta(seconds=terms.max_age_in_play_s if self.is_in_play else terms.max_age_s)


class _Life:
    """One opportunity while it stands; ``mark`` tells whether it is to be told anew."""

    __slots__ = ("arbitrage", "last_seen", "mark")

    def __init__(self, arbitrage: Arbitrage, mark: object) -> None:
        self.arbitrage = arbitrage
        self.last_seen = arbitrage.last_seen
        self.mark = mark


class Watch:
    """A market that has something to report, and all that it reports."""

    def __init__(self, market: Market) -> None:
        self.market = market
        self._lives: dict[Key, _Life] = {}
        self._moment: Moment | None = None
        # Reckoned when somebody asks: most often a price comes first.
        self._deadlines: list[datetime] | None = None

    @property
    def arbitrages(self) -> list[Arbitrage]:
        """All that stand, as they were last seen."""
        return [_seen(life) for life in self._lives.values()]

    def deadline(self) -> datetime | None:
        """When time alone may change what is reported: a price stale, or the start."""
        moment = self._moment
        if self._deadlines is None and moment is not None:
            oldest = moment.at - moment.max_age
            stamps = [o.stamp for o in self.market.offers() if o.stamp > oldest and o.odds]
            self._deadlines = [min(stamps) + moment.max_age] if stamps else []
            if moment.starts_at is not None and not moment.is_in_play:
                self._deadlines.append(moment.starts_at)
        return min(self._deadlines or [], default=None)

    def take(self, findings: Iterable[Finding], moment: Moment) -> list[Change]:
        """Compare with what was found before; return what is to be told."""
        self._moment, self._deadlines = moment, None
        before, self._lives = self._lives, {}
        changes: list[Change] = []
        for finding in findings:
            key = (self.market.event_id, self.market.name, finding.outcomes, finding.kind)
            life = before.pop(key, None)
            legs = tuple(_leg(offer) for offer in finding.offers)
            mark = legs, finding.reasons, moment.starts_at, moment.is_in_play, moment.terms
            if life is None or life.mark != mark:
                arbitrage = _told(key, finding, legs, moment, life)
                changes.append(Change("changed" if life else "opened", arbitrage))
                life = _Life(arbitrage, mark)
            life.last_seen = moment.at
            self._lives[key] = life
        return changes + [Change("closed", _expired(life, moment.at)) for life in before.values()]

    def close(self, now: datetime) -> list[Change]:
        """End everything."""
        lives, self._lives = self._lives, {}
        return [Change("closed", _expired(life, now)) for life in lives.values()]


def _seen(life: _Life) -> Arbitrage:
    return msgspec.structs.replace(life.arbitrage, last_seen=life.last_seen)


def _expired(life: _Life, now: datetime) -> Arbitrage:
    return msgspec.structs.replace(life.arbitrage, status="expired", last_seen=now)


def _told(
    key: Key, finding: Finding, legs: tuple[Leg, ...], moment: Moment, life: _Life | None
) -> Arbitrage:
    old = life.arbitrage if life else None
    placed, reasons = _staked(finding.kind, finding.reasons, legs, moment.terms)
    active_since = old.active_since if old else None
    if not reasons and active_since is None:
        active_since = moment.at
    margin = 1 / finding.implied - 1
    return Arbitrage(
        event_id=key[0],
        market=key[1],
        outcomes=finding.outcomes,
        kind=finding.kind,
        status="suppressed" if reasons else "active",
        reasons=tuple(reason for reason in REASONS if reason in reasons),
        legs=placed.legs,
        implied=finding.implied,
        total=placed.total,
        worst_case=None if finding.kind == "mixed" else placed.worst_case,
        max_total=placed.max_total,
        first_seen=old.first_seen if old else moment.at,
        last_seen=moment.at,
        active_since=active_since,
        best_margin=max(margin, old.best_margin) if old else margin,
        starts_at=moment.starts_at,
        is_in_play=moment.is_in_play,
    )


def _staked(
    kind: Kind, flaws: Iterable[Reason], legs: tuple[Leg, ...], terms: Terms
) -> tuple[Split, frozenset[Reason]]:
    if kind == "mixed":
        return Split(legs, 0.0, 0.0), frozenset(flaws)
    reasons = set(flaws)
    placed = split(legs, terms.stake, terms.unit, terms.max_stakes)
    if placed.worst_case <= 0:
        if placed.is_limited:
            reasons.add("limits")
        if not placed.is_limited or split(legs, terms.stake, terms.unit).worst_case <= 0:
            reasons.add("rounding")
    return placed, frozenset(reasons)


def restaked(arbitrage: Arbitrage, terms: Terms) -> Arbitrage:
    """Return what the same prices are to somebody else, with another stake or unit.

    Parameters
    ----------
    terms : Terms
        Their ``stake``, ``unit`` and ``max_stakes`` count: on the others the prices were
        chosen, so they should be those that it was found with.

    Returns
    -------
    Arbitrage
        With these stakes, and suppressed or active by them; what has expired stays so.
    """
    flaws = [reason for reason in arbitrage.reasons if reason not in ("rounding", "limits")]
    placed, reasons = _staked(arbitrage.kind, flaws, arbitrage.legs, terms)
    status: Status = "suppressed" if reasons else "active"
    return msgspec.structs.replace(
        arbitrage,
        status="expired" if arbitrage.status == "expired" else status,
        reasons=tuple(reason for reason in REASONS if reason in reasons),
        legs=placed.legs,
        total=placed.total,
        worst_case=None if arbitrage.kind == "mixed" else placed.worst_case,
        max_total=placed.max_total,
    )


def fresh_until(arbitrage: Arbitrage, terms: Terms) -> datetime:
    """Return when its oldest leg is too old by these terms, unless it is confirmed before.

    UTC. What is fresh before the start of the event may be too old at it.
    """
    stamp, start = min(leg.stamp for leg in arbitrage.legs), arbitrage.starts_at
    before = stamp + timedelta(seconds=terms.max_age_s)
    in_play = stamp + timedelta(seconds=terms.max_age_in_play_s)
    if arbitrage.is_in_play:
        return in_play
    return before if start is None or before < start else max(in_play, start)


def _leg(offer: Offer) -> Leg:
    assert offer.odds is not None  # a suspended price has no finite cost
    return Leg(
        offer.maker.bookmaker_id,
        offer.outcome,
        "lay" if offer.is_lay else "back",
        offer.odds,
        offer.charged,
        offer.stamp,
    )
