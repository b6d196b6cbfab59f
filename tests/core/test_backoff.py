"""How long to wait before the next try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.backoff import CEILING_S, delay_s

chances = st.floats(0, 1)
attempts = st.integers(1, 10**9)


def test_it_doubles_from_one_second_to_sixteen_and_stays() -> None:
    waits = [delay_s(attempt, 0.5) for attempt in range(1, 10)]
    assert waits == [1, 2, 4, 8, 16, 16, 16, 16, 16]


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_chance_spreads_it_by_a_fifth(chance: float, wait: float) -> None:
    assert delay_s(1, chance) == pytest.approx(wait)


@given(attempts, chances)
def test_it_is_always_within_a_fifth_of_its_step(attempt: int, chance: float) -> None:
    step = delay_s(attempt, 0.5)
    assert 0.8 * step <= delay_s(attempt, chance) * (1 + 1e-12)
    assert delay_s(attempt, chance) <= 1.2 * step * (1 + 1e-12)
    assert 1 <= step <= CEILING_S == 16


@given(attempts, chances, st.floats(0, 3600))
def test_what_the_server_asked_for_wins_and_is_never_undercut(
    attempt: int, chance: float, asked: float
) -> None:
    bounded = min(max(asked, 0.25), 3600.0)
    assert bounded <= delay_s(attempt, chance, asked) <= bounded * 1.2 * (1 + 1e-12)


@pytest.mark.parametrize(("asked", "waits"), [(0.0, 0.25), (-5.0, 0.25), (1e9, 3600.0)])
def test_a_servers_mistake_is_neither_hammered_nor_waited_for_for_ever(
    asked: float, waits: float
) -> None:
    assert delay_s(5, 0.5, asked) == waits


@pytest.mark.parametrize("asked", [0.25, 1.0, 300.0])
def test_the_server_may_ask_for_less_or_more_than_we_would_wait(asked: float) -> None:
    assert delay_s(5, 0.5, asked) == asked


def test_an_attempt_before_the_first_waits_as_the_first() -> None:
    assert delay_s(0, 0.5) == delay_s(-3, 0.5) == 1
