"""A stand-in for `LiveOdds`: the same public surface, and prices moved by hand."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from protipp_stream.core.filter import Filter
from protipp_stream.model import Cursor, Event, OddsUpdate, Quote, RealTimeConnection

NOON = datetime(2026, 8, 4, 12, tzinfo=UTC)


def connection(**changes: Any) -> RealTimeConnection:
    fields: dict[str, Any] = {
        "id": "client",
        "bookmaker_id": "gateway",
        "connection_type": "websocket",
        "status": "connected",
        "detail": "live",
        "last_heartbeat": NOON,
    }
    return RealTimeConnection(**{**fields, **changes})


def quote(bookmaker: str, event: str, market: str, outcome: str, odds: float | None) -> Quote:
    return Quote(bookmaker, event, market, outcome, odds, None, NOON)


def update(
    bookmaker: str,
    event: str,
    market: str,
    outcome: str,
    odds: float | None,
    *,
    seq: int = 1,
    significant: bool = False,
) -> OddsUpdate:
    return OddsUpdate(
        f"e:{seq}", bookmaker, event, market, outcome, None, odds, NOON, None, 0.1, significant
    )


def change(
    *,
    quotes: list[Quote] | None = None,
    updates: list[OddsUpdate] | None = None,
    events: list[Event] | None = None,
) -> Any:
    return SimpleNamespace(
        snapshot=quotes is not None,
        quotes=quotes or [],
        updates=updates or [],
        events=events or [],
    )


class FakeChanges:
    def __init__(self, odds: FakeOdds) -> None:
        self._odds = odds
        self.waiting: list[Any] = []
        self.fresh = True

    def take(self) -> Any:
        if self.fresh:
            self.fresh, self.waiting = False, []
            board = self._odds.board()
            return change(quotes=board.quotes, events=list(board.events.values()))
        return self.waiting.pop(0) if self.waiting else None

    def close(self) -> None:
        self._odds.watchers.discard(self)


class FakeOdds:
    """What the components know of `LiveOdds`."""

    def __init__(self, quotes: list[Quote] | None = None, events: list[Event] | None = None):
        self.status = connection()
        self.sources = {"demo": connection(id="demo", connection_type="simulated")}
        self.bookmakers: dict[str, RealTimeConnection] = {}
        self.delivery: Any = None
        self.gateway_time: float | None = NOON.timestamp()
        self.tickets: list[str] = []  # the origins that asked
        self.refusal: Exception | None = None  # what `ticket` raises
        self.url = "http://127.0.0.1:8765"
        self.wanted = Filter()
        self.since = NOON
        self.plan: Any = None
        self.transport = "auto"
        self.auto_reconnect = True
        self.told: list[str] = []
        self.answers: list[Any] = []
        self.watchers: set[FakeChanges] = set()
        self._quotes = {each.selection: each for each in quotes or []}
        self._events = {each.event_id: each for each in events or []}
        self._lock = threading.Lock()
        self._seq = 0

    def board(self) -> Any:
        with self._lock:
            return SimpleNamespace(
                cursor=Cursor("e", self._seq),
                quotes=list(self._quotes.values()),
                events=dict(self._events),
            )

    def ticket(self, origin: str) -> str:
        self.tickets.append(origin)
        if self.refusal is not None:
            raise self.refusal
        return f"ticket-{len(self.tickets)}"

    def changes(self) -> FakeChanges:
        watcher = FakeChanges(self)
        self.watchers.add(watcher)
        return watcher

    def move(self, *updates: OddsUpdate) -> None:
        with self._lock:
            for each in updates:
                self._quotes[each.selection] = each.quote
            for watcher in list(self.watchers):
                watcher.waiting.append(change(updates=list(updates)))

    def disconnect(self) -> None:
        self.told.append("disconnect")

    def reconnect(self) -> None:
        self.told.append("reconnect")

    def refresh(self) -> None:
        self.told.append("refresh")

    def use_transport(self, transport: str) -> None:
        self.told.append(transport)
        self.transport = transport

    def gateway_status(self) -> Any:
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer
