"""Whether everything that is missing from an access trail is explained.

A tombstone of an erased subject says how many ciphertexts were destroyed, not which: a
list of numbers would say which records were one person's. So missing ciphertexts are
balanced, part by part, over the lines for which anything is to be expected (those after
the newest tombstone that ended a part)::

    missing  =  what erasures destroyed  -  what of it lay in stretches that ended since

The last term is *carried* by the tombstone of such a stretch, when it is made: what was
missing in the stretch, less what tombstones of erasures in it explained, plus what
tombstones of stretches in it carried.
"""

from __future__ import annotations

from collections.abc import Iterable

from protipp_stream.history.access.record import Part, Tombstone

__all__ = ["Balance"]


class Balance:
    """The account of one part, over a stretch of lines.

    Parameters
    ----------
    part : str
    tombstones : iterable of (int, Tombstone)
        All of the trail's, each with the number of its line.
    """

    def __init__(self, part: Part, tombstones: Iterable[tuple[int, Tombstone]]) -> None:
        self._part = part
        self._tombstones = list(tombstones)
        self.boundary = max((each.ends(part) for _, each in self._tombstones), default=-1)
        self.missing: list[int] = []

    def saw_missing(self, n: int) -> None:
        """Note that the part of a line is not there."""
        if n > self.boundary:
            self.missing.append(n)

    @property
    def unexplained(self) -> int:
        """How many more are missing than destroyed; negative: so many have come back."""
        return len(self.missing) - self._explained(self.boundary, None)

    def carried(self, until: int) -> int:
        """What the tombstone carries that ends this part at line ``until``."""
        missing = sum(n <= until for n in self.missing)
        return missing - self._explained(self.boundary, until)

    def _explained(self, after: int, until: int | None) -> int:
        return sum(
            (each.destroyed(self._part) if each.kind == "erased" else 0)
            - (each.carried(self._part) if each.kind != "erased" else 0)
            for n, each in self._tombstones
            if n > after and (until is None or n <= until)
        )
