"""Is a move significant, and why: rules over one change of one price.

A rule takes a `Move` and returns the reason in words, or None. The default is
Cohen's h on the implied probability: its share of flagged moves is even across
prices, where a change of 5 % in the odds flags most long shots and hardly any
favourite.
"""

from __future__ import annotations

from collections.abc import Callable
from math import asin, sqrt

import msgspec

from protipp_stream.errors import ConfigurationError

__all__ = ["RULES", "Move", "Rule", "h", "pct", "rule_named"]


class Move(msgspec.Struct, frozen=True, gc=False):
    """One change of one price, with the probabilities it implies.

    Attributes
    ----------
    old_odds, new_odds : float
        Decimal, above 1.
    old_probability, new_probability : float
        Between 0 and 1.
    margin_removed : bool
        True when the bookmaker's whole market was known and the probabilities
        are free of its margin; False when they are plain ``1 / odds``.
    """

    old_odds: float
    new_odds: float
    old_probability: float
    new_probability: float
    margin_removed: bool


Rule = Callable[[Move], str | None]


def h(threshold: float = 0.045) -> Rule:
    """Flag by Cohen's h, ``2(asin sqrt(p1) - asin sqrt(p0))``.

    Parameters
    ----------
    threshold : float
        Flag at ``abs(h) >= threshold``. 0.045 suits prices before the start.

    References
    ----------
    Cohen, J. (1988). Statistical Power Analysis for the Behavioral Sciences, 6.2.
    """

    def rule(move: Move) -> str | None:
        size = 2 * (asin(sqrt(move.new_probability)) - asin(sqrt(move.old_probability)))
        if abs(size) < threshold:
            return None
        basis = "margin removed" if move.margin_removed else "raw 1/odds"
        return f"h={size:+.3f} in 1 tick ({basis})"

    return rule


def pct(threshold: float = 0.05) -> Rule:
    """Flag by the relative change of the decimal odds, the story's original rule.

    Parameters
    ----------
    threshold : float
        Flag at ``abs(new / old - 1) >= threshold``; 0.05 is 5 %.
    """

    def rule(move: Move) -> str | None:
        change = move.new_odds / move.old_odds - 1
        # A float's last digit must not decide: 2.0 to 2.1 is 5 %, whatever binary says.
        if abs(change) < threshold - 1e-12:
            return None
        return f"odds {change:+.1%} in 1 tick"

    return rule


RULES: dict[str, Callable[[], Rule]] = {"h": h, "pct": pct}


def rule_named(name: str) -> Rule:
    """Return the rule of that name with its default threshold.

    Raises
    ------
    ConfigurationError
        For a name that is not in `RULES`.
    """
    try:
        return RULES[name]()
    except KeyError:
        known = ", ".join(RULES)
        raise ConfigurationError(
            f"There is no move rule {name!r}.", hint=f"Known rules: {known}."
        ) from None
