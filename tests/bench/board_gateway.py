"""A gateway in a process of its own, whose board changes at a rate that the test sets.

A board of 500 outcomes at 10 bookmakers. The first price of the first row is the
*marker*: 20 times a second it gets a price that it did not have for long, and the
moment is written down, so whoever sees that text on a screen knows how late it is.

    python -m tests.bench.board_gateway ORIGIN [HISTORY]
"""

from __future__ import annotations

import asyncio
import random
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

from protipp_stream.feeds import batch_now
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.model import Batch, Event, Quote, RealTimeConnection
from tests.bench.processes import answer

EVENTS, OUTCOMES, BOOKMAKERS = 250, ("Home", "Away"), 10
TICK_S, MARK_S = 0.005, 0.05


class RacingFeed:
    """Changes `rate` prices a second, evenly, for ever."""

    def __init__(self) -> None:
        self.rate = 0.0
        self.marks: list[tuple[float, float]] = []
        self.sent = 0
        self._chance = random.Random(7)
        start = datetime.now(UTC) + timedelta(hours=1)
        self._events = [
            Event(f"event_{n:03}", f"Home {n} v Away {n}", "soccer", start + timedelta(minutes=n))
            for n in range(EVENTS)
        ]
        self._selections = [
            (f"maker_{maker}", event.event_id, "h2h", outcome)
            for event in self._events
            for outcome in OUTCOMES
            for maker in range(BOOKMAKERS)
        ]
        self._marker = ("maker_0", "event_000", "h2h", "Home")
        self._selections.remove(self._marker)

    @property
    def connection(self) -> RealTimeConnection:
        return RealTimeConnection(
            id="racing",
            bookmaker_id="racing",
            connection_type="simulated",
            status="connected",
            detail="live",
            last_heartbeat=datetime.now(UTC),
        )

    async def __aiter__(self) -> AsyncIterator[Batch]:
        opening = [Quote(*each, self._price()) for each in self._selections]
        yield batch_now([Quote(*self._marker, 2.0), *opening], self._events)
        owed, before, mark_at, number = 0.0, time.monotonic(), 0.0, 0
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            owed, before = owed + self.rate * (now - before), now
            count, owed = int(owed), owed % 1
            chosen = self._chance.choices(self._selections, k=count)
            quotes = [Quote(*each, self._price()) for each in chosen]
            if self.rate and now >= mark_at:
                mark_at, number = now + MARK_S, (number + 1) % 700
                odds = round(2.01 + number / 100, 2)
                quotes.append(Quote(*self._marker, odds))
                self.marks.append((odds, time.time()))
            if quotes:
                self.sent += len(quotes)
                yield batch_now(quotes)

    def _price(self) -> float:
        return round(self._chance.uniform(1.2, 8.0), 2)


async def main() -> None:
    feed = RacingFeed()
    settings = Settings(allowed_origins=frozenset(sys.argv[1:2]), tickets_per_subject=1000)
    gateway = Gateway(feed, settings=settings, history=sys.argv[2] if sys.argv[2:] else None)
    serving = asyncio.create_task(gateway.serve())

    async def race(rate: float) -> dict[str, Any]:
        feed.rate, feed.marks, feed.sent = rate, [], 0
        return {}

    async def said() -> dict[str, Any]:
        return {
            "marks": feed.marks,
            "sent": feed.sent,
            "cpu_s": time.process_time(),
            "subscribers": sorted(each.transport for each in gateway.hub.subscriptions),
        }

    token = gateway.token(scopes=("odds:read", "status:read"))
    await answer({"race": race, "said": said}, url=gateway.url, token=token)
    serving.cancel()


if __name__ == "__main__":
    asyncio.run(main())
