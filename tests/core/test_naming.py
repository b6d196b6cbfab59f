"""One fixture, one market, one outcome, however many sources name it and however they do."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest

from protipp_stream.core.naming import Named, Naming
from protipp_stream.model import Event, Quote

from .strategies import START

ALIASES = {"NY Yankees": "New York Yankees", "BOS Red Sox": "Boston Red Sox"}
GAME = Event(
    "a1",
    "New York Yankees @ Boston Red Sox",
    "baseball_mlb",
    START,
    "Boston Red Sox",
    "New York Yankees",
)
THEIRS = Event("77", "BOS Red Sox v NY Yankees", "Baseball", START + timedelta(minutes=7))


def price(
    event_id: str, outcome: str, odds: float | None = 2.0, market: str = "h2h", **more: Any
) -> Quote:
    return Quote(more.pop("bookmaker_id", "acme"), event_id, market, outcome, odds, **more)


def at(minutes: float, event: Event = GAME, event_id: str | None = None) -> Event:
    starts_at = START + timedelta(minutes=minutes)
    return msgspec.structs.replace(
        event, starts_at=starts_at, event_id=event_id or f"{event.event_id}+{minutes:g}"
    )


class Says:
    """Sources that speak in turn, a minute apart."""

    def __init__(self, **tables: Any) -> None:
        self.naming = Naming({"aliases": ALIASES} | tables)
        self.clock: datetime = START - timedelta(days=1)

    def __call__(self, source: str, *said: Quote | Event) -> Named:
        self.clock += timedelta(minutes=1)
        quotes = [each for each in said if isinstance(each, Quote)]
        events = [each for each in said if isinstance(each, Event)]
        return self.naming.take(source, quotes, events, self.clock)

    def id_of(self, source: str, event_id: str) -> str:
        [named] = self(source, price(event_id, "?", None)).quotes
        return named.event_id

    def why(self, source: str) -> dict[str, int]:
        report = self.naming.report()[source]
        return report.unmatched | ({"matched": report.matched} if report.matched else {})


def test_two_sources_that_name_one_game_differently_name_one_event() -> None:
    says = Says()
    first = says("a", GAME, price("a1", "New York Yankees"))
    second = says("b", THEIRS, price("77", "NY Yankees", 2.1), price("77", "BOS Red Sox", 1.8))
    assert first.quotes == [price("a1", "New York Yankees")]
    assert first.events == [GAME]
    assert second.events == []
    assert second.quotes == [
        price("a1", "New York Yankees", 2.1),
        price("a1", "Boston Red Sox", 1.8),
    ]
    assert second.notes == ["b: 'BOS Red Sox v NY Yankees' (77) is event a1 of a"]
    assert says.why("a") == says.why("b") == {"matched": 1}


def test_without_the_table_they_are_two_and_the_report_says_which() -> None:
    says = Says(aliases={})
    says("a", GAME)
    named = says("b", THEIRS, price("77", "NY Yankees"))
    assert named.events == [THEIRS]
    assert named.quotes == [price("77", "NY Yankees")]
    assert named.notes == ["b: 'BOS Red Sox v NY Yankees' (77) is no other source's event: alone"]
    report = says.naming.report()["b"]
    assert report.unmatched == {"alone": 1}
    assert report.examples == ["alone: b: 'BOS Red Sox v NY Yankees' (77)"]


def test_a_note_is_made_once_a_fixture() -> None:
    says = Says()
    says("a", GAME)
    assert len(says("b", THEIRS).notes) == 1
    assert says("b", THEIRS, price("77", "NY Yankees")).notes == []
    assert says("b", at(9, THEIRS, "77")).notes == []


def test_commission_and_stamps_stay_with_a_price() -> None:
    says = Says()
    says("a", GAME)
    said = price("77", "NY Yankees", commission=0.05, source_timestamp=START)
    [named] = says("b", THEIRS, said).quotes
    assert named == msgspec.structs.replace(said, event_id="a1", outcome="New York Yankees")


def test_swapped_sides_swap_the_sign_of_a_spread() -> None:
    says = Says()
    says("a", GAME)
    swapped = Event("77", "NY Yankees v BOS Red Sox", "7511", START)
    [named] = says("b", swapped, price("77", "NY Yankees", market="spreads@-1.5")).quotes
    # New York gives 1.5, as it did: ours is the line of Boston, which is at home.
    assert (named.market, named.outcome) == ("spreads@1.5", "New York Yankees")


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        (at(91, THEIRS, "77"), "start"),
        (msgspec.structs.replace(THEIRS, starts_at=None), "start"),
        (msgspec.structs.replace(THEIRS, sport="Basketball"), "sport"),
        (msgspec.structs.replace(THEIRS, name="Boston Red Sox v New York Mets"), "alone"),
        (msgspec.structs.replace(THEIRS, name="World Series winner"), "teams"),
    ],
    ids=["late", "no start", "another sport", "another team", "no teams"],
)
def test_what_differs_is_another_event_and_the_reason_is_counted(theirs: Event, why: str) -> None:
    says = Says()
    says("a", GAME)
    assert says("b", theirs).events == [theirs]
    assert says.id_of("b", "77") == "77"
    assert says.why("b") == {why: 1}


def test_a_doubleheader_is_kept_apart_and_each_game_finds_its_own() -> None:
    says = Says()
    says("a", at(0), at(200))
    says("b", at(215, THEIRS), at(10, THEIRS))
    assert says.id_of("b", "77+10") == "a1+0"
    assert says.id_of("b", "77+215") == "a1+200"


def test_a_doubleheader_listed_for_nearly_one_time_is_matched_in_order() -> None:
    says = Says()
    says("a", at(0), at(5))
    says("b", at(0, THEIRS), at(5, THEIRS))
    assert [says.id_of("b", "77+0"), says.id_of("b", "77+5")] == ["a1+0", "a1+5"]


def test_one_of_two_near_games_is_ambiguous_until_the_other_one_is_listed() -> None:
    says = Says()
    says("a", at(0), at(20))
    named = says("b", at(5, THEIRS), price("77+5", "NY Yankees"))
    assert named.quotes[0].event_id == "77+5"
    assert (says.why("a"), says.why("b")) == ({"ambiguous": 2}, {"ambiguous": 1})
    assert says.naming.report()["b"].examples[0].startswith("ambiguous: b: 'BOS Red Sox")
    moved = says("b", at(25, THEIRS))
    assert [quote.event_id for quote in moved.moved] == ["77+5", "a1+0"]
    assert says.id_of("b", "77+25") == "a1+20"
    assert says.why("b") == {"matched": 2}


def test_a_source_that_lists_a_game_twice_does_not_merge_it_with_itself() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS)
    says("b", at(7, THEIRS, "78"))
    assert says.id_of("b", "77") == "a1"
    assert says.id_of("b", "78") == "78"
    assert says.why("b") == {"matched": 1, "twice": 1}


def test_two_feeds_of_one_provider_agree_by_its_ids_where_the_starts_can_not_tell() -> None:
    says = Says()
    says("us", at(0, event_id="g1"), at(0, event_id="g2"))
    says("eu", at(0, event_id="g2"), at(0, event_id="g1"))
    assert [says.id_of("eu", "g1"), says.id_of("eu", "g2")] == ["g1", "g2"]
    assert says.why("eu") == {"matched": 2}


def test_one_id_of_two_sources_for_two_games_is_two_ids() -> None:
    says = Says()
    other = Event("a1", "Mets @ Cubs", "baseball_mlb", START)
    says("a", GAME)
    named = says("b", other, price("a1", "Mets"))
    assert named.events == [msgspec.structs.replace(other, event_id="b:a1")]
    assert named.quotes == [price("b:a1", "Mets")]
    third = msgspec.structs.replace(other, name="Cardinals @ Astros")
    assert says("b:a1", third).events[0].event_id == "b:a1:a1"


def test_the_first_source_of_all_does_not_get_an_id_that_another_one_has() -> None:
    says = Says()
    says("a", GAME)
    says("b", Event("x", "Mets @ Cubs", "baseball_mlb", START))
    named = says("a", Event("x", "Cardinals @ Astros", "baseball_mlb", START), price("x", "Astros"))
    assert [event.event_id for event in named.events] == ["a:x"]
    assert named.quotes == [price("a:x", "Astros")]
    assert says.id_of("a", "x") == "a:x"


def test_no_made_up_id_is_longer_than_a_name_may_be() -> None:
    says = Says()
    long = "x" * 256
    for source in ("a", "b" * 256, "c"):
        says(source, price(long, "?"))
    ids = {says.id_of(source, long) for source in ("a", "b" * 256, "c")}
    assert len(ids) == 3
    assert max(map(len, ids)) == 256


def test_prices_before_their_description_stand_alone_and_then_move() -> None:
    says = Says()
    says("a", GAME, price("a1", "New York Yankees"))
    stamped = price("77", "BOS Red Sox", 1.8, source_timestamp=START)
    says("b", price("77", "NY Yankees", 2.05))
    early = says("b", price("77", "NY Yankees", 2.1), stamped, price("77", "gone"))
    received_at = says.clock
    assert early.quotes == [price("77", "NY Yankees", 2.1), stamped, price("77", "gone")]
    assert says.why("b") == {"undescribed": 1}
    says("b", price("77", "gone", None))
    named = says("b", THEIRS, price("77", "NY Yankees", 2.2))
    # As old as they are: without a stamp of their own, that of their arrival.
    assert named.moved == [
        price("77", "NY Yankees", None, source_timestamp=received_at),
        price("77", "BOS Red Sox", None, source_timestamp=START),
        price("a1", "New York Yankees", 2.1, source_timestamp=received_at),
        price("a1", "Boston Red Sox", 1.8, source_timestamp=START),
    ]
    assert named.quotes == [price("a1", "New York Yankees", 2.2)]
    assert says.why("b") == {"matched": 1}


def test_prices_that_turn_out_to_be_nobody_elses_stay_where_they_are() -> None:
    says = Says()
    says("a", GAME)
    says("b", price("77", "Mets"))
    named = says("b", Event("77", "Mets @ Cubs", "baseball_mlb", START))
    assert named.moved == []
    assert says.id_of("b", "77") == "77"


def test_once_matched_always_matched_however_late_it_gets() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS)
    late = at(600, THEIRS, "77")
    assert says("b", late).events == []
    assert says.id_of("b", "77") == "a1"
    assert says("a", at(1440, GAME, "a1")).events == [at(1440, GAME, "a1")]
    assert says.id_of("b", "77") == "a1"


def test_a_corrected_start_lets_two_events_become_one() -> None:
    says = Says()
    says("a", at(0, GAME, "a1"))
    says("b", at(-300, THEIRS, "77"), price("77", "NY Yankees", 2.1))
    assert says.why("b") == {"start": 1}
    named = says("b", THEIRS)
    assert [quote.event_id for quote in named.moved] == ["77", "a1"]
    says = Says()
    says("a", at(300, GAME, "a1"))
    says("b", THEIRS, price("77", "NY Yankees", 2.1))
    named = says("a", GAME)
    # The first source's own prices never move: the other's do.
    assert [quote.event_id for quote in named.moved] == ["77", "a1"]
    assert says.id_of("a", "a1") == says.id_of("b", "77") == "a1"


def test_the_first_source_of_all_never_moves_though_another_was_quicker() -> None:
    says = Says()
    says("a", Event("a2", "Mets @ Cubs", "baseball_mlb", START))
    says("b", at(-300, THEIRS, "77"), price("77", "NY Yankees", 2.1))
    says("a", GAME, price("a1", "New York Yankees"))
    named = says("b", THEIRS)
    assert [quote.event_id for quote in named.moved] == ["77", "a1"]
    assert says.id_of("b", "77") == "a1"


def test_who_named_it_first_keeps_its_id_however_often_it_says_so() -> None:
    says = Says()
    says("a", Event("a2", "Mets @ Cubs", "baseball_mlb", START))
    says("b", at(-300, THEIRS, "77"))
    says("c", at(0, THEIRS, "c9"))
    says("b", at(-290, THEIRS, "77"))
    says("c", at(-290, THEIRS, "c9"))
    assert says.id_of("b", "77") == says.id_of("c", "c9") == "77"


def test_an_event_that_changes_its_teams_is_judged_anew() -> None:
    says = Says()
    mets = Event("a2", "New York Mets @ Chicago Cubs", "baseball_mlb", START)
    says("a", GAME, mets)
    says("b", THEIRS, price("77", "NY Yankees", 2.1))
    renamed = Event("77", "Chicago Cubs v New York Mets", "Baseball", START)
    named = says("b", renamed, price("77", "Chicago Cubs", 1.8))
    assert [(q.event_id, q.outcome, q.odds) for q in named.moved] == [
        ("a1", "New York Yankees", None),
        ("a2", "NY Yankees", 2.1),
    ]
    assert named.quotes == [price("a2", "Chicago Cubs", 1.8)]
    assert says.naming.report()["b"].renamed == 1
    assert says.why("a") == {"matched": 1, "alone": 1}


def test_who_joined_an_event_that_changes_its_teams_goes_out_of_it() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS, price("77", "NY Yankees", 2.1))
    says("c", msgspec.structs.replace(THEIRS, event_id="c9"))
    changed = Event("a1", "Mets @ Cubs", "baseball_mlb", START)
    named = says("a", changed)
    assert named.events == [changed, THEIRS]
    assert [(q.event_id, q.outcome, q.odds) for q in named.moved] == [
        ("a1", "New York Yankees", None),
        ("77", "NY Yankees", 2.1),
    ]
    assert says.id_of("b", "77") == says.id_of("c", "c9") == "77"
    assert says.why("a") == {"alone": 1}


def test_a_first_source_that_swaps_its_sides_turns_the_lines_of_the_others() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS, price("77", "NY Yankees", market="spreads@-1.5"))
    swapped = msgspec.structs.replace(GAME, home=GAME.away, away=GAME.home)
    named = says("a", swapped)
    assert [(q.market, q.odds) for q in named.moved] == [
        ("spreads@-1.5", None),
        ("spreads@1.5", 2.0),
    ]


def test_a_publisher_speaks_of_our_events_by_our_ids() -> None:
    says = Says()
    says("a", GAME)
    named = says("publish", price("a1", "NY Yankees"))
    assert named.quotes == [price("a1", "New York Yankees")]
    assert says.why("publish") == {"matched": 1}
    other = Event("a1", "Mets @ Cubs", "baseball_mlb", START)
    assert says("publish", other).events == [msgspec.structs.replace(other, event_id="publish:a1")]


def test_a_publisher_that_is_quicker_than_the_feed_does_not_take_its_id() -> None:
    says = Says()
    says("publish", price("a1", "New York Yankees"))
    named = says("a", GAME, price("a1", "New York Yankees"))
    assert named.events == [GAME]
    assert named.quotes == [price("a1", "New York Yankees")]
    assert says.id_of("publish", "a1") == "a1"


def test_a_sources_own_table_holds_for_the_first_source_too() -> None:
    table = {"markets": {"ML": "h2h"}, "outcomes": {"W1": "home"}}
    says = Says(sources={"a": table})
    named = says("a", GAME, price("a1", "W1", market="ML"), price("a1", "x", market="odd"))
    assert named.quotes == [
        price("a1", "Boston Red Sox"),
        price("a1", "x", market="odd"),
    ]
    report = says.naming.report()["a"]
    assert report.unknown == {"market": 1}
    assert report.examples == [
        "alone: a: 'New York Yankees @ Boston Red Sox' (a1)",
        "market: 'odd'",
    ]


def test_an_unknown_outcome_passes_and_is_counted_once() -> None:
    says = Says()
    says("a", GAME)
    for _ in range(3):
        assert says("b", THEIRS, price("77", "Nobody")).quotes == [price("a1", "Nobody")]
    assert says.naming.report()["b"].unknown == {"outcome": 1}


def test_a_forgotten_event_is_forgotten_by_all_its_names() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS)
    assert len(says.naming) == 2
    says.naming.forget("a1")
    says.naming.forget("never known")
    assert len(says.naming) == 0
    assert says("b", THEIRS).events == [THEIRS]
    assert says.id_of("a", "a1") == "a1"


def test_events_that_somebody_makes_up_fill_no_memory_and_hide_no_others() -> None:
    says = Says(most=50)
    says("a", GAME, Event("e0", "Mets @ Cubs", "baseball_mlb", START))
    says("b", THEIRS, price("77", "NY Yankees"))
    for number in range(500):
        says("publish", price(f"made up {number}", "x"))
    assert len(says.naming) == 53
    assert says.naming.report()["publish"].evicted == 450
    assert says.id_of("b", "77") == "a1"
    named = says("b", *[Event(f"e{n}", f"A{n} v B{n}", "tennis", START) for n in range(120)])
    assert [event.event_id for event in named.events] == ["b:e0", *(f"e{n}" for n in range(1, 120))]
    assert [(quote.event_id, quote.odds) for quote in named.moved] == [("a1", None)]
    assert len(says.naming) == 101


@pytest.mark.parametrize("event", [GAME, at(1, GAME, "a1")], ids=["unchanged", "changed"])
def test_what_was_described_last_is_evicted_last(event: Event) -> None:
    says = Says(most=2)
    says("a", GAME, Event("a2", "Mets @ Cubs", "baseball_mlb", START))
    says("b", THEIRS)
    says("a", event)
    says("a", Event("a3", "Cardinals @ Astros", "baseball_mlb", START))
    assert says.id_of("b", "77") == "a1"


def test_one_pair_of_teams_with_a_thousand_games_is_compared_with_nobody() -> None:
    says = Says()
    says("a", GAME)
    says("b", *[at(number / 10, THEIRS) for number in range(1000)])
    assert says.why("b") == {"ambiguous": 1000}
    assert len(says.naming.report()["b"].examples) == 20
