"""Rules that hold a move against the selection's own past: ``ewma_z`` and ``cusum``.

In play a price moves fourteen times as far as before the start (recorded: 97 %
of the moves stay below h = .617, where it was .043), and how far depends on the
sport and on how often the source speaks. So nothing fixed would do.
"""

from __future__ import annotations

from datetime import datetime
from math import sqrt

from protipp_stream.core.moves.detector import Cooldown, seconds
from protipp_stream.core.moves.move import Memory, Move

__all__ = ["Cusum", "EwmaZ", "OwnScale"]


class OwnScale:
    """How far a selection usually moves: the root of an EWMA of h squared.

    The first moves count alike, as in a plain mean, until the weight of a new
    one has come down to ``weight``.
    """

    __slots__ = ("mean_square", "moves")

    def __init__(self) -> None:
        self.moves = 0
        self.mean_square = 0.0

    @property
    def root_mean_square(self) -> float:
        """In units of h; 0 before the first move."""
        return sqrt(self.mean_square)

    def add(self, h: float, weight: float) -> None:
        """Take one more move."""
        self.moves += 1
        self.mean_square += max(weight, 1 / self.moves) * (h * h - self.mean_square)


class _Usual:
    """What `EwmaZ` remembers of one selection."""

    __slots__ = ("cooldown", "in_play", "scale")

    def __init__(self) -> None:
        self.scale = OwnScale()
        self.cooldown = Cooldown()
        self.in_play = False


class EwmaZ:
    """A rule: flags a move that is large for this selection.

    ``z = h / max(s, floor / threshold)``, where ``s`` is the selection's own scale
    before this move: so at z = threshold, h is at least ``floor``. When the event
    starts, a selection's scale is learnt anew.

    Parameters
    ----------
    threshold : float
        Flag at ``abs(z) >= threshold``.
    floor : float
        In units of h: nothing smaller is flagged, however quiet the selection.
    weight : float
        Of the newest move in the EWMA; 0.1 halves the past every 6.6 moves.
    warm_up : int
        How many moves of a selection must be known, before and in play each:
        until then nothing is flagged, for nothing is known of its scale.
    cooldown_s : float
        As in `detector.Detector`.
    """

    def __init__(
        self, threshold: float, *, floor: float, weight: float, warm_up: int, cooldown_s: float
    ) -> None:
        self._threshold = threshold
        self._least = floor / threshold
        self._weight = weight
        self._warm_up = warm_up
        self._cooldown = seconds("cooldown_s", cooldown_s)
        self._memory = Memory(_Usual)

    def __call__(self, move: Move) -> str | None:
        """Return the reason in words if the move is significant."""
        if move.selection is None or move.at is None:
            return None
        usual = self._memory.of(move.selection)
        if usual.in_play is not move.in_play:
            usual.in_play = move.in_play
            usual.scale = OwnScale()
        h = move.h
        scale = usual.scale
        z = abs(h) / max(scale.root_mean_square, self._least)
        is_known = scale.moves >= self._warm_up
        scale.add(h, self._weight)
        if not is_known or z < self._threshold:
            return None
        if usual.cooldown.holds(h, move.at, self._cooldown):
            return None
        usual.cooldown.start(h, move.at)
        return f"z={z:.1f}{' in play' if move.in_play else ''}, h={h:+.2f} ({move.basis})"

    def forget(self, event_id: str) -> None:
        """Drop what is remembered of an event."""
        self._memory.forget(event_id)


class _Sum:
    """One side of the CUSUM: how much it holds, and what went into it."""

    __slots__ = ("h", "height", "since", "ticks")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.height = self.h = 0.0
        self.ticks = 0
        self.since: datetime | None = None

    def add(self, z: float, h: float, at: datetime, allowance: float) -> None:
        self.height += z - allowance
        if self.height <= 0:
            self.clear()
            return
        self.since = self.since or at
        self.ticks += 1
        self.h += h


class _Drift:
    """What `Cusum` remembers of one selection."""

    __slots__ = ("down", "in_play", "scale", "up")

    def __init__(self) -> None:
        self.start(in_play=False)

    def start(self, in_play: bool) -> None:
        self.scale = OwnScale()
        self.up = _Sum()
        self.down = _Sum()
        self.in_play = in_play


class Cusum:
    """A rule: flags a slow drift, however long it takes.

    Page's two sums ``S = max(0, S + z - allowance)``, one for each direction, of
    moves on the selection's own scale, which here includes the move itself: one
    jump, however large, then adds at most ``1 / sqrt(weight)`` and is no drift.
    After a flag, and when the event starts, all begins anew.

    Parameters
    ----------
    threshold : float
        Flag when a sum reaches it; in units of the selection's scale.
    allowance : float
        What a tick may drift unnoticed; same units.
    floor : float
        The smallest scale, in units of h: with a threshold of 4, 0.0125 flags a
        drift at h = 0.05 at the earliest.
    weight : float
        Of the newest move in the EWMA.

    References
    ----------
    Page, E. S. (1954). Continuous inspection schemes. Biometrika 41, 100-115.
    """

    def __init__(self, threshold: float, *, allowance: float, floor: float, weight: float) -> None:
        self._threshold = threshold
        self._allowance = allowance
        self._floor = floor
        self._weight = weight
        self._memory = Memory(_Drift)

    def __call__(self, move: Move) -> str | None:
        """Return the reason in words if a drift has become significant."""
        if move.selection is None or move.at is None:
            return None
        drift = self._memory.of(move.selection)
        if drift.in_play is not move.in_play:
            drift.start(move.in_play)
        h = move.h
        drift.scale.add(h, self._weight)
        z = h / max(drift.scale.root_mean_square, self._floor)
        drift.up.add(z, h, move.at, self._allowance)
        drift.down.add(-z, h, move.at, self._allowance)
        found = drift.up if h > 0 else drift.down
        if found.height < self._threshold or found.since is None:
            return None
        length = (move.at - found.since).total_seconds()
        reason = f"drift of h={found.h:+.3f} in {found.ticks} ticks, {length:.0f} s ({move.basis})"
        drift.up.clear()
        drift.down.clear()
        return reason

    def forget(self, event_id: str) -> None:
        """Drop what is remembered of an event."""
        self._memory.forget(event_id)
