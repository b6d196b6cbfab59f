"""One fixture, one market, one outcome, however many sources name it and however they do."""

from __future__ import annotations

import msgspec
import pytest

from protipp_stream.model import Event

from .talk import GAME, START, THEIRS, Says, at, price


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
