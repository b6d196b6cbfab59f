"""When a feed vouches for what stands, by saying it again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from protipp_stream.feeds.standing import Standing
from protipp_stream.model import Quote

__all__ = ["Vouching"]

# A price that nobody has confirmed for some minutes counts as old.
EVERY_S = 60.0


class Vouching:
    """Once a minute, what stands, without a stamp: a confirmation by receipt.

    To be asked after a sign of life only. A stream that says changes only and is alive
    says by its silence about a price that it stands; a broken one says nothing.

    Parameters
    ----------
    monotonic : callable
        Seconds that never go back.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._next = monotonic() + EVERY_S

    def begin(self) -> None:
        """Note that a connection begins: what was missed has to be heard first."""
        self._next = self._monotonic() + EVERY_S

    def due(self, standing: Standing) -> Iterator[list[Quote]]:
        """Return what stands, in parts, when it is time to: now, and not when it is read."""
        now = self._monotonic()
        if now < self._next:
            return iter(())
        self._next = now + EVERY_S
        return standing.again()
