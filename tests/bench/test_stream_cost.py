"""What a live stream costs a calculation that was there before it: the story allows 5 %.

The calculation runs on the main thread of a notebook's process: the arbitrage finder
over a walk of prices, or a recompute of a whole board in pandas, as one did who polled.
It is timed without a stream, and again while `LiveOdds` follows a gateway (in a process
of its own) in the background of this process and takes every update. Rounds take turns;
the ratio is taken within a round.

- *wall*: what one waits for, the other thread's part of the interpreter included.
- *CPU*: of the calculating thread alone: what the stream makes it pay in caches and
  switches.

What is usual: the recorded four days of eleven bookmakers made 0.4 updates a second, the
simulation makes 50. Above some hundred a second `max_hz` keeps the cost down.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import pytest

import protipp_stream as ps
from protipp_stream.gateway import Settings
from protipp_stream.gateway.auth import mint_token
from tests.bench.odds_walk import Walk
from tests.bench.tables import Table
from tests.bench.test_arbitrage import Ours, whole_board
from tests.faults.far_gateway import KEY, FarGateway

pytestmark = pytest.mark.timeout(600)

Times = tuple[float, float]


@contextmanager
def running(per_second: float) -> Iterator[FarGateway]:
    """A gateway that has something to say all the time, whether anybody listens or not."""
    gateway = FarGateway(0, Settings(), per_second=per_second)
    try:
        gateway.resume()
        yield gateway
    finally:
        gateway.drain()


def timed(work: Callable[[], object]) -> Times:
    gc.collect()
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    return time.perf_counter() - wall, time.thread_time() - cpu


@pytest.mark.parametrize(
    ("per_second", "max_hz"), [(50, None), (200, None), (1000, None), (1000, 10)]
)
def test_a_calculation_goes_on_beside_a_stream(
    per_second: int, max_hz: float | None, tables: list[Table], is_full: bool
) -> None:
    # Short and many: what else the machine does hits both of a pair, or neither.
    events, count, rounds = (1000, 20_000, 31) if is_full else (20, 300, 2)
    walk = Walk(events, 10, False)
    opening = walk.opening()
    updates = list(walk.updates(count))
    board = list(Ours(walk, opening).rows.values())
    calculations: dict[str, Callable[[], object]] = {
        "arbitrage, update by update": lambda: Ours(walk, opening).run(updates),
        "arbitrage, pandas over the board": lambda: [
            whole_board(board) for _ in range(2 if is_full else 1)
        ],
    }
    alone: dict[str, list[Times]] = {name: [] for name in calculations}
    beside: dict[str, list[Times]] = {name: [] for name in calculations}
    came = 0
    token = mint_token(KEY, subject="bench")
    with running(per_second) as gateway:
        for number in range(rounds):
            # Its own process works in both: on two cores that is felt, stream or not.
            for is_alone in (number % 2 == 0, number % 2 == 1):
                if is_alone:
                    for name, work in calculations.items():
                        alone[name].append(timed(work))
                    continue
                url = f"http://127.0.0.1:{gateway.port}"
                with ps.connect(url, token, max_hz=max_hz) as odds:
                    before = odds.cursor
                    for name, work in calculations.items():
                        beside[name].append(timed(work))
                    assert before is not None
                    assert odds.cursor is not None
                    came += odds.cursor.seq - before.seq
    assert came > 0

    took_s = sum(wall for times in beside.values() for wall, _ in times)
    asked = f", {max_hz} frames/s," if max_hz else ""
    table = Table(
        f"A stream of {came / took_s:,.0f} updates/s{asked} beside a calculation ({rounds} rounds)",
        ["", "s alone", "s beside", "wall", "CPU"],
        "The story allows 1.05.",
    )
    for name in calculations:
        pairs = list(zip(alone[name], beside[name], strict=True))
        table.add(
            name,
            median(wall for wall, _ in alone[name]),
            median(wall for wall, _ in beside[name]),
            median(b[0] / a[0] for a, b in pairs),
            median(b[1] / a[1] for a, b in pairs),
        )
    tables.append(table)
