"""Sources that speak in turn of one game, each in its own words."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from protipp_stream.core.naming import Named, Naming
from protipp_stream.model import Event, Quote

from .strategies import START

__all__ = ["GAME", "START", "THEIRS", "Says", "at", "price"]

ALIASES = {"NY Yankees": "New York Yankees", "BOS Red Sox": "Boston Red Sox"}
GAME = Event(
    "a1",
    "New York Yankees @ Boston Red Sox",
    "baseball_mlb",
    START,
    "Boston Red Sox",
    "New York Yankees",
)
THEIRS = Event("77", "BOS Red Sox v NY Yankees", "Baseball", START + timedelta(minutes=7))


def price(
    event_id: str, outcome: str, odds: float | None = 2.0, market: str = "h2h", **more: Any
) -> Quote:
    return Quote(more.pop("bookmaker_id", "acme"), event_id, market, outcome, odds, **more)


def at(minutes: float, event: Event = GAME, event_id: str | None = None) -> Event:
    starts_at = START + timedelta(minutes=minutes)
    return msgspec.structs.replace(
        event, starts_at=starts_at, event_id=event_id or f"{event.event_id}+{minutes:g}"
    )


class Says:
    """Sources that speak in turn, a minute apart; one bookmaker may be everybody's."""

    def __init__(self, **tables: Any) -> None:
        self.naming = Naming({"aliases": ALIASES, "owner_silent_s": 0.0} | tables)
        self.clock: datetime = START - timedelta(days=1)

    def __call__(self, source: str, *said: Quote | Event) -> Named:
        self.clock += timedelta(minutes=1)
        quotes = [each for each in said if isinstance(each, Quote)]
        events = [each for each in said if isinstance(each, Event)]
        return self.naming.take(source, quotes, events, self.clock)

    def id_of(self, source: str, event_id: str) -> str:
        [named] = self(source, price(event_id, "?", None)).quotes
        return named.event_id

    def why(self, source: str) -> dict[str, int]:
        report = self.naming.report()[source]
        return report.unmatched | ({"matched": report.matched} if report.matched else {})
