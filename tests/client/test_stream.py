"""`UpdateStream` and `Changes` by themselves: what is handed out, and what is announced."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.client.changes import Board, Changes
from protipp_stream.client.stream import MissedUpdatesWarning, UpdateStream
from protipp_stream.core.book import Book
from protipp_stream.errors import ConnectionEnded, UpdatesMissed
from protipp_stream.model import OddsUpdate, Quote
from tests.scripted import EVENT, quote


def updates(*prices: float) -> list[OddsUpdate]:
    book = Book("e")
    return [book.apply([quote(price)], datetime.now(UTC))[0] for price in prices]


def stream(**options: object) -> UpdateStream:
    return UpdateStream(forget=lambda _: None, **options)  # type: ignore[arg-type]


def test_a_slow_reader_is_told_how_many_it_lost() -> None:
    slow = stream(capacity=3, on_gap="raise")
    slow.add(updates(2, 3, 4, 5, 6))
    with pytest.raises(UpdatesMissed, match="the 2 oldest were dropped"):
        next(slow)
    assert [next(slow).new_odds for _ in range(3)] == [4, 5, 6]


def test_a_gap_is_announced_at_its_place() -> None:
    reader = stream()
    first, second = updates(2, 3)
    reader.add([first])
    reader.note_gap("a snapshot")
    reader.add([second])
    assert next(reader) is first
    with pytest.warns(MissedUpdatesWarning, match="a snapshot"):
        assert next(reader) is second


def test_what_came_before_the_end_is_still_handed_out() -> None:
    reader = stream()
    reader.add(updates(2, 3))
    reader.end(ConnectionEnded("revoked"))
    assert [next(reader).new_odds, next(reader).new_odds] == [2, 3]
    with pytest.raises(ConnectionEnded):
        next(reader)


def test_waiting_has_an_end() -> None:
    assert stream().next(timeout=0.01) is None


@given(st.lists(st.one_of(st.floats(1.1, 50.0), st.just("take"), st.just("reset")), max_size=40))
def test_taking_changes_rebuilds_the_board(steps: list[float | str]) -> None:
    """Whatever is taken when: what a reader has put together is the board."""
    book = Book("e")
    changes = Changes(lambda: Board(book.cursor, book.quotes(), {}), lambda _: None)
    seen: dict[object, float | None] = {}

    def take() -> None:
        change = changes.take()
        if change is None:
            return
        if change.snapshot:
            seen.clear()
        seen.update({q.selection: q.odds for q in change.quotes})
        seen.update({u.selection: u.new_odds for u in change.updates})

    for step in steps:
        if step == "take":
            take()
        elif step == "reset":
            changes.reset()
        else:
            assert isinstance(step, float)
            changes.add(book.apply([_quote(step)], datetime.now(UTC)), [EVENT])
    take()
    assert seen == {q.selection: q.odds for q in book.quotes()}


def _quote(odds: float) -> Quote:
    return quote(odds, outcome=f"outcome {int(odds) % 3}")
