"""Clone feeds: bookmakers whose prices are one opinion under several names.

Two skins of one trading desk agree on every price, and so would "confirm" each
other in everything that counts bookmakers. They are given by the user, or found
here from what the board shows.

Only moneylines count: spreads and totals stand at 1.91 everywhere, and by them
half of all bookmakers would be one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import NamedTuple

from protipp_stream.errors import ConfigurationError

__all__ = ["MONEYLINES", "CloneFinder", "Outcome", "Pair", "merged", "representatives"]

MONEYLINES = frozenset({"h2h", "h2h_3_way"})

# Event, market, outcome.
Outcome = tuple[str, str, str]
Groups = tuple[frozenset[str], ...]


class Pair(NamedTuple):
    """What two bookmakers had in common.

    Attributes
    ----------
    one, other : str
        In alphabetical order.
    paired : int
        How often both had a price for one outcome, and one of the two was new.
    equal : int
        How often it was the same price.
    """

    one: str
    other: str
    paired: int
    equal: int

    @property
    def share(self) -> float:
        """The part that was equal, 0 to 1."""
        return self.equal / self.paired


class CloneFinder:
    """Counts equal prices, look by look, and finds who copies whom.

    A pair of prices counts again only when one of them has changed since the
    last look: else two bookmakers that once agreed and then fell asleep would be
    clones by morning.

    Parameters
    ----------
    threshold : float
        The share of equal prices from which two bookmakers are clones. Recorded
        every 5 minutes: betonlineag and lowvig 90 %, the next pair 32 %. (Of all
        pairs, new or not, 99.5 and 51 %: two that copy each other differ for the
        moments in which one has moved and the other has not yet, and this count
        holds little but such moments.)
    min_pairs : int
        Fewer paired prices than this prove nothing.
    given : iterable of sets of str
        Groups known beforehand; they are never lost.

    Notes
    -----
    A look costs the bookmakers squared for each outcome with a changed price.
    Of an outcome that is gone from the board nothing is remembered but its part
    in the counts.
    """

    def __init__(
        self,
        threshold: float = 0.75,
        min_pairs: int = 200,
        given: Iterable[Iterable[str]] = (),
    ) -> None:
        if not 0.5 < threshold <= 1:
            raise ConfigurationError(
                f"A share of equal prices of {threshold!r} says nothing about clones.",
                hint="Take one above 0.5, up to 1.",
            )
        if min_pairs < 1:
            raise ConfigurationError(
                f"min_pairs must be 1 or more, not {min_pairs!r}.", hint="200 is the default."
            )
        self._threshold = threshold
        self._min_pairs = min_pairs
        self._given = merged(given)
        self._seen: dict[Outcome, dict[str, float]] = {}
        self._counts: dict[tuple[str, str], list[int]] = {}

    def look(self, board: Mapping[Outcome, Mapping[str, float | None]]) -> None:
        """Take the board as it is now.

        Parameters
        ----------
        board : mapping
            (event, market, outcome) to bookmaker to decimal odds, None where
            suspended. Markets that are no moneyline are passed over.
        """
        seen: dict[Outcome, dict[str, float]] = {}
        for outcome, quoted in board.items():
            if outcome[1] not in MONEYLINES:
                continue
            prices = {name: odds for name, odds in quoted.items() if odds is not None}
            before = self._seen.get(outcome, {})
            seen[outcome] = prices
            if prices != before:
                self._compare(prices, before)
        self._seen = seen

    def _compare(self, prices: dict[str, float], before: dict[str, float]) -> None:
        new = {name for name, odds in prices.items() if before.get(name) != odds}
        for pair in combinations(sorted(prices), 2):
            one, other = pair
            if one in new or other in new:
                count = self._counts.setdefault(pair, [0, 0])
                count[0] += 1
                count[1] += prices[one] == prices[other]

    @property
    def pairs(self) -> list[Pair]:
        """All pairs with enough in common to judge, the most alike first."""
        found = [
            Pair(*names, *counts)
            for names, counts in self._counts.items()
            if counts[0] >= self._min_pairs
        ]
        return sorted(found, key=lambda pair: (-pair.share, pair.one, pair.other))

    @property
    def groups(self) -> Groups:
        """The groups of clones, given and found; each has two members or more."""
        alike = [{p.one, p.other} for p in self.pairs if p.share >= self._threshold]
        return merged([*self._given, *alike])


def merged(groups: Iterable[Iterable[str]]) -> Groups:
    """Join groups that share a member; leave out those of one."""
    joined: list[set[str]] = []
    for group in [groups] if isinstance(groups, str) else groups:
        if isinstance(group, str):
            raise ConfigurationError(
                f"Clones are groups of bookmakers, and {group!r} is one bookmaker.",
                hint='Write [{"lowvig", "betonlineag"}].',
            )
        together = set(group)
        apart = []
        for known in joined:
            if known & together:
                together |= known
            else:
                apart.append(known)
        joined = [*apart, together]
    return tuple(sorted((frozenset(g) for g in joined if len(g) > 1), key=sorted))


def representatives(groups: Iterable[Iterable[str]]) -> dict[str, str]:
    """Name one bookmaker for each member of a group: who is not in it stands for itself.

    Returns
    -------
    dict
        Member to the first of its group in alphabetical order.
    """
    return {name: min(group) for group in merged(groups) for name in group}
