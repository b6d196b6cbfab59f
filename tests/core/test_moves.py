"""The rules of significance against sums done by hand."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from math import asin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.moves import (
    RULES,
    Move,
    Rule,
    RuleWithMemory,
    either,
    h,
    pct,
    rule_named,
    steam,
)
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Selection

from .strategies import START

prices = st.floats(1.001, 1000)


def at(second: float, old: float, new: float, *, in_play: bool = False) -> Move:
    """A move of one selection, so many seconds after the start of the test."""
    when = START + timedelta(seconds=second)
    selection = Selection("fanduel", "phillies", "h2h", "home")
    return Move(old, new, 1 / old, 1 / new, False, selection, when, in_play)


def move(old: float, new: float, *, whole: bool = False) -> Move:
    """From one price to another, with plain 1/odds."""
    return Move(old, new, 1 / old, 1 / new, whole)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        # h = asin(2 p1 - 1) - asin(2 p0 - 1)
        (2.0, 1.6, "h=+0.253 in 1 tick (raw 1/odds)"),  # asin(1/4) = .25268
        (1.6, 2.0, "h=-0.253 in 1 tick (raw 1/odds)"),
        (4.0, 2.0, "h=+0.524 in 1 tick (raw 1/odds)"),  # pi/6
        (2.0, 2.1, "h=-0.048 in 1 tick (raw 1/odds)"),  # asin(1/21) = .04764
        (2.0, 2.09, None),  # asin(9/209) = .04307
        (10.0, 10.5, None),  # asin(.8) - asin(17/21) = .9273 - .9433 = -.0160: 5 %, and yet nothing
        (1.25, 1.27, None),  # asin(.6) - asin(73/127) = .0310
        (1.25, 1.28, "h=-0.046 in 1 tick (raw 1/odds)"),  # asin(.6) - asin(.5625) = .0461
    ],
)
def test_h_by_hand(old: float, new: float, reason: str | None) -> None:
    assert h()(move(old, new)) == reason


def test_the_reason_says_on_which_basis() -> None:
    assert h()(move(2.0, 1.6, whole=True)) == "h=+0.253 in 1 tick (margin removed)"


@given(prices, prices)
def test_h_is_symmetric(old: float, new: float) -> None:
    up, down = h()(move(old, new)), h()(move(new, old))
    assert (up is None) == (down is None)
    if up and down and not up.startswith(("h=+0.000", "h=-0.000")):
        assert up.translate(str.maketrans("+-", "-+")) == down


@given(prices, prices)
def test_h_of_an_outcome_is_minus_the_h_of_its_complement(old: float, new: float) -> None:
    p, q = 1 / old, 1 / new
    one = h(0.0)(Move(old, new, p, q, True))
    other = h(0.0)(Move(old, new, 1 - p, 1 - q, True))
    assert one
    assert other
    assert float(one[2:8]) == pytest.approx(-float(other[2:8]), abs=0.0011)


def test_h_flags_at_its_threshold() -> None:
    exactly = asin(0.25)  # of 2.0 to 1.6
    assert h(exactly - 1e-9)(move(2.0, 1.6))
    assert h(exactly + 1e-9)(move(2.0, 1.6)) is None


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (2.0, 2.1, "odds +5.0% in 1 tick"),
        (2.0, 1.9, "odds -5.0% in 1 tick"),
        (4.0, 4.2, "odds +5.0% in 1 tick"),
        (10.0, 10.5, "odds +5.0% in 1 tick"),
        (1.6, 1.68, "odds +5.0% in 1 tick"),  # in binary a last digit less than 5 %
        (1.4, 1.33, "odds -5.0% in 1 tick"),
        (2.0, 2.0999, None),
        (2.0, 1.9001, None),
        (2.0, 4.0, "odds +100.0% in 1 tick"),
    ],
)
def test_pct_by_hand(old: float, new: float, reason: str | None) -> None:
    assert pct()(move(old, new)) == reason


@pytest.mark.parametrize(
    ("name", "old", "new", "reason"),
    [
        ("prob", 2.0, 1.6, "p +12.5 points in 1 tick (raw 1/odds)"),
        ("prob", 2.0, 1 / 0.48, "p -2.0 points in 1 tick (raw 1/odds)"),
        ("prob", 2.0, 1 / 0.519, None),
        ("prob", 50.0, 25.0, "p +2.0 points in 1 tick (raw 1/odds)"),
        ("logit", 2.0, 4.0, "logit -1.099 in 1 tick (raw 1/odds)"),  # -log 3
        ("logit", 2.0, 1.9, "logit +0.105 in 1 tick (raw 1/odds)"),  # log(1 / .9)
        ("logit", 2.0, 1.92, None),  # log(1 / .92) = .0834
        ("ticks", 2.0, 2.1, "odds +5.0 price steps in 1 tick"),
        ("ticks", 2.0, 1.95, "odds -5.0 price steps in 1 tick"),
        ("ticks", 1.95, 2.04, "odds +7.0 price steps in 1 tick"),
        ("ticks", 5.0, 5.4, None),
        ("ewma_z", 2.0, 1.1, None),  # of one move nobody knows what is usual
        ("cusum", 2.0, 1.1, None),  # one move is no drift
    ],
)
def test_the_other_rules_by_hand(name: str, old: float, new: float, reason: str | None) -> None:
    assert rule_named(name)(move(old, new)) == reason


@given(st.sampled_from(sorted(RULES)), prices, st.booleans())
def test_a_price_that_stands_is_no_move(name: str, price: float, in_play: bool) -> None:
    rule = rule_named(name)
    for second in range(20):
        assert rule(at(second, price, price, in_play=in_play)) is None


@pytest.mark.parametrize("name", ["prob", "logit"])
def test_a_rule_on_probability_says_on_which_basis(name: str) -> None:
    reason = rule_named(name)(move(2.0, 1.6, whole=True))
    assert reason is not None
    assert reason.endswith("(margin removed)")


def test_h_in_play_judges_by_what_is_usual_for_the_selection() -> None:
    rule = h()
    wobble = [2.0, 1.6] * 5  # h = .25 each: five times the threshold before the start
    reasons = [
        rule(at(60 * i, old, new, in_play=True)) for i, (old, new) in enumerate(pairwise(wobble))
    ]
    assert reasons == [None] * 9
    # h of 1.6 to 1.02 is asin(2/1.02 - 1) - asin(.25) = 1.0386 against .2527.
    assert rule(at(600, 1.6, 1.02, in_play=True)) == "z=4.1 in play, h=+1.04 (raw 1/odds)"


def test_h_before_the_start_learns_nothing_for_the_play() -> None:
    rule = h()
    for i in range(20):
        rule(at(60 * i, 2.0, 2.01))
    assert rule(at(1300, 2.0, 1.6, in_play=True)) is None


# One bookmaker alone is no steam: see below.
@pytest.mark.parametrize("name", sorted(RULES.keys() - {"steam"}))
def test_a_rule_forgets_an_event(name: str) -> None:
    def drift(rule: Rule, start: float) -> list[str | None]:
        steps = [2.0 * 0.99**i for i in range(10)] + [1.2]
        moves = [at(start + 10 * i, old, new) for i, (old, new) in enumerate(pairwise(steps))]
        return [rule(move) for move in moves]

    rule = rule_named(name)
    assert isinstance(rule, RuleWithMemory)
    first = drift(rule, 0)
    rule.forget("mets")
    assert any(first)
    assert drift(rule, 100) != first
    rule.forget("phillies")
    assert drift(rule, 200) == first


def test_every_name_gives_a_rule_of_its_own() -> None:
    assert all(rule_named(name) is not rule_named(name) for name in RULES)


@given(prices, st.integers(1, 99))
def test_pct_of_up_and_down_by_the_same_share_agree(old: float, percent: int) -> None:
    up, down = move(old, old * (1 + percent / 100)), move(old, old * (1 - percent / 100))
    assert (pct()(up) is None) == (pct()(down) is None) == (percent < 5)


def test_a_rule_is_true_however_little_it_remembers() -> None:
    # `rule or h()` once replaced a rule that had seen nothing yet.
    assert all(rule_named(name) for name in RULES)


def test_a_rule_is_found_by_its_name() -> None:
    assert rule_named("h")(move(2.0, 1.6)) == h()(move(2.0, 1.6))
    assert rule_named("pct")(move(2.0, 1.6)) == "odds -20.0% in 1 tick"


@pytest.mark.parametrize("name", ["", "H", "vapour", "h ", "__class__"])
def test_an_unknown_rule_is_refused_with_the_names_of_the_known(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        rule_named(name)
    assert repr(name) in caught.value.message
    assert all(known in caught.value.hint for known in RULES)


def steaming(bookmaker: str, at_s: float = 0.0) -> Move:
    """A bookmaker shortens one outcome, by less than `h` flags."""
    return Move(
        2.0,
        1.94,
        0.5,
        0.515,
        margin_removed=True,
        selection=Selection(bookmaker, "match", "h2h", "Blues"),
        at=START + timedelta(seconds=at_s),
    )


def test_steam_flags_the_third_bookmaker_that_moves() -> None:
    rule = steam([{"b", "copy of b"}])
    assert rule(steaming("a")) is None
    assert rule(steaming("b", 1)) is None
    assert rule(steaming("copy of b", 2)) is None
    reason = rule(steaming("c", 3))
    assert reason is not None
    assert reason.startswith("steam: 3 independent bookmakers up within 3 s")


def test_either_gives_all_reasons_and_every_rule_sees_every_move() -> None:
    rule = either(steam(bookmakers=2), lambda move: "mine" if move.selection else None, pct(0.02))
    assert rule(steaming("a")) == "mine; odds -3.0% in 1 tick"
    reason = rule(steaming("b"))
    assert reason is not None
    assert [words[:5] for words in reason.split("; ")] == ["steam", "mine", "odds "]
    assert either()(steaming("a")) is None


def test_either_forgets_for_all_of_its_rules() -> None:
    rule = either(steam(bookmakers=2), str)
    rule(steaming("a"))
    assert isinstance(rule, RuleWithMemory)
    rule.forget("match")
    assert "steam" not in (rule(steaming("b")) or "")
