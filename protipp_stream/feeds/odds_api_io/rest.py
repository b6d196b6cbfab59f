"""The REST API of odds-api.io: the image that deltas of its WebSocket build on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

import httpx
import msgspec

from protipp_stream.errors import FeedError, FeedUnavailable
from protipp_stream.feeds.answers import from_status, number, read_body
from protipp_stream.feeds.keyed import KeyedUrl, Redactor, Secret
from protipp_stream.feeds.odds_api_io.body import (
    ENDED,
    Fixture,
    MarketSaid,
    Sides,
    decode_fixtures,
    decode_markets,
    described,
    read_market,
)
from protipp_stream.model import Event, Quota

__all__ = ["Image", "Rest"]

NAME = "odds-api.io"
EVENTS_A_CALL = 10
BOOKMAKERS_A_CALL = 30

_T = TypeVar("_T")


class Image(msgspec.Struct):
    """All that the provider has.

    Attributes
    ----------
    markets : dict
        By event and (bookmaker, market).
    events : dict of str to Event
        What the ids stand for.
    faults : list of str
        What could not be read.
    """

    markets: dict[tuple[str, tuple[str, ...]], MarketSaid] = {}
    events: dict[str, Event] = {}
    faults: list[str] = []


class Rest:
    """Asks for images.

    Parameters
    ----------
    base : httpx.URL
        Without the key.
    key : Secret of str
        As it stands in the query.
    sport, leagues, event_ids, status
        As in `OddsApiIo`.
    markets : sequence of str
        The others are passed over: ``/odds`` has them all.
    max_events : int
        Ten of them cost a call.

    Attributes
    ----------
    quota : Quota or None
        What the last answer said is left.
    """

    def __init__(
        self,
        base: httpx.URL,
        key: Secret[str],
        *,
        sport: str | None,
        leagues: Sequence[str],
        event_ids: Sequence[str],
        status: str | None,
        markets: Sequence[str],
        max_events: int,
        timeout_s: float,
        clock: Callable[[], datetime],
        redact: Redactor,
    ) -> None:
        self.quota: Quota | None = None
        self._base = base
        self._key = key
        self._has_worked = False
        self._sport = sport
        self._leagues = list(leagues)
        self._event_ids = list(event_ids)
        # The socket says prematch, REST says pending.
        self._status = {"prematch": "pending", None: "pending,live"}.get(status, status)
        self._markets = frozenset(markets)
        self._max_events = max_events
        self._timeout_s = timeout_s
        self._clock = clock
        self._redact = redact

    async def image(self, client: httpx.AsyncClient, bookmakers: Sequence[str]) -> Image:
        """Ask for everything: first which events there are, then their odds.

        Raises
        ------
        FeedError
            If a call fails: half an image would suspend what was not asked for.
        """
        image = Image({}, {}, [])
        wanted = self._event_ids or await self._listed(client, image)
        for ids in _chunks(wanted, EVENTS_A_CALL):
            for names in _chunks(bookmakers, BOOKMAKERS_A_CALL):
                asked = {"eventIds": ",".join(ids), "bookmakers": ",".join(names)}
                body = await self._get(client, "odds/multi", asked)
                for fixture in self._decoded(body, image):
                    self._read(fixture, image)
        return image

    async def events(self, client: httpx.AsyncClient) -> Image:
        """Ask which events there are, without odds: one call a league, or one.

        Raises
        ------
        FeedError
            If a call fails.
        """
        image = Image({}, {}, [])
        for fixture in (await self._found(client, image)).values():
            image.events[fixture.event_id] = described(fixture, image.faults)
        return image

    async def _found(self, client: httpx.AsyncClient, image: Image) -> dict[str, Fixture]:
        found: dict[str, Fixture] = {}
        leagues: Sequence[str | None] = self._leagues or [None]
        for league in leagues:
            asked = {"sport": self._sport, "league": league, "status": self._status}
            body = await self._get(client, "events", {k: v for k, v in asked.items() if v})
            found |= {fixture.event_id: fixture for fixture in self._decoded(body, image)}
        return found

    async def _listed(self, client: httpx.AsyncClient, image: Image) -> list[str]:
        found = await self._found(client, image)
        soonest = sorted(
            (fixture for fixture in found.values() if fixture.status not in ENDED),
            key=lambda fixture: str(fixture.date or "9999"),
        )
        if len(soonest) > self._max_events:
            left_out = len(soonest) - self._max_events
            image.faults.append(
                f"{left_out} later events are not in the image (max_events={self._max_events})"
            )
        for fixture in soonest[: self._max_events]:
            image.events[fixture.event_id] = described(fixture, image.faults)
        return list(image.events)

    def _read(self, fixture: Fixture, image: Image) -> None:
        event_id = fixture.event_id
        if fixture.status in ENDED:
            return
        if fixture.home or event_id not in image.events:
            image.events[event_id] = described(fixture, image.faults)
        event = image.events[event_id]
        sides = Sides(event.home, event.away) if event.home and event.away else Sides()
        for bookmaker_id, body in fixture.bookmakers.items():
            for raw in decode_markets(body, f"markets of {bookmaker_id!r}", image.faults):
                said = read_market(raw, bookmaker_id, event_id, sides, None, image.faults)
                if isinstance(said, MarketSaid) and said.name in self._markets:
                    image.markets[event_id, (bookmaker_id, said.name)] = said

    def _decoded(self, body: bytes, image: Image) -> list[Fixture]:
        try:
            return decode_fixtures(body, image.faults)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            failure = self._redact(str(error))
        raise FeedUnavailable(f"{NAME} sent something that is no list of events: {failure}.")

    async def _get(self, client: httpx.AsyncClient, path: str, parameters: dict[str, str]) -> bytes:
        body = await self._answer(client, path, parameters)
        if isinstance(body, FeedError):
            # Raised out here: the frames in there hold what was said, and so may the key.
            raise body
        self._has_worked = True
        return body

    async def _answer(
        self, client: httpx.AsyncClient, path: str, parameters: dict[str, str]
    ) -> bytes | FeedError:
        url = self._base.copy_with(path=f"{self._base.path.rstrip('/')}/{path}")
        request = client.build_request("GET", url, params=parameters)
        request.url = KeyedUrl(request.url, self._key.reveal())
        try:
            async with asyncio.timeout(self._timeout_s):
                # Following a redirect would hand the key to another host.
                response = await client.send(request, stream=True, follow_redirects=False)
                body = await read_body(NAME, response)
        except TimeoutError:
            failure = f"no answer within {self._timeout_s:g} s"
        except httpx.HTTPError as error:
            failure = f"{type(error).__name__}: {error}"
        else:
            self.quota = _quota(response.headers) or self.quota
            return self._refused(response, body) or body
        return FeedUnavailable(f"{NAME} can't be reached: {self._redact(failure)}.")

    def _refused(self, response: httpx.Response, body: bytes) -> FeedError | None:
        if response.status_code == HTTPStatus.OK:
            return None
        about = self._redact(body[:1000].decode(errors="replace"))
        return from_status(
            NAME,
            response.status_code,
            about,
            response.headers,
            self._clock(),
            worked=self._has_worked,
        )


def _quota(headers: httpx.Headers) -> Quota | None:
    limit, left = (number(headers.get(f"x-ratelimit-{word}")) for word in ("limit", "remaining"))
    if left is None:
        return None
    return Quota(remaining=left, used=None if limit is None else limit - left)


def _chunks(items: Sequence[_T], size: int) -> Iterator[Sequence[_T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
