"""When a feed that polls asks next: no faster than it pays, nor than there is news.

Every call costs. So how often is asked depends on what is on the board:

====================================== ==================================
the game that is played or starts next  asked every
====================================== ==================================
is being played                         `Refresh.in_play_s`
starts within 3 h, or nobody says when  `Refresh.before_s`
starts within 24 h                      5 min
starts later                            15 min
is not listed yet (an empty board)      5 min
====================================== ==================================

The user's own interval is the floor of all of them. Where the quota would not
last until it is renewed, the interval is stretched so that it does.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from protipp_stream.core.quota import Budget, Verdict, in_words, next_renewal
from protipp_stream.errors import FeedRefused
from protipp_stream.model import Quota

__all__ = ["Polling", "Refresh", "board_interval_s"]

SOON, LATER = timedelta(hours=3), timedelta(hours=24)
LATER_S, FAR_OFF_S = 300.0, 900.0
# Of the interval: less is not worth a word, and would be said again and again.
WORTH_SAYING = 1.1

_log = logging.getLogger(__name__)


class Refresh(NamedTuple):
    """How often a provider has news, in seconds: asking more often only costs."""

    before_s: float
    in_play_s: float


def board_interval_s(starts: Sequence[datetime | None], now: datetime, refresh: Refresh) -> float:
    """Return how often to ask, in seconds, by when the games on the board start."""
    if not starts:
        return max(LATER_S, refresh.before_s)
    if any(start is not None and start <= now for start in starts):
        return refresh.in_play_s
    if None in starts:
        return refresh.before_s
    ahead = min(start for start in starts if start is not None) - now
    if ahead <= SOON:
        return refresh.before_s
    # Never past the moment from which on the next faster pace is due.
    bound, slow_s, fast_s = (
        (SOON, LATER_S, refresh.before_s) if ahead <= LATER else (LATER, FAR_OFF_S, LATER_S)
    )
    return max(min((ahead - bound).total_seconds(), slow_s), fast_s, refresh.before_s)


class Polling:
    """The interval and the budget of one feed.

    Parameters
    ----------
    name : str
        The feed's, for the log.
    floor_s : float
        Seconds from call to call that the user asked for: never less.
    refresh : Refresh
        The provider's.
    cost : float
        Credits of a call.
    renews_on : int or None
        Day of the month on which the quota is renewed; None: it is not spread.
    clock, wall : callable
        Monotonic seconds, and the time of day in UTC.

    Attributes
    ----------
    interval_s : float
        How often the board is worth asking for now. This is what a gateway judges
        freshness by. The stretch for the quota's sake is not in it: prices that
        are late for lack of money are late.
    """

    def __init__(
        self,
        name: str,
        floor_s: float,
        refresh: Refresh,
        cost: float,
        *,
        renews_on: int | None,
        clock: Callable[[], float],
        wall: Callable[[], datetime],
    ) -> None:
        self.interval_s = max(floor_s, refresh.before_s)
        self._name = name
        self._floor_s = floor_s
        self._refresh = refresh
        self._cost = cost
        self._renews_on = renews_on
        self._clock = clock
        self._wall = wall
        self._budget = Budget()
        self._is_stretched = False

    def note(self, quota: Quota | None) -> None:
        """Take what an answer said about the quota."""
        self._budget.note(quota, self._clock())

    def admit(self) -> str | None:
        """Let the next call pass; return a warning if there is one to give, once.

        Raises
        ------
        FeedRefused
            If the quota can't pay for the call: it must not be made.
        """
        verdict, words = self._budget.judge(self._cost)
        if verdict is Verdict.STOP:
            raise FeedRefused(words, hint="Wait until the quota is renewed, or take a larger plan.")
        if verdict is Verdict.WARN:
            _log.warning("%s: %s", self._name, words)
            return words
        return None

    def plan(self, starts: Sequence[datetime | None]) -> tuple[float, str | None]:
        """Say how long after a call the next one is due.

        Parameters
        ----------
        starts : sequence of datetime or None
            When the games on the board start.

        Returns
        -------
        float
            Seconds.
        str or None
            That the interval is stretched from now on, in words, once.
        """
        now = self._wall()
        self.interval_s = max(self._floor_s, board_interval_s(starts, now, self._refresh))
        if self._renews_on is None:
            return self.interval_s, None
        renewal = next_renewal(now, self._renews_on)
        spread_s = self._budget.spread_s(self._cost, (renewal - now).total_seconds())
        words = self._stretch_in_words(spread_s, renewal)
        return max(self.interval_s, spread_s), words

    def _stretch_in_words(self, spread_s: float, renewal: datetime) -> str | None:
        if spread_s <= self.interval_s and self._is_stretched:
            self._is_stretched = False
            _log.info("%s: the quota lasts, asking every %s", self._name, in_words(self.interval_s))
        if spread_s <= self.interval_s * WORTH_SAYING or self._is_stretched:
            return None
        self._is_stretched = True
        words = (
            f"To last until {renewal.day} {renewal:%B}, the quota allows a call every"
            f" {in_words(spread_s)} instead of every {in_words(self.interval_s)};"
            " quota_renews_on=None spends it faster."
        )
        _log.warning("%s: %s", self._name, words)
        return words
