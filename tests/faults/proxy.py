"""A seeded network of faults: what can stand between a client and its gateway.

`Network` runs in a thread of its own; `network.proxy(upstream, seed)` opens a
port of the loopback that leads to the gateway at ``upstream.port`` (which may
change: a gateway that was restarted elsewhere). A proxy passes everything on
untouched until it is told otherwise. Its methods may be called from any thread;
what is random is drawn from its seed.

To the connections that are open now:

- ``reset()``: RST both ways. ``reset(after=n)``: n more bytes reach the client,
  then RST: in mid-frame. ``reset(after=n, clean=True)``: the same, with FIN.
  ``cut_next(after)``: the same for the next event stream that is opened; see ``has_cut``.
- ``vanish()``: the peer is gone. Bytes are swallowed in both directions, nothing
  is closed, and neither end ever learns of it.
- ``freeze("down")`` or ``"up"``: nothing moves in this direction until `clear`,
  then everything does, late and in order. "Down" is also the reader that does
  not read: the gateway's writes pile up.
- ``inject(after, garbage)``: foreign bytes among those to the client.
- ``repeat(after, count)``: the last ``count`` bytes to the client come twice.

- ``lose_frame()``, ``repeat_frame()``, ``swap_frames()``: a whole frame (a WebSocket
  message, an event) does not arrive, arrives twice, or after the one that
  follows it: no network does that, a broken gateway or middlebox might.

There is no fault that alters or drops single bytes: against that TCP and TLS
have checksums, and the frames have none.

To everything, until `clear`:

- ``weather``: ``jitter_s`` (each chunk is late by up to so much), ``bytes_per_s``
  (a thin line to the client), ``grain`` (chunks are split to so many bytes; 1 is
  every byte by itself).
- ``rule(answer, *kinds)``: what becomes of a request. Kinds are ``websocket``,
  ``sse``, ``polling`` and ``other`` (the gateway's clock); none named means all.
  Answers:

  - ``401``, ``403``, ``429``, ``500``, ``503`` …: a middlebox answers so, in
    words that are not our gateway's; ``429`` and ``503`` with ``Retry-After: 1``;
  - ``hang``: the request is taken and never answered;
  - ``outage``: RST instead of an answer: nothing listens there;
  - ``swallow``: the answer's head passes (an upgrade succeeds), no byte after it;
  - ``buffer``: the answer's head passes, the rest is kept back until `clear`.

``clear()`` lifts rules and weather and opens what was frozen. What vanished stays
so. ``faults`` counts what really happened to bytes, by name; ``last_down`` is when
bytes of odds last went to the client (``time.monotonic``).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Self

__all__ = ["FaultProxy", "Network", "Upstream", "Way", "Weather"]

Way = Literal["up", "down"]

CHUNK = 4096
# For so long the gateway's end of a vanished connection stays open.
LINGER_S = 8.0


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


@dataclass
class _Direction:
    """One way of one connection, and what is to happen to it."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)
    swallows: bool = False
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


class _Passage:
    """One connection of a client, and the one to the gateway that belongs to it."""

    def __init__(
        self, proxy: FaultProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.up, self.down = _Direction(), _Direction()
        self.kind = "other"
        self._proxy = proxy
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
            self._writer.close()
            if self._to_gateway is not None:
                self._to_gateway.close()

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
        self.kind = _kind(head)
        answer = self._proxy.answer_to(self.kind)
        if answer is not None:
            self._proxy.faults[f"{answer} to {self.kind}"] += 1
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
        if answer == "swallow" or answer == "buffer":
            self.down.head_only, self.down.head_seen = answer, b""
        after, clean = self._proxy.take_cut(self.kind)
        if after is not None:
            self.down.cut_after, self.down.cut_clean = after, clean
        if self._to_gateway is None:
            await self._reach_gateway()
        await self._send_up(head)

    async def _reach_gateway(self) -> None:
        near = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        # Small, so that a reader who does not read is felt by the gateway soon.
        near.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2 * CHUNK)
        near.setblocking(False)
        try:
            address = ("127.0.0.1", self._proxy.upstream.port)
            await asyncio.get_running_loop().sock_connect(near, address)
        except OSError:
            near.close()
            self.reset()
            raise _Cut from None
        reader, self._to_gateway = await asyncio.open_connection(sock=near, limit=CHUNK)
        self._back = asyncio.create_task(self._carry_down(reader))

    async def _send_up(self, data: bytes) -> None:
        await self.up.gate.wait()
        if self.up.swallows:
            return
        assert self._to_gateway is not None
        await self._proxy.be_late()
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
                self._proxy.faults["cut in mid-frame"] += 1
                self._proxy.has_cut = True
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
        await self._proxy.cleared()
        return data[end + 4 - before :]

    def _with_frame_fault(self, data: bytes) -> bytes:
        way = self.down
        if way.kept_back:
            kept, way.kept_back = way.kept_back, b""
            return data + kept if _is_whole_frame(data) else kept + data
        if not _is_whole_frame(data):
            return data
        fault, way.frame_fault = way.frame_fault, ""
        self._proxy.faults[f"frame {fault}"] += 1
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
        self._proxy.faults["foreign bytes"] += 1
        return data[:at] + foreign + data[at:]

    async def _write(self, data: bytes) -> None:
        await self._proxy.be_late()
        grain = self._proxy.weather.grain or self._proxy.thin_grain() or len(data) or 1
        for start in range(0, len(data), grain):
            piece = data[start : start + grain]
            self._writer.write(piece)
            if self.kind != "other":
                self._proxy.last_down = time.monotonic()
            await self._writer.drain()
            await self._proxy.take_time(len(piece))


class FaultProxy:
    """One client's way to the gateway; see the module for what can happen to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, upstream: Upstream, seed: object) -> None:
        self.upstream = upstream
        self.weather = Weather()
        self.faults: Counter[str] = Counter()
        self.url = ""
        self.has_cut = False
        self.last_down = 0.0
        self._cut_next: tuple[int, bool] | None = None
        self._loop = loop
        self._random = random.Random(f"proxy {seed}")
        self._rules: dict[str, str] = {}
        self._passages: set[_Passage] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clear = asyncio.Event()

    # ------------------------------------------- to the connections open now

    def reset(self, *, after: int | None = None, clean: bool = False) -> None:
        """End what is open: at once, or when ``after`` more bytes have come down."""

        def act(passage: _Passage) -> None:
            if after is None:
                self.faults["reset"] += 1
                passage.reset(clean=clean)
            else:
                passage.down.cut_after, passage.down.cut_clean = after, clean

        self._each(act)

    def cut_next(self, after: int, *, clean: bool = False) -> None:
        """End the next event stream when so many bytes of it, its head included, came down."""
        self.has_cut = False
        self._cut_next = (after, clean)

    def vanish(self) -> None:
        """Swallow everything, for good, and close nothing."""

        def act(passage: _Passage) -> None:
            self.faults["vanished"] += 1
            passage.up.swallows = passage.down.swallows = True

        self._each(act)

    def freeze(self, way: Way) -> None:
        """Let nothing move this way until `clear`."""

        def act(passage: _Passage) -> None:
            self.faults[f"frozen {way}"] += 1
            (passage.up if way == "up" else passage.down).gate.clear()

        self._each(act)

    def inject(self, after: int, garbage: bytes) -> None:
        """Put foreign bytes among those to the client."""

        def act(passage: _Passage) -> None:
            passage.down.inject_after, passage.down.injected = after, garbage

        self._each(act)

    def repeat(self, after: int, count: int) -> None:
        """Send the last ``count`` bytes to the client twice."""

        def act(passage: _Passage) -> None:
            passage.down.inject_after, passage.down.injected = after, b""
            passage.down.repeats = count

        self._each(act)

    def lose_frame(self) -> None:
        """Let the next frame to the client vanish whole."""
        self._each(lambda passage: setattr(passage.down, "frame_fault", "lost"))

    def repeat_frame(self) -> None:
        """Let the next frame to the client come twice."""
        self._each(lambda passage: setattr(passage.down, "frame_fault", "twice"))

    def swap_frames(self) -> None:
        """Let the next frame to the client come after the one that follows it."""
        self._each(lambda passage: setattr(passage.down, "frame_fault", "swapped"))

    # --------------------------------------------------------- to everything

    def rule(self, answer: str, *kinds: str) -> None:
        """Answer requests so until `clear`; no kind named means all."""
        self._soon(lambda: self._rules.update(dict.fromkeys(kinds or KINDS, answer)))

    def set_weather(self, weather: Weather) -> None:
        """Make the line bad until `clear`."""

        def act() -> None:
            self.weather = weather
            self.faults["weather"] += 1

        self._soon(act)

    def clear(self) -> None:
        """Lift rules and weather, open what is frozen."""

        def act() -> None:
            self._rules.clear()
            self.weather = Weather()
            self._clear.set()
            self._clear = asyncio.Event()
            for passage in self._passages:
                passage.up.gate.set()
                passage.down.gate.set()

        self._soon(act)

    # ------------------------------------------------ asked by the passages

    def answer_to(self, kind: str) -> str | None:
        """Return what is to become of a request; None: it passes."""
        return self._rules.get(kind)

    def take_cut(self, kind: str) -> tuple[int | None, bool]:
        """Return where a connection is to be cut."""
        if kind != "sse" or self._cut_next is None:
            return None, False
        cut, self._cut_next = self._cut_next, None
        return cut

    async def cleared(self) -> None:
        """Wait for `clear`."""
        await self._clear.wait()

    async def be_late(self) -> None:
        """Wait as jitter wants."""
        if self.weather.jitter_s:
            await asyncio.sleep(self._random.random() * self.weather.jitter_s)

    def thin_grain(self) -> int:
        """How many bytes go at once over a thin line; 0 for all."""
        return int(self.weather.bytes_per_s / 50) + 1 if self.weather.bytes_per_s else 0

    async def take_time(self, count: int) -> None:
        """Wait as long as so many bytes take."""
        if self.weather.bytes_per_s:
            await asyncio.sleep(count / self.weather.bytes_per_s)
        elif self.weather.grain:
            await asyncio.sleep(0)  # the reader shall see the pieces apart

    # ----------------------------------------------------------------- inside

    async def listen(self) -> asyncio.Server:
        """Open the port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=65536)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(_Passage(self, reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, passage: _Passage) -> None:
        self._passages.add(passage)
        try:
            await passage.run()
        finally:
            self._passages.discard(passage)

    async def close(self) -> None:
        """End every connection."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _each(self, act: Callable[[_Passage], None]) -> None:
        self._soon(lambda: [act(passage) for passage in self._passages])

    def _soon(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)


class Network:
    """Runs proxies in a thread, from entering to leaving."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self.proxies: list[FaultProxy] = []
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def proxy(self, upstream: Upstream, seed: object = 0) -> FaultProxy:
        """Open a port that leads to a gateway."""
        made = FaultProxy(self._loop, upstream, seed)
        server = asyncio.run_coroutine_threadsafe(made.listen(), self._loop).result(5)
        self.proxies.append(made)
        self._servers.append(server)
        return made

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for proxy in self.proxies:
            await proxy.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()  # transports say goodbye


KINDS = ("websocket", "sse", "polling", "other")


def _kind(head: bytes) -> str:
    lower = head.lower()
    if b"upgrade: websocket" in lower:
        return "websocket"
    if b"get /api/v1/odds/stream" in lower:
        return "sse"
    return "polling" if b"get /api/v1/odds" in lower else "other"


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
