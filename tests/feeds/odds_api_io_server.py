"""A local stand-in for odds-api.io: REST and WebSocket on one port of 127.0.0.1.

Manual
------
What its documentation and its maker's own client code say:

* ``apiKey`` in the query, of REST and of the WebSocket: absent or unknown is
  401. Like a careless provider it quotes a wrong key in its message.
* ``GET /v3/events?sport&league&status`` lists events: ``{id, home, away, date,
  status, sport: {name, slug}, league: {name, slug}}``. ``sport`` is required
  (400), ``league`` is one slug, ``status`` a list of pending, live, settled.
* ``GET /v3/odds/multi?eventIds&bookmakers`` answers the same objects with
  ``bookmakers: {name: [market, …]}``: at most 10 ids and 30 bookmakers, both
  required (400). Prices are strings, ``hdp`` is a number. All markets come,
  asked for or not.
* Answers carry ``x-ratelimit-limit`` and ``x-ratelimit-remaining``; beyond the
  limit a call is 429 with ``Retry-After``.
* ``WS /v3/ws?apiKey&markets&sport&leagues|eventIds&status``: ``markets`` is
  required (400), ``leagues`` with ``eventIds`` is 400, ``status`` is live or
  prematch. First comes ``welcome`` with ``bookmakers``, the ones selected in
  the account. Then ``created``, ``updated``, ``deleted``, ``no_markets``, each
  ``{type, id, bookie, timestamp (whole seconds), seq, markets: [{name,
  updatedAt, odds: [{home, draw, away, hdp, over, under}]}]}``. A frame may hold
  several of them, one a line. ``resync_required`` asks for a new image.
* A new connection with the same key closes the old one.

What is assumed, because nobody says it:

* That close has the code and reason of ``takeover`` (1008 by default).
* ``hdp`` of a Spread is the home team's handicap, for both of its prices.
* ``updated`` names the changed markets only; within one, the list is whole.
* ``/v3/events`` answers with all events at once.
* The server's pings are the protocol's; it answers ours, and sends none.

What shall happen is arranged by the test:

``mishaps``        of the next REST calls: ``Raw(status, body, headers)``, ``HANG``, or None
``refusals``       of the next handshakes: an HTTP status, or ``SILENT`` (no welcome)
``meanwhile``      frames that are sent while the image is being fetched
``push(*objects)`` sends one frame to the newest connection, ``raw(bytes)`` any bytes
``close(code, reason)``  closes it; ``drop()`` breaks it off
``freeze()``       stops the whole server, pongs too, until ``thaw()``
``calls``, ``handshakes``, ``closed`` say what was asked, and who was sent away
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from tests.feeds.serving import serving_app


class Raw(NamedTuple):
    status: int
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012


HANG = "hang"
SILENT = "silent"


class FakeOddsApiIo:
    """See the manual above.

    ``events`` is what REST lists, ``odds`` the markets by event and bookmaker.
    """

    def __init__(self, keys: set[str], bookmakers: list[str]) -> None:
        self.keys = keys
        self.bookmakers = bookmakers
        self.events: dict[int, dict[str, Any]] = {}
        self.odds: dict[int, dict[str, list[dict[str, Any]]]] = {}
        self.limit = 5000
        self.used = 0
        self.takeover: tuple[int, str] = (1008, "replaced by a new connection")
        self.mishaps: deque[Raw | str | None] = deque()
        self.refusals: deque[int | str] = deque()
        self.meanwhile: deque[bytes] = deque()
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.handshakes: list[dict[str, str]] = []
        self.closed: list[int] = []
        self.seq = 0
        self.rest_url = ""
        self.socket_url = ""
        self._sockets: dict[str, WebSocket] = {}
        self._newest: WebSocket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thawed = threading.Event()
        self.app = Starlette(
            routes=[
                Route("/v3/events", self._events),
                Route("/v3/odds/multi", self._odds),
                WebSocketRoute("/v3/ws", self._socket),
            ]
        )

    # --------------------------------------------------------------------- REST

    async def _events(self, request: Request) -> Response:
        if answer := await self._unwell(request):
            return answer
        asked = request.query_params
        if not asked.get("sport"):
            return self._said(400, "Missing required parameter: sport")
        statuses = asked.get("status", "pending,live,settled").split(",")
        return self._said(
            200,
            [
                event
                for event in self.events.values()
                if event["sport"]["slug"] == asked["sport"]
                and event["status"] in statuses
                and asked.get("league", event["league"]["slug"]) == event["league"]["slug"]
            ],
        )

    async def _odds(self, request: Request) -> Response:
        if answer := await self._unwell(request):
            return answer
        ids = [i for i in request.query_params.get("eventIds", "").split(",") if i]
        names = [n for n in request.query_params.get("bookmakers", "").split(",") if n]
        if not ids or not names or len(ids) > 10 or len(names) > 30:
            return self._said(400, "eventIds (max 10) and bookmakers (max 30) are required")
        while self.meanwhile and self._newest is not None:
            await self._newest.send_text(self.meanwhile.popleft().decode())
        found = []
        for event_id in map(int, ids):
            if event_id in self.events:
                odds = self.odds.get(event_id, {})
                bookmakers = {name: odds[name] for name in names if name in odds}
                found.append(self.events[event_id] | {"bookmakers": bookmakers})
        return self._said(200, found)

    async def _unwell(self, request: Request) -> Response | None:
        self.calls.append((request.url.path, dict(request.query_params)))
        mishap = self.mishaps.popleft() if self.mishaps else None
        if mishap == HANG:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return Response()
        if isinstance(mishap, Raw):
            return Response(mishap.body, mishap.status, mishap.headers)
        key = request.query_params.get("apiKey", "")
        if key not in self.keys:
            return self._said(401, f"API key {key} is not valid")
        self.used += 1
        if self.used > self.limit:
            return self._said(429, "Rate limit exceeded", {"Retry-After": "7"})
        return None

    def _said(self, status: int, body: Any, headers: dict[str, str] | None = None) -> Response:
        limits = {
            "x-ratelimit-limit": str(self.limit),
            "x-ratelimit-remaining": str(max(self.limit - self.used, 0)),
        }
        content = body if status == 200 else {"error": body}
        return JSONResponse(content, status, limits | (headers or {}))

    # ---------------------------------------------------------------- WebSocket

    async def _socket(self, socket: WebSocket) -> None:
        asked = dict(socket.query_params)
        self.handshakes.append(asked)
        refusal = self.refusals.popleft() if self.refusals else None
        key = asked.get("apiKey", "")
        status, why = _judged(asked, key in self.keys)
        if isinstance(refusal, int):
            status, why = refusal, f"refused {key}"
        if status != 200:
            headers = {"Retry-After": "9"} if status == 429 else {}
            if status in (301, 302, 307):
                headers = {"location": f"{self.socket_url}/elsewhere?apiKey={key}"}
            await socket.send_denial_response(PlainTextResponse(why, status, headers))
            return
        await socket.accept()
        old, self._sockets[key], self._newest = self._sockets.get(key), socket, socket
        if old is not None:
            self.closed.append(id(old))
            await old.close(*self.takeover)
        if refusal != SILENT:
            await socket.send_text(json.dumps(self._welcome(asked)))
        try:
            while True:
                await socket.receive_text()
        except (WebSocketDisconnect, RuntimeError):
            if self._sockets.get(key) is socket:
                del self._sockets[key]

    def _welcome(self, asked: dict[str, str]) -> dict[str, Any]:
        return {
            "type": "welcome",
            "message": "Connected to Odds-API WebSocket",
            "bookmakers": self.bookmakers,
            "sport_filter": [asked["sport"]] if "sport" in asked else [],
            "leagues_filter": asked.get("leagues", "").split(",") if "leagues" in asked else [],
            "status_filter": asked.get("status", "all"),
        }

    # --------------------------------------------------------- what tests arrange

    @property
    def is_connected(self) -> bool:
        return bool(self._sockets)

    def frame(self, *objects: dict[str, Any]) -> bytes:
        numbered = []
        for item in objects:
            self.seq += 1
            numbered.append(json.dumps(item | {"seq": self.seq}))
        return "\n".join(numbered).encode()

    def push(self, *objects: dict[str, Any]) -> None:
        self.raw(self.frame(*objects))

    def raw(self, frame: bytes) -> None:
        assert self._newest is not None
        self._run(self._newest.send({"type": "websocket.send", "text": frame.decode()}))

    def close(self, code: int, reason: str = "") -> None:
        assert self._newest is not None
        self._sockets.clear()
        self._run(self._newest.close(code, reason))

    def drop(self) -> None:
        """Break it off, without a goodbye."""
        assert self._newest is not None
        self._sockets.clear()
        self._run(_abort(self._newest))

    def freeze(self) -> None:
        self._thawed.clear()
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._thawed.wait)

    def thaw(self) -> None:
        self._thawed.set()

    def _run(self, work: Any) -> None:
        assert self._loop is not None
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)


async def _abort(socket: WebSocket) -> None:
    # The protocol object behind uvicorn's send; a close frame must not leave.
    send: Any = socket._send
    while not hasattr(send, "__self__"):
        send = next(c.cell_contents for c in send.__closure__ if callable(c.cell_contents))
    send.__self__.transport.abort()


def _judged(asked: dict[str, str], is_known: bool) -> tuple[int, str]:
    if not is_known:
        return 401, f"API key {asked.get('apiKey')} is not valid"
    if not asked.get("markets"):
        return 400, "Missing required parameter: markets"
    if "leagues" in asked and "eventIds" in asked:
        return 400, "Cannot use both leagues and eventIds"
    if asked.get("status", "live") not in ("live", "prematch"):
        return 400, "Invalid status filter"
    return 200, ""


@contextmanager
def serving(fake: FakeOddsApiIo) -> Iterator[FakeOddsApiIo]:
    """Serve it on a free port, in a thread, while the block runs."""
    with serving_app(fake.app, ws="websockets-sansio") as (port, loop):
        fake._loop = loop
        fake.rest_url = f"http://127.0.0.1:{port}/v3"
        fake.socket_url = f"ws://127.0.0.1:{port}/v3"
        try:
            yield fake
        finally:
            fake.thaw()
