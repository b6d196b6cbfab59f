"""From the library's thread to the event loop: bounded, never blocking, losing no last price.

A thread that waited for the loop would let bytes wait in the socket, and their
age would be measured from too late. So when the loop is far behind, news are
merged: the newest quote of each selection stays, and what was left out is counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque

import msgspec

from protipp_stream.core.quarantine import quote_fault
from protipp_stream.model import Batch, Event, Quote, Selection

__all__ = ["Handover", "News"]

LIMIT = 1_000
FAULTS = 10


class News(msgspec.Struct):
    """What one message brought.

    Attributes
    ----------
    batch : Batch
        Empty for a heartbeat.
    is_late : bool
        Betfair says that it is behind itself (status 503).
    faults : list of str
        What could not be read of it; the first few, when news were merged.
    further_faults : int
        How many there were beyond these.
    is_confirmation : bool
        It says again what stands, and nothing new.
    """

    batch: Batch
    is_late: bool = False
    faults: list[str] = []
    further_faults: int = 0
    is_confirmation: bool = False

    @property
    def fault_count(self) -> int:
        """How much could not be read."""
        return len(self.faults) + self.further_faults


class Handover:
    """News of one connection, from its thread to the loop.

    Parameters
    ----------
    limit : int
        So many news wait at most; further ones are merged into the last.

    Attributes
    ----------
    conflated : int
        Quotes left out because a newer one of their selection stood behind them.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.conflated = 0
        self._limit = limit
        self._loop = asyncio.get_running_loop()
        self._bell = asyncio.Event()
        self._lock = threading.Lock()
        self._waiting: deque[News] = deque()
        self._is_rung = self._has_ended = False
        self._failure: BaseException | None = None

    def put(self, news: News) -> None:
        """Hand over; from the thread."""
        with self._lock:
            if len(self._waiting) < self._limit:
                self._waiting.append(news)
            elif news.is_confirmation:
                pass  # prices may look older than they are; the next ones will do
            elif self._waiting[-1].is_confirmation:
                self._waiting[-1] = news
            else:
                before = self._waiting[-1]
                self._waiting[-1] = merged = _merged(before, news)
                self.conflated += (
                    len(before.batch.quotes) + len(news.batch.quotes) - len(merged.batch.quotes)
                )
        self._ring()

    def end(self, failure: BaseException | None = None) -> None:
        """Say that nothing more will come, and why; from the thread."""
        with self._lock:
            self._has_ended, self._failure = True, failure
            self._is_rung = False
        self._ring()

    def _ring(self) -> None:
        with self._lock:
            if self._is_rung:
                return
            self._is_rung = True
        with contextlib.suppress(RuntimeError):  # the loop has closed: nobody listens
            self._loop.call_soon_threadsafe(self._bell.set)

    async def get(self) -> News | None:
        """Wait for the next news; None at the end.

        Raises
        ------
        Exception
            What ended the thread, when all before it has been handed out.
        """
        while True:
            with self._lock:
                if self._waiting:
                    return self._waiting.popleft()
                if self._has_ended:
                    break
                self._is_rung = False
                self._bell.clear()
            await self._bell.wait()
        if self._failure is not None:
            raise self._failure
        return None

    async def ended(self) -> None:
        """Wait until the thread has nothing more to say; what it said is dropped."""
        while True:
            with self._lock:
                self._waiting.clear()
                if self._has_ended:
                    return
                self._is_rung = False
                self._bell.clear()
            await self._bell.wait()


def _merged(before: News, after: News) -> News:
    quotes: dict[Selection, Quote] = {}
    untrue: list[str] = []
    for batch in (before.batch, after.batch):
        for quote in batch.quotes:
            selection = quote.selection
            # Out and in again: a dict keeps the place of the first one.
            left_out = quotes.pop(selection, None)
            # The gateway's quarantine would have counted it.
            if left_out is not None and (fault := quote_fault(left_out, batch.received_at)):
                untrue.append(f"price of {quote.outcome} in {quote.market}: wrong {fault}")
            quotes[selection] = quote
    events: dict[str, Event] = {e.event_id: e for e in (*before.batch.events, *after.batch.events)}
    # The time is that of the older: prices may seem older than they are, never fresher.
    batch = Batch(
        list(quotes.values()),
        before.batch.received_at,
        before.batch.arrived,
        list(events.values()),
    )
    faults = [*before.faults, *after.faults, *untrue]
    further = before.further_faults + after.further_faults + len(faults[FAULTS:])
    return News(batch, after.is_late, faults[:FAULTS], further)
