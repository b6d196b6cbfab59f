"""One connection through a fault proxy, byte by byte: `proxy` says what can happen to it."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tests.client.obstacles import kind_of

__all__ = ["CHUNK", "KINDS", "Line", "Passage", "Upstream", "Weather"]

CHUNK = 4096
# For so long the gateway's end of a vanished connection stays open.
LINGER_S = 8.0
CLOSE_S = 1.0
KINDS = ("websocket", "sse", "polling", "other")


class Upstream:
    """Where the gateway is; `port` may change while connections are open."""

    def __init__(self, port: int) -> None:
        self.port = port


@dataclass
class Weather:
    """What is wrong with the line as a whole."""

    jitter_s: float = 0.0
    bytes_per_s: float = 0.0
    grain: int = 0
    request_s: float = 0.0


class Line(Protocol):
    """What all connections of one client have in common."""

    upstream: Upstream
    weather: Weather
    faults: Counter[str]
    refusals: int
    has_cut: bool
    last_down: float

    def answer_to(self, kind: str) -> str | None:
        """Return what is to become of a request; None: it passes."""
        ...

    def take_cut(self, kind: str) -> tuple[int | None, bool]:
        """Return where a connection is to be cut, and whether cleanly."""
        ...

    async def cleared(self) -> None:
        """Wait until faults are lifted."""
        ...

    async def be_late(self) -> None:
        """Wait as jitter wants."""
        ...


@dataclass
class _Direction:
    """One way of one connection, and what is to happen to it."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    swallows: bool = False
    lag_s: float = 0.0
    # Bytes that still pass before something happens; None: nothing will.
    cut_after: int | None = None
    cut_clean: bool = False
    inject_after: int | None = None
    injected: bytes = b""
    repeats: int = 0
    passed: bytes = b""
    frame_fault: Literal["", "lost", "twice", "swapped"] = ""
    kept_back: bytes = b""
    head_only: Literal["", "swallow", "buffer"] = ""
    head_seen: bytes = b""

    def __post_init__(self) -> None:
        self.gate.set()


class _Cut(Exception):
    """The connection ends here, by our own hand."""


class Passage:
    """One connection of a client, and the one to the gateway that belongs to it."""

    def __init__(
        self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.up, self.down = _Direction(), _Direction()
        self.kind = "other"
        self._line = line
        self._reader, self._writer = reader, writer
        self._to_gateway: asyncio.StreamWriter | None = None
        self._back: asyncio.Task[None] | None = None

    async def run(self) -> None:
        try:
            await self._carry_up()
        except (_Cut, asyncio.IncompleteReadError, asyncio.LimitOverrunError, OSError):
            pass  # either side has left, or we cut it
        finally:
            if self.down.swallows and self._back is not None and not self._back.done():
                # The gateway must not learn from us that its peer has gone.
                await asyncio.wait({self._back}, timeout=LINGER_S)
            if self._back is not None:
                self._back.cancel()
                await asyncio.wait({self._back})
            await self._close()

    async def _close(self) -> None:
        writers = [writer for writer in (self._writer, self._to_gateway) if writer is not None]
        for writer in writers:
            writer.close()
        try:
            async with asyncio.timeout(CLOSE_S):
                await asyncio.gather(
                    *(writer.wait_closed() for writer in writers), return_exceptions=True
                )
        except TimeoutError:
            pass  # whoever is there does not read
        finally:
            for writer in writers:
                writer.transport.abort()

    def reset(self, *, clean: bool = False) -> None:
        """End both connections at once; with RST unless ``clean``."""
        for writer in (self._writer, self._to_gateway):
            if writer is None:
                continue
            if clean:
                writer.close()
                continue
            raw = writer.get_extra_info("socket")
            if raw is not None and raw.fileno() >= 0:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    # ------------------------------------------------------ to the gateway

    async def _carry_up(self) -> None:
        while self.kind != "websocket":
            head = await self._reader.readuntil(b"\r\n\r\n")
            await self._request(head)
        while data := await self._reader.read(CHUNK):
            await self._send_up(data)

    async def _request(self, head: bytes) -> None:
        self.kind = kind_of(head)
        answer = self._line.answer_to(self.kind)
        if answer is not None:
            self._line.faults[f"{answer} to {self.kind}"] += 1
            # The clock is not what a client lives by.
            self._line.refusals += self.kind != "other"
        if answer == "hang":
            await self._reader.read()  # until the client gives up
            raise _Cut
        if answer == "outage":
            self.reset()
            raise _Cut
        if answer is not None and answer not in {"swallow", "buffer"}:
            self._writer.write(_answer(answer))
            await self._writer.drain()
            raise _Cut
        if answer is not None:
            self.down.head_only = "swallow" if answer == "swallow" else "buffer"
            self.down.head_seen = b""
        after, clean = self._line.take_cut(self.kind)
        if after is not None:
            self.down.cut_after, self.down.cut_clean = after, clean
        if self._to_gateway is None:
            await self._reach_gateway()
        await asyncio.sleep(self._line.weather.request_s)
        await self._send_up(head)

    async def _reach_gateway(self) -> None:
        near = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Small, so that a reader who does not read is felt by the gateway soon.
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * CHUNK)
        near.setblocking(False)
        try:
            address = ("127.0.0.1", self._line.upstream.port)
            await asyncio.get_running_loop().sock_connect(near, address)
        except OSError:
            near.close()
            self.reset()
            raise _Cut from None
        except asyncio.CancelledError:
            near.close()  # nobody else knows of it yet
            raise
        reader, self._to_gateway = await asyncio.open_connection(sock=near, limit=CHUNK)
        self._back = asyncio.create_task(self._carry_down(reader))

    async def _send_up(self, data: bytes) -> None:
        await self.up.gate.wait()
        if self.up.swallows:
            return
        assert self._to_gateway is not None
        await self._line.be_late()
        self._to_gateway.write(data)
        await self._to_gateway.drain()

    # ------------------------------------------------------- to the client

    async def _carry_down(self, reader: asyncio.StreamReader) -> None:
        try:
            while data := await reader.read(CHUNK):
                await self._send_down(data)
        except _Cut:
            return
        except OSError:
            self.reset()
            return
        if not self.down.swallows:
            self._writer.close()

    async def _send_down(self, data: bytes) -> None:
        way = self.down
        await way.gate.wait()
        if way.swallows:
            return
        if way.head_only:
            data = await self._after_head(data)
        if way.frame_fault or way.kept_back:
            data = self._with_frame_fault(data)
        data = self._with_foreign_bytes(data)
        if way.cut_after is not None:
            if len(data) >= way.cut_after:
                await self._write(data[: way.cut_after])
                self._line.faults["cut in mid-frame"] += 1
                self._line.has_cut = True
                self.reset(clean=way.cut_clean)
                raise _Cut
            way.cut_after -= len(data)
        way.passed = (way.passed + data)[-CHUNK:]
        await self._write(data)

    async def _after_head(self, data: bytes) -> bytes:
        """Return what passes of an answer of which only the head does."""
        way = self.down
        before = len(way.head_seen)
        way.head_seen += data
        end = way.head_seen.find(b"\r\n\r\n")
        if end < 0:
            return data
        await self._write(data[: end + 4 - before])
        if way.head_only == "swallow":
            way.swallows = True
            return b""
        way.head_only = ""
        await self._line.cleared()
        return data[end + 4 - before :]

    def _with_frame_fault(self, data: bytes) -> bytes:
        way = self.down
        if way.kept_back:
            kept, way.kept_back = way.kept_back, b""
            return data + kept if _is_whole_frame(data) else kept + data
        if not _is_whole_frame(data):
            return data
        fault, way.frame_fault = way.frame_fault, ""
        self._line.faults[f"frame {fault}"] += 1
        if fault == "twice":
            return data + data
        if fault == "swapped":
            way.kept_back = data
        return b""

    def _with_foreign_bytes(self, data: bytes) -> bytes:
        way = self.down
        if way.inject_after is None:
            return data
        at = way.inject_after
        if len(data) < at:
            way.inject_after -= len(data)
            return data
        foreign = way.injected or (way.passed + data[:at])[-way.repeats :]
        way.inject_after = None
        self._line.faults["foreign bytes"] += 1
        return data[:at] + foreign + data[at:]

    async def _write(self, data: bytes) -> None:
        await self._line.be_late()
        if self.down.lag_s:
            await asyncio.sleep(self.down.lag_s)
        weather = self._line.weather
        grain = weather.grain or int(weather.bytes_per_s / 50) or len(data) or 1
        for start in range(0, len(data), grain):
            piece = data[start : start + grain]
            self._writer.write(piece)
            if self.kind != "other":
                self._line.last_down = time.monotonic()
            await self._writer.drain()
            if weather.bytes_per_s:
                await asyncio.sleep(len(piece) / weather.bytes_per_s)
            elif weather.grain:
                await asyncio.sleep(0)  # the reader shall see the pieces apart


def _is_whole_frame(data: bytes) -> bool:
    """Whether a read is exactly one text message of a WebSocket, or one chunk of events."""
    if data[:1] == b"\x81" and len(data) > 4:
        length = data[1]
        return (length < 126 and len(data) == 2 + length) or (
            length == 126 and len(data) == 4 + int.from_bytes(data[2:4])
        )
    size, _, rest = data.partition(b"\r\n")
    try:
        return rest.startswith(b"event:") and len(rest) == int(size, 16) + 2
    except ValueError:
        return False


_PHRASES = {
    "401": "Unauthorized",
    "403": "Forbidden",
    "404": "Not Found",
    "429": "Too Many Requests\r\nRetry-After: 1",
    "500": "Internal Server Error",
    "502": "Bad Gateway",
    "503": "Service Unavailable\r\nRetry-After: 1",
}
_PAGE = b"<html><h1>No</h1><p>Says a middlebox.</p></html>"


def _answer(status: str) -> bytes:
    head = f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: text/html\r\n"
    return f"{head}Content-Length: {len(_PAGE)}\r\nConnection: close\r\n\r\n".encode() + _PAGE
