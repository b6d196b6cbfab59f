"""How many updates a second a client takes, a core: ``python -m tests.bench.client_hot_path``.

A server in another process sends merged frames over a real WebSocket as fast as they
are read. CPU time of this process counts, by itself: on a busy machine caches are
cold, so the best of all stretches is told beside the median. Then the stages
one by one, in this process, each at its best of ten rounds.
"""

from __future__ import annotations

import asyncio
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise

from websockets.asyncio.server import ServerConnection, serve

import protipp_stream as ps
from protipp_stream.client.applier import Applier
from protipp_stream.client.arrival import Received, now
from protipp_stream.client.decoding import decode
from protipp_stream.client.listeners import Listeners
from protipp_stream.core import wire
from protipp_stream.core.book import Book
from protipp_stream.core.latency import ClockOffset
from protipp_stream.core.mirror import Mirror
from protipp_stream.core.sequence import seqs_of
from protipp_stream.model import Cursor, Quote

ROWS, FRAMES, BATCH = 500, 2000, 25
Frame = tuple[Cursor, Cursor, list[bytes]]


def day() -> tuple[Cursor, bytes, list[Frame]]:
    """Return a board of 8,000 prices and frames that change them, 25 a batch."""
    chance = random.Random(1)
    book = Book("a1b2c3d4e5f6")
    events = [f"{chance.getrandbits(128):032x}" for _ in range(100)]
    selections = [
        (f"bookmaker_{maker}", event, market, outcome)
        for maker in range(20)
        for event in events
        for market in ("h2h", "totals@7.5")
        for outcome in ("Philadelphia Phillies", "Washington Nationals")
    ]
    book.apply([Quote(*each, 2.0) for each in selections], datetime.now(UTC))
    begin = book.cursor
    snapshot = wire.encode(wire.Snapshot(str(begin), book.quotes(), []))
    frames: list[Frame] = []
    for _ in range(FRAMES):
        prev, rows = book.cursor, []
        for _ in range(ROWS // BATCH):
            drawn = chance.sample(selections, BATCH)
            quotes = [Quote(*each, 1.01 + chance.random() * 9, datetime.now(UTC)) for each in drawn]
            rows += wire.encode_updates(book.apply(quotes, datetime.now(UTC), 0.123))
        frames.append((prev, book.cursor, rows))
    return begin, snapshot, frames


async def send_day() -> None:
    begin, snapshot, frames = day()

    async def answer_pings(socket: ServerConnection) -> None:
        async for message in socket:
            ping, at = json.loads(message), time.time()
            pong = wire.Pong(ping["id"], ping["t0"], at, at)
            await socket.send(wire.encode(pong).decode())

    async def answer(socket: ServerConnection) -> None:
        connected = wire.Connected("bench", str(begin), "snapshot", 30.0, None)
        await socket.send(wire.encode(connected).decode())
        await socket.send(snapshot.decode())
        pongs = asyncio.create_task(answer_pings(socket))
        await asyncio.sleep(1.0)  # until the clock is known: the client completes latency
        for prev, cursor, rows in frames:
            frame = wire.updates_frame(prev, cursor, rows, datetime.now(UTC))
            await socket.send(frame.decode())
        await asyncio.gather(pongs, return_exceptions=True)

    async with serve(answer, "127.0.0.1", 0, compression=None) as server:
        print(next(iter(server.sockets)).getsockname()[1], frames[-1][1], flush=True)  # noqa: T201
        await asyncio.Future()


def over_a_websocket() -> None:
    command = [sys.executable, "-m", "tests.bench.client_hot_path", "serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        port, last = server.stdout.readline().split()
        end = Cursor.parse(last)
        assert end is not None
        with ps.connect(f"http://127.0.0.1:{port}", "none", transport="websocket") as odds:
            begin = seq_of(odds)
            while seq_of(odds) == begin:
                time.sleep(0.001)
            seen = [(seq_of(odds), time.process_time())]
            while seen[-1][0] < end.seq:
                # Seldom: each look takes the interpreter away from the client's thread.
                time.sleep(0.2)
                if seq_of(odds) > seen[-1][0]:
                    seen.append((seq_of(odds), time.process_time()))
            latency = odds.latency()
        server.terminate()
    rates = sorted((b[0] - a[0]) / (b[1] - a[1]) for a, b in pairwise(seen))
    say(f"over a WebSocket: median {rates[len(rates) // 2]:,.0f} updates/s a core, ")
    say(f"best {rates[-1]:,.0f}\n{latency}\n")


def seq_of(odds: ps.LiveOdds) -> int:
    cursor = odds.cursor
    return cursor.seq if cursor else 0


def stages() -> None:
    begin, _, frames = day()
    frames = frames[:200]
    data = [wire.updates_frame(*frame, datetime.now(UTC)) for frame in frames]
    decoded = [decode(each) for each in data]
    updates = [frame for frame in decoded if isinstance(frame, wire.Updates)]

    def each_of(decoder: Callable[[bytes], object]) -> None:
        for each in data:
            decoder(each)

    def apply() -> None:
        mirror = Mirror()
        mirror.cursor = begin
        for (prev, cursor, _), frame in zip(frames, updates, strict=True):
            mirror.apply(prev, cursor, frame.updates)

    def all_of_it() -> None:
        applier = Applier(begin, Listeners(*3 * [lambda _: None]))
        clock, here = ClockOffset(), now()
        clock.add(here - 1e-4, time.time(), time.time(), here + 1e-4)
        applier.use(clock)
        for each in data:
            applier.take(Received(decode(each), now()))

    measure("decode, strictly", lambda: each_of(wire.decode_server_frame))
    measure("decode", lambda: each_of(decode))
    measure("check ids", lambda: [
        seqs_of(frame.updates, prev, cursor)
        for (prev, cursor, _), frame in zip(frames, updates, strict=True)
    ])  # fmt: skip
    measure("apply to the board, ids included", apply)
    measure("decode, apply, time, hand on", all_of_it)


def measure(name: str, run: Callable[[], object]) -> None:
    best = min(_cpu_s(run) for _ in range(10)) / (200 * ROWS)
    say(f"{name:34}{best * 1e6:6.2f} µs an update {1 / best:12,.0f}/s\n")


def _cpu_s(run: Callable[[], object]) -> float:
    began = time.process_time()
    run()
    return time.process_time() - began


def say(text: str) -> None:
    print(text, end="", flush=True)  # noqa: T201


if __name__ == "__main__":
    if sys.argv[1:] == ["serve"]:
        asyncio.run(send_day())
    else:
        over_a_websocket()
        stages()
