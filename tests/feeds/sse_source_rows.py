"""Rows of an OpticOdds-like stream, made by hand."""

from __future__ import annotations

from typing import Any

HOME, AWAY = "Philadelphia Phillies", "Washington Nationals"
STAMP = 1785801641.5


def row(name: str, price: Any, market: str = "Moneyline", points: Any = None, **more: Any) -> Any:
    return {
        "fixture_id": "f1",
        "sportsbook": "Pinnacle",
        "market": market,
        "name": name,
        "price": price,
        "points": points,
        "is_live": False,
        "is_main": True,
        "timestamp": STAMP,
    } | more


def total(points: float, over: int = -110, under: int = -110) -> list[Any]:
    names = (("Over", over), ("Under", under))
    return [row(f"{name} {points}", price, "Total Runs", points) for name, price in names]


def status(new: str | None, **more: Any) -> dict[str, Any]:
    return {
        "fixture": {
            "id": "f1",
            "home_team_display": HOME,
            "away_team_display": AWAY,
            "start_date": "2026-08-04T02:41:00+00:00",
        },
        "fixture_id": "f1",
        "new_status": new,
        "old_status": "live",
        "sport": "baseball",
    } | more
