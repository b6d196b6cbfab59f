"""Small objects of odds-api.io, made by hand."""

from __future__ import annotations

from typing import Any

HOME, AWAY = "Philadelphia Phillies", "Washington Nationals"
BEFORE = "2026-08-04T00:00:41.500Z"
BEFORE_S = 1785801641
AFTER_S = BEFORE_S + 60

# What the event, its moneyline and its spread make on a board.
IMAGE = {
    ("h2h", HOME): 1.9,
    ("h2h", AWAY): 2.0,
    ("spreads@-1.5", HOME): 2.1,
    ("spreads@-1.5", AWAY): 1.75,
}


def event(event_id: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "id": event_id,
        "home": HOME,
        "away": AWAY,
        "date": "2026-08-04T02:41:00Z",
        "status": "pending",
        "sport": {"name": "Baseball", "slug": "baseball"},
        "league": {"name": "MLB", "slug": "usa-mlb"},
    } | more


def ml(home: Any = "1.90", away: Any = "2.00", **more: Any) -> dict[str, Any]:
    return {"name": "ML", "updatedAt": BEFORE, "odds": [{"home": home, "away": away}]} | more


def spread(hdp: Any = -1.5, **more: Any) -> dict[str, Any]:
    line = {"hdp": hdp, "home": "2.10", "away": "1.75"}
    return {"name": "Spread", "updatedAt": BEFORE, "odds": [line]} | more


def totals(*points: float, **more: Any) -> dict[str, Any]:
    lines = [{"hdp": point, "over": "1.95", "under": "1.87"} for point in points or (8.5,)]
    return {"name": "Totals", "updatedAt": BEFORE, "odds": lines} | more


def said(kind: str = "updated", *markets: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A message; its markets are stamped by it."""
    bare = [{k: v for k, v in market.items() if k != "updatedAt"} for market in markets]
    head = {"type": kind, "id": 1, "bookie": "Bet365", "timestamp": AFTER_S}
    return head | ({"markets": bare} if bare else {}) | more
