"""How much to stake on each leg, rounded as money is, and what the worst case then leaves.

A *back* at odds o pays ``o' = 1 + (o - 1)(1 - c)`` for each unit staked, where c is what
an exchange keeps of the winnings. A *lay* at L takes somebody's stake s and risks the
*liability* ``s(L - 1)`` to win ``s(1 - c)``: a back of "not i" at ``1 + (1 - c)/(L - 1)``
with the liability as its stake. So every leg has a *risk*, and the total is split over
the risks: ``riskᵢ = T / (S·o'ᵢ)`` with ``S = Σ 1/o'ᵢ`` (analytics.md, Arbitrage).

Stakes are then rounded, and what they return is computed again from the rounded ones in
exact decimals: a figure that is shown must be true of the figures beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import ROUND_FLOOR, Context, Decimal, localcontext
from math import ceil
from typing import Literal

import msgspec

from protipp_stream.errors import ConfigurationError

__all__ = ["Leg", "Side", "Split", "net_odds", "relock", "resplit", "split"]

Side = Literal["back", "lay"]

# Stake, odds and commission have at most 17 digits each: their products are exact. A
# commission of 1e-300 is not, and then it is not the user who gains by it.
_EXACT = Context(prec=60, rounding=ROUND_FLOOR)
_CENT = Decimal("0.01")
# A float's last digit must not decide; what is shown is reckoned in decimals.
_ROUNDING, _MOST_TRIED = 1e-9, 200


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One bet of an arbitrage.

    Attributes
    ----------
    bookmaker_id, outcome : str
        Where, and on what. A lay on an outcome wins when the outcome does not.
    side : str
        ``back`` or ``lay``.
    odds : float
        Decimal, as quoted: without commission.
    commission : float
        What is kept of the winnings: 0.05 is 5 %.
    stamp : datetime
        UTC: when the bookmaker last said this price, or confirmed it.
    stake : float
        Money. For a lay it is the *backer's* stake, the figure that an exchange asks
        for. 0 where nothing should be staked.
    risk : float
        Money that is lost if this leg loses: the stake of a back, the liability of a lay.
    """

    bookmaker_id: str
    outcome: str
    side: Side
    odds: float
    commission: float
    stamp: datetime
    stake: float = 0.0
    risk: float = 0.0

    @property
    def net_odds(self) -> float:
        """What a unit of risk returns when the leg wins, after commission."""
        return net_odds(self.odds, self.commission, self.side == "lay")

    @property
    def returns(self) -> float:
        """What comes back if this leg wins, its risk included; to the cent, rounded down."""
        with localcontext(_EXACT):
            paid = _returns(self, _exact(self.stake))
            return float((paid / _CENT).to_integral_value(ROUND_FLOOR) * _CENT)

    def age_s(self, now: datetime) -> float:
        """Seconds since the bookmaker last said this price."""
        return (now - self.stamp).total_seconds()


class Split(msgspec.Struct, frozen=True, gc=False):
    """Stakes as they can be placed, and what they leave.

    Attributes
    ----------
    legs : tuple of Leg
        With their stakes and risks.
    total : float
        Money at risk in all: stakes of backs and liabilities of lays.
    worst_case : float
        Profit under the least favourable outcome; rounded down, so it is never more
        than the stakes return. Negative is a loss. A push is no outcome.
    max_total : float or None
        The largest total that the bookmakers' limits allow; None without limits.
    is_limited : bool
        Whether the limits made the total smaller than was asked for.
    """

    legs: tuple[Leg, ...]
    total: float
    worst_case: float
    max_total: float | None = None
    is_limited: bool = False


def net_odds(odds: float, commission: float = 0.0, is_lay: bool = False) -> float:
    """Return what a unit of risk pays back when it wins, itself included.

    Parameters
    ----------
    odds : float
        Decimal, above 1, as quoted.
    commission : float
        Part of the net winnings that is kept.
    is_lay : bool
        Whether the price is that of a lay; the answer is then for a unit of liability.

    Examples
    --------
    >>> round(net_odds(3.0, 0.05), 4)
    2.9
    >>> round(net_odds(3.0, 0.05, is_lay=True), 4)
    1.475
    """
    if is_lay:
        return 1.0 + (1.0 - commission) / (odds - 1.0)
    return 1.0 + (odds - 1.0) * (1.0 - commission) if commission else odds


def split(
    legs: Sequence[Leg], total: float, unit: float, limits: Mapping[str, float] | None = None
) -> Split:
    """Split a total over legs that together cover every outcome once.

    Parameters
    ----------
    legs : sequence of Leg
        Their stakes are ignored.
    total : float
        Money to put at risk, if the limits allow so much.
    unit : float
        Stakes are multiples of it.
    limits : mapping of str to float, optional
        The most that may be put at risk at a bookmaker: for a lay, the liability.

    Returns
    -------
    Split
        Of all stakes in whole units within the total, those whose worst case is best;
        where none leaves anything, each rounded to the nearest, or down where the
        nearest would take more than the total.

    Notes
    -----
    ``T_max = minᵢ(limitᵢ·S·o'ᵢ)``. No stake exceeds its limit.
    """
    net = [leg.net_odds for leg in legs]
    implied = sum(1.0 / each for each in net)
    bounds = [(limits or {}).get(leg.bookmaker_id) for leg in legs]
    allowed = [b * implied * o for b, o in zip(bounds, net, strict=True) if b is not None]
    max_total = min(allowed, default=None)
    is_limited = max_total is not None and max_total < total
    placed = max_total if max_total is not None and is_limited else total
    with localcontext(_EXACT):
        step = _exact(unit)
        best = _best_steps(legs, placed, unit, bounds)
        if best is not None:
            stakes = [steps * step for steps in best]
            return _recomputed(legs, stakes, step, max_total, is_limited)
        risks = [placed / (implied * odds) for odds in net]
        shown = _recomputed(legs, _rounded(legs, risks, step, bounds), step, max_total, is_limited)
        if shown.total <= placed:
            return shown
        stakes = _rounded(legs, risks, step, bounds, round_by=int)
        return _recomputed(legs, stakes, step, max_total, is_limited)


def _best_steps(
    legs: Sequence[Leg], total: float, unit: float, bounds: Sequence[float | None]
) -> list[int] | None:
    """Return the whole stakes, in units, that leave most; None if none leaves anything.

    The worst case is what some leg returns, to the unit; then the others cost least
    when each returns just as much. So every number of units of every leg is tried, the
    largest first, until what is left of it could not be more than what was found.
    """
    risks = [_risk_of_unit(leg) * unit for leg in legs]
    pays = [risk * leg.net_odds for risk, leg in zip(risks, legs, strict=True)]
    implied = sum(1.0 / leg.net_odds for leg in legs)
    found: list[int] | None = None
    most = 0.0
    for pay in pays:
        top = int(total / implied / pay + _ROUNDING)
        for steps in range(top, max(top - _MOST_TRIED, 0), -1):
            returned = steps * pay
            if returned * (1.0 - implied) <= most:
                break
            tried = [ceil(returned / each - _ROUNDING) for each in pays]
            cost = sum(count * risk for count, risk in zip(tried, risks, strict=True))
            left = returned - cost
            if left > most and cost <= total + _ROUNDING and _within(legs, tried, unit, bounds):
                found, most = tried, left
    return found


def _within(
    legs: Sequence[Leg], steps: Sequence[int], unit: float, bounds: Sequence[float | None]
) -> bool:
    # In decimals: a limit is what a bookmaker said, to the last digit.
    placed = zip(legs, steps, bounds, strict=True)
    return all(
        bound is None or n * _exact(unit) * _exact_risk(leg) <= _exact(bound)
        for leg, n, bound in placed
    )


def relock(legs: Sequence[Leg], locked: int, stake: float, unit: float) -> Split:
    """Split anew around one stake that is given: it was placed, or is all that was accepted.

    Parameters
    ----------
    locked : int
        Index of the leg whose stake is ``stake``; it stays as it is, unrounded.
    stake : float
        Money; the backer's stake if the leg is a lay.
    unit : float
        The other stakes are multiples of it.

    Raises
    ------
    ConfigurationError
        If there is no such leg, or a stake or unit is not above 0.
    """
    return resplit(legs, {locked: stake}, unit)


def resplit(legs: Sequence[Leg], locked: Mapping[int, float], unit: float) -> Split:
    """Split anew around stakes that are given: each free leg returns what the least of them does.

    Parameters
    ----------
    legs : sequence of Leg
        That together cover every outcome once; their stakes are ignored.
    locked : mapping of int to float
        Money by index, one at least: these stakes stay as they are, unrounded. That of
        a lay is the backer's.
    unit : float
        The other stakes are multiples of it, to the nearest.

    Raises
    ------
    ConfigurationError
        If there is no such leg, nothing is given, or a stake or unit is not above 0.

    Notes
    -----
    A free leg that returned less than the least of the given ones would lower the worst
    case by itself; one that returned more would only cost more.

    Examples
    --------
    >>> now = datetime(2026, 8, 4)
    >>> legs = [Leg(a, a, "back", odds, 0.0, now) for a, odds in {"x": 2.1, "y": 2.05}.items()]
    >>> again = resplit(legs, {0: 60}, unit=1)
    >>> [leg.stake for leg in again.legs], again.total, again.worst_case
    ([60.0, 61.0], 121.0, 4.05)
    """
    if not locked:
        raise ConfigurationError("No stake is given to split around.", hint="`split` a total.")
    for index, stake in locked.items():
        if not 0 <= index < len(legs):
            raise ConfigurationError(f"There is no leg {index}: there are {len(legs)}.")
        if not 0 < stake < float("inf") or not 0 < unit < float("inf"):
            raise ConfigurationError(f"A stake of {stake} in units of {unit} can't be placed.")
    returned = min(
        stake * _risk_of_unit(legs[index]) * legs[index].net_odds for index, stake in locked.items()
    )
    with localcontext(_EXACT):
        step = _exact(unit)
        risks = [returned / each.net_odds for each in legs]
        stakes = _rounded(legs, risks, step, [None] * len(legs))
        for index, stake in locked.items():
            stakes[index] = _exact(stake)
        return _recomputed(legs, stakes, step)


def _exact(value: float) -> Decimal:
    """Return what is shown: 0.1 is a tenth, not the nearest binary fraction."""
    return Decimal(repr(float(value)))


def _risk_of_unit(leg: Leg) -> float:
    return leg.odds - 1.0 if leg.side == "lay" else 1.0


def _exact_risk(leg: Leg) -> Decimal:
    return _exact(leg.odds) - 1 if leg.side == "lay" else Decimal(1)


def _rounded(
    legs: Sequence[Leg],
    risks: Sequence[float],
    step: Decimal,
    bounds: Sequence[float | None],
    round_by: Callable[[float], int] = round,
) -> list[Decimal]:
    """Return stakes in whole steps for what is to be put at risk, within the limits."""
    stakes = []
    for leg, risk, bound in zip(legs, risks, bounds, strict=True):
        steps = round_by(risk / _risk_of_unit(leg) / float(step))
        if bound is not None:
            steps = min(steps, int(_exact(bound) / (_exact_risk(leg) * step)))
        stakes.append(steps * step)
    return stakes


def _returns(leg: Leg, stake: Decimal) -> Decimal:
    # The backer's stake is what a lay wins.
    won = stake if leg.side == "lay" else stake * (_exact(leg.odds) - 1)
    return stake * _exact_risk(leg) + won * (1 - _exact(leg.commission))


def _recomputed(
    legs: Sequence[Leg],
    stakes: Sequence[Decimal],
    step: Decimal,
    max_total: float | None = None,
    is_limited: bool = False,
) -> Split:
    risks = [stake * _exact_risk(leg) for leg, stake in zip(legs, stakes, strict=True)]
    returns = [_returns(leg, stake) for leg, stake in zip(legs, stakes, strict=True)]
    total = sum(risks, Decimal(0))
    grain = min(step, _CENT)
    worst = ((min(returns) - total) / grain).to_integral_value(ROUND_FLOOR) * grain
    placed = tuple(
        Leg(
            leg.bookmaker_id, leg.outcome, leg.side, leg.odds, leg.commission, leg.stamp,
            float(stake), float(risk),
        )
        for leg, stake, risk in zip(legs, stakes, risks, strict=True)
    )  # fmt: skip
    return Split(placed, float(total), float(worst), max_total, is_limited)
