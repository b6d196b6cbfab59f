"""Steam: who counts, for how long, and how often it is told."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from math import pi, sin

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.moves import Move
from protipp_stream.core.moves.steam import Steam, SteamWatch
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Selection

from .strategies import START


def moved(
    bookmaker: str,
    second: float,
    h: float = 0.03,
    *,
    event: str = "phillies",
    market: str = "h2h",
    outcome: str = "home",
    in_play: bool = False,
) -> Move:
    """A move of this size, from even odds."""
    p = sin((pi / 2 + h) / 2) ** 2
    selection = Selection(bookmaker, event, market, outcome)
    when = START + timedelta(seconds=second)
    return Move(2.0, 1 / p, 0.5, p, True, selection, when, in_play)


def told(watch: SteamWatch, moves: list[Move]) -> list[Steam]:
    return [steam for move in moves if (steam := watch.take(move))]


def test_the_third_independent_bookmaker_makes_steam() -> None:
    watch = SteamWatch()
    assert told(watch, [moved("a", 0, 0.02), moved("b", 30, 0.04)]) == []
    steam = watch.take(moved("c", 65, 0.03))
    assert steam == Steam(
        event_id="phillies",
        market="h2h",
        outcome="home",
        direction="up",
        bookmakers=("a", "b", "c"),
        independent=3,
        since=START,
        at=START + timedelta(seconds=65),
        h=pytest.approx(0.03),
        reason="3 independent bookmakers up within 65 s, median h=+0.030: a, b, c",
    )


def test_down_is_steam_too() -> None:
    [steam] = told(SteamWatch(), [moved(b, 0, -0.03) for b in "abc"])
    assert (steam.direction, steam.reason) == (
        "down",
        "3 independent bookmakers down within 0 s, median h=-0.030: a, b, c",
    )


@pytest.mark.parametrize(
    "third",
    [
        pytest.param(moved("c", 1, -0.03), id="the other way"),
        pytest.param(moved("c", 1, 0.0149), id="too small"),
        pytest.param(moved("b", 1), id="one of the two again"),
        pytest.param(moved("c", 121), id="too late"),
        pytest.param(moved("c", 1, event="mets"), id="another event"),
        pytest.param(moved("c", 1, market="totals@8.5"), id="another market"),
        pytest.param(moved("c", 1, outcome="away"), id="another outcome"),
        pytest.param(Move(2.0, 1.5, 0.5, 0.6, True), id="nobody knows whose, or when"),
    ],
)
def test_what_does_not_count(third: Move) -> None:
    watch = SteamWatch()
    assert told(watch, [moved("a", 0), moved("b", 0), third]) == []
    assert watch.take(moved("d", 1)) or third.at != START + timedelta(seconds=1)


def test_clones_count_once_but_are_named() -> None:
    watch = SteamWatch([{"lowvig", "betonlineag"}])
    moves = [moved(b, 0) for b in ("lowvig", "betonlineag", "fanduel", "bovada")]
    [steam] = told(watch, moves)
    assert steam.bookmakers == ("betonlineag", "bovada", "fanduel", "lowvig")
    assert steam.independent == 3


def test_groups_that_are_found_later_count_from_then_on() -> None:
    watch = SteamWatch()
    watch.groups = [{"a", "b"}]
    assert watch.groups == (frozenset("ab"),)
    assert told(watch, [moved(b, 0) for b in "abc"]) == []
    watch.groups = ()
    assert told(watch, [moved("a", 1)])


def test_who_turned_back_is_no_longer_part_of_it() -> None:
    moves = [moved("a", 0), moved("b", 1), moved("a", 2, -0.03), moved("c", 3)]
    assert told(SteamWatch(), moves) == []


def test_it_is_told_once_and_again_when_another_joins() -> None:
    watch = SteamWatch()
    moves = [moved(b, i) for i, b in enumerate("abcabcab")]
    assert len(told(watch, moves)) == 1
    joined = watch.take(moved("d", 10))
    assert joined is not None
    assert joined.independent == 4
    assert told(watch, [moved("a", 11), moved("d", 12)]) == []


def test_who_comes_back_after_a_pause_has_not_joined() -> None:
    watch = SteamWatch()
    assert len(told(watch, [moved("a", 0), moved("b", 10), moved("c", 20)])) == 1
    joined = watch.take(moved("d", 125))
    assert joined is not None
    assert joined.bookmakers == ("b", "c", "d")
    assert watch.take(moved("a", 129)) is None


def test_a_clone_that_joins_is_no_news() -> None:
    watch = SteamWatch([{"c", "d"}])
    assert len(told(watch, [moved(b, 0) for b in "abcd"])) == 1


def test_steam_that_still_goes_on_a_window_later_is_told_again() -> None:
    watch = SteamWatch()
    moves = [moved(b, second) for second in range(0, 400, 20) for b in "abc"]
    times = [(s.at - START).total_seconds() for s in told(watch, moves)]
    assert times == [0, 140, 280]


def test_a_turn_of_the_steam_is_told() -> None:
    moves = [moved(b, 0) for b in "abc"] + [moved(b, 30, -0.03) for b in "abc"]
    assert [s.direction for s in told(SteamWatch(), moves)] == ["up", "down"]


def test_in_play_only_what_is_large_in_play_counts() -> None:
    assert told(SteamWatch(), [moved(b, 0, 0.19, in_play=True) for b in "abc"]) == []
    assert told(SteamWatch(), [moved(b, 0, 0.21, in_play=True) for b in "abc"])


def test_an_event_is_forgotten() -> None:
    watch = SteamWatch()
    told(watch, [moved(b, 0, event=e) for b in "ab" for e in ("phillies", "mets")])
    watch.forget("phillies")
    watch.forget("cubs")
    assert watch.remembered == 1
    assert watch.take(moved("c", 1)) is None
    assert watch.take(moved("c", 1, event="mets"))


def test_memory_is_that_of_one_window() -> None:
    watch = SteamWatch()
    for second in range(5000):
        watch.take(moved("a", second, event="one that never rests"))
        watch.take(moved("a", second, event=f"event {second}"))
    assert watch.remembered == 122


def test_a_clock_put_back_does_not_keep_the_past_for_ever() -> None:
    watch = SteamWatch()
    told(watch, [moved("a", 7200), moved("b", 7200)])
    assert watch.take(moved("c", 0)) is None
    assert told(watch, [moved("a", 1), moved("b", 2)])


@pytest.mark.parametrize("number", [1, 0, -3])
def test_steam_of_one_is_refused(number: int) -> None:
    with pytest.raises(ConfigurationError):
        SteamWatch(bookmakers=number)
    with pytest.raises(ConfigurationError):
        SteamWatch(window_s=-1)


steps = st.lists(
    st.tuples(
        st.sampled_from("abcde"),
        st.floats(0, 90),
        st.sampled_from([-0.05, -0.01, 0.01, 0.02, 0.05]),
        st.sampled_from(["home", "away"]),
    ),
    max_size=40,
)
clone_groups = st.sampled_from([(), ({"a", "b"},), ({"a", "b"}, {"c", "d"})])


@given(steps, clone_groups)
def test_every_steam_is_what_it_says(
    drawn: list[tuple[str, float, float, str]], groups: tuple[set[str], ...]
) -> None:
    watch = SteamWatch(groups)
    source = {name: min(group) for group in groups for name in group}
    seen: list[Move] = []
    now = 0.0
    for bookmaker, pause, h, outcome in drawn:
        now += pause
        seen.append(moved(bookmaker, now, h, outcome=outcome))
        steam = watch.take(seen[-1])
        newest: dict[str, Move] = {}
        for move in seen:
            if move.selection and move.selection.outcome == outcome and abs(move.h) >= 0.015:
                newest[move.selection.bookmaker_id] = move
        alike = {
            b
            for b, m in newest.items()
            if m.h * h > 0 and m.at and seen[-1].at and (seen[-1].at - m.at).total_seconds() <= 120
        }
        independent = len({source.get(b, b) for b in alike})
        if steam:
            assert set(steam.bookmakers) == alike
            assert steam.independent == independent >= 3
            assert timedelta() <= steam.at - steam.since <= timedelta(seconds=120)
        else:
            assert abs(h) < 0.015 or independent < 3 or len(told_before(seen)) > 0


def told_before(seen: list[Move]) -> list[Steam]:
    """What a watch without groups told of these moves but the last."""
    return told(SteamWatch(), seen[:-1])


@given(steps)
def test_nothing_is_told_twice_within_a_window(
    drawn: list[tuple[str, float, float, str]],
) -> None:
    watch = SteamWatch()
    now, last = 0.0, {}
    tally: Counter[str] = Counter()
    for bookmaker, pause, h, outcome in drawn:
        now += pause
        steam = watch.take(moved(bookmaker, now, h, outcome=outcome))
        if steam:
            tally[outcome] += 1
            before = last.get(outcome)
            if before and before[0] == steam.direction and now - before[1] <= 119:
                assert set(steam.bookmakers) - before[2]
                last[outcome] = (steam.direction, now, before[2] | set(steam.bookmakers))
            else:
                last[outcome] = (steam.direction, now, set(steam.bookmakers))
