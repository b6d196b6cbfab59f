"""What a reader chose: what it admits, and the words for what is not there."""

from __future__ import annotations

from typing import Any

import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Event
from protipp_stream.ui.choice import Choice, choice_of, kind

GAME = Event("e1", "Nationals @ Phillies", "mlb")
OTHER = Event("e2", "X @ Y", "nba")
PRICES = [("a", "h2h", GAME), ("a", "totals@7.5", GAME), ("b", "h2h", OTHER)]


def admitted(**asked: Any) -> list[bool]:
    return [choice_of(**asked).admits(*each) for each in PRICES]


@pytest.mark.parametrize(
    ("asked", "admits"),
    [
        ({}, [True, True, True]),
        ({"sports": "mlb"}, [True, True, False]),
        ({"sports": ["mlb", "nba"], "bookmakers": "b"}, [False, False, True]),
        ({"events": "e1"}, [True, True, False]),
        ({"events": "X @ Y"}, [False, False, True]),
        ({"markets": "totals"}, [False, True, False]),
        ({"markets": ("totals@7.5",)}, [False, True, False]),
        ({"markets": ["totals@8.5"]}, [False, False, False]),
        ({"markets": ["total"]}, [False, False, False]),
        ({"bookmakers": ["a"], "markets": "h2h"}, [True, False, False]),
    ],
)
def test_it_admits_what_was_named(asked: dict[str, Any], admits: list[bool]) -> None:
    assert admitted(**asked) == admits


def test_a_name_may_stand_alone_and_nothing_means_all() -> None:
    assert choice_of(markets="h2h", sports=None) == Choice(markets=["h2h"])
    assert choice_of().is_all
    assert choice_of(significant_only=True).is_all, "what moved is chosen on the screen"
    assert not choice_of(sports="mlb").is_all


@pytest.mark.parametrize("wrong", [[], "", [""], [7], ["h2h", None], [["h2h"]], 7, object()])
def test_what_are_no_names_is_refused(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="markets can't be"):
        choice_of(markets=wrong)


def test_a_name_that_is_not_there_is_said_with_those_that_are() -> None:
    assert choice_of(markets=["h2h", "spreads"]).missing(PRICES) == (
        "No prices here of the market “spreads” (known: h2h, totals)."
    )
    assert choice_of(events="e9", bookmakers="z").missing(PRICES) == (
        "No prices here of the event “e9” (known: Nationals @ Phillies, X @ Y). "
        "No prices here of the bookmaker “z” (known: a, b)."
    )
    assert choice_of(sports="nhl").missing([]) == (
        "No prices here of the sport “nhl” (known: none yet)."
    )


@pytest.mark.parametrize(
    "asked",
    [
        {},
        {"sports": "mlb"},
        {"events": ["e1", "X @ Y"]},
        {"markets": ["totals", "totals@7.5"]},
        {"bookmakers": ["a", "b"]},
    ],
)
def test_what_is_there_is_not_said_to_be_missing(asked: dict[str, Any]) -> None:
    assert choice_of(**asked).missing(PRICES) == ""


def test_of_many_names_eight_are_said() -> None:
    many = [(f"b{at}", "h2h", GAME) for at in range(20)]
    said = choice_of(bookmakers="z").missing(many)
    assert said.endswith("(known: b0, b1, b10, b11, b12, b13, b14, b15 …).")


def test_a_market_without_its_line_is_its_kind() -> None:
    assert [kind(each) for each in ("h2h", "totals@7.5", "a@b@c", "")] == ["h2h", "totals", "a", ""]
