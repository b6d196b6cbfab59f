"""Conflation forgets what was in between, and never what is last."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.book import Book
from protipp_stream.core.conflate import Pace, newest
from protipp_stream.model import Quote

NOW = datetime(2026, 11, 23, tzinfo=UTC)
prices = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([None, 1.5, 2.0, 3.0])), max_size=30
)


@given(prices)
def test_the_newest_leave_the_board_as_all_of_them_would(told: list[tuple[str, float]]) -> None:
    book = Book("e")
    rows = [
        (update, b"")
        for outcome, odds in told
        for update in book.apply([Quote("acme", "match", "h2h", outcome, odds)], NOW)
    ]
    kept = newest(rows)
    board = {update.selection: update for update, _ in rows}
    assert {update.selection: update for update, _ in kept} == board
    assert len(kept) == len(board)
    assert [update.seq for update, _ in kept] == sorted(update.seq for update, _ in kept)


@given(
    st.floats(0.1, 100),
    st.lists(st.floats(0, 5), min_size=1, max_size=40),
)
def test_at_a_pace_frames_are_apart_and_what_is_asked_again_in_time_always_leaves(
    max_hz: float, pauses: list[float]
) -> None:
    pace = Pace(max_hz)
    now, left = 1000.0, []
    for pause in pauses:
        wait_s = pace.wait_s(now)
        if wait_s > 0:
            now += wait_s + 1e-9
            assert pace.wait_s(now) == 0
        pace.leave(now)
        left.append(now)
        now += pause
    assert all(b - a >= 1 / max_hz - 1e-6 for a, b in pairwise(left))


def test_the_first_edge_waits_for_nothing_and_without_a_pace_none_does() -> None:
    assert Pace(0.5).wait_s(0.0) == 0
    unlimited = Pace()
    unlimited.leave(1.0)
    assert unlimited.wait_s(1.0) == 0
