"""Where an axis has its ticks: two to six round numbers that a reader can do sums with."""

from __future__ import annotations

from collections.abc import Iterable
from math import ceil, floor, log10
from typing import Any

import msgspec

from protipp_stream.errors import ConfigurationError

__all__ = ["Scale", "check_length", "linear_scale", "log_scale"]

MOST_TICKS = 6
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)


class Scale(msgspec.Struct, frozen=True, omit_defaults=True):
    """An axis of values.

    Attributes
    ----------
    low, high : float
        Its ends, below and above everything that is drawn.
    ticks : list of (float, str)
        Where its labels stand, and what they say; rising.
    log : bool
        Each step up is a multiple.
    """

    low: float
    high: float
    ticks: list[tuple[float, str]]
    log: bool = False


def linear_scale(low: float, high: float) -> Scale:
    """Return the scale of values from ``low`` to ``high``, a little air around them.

    Examples
    --------
    >>> linear_scale(1.62, 2.11).ticks
    [(1.6, '1.6'), (1.8, '1.8'), (2.0, '2.0')]
    """
    # A price that (all but) never moved is a line in the middle, not on the edge.
    is_flat = high - low < 1e-3 * max(abs(high), 1.0)
    air = max(abs(high), 1.0) * 0.02 if is_flat else (high - low) * 0.06
    low, high = low - air, high + air
    step, digits = _step(low, high)
    ticks = [n * step for n in range(ceil(low / step), floor(high / step) + 1)]
    return Scale(low, high, [(round(at, digits), f"{at:.{digits}f}") for at in ticks])


def _step(low: float, high: float) -> tuple[float, int]:
    """Return a round step, and with how many digits its multiples are written."""
    rough = (high - low) / (MOST_TICKS - 1)
    power = floor(log10(rough))
    times = next(each for each in _ROUND if each * 10.0**power >= rough * (1 - 1e-9))
    digits = -power + (times == 2.5) - (times == 10)
    return times * 10.0**power, max(digits, 0)


def log_scale(values: Iterable[float], low: float, high: float) -> Scale:
    """Return a scale in powers of ten that holds all values and reaches from low to high.

    Parameters
    ----------
    values : iterable of float
        Above 0.
    low, high : float
        What is on it whatever the values are; above 0.

    Examples
    --------
    >>> [text for _, text in log_scale([2.0], 0.1, 200).ticks]
    ['0.1', '1', '10', '100']
    """
    known = [*values, low, high]
    least, most = floor(log10(min(known)) + 1e-9), log10(max(known))
    step = max(1, ceil((floor(most + 1e-9) - least + 1) / MOST_TICKS))
    ticks = [(10.0**n, f"{10.0**n:g}") for n in range(least, floor(most + 1e-9) + 1, step)]
    # A line on the very edge would be half cut off.
    return Scale(10.0**least, max(known) * 1.25, ticks, log=True)


def check_length(name: str, value: Any) -> None:
    """Insist on a CSS length.

    Raises
    ------
    ConfigurationError
        For a number, which CSS would ignore without a word.
    """
    if not isinstance(value, str) or not value.strip():
        raise ConfigurationError(
            f"{name} can't be {value!r}.",
            hint="A length as CSS has it, for example '14rem', '300px' or '40vh'.",
        )
