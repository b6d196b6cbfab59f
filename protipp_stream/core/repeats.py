"""Equal things that happen again and again become one, with a count."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Repeats"]

Thing = TypeVar("Thing", bound=Hashable)


class Repeats(Generic[Thing]):
    """Counts equal things from the first of them until their window is over.

    Nothing is lost by it: what was added comes out of `over`, in sum.
    """

    def __init__(self) -> None:
        self._counts: dict[Thing, int] = {}
        self._ends: dict[Thing, float] = {}

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, thing: Thing) -> bool:
        return thing in self._counts

    def add(self, thing: Thing, count: int, now: float, within_s: float) -> bool:
        """Add some; return whether it is the first of its window.

        Parameters
        ----------
        now : float
            Monotonic seconds.
        within_s : float
            How long a window is that begins with this.
        """
        is_first = thing not in self._counts
        if is_first:
            self._ends[thing] = now + within_s
        self._counts[thing] = self._counts.get(thing, 0) + count
        return is_first

    def over(self, now: float) -> list[tuple[Thing, int]]:
        """Take out, with their counts, those whose window is over at ``now``."""
        over = [thing for thing, end in self._ends.items() if end <= now]
        for thing in over:
            del self._ends[thing]
        return [(thing, self._counts.pop(thing)) for thing in over]
