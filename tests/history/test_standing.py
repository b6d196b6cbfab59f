"""The arithmetic beneath: orders and codes, against sorting tuples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.history.asking import Asked
from protipp_stream.history.sessions import Sessions
from protipp_stream.history.standing import _is_seen, _keys, by_code, dense, runs

pairs = st.lists(st.tuples(st.integers(0, 4), st.integers(-9, 9)), min_size=1)


def ints(values: list[int]) -> np.ndarray:
    return np.array(values, np.int64)


@given(pairs, st.sampled_from([1, 10**17]))
def test_keys_order_by_group_and_then_by_time(rows: list[tuple[int, int]], scale: int) -> None:
    """However far apart the times are: years of microseconds do not fit beside a group."""
    rows = [(group, at * scale) for group, at in rows]
    keys = _keys(ints([group for group, _ in rows]), ints([at for _, at in rows])).tolist()
    for one, key in zip(rows, keys, strict=True):
        for other, its in zip(rows, keys, strict=True):
            assert (one < other) == (key < its)


@given(pairs)
def test_a_row_is_seen_unless_a_later_one_of_its_group_is_no_younger(
    rows: list[tuple[int, int]],
) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    seen = _is_seen(ints([group for group, _ in rows]), ints([at for _, at in rows]))
    assert seen.tolist() == [
        all(later > at for its, later in rows[number + 1 :] if its == group)
        for number, (group, at) in enumerate(rows)
    ]


@given(st.lists(st.integers(0, 10**9) | st.integers(0, 5)))
def test_dense_codes_are_ranks(codes: list[int]) -> None:
    ranks = {code: rank for rank, code in enumerate(sorted(set(codes)))}
    assert dense(ints(codes)).tolist() == [ranks[code] for code in codes]


@given(st.lists(st.integers(0, 5) | st.integers(65_534, 65_538)))
def test_rows_of_one_code_keep_their_order(codes: list[int]) -> None:
    expected = sorted(range(len(codes)), key=lambda row: codes[row])
    assert by_code(ints(codes)).tolist() == expected


def test_runs_begin_where_anything_is_another() -> None:
    assert runs(ints([1, 1, 2, 2]), ints([5, 5, 5, 6])).tolist() == [True, False, True, True]
    assert runs(ints([])).tolist() == []


@pytest.mark.parametrize(("at", "current"), [(9, -1), (10, 0), (29, 0), (30, 2), (45, 2)])
def test_the_current_session_is_the_last_that_had_begun(at: int, current: int) -> None:
    # The one in the middle is a replay of what comes later.
    sessions = Sessions(ints([0, 5, 8]), ints([10, 40, 30]), ints([20, 45, 40]))
    assert sessions.at(ints([at])).tolist() == [current]
    assert sessions.of(ints([0, 4, 5, 7, 8, 99])).tolist() == [0, 0, 1, 1, 2, 2]


@pytest.mark.parametrize(("since", "first"), [(9, 0), (21, 0), (31, 5), (41, 5), (46, 8)])
def test_whoever_asks_from_a_time_on_gets_every_session_that_has_later_rows(
    since: int, first: int
) -> None:
    sessions = Sessions(ints([0, 5, 8]), ints([10, 40, 30]), ints([20, 45, 40]))
    assert sessions.reaching_back(Asked(since=since)) == Asked(first_line=first)
