"""Teams, sports and bookmakers as different sources spell them, brought to one form to compare by.

Only what can't be wrong is done here: case, accents, punctuation, the ``FC`` of a
club. "NY Yankees" is not guessed to be the New York Yankees, because "LA" and
"Manchester" would be guessed just as easily: whoever knows says so in a table.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from protipp_stream.model import Event

__all__ = ["Teams", "bookmaker_key", "sports_of", "team_key", "teams_of"]

_CLUB_FORMS = frozenset({"ac", "afc", "cd", "cf", "fc", "fk", "sc", "sk"})
# Letters that are letters of their own, so that Unicode takes no accent off them.
_LETTERS = str.maketrans(
    {
        "ø": "o",
        "đ": "d",
        "ð": "d",
        "ł": "l",
        "æ": "ae",
        "œ": "oe",
        "þ": "th",
        "\N{LATIN SMALL LETTER DOTLESS I}": "i",
    }
    | {"&": " and ", "'": "", "\N{RIGHT SINGLE QUOTATION MARK}": "", "`": "", ".": ""}
)
# `A @ B` and `A at B` say the away team first, the others the home team.
_VERSUS = re.compile(r"\s+(@|at|v|vs|vs\.|-|\u2013)\s+", re.IGNORECASE)

_SPORTS: dict[str, frozenset[str]] = {
    name: frozenset(families.split("|"))
    for names, families in (
        # Betfair's eventTypeId beside the words. "Football" is one game in Europe
        # and another one in America: it is compatible with both.
        ("soccer 1", "soccer"),
        ("football", "soccer|american football"),
        ("americanfootball 6423 nfl ncaaf", "american football"),
        ("baseball 7511 mlb", "baseball"),
        ("basketball 7522 nba wnba", "basketball"),
        ("icehockey 7524 nhl", "ice hockey"),
        ("hockey", "ice hockey|field hockey"),
        ("tennis 2", "tennis"),
        ("golf 3", "golf"),
        ("cricket 4", "cricket"),
        ("rugbyunion 5", "rugby union"),
        ("rugbyleague 1477", "rugby league"),
        ("rugby", "rugby union|rugby league"),
        ("boxing 6", "boxing"),
        ("horseracing 7", "horse racing"),
        ("mma mixedmartialarts 26420387", "mma"),
        ("aussierules australianrules 61420", "australian rules"),
        ("volleyball 998917", "volleyball"),
        ("handball 468328", "handball"),
        ("darts 3503", "darts"),
        ("snooker 6422", "snooker"),
    )
    for name in names.split()
}


class Teams(NamedTuple):
    """The two sides of a fixture, as they are written and as they are compared."""

    home: str
    away: str
    home_key: str
    away_key: str

    @property
    def key(self) -> frozenset[str]:
        """The same for both orders."""
        return frozenset((self.home_key, self.away_key))


def team_key(name: str, aliases: Mapping[str, str] | None = None) -> str:
    """Bring the name of a team to the form by which it is compared.

    Parameters
    ----------
    name : str
        As a source writes it.
    aliases : mapping, optional
        From a key to a key: what a user knows.

    Examples
    --------
    >>> team_key("St. Louis Cardinals"), team_key("FC Bayern München")
    ('st louis cardinals', 'bayern munchen')
    """
    words = _words(name)
    kept = [word for word in words if word not in _CLUB_FORMS] or words
    key = " ".join(kept)
    return aliases.get(key, key) if aliases else key


def bookmaker_key(name: str) -> str:
    """Bring the id of a bookmaker to the form by which it is compared.

    Examples
    --------
    >>> bookmaker_key("William Hill"), bookmaker_key("williamhill")
    ('williamhill', 'williamhill')
    """
    return "".join(_words(name))


def teams_of(event: Event, aliases: Mapping[str, str] | None = None) -> Teams | None:
    """Return the two teams of an event: as it says, or else out of its name.

    None if it names no two teams (a race, an outright), or two that can't be told
    apart.
    """
    sides = (event.home, event.away) if event.home and event.away else _sides(event.name)
    if sides is None:
        return None
    home, away = sides
    home_key, away_key = team_key(home, aliases), team_key(away, aliases)
    if not home_key or not away_key or home_key == away_key:
        return None
    return Teams(home, away, home_key, away_key)


def sports_of(sport: str, table: Mapping[str, str] | None = None) -> frozenset[str]:
    """Return the sports that a source may mean; two names agree if they share one.

    A league stands behind its sport (``baseball_mlb``). An unknown name agrees with
    itself only.

    Parameters
    ----------
    table : mapping, optional
        From a source's word to one that is known here; a user's.
    """
    sport = table.get(sport, sport) if table else sport
    words = _words(sport.replace("_", " "))
    whole = "".join(words)
    for key in (whole, "".join(words[:2]), *words[:1]):
        if key in _SPORTS:
            return _SPORTS[key]
    return frozenset({whole})


def _sides(name: str) -> tuple[str, str] | None:
    parts = _VERSUS.split(name.strip())
    if len(parts) != 3 or not parts[0] or not parts[2]:
        return None
    first, between, second = parts
    return (second, first) if between.lower() in ("@", "at") else (first, second)


def _words(text: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    bare = "".join(letter for letter in plain if not unicodedata.combining(letter))
    bare = bare.translate(_LETTERS)
    return re.findall(r"[^\W_]+", bare)
