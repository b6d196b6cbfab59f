"""Steam: several bookmakers who do not copy each other move one price one way at once.

One bookmaker's move may be its own book; three independent ones have heard
something. Clones count once (`core.clones`).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from statistics import median
from typing import Literal, NamedTuple

import msgspec

from protipp_stream.core.clones import Outcome, representatives
from protipp_stream.core.moves.detector import seconds
from protipp_stream.core.moves.move import Move
from protipp_stream.errors import ConfigurationError

__all__ = ["Direction", "Steam", "SteamWatch"]

Direction = Literal["up", "down"]


class Steam(msgspec.Struct, frozen=True, kw_only=True):
    """Several independent bookmakers moved one outcome the same way.

    Attributes
    ----------
    event_id, market, outcome : str
        What moved. In a market of two outcomes the other one has its own, the
        other way.
    direction : str
        ``up`` when the outcome became likelier (its odds shorter), else ``down``.
    bookmakers : tuple of str
        Who moved, in alphabetical order; clones are named, too.
    independent : int
        How many of them count.
    since, at : datetime
        UTC: the first and the last of these moves.
    h : float
        The median of their moves as Cohen's h, signed.
    reason : str
        In words.
    """

    event_id: str
    market: str
    outcome: str
    direction: Direction
    bookmakers: tuple[str, ...]
    independent: int
    since: datetime
    at: datetime
    h: float
    reason: str


class _Moved(NamedTuple):
    at: datetime
    h: float


class _Report(NamedTuple):
    at: datetime
    direction: Direction
    sources: frozenset[str]


class _Watched:
    """The newest move of each bookmaker for one outcome, and what was reported."""

    __slots__ = ("moved", "report", "touched")

    def __init__(self, touched: datetime) -> None:
        self.touched = touched
        self.moved: dict[str, _Moved] = {}
        self.report: _Report | None = None


class SteamWatch:
    """Sees every move and finds steam.

    Parameters
    ----------
    groups : iterable of sets of str
        Clone groups, as `CloneFinder.groups`; may be replaced at any time.
    bookmakers : int
        How many independent ones make steam.
    window_s : float
        Seconds within which they must move. A source that is polled tells time
        in steps of its interval: moves that lie minutes apart arrive as one
        moment, and a window shorter than the interval sees single polls. The
        default is two of The Odds API's 60 s, so that what falls into two
        neighbouring refreshes is still together.
    least_h, least_h_in_play : float
        Smaller moves count for nobody. Recorded: 0.015 leaves a third of the
        moneyline changes before the start; in play moves are 14 times as large.

    Notes
    -----
    A bookmaker counts with its newest move: one that turned back is no longer
    part of it. What is older than the window is forgotten at the next move of
    anything, so the memory is that of one window.
    """

    def __init__(
        self,
        groups: Iterable[Iterable[str]] = (),
        *,
        bookmakers: int = 3,
        window_s: float = 120.0,
        least_h: float = 0.015,
        least_h_in_play: float = 0.2,
    ) -> None:
        if bookmakers < 2:
            raise ConfigurationError(
                f"Steam of {bookmakers!r} bookmakers is any move.", hint="Take 2 or more."
            )
        self.groups = groups
        self._needed = bookmakers
        self._window = seconds("window_s", window_s)
        self._least_h = least_h
        self._least_h_in_play = least_h_in_play
        # In the order of their last move, the newest last.
        self._watched: dict[Outcome, _Watched] = {}

    @property
    def remembered(self) -> int:
        """How many outcomes are remembered now."""
        return len(self._watched)

    @property
    def groups(self) -> tuple[frozenset[str], ...]:
        """The clone groups in force."""
        return self._groups

    @groups.setter
    def groups(self, groups: Iterable[Iterable[str]]) -> None:
        self._groups = tuple(frozenset(group) for group in groups)
        self._source = representatives(self._groups)

    def take(self, move: Move) -> Steam | None:
        """Take the next move; return the steam it completes or widens.

        Steam is reported once, and again when another independent bookmaker
        joins, or when it still goes on a window later.

        Parameters
        ----------
        move : Move
            One without a selection or a time is passed over.
        """
        at, h = move.at, move.h
        least = self._least_h_in_play if move.in_play else self._least_h
        if move.selection is None or at is None or abs(h) < least:
            return None
        self._forget_old(at)
        bookmaker, event_id, market, outcome = move.selection
        key = event_id, market, outcome
        # Out and in again: a dict keeps the place of the first one.
        watched = self._watched.pop(key, None) or _Watched(at)
        self._watched[key] = watched
        watched.touched = at
        watched.moved[bookmaker] = _Moved(at, h)
        return self._found(key, watched, "up" if h > 0 else "down", at)

    def _found(
        self, key: Outcome, watched: _Watched, direction: Direction, at: datetime
    ) -> Steam | None:
        watched.moved = {b: m for b, m in watched.moved.items() if self._is_recent(m.at, at)}
        joined = {b: m for b, m in watched.moved.items() if (m.h > 0) == (direction == "up")}
        sources = frozenset(self._source.get(bookmaker, bookmaker) for bookmaker in joined)
        if len(sources) < self._needed:
            return None
        last = watched.report
        if last and last.direction == direction and self._is_recent(last.at, at):
            if sources <= last.sources:
                return None
            known = sources | last.sources
        else:
            known = sources
        watched.report = _Report(at, direction, known)
        return _steam(key, direction, joined, len(sources), at)

    def forget(self, event_id: str) -> None:
        """Drop an event that is over."""
        for key in [key for key in self._watched if key[0] == event_id]:
            del self._watched[key]

    def _forget_old(self, at: datetime) -> None:
        while self._watched:
            key = next(iter(self._watched))
            if self._is_recent(self._watched[key].touched, at):
                break
            del self._watched[key]

    def _is_recent(self, then: datetime, at: datetime) -> bool:
        # Either way: a clock that was put back must not keep the past for ever.
        return abs(at - then) <= self._window


def _steam(
    key: Outcome, direction: Direction, moved: dict[str, _Moved], independent: int, at: datetime
) -> Steam:
    names = tuple(sorted(moved))
    since = min(m.at for m in moved.values())
    h = median(m.h for m in moved.values())
    return Steam(
        event_id=key[0],
        market=key[1],
        outcome=key[2],
        direction=direction,
        bookmakers=names,
        independent=independent,
        since=since,
        at=at,
        h=h,
        reason=(
            f"{independent} independent bookmakers {direction} within"
            f" {(at - since).total_seconds():.0f} s, median h={h:+.3f}: {', '.join(names)}"
        ),
    )
