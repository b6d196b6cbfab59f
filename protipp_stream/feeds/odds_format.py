"""Prices as people write them, and the decimal odds that they mean.

Decimal 2.50 returns 2.50 for a stake of 1. American +150 wins 150 on 100;
-150 wins 100 on 150. Nothing lies between -100 and +100 in the American way.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Literal

from protipp_stream.errors import ConfigurationError

__all__ = ["FORMATS", "OddsFormat", "from_american", "guess_format", "to_decimal"]

OddsFormat = Literal["decimal", "american"]


def from_american(price: float) -> float:
    """Return the decimal odds of an American price.

    Raises
    ------
    ValueError
        If the price lies between -100 and 100, or is no number.
    """
    if not (math.isfinite(price) and abs(price) >= 100):
        raise ValueError(f"{price:g} is no American price")
    return 1 + price / 100 if price > 0 else 1 - 100 / price


def _as_is(price: float) -> float:
    return price


FORMATS: dict[OddsFormat, Callable[[float], float]] = {
    "decimal": _as_is,
    "american": from_american,
}


def to_decimal(odds_format: str) -> Callable[[float], float]:
    """Return the function that turns prices of that format into decimal odds.

    Raises
    ------
    ConfigurationError
        For a format that is not in `FORMATS`.
    """
    for name, convert in FORMATS.items():
        if name == odds_format:
            return convert
    raise ConfigurationError(
        f"There is no odds format {odds_format!r}.", hint=f"Known formats: {', '.join(FORMATS)}."
    )


def guess_format(prices: Iterable[float | None]) -> OddsFormat | None:
    """Say which format prices are in, by the ranges that only one of them has.

    A price in (1, 100) can only be decimal, one at or below -100 only American.
    Every market has such a price in either format: its favourite. Prices of 100
    and more prove nothing. The majority decides, so a bad price does not; a tie,
    or no proof at all, is None and never a guess: 1.91 read as American is
    refused, but +150 read as decimal would stand on the board as 150 to 1.
    """
    decimal = american = 0
    for price in prices:
        if price is not None:
            decimal += 1 < price < 100
            american += price <= -100
    if decimal == american:
        return None
    return "decimal" if decimal > american else "american"
