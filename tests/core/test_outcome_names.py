"""Markets and outcomes of a second source in the words of the first."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.naming.outcome_names import Perspective
from protipp_stream.core.naming.tables import SourceNames
from protipp_stream.core.naming.team_names import teams_of
from protipp_stream.model import Event

ALIASES = {"ny yankees": "new york yankees"}
OURS = teams_of(Event("1", "x", "s", None, "Boston Red Sox", "New York Yankees"), ALIASES)
SAME = teams_of(Event("2", "x", "s", None, "Boston Red Sox", "NY Yankees"), ALIASES)
SWAPPED = teams_of(Event("2", "x", "s", None, "NY YANKEES", "Boston Red Sox"), ALIASES)
TABLE = SourceNames(
    markets={"ML": "h2h", "Spread": "spreads", "1X2": "h2h", "Total Runs@8.5": "totals@8.5"},
    outcomes={"W1": "home", "W2": "away"},
)
same = Perspective("b", TABLE, SAME, OURS, ALIASES)
swapped = Perspective("b", TABLE, SWAPPED, OURS, ALIASES)


@pytest.mark.parametrize(
    ("market", "outcome", "expected"),
    [
        ("h2h", "NY Yankees", ("h2h", "New York Yankees")),
        ("ML", "boston red sox", ("h2h", "Boston Red Sox")),
        ("h2h_lay", "NY Yankees", ("h2h_lay", "New York Yankees")),
        ("1X2", "X", ("h2h", "Draw")),
        ("h2h", "The Draw", ("h2h", "Draw")),
        ("h2h", "Tie", ("h2h", "Draw")),
        ("h2h_3_way", "draw", ("h2h_3_way", "Draw")),
        ("h2h", "1", ("h2h", "Boston Red Sox")),
        ("h2h", "W2", ("h2h", "New York Yankees")),
        ("totals@8.50", "over", ("totals@8.5", "Over")),
        ("totals@8.5", "Under 8.5", ("totals@8.5", "Under")),
        ("totals@8.5", "U", ("totals@8.5", "Under")),
        ("Total Runs@8.5", "O 8.5", ("totals@8.5", "Over")),
        ("btts", "YES", ("btts", "Yes")),
        ("Spread@-1.5", "Boston Red Sox", ("spreads@-1.5", "Boston Red Sox")),
        ("spreads_h1@0", "NY Yankees", ("spreads_h1@0", "New York Yankees")),
    ],
)
def test_a_name_becomes_ours(market: str, outcome: str, expected: tuple[str, str]) -> None:
    assert same.words(market, outcome) == (*expected, None)


@pytest.mark.parametrize(
    ("market", "outcome", "expected"),
    [
        ("h2h", "1", ("h2h", "New York Yankees")),
        ("h2h", "away", ("h2h", "Boston Red Sox")),
        ("spreads@-1.5", "NY Yankees", ("spreads@1.5", "New York Yankees")),
        ("spreads@-1.5", "Boston Red Sox", ("spreads@1.5", "Boston Red Sox")),
        ("alternate_spreads_q1@2", "home", ("alternate_spreads_q1@-2", "New York Yankees")),
        ("spreads@0", "home", ("spreads@0", "New York Yankees")),
        ("totals@8.5", "Over", ("totals@8.5", "Over")),
    ],
)
def test_where_home_and_away_are_swapped_so_is_the_sign_of_a_spread(
    market: str, outcome: str, expected: tuple[str, str]
) -> None:
    assert swapped.words(market, outcome) == (*expected, None)


@given(st.integers(-40, 40).map(lambda quarter: quarter / 4), st.sampled_from(["home", "away"]))
def test_swapped_or_not_a_bet_is_the_same_bet(line: float, side: str) -> None:
    """Yankees +1.5 is one bet, whoever calls them the home team."""
    other = "away" if side == "home" else "home"
    one = same.words(f"spreads@{line + 0.0:.10g}", side)
    # The same team at the same handicap, said by a source whose home it is not.
    assert swapped.words(f"spreads@{-line + 0.0:.10g}", other) == one


def test_an_unknown_outcome_passes_and_is_named() -> None:
    assert same.words("h2h", "Any other") == ("h2h", "Any other", "outcome")
    assert same.words("totals@8.5", "Over 9") == ("totals@8.5", "Over 9", "outcome")
    assert same.words("totals@8.5", "Draw") == ("totals@8.5", "Draw", "outcome")


@pytest.mark.parametrize("market", ["correct_score", "h2hx", "totals@many", "spreads@nan"])
def test_an_unknown_market_passes_and_is_named(market: str) -> None:
    assert same.words(market, "2-1") == (market, "2-1", "market")


def test_an_unknown_market_of_swapped_sides_does_not_meet_the_others_of_its_name() -> None:
    """2-1 means the opposite there: under one name it would be an arbitrage of nothing."""
    assert swapped.words("correct_score", "2-1") == ("b:correct_score", "2-1", "market")


def test_the_first_sources_own_words_are_only_what_its_table_says() -> None:
    first = Perspective("b", TABLE, OURS, OURS, ALIASES)
    assert first.words("Spread@-1.5", "W1") == ("spreads@-1.5", "Boston Red Sox", None)
