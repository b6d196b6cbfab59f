"""From wherever a client left off, one answer brings it level with the book."""

from __future__ import annotations

import pytest
from hypothesis import assume, event, given
from hypothesis import strategies as st

from protipp_stream.core.backlog import Backlog, Recovery, recover
from protipp_stream.core.book import Book
from protipp_stream.core.filter import Filter
from protipp_stream.core.mirror import Mirror
from protipp_stream.model import Cursor, OddsUpdate, Quote

from .strategies import START, batches, board_after, board_of, filters, log_of, quote


def filled(capacity: int, log: list[OddsUpdate]) -> Backlog:
    backlog = Backlog(capacity)
    for update in log:
        backlog.append(update, update.id.encode())
    return backlog


def ticks(book: Book, count: int) -> list[OddsUpdate]:
    """So many updates of one selection."""
    return log_of(book, [[quote("home", 1.5 + n / 100)] for n in range(count)])


def level(mirror: Mirror, recovery: Recovery) -> None:
    """Do what a client does with a recovery."""
    if recovery.mode == "snapshot":
        mirror.reset(recovery.cursor, recovery.quotes)
        return
    assert recovery.since is not None
    verdict, fresh = mirror.apply(recovery.since, recovery.cursor, recovery.updates)
    assert verdict == ("duplicate" if recovery.since == recovery.cursor else "next")
    assert fresh == recovery.updates


@given(batches, st.integers(0, 6) | st.just(100), filters | st.none(), st.data())
def test_a_mirror_at_any_earlier_cursor_is_brought_level(
    drawn: list[list[Quote]], capacity: int, wanted: Filter | None, data: st.DataObject
) -> None:
    book = Book("e")
    log = log_of(book, drawn)
    backlog = filled(capacity, log)
    at = data.draw(st.integers(0, len(log)), label="at")
    mirror = Mirror()
    mirror.reset(Cursor("e", 0), [])
    mirror.apply(
        Cursor("e", 0), Cursor("e", at), [u for u in log[:at] if not wanted or wanted.matches(u)]
    )

    recovery = recover(book, backlog, mirror.cursor, wanted)

    event(recovery.mode)
    assert recovery.mode == ("replay" if backlog.holds_since(at) else "patch")
    level(mirror, recovery)
    assert mirror.cursor == book.cursor
    assert board_of(list(mirror.quotes.values())) == board_after(log, len(log), wanted)


cursorish = st.text("ef:0123456789-+_. \n\u0663", max_size=6)


@given(batches, st.integers(0, 6), filters | st.none(), st.text() | cursorish)
def test_whatever_is_no_cursor_of_this_log_gets_the_snapshot(
    drawn: list[list[Quote]], capacity: int, wanted: Filter | None, text: str
) -> None:
    book = Book("e")
    log = log_of(book, drawn)
    assume(text not in {f"e:{seq}" for seq in range(len(log) + 1)})
    recovery = recover(book, filled(capacity, log), text, wanted)
    assert recovery.mode == "snapshot"
    mirror = Mirror()
    level(mirror, recovery)
    assert board_of(list(mirror.quotes.values())) == board_after(log, len(log), wanted)


def test_each_mode_occurs() -> None:
    book = Book("e")
    backlog = filled(4, ticks(book, 20))
    modes = [recover(book, backlog, since).mode for since in ("e:18", "e:2", "f:18")]
    assert modes == ["replay", "patch", "snapshot"]


def test_a_replay_has_every_update_and_a_patch_only_the_newest() -> None:
    book = Book("e")
    backlog = filled(4, ticks(book, 20))
    assert [u.seq for u in recover(book, backlog, "e:17").updates] == [18, 19, 20]
    assert [u.seq for u in recover(book, backlog, "e:2").updates] == [20]


@pytest.mark.parametrize(("capacity", "mode"), [(100, "replay"), (0, "patch")])
def test_what_was_missed_passes_the_filter(capacity: int, mode: str) -> None:
    book = Book("e")
    log = log_of(book, [[quote("home", 1.9), quote("Over", 1.9, market="totals@7.5")]])
    recovery = recover(book, filled(capacity, log), "e:0", Filter(markets=("totals",)))
    assert (recovery.mode, recovery.updates) == (mode, [log[1]])
    assert recovery.cursor == Cursor("e", 2)


def test_who_is_level_misses_nothing() -> None:
    book = Book("e")
    recovery = recover(book, filled(4, ticks(book, 3)), "e:3")
    assert (recovery.mode, recovery.updates, recovery.quotes) == ("replay", [], [])


WILD = {
    "none": None,
    "empty": "",
    "a word": "newest",
    "no epoch": ":3",
    "no sequence": "e:",
    "two colons": "e:1:2",
    "another epoch": "f:3",
    "epoch in capitals": "E:3",
    "negative": "e:-1",
    "signed": "e:+3",
    "future": "e:21",
    "huge": "e:" + "9" * 18,
    "beyond 64 bits": "e:" + "9" * 40,
    "beyond the digits Python reads": "e:" + "9" * 5000,
    "leading zero": "e:03",
    "fraction": "e:3.0",
    "exponent": "e:1e1",
    "underscore": "e:1_0",
    "arabic digit": "e:\u0663",
    "fullwidth digit": "e:\uff13",
    "superscript": "e:\u00b3",
    "line feed behind": "e:3\n",
    "line feed before": "\ne:3",
    "blank": " e:3 ",
    "nul": "e:3\x00",
    "lone surrogate": "\ud800:3",
    "negative cursor": Cursor("e", -1),
    "future cursor": Cursor("e", 21),
    "huge cursor": Cursor("e", 10**30),
    "foreign cursor": Cursor("f", 3),
}


@pytest.mark.parametrize("since", WILD.values(), ids=WILD.keys())
def test_a_wild_cursor_gets_the_snapshot_and_never_an_error(since: str | Cursor | None) -> None:
    book = Book("e")
    recovery = recover(book, filled(100, ticks(book, 20)), since)
    assert (recovery.mode, recovery.since, recovery.cursor) == ("snapshot", None, Cursor("e", 20))
    assert recovery.quotes == book.quotes()


def test_the_snapshot_of_an_empty_book_is_empty() -> None:
    assert recover(Book("e"), Backlog(4), None) == Recovery(
        "snapshot", Cursor("e", 0), None, [], []
    )


@given(st.integers(0, 40), st.integers(0, 60))
def test_the_backlog_holds_its_capacity_and_at_most_a_quarter_more(
    capacity: int, count: int
) -> None:
    log = ticks(Book("e"), count)
    backlog = filled(capacity, log)
    held = [n for n in range(count + 1) if backlog.holds_since(n)]
    assert backlog.head == count
    assert min(count, capacity) <= len(held) - 1 <= capacity + capacity // 4
    for seq in held:
        assert backlog.since(seq) == log[seq:]
        assert backlog.since(seq, 2) == log[seq : seq + 2]
        assert backlog.rows_since(seq, 3) == [(u, u.id.encode()) for u in log[seq : seq + 3]]


def test_an_update_that_does_not_follow_is_refused_and_changes_nothing() -> None:
    first, second, third = ticks(Book("e"), 3)
    backlog = filled(4, [first])
    for stranger in (first, third):
        with pytest.raises(ValueError, match="does not follow sequence 1"):
            backlog.append(stranger)
    backlog.append(second)
    assert backlog.since(0) == [first, second]


@pytest.mark.parametrize("seq", [-1, 0, 15, 21])
def test_asking_for_what_is_gone_or_not_yet_there_is_an_error(seq: int) -> None:
    backlog = filled(4, ticks(Book("e"), 20))
    assert not backlog.holds_since(seq)
    with pytest.raises(LookupError, match=f"sequence {seq} is outside 16..20"):
        backlog.since(seq)
    with pytest.raises(LookupError, match="outside"):
        backlog.rows_since(seq, 10)


def test_a_confirmation_is_seen_by_the_next_snapshot() -> None:
    book = Book("e")
    log = log_of(book, [[quote("home", 1.9)], [quote("home", 1.9, source=START)]])
    recovery = recover(book, filled(4, log), None)
    assert recovery.quotes[0].source_timestamp == START


@given(st.integers(1, 8), st.lists(st.integers(0, 50), max_size=40))
def test_what_a_stretch_weighs_is_the_sum_of_its_rows(capacity: int, sizes: list[int]) -> None:
    book, backlog = Book("e"), Backlog(capacity)
    for number, size in enumerate(sizes):
        [update] = book.apply([Quote("acme", "m", "h2h", "Blues", 2.0 + number)], START)
        backlog.append(update, b"x" * size)
    for seq in range(backlog.head + 1):
        if backlog.holds_since(seq):
            assert backlog.bytes_since(seq) == sum(sizes[seq:])
