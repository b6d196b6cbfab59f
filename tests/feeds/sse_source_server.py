"""A local stand-in for an OpticOdds-like stream, on 127.0.0.1 only.

Manual
------
``GET /api/v3/stream/odds/{sport}`` answers with server-sent events, as the
provider's documentation shows them:

* The key is a header ``X-Api-Key`` or ``key`` in the query; another is 401, and
  like a careless provider it quotes the wrong key.
* First comes ``event: connected``, ``retry: 5000``, ``data: ok go``; then now and
  then ``ping`` with a time. Neither has an id.
* ``odds`` and ``locked-odds`` have ``id: <ms>-<n>`` and ``{"data": [row, …],
  "entry_id", "type"}``; a row has ``fixture_id, sportsbook, market, name, price
  (American), points, is_live, is_main, timestamp`` (Unix seconds, fractions) and
  more that nobody here needs. ``name`` of a spread or total ends in the line:
  ``Over 8.5``.
* A line that moves arrives as ``locked-odds`` (old), then ``odds`` (new).
* ``fixture-status`` has one object as ``data``: ``{fixture: {id, home_team_display,
  away_team_display, start_date}, fixture_id, new_status, old_status, sport, …}``.
* ``Last-Event-ID``, or ``last_entry_id`` in the query, replays what came after.

What is assumed, because nobody says it: of an id that has left the memory
(``memory`` events) it says so, as ``forgets`` tells: ``reset`` sends that event,
410 and 412 are answered as a status.

What shall happen is arranged by the test:

``mishaps``      of the next requests: ``Raw(status, body, headers)``, ``HANG``, or None
``push(event, data)``  keeps an event and sends it to all; ``raw(bytes)`` sends any bytes
``ping()``       sends a ping, ``comment()`` a line that only keeps the connection alive
``end()``        ends the streams, ``drop()`` breaks them off
``asked``        the headers and the query of every request
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.feeds.serving import serving_app


class Raw(NamedTuple):
    status: int
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012


HANG = "hang"
END, DROP = object(), object()


class FakeSse:
    """See the manual above."""

    def __init__(self, keys: set[str], memory: int = 100) -> None:
        self.keys = keys
        self.retry_ms: int | None = 5000
        self.forgets: str | int = "reset"
        self.mishaps: deque[Raw | str | None] = deque()
        self.asked: list[tuple[dict[str, str], dict[str, str]]] = []
        self.url = ""
        self._kept: deque[tuple[str, bytes]] = deque(maxlen=memory)
        self._dropped = False
        self._readers: set[asyncio.Queue[Any]] = set()
        self._numbers = itertools.count(1_785_801_641_000)
        self._loop: asyncio.AbstractEventLoop | None = None
        self.app = Starlette(routes=[Route("/api/v3/stream/odds/{sport}", self._stream)])

    async def _stream(self, request: Request) -> Response:
        headers, query = dict(request.headers), dict(request.query_params)
        self.asked.append((headers, query))
        mishap = self.mishaps.popleft() if self.mishaps else None
        if mishap == HANG:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return Response()
        if isinstance(mishap, Raw):
            return Response(mishap.body, mishap.status, mishap.headers)
        key = headers.get("x-api-key") or query.get("key", "")
        if key not in self.keys:
            return JSONResponse({"message": f"Invalid key {key}"}, 401)
        last_id = headers.get("last-event-id") or query.get("last_entry_id")
        known = [ident for ident, _ in self._kept]
        is_lost = last_id is not None and last_id not in known
        if is_lost and isinstance(self.forgets, int):
            return JSONResponse({"message": "entry expired"}, self.forgets)
        first = [self._event("connected", "ok go")]
        if is_lost:
            first.append(self._event(str(self.forgets), "entry expired"))
        elif last_id is not None:
            first += [event for ident, event in self._kept if _order(ident) > _order(last_id)]
        return _Stream(self._readers, first)

    def _event(self, name: str, data: str, ident: str | None = None) -> bytes:
        lines = [f"event: {name}"]
        lines += [f"id: {ident}"] if ident else []
        lines += [f"retry: {self.retry_ms}"] if self.retry_ms is not None else []
        return ("\n".join([*lines, f"data: {data}"]) + "\n\n").encode()

    # --------------------------------------------------------- what tests arrange

    @property
    def readers(self) -> int:
        return len(self._readers)

    def push(self, name: str, data: Any) -> str:
        ident = f"{next(self._numbers)}-0"
        whole = {"data": data, "entry_id": ident, "type": name}
        event = self._event(name, json.dumps(whole), ident)
        self._kept.append((ident, event))
        self._send(event)
        return ident

    def keep(self, name: str, data: Any) -> None:
        """As `push`, but while nobody listens."""
        assert not self._readers
        self.push(name, data)

    def ping(self) -> None:
        self._send(self._event("ping", "2026-08-04T00:00:00Z"))

    def comment(self) -> None:
        self._send(b": still here\n")

    def raw(self, body: bytes) -> None:
        self._send(body)

    def end(self) -> None:
        self._send(END)

    def drop(self) -> None:
        self._send(DROP)

    def _send(self, item: Any) -> None:
        assert self._loop is not None
        done = asyncio.run_coroutine_threadsafe(self._put(item), self._loop)
        done.result(5)

    async def _put(self, item: Any) -> None:
        for reader in self._readers:
            reader.put_nowait(item)
        if item in (END, DROP):
            self._readers.clear()


class _Stream(Response):
    def __init__(self, readers: set[asyncio.Queue[Any]], first: list[bytes]) -> None:
        super().__init__()
        self._readers = readers
        self._first = first

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        items: asyncio.Queue[Any] = asyncio.Queue()
        self._readers.add(items)
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        gone = asyncio.create_task(_gone(receive))
        try:
            for event in self._first:
                await send({"type": "http.response.body", "body": event, "more_body": True})
            while True:
                getting = asyncio.create_task(items.get())
                await asyncio.wait({getting, gone}, return_when=asyncio.FIRST_COMPLETED)
                if not getting.done():
                    getting.cancel()
                    return
                item = getting.result()
                if item is DROP:
                    raise ConnectionAbortedError("broken off on purpose")
                if item is END:
                    await send({"type": "http.response.body", "body": b""})
                    return
                await send({"type": "http.response.body", "body": item, "more_body": True})
        finally:
            gone.cancel()
            self._readers.discard(items)


async def _gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _order(ident: str) -> tuple[int, int]:
    ms, _, number = ident.partition("-")
    return int(ms), int(number)


@contextmanager
def serving(fake: FakeSse) -> Iterator[FakeSse]:
    """Serve it on a free port, in a thread, while the block runs."""
    with serving_app(fake.app) as (port, loop):
        fake._loop = loop
        fake.url = f"http://127.0.0.1:{port}/api/v3/stream/odds/baseball"
        yield fake
