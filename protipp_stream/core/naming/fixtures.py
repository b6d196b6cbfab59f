"""Fixtures, and how each source lists them: who is one with whom, and why not.

A *listing* is an event as one source names it; listings that are the same game
share a `Fixture`. `Fixtures` finds out which are: same two teams, same sport,
starts that are near, each source once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import count

from protipp_stream.core.naming.outcome_names import Perspective, Words
from protipp_stream.core.naming.pairing import pair
from protipp_stream.core.naming.team_names import Teams
from protipp_stream.model import Event, Quote

__all__ = ["MAX_ALIKE", "Fixture", "Fixtures", "Listing", "agree"]

# No two teams have so many games listed at once; a publisher who makes them up
# must not make us compare each with each.
MAX_ALIKE = 64

# (bookmaker, market, outcome) as the source says them
Key = tuple[str, str, str]


class Listing:
    """An event as one source names it.

    Attributes
    ----------
    said : Event or None
        Its newest description.
    own_id : str or None
        Our id of it while it stands alone; once given, it is nobody else's.
    last : dict or None
        Its live prices and when they came, in its own words: they move along when
        it turns out to be another fixture. None where that can't happen.
    view : Perspective or None
        How its words become ours; None if they are ours.
    why : str
        Why it is one with no other source's, or ``matched``.
    """

    __slots__ = (
        "fixture", "is_plain", "last", "noted", "own_id", "said", "source", "source_id", "sports",
        "teams", "view", "why", "words",
    )  # fmt: skip

    def __init__(self, source: str, source_id: str) -> None:
        self.source = source
        self.source_id = source_id
        self.fixture = Fixture(self)
        self.said: Event | None = None
        self.teams: Teams | None = None
        self.sports: frozenset[str] = frozenset()
        self.own_id: str | None = None
        self.last: dict[Key, tuple[Quote, datetime]] | None = {}
        self.view: Perspective | None = None
        self.words: dict[tuple[str, str], Words] = {}
        self.is_plain = False
        self.why = "undescribed"
        self.noted = ""

    @property
    def is_first(self) -> bool:
        """Whether the fixture has its id and its names from this one."""
        return self.fixture.listings[0] is self

    @property
    def title(self) -> str:
        """Its name and id, for people."""
        name = self.said.name if self.said else "an event without description"
        return f"{self.source}: {name!r} ({self.source_id})"


class Fixture:
    """One game, as every source that names it lists it; the first one names it for us.

    Attributes
    ----------
    event_id : str or None
        Ours.
    listings : list of Listing
        The first of them gives the names.
    is_over : bool
        Whether the board has forgotten it: it must be described again when a price of
        it comes after all.
    """

    __slots__ = ("event_id", "is_over", "listings", "serial")

    def __init__(self, first: Listing) -> None:
        self.event_id: str | None = None
        self.listings = [first]
        self.is_over = False
        self.serial = 0

    @property
    def teams(self) -> Teams | None:
        """Its teams as the first source writes them."""
        return self.listings[0].teams

    @property
    def starts_at(self) -> datetime | None:
        """Its start, as the first source says."""
        said = self.listings[0].said
        return said.starts_at if said else None

    @property
    def is_fixed(self) -> bool:
        """Whether its prices are not remembered, so that it must keep its id."""
        return self.listings[0].last is None

    def is_listed_by(self, source: str) -> bool:
        """Whether a source names it."""
        return any(listing.source == source for listing in self.listings)


class Fixtures:
    """All fixtures with two known teams, found by them.

    Parameters
    ----------
    tolerance_s : float
        By which two sources' starts of one fixture may differ.
    """

    def __init__(self, tolerance_s: float) -> None:
        self._tolerance_s = tolerance_s
        self._by_teams: dict[frozenset[str], list[Fixture]] = {}
        self._serial = count(1)

    def add(self, fixture: Fixture) -> None:
        """Let it be found by its teams; among equals, who was added first is kept."""
        if fixture.teams is not None:
            fixture.serial = fixture.serial or next(self._serial)
            alike = self._by_teams.setdefault(fixture.teams.key, [])
            if fixture not in alike:
                alike.append(fixture)

    def discard(self, fixture: Fixture, teams: Teams | None) -> None:
        """Let it no longer be found by these teams."""
        if teams is None:
            return
        alike = self._by_teams.get(teams.key, [])
        if fixture in alike:
            alike.remove(fixture)
        if not alike:
            self._by_teams.pop(teams.key, None)

    def alike(self, teams: frozenset[str]) -> Sequence[Fixture]:
        """Return all fixtures of two teams."""
        return self._by_teams.get(teams, ())

    def judge(self, source: str, teams: frozenset[str]) -> Iterator[tuple[Fixture, Fixture]]:
        """Yield each two fixtures that are one: who is kept, and who goes into it.

        The caller merges them before it asks for the next. At the end every listing
        of these teams says why it is where it is.
        """
        alike = self._by_teams.get(teams, [])
        if len(alike) > MAX_ALIKE:
            self._explain(alike, set(alike))
            return
        mine = [fixture for fixture in alike if fixture.is_listed_by(source)]
        theirs = [fixture for fixture in alike if not fixture.is_listed_by(source)]
        for one, other in list(self._of_one_id(mine, theirs)):
            mine.remove(one)
            theirs.remove(other)
            yield self._merged(one, other)
        apart = [[self._apart(one, other) for other in theirs] for one in mine]
        pairs, unclear_mine, unclear_theirs = pair(apart)
        unclear = {mine[i] for i in unclear_mine} | {theirs[i] for i in unclear_theirs}
        for row, column in pairs:
            yield self._merged(mine[row], theirs[column])
        self._explain(alike, unclear)

    def _of_one_id(
        self, mine: list[Fixture], theirs: list[Fixture]
    ) -> Iterator[tuple[Fixture, Fixture]]:
        """Yield those that two sources of one provider list under one id."""
        ids = {listing.source_id: other for other in theirs for listing in other.listings}
        for one in mine:
            for listing in one.listings:
                other = ids.get(listing.source_id)
                if other is not None and self._apart(one, other) is not None:
                    ids = {key: each for key, each in ids.items() if each is not other}
                    yield one, other
                    break

    def _merged(self, one: Fixture, other: Fixture) -> tuple[Fixture, Fixture]:
        first, second = sorted(
            (one, other), key=lambda f: (not f.is_fixed, f.event_id is None, f.serial)
        )
        self.discard(second, second.teams)
        return first, second

    def _apart(self, one: Fixture, other: Fixture) -> float | None:
        """Return the seconds between two starts; None if they can't be one fixture."""
        if any(other.is_listed_by(listing.source) for listing in one.listings):
            return None
        if one.starts_at is None or other.starts_at is None or not _agree(one, other):
            return None
        seconds = abs((one.starts_at - other.starts_at).total_seconds())
        return seconds if seconds <= self._tolerance_s else None

    def _explain(self, alike: Iterable[Fixture], unclear: set[Fixture]) -> None:
        for fixture in alike:
            if len(fixture.listings) > 1:
                why = "matched"
            else:
                why = "ambiguous" if fixture in unclear else self._why(fixture, alike)
            for listing in fixture.listings:
                listing.why = why

    def _why(self, fixture: Fixture, alike: Iterable[Fixture]) -> str:
        source = fixture.listings[0].source
        foreign = [other for other in alike if not other.is_listed_by(source)]
        if foreign:
            return "start" if any(_agree(fixture, other) for other in foreign) else "sport"
        return "twice" if any(self._is_near(fixture, other) for other in alike) else "alone"

    def _is_near(self, one: Fixture, other: Fixture) -> bool:
        if len(other.listings) == 1 or one.starts_at is None or other.starts_at is None:
            return False
        seconds = abs((one.starts_at - other.starts_at).total_seconds())
        return seconds <= self._tolerance_s


def agree(one: Listing, other: Listing) -> bool:
    """Whether two listings may be of one sport."""
    return bool(one.sports & other.sports)


def _agree(one: Fixture, other: Fixture) -> bool:
    return agree(one.listings[0], other.listings[0])
