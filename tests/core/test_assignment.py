"""The assignment problem, against trying every permutation."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.arbitrage.assignment import assign

costs = st.integers(1, 4).flatmap(
    lambda rows: st.integers(rows, 5).flatmap(
        lambda width: st.lists(
            st.lists(
                st.sampled_from([0.1, 0.25, 0.5, 1.0]) | st.floats(0, 1),
                min_size=width, max_size=width,
            ),
            min_size=rows, max_size=rows,
        )
    )
)  # fmt: skip


@given(costs)
def test_nobody_finds_a_cheaper_choice_of_different_columns(costs: list[list[float]]) -> None:
    chosen = assign(costs)
    assert len(set(chosen)) == len(costs) == len(chosen)
    least = min(
        sum(row[column] for row, column in zip(costs, columns, strict=True))
        for columns in permutations(range(len(costs[0])), len(costs))
    )
    total = sum(row[column] for row, column in zip(costs, chosen, strict=True))
    assert total == pytest.approx(least)


def test_the_best_of_each_row_in_turn_would_have_been_wrong() -> None:
    assert assign([[0.1, 0.2], [0.1, 0.9]]) == [1, 0]
