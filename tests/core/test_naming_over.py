"""What the board has forgotten comes back under its name, if play goes on."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from protipp_stream.model import Event

from .talk import GAME, START, THEIRS, Says, at, price


def over(says: Says, *event_ids: str, days: float = 0) -> None:
    says.naming.forget(event_ids, says.clock + timedelta(days=days))


def test_after_an_hour_of_rain_both_sources_speak_of_one_game_again() -> None:
    """Feeds describe only what is new: without memory the two never met again."""
    says = Says()
    says("a", GAME, price("a1", "New York Yankees"))
    says("b", THEIRS, price("77", "NY Yankees"))
    over(says, "a1", "never known")
    named = says("b", price("77", "NY Yankees", 2.2))
    assert named.quotes == [price("a1", "New York Yankees", 2.2)]
    # The board has forgotten its name, too.
    assert (named.events, named.moved, named.notes) == ([GAME], [], [])
    again = says("a", price("a1", "New York Yankees"), price("a1", "Boston Red Sox"))
    assert [quote.event_id for quote in again.quotes] == ["a1", "a1"]
    assert again.events == says("b", price("77", "NY Yankees")).events == []
    assert says.why("a") == says.why("b") == {"matched": 1}


def test_one_source_alone_describes_again_what_comes_back() -> None:
    says = Says()
    says("a", GAME)
    over(says, "a1")
    assert says("a", price("a1", "Boston Red Sox", None)).events == []
    said = price("a1", "Boston Red Sox")
    named = says("a", said)
    assert named.events == [GAME]
    assert named.quotes[0] is said
    assert says("a", said).events == []


def test_a_new_description_of_what_is_over_tells_the_board_the_first_ones() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS)
    over(says, "a1")
    assert says("b", at(95, THEIRS, "77")).events == [GAME]
    assert says("b", at(99, THEIRS, "77")).events == []


def test_who_lists_a_game_only_after_the_rain_finds_it() -> None:
    says = Says()
    says("a", GAME)
    over(says, "a1")
    named = says("b", THEIRS, price("77", "NY Yankees"))
    assert named.events == [GAME]
    assert named.quotes == [price("a1", "New York Yankees")]


def test_prices_of_what_is_over_are_not_kept() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS, price("77", "NY Yankees", 2.1))
    over(says, "a1")
    changed = says("b", Event("77", "Cubs v Mets", "Baseball", START))
    assert changed.moved == []


def test_after_a_day_it_is_forgotten_by_all_its_names() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS)
    over(says, "a1")
    over(says, days=0.9)
    assert len(says.naming) == 2
    over(says, days=1.1)
    assert len(says.naming) == 0
    assert says("b", THEIRS).events == [THEIRS]
    assert says.id_of("a", "a1") == "a1"


def test_what_came_back_is_not_forgotten_after_a_day() -> None:
    says = Says()
    says("a", GAME)
    over(says, "a1")
    says("a", price("a1", "Boston Red Sox"))
    over(says, days=2)
    assert len(says.naming) == 1


def test_prices_that_nobody_described_are_forgotten_at_once() -> None:
    says = Says()
    says("a", price("x", "?"))
    over(says, "x")
    assert len(says.naming) == 0


def test_of_what_is_over_no_more_is_kept_than_of_anything() -> None:
    says = Says(most=3)
    for number in range(9):
        says("a", msgspec.structs.replace(GAME, event_id=f"e{number}"))
        over(says, f"e{number}")
    assert len(says.naming) == 3
    over(says, days=2)
    assert len(says.naming) == 0
