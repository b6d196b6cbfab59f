"""Lines of prices: steps between what was said, gaps where nothing was, thinned for a screen."""

from __future__ import annotations

from math import nan

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.ui.line_moves import Point, runs_of, thinned

rows = st.lists(
    st.tuples(st.floats(0, 1000), st.sampled_from([1.5, 2.0, 2.5, nan]), st.just("a")), max_size=60
)


def test_a_price_stands_until_the_next_one_and_to_the_end() -> None:
    said = [(0.0, 2.0, "a"), (10.0, 2.1, "a")]
    assert runs_of(said, [], 50.0) == [[(0.0, 2.0), (10.0, 2.1), (50.0, 2.1)]]


def test_a_suspension_is_a_gap() -> None:
    said = [(0.0, 2.0, "a"), (10.0, nan, "a"), (30.0, 2.2, "a")]
    assert runs_of(said, [], 50.0) == [[(0.0, 2.0), (10.0, 2.0)], [(30.0, 2.2), (50.0, 2.2)]]
    assert runs_of(said[:2], [], 50.0) == [[(0.0, 2.0), (10.0, 2.0)]]


def test_where_a_gateway_stopped_its_prices_end() -> None:
    said = [(0.0, 2.0, "a"), (30.0, 2.2, "b")]
    assert runs_of(said, [20.0], 50.0) == [[(0.0, 2.0), (20.0, 2.0)], [(30.0, 2.2), (50.0, 2.2)]]
    assert runs_of(said[:1], [20.0], 50.0) == [[(0.0, 2.0), (20.0, 2.0)]]


def test_a_new_epoch_without_a_note_ends_the_price_where_it_was_last_said() -> None:
    said = [(0.0, 2.0, "a"), (10.0, 2.1, "a"), (30.0, 2.2, "b")]
    assert runs_of(said, [], 50.0) == [[(0.0, 2.0), (10.0, 2.1)], [(30.0, 2.2), (50.0, 2.2)]]


@given(rows)
def test_nothing_is_drawn_that_was_not_said(said: list[tuple[float, float, str]]) -> None:
    said.sort(key=lambda row: row[0])
    told = {row[1] for row in said}
    for run in runs_of(said, [], 1000.0):
        assert [at for at, _ in run] == sorted(at for at, _ in run)
        assert {odds for _, odds in run} <= told
        corners = run[:-1] if len(run) > 1 and run[-1][1] == run[-2][1] else run
        assert set(corners) <= {(at, odds) for at, odds, _ in said}


runs = st.lists(st.tuples(st.floats(0, 100), st.floats(1.01, 50)), min_size=1, max_size=300)


@given(runs, st.integers(1, 20))
def test_of_each_column_first_last_least_and_greatest_stay(run: list[Point], columns: int) -> None:
    run.sort(key=lambda point: point[0])
    kept = thinned(run, 0.0, 100.0, columns)
    assert len(kept) <= 4 * (columns + 1)
    assert (kept[0], kept[-1]) == (run[0], run[-1])
    width = 100.0 / columns
    for number in range(columns + 1):
        of_it = [p for p in run if int(p[0] / width) == number]
        left = [p for p in kept if int(p[0] / width) == number]
        if of_it:
            assert (left[0], left[-1]) == (of_it[0], of_it[-1])
            assert min(y for _, y in left) == min(y for _, y in of_it)
            assert max(y for _, y in left) == max(y for _, y in of_it)
    positions = iter(run)
    assert all(point in positions for point in kept)  # a subsequence: in their order


def test_what_fits_is_not_thinned() -> None:
    run = [(float(at), 2.0) for at in range(100)]
    assert thinned(run, 0.0, 100.0, 100) == run
