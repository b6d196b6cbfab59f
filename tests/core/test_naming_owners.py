"""Two feeds bring one bookmaker for one event: one of them counts, until it is silent."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.naming import Naming
from protipp_stream.model import Event, Quote, Selection

from .talk import GAME, START, THEIRS, Says, price

OURS, OTHERS = "Boston Red Sox", "New York Yankees"


def two(silent_s: float = 120.0, **tables: object) -> Says:
    """Both list the game; they speak a minute apart."""
    says = Says(owner_silent_s=silent_s, **tables)
    says("a", GAME)
    says("b", THEIRS)
    return says


def test_the_one_that_named_it_first_keeps_it_and_the_others_words_are_counted() -> None:
    says = two()
    assert says("a", price("a1", OURS, 1.5)).quotes == [price("a1", OURS, 1.5)]
    assert says("b", price("77", OURS, 1.62), price("77", OTHERS, 2.4)).quotes == []
    assert says("b", price("77", OURS, None)).quotes == []
    assert says.naming.report()["b"].owned == 3
    assert says("a", price("a1", OURS, None)).quotes == [price("a1", OURS, None)]


def test_another_bookmaker_or_event_has_an_owner_of_its_own() -> None:
    says = two()
    says("a", price("a1", OURS))
    other = price("77", OURS, bookmaker_id="bolt")
    assert says("b", other, price("78", OURS)).quotes == [
        price("a1", OURS, bookmaker_id="bolt"),
        price("78", OURS),
    ]
    game = msgspec.structs.replace(GAME, event_id="c9")
    assert says("c", game, price("c9", OURS, bookmaker_id="bolt")).quotes == []


def test_without_patience_the_newest_word_wins() -> None:
    says = two(silent_s=0.0)
    says("a", price("a1", OURS))
    assert says("b", price("77", OURS, None)).quotes == [price("a1", OURS, None)]


def test_a_suspension_of_the_owner_is_no_silence() -> None:
    says = two()
    says("a", price("a1", OURS))
    says("a", price("a1", OURS, None))
    assert says("b", price("77", OURS)).quotes == []


def test_who_takes_over_from_a_silent_one_withdraws_what_that_left() -> None:
    says = two()
    says("a", price("a1", OURS), price("a1", OTHERS), price("a1", "Draw"))
    says("c", GAME)
    named = says("b", price("77", OURS, 1.7), price("77", OTHERS, 2.2))
    assert named.quotes == [
        price("a1", OTHERS, None),
        price("a1", "Draw", None),
        price("a1", OURS, 1.7),
        price("a1", OTHERS, 2.2),
    ]
    assert says("a", price("a1", OURS)).quotes == []
    assert says.naming.report()["a"].owned == 1


def test_what_one_said_before_there_was_another_it_can_still_withdraw() -> None:
    says = Says(owner_silent_s=120.0)
    says("a", GAME, price("a1", OURS), price("a1", OTHERS))
    says("b", THEIRS, price("77", OURS))
    assert says("a", price("a1", OTHERS, None), price("a1", OURS, None)).quotes == [
        price("a1", OTHERS, None)
    ]


def test_what_the_first_one_named_while_it_was_alone_is_its_own_again_once() -> None:
    says = Says(owner_silent_s=120.0)
    says("a", GAME, price("a1", OURS))
    says("b", THEIRS, price("77", OURS), price("77", OTHERS))
    assert says("a", price("a1", OURS)).quotes == [price("a1", OTHERS, None), price("a1", OURS)]
    assert says("b", price("77", OURS)).quotes == []
    says("c", GAME)
    assert says("b", price("77", OURS)).quotes == [price("a1", OURS)]
    assert says("a", price("a1", OURS)).quotes == []


def test_a_publisher_neither_owns_nor_is_owned() -> None:
    says = two()
    says("a", price("a1", OURS))
    assert says("publish", price("a1", OURS, 9.0)).quotes == [price("a1", OURS, 9.0)]
    assert says("a", price("a1", OURS)).quotes == [price("a1", OURS)]


def test_a_price_that_moves_to_its_event_does_not_touch_the_owners() -> None:
    says = Says(owner_silent_s=600.0)
    says("a", GAME)
    says("b", price("77", "BOS Red Sox", 1.7))
    says("a", price("a1", OURS, 1.5))
    moved = says("b", THEIRS).moved
    assert [(quote.event_id, quote.odds) for quote in moved] == [("77", None)]
    gone = says("b", Event("77", "Mets v Cubs", "Baseball", START)).moved
    assert [quote.event_id for quote in gone if quote.odds is None] == []


def test_what_is_over_has_no_owner() -> None:
    says = two(silent_s=86400.0)
    says("a", price("a1", OURS))
    says.naming.forget(["a1"], says.clock)
    assert says("b", price("77", OURS)).quotes == [price("a1", OURS)]


words = st.tuples(
    st.sampled_from(["a", "b", "c"]),
    st.sampled_from(["x", "y", "z"]),
    st.none() | st.sampled_from([1.5, 2.0]),
    st.sampled_from([0, 50, 130]),
)


@given(st.lists(words, max_size=30))
def test_the_board_shows_one_sources_word_of_each_bookmaker(said: list[tuple[str, ...]]) -> None:
    naming, now = Naming(), START
    for source in ("a", "b", "c"):
        naming.take(source, [], [Event(source, "Reds v Blues", "tennis", START)], now)
    board: dict[Selection, str] = {}
    heard: dict[str, datetime] = {}
    for source, outcome, odds, pause_s in said:
        now += timedelta(seconds=float(pause_s))
        quote = Quote("acme", source, "odd", outcome, odds)  # type: ignore[arg-type]
        standing = set(board.values())
        named = naming.take(source, [quote], [], now)
        if not named.quotes and odds is not None:
            # Only who is not silent keeps others out.
            assert any(now - heard[each] < timedelta(seconds=120) for each in heard)
        for each in [*named.moved, *named.quotes]:
            board.pop(each.selection, None)
            if each.odds is not None:
                board[each.selection] = source
        assert len(set(board.values())) <= 1
        if odds is None:
            assert standing <= {source} or set(board.values()) == standing
        heard[source] = now
