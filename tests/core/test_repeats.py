"""Equal things become one with a count, and nothing is uncounted."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.repeats import Repeats


def test_a_window_begins_with_the_first_and_ends_whatever_follows() -> None:
    repeats: Repeats[str] = Repeats()
    assert repeats.add("a", 1, 10.0, 1.0)
    assert not repeats.add("a", 1, 10.9, 1.0)
    assert repeats.over(10.99) == []
    assert repeats.over(11.0) == [("a", 2)]
    assert repeats.over(99.0) == []
    assert repeats.add("a", 1, 99.0, 1.0)


def test_each_has_a_window_of_its_own() -> None:
    repeats: Repeats[str] = Repeats()
    repeats.add("a", 1, 0.0, 60.0)
    repeats.add("b", 5, 1.0, 1.0)
    assert len(repeats) == 2
    assert "b" in repeats
    assert repeats.over(2.0) == [("b", 5)]
    assert "b" not in repeats


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(1, 9), st.floats(0, 2), st.booleans()))
)
def test_what_goes_in_comes_out_in_sum(steps: list[tuple[str, int, float, bool]]) -> None:
    repeats: Repeats[str] = Repeats()
    said: Counter[str] = Counter()
    counted: Counter[str] = Counter()
    now = 0.0
    for thing, count, pause, looks in steps:
        now += pause
        repeats.add(thing, count, now, 1.0)
        said[thing] += count
        if looks:
            counted.update(dict(repeats.over(now)))
    counted.update(dict(repeats.over(float("inf"))))
    assert counted == said
    assert len(repeats) == 0
