"""Follows a streaming feed, batch by batch, into a book: what a board would show."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from typing import cast

from protipp_stream.core.book import Book
from protipp_stream.core.quarantine import quote_fault
from protipp_stream.model import Batch


class Followed:
    """A feed, read as far as a test asks."""

    def __init__(self, batches: AsyncIterator[Batch]) -> None:
        self._batches = batches
        self.book = Book("t")

    async def next(self, count: int = 1) -> Batch:
        """Read so many batches; return the last."""
        for _ in range(count):
            async with asyncio.timeout(10):
                batch = await anext(self._batches)
            sound = [q for q in batch.quotes if quote_fault(q, batch.received_at) is None]
            self.book.apply(sound, batch.received_at)
        return batch

    @property
    def prices(self) -> dict[tuple[str, str], float]:
        """What stands, by market and outcome."""
        return {
            (q.market, q.outcome): round(q.odds, 2)
            for q in self.book.quotes()
            if q.odds is not None
        }


@asynccontextmanager
async def following(feed: AsyncIterable[Batch]) -> AsyncIterator[Followed]:
    async with aclosing(cast(AsyncGenerator[Batch, None], aiter(feed))) as batches:
        yield Followed(batches)


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - the other thread has no event of ours
            await asyncio.sleep(0.01)
