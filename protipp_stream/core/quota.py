"""The budget of a source that counts calls: go on, go on and say so, or stop.

A quota is a number of credits for a period, and each call costs some. A source
says with each answer what remains, what is used and what the call took; any of
the three may be missing. Credits may be fractions, another program may spend
from the same quota, and one day it is renewed.
"""

from __future__ import annotations

import math
from collections import deque
from datetime import UTC, datetime
from enum import StrEnum
from typing import NamedTuple

from protipp_stream.model import Quota

__all__ = ["Budget", "Judgement", "Verdict", "in_words", "next_renewal"]

WARN_AT = 0.8
PACE_S = 3600.0
_UNITS = (("days", 86400.0), ("h", 3600.0), ("min", 60.0))


class Verdict(StrEnum):
    """What a budget says of the next call: ``stop`` means that it must not be made."""

    OK = "ok"
    WARN = "warn"
    STOP = "stop"


class Judgement(NamedTuple):
    """A verdict, and the reason in words; none for ``ok``."""

    verdict: Verdict
    words: str = ""


class Budget:
    """Judges the next call by what the answers so far said.

    Parameters
    ----------
    warn_at : float
        The share used, from 0 to 1, from which on it warns: once, and again only
        after the share has been lower.

    Attributes
    ----------
    remaining : float or None
        Credits; None where the source never said.
    total : float or None
        Credits of the whole period: remaining + used. Where the source does not say
        what is used, the most that ever remained: not less than that it was, so the
        share used is then a lower bound.
    """

    def __init__(self, warn_at: float = WARN_AT) -> None:
        self.remaining: float | None = None
        self.total: float | None = None
        self._last = 0.0
        self._warn_at = warn_at
        self._has_warned = False
        # When how much remained, for the pace.
        self._seen: deque[tuple[float, float]] = deque()

    @property
    def used_share(self) -> float | None:
        """The share of the quota that is used, from 0 to 1; None where unknown."""
        if self.remaining is None or self.total is None or self.total <= 0:
            return None
        return min(max(1 - self.remaining / self.total, 0.0), 1.0)

    def note(self, quota: Quota | None, now: float) -> None:
        """Take what an answer said.

        Parameters
        ----------
        quota : Quota or None
            None, or fields of None, where it said nothing: then what was known holds.
        now : float
            Monotonic seconds.
        """
        if quota is None:
            return
        remaining, used, last = map(_number, (quota.remaining, quota.used, quota.last))
        if last is not None:
            self._last = last
        if remaining is None and used is not None and self.total is not None:
            remaining = self.total - used
        elif remaining is not None:
            # With `used` the whole is known; without, at least what ever remained.
            whole = max(remaining, self.total or 0.0) if used is None else remaining + used
            self.total = whole
        if remaining is not None:
            self._keep(remaining, now)

    def _keep(self, remaining: float, now: float) -> None:
        if self.remaining is not None and remaining > self.remaining:
            self._seen.clear()  # renewed, or topped up: another story begins
        self.remaining = remaining
        self._seen.append((now, remaining))
        while len(self._seen) > 2 and self._seen[0][0] < now - PACE_S:
            self._seen.popleft()

    def cost(self, expected: float) -> float:
        """Credits of the next call: as expected, or what the last one took if that was dearer."""
        return max(expected, self._last)

    def judge(self, expected: float) -> Judgement:
        """Judge the next call.

        Parameters
        ----------
        expected : float
            Credits that it should cost.
        """
        cost = self.cost(expected)
        if self.remaining is not None and self.remaining < cost:
            words = f"The next call costs {cost:g} credits and {self.remaining:g} are left."
            return Judgement(Verdict.STOP, words)
        share = self.used_share
        if share is None or share < self._warn_at:
            self._has_warned = False
            return Judgement(Verdict.OK)
        if self._has_warned:
            return Judgement(Verdict.OK)
        self._has_warned = True
        return Judgement(Verdict.WARN, self._warning(share))

    def _warning(self, share: float) -> str:
        lasts_s = self.lasts_s()
        until = f", enough for {in_words(lasts_s)} at the present pace" if lasts_s else ""
        # Rounded down: 99.6 % used is not "100 %".
        return (
            f"{math.floor(share * 100 + 1e-9)} % of the quota is used:"
            f" {self.remaining:g} of {self.total:g} credits are left{until}."
        )

    def lasts_s(self) -> float | None:
        """Seconds until nothing remains, at the pace of the last hour.

        The pace is that of the quota, whoever spends it. None while it is unknown.
        """
        if len(self._seen) < 2 or self.remaining is None:
            return None
        (began, most), (ended, least) = self._seen[0], self._seen[-1]
        if ended <= began or least >= most:
            return None
        return self.remaining * (ended - began) / (most - least)

    def spread_s(self, expected: float, left_s: float) -> float:
        """Seconds from call to call with which the rest lasts for ``left_s`` seconds.

        0 where nothing is known, or nothing is paid.
        """
        cost = self.cost(expected)
        if self.remaining is None or cost <= 0:
            return 0.0
        return left_s / max(math.floor(self.remaining / cost), 1)


def next_renewal(when: datetime, day: int = 1) -> datetime:
    """Return the next midnight, UTC, of that day of a month (1 to 28) after ``when``."""
    if not 1 <= day <= 28:
        raise ValueError(f"not every month has a day {day}")
    when = when.astimezone(UTC)
    renewal = datetime(when.year, when.month, day, tzinfo=UTC)
    if renewal > when:
        return renewal
    years, month = divmod(when.month, 12)
    return datetime(when.year + years, month + 1, day, tzinfo=UTC)


def in_words(seconds: float) -> str:
    """Say how long that is, to two digits: ``45 s``, ``12 min``, ``1.5 h``, ``3.2 days``."""
    for name, length in _UNITS:
        if seconds >= 2 * length or (name == "h" and seconds >= length):
            return f"{_two_digits(seconds / length)} {name}"
    return f"{_two_digits(seconds)} s"


def _two_digits(value: float) -> str:
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def _number(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
