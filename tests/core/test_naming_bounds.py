"""What is over, and what somebody makes up: nothing is remembered for ever."""

from __future__ import annotations

import pytest

from protipp_stream.model import Event

from .talk import GAME, START, THEIRS, Says, at, price


def test_an_unknown_outcome_passes_and_is_counted_once() -> None:
    says = Says()
    says("a", GAME)
    for _ in range(3):
        assert says("b", THEIRS, price("77", "Nobody")).quotes == [price("a1", "Nobody")]
    assert says.naming.report()["b"].unknown == {"outcome": 1}


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


def test_lines_that_are_quoted_and_withdrawn_all_day_are_not_all_remembered() -> None:
    says = Says(sources={"a": {"outcomes": {"O": "Over"}}})
    says("a", GAME)
    says("b", THEIRS, price("77", "NY Yankees"))
    for line in range(5000):
        for source, event_id in (("a", "a1"), ("b", "77")):
            says(source, price(event_id, "O", market=f"totals@{line}.5"))
            says(source, price(event_id, "O", None, market=f"totals@{line}.5"))
    for source in ("a", "b"):
        [listing] = says.naming._sources[source].listings.values()
        assert len(listing.words) <= 1100
    assert says("b", price("77", "NY Yankees")).quotes == [price("a1", "New York Yankees")]


def test_what_is_live_is_translated_once_however_much_it_is() -> None:
    says = Says()
    says("a", GAME)
    lines = [price("77", "Nobody", market=f"totals@{line}.5") for line in range(4000)]
    says("b", THEIRS, *lines)
    says("b", *lines)
    assert says.naming.report()["b"].unknown == {"outcome": 4000}
