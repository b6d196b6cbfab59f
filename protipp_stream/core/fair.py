"""What prices say once the bookmaker's margin is taken out of them.

Four methods, because nobody knows how a bookmaker spreads its margin. They agree
on even markets and part over long shots: multiplicative leaves those too likely
(the favourite-longshot bias stays in), the others take more from them.

References
----------
.. [1] Clarke, S., Kovalchik, S., Ingram, M. (2017). Adjusting bookmaker's odds to
   allow for overround. American Journal of Sports Science 5(6), 45-49.
.. [2] Shin, H. S. (1993). Measuring the incidence of insider trading in a market
   for state-contingent claims. The Economic Journal 103(420), 1141-1153.
.. [3] Jullien, B., Salanié, B. (1994). Measuring the incidence of insider trading:
   a comment on Shin. The Economic Journal 104(427), 1418-1419.
.. [4] Štrumbelj, E. (2014). On determining probability forecasts from betting odds.
   International Journal of Forecasting 30(4), 934-943.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import fsum, isfinite, log, sqrt

from protipp_stream.errors import ConfigurationError, NoFairPrice

__all__ = ["METHODS", "additive", "clv", "fair", "multiplicative", "overround", "power", "shin"]

_WHOLE = "Give the decimal odds of every outcome of one market at one bookmaker, each once."
_PRECISION = 1e-12
_MAX_STEPS, _HALVINGS = 200, 60


def overround(odds: Sequence[float]) -> float:
    """Return by how much the implied probabilities of a market exceed 1.

    Parameters
    ----------
    odds : sequence of float
        Decimal, one for each outcome.

    Returns
    -------
    float
        ``sum(1 / odds) - 1``: 0.05 is 5 %. Below 0 for the best prices of several
        bookmakers together, which is an arbitrage.

    Raises
    ------
    NoFairPrice
        As in `fair`.
    """
    return fsum(_implied(odds)) - 1


def fair(odds: Sequence[float], method: str = "power") -> list[float]:
    """Return the probabilities that the odds of a market imply, without its margin.

    Parameters
    ----------
    odds : sequence of float
        Decimal, above 1, one for each outcome of a whole market: with one
        missing, its probability would be given to the others.
    method : str
        ``power`` (default), ``multiplicative``, ``additive`` or ``shin``.

    Returns
    -------
    list of float
        In the order of the odds; each above 0 and below 1, together 1.

    Raises
    ------
    NoFairPrice
        If these odds have no such probabilities: fewer than two outcomes, odds
        of 1 or less or not finite, or what the method itself refuses.
    ConfigurationError
        If there is no such method.
    """
    try:
        remove_margin = METHODS[method]
    except KeyError:
        raise ConfigurationError(
            f"There is no de-vig method {method!r}.", hint=f"Known methods: {', '.join(METHODS)}."
        ) from None
    return remove_margin(odds)


def multiplicative(odds: Sequence[float]) -> list[float]:
    """Divide each ``1 / odds`` by their sum.

    The margin is the same share of every probability. See [1]_, "normalisation".
    """
    implied = _implied(odds)
    total = fsum(implied)
    return [q / total for q in implied]


def additive(odds: Sequence[float]) -> list[float]:
    """Take an equal part of the margin from each ``1 / odds``.

    See [1]_. That part may be more than a long shot has: then there is no
    probability to return, and it is refused. With two outcomes it never is, and
    equals `shin`.

    Raises
    ------
    NoFairPrice
        Also if an outcome would be left with nothing.
    """
    implied = _implied(odds)
    part = (fsum(implied) - 1) / len(implied)
    if part >= min(implied):
        raise NoFairPrice(
            f"The additive method leaves nothing of odds {max(odds)}: an equal part of the margin"
            f" is {part:.4f}, and the price implies {min(implied):.4f}.",
            hint='Use method="power", which can\'t do that.',
        )
    return [q - part for q in implied]


def power(odds: Sequence[float]) -> list[float]:
    """Raise each ``1 / odds`` to the one power ``k`` with which they sum to 1.

    See [1]_. Any market has exactly one such ``k``, above 1 if there is a margin.
    """
    implied = _implied(odds)
    logs = [log(q) for q in implied]
    # The sum falls as k grows, and its fall slows down: from the left, Newton's
    # steps never pass the root, so there is nothing to bracket.
    k = 1.0 if fsum(implied) >= 1 else 0.0
    for _ in range(_MAX_STEPS):
        powers = [q**k for q in implied]
        excess = fsum(powers) - 1
        if excess <= _PRECISION:
            break
        k -= excess / fsum(p * slope for p, slope in zip(powers, logs, strict=True))
    return _sound(powers, odds, "power")


def shin(odds: Sequence[float]) -> list[float]:
    """Take out what a bookmaker adds against bettors who know the result.

    Shin's model [2]_ in the closed form of [3]_: with implied probabilities q and
    their sum B, ``p = (sqrt(z² + 4(1 - z)q²/B) - z) / 2(1 - z)``, where z, the part of
    the bets that know, is the one with which the p sum to 1 [4]_.

    Raises
    ------
    NoFairPrice
        Also if the implied probabilities sum to less than 1, for which the
        model has no meaning.
    """
    implied = _implied(odds)
    book = fsum(implied)
    if book - 1 < -_PRECISION:
        raise NoFairPrice(
            f"Shin's method needs a margin, and these odds have {book - 1:+.2%}.",
            hint='Use method="power".',
        )
    shares = [q * q / book for q in implied]
    # Each p falls as z grows (its share is below 1), from a sum of √B down to one
    # below 1: there is one root, and halving finds it whatever the market.
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        z = (low + high) / 2
        if fsum(_known(z, share) for share in shares) > 1:
            low = z
        else:
            high = z
    return _sound([_known(low, share) for share in shares], odds, "Shin")


def _known(z: float, share: float) -> float:
    # The closed form, multiplied out so that it can be reckoned at z = 1.
    return 2 * share / (sqrt(z * z + 4 * (1 - z) * share) + z)


def clv(bet_odds: float, closing_fair_probability: float) -> float:
    """Return the closing line value of a bet.

    Parameters
    ----------
    bet_odds : float
        Decimal, at which the bet was placed.
    closing_fair_probability : float
        Of the same outcome just before the start, without the margin: from `fair`.

    Returns
    -------
    float
        ``bet_odds * p - 1``: the return to expect if the closing line is right.
        0.03 is 3 % of the stake.

    Raises
    ------
    NoFairPrice
        If the odds are 1 or less, or the probability is not between 0 and 1.
    """
    if not (isfinite(bet_odds) and bet_odds > 1):
        raise NoFairPrice(f"Odds of {bet_odds!r} win nothing.", hint="Odds are decimal, above 1.")
    if not 0 < closing_fair_probability < 1:
        raise NoFairPrice(
            f"{closing_fair_probability!r} is no probability between 0 and 1.",
            hint="Take it from fair(closing_odds).",
        )
    return bet_odds * closing_fair_probability - 1


def _implied(odds: Sequence[float]) -> list[float]:
    if len(odds) < 2:
        raise NoFairPrice(f"A market has two outcomes or more, not {len(odds)}.", hint=_WHOLE)
    for price in odds:
        if not (isfinite(price) and price > 1):
            raise NoFairPrice(f"Odds of {price!r} imply no probability below 1.", hint=_WHOLE)
    return [1 / price for price in odds]


def _sound(probabilities: list[float], odds: Sequence[float], method: str) -> list[float]:
    is_sound = all(0 < p < 1 for p in probabilities) and abs(fsum(probabilities) - 1) < 1e-9
    if not is_sound:
        raise NoFairPrice(
            f"The {method} method finds no probabilities for odds of {list(odds)}.",
            hint='Use method="multiplicative".',
        )
    return probabilities


METHODS: dict[str, Callable[[Sequence[float]], list[float]]] = {
    "power": power,
    "multiplicative": multiplicative,
    "additive": additive,
    "shin": shin,
}
