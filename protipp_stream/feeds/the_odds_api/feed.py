"""The Odds API v4: polls ``/odds`` and says what changed.

Every call costs money, and the key travels in the URL. So this never asks
faster than it was told to nor than there is news, stops before a call that the
quota can't pay, never repeats what was refused, leaves alone what fails again
and again, and lets the key into no log, error or field.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import quote

import httpx
import msgspec

from protipp_stream.errors import ConfigurationError, FeedError, FeedRefused, FeedUnavailable
from protipp_stream.feeds.answers import read_body
from protipp_stream.feeds.base import batch_now
from protipp_stream.feeds.image import ImageDiff
from protipp_stream.feeds.keyed import KeyedUrl, Redactor, Secret
from protipp_stream.feeds.odds_format import OddsFormat, to_decimal
from protipp_stream.feeds.polling import Polling
from protipp_stream.feeds.retrying import Retrying
from protipp_stream.feeds.the_odds_api import answers
from protipp_stream.feeds.the_odds_api import request as asking
from protipp_stream.feeds.the_odds_api.body import Reading, decode_odds
from protipp_stream.feeds.the_odds_api.request import MARKETS
from protipp_stream.model import Batch, RealTimeConnection

__all__ = ["MARKETS", "TheOddsApi"]

_log = logging.getLogger(__name__)


def _utc() -> datetime:
    return datetime.now(UTC)


class TheOddsApi:
    """A feed of The Odds API v4.

    It asks as often as the provider has news: every 60 s before a game and every
    40 s during it (exchanges asked for by name or by ``h2h_lay``: 30 and 20 s),
    every 5 minutes while no game starts within 3 h, every 15 while none starts
    within 24 h. From 80 % of the quota on it says so; the call that the quota can't
    pay is not made. Five failures in 60 s open a breaker: nothing is asked for
    30 s, then 60 … 600 s, until three calls in a row have worked.

    Parameters
    ----------
    api_key : str
        Yours. It is in no log, error, representation or field of `connection`.
    sport : str
        As the provider names it, e.g. ``baseball_mlb``; ``upcoming`` for the
        next games of all sports.
    regions : sequence of str
        Whose bookmakers: ``us``, ``uk``, ``eu``, ``au`` …
    markets : sequence of str
        Of `MARKETS`. A call costs one credit for each market in each region.
    odds_format : str
        ``decimal`` or ``american``: how to ask. Quotes are decimal anyway.
    bookmakers : sequence of str, optional
        Only these; the provider then ignores ``regions`` and counts every ten
        of them as one.
    base_url : str
        Must be https unless it is this machine: the key would travel in clear.
    interval_s : float
        Seconds from one call to the next, at least.
    quota_renews_on : int or None
        Day of the month on which your quota is renewed, 1 to 28. Where it would not
        last until then, the interval is stretched so that it does, and `last_error`
        and the log say so. None, the default, spends it as fast as there is news.
    timeout_s : float
        Seconds for a whole answer.
    client : httpx.AsyncClient, optional
        To be used and left open; by default one of its own.
    sleep : callable
        Waits so many seconds; tests give their own.
    chance : callable
        A random number from 0 to 1, for the jitter.
    clock, wall : callable
        Monotonic seconds, and the time of day in UTC; tests give their own.

    Attributes
    ----------
    interval_s : float
        How often the board is worth asking for now; see `feeds.polling`.
    cost : int
        Credits of a call.

    Raises
    ------
    ConfigurationError
        If a parameter makes no sense. Nothing was sent.
    """

    def __init__(
        self,
        api_key: str,
        sport: str = "upcoming",
        *,
        regions: Sequence[str] = ("us",),
        markets: Sequence[str] = ("h2h", "spreads", "totals"),
        odds_format: OddsFormat = "decimal",
        bookmakers: Sequence[str] | None = None,
        base_url: str = "https://api.the-odds-api.com",
        interval_s: float = 20.0,
        quota_renews_on: int | None = None,
        timeout_s: float = 20.0,
        client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], datetime] = _utc,
    ) -> None:
        if not isinstance(api_key, str) or not api_key.strip():
            raise ConfigurationError(
                "The Odds API needs a key.", hint="Get one at the-odds-api.com; a free one will do."
            )
        key = api_key.strip()
        self._redact = Redactor([key])
        self._key = Secret(f"apiKey={quote(key, safe='')}")
        _check_positive("interval_s", interval_s)
        _check_positive("timeout_s", timeout_s)
        _check_day(quota_renews_on)
        to_decimal(odds_format)
        self._url = asking.odds_url(base_url, sport)
        self._format: OddsFormat = odds_format
        self._parameters = asking.parameters(regions, markets, odds_format, bookmakers)
        self._timeout_s = timeout_s
        self._client = client
        self._sleep = sleep
        self._clock = clock
        self._images = ImageDiff()
        self._starts: list[datetime | None] = []
        self.cost = asking.cost(regions, markets, bookmakers)
        self.connection = RealTimeConnection(
            id=f"the_odds_api:{sport}",
            bookmaker_id="the_odds_api",
            connection_type="polling",
            status="connecting",
        )
        self._retrying = Retrying(chance=chance)
        self._polling = Polling(
            self.connection.id,
            interval_s,
            asking.refresh(regions, markets, bookmakers),
            self.cost,
            renews_on=quota_renews_on,
            clock=clock,
            wall=wall,
        )

    @property
    def interval_s(self) -> float:
        """How often the board is worth asking for now, in seconds."""
        return self._polling.interval_s

    def __repr__(self) -> str:
        return f"<TheOddsApi {self.connection.id} {self.connection.status}>"

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield a batch for every call; an empty one when a call failed."""
        client = self._client or httpx.AsyncClient(timeout=self._timeout_s)
        try:
            while True:
                started = self._clock()
                try:
                    self._mention(self._polling.admit())
                    batch = await self._poll(client)
                    wait_s = self._plan() - (self._clock() - started)
                except FeedRefused as refusal:
                    self._end(refusal)
                    # Nobody will ever change these again: they must not stand.
                    yield batch_now(self._images.quotes([]))
                    raise
                except FeedError as trouble:
                    wait_s = self._back_off(trouble)
                    batch = batch_now([])
                yield batch
                await self._sleep(max(wait_s, 0.0))
        finally:
            if client is not self._client:
                await client.aclose()

    # ---------------------------------------------------------------- a call

    async def _poll(self, client: httpx.AsyncClient) -> Batch:
        asked = time.monotonic()
        reading = await self._ask(client)
        if isinstance(reading, FeedError):
            # Raised out here: the frames in there hold what was said, and so may the key.
            raise reading
        received_at, arrived = datetime.now(UTC), time.monotonic()
        quotes = self._images.quotes(reading.quotes)
        self._starts = [event.starts_at for event in reading.events]
        self._retrying.worked(self._clock())
        self.connection = self._retrying.shown(self.connection)
        self._replace(last_heartbeat=received_at, latency_ms=(arrived - asked) * 1000)
        if self._images.changed:
            self._replace(last_update=received_at)
        self._count(reading.faults)
        return Batch(quotes, received_at, arrived, self._images.events(reading.events))

    async def _ask(self, client: httpx.AsyncClient) -> Reading | FeedError:
        request = client.build_request("GET", self._url, params=self._parameters)
        request.url = KeyedUrl(request.url, self._key.reveal())
        try:
            async with asyncio.timeout(self._timeout_s):
                # Following a redirect would hand the key to another host.
                response = await client.send(request, stream=True, follow_redirects=False)
                body = await read_body(answers.NAME, response)
        except TimeoutError:
            failure = f"no answer within {self._timeout_s:g} s"
        except httpx.HTTPError as error:
            failure = f"{type(error).__name__}: {error}"
        except FeedError as error:
            return error
        else:
            self._replace(quota=answers.quota(response.headers, self.connection.quota))
            self._polling.note(self.connection.quota)
            worked = self.connection.last_heartbeat is not None
            return answers.refusal(response, body, self._redact, worked=worked) or self._decode(
                body
            )
        return FeedUnavailable(f"The Odds API can't be reached: {self._redact(failure)}.")

    def _decode(self, body: bytes) -> Reading | FeedError:
        try:
            return decode_odds(body, self._format)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            failure = self._redact(str(error))
        return FeedUnavailable(f"The Odds API sent something that is no list of events: {failure}.")

    # ----------------------------------------------------- what is told of it

    def _plan(self) -> float:
        wait_s, stretched = self._polling.plan(self._starts)
        self._mention(stretched)
        return wait_s

    def _mention(self, words: str | None) -> None:
        """Show a warning: no failure, so it is not counted as one."""
        if words is not None:
            self._replace(last_error=words)

    def _back_off(self, trouble: FeedError) -> float:
        wait_s = self._retrying.failed(trouble, self._clock())
        self.connection = self._retrying.shown(self.connection)
        _log.warning("%s: %s", self.connection.id, self.connection.last_error)
        return wait_s

    def _end(self, refusal: FeedRefused) -> None:
        _log.warning("%s: %s", self.connection.id, refusal)
        self._replace(
            error_count=self.connection.error_count + 1,
            last_error=str(refusal),
            status="error",
            detail="terminal",
        )

    def _count(self, faults: list[str]) -> None:
        if not faults:
            return
        summary = self._redact(f"{len(faults)} items could not be read, first {faults[0]}")
        _log.warning("%s: %s", self.connection.id, summary)
        self._replace(error_count=self.connection.error_count + len(faults), last_error=summary)

    def _replace(self, **fields: object) -> None:
        self.connection = msgspec.structs.replace(self.connection, **fields)


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ConfigurationError(f"{name} must be above 0, not {value!r}.")


def _check_day(day: int | None) -> None:
    if day is not None and not 1 <= day <= 28:
        raise ConfigurationError(
            f"quota_renews_on must be a day that every month has, 1 to 28, not {day!r}."
        )
