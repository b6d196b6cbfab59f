"""Any provider of server-sent events, read by a mapping.

The stream says changes only. A break is bridged by ``Last-Event-ID`` where the
provider can replay what was missed; where it can't, or says that it has
forgotten, all that stood is suspended: a price that nobody confirms must not
stand. It comes back as the provider names it again.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote, unquote

import httpx
from httpx_sse import ServerSentEvent

from protipp_stream.errors import ConfigurationError, FeedError, FeedRefused, FeedUnavailable
from protipp_stream.feeds.keyed import KeyedUrl, Secret, address
from protipp_stream.feeds.reporting import Reporting
from protipp_stream.feeds.sse.mapping import Doubt, SseMapping, SseReader
from protipp_stream.feeds.sse.stream import Forgotten, SseStream
from protipp_stream.feeds.standing import LIMIT, Standing
from protipp_stream.feeds.vouching import Vouching
from protipp_stream.model import Batch, Event, Quote, RealTimeConnection

__all__ = ["SseSource"]

# What a server's `retry:` may ask for, in seconds.
RETRY_FLOOR_S, RETRY_CEILING_S = 1.0, 60.0
MAX_ID_LENGTH = 256


class SseSource(Reporting):
    """A feed of server-sent events.

    Parameters
    ----------
    url : str
        Must be https unless it is this machine. Its query may hold a key: it is
        in no log, error, representation or field of `connection`.
    mapping : SseMapping
        What the events mean, e.g. `OPTIC_ODDS`.
    headers : mapping of str to str
        E.g. ``{"X-Api-Key": key}``. Their values are kept as secret as the query. In
        what the source says, one of less than 8 characters is taken out as a whole
        word only.
    id : str, optional
        Of the feed; by default ``sse:`` and the host.
    events : sequence of Event
        Fixtures that are known beforehand: a spread can be read only when its
        home team is known.
    max_event_bytes : int
        An event that is larger ends the connection.
    max_selections : int
        Prices that are kept in mind; beyond it, the event that was silent for
        the longest is suspended and forgotten.
    beat_s : float
        Every so often comments, too, are told as a sign of life.
    silence_s : float
        After so much silence the connection counts as dead.
    timeout_s : float
        Seconds for an answer.
    client : httpx.AsyncClient, optional
        To be used and left open; by default one of its own.
    sleep, chance, clock, monotonic : callable
        Waiting, a random number from 0 to 1, the time (UTC), and seconds that
        never go back; tests give their own.

    Raises
    ------
    ConfigurationError
        If a parameter makes no sense. Nothing was sent.
    """

    def __init__(
        self,
        url: str,
        mapping: SseMapping,
        *,
        headers: Mapping[str, str] | None = None,
        id: str | None = None,  # noqa: A002 - what it is called in `connection`
        events: Sequence[Event] = (),
        max_event_bytes: int = 1024 * 1024,
        max_selections: int = LIMIT,
        beat_s: float = 10.0,
        silence_s: float = 60.0,
        timeout_s: float = 20.0,
        client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        whole = address("the SSE source", url, ("https", "http"))
        if not 0 < beat_s <= silence_s:
            raise ConfigurationError("beat_s must be above 0, and silence_s not below it.")
        given = dict(headers or {})
        query = whole.query.decode()
        self._headers, self._query = Secret(given), Secret(query)
        self._url = whole.copy_with(query=None, fragment=None)
        self._name = id or f"sse:{whole.host}"
        connection = RealTimeConnection(
            id=self._name,
            bookmaker_id=self._name,
            connection_type="sse",
            status="connecting",
        )
        secrets = _secrets(given, query)
        super().__init__(
            connection, secrets=secrets, clock=clock, monotonic=monotonic, chance=chance
        )
        self._mapping = mapping
        self._reader = SseReader(mapping, events)
        self._standing = Standing(max_selections)
        self._news = list(events)
        self._last_id: str | None = None
        self._asked_again: str | None = None
        self._vouching = Vouching(monotonic)
        self._heard_at: datetime | None = None
        self._retry_s = 0.0
        self._max_event_bytes = max_event_bytes
        self._beat_s, self._silence_s, self._timeout_s = beat_s, silence_s, timeout_s
        self._client = client
        self._sleep = sleep

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield a batch an event; an empty one for a sign of life or a failure."""
        client = self._client or httpx.AsyncClient(timeout=self._timeout_s)
        try:
            while True:
                trouble: FeedError | None = None
                try:
                    async with aclosing(self._session(client)) as batches:
                        async for batch in batches:
                            yield batch
                except FeedError as error:
                    trouble = error
                # Out here, so that what is raised has no context.
                if trouble is None:
                    self._replace(status="disconnected", detail="terminal")
                elif isinstance(trouble, FeedRefused):
                    self._end(trouble)
                else:
                    wait_s = self._back_off(trouble, self._retry_s)
                    yield self._batch([])
                    await self._sleep(wait_s)
                    continue
                # Nobody will ever change these again: they must not stand.
                yield self._batch(self._standing.clear())
                if trouble is not None:
                    raise trouble
                return
        finally:
            if client is not self._client:
                await client.aclose()

    # ------------------------------------------------------------ a connection

    async def _session(self, client: httpx.AsyncClient) -> AsyncGenerator[Batch, None]:
        """Yield batches until the source ends the feed (204); raise when it breaks off."""
        last_id = self._last_id if self._is_remembered() else None
        asked = self._clock()
        try:
            stream = await self._open(client, last_id)
        except Forgotten as error:
            self._warn(error.message)
            self._last_id = last_id = None
            stream = None
        else:
            if stream is None:
                return
        if stream is None and (stream := await self._open(client, None)) is None:
            return
        try:
            before = self._standing.changes
            withdrawn = [] if last_id is not None else self._standing.clear()
            self._last_id = last_id
            self._replace(latency_ms=(self._clock() - asked).total_seconds() * 1000)
            self._opened(changed=self._standing.changes != before)
            news, self._news = self._news, []
            yield self._batch(withdrawn, news)
            self._vouching.begin()
            while True:
                heard = await stream.receive()
                self._heard_at = heard.heard_at
                before = self._standing.changes
                batch = self._read(heard.event) if heard.event else self._batch([])
                self._alive(heard.heard_at, changed=self._standing.changes != before)
                # Before anybody who is slow takes the batch: the sign of life is of now.
                vouched = self._vouching.due(self._standing)
                yield batch
                for again in vouched:
                    yield self._batch(again)
        finally:
            await stream.close()

    async def _open(self, client: httpx.AsyncClient, last_id: str | None) -> SseStream | None:
        resumed = ""
        if last_id is not None and self._mapping.resume_parameter:
            resumed = f"{self._mapping.resume_parameter}={quote(last_id, safe='')}"
        return await SseStream.open(
            self._name,
            client,
            KeyedUrl(self._url, "&".join(filter(None, (self._query.reveal(), resumed)))),
            self._headers,
            last_id=last_id,
            max_event_bytes=self._max_event_bytes,
            timeout_s=self._timeout_s,
            beat_s=self._beat_s,
            silence_s=self._silence_s,
            clock=self._clock,
            redact=self._redact,
            worked=self._has_worked,
        )

    def _is_remembered(self) -> bool:
        if self._last_id is None or self._heard_at is None:
            return False
        missed = self._clock() - self._heard_at
        return missed <= timedelta(seconds=self._mapping.remembers_s) and bool(
            self._mapping.remembers_s
        )

    # ------------------------------------------------------------------- events

    def _read(self, said: ServerSentEvent) -> Batch:
        mapping, now = self._mapping, self._clock()
        faults: list[str] = []
        read: Sequence[Quote | Doubt] = []
        quotes, events = list[Quote](), list[Event]()
        if said.event in mapping.prices | mapping.suspensions:
            suspended = said.event in mapping.suspensions
            read = self._reader.prices(said.data, faults, suspended=suspended)
        elif said.event in mapping.statuses:
            read, events = self._reader.statuses(said.data, faults)
        elif said.event in mapping.forgotten:
            quotes = self._standing.clear()
            self._warn(f"{self._name} has forgotten where we were: {len(quotes)} prices suspended.")
        elif said.event not in mapping.heartbeats and self._reader.is_news("event", said.event):
            faults.append(f"the mapping does not know the event {said.event!r}")
        if Doubt() in read:
            self._ask_again(said, faults)
        for item in read:
            quotes += self._put(item, now)
        if self._standing.crowded_out:
            faults.append(f"too many prices: {self._standing.crowded_out} events are suspended")
            self._standing.crowded_out = 0
        self._keep_place(said, faults)
        self._count(faults)
        return self._batch(quotes, events)

    def _put(self, said: Quote | Doubt, now: datetime) -> list[Quote]:
        if isinstance(said, Quote):
            return self._standing.put([said], now)
        if said.event_id is None:
            return self._standing.clear()
        return self._standing.forget(said.event_id, said.bookmaker_id, said.kind)

    def _ask_again(self, said: ServerSentEvent, faults: list[str]) -> None:
        """Break off, once, so that an event that can't be read is replayed.

        Its id is not kept: a resume from there would leave out what it said. Where it
        comes as unreadable again, or can't be replayed, all that stands is in doubt.
        """
        is_new = bool(said.id) and said.id not in (self._last_id, self._asked_again)
        if not (is_new and self._last_id is not None and self._mapping.remembers_s):
            return
        self._asked_again = said.id
        self._count(faults)
        raise FeedUnavailable(f"{self._name} sent an event that can't be read: asking once more.")

    def _keep_place(self, said: ServerSentEvent, faults: list[str]) -> None:
        if said.retry is not None:
            self._retry_s = min(max(said.retry / 1000, RETRY_FLOOR_S), RETRY_CEILING_S)
        if said.id and said.id != self._last_id:
            # It goes into a header, and comes from outside.
            if len(said.id) <= MAX_ID_LENGTH and said.id.isascii() and said.id.isprintable():
                self._last_id = said.id
            else:
                faults.append("an id that can't be sent back")
                self._last_id = None


def _secrets(headers: Mapping[str, str], query: str) -> list[str]:
    values = [part for value in headers.values() for part in (value, *value.split())]
    for name, value in parse_qsl(query, keep_blank_values=True):
        values.append(value or name)  # a token may stand there without a name
    values += [query, *(part.partition("=")[2] or part for part in query.split("&"))]
    return [written for value in values for written in (value, unquote(value))]
