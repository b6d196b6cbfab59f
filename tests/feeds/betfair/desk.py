"""Betfair's lines by hand: what the listener says of each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from protipp_stream.feeds.betfair.books import Books
from protipp_stream.feeds.betfair.listener import Listener
from protipp_stream.feeds.betfair.news import News
from protipp_stream.model import Event, Quote
from tests.feeds.betfair_server import T0, prices

NOW = datetime.fromtimestamp(T0 / 1000, UTC)


class Desk:
    """A listener fed by hand."""

    def __init__(self, *, can_ask: bool = False, **named: Any) -> None:
        self.now_s = 0.0
        self.news: list[News] = []
        books = Books(**named)
        self.listener = Listener(books, can_ask=can_ask, clock=lambda: self.now_s)
        self.listener.tell = self.news.append
        self.listener.register_stream(0, "marketSubscription")
        self.listener.received_at = NOW

    def hear(self, *changes: dict[str, Any], **more: Any) -> list[Quote]:
        head = {"op": "mcm", "pt": T0, "clk": "c", "mc": list(changes)}
        self.listener.on_data(json.dumps(head | more))
        return self.news[-1].batch.quotes

    @property
    def events(self) -> list[Event]:
        return [event for news in self.news for event in news.batch.events]


def one(defined: dict[str, Any], *rc: dict[str, Any], ident: str = "1.1") -> dict[str, Any]:
    return {"id": ident, "marketDefinition": defined, "rc": list(rc or [prices(1, 2.0, 2.1)])}


def names(quotes: list[Quote]) -> list[tuple[str, str]]:
    return [(quote.market, quote.outcome) for quote in quotes]
