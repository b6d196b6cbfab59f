"""One name for what several sources name: fixtures, markets, outcomes.

The rules:

- The first source that names a fixture names it for us: its event id, its teams as
  it writes them. A second source's event is the same fixture if sport and both
  teams agree (in any order) and the starts are near, each source once, and the
  nearest clearly so (`pairing`). What is not clear is not merged, but counted.
- An id of a source is a stable key: once matched it stays so until its teams change,
  or its start moves so far that it is another game's (`parting`). An event that
  stands alone is judged again whenever its source describes it anew.
- A price without a description goes on under its source's own id. When it turns out
  to be another fixture's, it is suspended there and appears here, as old as it is.
- No two sources share an id by chance: the second one's becomes ``source:id``.
- What the board forgets is known for a day more, without its prices: play may go on
  after a rain delay, and feeds describe only what is new.
- Of two sources that bring one bookmaker for an event, one counts (`owners`).
- Every other quote that comes in goes out, once. What has no name of ours keeps its own.

The first source of all, alone, comes out as it came in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from protipp_stream.core.naming.bookmaker_names import BookmakerNames
from protipp_stream.core.naming.fixtures import Fixture, Fixtures, Listing
from protipp_stream.core.naming.named import Named, renamed
from protipp_stream.core.naming.outcome_names import Perspective
from protipp_stream.core.naming.owners import Owners
from protipp_stream.core.naming.parting import leaving
from protipp_stream.core.naming.prices import in_our_words, moves, remember, shown
from protipp_stream.core.naming.report import NameReport, report_of
from protipp_stream.core.naming.sources import Source
from protipp_stream.core.naming.tables import NameTables, SourceNames
from protipp_stream.core.naming.team_names import sports_of, teams_of
from protipp_stream.model import MAX_NAME_LENGTH, Event, Quote, Selection

__all__ = ["Naming"]

_NO_WORDS = SourceNames()
_KEPT_WHEN_OVER = timedelta(days=1)


class Naming:
    """Maps what each source names to our names.

    Parameters
    ----------
    tables : NameTables or mapping, optional
        What a user knows about names.

    Raises
    ------
    ConfigurationError
        If the tables make no sense.

    Examples
    --------
    >>> naming = Naming({"aliases": {"NY Yankees": "New York Yankees"}})
    """

    def __init__(self, tables: NameTables | Mapping[str, Any] | None = None) -> None:
        if tables is None:
            tables = NameTables()
        self.tables = tables if isinstance(tables, NameTables) else NameTables.read(tables)
        self._aliases = self.tables.alias_keys()
        self._sources: dict[str, Source] = {}
        self._tolerance_s = self.tables.tolerance_min * 60
        self._fixtures = Fixtures(self._tolerance_s)
        self._bookmakers = BookmakerNames(self.tables)
        self._owners = Owners(self.tables.owner_silent_s)
        self._claimed: dict[str, Listing] = {}
        # What the board has forgotten, and until when we have not.
        self._over: dict[Fixture, datetime] = {}
        # Of the batch that is being taken: what stood on the board of each listing
        # that moves, who has to be judged, what is not over after all.
        self._before: dict[Listing, dict[Selection, Quote]] = {}
        self._pending: dict[tuple[str, frozenset[str]], None] = {}
        self._woken: list[Fixture] = []
        self._moved: list[Quote] = []
        self._notes: list[str] = []
        self._now: datetime

    def __len__(self) -> int:
        return sum(len(source.listings) for source in self._sources.values())

    def take(
        self, source_id: str, quotes: list[Quote], events: list[Event], received_at: datetime
    ) -> Named:
        """Bring a batch of a source into our names.

        Parameters
        ----------
        source_id : str
            The id of the feed.
        quotes, events : list
            Sound ones: see `core.quarantine`.
        received_at : datetime
            UTC: when they arrived. A price that moves later without a stamp of its
            bookmaker gets this one, or it would look fresh.
        """
        source = self._sources.get(source_id) or self._meet(source_id)
        self._moved, self._notes, self._woken, self._now = [], [], [], received_at
        quotes = self._bookmakers.take(source_id, quotes, self._notes)
        told: list[Event] = []
        most = self.tables.most
        for start in range(0, len(events), most):
            # Never so many at once that the last ones evict the first.
            told += self._describe(source_id, source, events[start : start + most])
        named = []
        listings = source.listings
        for quote in quotes:
            listing = listings.get(quote.event_id)
            if listing is None:
                listing = self._undescribed(source_id, source, quote.event_id)
            named.append(quote if listing.is_plain else self._named(listing, quote, received_at))
        named = self._owned(source_id, named)
        if self._woken:
            told = self._told_again(told)
        return Named(named, told, self._moved, self._notes)

    def forget(self, event_ids: Iterable[str], now: datetime) -> None:
        """Forget the prices of what is over, by our ids; after a day all the rest.

        Parameters
        ----------
        now : datetime
            UTC.
        """
        for event_id in event_ids:
            listing = self._claimed.get(event_id)
            if listing is not None:
                self._lay_down(listing.fixture, now)
        for fixture in [each for each, until in self._over.items() if until <= now]:
            self._drop(fixture)

    def report(self) -> dict[str, NameReport]:
        """Return what was matched and what was not, and why, by source."""
        return {
            name: report_of(source.listings.values(), source.tally)
            for name, source in self._sources.items()
        }

    def _meet(self, source_id: str) -> Source:
        if len(self._sources) == 1:
            [(first, known)] = self._sources.items()
            ids = (each.fixture.event_id for each in known.listings.values())
            self._owners.begin(first, ids)
        names = self.tables.sources.get(source_id)
        source = self._sources[source_id] = Source(names, is_first=not self._sources)
        return source

    # ------------------------------------------------------------------- quotes

    def _named(self, listing: Listing, quote: Quote, received_at: datetime) -> Quote:
        if listing.fixture.is_over and quote.odds is not None:
            self._wake(listing.fixture)
        remember(listing, quote, received_at)
        return in_our_words(listing, quote, self._sources[listing.source].tally)

    def _owned(self, source: str, quotes: list[Quote]) -> list[Quote]:
        # Publishers speak of what others bring, and mean it.
        tables = self.tables
        if len(self._sources) == 1 or source in tables.ours or not tables.owner_silent_s:
            return quotes
        return self._owners.take(source, quotes, self._now, self._sources[source].tally)

    def _undescribed(self, source_id: str, source: Source, event_id: str) -> Listing:
        listing = self._list(source_id, source, event_id)
        self._settle(listing.fixture)
        self._orient(listing)
        return listing

    # ------------------------------------------------------------- descriptions

    def _describe(self, source_id: str, source: Source, events: list[Event]) -> list[Event]:
        self._before = {}
        heard = [(self._hear(source_id, source, event), event) for event in events]
        for teams in dict.fromkeys(teams for _, teams in self._pending):
            for listing in leaving(self._fixtures.alike(teams), self._tolerance_s):
                self._sources[listing.source].tally.parted += 1
                self._touch(listing)
                self._part(listing)
        while self._pending:
            name, teams = next(iter(self._pending))
            del self._pending[name, teams]
            for kept, gone in self._fixtures.judge(name, teams):
                self._merge(kept, gone)
        touched = self._before
        for listing in touched:
            self._settle(listing.fixture)
        moved: list[Quote] = []
        for listing, stood in touched.items():
            self._orient(listing)
            moved += self._owned(listing.source, moves(stood, self._shown(listing)))
            self._rest(listing)
            note = self._sources[listing.source].note(listing, len(self._sources) == 1)
            self._notes += [note] if note else []
        # First what leaves: where two trade places, one would take the other's price along.
        self._moved += sorted(moved, key=lambda quote: quote.odds is not None)
        # Who was parted by another's new description has to be described as well.
        spoke = {listing for listing, _ in heard}
        heard += [(each, each.said) for each in touched if each.said and each not in spoke]
        return [renamed(said, each.fixture.event_id) for each, said in heard if each.is_first]

    def _hear(self, source_id: str, source: Source, event: Event) -> Listing:
        listing = source.listings.get(event.event_id)
        if listing is None:
            listing = self._list(source_id, source, event.event_id)
        else:
            # The oldest is evicted first; this one is not it.
            source.listings[event.event_id] = source.listings.pop(event.event_id)
            self._wake(listing.fixture)
            if listing.said == event:
                return listing
        self._touch(*listing.fixture.listings if listing.is_first else (listing,))
        before, after = listing.teams, teams_of(event, self._aliases)
        listing.said, listing.teams = event, after or before
        listing.sports = sports_of(event.sport, self.tables.sports)
        if listing.teams is None:
            listing.why = "teams"
        elif before is None or before.key != listing.teams.key:
            self._change_teams(listing)
            source.tally.renamed += before is not None
        if listing.is_first:
            self._fixtures.discard(listing.fixture, before)
            self._fixtures.add(listing.fixture)
        self._judge_later(listing)
        return listing

    def _change_teams(self, listing: Listing) -> None:
        """Part who was one by teams that are no longer the same."""
        fixture = listing.fixture
        first = fixture.listings[0]
        parted = fixture.listings[1:] if listing is first else [listing]
        self._judge_later(first)
        for other in parted:
            if other.teams and first.teams and other.teams.key != first.teams.key:
                self._part(other)

    def _part(self, listing: Listing) -> None:
        listing.fixture.listings.remove(listing)
        listing.fixture = Fixture(listing)
        self._fixtures.add(listing.fixture)
        self._judge_later(listing)

    def _judge_later(self, listing: Listing) -> None:
        if listing.teams is not None:
            self._pending[listing.source, listing.teams.key] = None

    def _merge(self, kept: Fixture, gone: Fixture) -> None:
        self._wake(kept)
        self._wake(gone)
        self._touch(*gone.listings)
        for listing in gone.listings:
            listing.fixture = kept
        kept.listings += gone.listings

    # ---------------------------------------------------------------- listings

    def _list(self, source_id: str, source: Source, event_id: str) -> Listing:
        """Begin to know an event of a source by its own id."""
        while len(source.listings) >= self.tables.most:
            self._evict(source)
        listing = source.listings[event_id] = Listing(source_id, event_id)
        known = self._claimed.get(event_id)
        if known is None:
            return listing
        fixture = known.fixture
        if source_id in self.tables.ours:
            listing.fixture, listing.why = fixture, "matched"
            fixture.listings.append(listing)
        elif all(self._is_a_guest(each) for each in fixture.listings):
            # Prices under our id came before the source whose id it is.
            self._touch(*fixture.listings)
            known.own_id = None
            listing.fixture, listing.own_id = fixture, event_id
            fixture.listings.insert(0, listing)
            self._claimed[event_id] = listing
        return listing

    def _is_a_guest(self, listing: Listing) -> bool:
        return listing.said is None and listing.source in self.tables.ours

    def _settle(self, fixture: Fixture) -> None:
        """Give a fixture its id: that of its first listing, once and for all."""
        if fixture.event_id is None:
            first = fixture.listings[0]
            if first.own_id is None:
                first.own_id = self._free_id(first)
                self._claimed[first.own_id] = first
            fixture.event_id = first.own_id

    def _free_id(self, listing: Listing) -> str:
        name, number = listing.source_id, 0
        while name in self._claimed:
            prefix = f"{listing.source}:{number}" if number else listing.source
            name = f"{prefix}:{listing.source_id}"[:MAX_NAME_LENGTH]
            number += 1
        return name

    def _orient(self, listing: Listing) -> None:
        """See how its words become ours, after it or its fixture has changed."""
        names = self._sources[listing.source].names
        listing.words = {}
        if listing.is_first and names is None:
            listing.view = None
        else:
            ours = listing.fixture.teams
            listing.view = Perspective(
                listing.source, names or _NO_WORDS, listing.teams, ours, self._aliases
            )

    def _touch(self, *listings: Listing) -> None:
        for listing in listings:
            if listing not in self._before:
                self._before[listing] = self._shown(listing)

    def _rest(self, listing: Listing) -> None:
        """Remember prices only where they may have to move.

        The first source's never do: others move to it. So a gateway with one source
        pays nothing for what only several can need.
        """
        is_first_of_all = self._sources[listing.source].is_first
        if is_first_of_all and listing.is_first and listing.said is not None:
            listing.last = None
        elif listing.last is None:
            listing.last = {}
        listing.is_plain = (
            listing.last is None
            and listing.view is None
            and not listing.fixture.is_over
            and listing.fixture.event_id == listing.source_id
        )

    def _shown(self, listing: Listing) -> dict[Selection, Quote]:
        return shown(listing, self._sources[listing.source].tally)

    # --------------------------------------------------------------- forgetting

    def _lay_down(self, fixture: Fixture, now: datetime) -> None:
        if fixture.listings[0].said is None:
            self._drop(fixture)
            return
        fixture.is_over = True
        self._owners.forget(fixture.event_id)
        self._over[fixture] = now + _KEPT_WHEN_OVER
        for listing in fixture.listings:
            listing.is_plain, listing.words = False, {}
            if listing.last is not None:
                listing.last = {}

    def _wake(self, fixture: Fixture) -> None:
        if fixture.is_over:
            fixture.is_over = False
            del self._over[fixture]
            for listing in fixture.listings:
                self._rest(listing)
            self._woken.append(fixture)

    def _told_again(self, told: list[Event]) -> list[Event]:
        """Add what the board has forgotten to what it is told anyway."""
        ids = {event.event_id for event in told}
        firsts = [(each.listings[0], each) for each in self._woken if each.event_id not in ids]
        again = [
            renamed(first.said, fixture.event_id)
            for first, fixture in firsts
            if first.said and first.fixture is fixture
        ]
        return [*again, *told]

    def _evict(self, source: Source) -> None:
        fixture = next(iter(source.listings.values())).fixture
        source.tally.evicted += 1
        for listing in fixture.listings[1:]:
            # They come again under an id of their own; here they would stand for ever.
            self._moved += self._owned(listing.source, moves(self._shown(listing), {}))
        self._drop(fixture)

    def _drop(self, fixture: Fixture) -> None:
        self._fixtures.discard(fixture, fixture.teams)
        self._over.pop(fixture, None)
        self._owners.forget(fixture.event_id)
        for listing in fixture.listings:
            del self._sources[listing.source].listings[listing.source_id]
            if listing.own_id is not None:
                del self._claimed[listing.own_id]
