"""What the table of arbitrage is told: rows, a calculator, and what a viewer may ask for.

Pure: no thread, no clock, no host.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from math import isfinite
from typing import Annotated, Any

import msgspec

from protipp_stream.core.arbitrage import Arbitrage, Key, Leg, Split, Terms, fresh_until
from protipp_stream.core.arbitrage import resplit as split_around
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Event, Odds
from protipp_stream.ui.board import State

__all__ = ["ArbitrageBody", "Asked", "Calculation", "Row", "asked_of", "calculation", "row"]

Text = Annotated[str, msgspec.Meta(max_length=300)]
Stake = Annotated[float, msgspec.Meta(gt=0, le=1e9)]
LegName = tuple[Text, Text, Text]

NO_STAKES = "No stakes cover every outcome of these: none are worked out."


class Calculator(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which opportunity a viewer works on, and the stakes that are given.

    Attributes
    ----------
    key : tuple
        Event, market, outcomes, kind: `Arbitrage.key`.
    locked : list
        ``[bookmaker, outcome, side, stake]`` each.
    taken : list of float
        The odds at which each of these was given: a bet that is placed stays at its
        price when the bookmaker moves. Empty: at the prices as they are.
    """

    key: tuple[Text, Text, Annotated[tuple[Text, ...], msgspec.Meta(max_length=100)], Text]
    locked: Annotated[list[tuple[Text, Text, Text, Stake]], msgspec.Meta(max_length=100)] = []
    taken: Annotated[list[Odds], msgspec.Meta(max_length=100)] = []


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a viewer chose; None for what the table was made with."""

    stake: float | None = None
    unit: float | None = None
    suppressed: bool = False
    calculator: Calculator | None = None

    def terms(self, usual: Terms) -> Terms:
        """Return the terms with this viewer's stake and unit.

        Raises
        ------
        ConfigurationError
            For stakes that can't be.
        """
        stake = usual.stake if self.stake is None else self.stake
        unit = usual.unit if self.unit is None else self.unit
        if (stake, unit) == (usual.stake, usual.unit):
            return usual
        settings = {name: getattr(usual, name) for name in Terms.__struct_fields__}
        return Terms(**{**settings, "stake": stake, "unit": unit})


def asked_of(choice: dict[str, Any]) -> Asked:
    """Read what a browser sent.

    Raises
    ------
    ConfigurationError
        For anything that is no such choice.
    """
    try:
        return msgspec.convert(choice, Asked)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"This can't be shown: {error}.",
            hint="Stakes are numbers above 0, for example 100 in steps of 1.",
        ) from None


class Row(msgspec.Struct, omit_defaults=True):
    """An opportunity as the table shows it; moments in ms since 1970.

    Attributes
    ----------
    id : list
        `Arbitrage.key`.
    bets : list
        ``[bookmaker, outcome, side, odds]`` each.
    margin : float
        The return on the total before rounding: 0.01 is 1 %.
    stake, profit, floor : float or None
        Money at risk, what the worst outcome leaves, and what a push does; None where
        nothing should be staked.
    oldest : int
        When its oldest leg was last said or confirmed.
    until : int
        When that leg is too old, unless it is confirmed before.
    ended : int or None
        Since when it is over.
    """

    id: Key
    event: str
    sport: str
    market: str
    status: str
    reasons: str
    bets: list[tuple[str, str, str, float]]
    margin: float
    stake: float | None
    profit: float | None
    floor: float | None
    oldest: int
    until: int
    first: int
    starts: int | None = None
    in_play: bool = False
    ended: int | None = None


def row(found: Arbitrage, event: Event, terms: Terms) -> Row:
    """Say all of an opportunity that the table shows."""
    is_over = found.status == "expired"
    return Row(
        id=found.key,
        event=event.name,
        sport=event.sport,
        market=found.market,
        status=found.status,
        reasons=found.words,
        bets=[(leg.bookmaker_id, leg.outcome, leg.side, leg.odds) for leg in found.legs],
        margin=found.margin,
        stake=None if found.worst_case is None else found.total,
        profit=found.worst_case,
        floor=found.floor if found.can_push else None,
        oldest=_ms(min(leg.stamp for leg in found.legs)),
        until=_ms(fresh_until(found, terms)),
        first=_ms(found.first_seen),
        starts=_ms(found.starts_at) if found.starts_at else None,
        in_play=found.is_in_play,
        ended=_ms(found.last_seen) if is_over else None,
    )


class Bet(msgspec.Struct, omit_defaults=True):
    """A leg in the calculator.

    Attributes
    ----------
    stake : float
        Money; of a lay the backer's, and ``risk`` is the liability.
    returns : float
        What comes back if it wins, the risk included.
    is_locked : bool
        The stake was given; ``odds`` are those at which it was.
    now : float or None
        The odds as they are, where a given bet was placed at others.
    limit : float or None
        The most that may be put at risk there, where this is more.
    """

    bookmaker: str
    outcome: str
    side: str
    odds: float
    commission: float
    stake: float
    risk: float
    returns: float
    is_locked: bool = False
    now: float | None = None
    limit: float | None = None


class Calculation(msgspec.Struct, omit_defaults=True):
    """What the calculator shows. All money is what it is after rounding.

    Attributes
    ----------
    total, worst : float or None
        Money at risk in all and what the least favourable outcome leaves of it; None
        where no stakes cover everything.
    floor : float or None
        What is left at the least if it may be a push.
    margin, rounded : float or None
        The return on the total before rounding, and ``worst / total``.
    words : list of str
        What must be known beside the figures.
    ended : int or None
        In ms since 1970: since when it is over. The figures are the last ones.
    """

    id: Key
    event: str
    market: str
    status: str
    bets: list[Bet]
    total: float | None
    worst: float | None
    margin: float
    rounded: float | None
    floor: float | None = None
    words: list[str] = []
    ended: int | None = None


def calculation(found: Arbitrage, event: Event, asked: Calculator, terms: Terms) -> Calculation:
    """Work out the stakes of an opportunity around those that are given.

    Parameters
    ----------
    found : Arbitrage
        With this viewer's stakes: see `core.arbitrage.restaked`.
    """
    given = {(bookmaker, outcome, side): stake for *leg, stake in asked.locked
             for bookmaker, outcome, side in [leg]}  # fmt: skip
    places = {_name(leg): at for at, leg in enumerate(found.legs)}
    locked = {places[name]: stake for name, stake in given.items() if name in places}
    words = [found.words] if found.words else []
    for bookmaker, outcome, _ in given.keys() - places.keys():
        words.append(
            f"The given stake on {outcome} at {bookmaker} no longer counts: its price is no"
            " part of this now."
        )
    if found.worst_case is None:
        bare = [_bet(leg, leg.odds) for leg in found.legs]
        return _said(found, event, bare, [*words, NO_STAKES])
    prices = [leg.odds for leg in found.legs]
    if locked:
        placed = split_around(_as_taken(found.legs, asked), locked, terms.unit)
        found = _placed(found, placed)
    limits = terms.max_stakes
    bets = [
        _bet(leg, price, is_locked=at in locked, limit=limits.get(leg.bookmaker_id))
        for at, (leg, price) in enumerate(zip(found.legs, prices, strict=True))
    ]
    return _said(found, event, bets, words)


def _said(found: Arbitrage, event: Event, bets: list[Bet], words: list[str]) -> Calculation:
    worst = found.worst_case
    total = None if worst is None else found.total
    return Calculation(
        id=found.key,
        event=event.name,
        market=found.market,
        status=found.status,
        bets=bets,
        total=total,
        worst=worst,
        margin=found.margin,
        rounded=worst / total if worst is not None and total else None,
        floor=found.floor if found.can_push else None,
        words=sorted(words),
        ended=_ms(found.last_seen) if found.status == "expired" else None,
    )


def _placed(found: Arbitrage, placed: Split) -> Arbitrage:
    return msgspec.structs.replace(
        found, legs=placed.legs, total=placed.total, worst_case=placed.worst_case
    )


def _as_taken(legs: Sequence[Leg], asked: Calculator) -> list[Leg]:
    """Return the legs, those that are given at the odds at which they were."""
    if len(asked.taken) != len(asked.locked):
        return list(legs)
    taken = {
        (bookmaker, outcome, side): odds
        for (bookmaker, outcome, side, _), odds in zip(asked.locked, asked.taken, strict=True)
    }
    return [msgspec.structs.replace(leg, odds=taken.get(_name(leg), leg.odds)) for leg in legs]


def _bet(leg: Leg, price: float, *, is_locked: bool = False, limit: float | None = None) -> Bet:
    return Bet(
        bookmaker=leg.bookmaker_id,
        outcome=leg.outcome,
        side=leg.side,
        odds=leg.odds,
        commission=leg.commission,
        stake=leg.stake,
        risk=leg.risk,
        returns=leg.returns,
        is_locked=is_locked,
        now=price if price != leg.odds else None,
        limit=limit if limit is not None and isfinite(limit) and leg.risk > limit else None,
    )


class ArbitrageBody(msgspec.Struct, omit_defaults=True):
    """The body of a frame; what is left out did not change.

    Attributes
    ----------
    whole : bool
        All rows are in it.
    now : float or None
        The gateway's time in seconds since 1970: ages count to it.
    rows : list of Row
        New ones and those that changed.
    gone : list
        Ids of those that are shown no more.
    counts : tuple of int or None
        How many are active and suppressed, shown or not.
    calculator : list of Calculation
        One; or none, where nothing changed or nobody asked.
    stake, unit : float or None
        What this viewer's stakes are made with.
    state : State or None
        What is said above the table.
    """

    whole: bool = False
    now: float | None = None
    rows: list[Row] = []
    gone: list[Key] = []
    counts: tuple[int, int] | None = None
    calculator: list[Calculation] = []
    stake: float | None = None
    unit: float | None = None
    state: State | None = None


def _name(leg: Leg) -> LegName:
    return leg.bookmaker_id, leg.outcome, leg.side


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
