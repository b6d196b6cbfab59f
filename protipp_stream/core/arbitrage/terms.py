"""On what terms an arbitrage counts, and the words for why one does not."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any, Final, Literal, get_args

import msgspec

from protipp_stream.errors import ConfigurationError

__all__ = ["LONGEST_AGE_S", "REASONS", "WORDS", "Reason", "Terms", "terms_of"]

Reason = Literal[
    "stale",
    "one_bookmaker",
    "clones",
    "outcomes_differ",
    "outcome_missing",
    "palpable_error",
    "rounding",
    "limits",
]

# In the order in which they are shown.
REASONS: Final[tuple[Reason, ...]] = get_args(Reason)

WORDS: Final[Mapping[Reason, str]] = {
    "stale": "a price is too old",
    "one_bookmaker": "two legs are at the same bookmaker",
    "clones": "two legs are at bookmakers that copy one another",
    "outcomes_differ": "the bookmakers do not offer the same outcomes",
    "outcome_missing": "an outcome is left without a bet",
    "palpable_error": "a price is so far from the others that it looks like a mistake",
    "rounding": "nothing is left once the stakes are rounded",
    "limits": "nothing is left within the bookmakers' limits",
}


# Ten years.
LONGEST_AGE_S: Final = 3650 * 86_400.0


class Terms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the user stakes, and what counts as an arbitrage.

    Attributes
    ----------
    stake : float
        Money to put at risk in all, over the legs: above 0, at most 1e9.
    unit : float
        Stakes are multiples of it; from 1e-6 to ``stake``.
    max_age_s, max_age_in_play_s : float
        Seconds, above 0, at most `LONGEST_AGE_S` (ten years, which is as good as no
        limit): a price of this age is stale, before the event's start and after it.
        Recorded, polled every 5 minutes: 95 % of the prices before the start were
        younger than 180 s, and what was older was forgotten rather than slow.
    max_margin : float
        A return on the total above this is taken for a palpable error: 0.2 is 20 %.
        Above ``min_margin``.
    min_margin : float
        Margins that are not above this are not looked at; 0 or more.
    max_gap : float
        Cohen's h between a price's implied probability and the median of those of the
        other bookmakers (clones count once, stale prices not at all, and it takes two
        of them): a price that is more generous by more than this is a palpable error.
        h has the same scale at every price, where a ratio of odds has not: 0.3 is 2.83
        against 2.0, 34 against 10, 1.26 against 1.11. Above 0; from π on, no limit.
    commissions : mapping of str to float
        By bookmaker: what *you* pay, instead of what its quotes say; from 0 to below 1.
    max_stakes : mapping of str to float
        By bookmaker: the most that it lets you put at risk in one bet; of a lay that
        is the liability. Above 0.

    Raises
    ------
    ConfigurationError
        If one of them is not a finite number in its range.
    """

    stake: float = 100.0
    unit: float = 0.01
    max_age_s: float = 180.0
    max_age_in_play_s: float = 60.0
    max_margin: float = 0.2
    min_margin: float = 0.0
    max_gap: float = 0.3
    commissions: Mapping[str, float] = {}
    max_stakes: Mapping[str, float] = {}

    def __post_init__(self) -> None:
        # Within these a stake has at most 15 digits, which a float shows as they are.
        _check("stake", self.stake, 0 < self.stake <= 1e9, "above 0 and at most 1e9")
        _check("unit", self.unit, 1e-6 <= self.unit <= self.stake, "from 1e-6 to the stake")
        for name, age_s in (
            ("max_age_s", self.max_age_s),
            ("max_age_in_play_s", self.max_age_in_play_s),
        ):
            # So long ago is a date whatever the clock says: nothing overflows while judging.
            is_sound = 0 < age_s <= LONGEST_AGE_S
            _check(name, age_s, is_sound, f"seconds, above 0 and at most {LONGEST_AGE_S:.0f}")
        _check("min_margin", self.min_margin, self.min_margin >= 0, "0 or more")
        is_sound = self.max_margin > self.min_margin
        _check("max_margin", self.max_margin, is_sound, "above min_margin")
        _check("max_gap", self.max_gap, self.max_gap > 0, "above 0")
        for bookmaker_id, part in self.commissions.items():
            _check(f"commission at {bookmaker_id}", part, 0 <= part < 1, "from 0 to below 1")
        for bookmaker_id, most in self.max_stakes.items():
            _check(f"largest stake at {bookmaker_id}", most, most > 0, "above 0")


def terms_of(terms: Terms | None, settings: Mapping[str, Any]) -> Terms:
    """Make terms of what a caller said.

    Raises
    ------
    ConfigurationError
        If it said both, or what is no setting.
    """
    known = Terms.__struct_fields__
    if unknown := [name for name in settings if name not in known]:
        raise ConfigurationError(
            f"There is no setting {unknown[0]!r} of arbitrage.", hint=f"Known: {', '.join(known)}."
        )
    if terms is not None and settings:
        raise ConfigurationError("Give either terms or settings.", hint="Put all into Terms(…).")
    if terms is not None:
        return terms
    try:
        return msgspec.convert(dict(settings), Terms)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"These terms of arbitrage can't be: {error}.",
            hint='For example: stake=200, unit=1, commissions={"betfair": 0.02}.',
        ) from None


def _check(name: str, value: float, is_sound: bool, allowed: str) -> None:
    if not (isfinite(value) and is_sound):
        raise ConfigurationError(
            f"Terms of arbitrage: {name} can't be {value!r}; it must be {allowed}.",
            hint="See the docstring of Terms for what each of them means.",
        )
