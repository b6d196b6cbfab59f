"""The one question that loses no update, cursor by cursor."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.book import Book
from protipp_stream.core.sequence import seqs_of, verdict
from protipp_stream.errors import ProtocolError
from protipp_stream.model import Cursor, OddsUpdate

from .strategies import START, quote


@pytest.mark.parametrize(
    ("mine", "prev", "cursor", "judged"),
    [
        ("e:5", "e:5", "e:6", "next"),
        ("e:5", "e:5", "e:9", "next"),  # conflated, or filtered: a hole is no gap
        ("e:5", "e:3", "e:9", "next"),  # overlaps with what is known
        ("e:5", "e:0", "e:6", "next"),
        ("e:5", "e:6", "e:7", "gap"),
        ("e:5", "e:6", "e:6", "gap"),
        ("e:5", "e:4", "e:5", "duplicate"),
        ("e:5", "e:5", "e:5", "duplicate"),
        ("e:5", "e:1", "e:2", "duplicate"),
        ("e:5", "f:5", "f:6", "reset"),
        ("e:5", "e:5", "f:6", "reset"),
        ("e:5", "f:5", "e:6", "reset"),
        ("e:5", "e:7", "e:6", "reset"),  # leads backwards
        ("e:5", "e:4", "e:3", "reset"),
        (None, "e:0", "e:1", "reset"),
    ],
)
def test_a_frame_is_judged_by_its_cursors(
    mine: str | None, prev: str, cursor: str, judged: str
) -> None:
    before, after = Cursor.parse(prev), Cursor.parse(cursor)
    assert before
    assert after
    assert verdict(Cursor.parse(mine), before, after) == judged


small = st.integers(0, 6)


@given(small, small, small)
def test_only_what_begins_at_or_before_mine_and_ends_behind_it_is_applied(
    mine: int, prev: int, cursor: int
) -> None:
    judged = verdict(Cursor("e", mine), Cursor("e", prev), Cursor("e", cursor))
    assert (judged == "next") == (prev <= mine < cursor)
    assert (judged == "gap") == (mine < prev <= cursor)


def rows(*ids: str) -> list[OddsUpdate]:
    [row] = Book("e").apply([quote("home", 2.0)], START)
    return [msgspec.structs.replace(row, id=text) for text in ids]


@given(st.sets(st.integers(1, 40)), st.integers(0, 3))
def test_rows_that_rise_between_their_cursors_are_read_with_and_without_holes(
    places: set[int], before: int
) -> None:
    seqs = sorted(places)
    first, last = (seqs[0], seqs[-1]) if seqs else (1, 0)
    prev, cursor = Cursor("e", max(first - 1 - before, 0)), Cursor("e", last + before)
    assert list(seqs_of(rows(*(f"e:{seq}" for seq in seqs)), prev, cursor)) == seqs


@pytest.mark.parametrize(
    "ids",
    [
        ("e:4", "e:3"),
        ("e:3", "e:3"),
        ("e:2",),  # known before `prev`
        ("e:6",),  # beyond what the frame says
        ("f:3",),
        ("f:3", "f:4", "f:5"),
        ("3",),
        ("",),
        ("e:",),
        ("e:+3",),
        ("e:03",),
        ("e:\u0663",),  # an Arabic three
        ("e:3.0",),
        ("e:-3",),
        ("e:" + "9" * 5000,),
        ("e:3", "e:4", "e:x"),
    ],
    ids=lambda ids: " ".join(ids)[:20],
)
def test_rows_that_are_not_what_their_frame_says_are_refused(ids: tuple[str, ...]) -> None:
    with pytest.raises(ProtocolError):
        seqs_of(rows(*ids), Cursor("e", 2), Cursor("e", 5))
