"""One connection of server-sent events: opened, capped, and watched."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from http import HTTPStatus
from typing import NamedTuple

import httpx
from httpx_sse import EventSource, ServerSentEvent

from protipp_stream.errors import FeedError, FeedUnavailable
from protipp_stream.feeds.answers import from_status
from protipp_stream.feeds.keyed import Redactor, Secret
from protipp_stream.feeds.stopping import stopped

__all__ = ["Forgotten", "Heard", "SseStream"]

# To a request that names a last id, they say that it is of no use any more.
_FORGOTTEN = (HTTPStatus.GONE, HTTPStatus.PRECONDITION_FAILED)


class Forgotten(FeedUnavailable):
    """The source no longer knows the id that was to be resumed from."""


class Heard(NamedTuple):
    """What `SseStream.receive` found.

    Attributes
    ----------
    event : ServerSentEvent or None
        None when only a comment came, which is a sign of life.
    heard_at : datetime
        When.
    """

    event: ServerSentEvent | None
    heard_at: datetime


class _Capped(httpx.AsyncByteStream):
    """Counts what came since the last event: a line that never ends would fill the memory."""

    def __init__(
        self, stream: httpx.AsyncByteStream, limit: int, clock: Callable[[], datetime]
    ) -> None:
        self.pending = 0
        self.heard = time.monotonic()
        self.heard_at = clock()
        self._stream = stream
        self._limit = limit
        self._clock = clock

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            self.heard, self.heard_at = time.monotonic(), self._clock()
            self.pending += len(part)
            if self.pending > self._limit:
                raise FeedUnavailable(f"An event has more than {self._limit} bytes.")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()


class SseStream:
    """An open stream; see `open`."""

    def __init__(
        self,
        name: str,
        response: httpx.Response,
        bytes_: _Capped,
        *,
        beat_s: float,
        silence_s: float,
    ) -> None:
        self._name = name
        self._response = response
        self._bytes = bytes_
        self._beat_s = beat_s
        self._silence_s = silence_s
        self._events = EventSource(response).aiter_sse()
        self._reading: asyncio.Task[ServerSentEvent | None] | None = None
        self._told = bytes_.heard

    @classmethod
    async def open(
        cls,
        name: str,
        client: httpx.AsyncClient,
        url: httpx.URL,
        headers: Secret[dict[str, str]],
        *,
        last_id: str | None,
        max_event_bytes: int,
        timeout_s: float,
        beat_s: float,
        silence_s: float,
        clock: Callable[[], datetime],
        redact: Redactor,
        worked: bool,
    ) -> SseStream | None:
        """Ask for the stream; None when the source has nothing more to say (204).

        Raises
        ------
        Forgotten
            If ``last_id`` is too old for the source.
        FeedError
            If there is no stream. Neither it nor what hangs on it holds the URL.
        """
        request = _request(client, url, headers, last_id, timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                # Following a redirect would hand the key to another host.
                response = await client.send(request, stream=True, follow_redirects=False)
            stream = response.stream
            assert isinstance(stream, httpx.AsyncByteStream)
            response.stream = capped = _Capped(stream, max_event_bytes, clock)
            failure = await _failure(name, response, last_id, timeout_s, clock, redact, worked)
        except TimeoutError:
            failure = FeedUnavailable(f"{name} does not answer within {timeout_s:g} s.")
        except httpx.HTTPError as error:
            about = redact(f"{type(error).__name__}: {error}")
            failure = FeedUnavailable(f"{name} can't be reached: {about}.")
        if failure is not None:
            # Raised out here, so that it has no context: the request hangs on that.
            raise failure
        if response.status_code == HTTPStatus.NO_CONTENT:
            await response.aclose()
            return None
        return cls(name, response, capped, beat_s=beat_s, silence_s=silence_s)

    async def receive(self) -> Heard:
        """Return the next event, or a sign of life in between.

        Raises
        ------
        FeedError
            When the stream ended, broke, or has been silent for too long.
        """
        while True:
            if self._reading is None:
                self._reading = asyncio.create_task(self._next())
            await asyncio.wait({self._reading}, timeout=self._beat_s)
            if self._reading.done():
                return self._heard(self._reading)
            if time.monotonic() - self._bytes.heard >= self._silence_s:
                raise FeedUnavailable(f"{self._name} has been silent for {self._silence_s:g} s.")
            if self._bytes.heard != self._told:
                self._told = self._bytes.heard
                return Heard(None, self._bytes.heard_at)

    async def close(self) -> None:
        """Leave."""
        if self._reading is not None:
            await stopped(self._reading)
        await self._events.aclose()
        await self._response.aclose()

    async def _next(self) -> ServerSentEvent | None:
        return await anext(self._events, None)

    def _heard(self, reading: asyncio.Task[ServerSentEvent | None]) -> Heard:
        self._reading = None
        failure: FeedError
        try:
            event = reading.result()
        except FeedError as error:
            failure = FeedUnavailable(f"{self._name} floods: {error.message}")
        except httpx.HTTPError as error:
            # Its words may hold a URL; its kind says enough.
            failure = FeedUnavailable(f"{self._name} broke off: {type(error).__name__}.")
        else:
            if event is not None:
                self._bytes.pending = 0
                self._told = self._bytes.heard
                return Heard(event, self._bytes.heard_at)
            failure = FeedUnavailable(f"{self._name} ended the stream.")
        raise failure


def _request(
    client: httpx.AsyncClient,
    url: httpx.URL,
    headers: Secret[dict[str, str]],
    last_id: str | None,
    timeout_s: float,
) -> httpx.Request:
    asked = {
        **headers.reveal(),
        "Accept": "text/event-stream",
        "Cache-Control": "no-store",
        # A compressed stream could unfold to anything, past every cap.
        "Accept-Encoding": "identity",
    }
    if last_id is not None:
        asked["Last-Event-ID"] = last_id
    timeout = httpx.Timeout(timeout_s, read=None)
    request = client.build_request("GET", url.copy_with(), headers=asked, timeout=timeout)
    request.url = url
    return request


async def _failure(
    name: str,
    response: httpx.Response,
    last_id: str | None,
    timeout_s: float,
    clock: Callable[[], datetime],
    redact: Redactor,
    worked: bool,
) -> FeedError | None:
    status = response.status_code
    if status == HTTPStatus.NO_CONTENT:
        return None
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    packed = response.headers.get("content-encoding", "identity")
    try:
        if status == HTTPStatus.OK and kind == "text/event-stream" and packed == "identity":
            return None
        if status == HTTPStatus.OK:
            about = redact(f"{kind or 'nothing'}, {packed}")
            return FeedUnavailable(f"{name} answers with no event stream, but {about}.")
        about = redact(await _beginning(response, timeout_s))
    finally:
        if status != HTTPStatus.OK or kind != "text/event-stream" or packed != "identity":
            await response.aclose()
    if last_id is not None and status in _FORGOTTEN:
        return Forgotten(f"{name} no longer knows the last event: {status} {about}".rstrip() + ".")
    return from_status(name, status, about, response.headers, clock(), worked=worked)


async def _beginning(response: httpx.Response, timeout_s: float) -> str:
    body = b""
    async with asyncio.timeout(timeout_s):
        async for part in response.aiter_raw():
            body += part
            if len(body) >= 1000:
                break
    return body[:1000].decode(errors="replace")
