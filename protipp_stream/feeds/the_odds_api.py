"""The Odds API v4: polls ``/odds`` and says what changed.

Every call costs money, and the key travels in the URL. So this never asks
faster than it was told to, stops before a call that the quota can't pay, never
repeats what was refused, and lets the key into no log, error or field.
"""

from __future__ import annotations

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from urllib.parse import quote, quote_plus

import httpx
import msgspec

from protipp_stream.core.backoff import delay_s
from protipp_stream.errors import (
    ConfigurationError,
    FeedError,
    FeedRefused,
    FeedThrottled,
    FeedUnavailable,
)
from protipp_stream.feeds.base import batch_now
from protipp_stream.feeds.image import ImageDiff
from protipp_stream.feeds.odds_format import OddsFormat, to_decimal
from protipp_stream.feeds.the_odds_api_body import Reading, decode_odds
from protipp_stream.model import Batch, Quota, RealTimeConnection

__all__ = ["MARKETS", "TheOddsApi"]

MARKETS = ("h2h", "spreads", "totals", "h2h_lay")
BOOKMAKERS_A_REGION = 10
MESSAGE_LENGTH = 300

_log = logging.getLogger(__name__)

# What the person who reads the refusal can do about it.
_HINTS = {
    "MISSING_KEY": "Give the key that The Odds API sent you.",
    "INVALID_KEY": "Check the key for typing errors.",
    "DEACTIVATED_KEY": "The subscription has ended or is unpaid: see your account there.",
    "OUT_OF_USAGE_CREDITS": "Wait for the next month or take a larger plan.",
}


class _KeyedUrl(httpx.URL):
    """A URL that has the key on the wire, and nowhere else.

    httpx writes the URL of every request into its log. Only the transport asks
    for `raw_path`, so the key is in there and not in the URL that people see.
    """

    def __init__(self, url: httpx.URL, api_key: str) -> None:
        super().__init__(url)
        self._keyed = url.raw_path + b"&apiKey=" + quote(api_key, safe="").encode()

    @property
    def raw_path(self) -> bytes:
        return self._keyed


class _Refusal(msgspec.Struct):
    message: str = ""
    error_code: str = ""


_refusal = msgspec.json.Decoder(_Refusal)


class TheOddsApi:
    """A feed of The Odds API v4.

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
        Seconds from one call to the next. The provider refreshes every 60 s
        before a game and every 40 s during it.
    timeout_s : float
        Seconds for a whole answer.
    client : httpx.AsyncClient, optional
        To be used and left open; by default one of its own.
    sleep : callable
        Waits so many seconds; tests give their own.
    chance : callable
        A random number from 0 to 1, for the jitter.

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
        interval_s: float = 60.0,
        timeout_s: float = 20.0,
        client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
    ) -> None:
        if not isinstance(api_key, str) or not api_key.strip():
            raise ConfigurationError(
                "The Odds API needs a key.", hint="Get one at the-odds-api.com; a free one will do."
            )
        self._key = api_key.strip()
        _check_markets(markets)
        _check_positive("interval_s", interval_s)
        _check_positive("timeout_s", timeout_s)
        to_decimal(odds_format)
        self._url = _odds_url(base_url, sport)
        self._format: OddsFormat = odds_format
        self._parameters = _parameters(regions, markets, odds_format, bookmakers)
        self.interval_s = interval_s
        self._timeout_s = timeout_s
        self._client = client
        self._sleep = sleep
        self._chance = chance
        self._images = ImageDiff()
        self.cost = len(markets) * (
            math.ceil(len(bookmakers) / BOOKMAKERS_A_REGION) if bookmakers else len(regions)
        )
        self.connection = RealTimeConnection(
            id=f"the_odds_api:{sport}",
            bookmaker_id="the_odds_api",
            connection_type="polling",
            status="connecting",
        )

    def __repr__(self) -> str:
        return f"<TheOddsApi {self.connection.id} {self.connection.status}>"

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield a batch for every call; an empty one when a call failed."""
        client = self._client or httpx.AsyncClient(timeout=self._timeout_s)
        try:
            while True:
                started = time.monotonic()
                try:
                    self._check_budget()
                    batch = await self._poll(client)
                    wait_s = self.interval_s - (time.monotonic() - started)
                except FeedRefused as refusal:
                    self._report(refusal, status="error", detail="terminal")
                    yield batch_now([])
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
        response = await self._ask(client)
        received_at, arrived = datetime.now(UTC), time.monotonic()
        self._replace(quota=_quota(response.headers, self.connection.quota))
        if refused := self._refused(response):
            raise refused
        reading = self._decode(response.content)
        quotes = self._images.quotes(reading.quotes)
        self._replace(
            status="connected",
            detail="live",
            reconnect_attempts=0,
            last_heartbeat=received_at,
            latency_ms=(arrived - asked) * 1000,
        )
        if self._images.changed:
            self._replace(last_update=received_at)
        self._count(reading.faults)
        return Batch(quotes, received_at, arrived, self._images.events(reading.events))

    async def _ask(self, client: httpx.AsyncClient) -> httpx.Response:
        request = client.build_request("GET", self._url, params=self._parameters)
        request.url = _KeyedUrl(request.url, self._key)
        try:
            async with asyncio.timeout(self._timeout_s):
                # Following a redirect would hand the key to another host.
                return await client.send(request, follow_redirects=False)
        except TimeoutError:
            failure = f"no answer within {self._timeout_s:g} s"
        except httpx.HTTPError as error:
            failure = f"{type(error).__name__}: {error}"
        # Raised out here, so that it has no context: the request hangs on that.
        raise FeedUnavailable(f"The Odds API can't be reached: {self._redact(failure)}.")

    def _decode(self, body: bytes) -> Reading:
        try:
            return decode_odds(body, self._format)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            failure = self._redact(str(error))
        raise FeedUnavailable(f"The Odds API sent something that is no list of events: {failure}.")

    def _refused(self, response: httpx.Response) -> FeedError | None:
        status = response.status_code
        if status == HTTPStatus.OK:
            return None
        said = _said(response.content)
        about = self._redact(" ".join(filter(None, (str(status), said.error_code, said.message))))
        if said.error_code in _HINTS:
            hint = _HINTS[said.error_code]
            return FeedRefused(f"The Odds API refuses: {about}.", hint=hint)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            asked_s = _retry_after_s(response.headers, datetime.now(UTC))
            return FeedThrottled(f"The Odds API says: {about}.", retry_after=asked_s)
        if 400 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT:
            return FeedRefused(f"The Odds API refuses: {about}.")
        return FeedUnavailable(f"The Odds API fails: {about}.")

    def _check_budget(self) -> None:
        quota = self.connection.quota
        if quota is not None and quota.remaining is not None and quota.remaining < self.cost:
            raise FeedRefused(
                f"The next call to The Odds API costs {self.cost} credits and"
                f" {quota.remaining:g} are left.",
                hint=_HINTS["OUT_OF_USAGE_CREDITS"],
            )

    # ----------------------------------------------------- what is told of it

    def _back_off(self, trouble: FeedError) -> float:
        attempt = self.connection.reconnect_attempts + 1
        self._report(trouble, status="connecting", detail="backoff")
        self._replace(reconnect_attempts=attempt)
        if isinstance(trouble, FeedThrottled):
            # Told 0, or nothing: still 1 s, and more each time.
            asked_s = max(trouble.retry_after, 2.0 ** min(attempt - 1, 4))
            return delay_s(attempt, self._chance(), asked_s)
        return delay_s(attempt, self._chance())

    def _report(self, trouble: FeedError, **state: str) -> None:
        _log.warning("%s: %s", self.connection.id, trouble)
        self._replace(error_count=self.connection.error_count + 1, last_error=str(trouble), **state)

    def _count(self, faults: list[str]) -> None:
        if not faults:
            return
        summary = self._redact(f"{len(faults)} items could not be read, first {faults[0]}")
        _log.warning("%s: %s", self.connection.id, summary)
        self._replace(error_count=self.connection.error_count + len(faults), last_error=summary)

    def _replace(self, **fields: object) -> None:
        self.connection = msgspec.structs.replace(self.connection, **fields)

    def _redact(self, text: str) -> str:
        # A provider may well quote the key that it refuses.
        for written in (self._key, quote(self._key, safe=""), quote_plus(self._key)):
            text = text.replace(written, "[key]")
        printable = "".join(c if c.isprintable() else " " for c in text)
        return printable[:MESSAGE_LENGTH].rstrip(". ")


def _odds_url(base_url: str, sport: str) -> httpx.URL:
    try:
        base = httpx.URL(base_url)
    except httpx.InvalidURL:
        base = httpx.URL("")
    here = base.host in ("127.0.0.1", "::1", "localhost")
    if not base.host or not (base.scheme == "https" or (base.scheme == "http" and here)):
        raise ConfigurationError(
            "The address of The Odds API must be https://….",
            hint="The key travels in the URL: over http anybody on the way could read it.",
        )
    if not sport.replace("_", "").isalnum():
        raise ConfigurationError(
            f"{sport!r} is no sport key.", hint="They look like baseball_mlb; or take upcoming."
        )
    return base.copy_with(path=f"{base.path.rstrip('/')}/v4/sports/{sport}/odds", query=None)


def _parameters(
    regions: Sequence[str],
    markets: Sequence[str],
    odds_format: str,
    bookmakers: Sequence[str] | None,
) -> dict[str, str]:
    for name, value in (("regions", regions), ("bookmakers", bookmakers)):
        if isinstance(value, str):
            raise ConfigurationError(f"{name} must be a list.", hint=f"Write {name}=[{value!r}].")
    if not regions and not bookmakers:
        raise ConfigurationError("Name at least one region or bookmaker.")
    parameters = {
        "markets": ",".join(markets),
        "oddsFormat": odds_format,
        "dateFormat": "iso",
    }
    if bookmakers:
        return parameters | {"bookmakers": ",".join(bookmakers)}
    return parameters | {"regions": ",".join(regions)}


def _check_markets(markets: Sequence[str]) -> None:
    unknown = [market for market in markets if market not in MARKETS]
    if isinstance(markets, str) or unknown or not markets:
        raise ConfigurationError(
            f"These markets can't be read: {markets!r}.",
            hint=f"A list of: {', '.join(MARKETS)}.",
        )


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ConfigurationError(f"{name} must be above 0, not {value!r}.")


def _said(body: bytes) -> _Refusal:
    try:
        return _refusal.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Refusal()  # a proxy's HTML page: the status has to do


def _quota(headers: httpx.Headers, before: Quota | None) -> Quota | None:
    named = [_number(headers.get(f"x-requests-{word}")) for word in ("remaining", "used", "last")]
    return before if named == [None, None, None] else Quota(*named)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text is not None else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _retry_after_s(headers: httpx.Headers, now: datetime) -> float:
    """Read Retry-After (RFC 9110, 10.2.3: seconds or a date); 0 if it says nothing."""
    text = headers.get("retry-after")
    seconds = _number(text)
    if text is not None and seconds is None:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return 0.0
        # The RFC's dates are GMT; one that says no zone comes back naive.
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - now).total_seconds()
    return seconds or 0.0
