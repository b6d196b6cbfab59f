"""odds-api.io: an image over REST, then what changes over a WebSocket.

The socket says changes only and can't be resumed, so every connection begins
with an image. The socket is opened first and what it says meanwhile is kept:
the other way round, a change between the two would be lost.

The key travels in the URL of both, and one key has one connection: a second
program with the same key closes ours. Coming back would close theirs, and so
on for ever; so this stands down and says why.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from urllib.parse import quote

import httpx

from protipp_stream.errors import ConfigurationError, FeedError, FeedRefused, FeedUnavailable
from protipp_stream.feeds.keyed import Secret, address
from protipp_stream.feeds.odds_api_io.body import UNREADABLE, Message, decode_frame
from protipp_stream.feeds.odds_api_io.merge import Merge
from protipp_stream.feeds.odds_api_io.request import MARKETS, check, socket_filter
from protipp_stream.feeds.odds_api_io.rest import Image, Rest
from protipp_stream.feeds.odds_api_io.socket import ANOTHER, NAME, Dismissed, Frame, Socket
from protipp_stream.feeds.reporting import Reporting
from protipp_stream.feeds.standing import LIMIT
from protipp_stream.feeds.stopping import stopped
from protipp_stream.feeds.vouching import Vouching
from protipp_stream.model import Batch, Quote, RealTimeConnection

__all__ = ["MARKETS", "OddsApiIo"]

# What may come before the image; an image takes seconds.
MAX_EARLY_BYTES = 16 * 1024 * 1024
# An image costs a call for ten events, so what can't be read must not ask for many; who
# plays in an event costs one call.
IMAGE_EVERY_S, EVENTS_EVERY_S = 60.0, 60.0
# So many connections in a row, each closed on us soon after it opened, are a war.
DISMISSALS = 5


class OddsApiIo(Reporting):
    """A feed of odds-api.io.

    Spreads are named by the home team's handicap, for both sides, as everywhere
    here. Outcomes are called by the teams' names where the image describes the
    event, else ``home`` and ``away``.

    Parameters
    ----------
    api_key : str
        Yours. It is in no log, error, representation or field of `connection`.
    markets : sequence of str
        Of `MARKETS`.
    sport : str, optional
        As the provider names it, e.g. ``baseball``. Needed without ``event_ids``.
    leagues : sequence of str
        Only these, e.g. ``usa-mlb``; at most 20.
    event_ids : sequence of str
        Only these; at most 50, and not together with leagues.
    status : str, optional
        ``live`` or ``prematch``; both by default.
    bookmakers : sequence of str, optional
        Only these; by default those that are selected in your account.
    base_url, rest_url : str
        Must be wss and https unless it is this machine: the key would travel in
        clear.
    max_events : int
        In the image, the soonest ones; ten of them cost a call.
    max_frame_bytes : int
        A frame that is larger ends the connection.
    max_selections : int
        Prices that are kept in mind; beyond it, the event that was silent for
        the longest is suspended and forgotten.
    beat_s : float
        After so much silence the server is asked for a sign of life.
    silence_s : float
        After so much silence the connection counts as dead.
    timeout_s : float
        Seconds for a whole answer, and for a handshake.
    client : httpx.AsyncClient, optional
        To be used for REST and left open; by default one of its own.
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
        api_key: str,
        *,
        markets: Sequence[str] = MARKETS,
        sport: str | None = None,
        leagues: Sequence[str] = (),
        event_ids: Sequence[str | int] = (),
        status: str | None = None,
        bookmakers: Sequence[str] | None = None,
        base_url: str = "wss://api.odds-api.io/v3",
        rest_url: str = "https://api.odds-api.io/v3",
        max_events: int = 500,
        max_frame_bytes: int = 1024 * 1024,
        max_selections: int = LIMIT,
        beat_s: float = 10.0,
        silence_s: float = 40.0,
        timeout_s: float = 20.0,
        client: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        chance: Callable[[], float] = random.random,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not isinstance(api_key, str) or not api_key.strip():
            raise ConfigurationError(f"{NAME} needs a key.", hint="Get one at odds-api.io.")
        check(markets, sport, leagues, event_ids, status, bookmakers)
        if not 0 < beat_s < silence_s:
            raise ConfigurationError("beat_s must be above 0, and silence_s above beat_s.")
        key = api_key.strip()
        connection = RealTimeConnection(
            id=f"odds_api_io:{sport or 'events'}",
            bookmaker_id="odds_api_io",
            connection_type="websocket",
            status="connecting",
        )
        super().__init__(connection, secrets=[key], clock=clock, monotonic=monotonic, chance=chance)
        self._url = address(NAME, base_url, ("wss", "ws"))
        self._key = Secret(f"apiKey={quote(key, safe='')}")
        self._filter = socket_filter(markets, sport, leagues, event_ids, status)
        self._bookmakers = list(bookmakers or ())
        self._rest = Rest(
            address(NAME, rest_url, ("https", "http")),
            self._key,
            sport=sport,
            leagues=leagues,
            event_ids=[str(event_id) for event_id in event_ids],
            status=status,
            markets=markets,
            max_events=max_events,
            timeout_s=timeout_s,
            clock=clock,
            redact=self._redact,
        )
        self._merge = Merge(markets, self._bookmakers, max_selections)
        self._max_frame_bytes = max_frame_bytes
        self._beat_s, self._silence_s, self._timeout_s = beat_s, silence_s, timeout_s
        self._client = client
        self._sleep = sleep
        self._dismissals = 0
        self._vouching = Vouching(monotonic)
        self._doubted_at = self._asked_at = -math.inf
        self._can_ask = sport is not None

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield the image, then a batch a frame; an empty one for a sign of life or a failure."""
        client = self._client or httpx.AsyncClient(timeout=self._timeout_s)
        try:
            while True:
                try:
                    async with aclosing(self._session(client)) as batches:
                        async for batch in batches:
                            yield batch
                except FeedError as error:
                    trouble = error
                # Out here, so that what is raised has no context.
                if ending := self._as_refusal(trouble):
                    self._end(ending)
                    # Nobody will ever change these again: they must not stand.
                    yield self._batch(self._merge.clear())
                    raise ending
                wait_s = self._back_off(trouble)
                yield self._batch([])
                await self._sleep(wait_s)
        finally:
            if client is not self._client:
                await client.aclose()

    def _as_refusal(self, trouble: FeedError) -> FeedRefused | None:
        """Tell what ends the feed from what is worth another try."""
        if isinstance(trouble, FeedRefused):
            return trouble
        aimed = isinstance(trouble, Dismissed) and not self._is_steady()
        self._dismissals = self._dismissals + 1 if aimed else 0
        if self._dismissals < DISMISSALS:
            return None
        return FeedRefused(
            f"{NAME} closes every connection soon after it opened: {trouble.message}", hint=ANOTHER
        )

    # ------------------------------------------------------------ a connection

    async def _session(self, client: httpx.AsyncClient) -> AsyncGenerator[Batch, None]:
        socket = await Socket.open(
            self._url.copy_with(
                path=f"{self._url.path.rstrip('/')}/ws",
                query=self._filter.encode(),
            ),
            self._key,
            max_frame_bytes=self._max_frame_bytes,
            timeout_s=self._timeout_s,
            beat_s=self._beat_s,
            silence_s=self._silence_s,
            clock=self._clock,
            redact=self._redact,
            worked=self._has_worked,
        )
        try:
            bookmakers, early = await self._welcomed(socket)
            while True:
                yield await self._begin(socket, client, bookmakers, early)
                self._vouching.begin()
                needs_image = False
                while not needs_image:
                    frame = await socket.receive()
                    early = self._decoded(frame)
                    if needs_image := self._needs_image(early):
                        break
                    told = self._told(frame, early)
                    # Before anybody who is slow takes it: the sign of life is of now.
                    vouched = self._vouched()
                    yield told
                    if needs_image := self._needs_image(early):
                        break
                    for again in vouched:
                        yield self._batch(again)
                    if self._is_time_to_ask():
                        early, batch = await self._introduced(socket, client)
                        if batch.quotes or batch.events:
                            yield batch
                        needs_image = self._needs_image(early)
        finally:
            await socket.close()

    async def _welcomed(self, socket: Socket) -> tuple[list[str], list[Message]]:
        """Wait for the welcome; return whose odds will come, and what came along with it."""
        early: list[Message] = []
        try:
            async with asyncio.timeout(self._timeout_s):
                while not any(message.type == "welcome" for message in early):
                    early += self._decoded(await socket.receive())
        except TimeoutError:
            welcome = None
        else:
            welcome = next(message for message in early if message.type == "welcome")
        if welcome is None:
            raise FeedUnavailable(f"{NAME} said no welcome within {self._timeout_s:g} s.")
        if welcome.warning:
            self._count([f"{NAME} warns: {welcome.warning}"])
        bookmakers = self._bookmakers or welcome.bookmakers
        if not bookmakers:
            raise FeedRefused(
                f"{NAME} does not say which bookmakers your account has.",
                hint='Name them: bookmakers=["Bet365", …].',
            )
        return bookmakers, early

    async def _begin(
        self,
        socket: Socket,
        client: httpx.AsyncClient,
        bookmakers: Sequence[str],
        early: list[Message],
    ) -> Batch:
        """Fetch the image, and put on top of it what the socket said meanwhile."""
        self._replace(detail="recovering")
        # What could not be read before is answered by the image; what comes meanwhile is not.
        early = [message for message in early if message.type != UNREADABLE]
        fetching = asyncio.create_task(self._rest.image(client, bookmakers))
        try:
            early = early + await self._meanwhile(socket, fetching)
            image = await fetching
        finally:
            self._replace(quota=self._rest.quota)
            await stopped(fetching)
        now, before = self._clock(), self._merge.changes
        quotes, news = self._merge.begin(image, early, now)
        self._count(image.faults)
        self._opened(changed=self._merge.changes != before)
        return self._batch(quotes, news)

    def _needs_image(self, messages: Sequence[Message]) -> bool:
        kinds = {message.type for message in messages}
        if "resync_required" in kinds:
            return True
        now = self._monotonic()
        is_doubtful = self._merge.is_doubtful or UNREADABLE in kinds
        if not is_doubtful or now - self._doubted_at < IMAGE_EVERY_S:
            return False
        self._doubted_at = now
        return True

    def _vouched(self) -> Iterator[list[Quote]]:
        if self._merge.is_doubtful:
            return iter(())
        return self._vouching.due(self._merge.standing)

    def _is_time_to_ask(self) -> bool:
        is_due = self._monotonic() - self._asked_at >= EVENTS_EVERY_S
        return self._can_ask and is_due and self._merge.has_strangers

    async def _introduced(
        self, socket: Socket, client: httpx.AsyncClient
    ) -> tuple[list[Message], Batch]:
        """Ask who plays in the events that are new; return what the socket said meanwhile, too."""
        self._asked_at = self._monotonic()
        fetching = asyncio.create_task(self._rest.events(client))
        early: list[Message] = []
        found: Image | None = None
        try:
            early = await self._meanwhile(socket, fetching)
            found = await fetching
        except FeedError as error:
            if not fetching.done() or fetching.exception() is not error:
                raise
            self._warn(error.message)
        finally:
            self._replace(quota=self._rest.quota)
            await stopped(fetching)
        now, before = self._clock(), self._merge.changes
        quotes, news = self._merge.describe(found.events, now) if found else ([], [])
        faults = found.faults if found else []
        quotes += self._merge.apply(early, now, faults)
        self._count(faults)
        self._alive(now, changed=self._merge.changes != before)
        return early, self._batch(quotes, news)

    async def _meanwhile(self, socket: Socket, fetching: asyncio.Task[Image]) -> list[Message]:
        early: list[Message] = []
        size = 0
        while not fetching.done():
            receiving = asyncio.create_task(socket.receive())
            try:
                await asyncio.wait({fetching, receiving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                # Cancelling a read loses nothing: the frame waits for the next.
                await stopped(receiving)
            if receiving.cancelled():
                continue
            frame = receiving.result()
            size += len(frame.body or b"")
            if size > MAX_EARLY_BYTES:
                raise FeedUnavailable(f"{NAME} sent {size} bytes before its image came.")
            early += self._decoded(frame)
        return early

    # ---------------------------------------------------------------- messages

    def _decoded(self, frame: Frame) -> list[Message]:
        faults: list[str] = []
        messages = decode_frame(frame.body, faults) if frame.body is not None else []
        self._count(faults)
        return messages

    def _told(self, frame: Frame, messages: list[Message]) -> Batch:
        before = self._merge.changes
        faults: list[str] = []
        quotes = self._merge.apply(messages, self._clock(), faults)
        self._count(faults)
        changed = self._merge.changes != before
        self._alive(frame.heard_at, changed=changed, latency_ms=frame.latency_ms)
        return self._batch(quotes)
