"""Games of the same two teams: paired where it is clear, and only there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.naming.pairing import pair

TOLERANCE = 90


def apart(mine: list[float], theirs: list[float]) -> list[list[float | None]]:
    """From minutes."""
    return [[abs(m - t) * 60 if abs(m - t) <= TOLERANCE else None for t in theirs] for m in mine]


@pytest.mark.parametrize(
    ("mine", "theirs", "expected"),
    [
        ([0], [5], [(0, 0)]),
        ([0], [90], [(0, 0)]),
        ([0], [91], []),
        ([], [0], []),
        # a doubleheader, three hours apart; one source is late
        ([0, 180], [10, 200], [(0, 0), (1, 1)]),
        ([180, 0], [10, 200], [(0, 1), (1, 0)]),
        # the second game is listed for just after the first
        ([0, 5], [0, 5], [(0, 0), (1, 1)]),
        ([0, 30], [3, 40], [(0, 0), (1, 1)]),
        # one source lists one of two games, clearly nearer to the first
        ([0, 75], [5], [(0, 0)]),
        # three
        ([0, 180, 1440], [1450, 2, 182], [(0, 1), (1, 2), (2, 0)]),
    ],
)
def test_the_nearest_is_the_same(
    mine: list[float], theirs: list[float], expected: list[tuple[int, int]]
) -> None:
    pairs, unclear_mine, unclear_theirs = pair(apart(mine, theirs))
    assert sorted(pairs) == expected
    assert not unclear_mine
    assert not unclear_theirs


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        # which of two that are as near?
        ([0, 10], [5]),
        ([0, 30], [12]),
        # one game listed twice, or two at one time
        ([0], [0, 0]),
        ([0, 0], [0, 0]),
        # all late by twenty minutes, so that the nearest is the neighbour
        ([0, 30], [20, 50]),
        ([0, 60], [55, 120]),
    ],
)
def test_what_could_be_several_is_none(mine: list[float], theirs: list[float]) -> None:
    pairs, unclear_mine, unclear_theirs = pair(apart(mine, theirs))
    assert pairs == []
    assert unclear_mine == set(range(len(mine)))
    assert unclear_theirs == set(range(len(theirs)))


def test_an_unclear_group_leaves_the_others_alone() -> None:
    pairs, unclear_mine, unclear_theirs = pair(apart([0, 10, 500], [5, 505]))
    assert pairs == [(2, 1)]
    assert (unclear_mine, unclear_theirs) == ({0, 1}, {0})


starts = st.lists(st.integers(0, 300).map(float), max_size=5)


@given(starts, starts)
def test_it_does_not_matter_whose_are_the_rows(mine: list[float], theirs: list[float]) -> None:
    pairs, unclear_mine, unclear_theirs = pair(apart(mine, theirs))
    turned, other_theirs, other_mine = pair(apart(theirs, mine))
    assert sorted(pairs) == sorted((row, column) for column, row in turned)
    assert (unclear_mine, unclear_theirs) == (other_mine, other_theirs)


@given(starts, starts)
def test_pairs_are_one_to_one_near_and_apart_from_what_is_unclear(
    mine: list[float], theirs: list[float]
) -> None:
    pairs, unclear_mine, unclear_theirs = pair(apart(mine, theirs))
    rows, columns = [row for row, _ in pairs], [column for _, column in pairs]
    assert len(set(rows)) == len(rows)
    assert len(set(columns)) == len(columns)
    assert not unclear_mine & set(rows)
    assert not unclear_theirs & set(columns)
    assert all(abs(mine[row] - theirs[column]) <= TOLERANCE for row, column in pairs)


@given(st.lists(st.integers(0, 20), unique=True, max_size=5), st.randoms(use_true_random=False))
def test_games_that_are_three_hours_apart_are_always_told_apart(slots: list[int], random) -> None:  # type: ignore[no-untyped-def]
    mine = [slot * 180.0 for slot in slots]
    theirs = [start + random.uniform(-44, 44) for start in mine]
    pairs, _, _ = pair(apart(mine, theirs))
    assert sorted(pairs) == [(number, number) for number in range(len(slots))]
