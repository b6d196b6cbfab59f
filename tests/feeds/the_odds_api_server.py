"""A local stand-in for The Odds API v4: an honest HTTP server, on 127.0.0.1 only.

Manual
------
It answers ``GET /v4/sports/{sport}/odds`` as the provider's documentation says:

* ``apiKey`` is checked first: absent is 401 ``MISSING_KEY``, one that it does
  not know 401 ``INVALID_KEY``. Like a careless provider it quotes a wrong key
  in its message, so that a client which repeats messages is found out.
* ``regions`` or ``bookmakers`` must be there, ``markets`` and ``oddsFormat``
  must be known: else 422 ``INVALID_…`` with a message.
* A call costs markets x regions (ten bookmakers count as one region). What it
  can't be paid is 401 ``OUT_OF_USAGE_CREDITS``.
* Every answer carries ``x-requests-remaining``, ``-used`` and ``-last``.
* The body is the next of ``bodies``; the last is repeated. Bodies are American,
  as they were recorded; with ``oddsFormat=decimal`` prices are converted and
  rounded to two digits.

What the next calls shall suffer is queued in ``mishaps``, one a call:

``Answer(status, code, headers)``  that status with that ``error_code``
``Raw(status, bytes, headers)``    exactly these bytes
``HANG``                           accepts, and never says a word
``DROP``                           breaks off within the body
``None``                           nothing: this call goes well

``calls`` holds what was asked, parameters and all.
"""

from __future__ import annotations

import json
import math
import socket
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

MARKETS = {"h2h", "spreads", "totals", "h2h_lay", "outrights"}


class Answer(NamedTuple):
    status: int
    code: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012


class Raw(NamedTuple):
    status: int
    body: bytes
    headers: dict[str, str] = {}  # noqa: RUF012


HANG = "hang"
DROP = "drop"


class FakeTheOddsApi:
    """See the manual above."""

    def __init__(self, keys: set[str], bodies: list[bytes], credit: float = 500) -> None:
        self.keys = keys
        self.bodies = deque(bodies)
        self.credit = credit
        self.used = 0.0
        self.mishaps: deque[Answer | Raw | str | None] = deque()
        self.calls: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.url = ""
        self.app = Starlette(routes=[Route("/v4/sports/{sport}/odds", self.odds)])

    async def odds(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.calls.append(asked)
        self.paths.append(request.url.path)
        mishap = self.mishaps.popleft() if self.mishaps else None
        if mishap == HANG:
            while (await request.receive())["type"] != "http.disconnect":
                pass
            return Response()
        if mishap == DROP:
            return _BrokenOff()
        if isinstance(mishap, Raw):
            return Response(mishap.body, mishap.status, mishap.headers)
        if isinstance(mishap, Answer):
            return self._error(*mishap, message=f"As the test wanted: {mishap.code}")
        return self._judge(asked)

    def _judge(self, asked: dict[str, str]) -> Response:
        if not asked.get("apiKey"):
            return self._error(401, "MISSING_KEY", message="API key is missing")
        if asked["apiKey"] not in self.keys:
            return self._error(401, "INVALID_KEY", message=f"{asked['apiKey']} is not valid")
        markets = set(asked.get("markets", "h2h").split(","))
        places = asked.get("regions", "").split(",") if asked.get("regions") else []
        if asked.get("bookmakers"):
            places = ["region"] * math.ceil(len(asked["bookmakers"].split(",")) / 10)
        if not places:
            return self._error(422, "MISSING_REGION", message="Missing regions parameter")
        if not markets <= MARKETS:
            return self._error(422, "INVALID_MARKET", message="Invalid markets parameter")
        if asked.get("oddsFormat", "decimal") not in ("decimal", "american"):
            return self._error(422, "INVALID_ODDS_FORMAT", message="Invalid oddsFormat parameter")
        cost = len(markets) * len(places)
        if self.credit - self.used < cost:
            return self._error(401, "OUT_OF_USAGE_CREDITS", message="Usage quota has been reached")
        self.used += cost
        body = self.bodies.popleft() if len(self.bodies) > 1 else self.bodies[0]
        if asked.get("oddsFormat", "decimal") == "decimal":
            body = _in_decimal(body)
        return Response(body, 200, self._quota(cost), "application/json")

    def _error(
        self, status: int, code: str, headers: dict[str, str] | None = None, *, message: str
    ) -> Response:
        said = {"message": message, "error_code": code, "details_url": "https://example.test/"}
        return JSONResponse(said, status, {**self._quota(0), **(headers or {})})

    def _quota(self, cost: float) -> dict[str, str]:
        return {
            "x-requests-remaining": f"{self.credit - self.used:g}",
            "x-requests-used": f"{self.used:g}",
            "x-requests-last": f"{cost:g}",
        }


class _BrokenOff(Response):
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        headers = [(b"content-length", b"1000"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b'[{"id":', "more_body": True})
        raise ConnectionAbortedError("broken off on purpose")


def _in_decimal(body: bytes) -> bytes:
    events = json.loads(body)
    for event in events:
        for bookmaker in event["bookmakers"]:
            for market in bookmaker["markets"]:
                for outcome in market["outcomes"]:
                    price = outcome["price"]
                    exact = 1 + price / 100 if price > 0 else 1 + 100 / -price
                    outcome["price"] = round(exact, 2)
    return json.dumps(events).encode()


@contextmanager
def serving(fake: FakeTheOddsApi) -> Iterator[FakeTheOddsApi]:
    """Serve it on a free port, in a thread, while the block runs."""
    listener = socket.create_server(("127.0.0.1", 0))
    fake.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        fake.app,
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,  # it would write the key into the very log that is searched for it
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.005)
    assert server.started
    try:
        yield fake
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
        assert not thread.is_alive()
