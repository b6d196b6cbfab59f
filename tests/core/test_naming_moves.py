"""What is known of an event changes: it joins another source's event, or leaves it."""

from __future__ import annotations

import msgspec

from protipp_stream.model import Event

from .talk import GAME, START, THEIRS, Says, at, price


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
