"""The process that is judged: one contender, its pace, and its CPU time.

It sends as fast as the receivers let it, or at a rate. It never runs more than
``ahead`` updates before them: they say over a connection of their own how many
deliveries have arrived (`Credits`), so nothing is left in a buffer when the
clock is stopped, and a contender that writes without asking can't seem faster
than it is.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import Any

from tests.bench.contenders import CONTENDERS, Contender, Ours, patient, port_of
from tests.bench.processes import answer, raise_file_limit

PATIENCE_S = 60.0


class Credits(asyncio.Protocol):
    """How many deliveries the receivers have counted, eight bytes a word."""

    def __init__(self) -> None:
        self.received = 0
        self._waiting: tuple[int, asyncio.Future[None]] | None = None
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        words = self._rest + data
        whole = len(words) - len(words) % 8
        self._rest = words[whole:]
        if whole:
            self.received = int.from_bytes(words[whole - 8 : whole])
        if self._waiting is not None and self.received >= self._waiting[0]:
            self._waiting[1].set_result(None)
            self._waiting = None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._waiting is not None:
            self._waiting[1].set_exception(ConnectionError("a receiver has lost its connection"))
            self._waiting = None

    async def until(self, count: int) -> None:
        """Wait until so many have arrived."""
        if self.received >= count:
            return
        future = asyncio.get_running_loop().create_future()
        self._waiting = (count, future)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await future
        except TimeoutError:
            raise RuntimeError(f"{self.received} of {count} deliveries arrived") from None


class Sender:
    """Runs a contender at a pace."""

    def __init__(self, contender: Contender, credits_: Credits) -> None:
        self._contender = contender
        self._credits = credits_
        self._sent = 0

    async def run(
        self, subscribers: int, updates: int, burst: int, rate: float | None, ahead: int
    ) -> dict[str, Any]:
        """Send ``updates``, ``burst`` at a time, at ``rate`` a second or as fast as it goes."""
        before = self._credits.received
        cpu, began = time.process_time(), time.monotonic()
        for number in range(0, updates, burst):
            if rate is None:
                await self._credits.until(before + (number - ahead) * subscribers)
            elif (early := began + number / rate - time.monotonic()) > 0:
                await asyncio.sleep(early)
            await self._contender.emit(self._sent, burst)
            self._sent += burst
        await self._credits.until(before + updates * subscribers)
        return {"cpu_s": time.process_time() - cpu, "elapsed_s": time.monotonic() - began}


def _contender(given: argparse.Namespace) -> Any:
    if given.contender != "ours":
        return CONTENDERS[given.contender](given.transport)
    settings = patient(backlog=given.backlog, publish_after=given.publish_after)
    return Ours(given.transport, settings, given.history)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("transport", choices=["websocket", "sse"])
    parser.add_argument("--subscribers", type=int, default=0)
    parser.add_argument("--backlog", type=int, default=patient().backlog)
    parser.add_argument("--history", help="the folder of an audit trail")
    parser.add_argument("--publish-after", default="queued")
    given = parser.parse_args()
    raise_file_limit()
    contender = _contender(given)
    port = await contender.start()
    counted = Credits()
    listening = await asyncio.get_running_loop().create_server(lambda: counted, "127.0.0.1", 0)
    tokens = contender.tokens(given.subscribers) if hasattr(contender, "tokens") else []
    sender = Sender(contender, counted)
    credit_port = port_of(listening.sockets[0])
    await answer({"run": sender.run}, port=port, credit_port=credit_port, tokens=tokens)


if __name__ == "__main__":
    asyncio.run(main())
