"""A TCP proxy in a process of its own that resets connections when it is told to.

``cut`` resets every connection at once (SO_LINGER 0: the peer sees RST, as after
a crash or a NAT that has forgotten), and says when. ``returned`` waits until
somebody asks for odds again over a new connection, and says when that one was
accepted. Both times are CLOCK_MONOTONIC's, which the client's process shares.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from typing import Any

from tests.bench.contenders import port_of
from tests.bench.processes import answer

RESET = struct.pack("ii", 1, 0)
RETURN_S = 60.0


class Proxy:
    """Passes bytes on until it cuts."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._open: set[asyncio.StreamWriter] = set()
        self._accepted: asyncio.Queue[float] = asyncio.Queue()

    async def cut(self) -> dict[str, Any]:
        """Reset every connection."""
        while not self._accepted.empty():
            self._accepted.get_nowait()
        cut_at = time.monotonic()
        for writer in list(self._open):
            abort(writer)
        return {"at": cut_at}

    async def returned(self) -> dict[str, Any]:
        """Wait for the first connection since the cut that asks for odds."""
        async with asyncio.timeout(RETURN_S):
            return {"at": await self._accepted.get()}

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a client with the gateway."""
        accepted_at = time.monotonic()
        self._open.add(writer)
        up: asyncio.StreamWriter | None = None
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            if b" /api/v1/odds" in head:
                self._accepted.put_nowait(accepted_at)
            up_reader, up = await asyncio.open_connection("127.0.0.1", self._port)
            self._open.add(up)
            up.write(head)
            await asyncio.gather(_pump(reader, up), _pump(up_reader, writer))
        except (asyncio.IncompleteReadError, OSError):
            return  # a side has left, or was cut off
        finally:
            for side in (writer, up):
                if side is not None:
                    self._open.discard(side)
                    side.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


def abort(writer: asyncio.StreamWriter) -> None:
    """Reset a connection."""
    opened = writer.get_extra_info("socket")
    if opened is not None and opened.fileno() >= 0:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


async def main() -> None:
    proxy = Proxy(int(sys.argv[1]))
    server = await asyncio.start_server(proxy.carry, "127.0.0.1", 0)
    commands = {"cut": proxy.cut, "returned": proxy.returned}
    await answer(commands, port=port_of(server.sockets[0]))


if __name__ == "__main__":
    asyncio.run(main())
