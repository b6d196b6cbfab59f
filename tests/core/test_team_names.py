"""Names of teams and sports, brought to the form by which they are compared."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protipp_stream.core.naming.team_names import sports_of, team_key, teams_of
from protipp_stream.model import Event


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("St. Louis Cardinals", "ST LOUIS  CARDINALS"),
        ("FC Bayern München", "Bayern Munchen"),
        ("Atlético Nacional", "Atletico Nacional"),
        ("Arsenal FC", "Arsenal"),
        ("Brighton & Hove Albion", "Brighton and Hove Albion"),
        ("Nott'm Forest", "Nott\u2019m Forest"),
        ("D.C. United", "DC United"),
        ("Bodø/Glimt", "Bodo Glimt"),
        ("Fenerbahçe SK", "Fenerbahce"),
        ("Widzew Łódź", "widzew lodz"),
        ("İstanbul Başakşehir", "Istanbul Basaksehir"),
    ],
)
def test_case_accents_punctuation_and_the_clubs_form_make_no_other_team(
    one: str, other: str
) -> None:
    assert team_key(one) == team_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("NY Yankees", "New York Yankees"),
        ("Los Angeles Angels", "Los Angeles Dodgers"),
        ("Chicago White Sox", "Boston Red Sox"),
        ("Arsenal", "Arsenal Women"),
        ("Manchester City", "Manchester United"),
        ("Ajax", "Ajax II"),
        ("日本", "中国"),
    ],
)
def test_nothing_is_guessed(one: str, other: str) -> None:
    assert team_key(one) != team_key(other)


def test_a_club_that_is_called_by_its_form_keeps_it() -> None:
    assert team_key("FC") == "fc"


@given(st.text(max_size=20))
@example("\u2100 \u2026 F.C")
@example("FC FC")
def test_a_key_is_its_own_key(name: str) -> None:
    assert team_key(team_key(name)) == team_key(name)


def event(name: str = "x", home: str | None = None, away: str | None = None) -> Event:
    return Event("e", name, "baseball_mlb", None, home, away)


@pytest.mark.parametrize(
    ("name", "sides"),
    [
        ("Reds @ Blues", ("Blues", "Reds")),
        ("Reds at Blues", ("Blues", "Reds")),
        ("Blues v Reds", ("Blues", "Reds")),
        ("Blues vs Reds", ("Blues", "Reds")),
        ("Blues VS. Reds", ("Blues", "Reds")),
        ("Once Caldas - Atlético Nacional", ("Once Caldas", "Atlético Nacional")),
        ("Rot-Weiss Essen \u2013 Vvardenfell", ("Rot-Weiss Essen", "Vvardenfell")),
        ("3.30 at Ascot", ("Ascot", "3.30")),
    ],
)
def test_the_sides_are_read_out_of_a_name(name: str, sides: tuple[str, str]) -> None:
    teams = teams_of(event(name))
    assert teams is not None
    assert (teams.home, teams.away) == sides


@pytest.mark.parametrize(
    "name", ["The Open", "A v B v C", "A @ ", " v B", "Blues v BLUES", "?? v !"]
)
def test_a_race_or_one_team_twice_is_no_two_teams(name: str) -> None:
    assert teams_of(event(name)) is None


def test_the_sides_that_an_event_says_are_better_than_its_name() -> None:
    teams = teams_of(event("Game 1 - North v South", "Blues", "Reds"))
    assert teams is not None
    assert (teams.home, teams.away) == ("Blues", "Reds")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("baseball_mlb", "Baseball"),
        ("baseball_mlb", "7511"),
        ("americanfootball_nfl", "American Football"),
        ("soccer_epl", "Football"),
        ("American Football", "football"),
        ("icehockey_nhl", "Ice Hockey"),
        ("chess", "Chess"),
    ],
)
def test_sports_agree_however_they_are_called(one: str, other: str) -> None:
    assert sports_of(one) & sports_of(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("soccer_epl", "americanfootball_nfl"),
        ("baseball_mlb", "basketball_nba"),
        ("esports_lol", "esports_dota2"),
        ("Table Tennis", "tennis"),
        ("7", "7511"),
    ],
)
def test_other_sports_do_not(one: str, other: str) -> None:
    assert not sports_of(one) & sports_of(other)


def test_a_table_says_what_nobody_can_know() -> None:
    table = {"LoL": "esports_lol", "26": "baseball"}
    assert sports_of("LoL", table) == sports_of("esports_lol")
    assert sports_of("26", table) == sports_of("baseball_mlb")
