"""Events that are over are forgotten, by the book and its copies, and by nobody too soon."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.backlog import Backlog, recovery_mode
from protipp_stream.core.book import Book
from protipp_stream.core.eviction import FORGET_AFTER_S, over
from protipp_stream.core.filter import Filter
from protipp_stream.core.mirror import Mirror
from protipp_stream.model import Cursor, Event, Quote

from .strategies import START, batches, log_of, quote

HOUR = timedelta(seconds=FORGET_AFTER_S)
EVENT = Event("match", "Reds @ Blues", "baseball_mlb", START + HOUR)


def test_an_event_is_over_when_nothing_has_been_said_of_it_for_an_hour() -> None:
    rows = [("match", False, START), ("match", False, START + timedelta(minutes=5))]
    last = START + timedelta(minutes=5)
    assert over(rows, {}, last + HOUR - timedelta(seconds=1), FORGET_AFTER_S) == set()
    assert over(rows, {}, last + HOUR, FORGET_AFTER_S) == {"match"}


def test_one_price_that_stands_keeps_an_event() -> None:
    rows = [("match", False, START), ("match", True, START), ("other", False, START)]
    assert over(rows, {}, START + 9 * HOUR, FORGET_AFTER_S) == {"other"}


def test_an_event_that_has_not_begun_is_not_over() -> None:
    rows = [("match", False, START - 2 * HOUR)]
    assert over(rows, {"match": EVENT}, START, FORGET_AFTER_S) == set()
    assert over(rows, {"match": EVENT}, START + HOUR, FORGET_AFTER_S) == {"match"}


def test_a_price_that_stands_a_day_after_the_start_and_is_not_said_again_is_over() -> None:
    day = timedelta(days=1)
    rows = [("match", True, START + HOUR)]
    assert over(rows, {"match": EVENT}, START + day, FORGET_AFTER_S) == set()
    assert over(rows, {"match": EVENT}, START + HOUR + day, FORGET_AFTER_S) == {"match"}
    assert over(rows, {}, START + 9 * day, FORGET_AFTER_S) == set()


def test_a_description_outlives_its_prices_by_a_day() -> None:
    # A match that begins anew after the rain is not described again.
    mirror = Mirror()
    mirror.reset(Cursor("e", 0), [])
    mirror.describe([EVENT, Event("no start", "?", "soccer")])
    late = START + 2 * HOUR
    assert mirror.forget_over(late) == set()
    assert set(mirror.events) == {"match", "no start"}
    mirror.forget_over(START + HOUR + timedelta(days=1))
    assert set(mirror.events) == {"no start"}


@given(batches, st.integers(0, 200))
def test_a_copy_forgets_what_the_book_forgets(drawn: list[list[Quote]], minutes: int) -> None:
    book, mirror = Book("e"), Mirror()
    log = log_of(book, drawn)
    mirror.reset(Cursor("e", 0), [])
    mirror.apply(Cursor("e", 0), book.cursor, log)
    mirror.confirm(book.confirmed_since(0, Filter()))
    now = START + timedelta(minutes=minutes)
    gone = book.over({}, now, FORGET_AFTER_S)
    book.forget(gone)
    assert mirror.forget_over(now) == gone
    assert mirror.quotes == {each.selection: each for each in book.quotes()}
    assert len(book) == len(mirror.quotes)
    assert not {each.event_id for each in mirror.quotes.values()} & gone


def test_what_was_forgotten_begins_anew() -> None:
    book = Book("e")
    log_of(book, [[quote("home", 1.9)], [quote("home", None)]])
    book.forget({"phillies"})
    assert (len(book), book.forgotten_to) == (0, 2)
    [update] = book.apply([quote("home", 1.8)], START)
    assert (update.seq, update.old_odds) == (3, None)


def mets(odds: float) -> Quote:
    return Quote("fanduel", "mets", "h2h", "away", odds)


def test_who_was_away_since_before_it_was_withdrawn_gets_a_new_board() -> None:
    book, backlog = Book("e"), Backlog(2)
    drawn = [[quote("home", 1.9)], [quote("home", None)], [mets(2.0)]]
    drawn += [[mets(2.0 + n / 10)] for n in range(1, 6)]
    for update in log_of(book, drawn):
        backlog.append(update)
    assert recovery_mode(book, backlog, "e:1")[0] == "patch"
    book.forget({"phillies"})
    assert recovery_mode(book, backlog, "e:1") == ("snapshot", None)
    assert recovery_mode(book, backlog, "e:2")[0] == "patch"
    assert recovery_mode(book, backlog, "e:7")[0] == "replay"
