"""The one question that loses no update, cursor by cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.sequence import verdict
from protipp_stream.model import Cursor


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
