"""What pages and their servers do at a gateway: ask for tickets, and show them."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from protipp_stream.gateway import Gateway, Settings
from tests.gateway.conftest import SOCKET_PATH, bearer
from tests.scripted import HandClock, ScriptedFeed, quote

PAGE, OTHER, FOREIGN = "https://odds.example", "https://other.example", "https://evil.example"
ORIGINS = frozenset({PAGE, OTHER})
ASK, STREAM = "/api/v1/realtime/ticket", "/api/v1/odds/stream"
REFUSED = {"error": {"code": 4501, "message": "unauthorized"}}


def start_for_pages(start: Callable[..., Gateway], feed: ScriptedFeed, clock: HandClock) -> Gateway:
    """Start a gateway that two origins' pages may use."""
    made = start(feed, settings=Settings(allowed_origins=ORIGINS), clock=clock)
    feed.tell([quote(2.0)])
    return made


def ask(
    gateway: Gateway, *, origin: str | None = None, token: str | None = None, **body: Any
) -> httpx.Response:
    headers = bearer(token or gateway.token()) | ({"Origin": origin} if origin else {})
    return httpx.post(gateway.url + ASK, headers=headers, trust_env=False, **body)


def ticket_for(gateway: Gateway, origin: str = PAGE, **options: Any) -> str:
    answer = ask(gateway, origin=origin, **options)
    assert answer.status_code == 201, answer.text
    ticket: str = answer.json()["ticket"]
    return ticket


def stream(
    gateway: Gateway, ticket: str | None, origin: str | None = PAGE, token: str | None = None
) -> httpx.Response:
    """Open a stream as an EventSource would; return its answer, and an error's body."""
    headers = ({"Origin": origin} if origin else {}) | (bearer(token) if token else {})
    address = gateway.url + STREAM + (f"?ticket={ticket}" if ticket is not None else "")
    with httpx.stream("GET", address, headers=headers, trust_env=False) as answer:
        if answer.status_code != 200:
            answer.read()
        return answer


def read(gateway: Gateway, path: str, token: str | None = None) -> str:
    """Return what stands at a path."""
    headers = bearer(token) if token else {}
    return httpx.get(gateway.url + path, headers=headers, trust_env=False).text


@asynccontextmanager
async def dial(
    gateway: Gateway, query: str = "", origin: str | None = PAGE
) -> AsyncGenerator[ClientConnection, None]:
    url = gateway.url.replace("http", "ws") + SOCKET_PATH + query
    headers = {"Origin": origin} if origin else {}
    async with connect(url, additional_headers=headers, proxy=None, compression=None) as socket:
        yield socket


async def introduce(gateway: Gateway, origin: str | None = PAGE, **frame: Any) -> tuple[Any, Any]:
    """Say ``connect``; return the first frame that comes back and the close code."""
    async with dial(gateway, origin=origin) as socket:
        await socket.send(json.dumps({"type": "connect", **frame}))
        first = json.loads(await socket.recv())
        if first["type"] == "error":
            await socket.wait_closed()
        return first, socket.close_code
