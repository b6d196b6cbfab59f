"""The process that is judged in `test_client`: one way to take in merged frames.

- ``ours``: `protipp_stream.connect`; received, decoded, validated, checked for
  gaps, applied to the board, latency finished, listeners told. Nobody listens.
- ``json``: bare ``websockets`` and ``json.loads``; nothing is checked or kept.
- ``msgspec``: bare ``websockets`` and our decoder of frames; nothing is kept.
- ``decode``: our decoder over the same bytes in memory; no socket at all.

It connects at its start. ``read`` takes everything in and says what CPU time
that took; the frames are let loose when it has begun.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

from protipp_stream.client.connect import connect
from protipp_stream.core import wire
from protipp_stream.model import Cursor
from tests.bench.load import EPOCH
from tests.bench.processes import answer
from tests.bench.replayer import ROWS, frames

WAIT_S = 100.0
CLOCK_S = 0.7  # the client's burst of five questions for the time


class Ours:
    """Our client, as an analyst has it."""

    def __init__(self, port: int) -> None:
        self._odds = connect(f"http://127.0.0.1:{port}", "any", transport="websocket")
        time.sleep(CLOCK_S)

    def read(self, count: int) -> dict[str, Any]:
        assert self._odds.wait_until(Cursor(EPOCH, count * ROWS), WAIT_S)
        return {}

    def seen(self) -> dict[str, Any]:
        """What must be right: every update timed, the last price of each on the board."""
        delivery, board = self._odds.delivery, self._odds.board()
        assert delivery is not None
        self._odds.close()
        prices = sorted({quote.odds for quote in board.quotes if quote.odds is not None})
        return {"updates": delivery.count, "selections": len(board.quotes), "prices": prices}


class Bare:
    """`websockets` as ours uses it, and a function that decodes."""

    def __init__(self, port: int, decode: Any) -> None:
        self._decode, self._updates = decode, 0
        self._runner = asyncio.Runner()
        self._runner.run(self._connect(port))

    async def _connect(self, port: int) -> None:
        from websockets.asyncio.client import connect as connect_bare

        self._socket = await connect_bare(
            f"ws://127.0.0.1:{port}", compression=None, max_size=None, proxy=None
        )
        await self._socket.recv()
        await self._socket.recv()

    def read(self, count: int) -> dict[str, Any]:
        self._runner.run(self._read(count))
        return {}

    async def _read(self, count: int) -> None:
        for _ in range(count):
            self._updates += self._decode(await self._socket.recv())

    def seen(self) -> dict[str, Any]:
        self._runner.run(self._socket.close())
        self._runner.close()
        return {"updates": self._updates}


class Memory:
    """No socket: the frames are here."""

    def __init__(self, count: int) -> None:
        self._frames = frames(count)
        self._updates = 0

    def read(self, count: int) -> dict[str, Any]:
        self._updates += sum(_msgspec(frame) for frame in self._frames)
        return {}

    def seen(self) -> dict[str, Any]:
        return {"updates": self._updates}


def _json(data: str) -> int:
    return len(json.loads(data)["updates"])


def _msgspec(data: str | bytes) -> int:
    frame = wire.decode_server_frame(data)
    assert isinstance(frame, wire.Updates)
    return len(frame.updates)


def _reader(way: str, port: int, count: int) -> Any:
    if way == "ours":
        return Ours(port)
    if way == "decode":
        return Memory(count)
    return Bare(port, {"json": _json, "msgspec": _msgspec}[way])


async def main() -> None:
    way, port, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    reader = await asyncio.to_thread(_reader, way, port, count)

    async def read() -> dict[str, Any]:
        cpu, began = time.process_time(), time.monotonic()
        await asyncio.to_thread(reader.read, count)
        spent = {"cpu_s": time.process_time() - cpu, "elapsed_s": time.monotonic() - began}
        return spent | await asyncio.to_thread(reader.seen)

    await answer({"read": read})


if __name__ == "__main__":
    asyncio.run(main())
