"""A recording of Betfair's Exchange Stream, played as if it happened now.

A recording is a text of JSON lines as the stream sent them, plain or compressed
(bz2, as Betfair sells them, gz, xz). It goes through the same listener and the
same books as the live feed, so what works on a recording works on the day.
"""

from __future__ import annotations

import asyncio
import bz2
import gzip
import itertools
import lzma
import math
import time
import zlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from datetime import MAXYEAR, UTC, datetime, timedelta
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from protipp_stream.errors import ConfigurationError, RecordingError
from protipp_stream.feeds.base import batch_now
from protipp_stream.feeds.betfair.books import BOOKMAKER, Books, is_wild
from protipp_stream.feeds.betfair.codes import LineUnreadable
from protipp_stream.feeds.betfair.feed import missing_library
from protipp_stream.feeds.betfair.news import News
from protipp_stream.feeds.betfair.wire import Message, decode, instant
from protipp_stream.feeds.played_starts import PlayedStarts
from protipp_stream.model import Batch, RealTimeConnection

__all__ = ["BetfairReplay"]

_HINT = (
    "A recording has one message of the Exchange Stream a line, as in Betfair's"
    ' historic files: {"op": "mcm", "pt": 1657018212979, "mc": [ … ]}.'
)
_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}
# At full speed so many lines are read at once: going to the thread and back
# takes as long as a message does. They wait as bytes: thousands of small lists
# that live a while set off the garbage collector, which took half the time.
CHUNK = 256


class _Recorded(NamedTuple):
    number: int
    line: bytes


class BetfairReplay:
    """A feed that plays a recording of the Exchange Stream.

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
        try:
            from protipp_stream.feeds.betfair.listener import Listener
        except ModuleNotFoundError as missing:
            raise missing_library(missing) from None
        if isinstance(speed, str) or not speed > 0:
            raise ConfigurationError(
                f"The speed of a replay must be above 0, not {speed!r}.",
                hint="1 is as it was, math.inf as fast as it goes.",
            )
        self.path = Path(path)
        if not self.path.is_file():
            raise RecordingError(f"There is no recording {self.path.name!r}.", hint=_HINT)
        self._speed = speed
        self._rebase = rebase
        self._pace = pace
        self._sleep = sleep
        self._starts = PlayedStarts(speed)
        self._news: list[News] = []
        self._listener = Listener(Books(runner_names, event_names, discount))
        self._listener.tell = self._news.append
        # Id 0: whatever subscription the lines were recorded in.
        self._listener.register_stream(0, "marketSubscription")
        self.connection = RealTimeConnection(
            id=f"betfair_replay:{self.path.name.removesuffix(self.path.suffix)}",
            bookmaker_id=BOOKMAKER,
            connection_type="replay",
            status="connecting",
        )

    def __repr__(self) -> str:
        return f"<BetfairReplay {self.path.name} {self.connection.status}>"

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield a batch for every message that changes something."""
        try:
            async with aclosing(self._batches()) as batches:
                async for batch in batches:
                    yield batch
                    if self._pace is not None:
                        await self._pace()
        except RecordingError as error:
            self._replace(
                status="error",
                detail="terminal",
                error_count=self.connection.error_count + 1,
                last_error=str(error),
            )
            yield batch_now([])
            raise
        self._replace(status="disconnected", detail=None)

    async def _batches(self) -> AsyncGenerator[Batch, None]:
        lines = _read(self.path)
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

    async def _wait(self, last: datetime | None, recorded: _Recorded) -> datetime | None:
        """Wait until a message is due; return when it was sent."""
        _, at = self._read_message(recorded)
        if at is None or _can_not_be(at):
            return last
        if last is not None:
            await self._sleep(max((at - last).total_seconds(), 0.0) / self._speed)
        return at

    def _decode(self, chunk: list[_Recorded]) -> list[News]:
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
        listener.received_at = datetime.now(UTC) if self._rebase else at
        listener.shift = listener.received_at - at
        self._starts.begin(at, listener.received_at)

    def _read_message(self, recorded: _Recorded) -> tuple[Message, datetime | None]:
        try:
            message = decode(recorded.line)
            pt = message.line.pt
            return message, None if pt is None else _when(pt)
        except LineUnreadable as error:
            raise _corrupt(self.path, recorded.number, error) from None

    def _moved(self, news: News) -> News:
        batch = news.batch
        if not batch.events:
            return news
        events = [self._starts.moved(event) for event in batch.events]
        return News(msgspec.structs.replace(batch, events=events), news.is_late, news.faults)

    def _tell(self, news: News) -> None:
        at, before = news.batch.received_at, self.connection
        self._replace(
            status="connected",
            detail="stalled" if news.is_late else "live",
            stale=news.is_late,
            last_heartbeat=at,
            last_update=at if news.batch.quotes else before.last_update,
        )
        if news.faults:
            count = before.error_count + len(news.faults)
            self._replace(error_count=count, last_error=news.faults[0])

    def _replace(self, **fields: object) -> None:
        self.connection = msgspec.structs.replace(self.connection, **fields)


def _read(path: Path) -> Generator[_Recorded, None, None]:
    """Yield the messages of a recording, each read when it is asked for."""
    number = 0
    try:
        with _open(path) as lines:
            for line in lines:
                number += 1
                if line.strip():
                    yield _Recorded(number, line)
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        # The compressed stream broke off: the damage is behind the last good line.
        raise _corrupt(path, number + 1, error) from None


def _when(pt: float) -> datetime:
    at = instant(pt)
    if at.year == MAXYEAR:
        raise LineUnreadable(f"{pt:g} is no time.")
    return at


def _can_not_be(at: datetime) -> bool:
    return is_wild(at, datetime.now(UTC))


def _some(lines: Generator[_Recorded, None, None], size: int) -> list[_Recorded]:
    return list(itertools.islice(lines, size))


def _open(path: Path) -> IO[bytes]:
    opened: IO[bytes] = _OPENERS.get(path.suffix, open)(path, "rb")
    return opened


def _corrupt(path: Path, line: int, error: Exception) -> RecordingError:
    return RecordingError(f"{path.name!r}, line {line}: {error}", hint=_HINT)
