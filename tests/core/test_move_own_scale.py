"""A move against the selection's own past: what is usual, and what is a drift."""

from __future__ import annotations

from datetime import timedelta
from math import pi, sin, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.moves import Move, Rule, cusum, ewma_z
from protipp_stream.core.moves.own_scale import OwnScale
from protipp_stream.model import Selection

from .strategies import START

HOME = Selection("fanduel", "phillies", "h2h", "home")
sizes = st.lists(st.floats(-0.3, 0.3), max_size=30)


def moves_of(sizes: list[float], *, in_play: bool = False, start_s: float = 0.0) -> list[Move]:
    """Moves with these values of h, a minute apart, each from even odds."""
    moved = []
    for i, size in enumerate(sizes):
        p = sin((pi / 2 + size) / 2) ** 2
        when = START + timedelta(seconds=start_s + 60 * i)
        moved.append(Move(2.0, 1 / p, 0.5, p, True, HOME, when, in_play))
    return moved


def said(rule: Rule, sizes: list[float], **how: float) -> list[str | None]:
    return [rule(move) for move in moves_of(sizes, **how)]


def test_moves_have_the_h_that_they_were_made_of() -> None:
    assert [m.h for m in moves_of([0.1, -0.25])] == pytest.approx([0.1, -0.25])


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=10))
def test_the_first_moves_count_alike(sizes: list[float]) -> None:
    scale = OwnScale()
    for size in sizes:
        scale.add(size, 0.1)
    assert scale.mean_square == pytest.approx(sum(s * s for s in sizes) / len(sizes))


def test_then_the_newest_has_its_weight() -> None:
    scale = OwnScale()
    for size in [0.1] * 50 + [0.2]:
        scale.add(size, 0.1)
    assert scale.root_mean_square == pytest.approx(sqrt(0.9 * 0.01 + 0.1 * 0.04))


def test_z_by_hand() -> None:
    assert said(ewma_z(), [0.02, -0.02] * 3 + [0.09])[-1] == "z=4.5, h=+0.09 (margin removed)"
    assert said(ewma_z(), [0.02, -0.02] * 3 + [0.079])[-1] is None
    in_play = said(ewma_z(), [0.06, -0.06] * 3 + [-0.312], in_play=True)
    assert in_play == [None] * 6 + ["z=5.2 in play, h=-0.31 (margin removed)"]


def test_z_has_a_floor_for_a_quiet_selection() -> None:
    assert said(ewma_z(), [0.001] * 10 + [0.0449])[-1] is None
    # The floor bounds the scale, so z tells no fairy tale of 45 standard deviations.
    assert said(ewma_z(), [0.001] * 10 + [0.0451])[-1] == "z=4.0, h=+0.05 (margin removed)"


def test_z_says_nothing_before_it_knows_five_moves() -> None:
    assert said(ewma_z(), [0.01] * 4 + [0.3]) == [None] * 5
    assert said(ewma_z(), [0.01] * 5 + [0.3])[-1] is not None


def test_what_was_usual_before_the_start_is_not_usual_in_play() -> None:
    rule = ewma_z()
    said(rule, [0.01] * 20)
    assert said(rule, [0.2] * 10, in_play=True, start_s=1200) == [None] * 10


def test_a_regime_of_large_moves_is_flagged_once_and_then_usual() -> None:
    reasons = said(ewma_z(), [0.02] * 20 + [0.2] * 10)
    assert [i for i, r in enumerate(reasons) if r] == [20]


def test_z_has_a_cooldown() -> None:
    def flags(cooldown_s: float) -> int:
        rule = ewma_z(cooldown_s=cooldown_s, weight=0.01)
        return sum(r is not None for r in said(rule, [0.01] * 20 + [0.3, 0.3]))

    assert flags(30) == 2, "a minute apart"
    assert flags(90) == 1


@given(sizes)
def test_z_is_symmetric(drawn: list[float]) -> None:
    up = said(ewma_z(), drawn)
    down = said(ewma_z(), [-size for size in drawn])
    assert [r is None for r in up] == [r is None for r in down]


@given(sizes, st.booleans())
def test_whatever_z_flags_is_above_the_floor_and_four_times_the_usual(
    drawn: list[float], in_play: bool
) -> None:
    scale = OwnScale()
    for size, reason in zip(drawn, said(ewma_z(), drawn, in_play=in_play), strict=True):
        if reason:
            assert abs(size) >= max(0.045, 4 * scale.root_mean_square) - 1e-9
        scale.add(size, 0.1)


def test_a_drift_in_steps_too_small_for_any_other_rule_is_found() -> None:
    reasons = said(cusum(), [0.008] * 20)
    # Each step adds .008 / .0125 - .25 = .39 to the sum: past 4 with the eleventh.
    assert reasons[:10] == [None] * 10
    assert reasons[10] == "drift of h=+0.088 in 11 ticks, 600 s (margin removed)"
    assert reasons[11:] == [None] * 9, "it begins anew"


def test_a_drift_may_take_as_long_as_it_likes() -> None:
    rule = cusum()
    reasons = [said(rule, [-0.008], start_s=3600 * i)[0] for i in range(11)]
    assert reasons[-1] == "drift of h=-0.088 in 11 ticks, 36000 s (margin removed)"


@given(st.floats(0.0001, 1.5), st.sampled_from([-1, 1]), st.booleans())
def test_one_jump_is_no_drift(size: float, sign: int, in_play: bool) -> None:
    assert said(cusum(), [0.0] * 20 + [sign * size], in_play=in_play)[-1] is None


def test_noise_is_no_drift() -> None:
    assert not any(said(cusum(), [0.02, -0.02] * 200))
    assert not any(said(cusum(), [0.003] * 400)), "less than what a tick may drift unnoticed"


def test_a_drift_does_not_go_on_from_before_the_start_into_play() -> None:
    rule = cusum()
    assert not any(said(rule, [0.008] * 10))
    assert not any(said(rule, [0.008] * 8, in_play=True, start_s=600))


@given(sizes)
def test_a_drift_that_is_flagged_goes_the_way_it_says(drawn: list[float]) -> None:
    for size, reason in zip(drawn, said(cusum(), drawn), strict=True):
        if reason:
            assert float(reason.split("=")[1].split()[0]) * size > 0


def test_moves_without_a_time_teach_nothing() -> None:
    for rule in (ewma_z(), cusum()):
        for _ in range(20):
            assert rule(Move(2.0, 1.9, 0.5, 0.51, True)) is None
