"""A match that turns out to be wrong is undone; a mere delay undoes none."""

from __future__ import annotations

import pytest

from .talk import GAME, THEIRS, Says, at, price


def test_the_second_game_first_listed_at_a_wrong_time_leaves_the_first_one() -> None:
    """Two games under one id looked like an arbitrage of 5 %."""
    says = Says()
    says("a", at(0, GAME, "a1"), price("a1", "New York Yankees", 2.1))
    named = says("b", at(72, THEIRS, "b2"), price("b2", "BOS Red Sox", 2.1))
    came = says.clock
    assert [quote.event_id for quote in named.quotes] == ["a1"]
    says("a", at(0, GAME, "a1"), at(240, GAME, "a2"))
    named = says("b", at(0, THEIRS, "b1"), at(240, THEIRS, "b2"), price("b1", "NY Yankees"))
    assert named.moved == [
        price("a1", "Boston Red Sox", None, source_timestamp=came),
        price("a2", "Boston Red Sox", 2.1, source_timestamp=came),
    ]
    assert [quote.event_id for quote in named.quotes] == ["a1"]
    assert says.id_of("b", "b2") == "a2"
    assert says.why("a") == says.why("b") == {"matched": 2}
    assert says.naming.report()["b"].parted == 1
    assert says.naming.report()["a"].parted == 0


def test_the_wrong_one_leaves_though_its_own_game_is_not_listed_yet() -> None:
    says = Says()
    says("a", GAME)
    says("b", at(72, THEIRS, "b2"))
    named = says("b", at(240, THEIRS, "b2"), at(3, THEIRS, "b1"))
    assert [event.event_id for event in named.events] == ["b2"]
    assert [says.id_of("b", "b1"), says.id_of("b", "b2")] == ["a1", "b2"]
    assert "b: 'BOS Red Sox v NY Yankees' (b2) is no other source's event: alone" in named.notes


def test_the_wrong_one_may_be_the_one_that_named_it_first() -> None:
    says = Says()
    says("a", at(72, GAME, "a2"))
    says("b", at(0, THEIRS, "b1"), price("b1", "NY Yankees", 2.1))
    named = says("a", at(0, GAME, "a1"), at(240, GAME, "a2"))
    assert [(quote.event_id, quote.odds) for quote in named.moved] == [("a2", None), ("a1", 2.1)]
    assert says.id_of("b", "b1") == "a1"


def test_a_game_put_off_to_the_next_day_is_the_next_days() -> None:
    says = Says()
    says("a", at(0, GAME, "a1"), at(1440, GAME, "a2"))
    says("b", at(0, THEIRS, "b1"), price("b1", "NY Yankees", 2.9))
    named = says("b", at(1440, THEIRS, "b1"))
    assert [(quote.event_id, quote.odds) for quote in named.moved] == [("a1", None), ("a2", 2.9)]
    assert says.id_of("b", "b1") == "a2"


def test_a_nearer_game_that_is_listed_later_takes_its_own() -> None:
    says = Says()
    says("a", at(0, GAME, "a1"))
    says("b", at(60, THEIRS, "b2"))
    says("b", at(0, THEIRS, "b1"))
    assert says.id_of("b", "b2") == "a1"
    says("a", at(62, GAME, "a2"))
    assert [says.id_of("b", "b1"), says.id_of("b", "b2")] == ["a1", "a2"]


def test_two_games_whose_starts_were_swapped_swap_places() -> None:
    says = Says()
    says("a", at(0), at(240))
    says("b", at(0, THEIRS, "b1"), at(240, THEIRS, "b2"))
    says("b", at(240, THEIRS, "b1"), at(0, THEIRS, "b2"))
    assert [says.id_of("b", "b1"), says.id_of("b", "b2")] == ["a1+240", "a1+0"]
    assert says.naming.report()["b"].parted == 2


@pytest.mark.parametrize("minutes", [80, 150, -170])
def test_a_delay_that_one_source_hears_of_first_parts_nothing(minutes: float) -> None:
    says = Says()
    says("a", at(0, GAME, "a1"))
    says("b", THEIRS, price("77", "NY Yankees"))
    for source, event in (("b", at(minutes, THEIRS, "77")), ("a", at(minutes, GAME, "a1"))):
        assert says(source, event).moved == []
        assert says.id_of("b", "77") == "a1"


@pytest.mark.parametrize("late", [100, 150, 200, 240, 300])
def test_a_doubleheader_that_is_late_as_a_whole_is_not_shifted_by_one_game(late: float) -> None:
    says = Says()
    says("a", at(0, GAME, "a1"), at(200, GAME, "a2"))
    says("b", at(0, THEIRS, "b1"), at(200, THEIRS, "b2"))
    for source, event, ids in (("b", THEIRS, ("b1", "b2")), ("a", GAME, ("a1", "a2"))):
        says(source, at(late, event, ids[0]), at(200 + late, event, ids[1]))
        assert says.id_of("b", "b1") != "a2"
        assert says.id_of("b", "b2") != "a1"
    assert [says.id_of("b", "b1"), says.id_of("b", "b2")] == ["a1", "a2"]


def test_who_left_for_good_comes_back_when_the_other_says_so_too() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS, price("77", "NY Yankees", 2.1))
    late = at(600, THEIRS, "77")
    named = says("b", late)
    assert named.events == [late]
    assert [(quote.event_id, quote.odds) for quote in named.moved] == [("a1", None), ("77", 2.1)]
    assert says.why("b") == {"start": 1}
    named = says("a", at(600, GAME, "a1"))
    assert [(quote.event_id, quote.odds) for quote in named.moved] == [("77", None), ("a1", 2.1)]
    assert says.why("b") == {"matched": 1}


def test_ids_of_one_provider_say_more_than_starts_that_are_near() -> None:
    says = Says()
    says("us", at(0, event_id="g1"))
    says("eu", at(40, event_id="g1"))
    says("us", at(42, event_id="g2"))
    assert says.id_of("eu", "g1") == "g1"


def test_who_parts_from_the_first_together_stays_together() -> None:
    says = Says()
    says("a", GAME)
    says("b", THEIRS)
    says("c", at(3, THEIRS, "c9"))
    says("a", at(1440, GAME, "a1"))
    assert says.id_of("b", "77") == says.id_of("c", "c9") == "77"
