"""What a user says about names is read, or refused with the reason."""

from __future__ import annotations

import pytest

from protipp_stream.core.naming import Naming
from protipp_stream.core.naming.tables import NameTables
from protipp_stream.errors import ConfigurationError

TOML = """
tolerance_min = 45

[aliases]
"NY Yankees" = "New York Yankees"

[sources.odds_api_io.markets]
"ML" = "h2h"

[sources.odds_api_io.outcomes]
"W1" = "home"
"""


def test_toml_and_a_dict_say_the_same() -> None:
    by_dict = NameTables.read(
        {
            "tolerance_min": 45,
            "aliases": {"NY Yankees": "New York Yankees"},
            "sources": {"odds_api_io": {"markets": {"ML": "h2h"}, "outcomes": {"W1": "home"}}},
        }
    )
    assert NameTables.read_toml(TOML) == by_dict
    assert by_dict.alias_keys() == {"ny yankees": "new york yankees"}
    assert Naming(by_dict).tables == by_dict


@pytest.mark.parametrize(
    "table",
    [
        {"alias": {}},
        {"aliases": {"A": 1}},
        {"aliases": {"A": "line\nfeed"}},
        {"aliases": {"?": "A"}},
        {"aliases": {"A": "B", "a": "C"}},
        {"aliases": {"A": "B", "B": "C"}},
        {"aliases": {"A": "B", "B": "A"}},
        {"sources": {"x": {"market": {}}}},
        {"tolerance_min": -1},
        {"tolerance_min": float("nan")},
        {"tolerance_min": "90"},
        {"owner_silent_s": -1},
        {"owner_silent_s": float("inf")},
        {"most": 0},
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        Naming(table)


@pytest.mark.parametrize("text", ["aliases = 1", "= 1", "[aliases]\nA = 1", "\x00"])
def test_toml_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        NameTables.read_toml(text)


def test_an_alias_of_the_same_key_is_no_chain() -> None:
    assert NameTables.read({"aliases": {"FC Köln": "Köln", "Cologne": "Koln"}}).alias_keys() == {
        "cologne": "koln"
    }
