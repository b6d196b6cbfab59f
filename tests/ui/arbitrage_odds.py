"""Odds with real arbitrage in them: prices are moved by hand, and so is the time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from protipp_stream.client.arbitrage import LiveArbitrage
from protipp_stream.core.arbitrage import Terms
from protipp_stream.errors import LinkClosed
from protipp_stream.model import Cursor, Event, OddsUpdate, Quote
from tests.ui.fake import NOON, FakeOdds

GAME = Event("e1", "Nationals @ Phillies", "mlb", NOON + timedelta(hours=1))


class ArbitrageOdds(FakeOdds):
    """`FakeOdds` that follow arbitrage with the client's own `LiveArbitrage`."""

    def __init__(self, quotes: list[Quote], events: list[Event] | None = None) -> None:
        super().__init__(quotes, [GAME] if events is None else events)
        self.gateway_time = NOON.timestamp()
        self.cursor: Cursor | None = Cursor("e", 0)
        self.followed: list[LiveArbitrage] = []  # that are open now
        self.made = 0
        self.has_ended = False

    def arbitrage(self, terms: Terms, *, clones: Iterable[Iterable[str]] = ()) -> LiveArbitrage:
        if self.has_ended:
            raise LinkClosed("These odds have ended: there is nothing to follow.")
        seconds = lambda: self.gateway_time  # noqa: E731
        made = LiveArbitrage(self.board, seconds, terms, clones, self.followed.remove)
        made.on_reset()
        self.followed.append(made)
        self.made += 1
        return made

    def move(self, *updates: OddsUpdate) -> None:
        super().move(*updates)
        for live in self.followed:
            live.on_updates(updates, [])

    def wait(self, seconds: float) -> None:
        self.gateway_time += seconds

    def say(self, bookmaker: str, outcome: str, odds: float | None, **changes: Any) -> None:
        at = datetime.fromtimestamp(self.gateway_time, UTC)
        fields = {"event_id": "e1", "market": "h2h", **changes}
        self.move(
            OddsUpdate(
                id="e:1", bookmaker_id=bookmaker, outcome=outcome, old_odds=None, new_odds=odds,
                timestamp=at, source_timestamp=at, latency_ms=1.0, is_significant=False, **fields,
            )
        )  # fmt: skip


def priced(market: str = "h2h", event: str = "e1", **prices: dict[str, float]) -> list[Quote]:
    """Prices by bookmaker and outcome, as old as noon."""
    return [
        Quote(bookmaker, event, market, outcome, odds, NOON, NOON)
        for bookmaker, offered in prices.items()
        for outcome, odds in offered.items()
    ]


PAIR = priced(ada={"home": 2.1, "away": 1.8}, bob={"home": 1.8, "away": 2.05})
