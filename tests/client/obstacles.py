"""What stands between a client and its gateway.

`Obstacle(gateway, blocks)` is a TCP proxy on the loopback. It reads the head of
each request and refuses what is in ``blocks``, as middleboxes do:

- ``websocket``: an upgrade is answered with ``status``, 502 by default;
- ``upgrade swallowed``: an upgrade is never answered;
- ``sse``: a request for an event stream is answered so;
- ``polling``: any other request for odds is answered so.

Everything else passes through. ``blocks`` may be changed at any time;
``cut()`` resets every connection that is open; ``garble(data)`` puts foreign bytes among
those to the gateway, of every connection; while ``frozen``, connections that
are used go silent for ever without being closed.

`ForgetfulGateway(drops)` is a gateway's WebSocket that leaves the frames out
whose place (0 is the first ``updates`` frame) is in ``drops``, as a broken one
would. A connection resumed with ``since`` gets everything after it, so a client
that notices the hole ends with the right board. ``connections`` counts them.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from datetime import UTC, datetime
from typing import Self
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve

from protipp_stream.core import wire
from protipp_stream.core.book import Book
from protipp_stream.gateway import Gateway
from protipp_stream.model import Cursor
from tests.scripted import quote


class _InThread:
    """Runs an asyncio server in a thread, from entering to leaving."""

    url = ""

    def __enter__(self) -> Self:
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(5)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with contextlib.AsyncExitStack() as stack:
            port = await self._listen(stack)
            self.url = f"http://127.0.0.1:{port}"
            self._ready.set()
            await self._stop.wait()
            await asyncio.sleep(0.05)  # handlers see it, and end by themselves

    async def _listen(self, stack: contextlib.AsyncExitStack) -> int:
        raise AssertionError("a kind of server says how it listens")


class Obstacle(_InThread):
    def __init__(self, gateway: Gateway, blocks: set[str], status: str = "502 Bad Gateway") -> None:
        self.blocks = blocks
        self.frozen = False
        self.status = status
        self._port = gateway.port
        self._open: set[asyncio.StreamWriter] = set()
        self._to_gateway: set[asyncio.StreamWriter] = set()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if self.frozen:
                # These connections are half open for good: the peer has vanished.
                await self._stop.wait()
                return
            writer.write(data)
            await writer.drain()
        writer.close()

    def cut(self) -> None:
        """Reset every connection."""

        def reset() -> None:
            for writer in self._open:
                writer.transport.abort()

        self._loop.call_soon_threadsafe(reset)

    def garble(self, data: bytes) -> None:
        """Put foreign bytes among those to the gateway."""

        def write() -> None:
            for writer in self._to_gateway:
                writer.write(data)

        self._loop.call_soon_threadsafe(write)

    async def _listen(self, stack: contextlib.AsyncExitStack) -> int:
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        stack.callback(server.close)
        stack.callback(lambda: [writer.transport.abort() for writer in self._open])
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if "upgrade swallowed" in self.blocks and kind_of(head) == "websocket":
                await reader.read()
                return
            if kind_of(head) in self.blocks:
                status = self.status.encode()
                writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
                await writer.drain()
                return
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
            own = f"127.0.0.1:{writer.get_extra_info('sockname')[1]}".encode()
            up_writer.write(head.replace(own, f"127.0.0.1:{self._port}".encode()))
            self._open.add(up_writer)
            self._to_gateway.add(up_writer)
            try:
                await asyncio.gather(self._pump(reader, up_writer), self._pump(up_reader, writer))
            finally:
                self._open.discard(up_writer)
                self._to_gateway.discard(up_writer)
                up_writer.close()
        except (asyncio.IncompleteReadError, OSError):
            return  # either side has left
        finally:
            self._open.discard(writer)
            writer.close()


def kind_of(head: bytes) -> str:
    """Say which transport the head of a request is of."""
    lower = head.lower()
    if b"upgrade: websocket" in lower:
        return "websocket"
    if b"get /api/v1/odds/stream" in lower:
        return "sse"
    return "polling" if b"get /api/v1/odds" in lower else "other"


class ForgetfulGateway(_InThread):
    def __init__(self, drops: set[int], frames: int) -> None:
        self.connections = 0
        self._drops = drops
        self._book = Book("epoch")
        self._updates = [
            self._book.apply([quote(2.0 + number)], datetime.now(UTC))[0]
            for number in range(frames)
        ]

    async def _listen(self, stack: contextlib.AsyncExitStack) -> int:
        server = await stack.enter_async_context(serve(self._answer, "127.0.0.1", 0))
        port: int = next(iter(server.sockets)).getsockname()[1]
        return port

    async def _answer(self, socket: ServerConnection) -> None:
        self.connections += 1
        assert socket.request is not None
        query = parse_qs(urlsplit(socket.request.path).query)
        since = Cursor.parse(query.get("since", ["epoch:0"])[0]) or Cursor("epoch", 0)
        resumed = "since" in query
        mode = "replay" if resumed else "snapshot"
        await self._send(socket, wire.Connected("fake", str(since), mode, 30.0, 600.0))
        if not resumed:
            await self._send(socket, wire.Snapshot("epoch:0", []))
        for number, update in enumerate(self._updates[since.seq :]):
            if resumed or number not in self._drops:
                prev = f"epoch:{update.seq - 1}"
                frame = wire.Updates(prev, update.id, None, datetime.now(UTC), [update])
                await self._send(socket, frame)
        await socket.wait_closed()

    async def _send(self, socket: ServerConnection, frame: wire.ServerFrame) -> None:
        await socket.send(wire.encode(frame).decode())
