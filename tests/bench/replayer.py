"""A gateway's WebSocket that replays prebuilt frames as fast as they are read.

It says ``connected`` and a snapshot of all selections, answers pings for the
time, and waits for ``go``: then ``frames`` frames of 500 updates leave, written
to the transport as bytes that were framed before. It is the same process for
whoever reads, so what differs is the reader.
"""

from __future__ import annotations

import asyncio
import sys
import time
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from protipp_stream.core import wire
from tests.bench.contenders import port_of
from tests.bench.load import EPOCH, EVENTS, OPENING, frame_of, updates, websocket_framed
from tests.bench.processes import answer

ROWS = 500
WAITING_BYTES = 4 * 1024 * 1024


def frames(count: int) -> list[bytes]:
    """Return the frames that are replayed, in order, without their WebSocket heads."""
    return [frame_of(updates(first, ROWS), first) for first in range(0, count * ROWS, ROWS)]


class Replayer:
    """Serves one reader at a time."""

    def __init__(self, count: int) -> None:
        self._bytes = [websocket_framed(frame) for frame in frames(count)]
        self._reader: ServerConnection | None = None

    async def handle(self, socket: ServerConnection) -> None:
        """Introduce ourselves, then answer pings until the reader leaves."""
        self._reader = socket
        cursor = f"{EPOCH}:0"
        connected = wire.Connected("replayer", cursor, "snapshot", 60.0, 3600.0)
        await socket.send(wire.encode(connected).decode())
        await socket.send(wire.encode(wire.Snapshot(cursor, OPENING, EVENTS)).decode())
        try:
            async for message in socket:
                asked, now = wire.decode_client_frame(message), time.time()
                if isinstance(asked, wire.Ping):
                    pong = wire.Pong(asked.id, asked.t0, now, now)
                    await socket.send(wire.encode(pong).decode())
        except ConnectionClosed:
            return  # a reader of a benchmark closes as it likes

    async def go(self) -> dict[str, Any]:
        """Replay everything to the reader that is here."""
        assert self._reader is not None
        transport = self._reader.transport
        for data in self._bytes:
            # A transport says no more of its buffer than how full it is.
            while transport.get_write_buffer_size() > WAITING_BYTES:  # noqa: ASYNC110
                await asyncio.sleep(0.001)
            transport.write(data)
        return {}


async def main() -> None:
    replayer = Replayer(int(sys.argv[1]))
    async with serve(
        replayer.handle, "127.0.0.1", 0, compression=None, ping_interval=None
    ) as server:
        port = port_of(next(iter(server.sockets)))
        await answer({"go": replayer.go}, port=port)


if __name__ == "__main__":
    asyncio.run(main())
