"""Odds counted in price steps: the ladder on which an exchange lets prices move."""

from __future__ import annotations

from bisect import bisect_right

__all__ = ["price_steps"]

# From this price on, one step is so much. Betfair's price increments:
# https://docs.developer.betfair.com, "Betfair Price Increments".
_LADDER = (
    (1.0, 0.01),
    (2.0, 0.02),
    (3.0, 0.05),
    (4.0, 0.1),
    (6.0, 0.2),
    (10.0, 0.5),
    (20.0, 1.0),
    (30.0, 2.0),
    (50.0, 5.0),
    (100.0, 10.0),
)
_FROM = [start for start, _ in _LADDER]
_STEP = [step for _, step in _LADDER]
_BELOW = [0.0]
for _i in range(1, len(_LADDER)):
    _BELOW.append(_BELOW[-1] + round((_FROM[_i] - _FROM[_i - 1]) / _STEP[_i - 1]))


def price_steps(odds: float) -> float:
    """Count the price steps of the exchange ladder between 1.0 and ``odds``.

    1.01 is 1, 2.0 is 100, 1000 is 350. A price between two steps counts in
    part, because bookmakers quote prices that no exchange has; above 1000,
    where the ladder ends, its last step goes on.

    Parameters
    ----------
    odds : float
        Decimal, above 1.
    """
    band = bisect_right(_FROM, odds) - 1
    return _BELOW[band] + (odds - _FROM[band]) / _STEP[band]
