"""Exact limits on what a peer may send."""

from __future__ import annotations

from collections import deque

__all__ = ["SlidingWindow"]


class SlidingWindow:
    """At most ``limit`` admissions in every window of ``seconds``, exactly.

    A counter per calendar minute would let 200 through around the full minute.
    This remembers the time of each admission, so no window of 60 s, wherever it
    begins, holds more than the limit.

    Parameters
    ----------
    limit : int
        Admissions a window, at least 1.
    seconds : float
        Length of the window.
    """

    def __init__(self, limit: int, seconds: float = 60.0) -> None:
        if limit < 1:
            raise ValueError(f"a window that admits {limit} admits nobody, ever")
        self.limit = limit
        self.seconds = seconds
        self._admitted: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Admit one at ``now`` (monotonic seconds), if the window has room.

        What is refused does not count: a client that keeps knocking is let in
        as soon as its earlier messages have left the window.
        """
        self._forget(now)
        if len(self._admitted) >= self.limit:
            return False
        self._admitted.append(now)
        return True

    def count_anyway(self, now: float) -> None:
        """Count one that may not be refused (a token refresh)."""
        self._forget(now)
        self._admitted.append(now)

    def retry_after(self, now: float) -> float:
        """Seconds until the next one would be admitted; 0 if it would be now."""
        self._forget(now)
        surplus = len(self._admitted) - self.limit
        if surplus < 0:
            return 0.0
        return self._admitted[surplus] + self.seconds - now

    def is_idle(self, now: float) -> bool:
        """Whether nothing in the window is remembered: it can be forgotten."""
        self._forget(now)
        return not self._admitted

    def _forget(self, now: float) -> None:
        # Half open, (now - seconds, now]: an admission exactly one window ago is out.
        while self._admitted and self._admitted[0] <= now - self.seconds:
            self._admitted.popleft()
