"""A recording of The Odds API, played as if it happened now.

A recording is a text of JSON lines, one fetch each, plain or compressed (xz,
gz, bz2)::

    {"fetched_at": "2026-08-04T00:00:51+00:00", "body": [event, event, …]}

where ``body`` is what ``/v4/sports/…/odds`` answered. It goes through the same
decoder as the live feed, so what works on a recording works on the day.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import msgspec

from protipp_stream.errors import RecordingError
from protipp_stream.feeds.image import ImageDiff
from protipp_stream.feeds.odds_format import OddsFormat, guess_format, to_decimal
from protipp_stream.feeds.playing import Playing
from protipp_stream.feeds.the_odds_api.body import Reading, decode_odds
from protipp_stream.model import Batch, Instant, RealTimeConnection

__all__ = ["Replay"]

_HINT = (
    "A recording has one fetch a line, .jsonl or .jsonl.xz (.gz, .bz2):"
    ' {"fetched_at": "2026-08-04T00:00:51Z", "body": [ … what /odds answered … ]}.'
)


class _Fetch(msgspec.Struct):
    fetched_at: Instant
    body: msgspec.Raw
    line: int = 0


_fetch = msgspec.json.Decoder(_Fetch)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class Replay(Playing):
    """A feed that plays a recording.

    Parameters
    ----------
    path : path
        ``.jsonl``, or compressed as ``.jsonl.xz``, ``.gz``, ``.bz2``. Read line
        by line: a recording may be larger than memory.
    speed : float
        2 plays twice as fast; ``math.inf`` as fast as it goes.
    rebase : bool
        True plays it as now: a batch is received now, and the bookmakers' own
        stamps are moved along with it, so a price that was 40 s old is 40 s
        old. Every event starts when play reaches it: at speed 60, one that
        started an hour after the first fetch starts a minute after it. (At
        ``math.inf`` play takes no time; the starts keep their distances then.)
        False leaves every time as it was recorded.
    pace : callable, optional
        Awaited after each batch was taken: the replay waits for its audience.
    odds_format : str
        ``decimal``, ``american``, or ``auto``: found from the first fetch that
        holds a price, by the ranges which only one format has (1 to 100, or
        -100 and below), once for the whole recording.
    sleep : callable
        Waits so many seconds; tests give their own.

    Raises
    ------
    RecordingError
        If there is no such file; while it plays, if a line is no fetch.
    """

    def __init__(
        self,
        path: str | Path,
        speed: float = 1.0,
        rebase: bool = True,
        pace: Callable[[], Awaitable[None]] | None = None,
        *,
        odds_format: OddsFormat | Literal["auto"] = "auto",
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        connection = RealTimeConnection(
            id="replay",
            bookmaker_id="the_odds_api",
            connection_type="replay",
            status="connecting",
        )
        super().__init__(Path(path), speed, pace, sleep, connection, _HINT)
        if odds_format != "auto":
            to_decimal(odds_format)
        self._rebase = rebase
        self._format: OddsFormat | None = None if odds_format == "auto" else odds_format
        self._images = ImageDiff()

    async def _batches(self) -> AsyncGenerator[Batch, None]:
        fetches = self._fetches()
        loop = asyncio.get_running_loop()
        # Decompressing and decoding a fetch takes milliseconds that belong to
        # the subscribers, so a thread does it.
        thread = ThreadPoolExecutor(1, "replay")
        last: datetime | None = None
        try:
            while fetch := await loop.run_in_executor(thread, next, fetches, None):
                await self._wait(last, fetch.fetched_at)
                last = fetch.fetched_at
                now, arrived = datetime.now(UTC), time.monotonic()
                received_at = now if self._rebase else fetch.fetched_at
                shift = received_at - fetch.fetched_at
                reading = await loop.run_in_executor(thread, self._decode, fetch, shift)
                quotes = self._images.quotes(reading.quotes)
                self._tell(fetch, received_at, reading.faults)
                yield Batch(quotes, received_at, arrived, self._images.events(reading.events))
            if last is None:
                raise RecordingError(f"{self.path.name!r} holds no fetch.", hint=_HINT)
        finally:
            # A line that is being read can't be interrupted; wait before closing its file.
            thread.shutdown(wait=True)
            fetches.close()

    async def _wait(self, last: datetime | None, fetched_at: datetime) -> None:
        if last is None or math.isinf(self._speed):
            return
        recorded_s = (fetched_at - last).total_seconds()
        await self._sleep(max(recorded_s, 0.0) / self._speed)

    def _decode(self, fetch: _Fetch, shift: timedelta) -> Reading:
        self._starts.begin(fetch.fetched_at, fetch.fetched_at + shift)
        try:
            odds_format = self._format or self._find_format(fetch)
            reading = decode_odds(fetch.body, odds_format, shift)
            events = [self._starts.moved(event) for event in reading.events]
        except (*_UNREADABLE, OverflowError) as error:
            raise self._no_fetch(fetch.line, error) from None
        return reading._replace(events=events)

    def _find_format(self, fetch: _Fetch) -> OddsFormat:
        reading = decode_odds(fetch.body, "decimal")
        found = guess_format(quote.odds for quote in reading.quotes)
        if found is None and reading.quotes:
            raise RecordingError(
                f"{self.path.name!r}, line {fetch.line}: the prices may be decimal or American.",
                hint='Say odds_format="decimal" or odds_format="american".',
            )
        self._format = found
        return found or "decimal"

    def _tell(self, fetch: _Fetch, received_at: datetime, faults: list[str]) -> None:
        self._replace(status="connected", detail="live", last_heartbeat=fetch.fetched_at)
        if self._images.changed:
            self._replace(last_update=received_at)
        if faults:
            self._replace(
                error_count=self.connection.error_count + len(faults),
                last_error=f"line {fetch.line}: {len(faults)} items could not be read,"
                f" first {faults[0]}",
            )

    def _fetches(self) -> Generator[_Fetch, None, None]:
        with closing(self._lines()) as lines:
            for number, line in lines:
                try:
                    fetch = _fetch.decode(line)
                except _UNREADABLE as error:
                    raise self._no_fetch(number, error) from None
                fetch.line = number
                yield fetch

    def _no_fetch(self, number: int, error: Exception) -> RecordingError:
        return self._corrupt(number, f"no fetch of a recording: {error}.")
