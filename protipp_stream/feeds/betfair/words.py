"""What Betfair's ids stand for: a market definition into our names of market, outcome and event.

The stream itself names nothing but ids and codes; names come with historic files
or from the caller, who has them from Betfair's catalogue.

====================== =============================== ==========================
market type            market                          outcome
====================== =============================== ==========================
MATCH_ODDS             ``h2h``                         the runner
OVER_UNDER_25          ``totals@2.5``                  ``Over``, ``Under`` if named
ASIAN_HANDICAP         ``asian_handicap@-0.5``         the runner; the line is home's
HANDICAP               ``handicap@-5.5``               likewise
others with handicaps  ``alt_total_goals@2.5``         the runner; its own line
WIN, PLACE, any other  ``win``, ``place``, …           the runner
====================== =============================== ==========================

The lay side of a market ``kind@line`` is ``kind_lay@line``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NotRequired, TypedDict

from protipp_stream.model import Event

__all__ = [
    "Definition",
    "RunnerDefinition",
    "describe",
    "event_id",
    "has_odds",
    "market_names",
    "outcome_name",
    "sides",
]

THE_DRAW = 58805

_SPORTS = {
    "1": "soccer", "2": "tennis", "3": "golf", "4": "cricket", "5": "rugby_union",
    "6": "boxing", "7": "horse_racing", "1477": "rugby_league", "4339": "greyhound_racing",
    "6423": "american_football", "7511": "baseball", "7522": "basketball",
    "7524": "ice_hockey", "61420": "australian_rules",
}  # fmt: skip
# One event of theirs is a whole meeting: seven races, seven WIN markets.
_RACING = frozenset({"7", "4339"})
# Here the visitors are named first.
_AWAY_FIRST = frozenset({"6423", "7511", "7522", "7524"})
_MIRRORED = frozenset({"ASIAN_HANDICAP", "HANDICAP"})
_OVER_UNDER = re.compile(r"OVER_UNDER_(\d+)5")


class RunnerDefinition(TypedDict):
    """What a definition says of one runner; `hc` is its handicap, 0 for most."""

    id: int
    status: NotRequired[str]
    sortPriority: NotRequired[int]
    hc: NotRequired[float | None]
    name: NotRequired[str | None]


class Definition(TypedDict):
    """What is read of a ``marketDefinition``."""

    eventId: str
    eventTypeId: NotRequired[str]
    marketType: NotRequired[str | None]
    bettingType: NotRequired[str]
    status: NotRequired[str]
    marketBaseRate: NotRequired[float]
    discountAllowed: NotRequired[bool]
    marketTime: NotRequired[str]
    openDate: NotRequired[str]
    venue: NotRequired[str | None]
    name: NotRequired[str | None]
    eventName: NotRequired[str | None]
    inPlay: NotRequired[bool]
    runners: NotRequired[list[RunnerDefinition]]


def has_odds(definition: Definition) -> bool:
    """Whether its prices are odds; on LINE and RANGE markets they are points or runs."""
    return definition.get("bettingType", "ODDS") not in ("LINE", "RANGE")


def event_id(definition: Definition) -> str:
    """Name the fixture: Betfair's ``eventId``, or for a race ``eventId.HHMM``.

    A meeting's races share one ``eventId``. Left at that, the winners of seven
    races would be outcomes of one market. ``29576738.1550`` is how Betfair itself
    names a race: by the start, UTC, as first announced.
    """
    starts_at = _instant(definition.get("marketTime"))
    if definition.get("eventTypeId") in _RACING and starts_at is not None:
        return f"{definition['eventId']}.{starts_at:%H%M}"
    return definition["eventId"]


def market_names(
    definition: Definition, runner: RunnerDefinition, suffix: str = ""
) -> tuple[str, str]:
    """Name the markets of a runner's back and of its lay prices.

    Parameters
    ----------
    suffix : str
        Tells the market from another of the same type and event.
    """
    kind, line = _kind(definition, runner)
    at = "" if line is None else f"@{line + 0.0:.10g}"  # + 0.0, or the other side of 0 is "-0"
    return f"{kind}{suffix}{at}", f"{kind}{suffix}_lay{at}"


def _kind(definition: Definition, runner: RunnerDefinition) -> tuple[str, float | None]:
    market_type = definition.get("marketType") or "unnamed"
    if market_type == "MATCH_ODDS":
        return "h2h", None
    if found := _OVER_UNDER.fullmatch(market_type):
        return "totals", int(found[1]) + 0.5
    kind = market_type.lower()
    if market_type in _MIRRORED:
        line = runner.get("hc") or 0.0
        # Home -0.5 and away +0.5 are the two sides of one market.
        return kind, line if runner["id"] == _home_id(definition) else -line
    if definition.get("bettingType", "").startswith("ASIAN_HANDICAP") or runner.get("hc"):
        return kind, runner.get("hc") or 0.0
    return kind, None


def outcome_name(definition: Definition, runner: RunnerDefinition, names: Mapping[int, str]) -> str:
    """Name a runner: as the caller does, as the definition does, or by its id."""
    name = names.get(runner["id"]) or runner.get("name") or str(runner["id"])
    if _OVER_UNDER.fullmatch(definition.get("marketType") or ""):
        first = name.partition(" ")[0]
        return first if first in ("Over", "Under") else name
    return name


def sides(definition: Definition, names: Mapping[int, str]) -> tuple[str | None, str | None]:
    """Say who is at home and who is away: two named runners of MATCH_ODDS, else nobody."""
    runners = sorted(definition.get("runners", []), key=lambda r: r.get("sortPriority", 0))
    teams = [runner for runner in runners if runner["id"] != THE_DRAW]
    named = all(runner["id"] in names or runner.get("name") for runner in teams)
    if definition.get("marketType") != "MATCH_ODDS" or len(teams) != 2 or not named:
        return None, None
    home, away = (outcome_name(definition, team, names) for team in teams)
    return (away, home) if _is_away_first(definition) else (home, away)


def describe(ident: str, definition: Definition, names: Mapping[int, str]) -> Event:
    """Say in words what the event of a market is; ``ident`` is its id, from `event_id`."""
    home, away = sides(definition, names)
    sport_id = definition.get("eventTypeId", "")
    starts_at = _instant(definition.get("marketTime")) or _instant(definition.get("openDate"))
    title = definition.get("eventName") or ""
    if sport_id in _RACING:
        place = title or definition.get("venue") or f"Betfair event {definition['eventId']}"
        title = f"{place} {starts_at:%H:%M}" if starts_at else place
    elif not title and home is not None:
        title = f"{away} @ {home}" if _is_away_first(definition) else f"{home} v {away}"
    return Event(
        event_id=ident,
        name=title or f"Betfair event {definition['eventId']}",
        sport=_SPORTS.get(sport_id, f"betfair_{sport_id}"),
        starts_at=starts_at,
        home=home,
        away=away,
    )


def _is_away_first(definition: Definition) -> bool:
    title = definition.get("eventName") or ""
    if " @ " in title or " v " in title:
        return " @ " in title
    return definition.get("eventTypeId") in _AWAY_FIRST


def _home_id(definition: Definition) -> int | None:
    """Return whom a line is the line of, on both sides alike: the home team's, or the first's."""
    runners = sorted(definition.get("runners", []), key=lambda r: r.get("sortPriority", 0))
    ids = list(dict.fromkeys(runner["id"] for runner in runners))
    if not ids:
        return None
    return ids[-1] if _is_away_first(definition) else ids[0]


def _instant(text: str | None) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if text else None
    except ValueError:
        return None  # a name without a start is still a name
    return found if found is None or found.tzinfo else found.replace(tzinfo=UTC)
