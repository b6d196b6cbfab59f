"""Whole images: what vanishes from one is suspended, once."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.book import Book
from protipp_stream.feeds.image import ImageDiff
from protipp_stream.model import Event, Quote

NOW = datetime(2026, 8, 4, tzinfo=UTC)


def quote(outcome: str, odds: float | None = 2.0) -> Quote:
    return Quote("b", "e", "h2h", outcome, odds, NOW)


def test_a_selection_that_vanishes_is_suspended_without_a_stamp() -> None:
    diff = ImageDiff()
    diff.quotes([quote("A"), quote("B")])
    assert diff.quotes([quote("A")]) == [quote("A"), Quote("b", "e", "h2h", "B", None)]


def test_it_is_suspended_only_once() -> None:
    diff = ImageDiff()
    diff.quotes([quote("A"), quote("B")])
    diff.quotes([quote("A")])
    assert diff.quotes([quote("A")]) == [quote("A")]


def test_one_that_the_image_itself_suspends_is_not_suspended_again_when_it_vanishes() -> None:
    diff = ImageDiff()
    diff.quotes([quote("A")])
    diff.quotes([quote("A", None)])
    assert diff.quotes([]) == []


def test_one_that_comes_back_may_vanish_again() -> None:
    diff = ImageDiff()
    for _ in range(2):
        assert diff.quotes([quote("A")]) == [quote("A")]
        assert [q.odds for q in diff.quotes([])] == [None]


def test_changed_tells_a_new_price_from_a_new_stamp() -> None:
    diff = ImageDiff()
    diff.quotes([quote("A")])
    assert diff.changed
    diff.quotes([Quote("b", "e", "h2h", "A", 2.0, None)])
    assert not diff.changed
    diff.quotes([quote("A", 2.1)])
    assert diff.changed


def test_events_are_described_when_new_or_changed() -> None:
    diff = ImageDiff()
    first, second = Event("1", "A @ B", "s"), Event("2", "C @ D", "s")
    assert diff.events([first, second]) == [first, second]
    assert diff.events([first, second]) == []
    postponed = Event("2", "C @ D", "s", NOW)
    assert diff.events([first, postponed]) == [postponed]


@given(st.lists(st.dictionaries(st.sampled_from("ABCDE"), st.sampled_from([1.5, 2.0]))))
def test_a_book_behind_it_always_holds_the_last_image(images: list[dict[str, float]]) -> None:
    diff, book = ImageDiff(), Book("t")
    for image in images:
        book.apply(diff.quotes([quote(name, odds) for name, odds in image.items()]), NOW)
        assert {q.outcome: q.odds for q in book.quotes() if q.odds is not None} == image
