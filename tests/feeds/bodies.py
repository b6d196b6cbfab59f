"""Small bodies of `/odds`, made by hand: what the tests of the feeds feed on."""

from __future__ import annotations

import json
from typing import Any

HOME, AWAY = "Philadelphia Phillies", "Washington Nationals"
STAMP = "2026-08-04T00:00:41Z"


def outcome(name: str, price: Any, point: Any = None) -> dict[str, Any]:
    return {"name": name, "price": price} | ({} if point is None else {"point": point})


def market(key: str, *outcomes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"key": key, "last_update": STAMP, "outcomes": list(outcomes)} | more


def bookmaker(key: str, *markets: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"key": key, "title": key.title(), "markets": list(markets)} | more


def event(*bookmakers: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "e1",
        "sport_key": "baseball_mlb",
        "sport_title": "MLB",
        "commence_time": "2026-08-04T02:41:00Z",
        "home_team": HOME,
        "away_team": AWAY,
        "bookmakers": list(bookmakers),
    } | more


def body(*events: dict[str, Any]) -> bytes:
    return json.dumps(events).encode()


def moneyline(home: Any = -150, away: Any = 130, **more: Any) -> dict[str, Any]:
    """One event, one bookmaker, one market."""
    return event(
        bookmaker("fanduel", market("h2h", outcome(HOME, home), outcome(AWAY, away))), **more
    )
