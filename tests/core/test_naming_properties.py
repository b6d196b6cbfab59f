"""Whatever sources say in whatever order: nothing is lost, nothing is merged wrongly."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import example, given
from hypothesis import strategies as st

from protipp_stream.core.naming import Naming
from protipp_stream.core.naming.team_names import sports_of, team_key
from protipp_stream.model import Event, Quote, Selection

from .strategies import START

TEAMS = ["Reds", "BLUES", "Blués", "Greens FC", "Greens"]
SPORTS = ["baseball_mlb", "Baseball", "tennis", "7511"]
IDS = ["1", "2", "3"]
TOLERANCE = timedelta(minutes=90)
SOURCES = ["a", "b", "c"]


@st.composite
def events(draw: st.DrawFn) -> Event:
    home, away = draw(st.sampled_from(TEAMS)), draw(st.sampled_from(TEAMS))
    minutes = draw(st.none() | st.sampled_from([0, 5, 20, 60, 100, 180, 200]))
    return Event(
        draw(st.sampled_from(IDS)),
        f"{away} @ {home}",
        draw(st.sampled_from(SPORTS)),
        None if minutes is None else START + timedelta(minutes=minutes),
        home,
        away,
    )


class Said(NamedTuple):
    source: str
    quotes: list[Quote]
    events: list[Event]


@st.composite
def batches(draw: st.DrawFn, sources: tuple[str, ...] = tuple(SOURCES)) -> Said:
    source = draw(st.sampled_from(sources))
    quotes = st.builds(
        Quote,
        # Bookmakers of its own: what two sources say of one is another question.
        bookmaker_id=st.sampled_from([f"{source}1", f"{source}2"]),
        event_id=st.sampled_from(IDS),
        market=st.sampled_from(["h2h", "spreads@-1.5", "spreads@1.5", "odd"]),
        outcome=st.sampled_from([*TEAMS, "Draw", "The Draw"]),
        odds=st.none() | st.sampled_from([1.5, 2.0]),
        commission=st.sampled_from([0.0, 0.05]),
    )
    return Said(
        source,
        draw(st.lists(quotes, max_size=6)),
        draw(st.lists(events(), max_size=4, unique_by=lambda event: event.event_id)),
    )


conversations = st.lists(batches(), max_size=12)


def take(naming: Naming, said: Said, received_at: datetime = START) -> tuple[list[Quote], ...]:
    named = naming.take(said.source, said.quotes, said.events, received_at)
    return named.moved, named.quotes


def id_of(naming: Naming, source: str, event_id: str) -> str:
    quote = Quote("nobody", event_id, "h2h", "?", None)
    return naming.take(source, [quote], [], START).quotes[0].event_id


@given(conversations, st.sampled_from([1, 2, 20_000]))
def test_every_quote_that_comes_in_goes_out_once(conversation: list[Said], most: int) -> None:
    naming = Naming({"most": most})
    for said in conversation:
        _, named = take(naming, said)
        assert [(q.bookmaker_id, q.odds, q.commission) for q in named] == [
            (q.bookmaker_id, q.odds, q.commission) for q in said.quotes
        ]
        naming.report()
    assert len(naming) <= most * len(SOURCES)


@given(conversations)
def test_no_two_events_of_one_source_are_one(conversation: list[Said]) -> None:
    naming = Naming()
    known: set[tuple[str, str]] = set()
    for said in conversation:
        take(naming, said)
        known |= {(said.source, each.event_id) for each in [*said.quotes, *said.events]}
        for source in SOURCES:
            ids = [id_of(naming, *each) for each in sorted(known) if each[0] == source]
            assert len(set(ids)) == len(ids)


@given(conversations)
def test_what_is_merged_agrees_in_teams_and_is_described(conversation: list[Said]) -> None:
    naming = Naming()
    described: dict[tuple[str, str], Event] = {}
    known: set[tuple[str, str]] = set()
    for said in conversation:
        take(naming, said)
        known |= {(said.source, each.event_id) for each in [*said.quotes, *said.events]}
        for event in said.events:
            if event.home and team_key(event.home) != team_key(event.away or ""):
                described[said.source, event.event_id] = event
        by_id: dict[str, list[tuple[str, str]]] = {}
        for each in sorted(known):
            by_id.setdefault(id_of(naming, *each), []).append(each)
        for together in by_id.values():
            if len(together) > 1:
                assert all(each in described for each in together)
                assert len({_teams(described[each]) for each in together}) == 1


def _teams(event: Event) -> frozenset[str]:
    return frozenset((team_key(event.home or ""), team_key(event.away or "")))


LATE = START + timedelta(minutes=200)


@st.composite
def turns(draw: st.DrawFn) -> Said:
    """One source, in its own spelling, about few games: so they meet."""
    source = draw(st.sampled_from(SOURCES))
    spell = {"a": str, "b": str.upper, "c": str.lower}[source]
    sides = [("Reds", "Blues"), ("Blues", "Reds"), ("Reds", "Greens")]
    described = []
    for event_id in draw(st.lists(st.sampled_from(IDS), unique=True, max_size=2)):
        home, away = draw(st.sampled_from(sides))
        starts_at = START + timedelta(minutes=draw(st.sampled_from([0, 5, 20, 200])))
        described.append(Event(event_id, spell(f"{home} v {away}"), "tennis", starts_at))
    quotes = st.builds(
        Quote,
        bookmaker_id=st.just(source),
        event_id=st.sampled_from(IDS),
        market=st.sampled_from(["h2h", "spreads@-1.5", "spreads@1.5", "odd"]),
        outcome=st.sampled_from(["Reds", "Blues", "Draw"]).map(spell),
        odds=st.none() | st.sampled_from([1.5, 2.0]),
    )
    return Said(source, draw(st.lists(quotes, max_size=4)), described)


@example(
    [
        # A doubleheader of which the second game turns out to be the first.
        Said("b", [], [Event("1", "REDS V BLUES", "tennis", LATE)]),
        Said(
            "a",
            [Quote("a", "1", "h2h", "Reds", 1.5), Quote("a", "3", "h2h", "Reds", 1.5)],
            [
                Event("1", "Reds v Blues", "tennis", START),
                Event("3", "Reds v Blues", "tennis", LATE),
            ],
        ),
        Said(
            "a",
            [],
            [
                Event("1", "Reds v Blues", "tennis", LATE),
                Event("3", "Reds v Blues", "tennis", START),
            ],
        ),
    ]
)
@example(
    [
        Said("b", [], [Event("1", "REDS V BLUES", "tennis", START)]),
        Said(
            "a",
            [
                Quote("a", "2", "spreads@-1.5", "Blues", 2.0),
                Quote("a", "2", "spreads@1.5", "Blues", 1.5),
            ],
            [Event("2", "Reds v Blues", "tennis", START)],
        ),
        Said("a", [], [Event("2", "Blues v Reds", "tennis", START)]),
    ]
)
@given(st.lists(turns(), max_size=12))
def test_the_board_shows_every_live_price_once_under_its_present_name(
    conversation: list[Said],
) -> None:
    """What moves leaves nothing behind, and brings everything with it."""
    naming = Naming()
    board: dict[Selection, float] = {}
    live: dict[tuple[str, Selection], Quote] = {}
    for said in conversation:
        for quotes in take(naming, said):
            for quote in quotes:
                board.pop(quote.selection, None)
                if quote.odds is not None:
                    board[quote.selection] = quote.odds
        for quote in said.quotes:
            live.pop((said.source, quote.selection), None)
            if quote.odds is not None:
                live[said.source, quote.selection] = quote
    expected = {}
    for (source, _), quote in live.items():
        [named] = naming.take(source, [quote], [], START).quotes
        expected[named.selection] = named.odds
    assert board == expected
    assert len(expected) == len(live)


@given(st.lists(batches(("a",)), max_size=10))
def test_one_source_comes_out_as_it_came_in(conversation: list[Said]) -> None:
    naming = Naming()
    for said in conversation:
        named = naming.take("a", said.quotes, said.events, START)
        assert all(out is came for out, came in zip(named.quotes, said.quotes, strict=True))
        assert all(out is came for out, came in zip(named.events, said.events, strict=True))
        assert named.moved == named.notes == []


@given(st.lists(batches(("a", "b", "publish")), max_size=12), st.sampled_from([1, 2, 20_000]))
def test_what_is_forgotten_leaves_nothing_behind(conversation: list[Said], most: int) -> None:
    """Not the events, a day later, nor their ids: a fourth source gets each as it is."""
    naming = Naming({"most": most})
    shown: set[str] = set()
    for said in conversation:
        named = naming.take(said.source, said.quotes, said.events, START)
        shown |= {each.event_id for each in [*named.quotes, *named.events]}
    naming.forget(shown, START)
    naming.forget([], START + timedelta(days=1))
    assert len(naming) == 0
    assert [id_of(naming, "fourth", event_id) for event_id in sorted(shown)] == sorted(shown)


listings = st.lists(events(), max_size=3, unique_by=lambda event: event.event_id)


@given(listings, listings)
def test_it_does_not_matter_who_speaks_first(mine: list[Event], theirs: list[Event]) -> None:
    def merged(first: str, *rest: str) -> set[tuple[str, str]]:
        naming = Naming()
        said = {"a": mine, "b": theirs}
        for source in (first, *rest):
            naming.take(source, [], said[source], START)
        return {
            (m.event_id, t.event_id)
            for m in mine
            for t in theirs
            if id_of(naming, "a", m.event_id) == id_of(naming, "b", t.event_id)
        }

    together = merged("a", "b")
    assert together == merged("b", "a")
    by_mine, by_theirs = ({e.event_id: e for e in each} for each in (mine, theirs))
    for m, t in together:
        one, other = by_mine[m], by_theirs[t]
        assert sports_of(one.sport) & sports_of(other.sport)
        assert one.starts_at is not None
        assert other.starts_at is not None
        assert abs(one.starts_at - other.starts_at) <= TOLERANCE


@given(
    st.permutations([(source, game) for source in SOURCES for game in range(4)]),
    st.lists(st.floats(-40, 40), min_size=12, max_size=12),
    st.lists(st.booleans(), min_size=12, max_size=12),
)
def test_what_is_clear_is_always_merged(
    order: list[tuple[str, int]], late: list[float], swapped: list[bool]
) -> None:
    """Two doubleheaders, three sources, told one by one in any order."""
    naming = Naming()
    for (source, game), minutes, is_swapped in zip(order, late, swapped, strict=True):
        home, away = ("Reds", "Blues") if game < 2 else ("Greens", "Greys")
        name = f"{away} v {home}" if is_swapped else f"{home} v {away}"
        starts_at = START + timedelta(minutes=minutes, hours=3 * (game % 2))
        event = Event(str(game), name, "tennis", starts_at)
        naming.take(source, [], [event], START)
    for game in range(4):
        assert len({id_of(naming, source, str(game)) for source in SOURCES}) == 1
    assert {report.matched for report in naming.report().values()} == {4}
