"""What tests script: a feed that says what it is told, and clocks that are set by hand."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta

from protipp_stream.feeds.base import batch_now
from protipp_stream.model import Batch, Event, Quote, RealTimeConnection

EVENT = Event("match", "Reds @ Blues", "baseball_mlb", None, "Blues", "Reds")


def quote(odds: float | None, outcome: str = "Blues", **names: str) -> Quote:
    """One price of a match."""
    known = {"bookmaker_id": "acme", "event_id": "match", "market": "h2h"} | names
    return Quote(**known, outcome=outcome, odds=odds)


class ScriptedFeed:
    """Says what `tell` is given, from any thread; `end` ends it, with an error if given.

    `tell` returns when the gateway has taken what it was told, so a test that
    looks at the gateway afterwards needs no sleep.
    """

    def __init__(self) -> None:
        self.connection = RealTimeConnection(
            id="script", bookmaker_id="script", connection_type="publish", status="connected"
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: asyncio.Queue[tuple[Batch | Exception | None, threading.Event]]
        self._ready = threading.Event()

    async def __aiter__(self) -> AsyncIterator[Batch]:
        self._queue = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._ready.set()
        while True:
            told, taken = await self._queue.get()
            if isinstance(told, Exception):
                taken.set()
                raise told
            if told is None:
                taken.set()
                return
            yield told
            taken.set()

    def tell(self, quotes: Sequence[Quote], events: Sequence[Event] = (EVENT,)) -> None:
        self._put(batch_now(quotes, events))

    def end(self, error: Exception | None = None) -> None:
        self._put(error)

    def _put(self, told: Batch | Exception | None) -> None:
        assert self._ready.wait(5)
        assert self._loop is not None
        taken = threading.Event()
        self._loop.call_soon_threadsafe(self._queue.put_nowait, (told, taken))
        assert taken.wait(5)


class _Alarm:
    def __init__(self, due: float, callback: Callable[[], None]) -> None:
        self.due = due
        self.callback = callback
        self.is_cancelled = False

    def cancel(self) -> None:
        self.is_cancelled = True


class HandClock:
    """Stands still until it is moved: `advance` moves both clocks."""

    def __init__(self) -> None:
        self._wall = datetime.now(UTC)
        self._monotonic = 1000.0
        self._alarms: list[_Alarm] = []

    def wall(self) -> datetime:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def call_later(self, seconds: float, callback: Callable[[], None]) -> _Alarm:
        """What is due now is called at once; the rest by `advance`."""
        alarm = _Alarm(self._monotonic + seconds, callback)
        if seconds > 0:
            self._alarms.append(alarm)
        else:
            callback()
        return alarm

    def advance(self, seconds: float) -> None:
        self._wall += timedelta(seconds=seconds)
        self._monotonic += seconds
        due = [alarm for alarm in self._alarms if alarm.due <= self._monotonic]
        self._alarms = [alarm for alarm in self._alarms if alarm.due > self._monotonic]
        for alarm in due:
            if not alarm.is_cancelled:
                alarm.callback()
