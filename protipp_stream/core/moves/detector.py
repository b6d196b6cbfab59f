"""How far a price went, in one tick and over a window, and when to say it again.

The last quote alone would let a slow drift pass: ten steps that are each too
small to matter. So a price is also compared with a reference: what it was when
the window began.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from protipp_stream.core.moves.move import Memory, Move
from protipp_stream.errors import ConfigurationError

__all__ = ["Cooldown", "Detector", "Scale", "seconds"]

# A float's last digit must not decide: 2.0 to 2.1 is 5 %, whatever binary says.
_ROUNDING = 1e-9


class Scale(NamedTuple):
    """On what a rule measures.

    Attributes
    ----------
    position : callable
        (odds, probability) to a place on the scale.
    size : callable
        (old place, new place) to a signed distance.
    words : callable
        (distance, span, move) to the reason.
    is_of_probability : bool
        Whether the place depends on the margin being removed or not.
    """

    position: Callable[[float, float], float]
    size: Callable[[float, float], float]
    words: Callable[[float, str, Move], str]
    is_of_probability: bool


class Cooldown:
    """Silence after a flag, for each direction by itself.

    A quote that flickers between two prices is told once up and once down. A
    larger move the same way is news, and told at once.
    """

    __slots__ = ("_down", "_up")

    def __init__(self) -> None:
        self._up: tuple[datetime, float] | None = None
        self._down: tuple[datetime, float] | None = None

    def holds(self, size: float, at: datetime, length: timedelta) -> bool:
        """Whether a flag of this size is to be held back."""
        last = self._up if size > 0 else self._down
        return last is not None and at - last[0] < length and abs(size) <= last[1] + _ROUNDING

    def start(self, size: float, at: datetime) -> None:
        """Remember a flag."""
        if size > 0:
            self._up = (at, abs(size))
        else:
            self._down = (at, abs(size))


class _Reference(NamedTuple):
    position: float
    at: datetime
    ticks: int


class _Track:
    """What is remembered of one selection: two references, two flags, a count.

    Two references half a window apart stand for the whole stretch of prices: a
    busy selection changes ten times a second, and there are ten thousand.
    """

    __slots__ = ("cooldown", "margin_removed", "newer", "older", "ticks")

    def __init__(self) -> None:
        self.older: _Reference | None = None
        self.newer: _Reference | None = None
        self.cooldown = Cooldown()
        self.margin_removed = False
        self.ticks = 0

    def advance(self, stood: float, at: datetime, half: timedelta) -> _Reference:
        """Count a move away from ``stood``; return the reference that holds for it."""
        older, newer = self.older, self.newer
        if older is None or newer is None:
            older = self.restart(stood, at)
        elif at < newer.at:
            # A clock that was put back would keep all this in force until it catches up.
            self.cooldown = Cooldown()
            older = self.restart(stood, at)
        elif at - newer.at >= half:
            fresh = _Reference(stood, at, self.ticks)
            older = newer if at - newer.at < 2 * half else fresh
            self.older, self.newer = older, fresh
        elif at - older.at >= 2 * half:
            self.older = older = newer
        self.ticks += 1
        return older

    def restart(self, position: float, at: datetime) -> _Reference:
        """Compare from here on with this position."""
        self.older = self.newer = reference = _Reference(position, at, self.ticks)
        return reference


class Detector:
    """A rule: flags a distance on a scale, in one tick or within a window.

    Parameters
    ----------
    scale : Scale
        What is measured.
    threshold : float
        Flag at this distance, either way.
    window_s : float
        Seconds. The reference is a price that stood between half a window and
        a whole window ago; after a flag it is the price that was flagged, and
        the seconds in the reason count from there. A price that was suspended
        in between still counts: a jump behind a suspension is a jump. 0
        compares with the last quote only.
    cooldown_s : float
        Seconds in which a selection is not flagged again in the same direction,
        unless by a larger move. What was held back stays in the reference, so a
        drift that goes on is told when the cooldown is over.
    """

    def __init__(
        self, scale: Scale, threshold: float, *, window_s: float, cooldown_s: float
    ) -> None:
        self._scale = scale
        self._threshold = threshold - _ROUNDING / 2
        self._half = seconds("window_s", window_s) / 2
        self._cooldown = seconds("cooldown_s", cooldown_s)
        self._memory = Memory(_Track)

    def __call__(self, move: Move) -> str | None:
        """Return the reason in words if the move is significant."""
        scale = self._scale
        stood = scale.position(move.old_odds, move.old_probability)
        stands = scale.position(move.new_odds, move.new_probability)
        size = scale.size(stood, stands)
        at = move.at
        if move.selection is None or at is None:
            return scale.words(size, "1 tick", move) if abs(size) >= self._threshold else None
        track = self._memory.of(move.selection)
        if scale.is_of_probability and track.margin_removed is not move.margin_removed:
            # The margin is no move: a probability with it is not compared with one without.
            track.older = None
            track.margin_removed = move.margin_removed
        reference = track.advance(stood, at, self._half)
        ticks = 1
        if not self._is_news(track, size, at):
            ticks = track.ticks - reference.ticks
            if ticks == 1:
                return None
            size = scale.size(reference.position, stands)
            if not self._is_news(track, size, at):
                return None
        track.cooldown.start(size, at)
        track.restart(stands, at)
        return scale.words(size, _span(ticks, at - reference.at), move)

    def _is_news(self, track: _Track, size: float, at: datetime) -> bool:
        return abs(size) >= self._threshold and not track.cooldown.holds(size, at, self._cooldown)

    def forget(self, event_id: str) -> None:
        """Drop what is remembered of an event."""
        self._memory.forget(event_id)


def _span(ticks: int, length: timedelta) -> str:
    return "1 tick" if ticks == 1 else f"{ticks} ticks, {length.total_seconds():.0f} s"


def seconds(name: str, value: float) -> timedelta:
    """Return a length of time given in seconds.

    Raises
    ------
    ConfigurationError
        If it is negative or no number.
    """
    if not 0 <= value < 1e9:
        raise ConfigurationError(
            f"{name} must be 0 or more seconds, not {value!r}.", hint="0 switches it off."
        )
    return timedelta(seconds=value)
