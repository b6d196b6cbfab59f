"""A recording of Betfair's Exchange Stream, played as if it happened now.

A recording is a text of JSON lines as the stream sent them, plain or compressed
(bz2, as Betfair sells them, gz, xz). It goes through the same listener and the
same books as the live feed, so what works on a recording works on the day.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import MAXYEAR, UTC, datetime, timedelta
from pathlib import Path

import msgspec

from protipp_stream.errors import RecordingError
from protipp_stream.feeds.betfair.books import BOOKMAKER, Books, is_wild
from protipp_stream.feeds.betfair.codes import LineUnreadable
from protipp_stream.feeds.betfair.feed import missing_library
from protipp_stream.feeds.betfair.news import News
from protipp_stream.feeds.betfair.wire import Message, decode, instant
from protipp_stream.feeds.playing import Playing, Recorded
from protipp_stream.model import Batch, RealTimeConnection

__all__ = ["BetfairReplay"]

_HINT = (
    "A recording has one message of the Exchange Stream a line, as in Betfair's"
    ' historic files: {"op": "mcm", "pt": 1657018212979, "mc": [ … ]}.'
)
# At full speed so many lines are read at once: going to the thread and back
# takes as long as a message does. They wait as bytes: thousands of small lists
# that live a while set off the garbage collector, which took half the time.
CHUNK = 256


class BetfairReplay(Playing):
    """A feed that plays a recording of the Exchange Stream.

    What stands is said again about every 20 recorded seconds, as by the live feed.

    Parameters
    ----------
    path : path
        ``.bz2``, ``.gz``, ``.xz`` or plain. Read line by line.
    speed : float
        2 plays twice as fast; ``math.inf`` as fast as it goes.
    rebase : bool
        True plays it as now: a message is received now, and Betfair's own stamps
        are moved along. The start of every event is moved by what the *first*
        message was moved. False leaves every time as it was recorded.
    pace : callable, optional
        Awaited after each batch was taken: the replay waits for its audience.
    runner_names, event_names, discount
        As in `Betfair`.
    sleep : callable
        Waits so many seconds; tests give their own.

    Raises
    ------
    RecordingError
        If there is no such file; while it plays, if a line is no message. One whose
        time can't be true is played at once, and its prices are quarantined.
    """

    def __init__(
        self,
        path: str | Path,
        speed: float = 1.0,
        rebase: bool = True,
        pace: Callable[[], Awaitable[None]] | None = None,
        *,
        runner_names: Mapping[int, str] | None = None,
        event_names: Mapping[str, str] | None = None,
        discount: float = 0.0,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        path = Path(path)
        connection = RealTimeConnection(
            id=f"betfair_replay:{path.name.removesuffix(path.suffix)}",
            bookmaker_id=BOOKMAKER,
            connection_type="replay",
            status="connecting",
        )
        super().__init__(path, speed, pace, sleep, connection, _HINT)
        try:
            from protipp_stream.feeds.betfair.listener import Listener
        except ModuleNotFoundError as missing:
            raise missing_library(missing) from None
        self._rebase = rebase
        self._recorded_s = 0.0
        self._news: list[News] = []
        self._listener = Listener(
            Books(runner_names, event_names, discount), clock=lambda: self._recorded_s
        )
        self._listener.tell = self._news.append
        # Id 0: whatever subscription the lines were recorded in.
        self._listener.register_stream(0, "marketSubscription")

    async def _batches(self) -> AsyncGenerator[Batch, None]:
        lines = self._lines()
        size = CHUNK if math.isinf(self._speed) else 1
        loop = asyncio.get_running_loop()
        # Decompressing and decoding take time that belongs to the subscribers, so
        # threads do it: one unpacks what comes next while the other decodes.
        threads = ThreadPoolExecutor(2, "replay")
        last: datetime | None = None
        is_empty = True
        try:
            coming = threads.submit(_some, lines, size)
            while chunk := await asyncio.wrap_future(coming):
                coming = threads.submit(_some, lines, size)
                if not math.isinf(self._speed):
                    last = await self._wait(last, chunk[0])
                for news in await loop.run_in_executor(threads, self._decode, chunk):
                    is_empty = False
                    batch = news.batch
                    has_news = bool(batch.quotes or batch.events)
                    if has_news or news.faults or news.is_late != self.connection.stale:
                        self._tell(news)
                    if has_news:
                        yield msgspec.structs.replace(batch, arrived=time.monotonic())
            if is_empty:
                raise RecordingError(f"{self.path.name!r} holds no message.", hint=_HINT)
        finally:
            # A line that is being read can't be interrupted; wait before closing its file.
            threads.shutdown(wait=True)
            lines.close()

    async def _wait(self, last: datetime | None, recorded: Recorded) -> datetime | None:
        """Wait until a message is due; return when it was sent."""
        _, at = self._read_message(recorded)
        if at is None or _can_not_be(at):
            return last
        if last is not None:
            await self._sleep(max((at - last).total_seconds(), 0.0) / self._speed)
        return at

    def _decode(self, chunk: list[Recorded]) -> list[News]:
        self._news.clear()
        listener = self._listener
        for recorded in chunk:
            message, at = self._read_message(recorded)
            if at is None:
                continue
            self._date(at)
            listener.take(message)
        return [self._moved(news) for news in self._news]

    def _date(self, at: datetime) -> None:
        """Say when the next message arrived, and by how much its times are moved."""
        listener = self._listener
        if _can_not_be(at):
            # Taken for the time of its arrival, or moved there, it would look sound.
            listener.shift = timedelta()
            return
        self._recorded_s = at.timestamp()
        listener.received_at = datetime.now(UTC) if self._rebase else at
        listener.shift = listener.received_at - at
        self._starts.begin(at, listener.received_at)

    def _read_message(self, recorded: Recorded) -> tuple[Message, datetime | None]:
        try:
            message = decode(recorded.line)
            pt = message.line.pt
            return message, None if pt is None else _when(pt)
        except LineUnreadable as error:
            raise self._corrupt(recorded.number, str(error)) from None

    def _moved(self, news: News) -> News:
        batch = news.batch
        if not batch.events:
            return news
        events = [self._starts.moved(event) for event in batch.events]
        news.batch = msgspec.structs.replace(batch, events=events)
        return news

    def _tell(self, news: News) -> None:
        at, before = news.batch.received_at, self.connection
        is_update = bool(news.batch.quotes) and not news.is_confirmation
        self._replace(
            status="connected",
            detail="stalled" if news.is_late else "live",
            stale=news.is_late,
            last_heartbeat=at,
            last_update=at if is_update else before.last_update,
        )
        if news.faults:
            count = before.error_count + news.fault_count
            self._replace(error_count=count, last_error=news.faults[0])


def _when(pt: float) -> datetime:
    at = instant(pt)
    if at.year == MAXYEAR:
        raise LineUnreadable(f"{pt:g} is no time.")
    return at


def _can_not_be(at: datetime) -> bool:
    return is_wild(at, datetime.now(UTC))


def _some(lines: Generator[Recorded, None, None], size: int) -> list[Recorded]:
    return list(itertools.islice(lines, size))
