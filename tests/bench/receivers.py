"""The process that receives: raw sockets that count, so that it is no bottleneck.

A receiver decodes nothing. It counts the mark that stands once in every update
(`load.ROW_MARK`), over the seams between reads too, and looks at the heads of
WebSocket frames only to answer pings. A few of them, spread evenly
over the connections, keep what they read and when; after the run the stamps in
it are compared with those times: that is the latency, from the hand-in at the
sender to the read of the last byte of that stamp.
"""

from __future__ import annotations

import asyncio
import socket
import time
from bisect import bisect_left
from collections.abc import Callable
from itertools import accumulate
from typing import Any

from tests.bench.load import FRAME_MARK, ROW_MARK, STAMP, seconds_of
from tests.bench.processes import answer, raise_file_limit
from tests.bench.tables import quantile

CREDIT_EVERY_S = 0.005
AT_ONCE = 50
OPEN_S = 30.0
SETTLE_S = 0.3  # the ends of the snapshots come in

_PATHS = {
    "websocket": "/api/v1/odds/realtime",
    "sse": "/api/v1/odds/stream",
    "socketio": "/socket.io/?EIO=4&transport=websocket",
}
# When a connection counts as open: what the server says last at its beginning.
_OPEN = {"ours": b'"type":"snapshot"', "socketio": b"40{"}
_SOCKETIO_CONNECT = b"\x81\x82\0\0\0\x0040"  # a masked "40" (RFC 6455, 5.3)


def request(contender: str, transport: str, port: int, token: str | None) -> bytes:
    """Return what a subscriber asks for."""
    lines = [
        f"GET {_PATHS['socketio' if contender == 'socketio' else transport]} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
    ]
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    if transport == "websocket":
        lines += [
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        ]
    return "\r\n".join([*lines, "", ""]).encode()


class Pings:
    """Finds the pings among a server's frames; all else is skipped unread."""

    def __init__(self) -> None:
        self._skip = 0
        self._rest = b""

    def pongs(self, data: bytes) -> bytes:
        """Return the answers to the pings in the next bytes of the stream."""
        if self._rest:
            data, self._rest = self._rest + data, b""
        at, end, answers = self._skip, len(data), b""
        while at < end:
            size = data[at + 1] & 0x7F if at + 1 < end else 127
            head = {126: 4, 127: 10}.get(size, 2)
            if at + head > end:
                self._rest = data[at:]
                self._skip = 0
                return answers
            if size >= 126:
                size = int.from_bytes(data[at + 2 : at + head])
            if data[at] == 0x89 and at + head + size <= end:
                payload = data[at + head : at + head + size]
                answers += bytes((0x8A, 0x80 | size, 0, 0, 0, 0)) + payload
            at += head + size
        self._skip = at - end
        return answers


class Receiver(asyncio.Protocol):
    """One subscriber."""

    def __init__(
        self,
        asks: bytes,
        contender: str,
        is_sampled: bool,
        tell: Callable[[int], None],
        lost: Callable[[], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = loop.create_future()
        self.is_sampled = is_sampled
        self._asks = asks
        self._contender = contender
        self._tell = tell
        self._lost = lost
        self._head = b""
        self._pings = Pings() if b"Upgrade: websocket" in asks else None
        self.begin()

    def begin(self) -> None:
        """Count from zero."""
        self.rows = 0
        self.bytes = 0
        self.arrivals: list[float] = []
        self.chunks: list[bytes] = []
        self._tail = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(self._asks)

    def data_received(self, data: bytes) -> None:
        if not self.opened.done():
            self._open(data)
            return
        if self.is_sampled:
            self.arrivals.append(time.monotonic())
            self.chunks.append(data)
        edge = len(ROW_MARK) - 1
        rows = data.count(ROW_MARK) + (self._tail + data[:edge]).count(ROW_MARK)
        self._tail = data[-edge:] if len(data) >= edge else (self._tail + data)[-edge:]
        self.rows += rows
        self.bytes += len(data)
        self._tell(rows)
        if self._pings is not None and (pongs := self._pings.pongs(data)):
            self._transport.write(pongs)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.opened.done():
            self._lost()
        else:
            said = self._head[:300].decode(errors="replace")
            self.opened.set_exception(ConnectionError(f"not let in: {said!r} {exc}"))

    def _open(self, data: bytes) -> None:
        self._head += data
        if self._contender == "socketio" and b"0{" in data and b"40{" not in self._head:
            self._transport.write(_SOCKETIO_CONNECT)
        if _OPEN.get(self._contender, b"\r\n\r\n") in self._head:
            self.opened.set_result(None)
            if self._pings is not None:
                self._pings.pongs(self._head.partition(b"\r\n\r\n")[2])

    def frames(self) -> int:
        """How many frames came; of a sampled one."""
        return b"".join(self.chunks).count(FRAME_MARK)

    def latencies(self) -> list[float]:
        """Seconds from hand-in to read, an update each; of a sampled one."""
        ends = list(accumulate(map(len, self.chunks)))
        return [
            self.arrivals[bisect_left(ends, found.end())] - seconds_of(found[1])
            for found in STAMP.finditer(b"".join(self.chunks))
        ]


class SlowReader:
    """A subscriber that reads ``share`` of what the others read, a little at a time."""

    def __init__(self, asks: bytes, port: int, share: float, pace: Callable[[], float]) -> None:
        self._socket = socket.socket()
        # As small as Linux lets it be, or its buffer would read for it.
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect(("127.0.0.1", port))
        self._socket.sendall(asks)
        self._socket.setblocking(False)
        self._share, self._pace = share, pace
        self.bytes = 0
        self.end: str | None = None
        self._task = asyncio.create_task(self._read())

    async def _read(self) -> None:
        while self.end is None:
            await asyncio.sleep(0.1)
            due = int(self._pace() * self._share) - self.bytes
            try:
                data = self._socket.recv(due) if due > 0 else None
            except BlockingIOError:
                continue
            except OSError as error:
                self.end = str(error)
                return
            if data == b"":
                self.end = "closed by the gateway"
            self.bytes += len(data or b"")


class Load:
    """All receivers of one contender."""

    def __init__(self) -> None:
        self._receivers: list[Receiver] = []
        self._slow: SlowReader | None = None
        self._total = self._told = 0
        self._credit: asyncio.Transport | None = None

    async def open(
        self,
        contender: str,
        transport: str,
        port: int,
        credit_port: int,
        tokens: list[str],
        subscribers: int,
        sampled: int,
    ) -> dict[str, Any]:
        """Connect everyone; return when all have been let in."""
        loop = asyncio.get_running_loop()
        self._credit, _ = await loop.create_connection(asyncio.Protocol, "127.0.0.1", credit_port)
        every = max(subscribers // sampled, 1)
        for first in range(0, subscribers, AT_ONCE):
            batch = []
            for number in range(first, min(first + AT_ONCE, subscribers)):
                token = tokens[number] if tokens else None
                asks = request(contender, transport, port, token)
                is_sampled = number % every == every - 1
                receiver = Receiver(asks, contender, is_sampled, self._count, self._lost)
                await loop.create_connection(lambda made=receiver: made, "127.0.0.1", port)
                batch.append(receiver)
            async with asyncio.timeout(OPEN_S):
                await asyncio.gather(*(receiver.opened for receiver in batch))
            self._receivers += batch
        self._crediting = asyncio.create_task(self._keep_crediting())
        await asyncio.sleep(SETTLE_S)
        return {}

    async def slow(self, transport: str, port: int, token: str, share: float) -> dict[str, Any]:
        """Add a subscriber that hardly reads."""
        asks = request("ours", transport, port, token)
        self._slow = SlowReader(asks, port, share, lambda: self._receivers[0].bytes)
        return {}

    async def begin(self) -> dict[str, Any]:
        """Count from zero."""
        for receiver in self._receivers:
            receiver.begin()
        return {}

    async def end(self) -> dict[str, Any]:
        """Say what has arrived since `begin`."""
        sampled = [receiver for receiver in self._receivers if receiver.is_sampled]
        latencies = [seconds for receiver in sampled for seconds in receiver.latencies()]
        rows = [receiver.rows for receiver in self._receivers]
        return {
            "fewest": min(rows),
            "most": max(rows),
            "bytes": sum(receiver.bytes for receiver in self._receivers),
            "frames": sum(r.frames() for r in sampled) / max(len(sampled), 1),
            "measured": len(latencies),
            "p50_ms": quantile(latencies, 0.5) * 1000,
            "p99_ms": quantile(latencies, 0.99) * 1000,
            "max_ms": max(latencies) * 1000,
            "slow_bytes": self._slow.bytes if self._slow else None,
            "slow_end": self._slow.end if self._slow else None,
        }

    def _count(self, rows: int) -> None:
        self._total += rows

    def _lost(self) -> None:
        # The sender waits for what can't arrive any more: tell it.
        assert self._credit is not None
        self._credit.close()

    async def _keep_crediting(self) -> None:
        assert self._credit is not None
        while True:
            await asyncio.sleep(CREDIT_EVERY_S)
            if self._total != self._told:
                self._told = self._total
                self._credit.write(self._told.to_bytes(8))


async def main() -> None:
    raise_file_limit()
    load = Load()
    await answer({"open": load.open, "slow": load.slow, "begin": load.begin, "end": load.end})


if __name__ == "__main__":
    asyncio.run(main())
