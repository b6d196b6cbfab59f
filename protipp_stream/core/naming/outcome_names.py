"""Markets and outcomes of one source in the words of another, which named the fixture first.

Ours are ``h2h``, ``spreads@line`` with the home team's handicap, ``totals@line``;
``Over``, ``Under``, ``Draw``, ``Yes``, ``No``, and the teams as the first source
writes them. A second source may call the other team the home team: then the line of
a spread changes its sign, or a bet on one side would be compared with itself.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import NamedTuple

from protipp_stream.core.naming.tables import SourceNames
from protipp_stream.core.naming.team_names import Teams, team_key
from protipp_stream.model import MAX_NAME_LENGTH

__all__ = ["Perspective", "Words"]

_DRAWS = frozenset({"draw", "the draw", "tie", "x"})
_SIDES = {"home": "home", "1": "home", "away": "away", "2": "away"}
_TOTAL = re.compile(r"(over|under|o|u)(?: ([0-9.]+))?")
_TOTALS = {"o": "Over", "over": "Over", "u": "Under", "under": "Under"}
_KINDS = (
    "h2h",
    "draw_no_bet",
    "spreads",
    "alternate_spreads",
    "totals",
    "alternate_totals",
    "btts",
)


class Words(NamedTuple):
    """A market and an outcome in our words; ``unknown`` says which of them is not."""

    market: str
    outcome: str
    unknown: str | None = None


class Perspective(NamedTuple):
    """How one source looks at a fixture that another one named.

    Attributes
    ----------
    source : str
        Its id.
    table : SourceNames
        What a user said about its words.
    theirs, ours : Teams or None
        The fixture as this source and as the first one describes it.
    aliases : mapping
        For `team_key`.
    """

    source: str
    table: SourceNames
    theirs: Teams | None
    ours: Teams | None
    aliases: Mapping[str, str]

    @property
    def is_swapped(self) -> bool:
        """Whether its home team is our away team."""
        if self.theirs is None or self.ours is None:
            return False
        return self.theirs.home_key == self.ours.away_key

    def words(self, market: str, outcome: str) -> Words:
        """Return our words for a market and an outcome."""
        market = self.table.market(market)
        kind, at, text = market.partition("@")
        outcome = self.table.outcomes.get(outcome, outcome)
        line = _line(text) if at else None
        base = next((each for each in _KINDS if kind == each or kind.startswith(each + "_")), None)
        if base is None or (at and line is None):
            return self._unknown_market(market, outcome)
        if line is not None:
            if base.endswith("spreads") and self.is_swapped:
                line = -line
            market = f"{kind}@{line + 0.0:.10g}"  # + 0.0, or the other side of a 0 is "-0"
        named = self._team(outcome) or self._outcome(base, outcome, line)
        return Words(market, named or outcome, None if named else "outcome")

    def _unknown_market(self, market: str, outcome: str) -> Words:
        # "2-1" of a source whose home team is our away team means the opposite, and
        # under one name the two would look like an arbitrage.
        if self.is_swapped:
            market = f"{self.source}:{market}"[:MAX_NAME_LENGTH]
        return Words(market, self._team(outcome) or outcome, "market")

    def _team(self, outcome: str) -> str | None:
        if self.ours is None:
            return None
        key = team_key(outcome, self.aliases)
        if key == self.ours.home_key:
            return self.ours.home
        return self.ours.away if key == self.ours.away_key else None

    def _outcome(self, base: str, outcome: str, line: float | None) -> str | None:
        plain = " ".join(outcome.casefold().split())
        if base.endswith("totals"):
            found = _TOTAL.fullmatch(plain)
            if found and (found[2] is None or _line(found[2]) == line):
                return _TOTALS[found[1]]
            return None
        if base == "btts":
            return {"yes": "Yes", "no": "No"}.get(plain)
        if base == "h2h" and plain in _DRAWS:
            return "Draw"
        return self._side(plain)

    def _side(self, plain: str) -> str | None:
        if self.ours is None or self.theirs is None or plain not in _SIDES:
            return None
        is_home = (_SIDES[plain] == "home") != self.is_swapped
        return self.ours.home if is_home else self.ours.away


def _line(text: str) -> float | None:
    try:
        line = float(text)
    except ValueError:
        return None
    return line if math.isfinite(line) else None
