"""Whatever arrives in whatever order: the mirror shows a board that existed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from protipp_stream.core.book import Book
from protipp_stream.core.filter import Filter
from protipp_stream.core.mirror import Mirror
from protipp_stream.errors import ProtocolError
from protipp_stream.model import Cursor, Event, OddsUpdate, Quote

from .strategies import START, batches, board_after, board_of, filters, log_of, quote


@dataclass(frozen=True)
class Sent:
    """A stretch of one epoch's log, as a gateway might send it."""

    epoch: str
    prev: int
    cursor: int
    form: str


def rows_of(sent: Sent, log: list[OddsUpdate], wanted: Filter | None) -> list[OddsUpdate]:
    rows = [u for u in log[sent.prev : sent.cursor] if wanted is None or wanted.matches(u)]
    if sent.form == "conflated":
        newest = {u.selection: u for u in rows}
        return sorted(newest.values(), key=lambda u: u.seq)
    return rows


def schedules(lengths: dict[str, int]) -> st.SearchStrategy[list[Sent]]:
    """Frames with duplicates, overlaps, gaps, reorderings, contradictions and two epochs."""

    def of(epoch: str) -> st.SearchStrategy[Sent]:
        place = st.integers(0, lengths[epoch])
        form = st.sampled_from(["updates", "updates", "conflated", "snapshot"])
        return st.builds(Sent, st.just(epoch), place, place, form)

    return st.lists(st.one_of([of(epoch) for epoch in lengths]), max_size=25)


@given(batches, batches, filters | st.none(), st.data())
def test_the_board_is_always_the_one_of_the_book_at_the_mirrors_cursor(
    first: list[list[Quote]],
    second: list[list[Quote]],
    wanted: Filter | None,
    data: st.DataObject,
) -> None:
    logs = {"e": log_of(Book("e"), first), "f": log_of(Book("f"), second)}
    mirror = Mirror()
    for sent in data.draw(schedules({epoch: len(log) for epoch, log in logs.items()})):
        log = logs[sent.epoch]
        cursor, before = mirror.cursor, dict(mirror.quotes)
        target = Cursor(sent.epoch, sent.cursor)
        if sent.form == "snapshot":
            shown = {
                u.selection: u.quote for u in log[: sent.cursor] if not wanted or wanted.matches(u)
            }
            mirror.reset(target, shown.values())
        else:
            rows = rows_of(sent, log, wanted)
            judged, fresh = mirror.apply(Cursor(sent.epoch, sent.prev), target, rows)
            event(judged)
            if judged == "next":
                assert cursor is not None
                assert mirror.cursor == target
                assert fresh == [row for row in rows if row.seq > cursor.seq]
            else:
                assert (mirror.cursor, mirror.quotes, fresh) == (cursor, before, [])
        if mirror.cursor is None:
            assert mirror.quotes == {}
        else:
            at = mirror.cursor
            board = board_after(logs[at.epoch], at.seq, wanted)
            assert board_of(list(mirror.quotes.values())) == board


@given(batches, filters, st.data())
def test_the_holes_of_a_filter_are_no_gaps(
    drawn: list[list[Quote]], wanted: Filter, data: st.DataObject
) -> None:
    log = log_of(Book("e"), drawn)
    cuts = data.draw(st.lists(st.integers(0, len(log)), max_size=6), label="cuts")
    mirror = Mirror()
    mirror.reset(Cursor("e", 0), [])
    at = 0
    for cut in [*sorted(cuts), len(log)]:
        rows = [u for u in log[at:cut] if wanted.matches(u)]
        judged, fresh = mirror.apply(Cursor("e", at), Cursor("e", cut), rows)
        assert judged == ("next" if cut > at else "duplicate")
        assert fresh == rows
        at = cut
    assert board_of(list(mirror.quotes.values())) == board_after(log, len(log), wanted)


def five_ticks() -> list[OddsUpdate]:
    return log_of(Book("e"), [[quote("home", 1.5 + n / 10)] for n in range(5)])


def test_a_gap_changes_nothing_and_a_resume_closes_it() -> None:
    log = five_ticks()
    mirror = Mirror()
    mirror.reset(Cursor("e", 1), [log[0].quote])
    for prev in (2, 3, 5):
        assert mirror.apply(Cursor("e", prev), Cursor("e", 5), log[prev:]) == ("gap", [])
    assert (mirror.cursor, list(mirror.quotes.values())) == (Cursor("e", 1), [log[0].quote])
    assert mirror.apply(Cursor("e", 1), Cursor("e", 5), log[1:]) == ("next", log[1:])
    assert list(mirror.quotes.values()) == [log[4].quote]


def test_an_overlap_gives_only_the_rows_that_are_new() -> None:
    log = five_ticks()
    mirror = Mirror()
    mirror.reset(Cursor("e", 3), [log[2].quote])
    assert mirror.apply(Cursor("e", 0), Cursor("e", 5), log) == ("next", log[3:])


def test_a_frame_that_contradicts_itself_changes_nothing() -> None:
    log = five_ticks()
    mirror = Mirror()
    mirror.reset(Cursor("e", 1), [log[0].quote])
    with pytest.raises(ProtocolError):
        mirror.apply(Cursor("e", 1), Cursor("e", 5), [*log[2:], log[1]])
    assert (mirror.cursor, list(mirror.quotes.values())) == (Cursor("e", 1), [log[0].quote])


def test_before_the_first_snapshot_nothing_is_taken() -> None:
    mirror = Mirror()
    assert mirror.apply(Cursor("e", 0), Cursor("e", 5), five_ticks()) == ("reset", [])
    assert (mirror.cursor, mirror.quotes) == (None, {})


def test_a_snapshot_forgets_what_stood_there() -> None:
    mirror = Mirror()
    mirror.reset(Cursor("e", 1), [quote("home", 1.9)])
    mirror.reset(Cursor("f", 7), [quote("away", 2.0)])
    assert (mirror.cursor, [q.outcome for q in mirror.quotes.values()]) == (
        Cursor("f", 7),
        ["away"],
    )


def test_a_newer_description_of_an_event_replaces_the_older() -> None:
    mirror = Mirror()
    mirror.describe([Event("phillies", "?", "baseball_mlb"), Event("mets", "Mets", "baseball_mlb")])
    newer = Event("phillies", "Nationals @ Phillies", "baseball_mlb", START)
    mirror.describe([newer])
    assert mirror.events["phillies"] == newer
    assert set(mirror.events) == {"phillies", "mets"}


def test_a_snapshot_forgets_the_events_of_before() -> None:
    mirror = Mirror()
    mirror.describe([Event("gone", "A v B", "tennis")])
    mirror.reset(Cursor("new", 0), [])
    assert mirror.events == {}
