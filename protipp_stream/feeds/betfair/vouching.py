"""Prices that stand are said again now and then: a stream that lives vouches for them.

Betfair says a price when it changes, and never again. Left at that, one that has
stood for three minutes looks three minutes old, and nobody would bet on it, though
every heartbeat says that it holds. Said again without a stamp, it is confirmed by
receipt (`Quote.good_at`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from protipp_stream.model import Quote

__all__ = ["EVERY_S", "Vouching", "portions"]

EVERY_S = 20.0
# A batch is taken in one go, and others wait for its end.
SIZE = 500


class Vouching:
    """When to say again what stands.

    Parameters
    ----------
    clock : callable
        Seconds that go on; of a recording, recorded ones.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._last: float | None = None
        self._is_whole = False

    def begin(self) -> None:
        """A connection begins: what stood before it is not vouched for until it is told anew."""
        self._is_whole = False

    def is_due(self, is_heartbeat: bool) -> bool:
        """Say whether a sound message, read to its end, is one to vouch with.

        Parameters
        ----------
        is_heartbeat : bool
            Before the image, or what has changed meanwhile, it says nothing of prices.
        """
        if not self._is_whole:
            if is_heartbeat:
                return False
            self._is_whole = True
            is_due = self._last is not None  # the first image has just said all
            self._last = self._clock()
            return is_due
        now = self._clock()
        if self._last is not None and 0 <= now - self._last < EVERY_S:
            return False
        self._last = now
        return True


def portions(quotes: Iterable[Quote]) -> Iterator[list[Quote]]:
    """Cut what is said again into batches of bounded size."""
    rest = iter(quotes)
    while portion := list(islice(rest, SIZE)):
        yield portion
