"""What a streaming source has said and not taken back."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.book import Book
from protipp_stream.core.quarantine import quote_fault
from protipp_stream.feeds.standing import Standing
from protipp_stream.model import Quote

NOW = datetime(2026, 8, 4, tzinfo=UTC)


def quote(outcome: str, odds: float | None = 2.0, event: str = "e", bookmaker: str = "b") -> Quote:
    return Quote(bookmaker, event, "h2h", outcome, odds)


def suspended(quotes: Sequence[Quote]) -> list[str]:
    return [quote.outcome for quote in quotes if quote.odds is None]


def test_what_a_part_no_longer_names_is_withdrawn() -> None:
    standing = Standing()
    standing.replace("e", ("b", "ML"), [quote("x"), quote("y")], NOW)
    standing.replace("e", ("b", "Spread"), [quote("z")], NOW)
    assert suspended(standing.replace("e", ("b", "ML"), [quote("y", 2.1)], NOW)) == ["x"]
    assert len(standing) == 2


def test_an_image_withdraws_what_it_does_not_name() -> None:
    standing = Standing()
    standing.put([quote("x"), quote("y", event="f")], NOW)
    said = standing.image({("e", ("b",)): [quote("x")]}, NOW)
    assert suspended(said) == ["y"]
    assert "f" not in standing


def test_one_bookmaker_can_be_forgotten_without_the_others() -> None:
    standing = Standing()
    standing.put([quote("x"), quote("x", bookmaker="c")], NOW)
    [gone] = standing.forget("e", "c")
    assert gone.bookmaker_id == "c"
    assert "e" in standing
    assert suspended(standing.clear()) == ["x"]
    assert len(standing) == 0


@pytest.mark.parametrize("odds", [1.0, 0.0, float("nan"), 1e9])
def test_a_price_that_can_not_be_true_takes_away_the_one_before(odds: float) -> None:
    standing = Standing()
    standing.put([quote("x")], NOW)
    bad, gone = standing.put([quote("x", odds)], NOW)
    assert quote_fault(bad, NOW) == "odds"
    assert gone == quote("x", None)
    assert len(standing) == 0
    # There is nothing more to withdraw, but it is still there to be counted.
    assert len(standing.put([quote("x", odds)], NOW)) == 1


def test_changes_are_counted_and_repetitions_are_not() -> None:
    standing = Standing()
    standing.put([quote("x"), quote("y")], NOW)
    standing.put([quote("x"), quote("y", 3.0)], NOW)
    standing.put([quote("y", None), quote("z", None)], NOW)
    assert standing.changes == 4


def test_the_event_that_was_silent_for_the_longest_makes_room() -> None:
    standing = Standing(limit=2)
    standing.put([quote("x", event="old"), quote("y", event="new")], NOW)
    standing.put([quote("x", 2.2, event="old")], NOW)
    said = standing.put([quote("z", event="newest")], NOW)
    assert suspended(said) == ["y"]
    assert standing.crowded_out == 1
    assert len(standing) == 2


_QUOTES = st.builds(
    Quote,
    st.sampled_from(["b", "c"]),
    st.sampled_from(["e", "f"]),
    st.just("h2h"),
    st.sampled_from(["x", "y"]),
    st.sampled_from([None, 1.0, 1.5, 2.0, float("nan")]),
    st.sampled_from([None, NOW + timedelta(days=400)]),
)
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.lists(_QUOTES, max_size=4)),
        st.tuples(st.just("forget"), st.sampled_from(["e", "f"])),
        st.tuples(st.just("clear"), st.none()),
    ),
    max_size=12,
)


@given(_STEPS, st.integers(1, 8))
def test_the_board_behind_it_always_shows_exactly_what_stands(
    steps: list[tuple[str, object]], limit: int
) -> None:
    standing, book = Standing(limit), Book("t")
    for step, what in steps:
        if step == "put":
            said = standing.put(what, NOW)  # type: ignore[arg-type]
        else:
            said = standing.forget(str(what)) if step == "forget" else standing.clear()
        book.apply([q for q in said if quote_fault(q, NOW) is None], NOW)
        shown = {q.selection for q in book.quotes() if q.odds is not None}
        stands = {s for e in standing._events.values() for prices in e.values() for s in prices}
        assert shown == stands
        assert len(stands) == len(standing) <= limit
