"""Latency, honestly: clock offset with its error bound, and quantiles of what was seen.

Two machines' clocks differ by more than the latency that is to be measured. Four
stamps a ping give the offset with an error of at most half the round trip, and
that bound is shown with the figure. A figure below its own error is shown as a
bound, never as a clamped zero.
"""

from __future__ import annotations

from collections import deque
from math import ceil

import msgspec

__all__ = ["ClockOffset", "OffsetSample", "RollingQuantiles", "bounded"]


class OffsetSample(msgspec.Struct, frozen=True, gc=False):
    """One ping, in seconds.

    Attributes
    ----------
    offset_s : float
        The gateway's clock minus ours.
    error_s : float
        The offset is right to within this: half the round trip.
    """

    offset_s: float
    error_s: float


class ClockOffset:
    """Offset of the gateway's clock, from the best of the last few pings.

    A queue anywhere on the way delays one direction and spoils the offset; the
    ping with the shortest round trip met the shortest queue (RFC 5905, 10).

    Parameters
    ----------
    window : int
        How many pings are remembered.
    """

    def __init__(self, window: int = 8) -> None:
        self._samples: deque[OffsetSample] = deque(maxlen=window)

    def add(self, t0: float, t1: float, t2: float, t3: float) -> bool:
        """Take a ping: sent ``t0``, arrived ``t1``, answered ``t2``, back ``t3``.

        Returns
        -------
        bool
            False, and nothing is taken, when the stamps contradict each other
            (a clock was set in between).
        """
        round_trip = (t3 - t0) - (t2 - t1)
        if round_trip < 0 or t3 < t0 or t2 < t1:
            return False
        self._samples.append(OffsetSample(((t1 - t0) + (t2 - t3)) / 2, round_trip / 2))
        return True

    @property
    def best(self) -> OffsetSample | None:
        """The sample with the smallest error; None before the first ping.

        Of a copy: another thread may read while a ping comes in.
        """
        return min(tuple(self._samples), key=lambda sample: sample.error_s, default=None)


class RollingQuantiles:
    """Quantiles of the newest observations, exact over a fixed window.

    Parameters
    ----------
    window : int
        How many observations are remembered.
    """

    def __init__(self, window: int = 2000) -> None:
        self._seen: deque[float] = deque(maxlen=window)
        self.count = 0

    def add(self, value: float) -> None:
        """Take one observation."""
        self._seen.append(value)
        self.count += 1

    def quantile(self, q: float) -> float | None:
        """Return the smallest value that at least ``q`` of the window do not exceed.

        The nearest-rank definition: always a value that was really seen.
        None before the first.
        """
        if not self._seen:
            return None
        ranked = sorted(self._seen)
        return ranked[max(ceil(q * len(ranked)) - 1, 0)]


def bounded(value_ms: float, error_ms: float) -> str:
    """Write a latency with its error: ``12.3 ± 0.4 ms`` or ``≤ 0.4 ms``.

    Examples
    --------
    >>> bounded(12.34, 0.41)
    '12.3 ± 0.4 ms'
    >>> bounded(0.1, 0.41)
    '≤ 0.5 ms'
    """
    # Below 0.05 the figure would be printed as 0.0, and so would its bound.
    if value_ms <= error_ms or value_ms < 0.05:
        return f"≤ {max(value_ms + error_ms, error_ms, 0.1):.1f} ms"
    return f"{value_ms:.1f} ± {error_ms:.1f} ms"
