"""What the tests of the Betfair feed share: a feed that is being followed, and its board."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from protipp_stream.core.quarantine import quote_fault
from protipp_stream.model import Batch, RealTimeConnection
from tests.feeds.betfair_server import FakeBetfair

Price = tuple[float | None, float | None]


class Followed:
    """A feed that somebody follows: every batch, every state, and the board they make."""

    def __init__(self, feed: Any) -> None:
        self.feed = feed
        self.batches: list[Batch] = []
        self.states: list[RealTimeConnection] = []
        self.board: dict[tuple[str, str, str], float] = {}
        self.failure: BaseException | None = None

    async def follow(self) -> None:
        try:
            async for batch in self.feed:
                self.batches.append(batch)
                self.states.append(self.feed.connection)
                for quote in batch.quotes:
                    key = quote.event_id, quote.market, quote.outcome
                    if quote_fault(quote, batch.received_at) is not None:
                        continue
                    if quote.odds is None:
                        self.board.pop(key, None)
                    else:
                        self.board[key] = quote.odds
        except Exception as failure:  # noqa: BLE001 - the test looks at it
            self.failure = failure

    @property
    def texts(self) -> list[str]:
        """Every error that was shown."""
        return [state.last_error for state in self.states if state.last_error]

    def best(self, market: str = "h2h") -> dict[tuple[str, str], Price]:
        """The best back and lay, by event and outcome."""
        keys = {(event, outcome) for event, _, outcome in self.board}
        return {
            (event, outcome): (
                self.board.get((event, market, outcome)),
                self.board.get((event, f"{market}_lay", outcome)),
            )
            for event, outcome in keys
        }

    def equals(self, fake: FakeBetfair) -> bool:
        """Whether the board is the fake's truth, for markets of MATCH_ODDS, one an event."""
        truth = {
            (fake.state[market]["marketDefinition"]["eventId"], str(selection)): price
            for (market, selection), price in fake.best().items()
            if price != (None, None)
        }
        return self.best() == truth


@asynccontextmanager
async def following(feed: Any) -> AsyncIterator[Followed]:
    """Follow a feed in a task while the block runs."""
    followed = Followed(feed)
    task = asyncio.create_task(followed.follow())
    try:
        yield followed
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def until(is_so: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for the other side; fail when it takes too long."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it never came"
        await asyncio.sleep(0.002)


def seen(followed: Followed, fake: FakeBetfair) -> Callable[[], bool]:
    return lambda: bool(followed.batches) and followed.equals(fake)
