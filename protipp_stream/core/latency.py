"""Latency, honestly: clock offset with its error bound, and quantiles of what was seen.

Two machines' clocks differ by more than the latency that is to be measured. Four
stamps a ping give the offset with an error of at most half the round trip, and
that bound is shown with the figure. A figure below its own error is shown as a
bound, never as a clamped zero.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from math import ceil, isfinite

import msgspec

__all__ = ["DRIFT", "ClockOffset", "Lag", "OffsetSample", "RollingQuantiles", "bounded"]

# How fast two clocks may part, in seconds a second. RFC 5905 reckons with 15 ppm,
# but for clocks that NTP steers, and nobody promises us that. The quartz of a PC
# or a virtual machine is good to ±100 ppm; two of them, each wrong its own way.
DRIFT = 200e-6


class OffsetSample(msgspec.Struct, frozen=True, gc=False):
    """What is known of an offset at one moment, in seconds.

    Attributes
    ----------
    offset_s : float
        The gateway's clock minus ours.
    error_s : float
        The offset is right to within this.
    """

    offset_s: float
    error_s: float


class _Ping(msgspec.Struct, frozen=True, gc=False):
    offset_s: float
    error_s: float
    sent: float
    back: float

    def at(self, now: float, drift: float) -> OffsetSample:
        """Widen the bound by what the clocks may have drifted apart since."""
        # The delays may have lain anywhere between `sent` and `back`.
        age = max(now - self.sent, self.back - now)
        return OffsetSample(self.offset_s, self.error_s + drift * age)


class ClockOffset:
    """Offset of the gateway's clock, from the best of the last few pings.

    A queue anywhere on the way delays one direction and spoils the offset; the
    ping with the shortest round trip met the shortest queue (RFC 5905, 10). Its
    bound grows with its age, because clocks drift, until a newer one is better.

    Two pings whose bounds do not meet can't both be right: the gateway's clock
    was set in between. The newer one is kept and everything before it forgotten.

    Parameters
    ----------
    window : int
        How many pings are remembered.
    drift : float
        How fast the two clocks may part, in seconds a second.

    Attributes
    ----------
    steps : int
        How often the gateway's clock was found to have been set.
    """

    def __init__(self, window: int = 8, drift: float = DRIFT) -> None:
        self.steps = 0
        self._pings: deque[_Ping] = deque(maxlen=window)
        self._drift = drift

    def add(self, t0: float, t1: float, t2: float, t3: float) -> bool:
        """Take a ping: sent ``t0``, arrived ``t1``, answered ``t2``, back ``t3``.

        Returns
        -------
        bool
            False, and nothing is taken, when the stamps contradict each other:
            a clock was set in between, so what was known before is forgotten.
        """
        round_trip = (t3 - t0) - (t2 - t1)
        ping = _Ping(((t1 - t0) + (t2 - t3)) / 2, round_trip / 2, t0, t3)
        # A peer's 1e308 is no time: sums with it are infinite, or no number.
        is_sound = isfinite(round_trip) and isfinite(ping.offset_s)
        # A little below zero is drift: the gateway held it on a faster clock.
        if not is_sound or round_trip < -self._drift * (t3 - t0) or t3 < t0 or t2 < t1:
            self.forget()
            return False
        if any(self._contradict(ping, older) for older in self._pings):
            self.forget()
        self._pings.append(ping)
        return True

    def forget(self) -> None:
        """Forget everything: the gateway's clock was set."""
        if self._pings:
            self.steps += 1
            self._pings.clear()

    def at(self, now: float) -> OffsetSample | None:
        """Return the offset with the smallest error at ``now``; None before the first ping."""
        # Of a copy: another thread may read while a ping comes in.
        known = [ping.at(now, self._drift) for ping in tuple(self._pings)]
        return min(known, key=lambda sample: sample.error_s, default=None)

    @property
    def round_trip_s(self) -> float | None:
        """The shortest round trip of the pings that are remembered."""
        return min((2 * ping.error_s for ping in tuple(self._pings)), default=None)

    def _contradict(self, newer: _Ping, older: _Ping) -> bool:
        now = newer.back
        apart = abs(newer.offset_s - older.offset_s)
        return apart > newer.at(now, self._drift).error_s + older.at(now, self._drift).error_s


class RollingQuantiles:
    """Quantiles of the newest observations, exact over a fixed window.

    Taking an observation costs an append; the sorting is left to whoever reads.

    Parameters
    ----------
    window : int
        How many observations are remembered.

    Attributes
    ----------
    count : int
        How many were taken in all.
    """

    def __init__(self, window: int = 2000) -> None:
        self.count = 0
        self._window = window
        self._seen: deque[float] = deque(maxlen=window)
        # The error of each stretch that no later one exceeds, and where it ends.
        self._errors: deque[tuple[int, float]] = deque()

    def add(self, values: Sequence[float], error: float = 0.0) -> None:
        """Take observations, each right to within ``error``."""
        if not values:
            return
        self._seen.extend(values)
        self.count += len(values)
        errors = self._errors
        while errors and errors[-1][1] <= error:
            errors.pop()
        errors.append((self.count, error))
        while errors[0][0] <= self.count - self._window:
            errors.popleft()

    @property
    def error(self) -> float | None:
        """The largest error in the window.

        No quantile is further from that of the true values: if each value moves
        by at most so much, so does each rank.
        """
        return self._errors[0][1] if self._errors else None

    def quantiles(self, *parts: float) -> list[float] | None:
        """Return for each part ``q`` the smallest value that ``q`` of the window do not exceed.

        The nearest-rank definition: always a value that was really seen.
        None before the first.
        """
        if not self._seen:
            return None
        ranked = sorted(self._seen)
        return [ranked[max(ceil(q * len(ranked)) - 1, 0)] for q in parts]


class Lag:
    """How much later frames come than the quickest of them did, without any clock sync.

    The time from sending to arrival, on two clocks that know nothing of each
    other, is wrong by a constant; what it exceeds its own minimum by is not. So
    a queue that grows somewhere on the way shows even where no ping gets through.

    The clocks drift, too. They are taken to drift in the way that hides most, so
    what is said is a lower bound: "at least so far behind".

    Parameters
    ----------
    window_s : float
        The minimum is that of so many seconds: a way that has got longer for
        good is the new normal after that, and drift hides ``2 * drift *
        window_s`` at most.
    drift : float
        How fast the two clocks may part, in seconds a second.

    Attributes
    ----------
    behind_s : float or None
        How much later the newest frame came; None before the first.
    """

    STEPS = 60  # the window moves on in so many steps, which bounds what is kept

    def __init__(self, window_s: float = 600.0, drift: float = DRIFT) -> None:
        self.behind_s: float | None = None
        self._step_s = window_s / self.STEPS
        self._drift = drift
        # Rising minima and the step in which each was seen; the first is the least.
        self._minima: deque[tuple[int, float]] = deque()

    def add(self, sent: float, arrived: float) -> float:
        """Take a frame; return `behind_s`.

        Parameters
        ----------
        sent, arrived : float
            Seconds, each on its own clock; ``arrived`` never goes back.
        """
        late = (arrived - sent) - self._drift * arrived
        step = int(arrived // self._step_s)
        minima = self._minima
        while minima and minima[-1][1] >= late:
            minima.pop()
        if not minima or minima[-1][0] != step:
            minima.append((step, late))
        while minima[0][0] <= step - self.STEPS:
            minima.popleft()
        self.behind_s = late - minima[0][1]
        return self.behind_s


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
