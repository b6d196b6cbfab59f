"""Who sends: our gateway, the floor under it, and two libraries.

All are told the same: `emit` these updates now, to everyone who is connected.

- `ours`: the gateway as it is, with a feed that hands in a batch an update:
  bookmaking, encoding and journal in memory included.
- `floor`: a bare ``asyncio.Protocol`` that has answered a handshake unread and
  writes the same bytes, encoded and framed once, to each transport in turn.
- `websockets`: ``websockets.broadcast`` of the same text.
- `socketio`: python-socketio on uvicorn, ``emit`` of the same frame as a dict.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any, Protocol

import msgspec

from protipp_stream.core.wire import sse_event
from protipp_stream.feeds.base import batch_now
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.model import Batch, RealTimeConnection
from tests.bench.load import (
    EPOCH,
    EVENTS,
    OPENING,
    chunked,
    frame_of,
    quotes,
    updates,
    websocket_framed,
)

__all__ = ["CONTENDERS", "Contender", "HandedFeed", "Ours", "patient"]


class Contender(Protocol):
    """A server that sends what it is told to everyone who is connected."""

    async def start(self) -> int:
        """Listen, and return the port."""
        ...

    async def emit(self, first: int, count: int) -> None:
        """Send these updates, in one frame if it can; return when they are on their way."""
        ...


def patient(**changes: Any) -> Settings:
    """Settings under which a thousand subscribers of one machine are not a nuisance."""
    calm = {
        "messages_per_minute": 1_000_000,
        "heartbeat_s": 600.0,
        "stale_after_s": 600.0,
        # The stamps of `load` lie in 2001.
        "bookmaker_stale_after_s": 1e10,
    }
    return Settings(**calm | changes)


class HandedFeed:
    """A feed that yields the batches it is handed, those of one hand without a pause."""

    def __init__(self) -> None:
        self.connection = RealTimeConnection(
            id="bench", bookmaker_id="bench", connection_type="publish", status="connected"
        )
        self._hands: asyncio.Queue[tuple[list[Batch], asyncio.Future[None]]] = asyncio.Queue()

    async def __aiter__(self) -> AsyncIterator[Batch]:
        while True:
            batches, taken = await self._hands.get()
            for batch in batches:
                yield batch
            taken.set_result(None)

    async def hand(self, batches: list[Batch]) -> None:
        """Return when the gateway has taken them."""
        taken = asyncio.get_running_loop().create_future()
        self._hands.put_nowait((batches, taken))
        await taken


class Ours:
    """The gateway."""

    def __init__(
        self, transport: str, settings: Settings | None = None, history: str | None = None
    ) -> None:
        self._feed = HandedFeed()
        self._gateway = Gateway(self._feed, settings=settings or patient(), history=history)

    async def start(self) -> int:
        ready = asyncio.Event()
        self._serving = asyncio.create_task(self._gateway.serve(on_ready=ready.set))
        await ready.wait()
        await self._feed.hand([batch_now(OPENING, EVENTS)])
        return self._gateway.port

    def tokens(self, count: int) -> list[str]:
        """Each its own subject, so that limits on one subject concern nobody."""
        return [self._gateway.token(f"reader-{number}") for number in range(count)]

    async def emit(self, first: int, count: int) -> None:
        await self._feed.hand([batch_now([quote]) for quote in quotes(first, count)])
        # Whoever waits for these gets a turn before the next are handed in.
        await asyncio.sleep(0)


class _Bare(asyncio.Protocol):
    def __init__(self, server: Floor) -> None:
        self._server = server
        self._head = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._head += data
        if self._head.endswith(b"\r\n\r\n"):
            self._transport.write(self._server.answer)
            self._server.transports.append(self._transport)


class Floor:
    """Nothing but the writes."""

    def __init__(self, transport: str) -> None:
        self.transports: list[asyncio.Transport] = []
        self._is_sse = transport == "sse"
        self.answer = (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
            if self._is_sse
            else b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\n\r\n"
        )

    async def start(self) -> int:
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Bare(self), "127.0.0.1", 0, backlog=2048)
        self._server = server
        return port_of(server.sockets[0])

    async def emit(self, first: int, count: int) -> None:
        frame = frame_of(updates(first, count), first)
        if self._is_sse:
            data = chunked(sse_event("updates", frame, f"{EPOCH}:{first + count}"))
        else:
            data = websocket_framed(frame)
        for transport in self.transports:
            transport.write(data)
        await asyncio.sleep(0)


class Broadcast:
    """``websockets.broadcast``."""

    def __init__(self, transport: str) -> None:
        self._connections: set[Any] = set()

    async def start(self) -> int:
        from websockets.asyncio.server import serve

        async def handle(connection: Any) -> None:
            self._connections.add(connection)
            await connection.wait_closed()

        server = await serve(handle, "127.0.0.1", 0, compression=None, ping_interval=None)
        self._server = server
        return port_of(next(iter(server.sockets)))

    async def emit(self, first: int, count: int) -> None:
        from websockets.asyncio.server import broadcast

        broadcast(self._connections, frame_of(updates(first, count), first).decode())
        await asyncio.sleep(0)


class SocketIO:
    """python-socketio, on uvicorn with the same WebSocket implementation as ours."""

    def __init__(self, transport: str) -> None:
        import socketio

        self._sio = socketio.AsyncServer(async_mode="asgi", ping_interval=600)

    async def start(self) -> int:
        import socketio
        import uvicorn

        app = socketio.ASGIApp(self._sio)
        config = uvicorn.Config(
            app, ws="websockets-sansio", ws_per_message_deflate=False, lifespan="off",
            access_log=False, log_level="warning", ws_ping_interval=None,
        )  # fmt: skip
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        self._serving = asyncio.create_task(uvicorn.Server(config).serve([listener]))
        return port_of(listener)

    async def emit(self, first: int, count: int) -> None:
        frame = msgspec.json.decode(frame_of(updates(first, count), first))
        await self._sio.emit("updates", frame)
        await asyncio.sleep(0)


def port_of(listener: Any) -> int:
    """Return the port of a listening socket."""
    port: int = listener.getsockname()[1]
    return port


CONTENDERS: dict[str, Any] = {
    "ours": Ours,
    "floor": Floor,
    "websockets": Broadcast,
    "socketio": SocketIO,
}
