"""What a live stream costs a calculation that was there before it: the story allows 5 %.

The calculation runs on the main thread of a notebook's process: the arbitrage finder
over a walk of prices, or a recompute of a whole board in pandas, as one did who polled.
It is timed without a stream, and again while `LiveOdds` follows a gateway (in a process
of its own) in the background of this process and takes every update. Rounds take turns;
the ratio is taken within a round.

- *wall*: what one waits for, the other thread's part of the interpreter included.
- *CPU*: of the calculating thread alone: what the stream makes it pay in caches and
  switches.

The stream is a floor's and a busy evening's: a recorded day of eleven bookmakers makes
1.5 updates a second, the gateway's simulation 50.
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
def attached(per_second: float) -> Iterator[Callable[[], int]]:
    """Follow a gateway in the background; gives how many updates have come."""
    gateway = FarGateway(0, Settings(), per_second=per_second)
    try:
        token = mint_token(KEY, subject="bench")
        with ps.connect(f"http://127.0.0.1:{gateway.port}", token) as odds:
            gateway.resume()
            yield lambda: odds.cursor.seq if odds.cursor else 0
    finally:
        gateway.drain()


def timed(work: Callable[[], object]) -> Times:
    gc.collect()
    wall, cpu = time.perf_counter(), time.thread_time()
    work()
    return time.perf_counter() - wall, time.thread_time() - cpu


@pytest.mark.parametrize("per_second", [50, 200, 1000])
def test_a_calculation_goes_on_beside_a_stream(
    per_second: int, tables: list[Table], is_full: bool
) -> None:
    events, count, rounds = (1000, 100_000, 7) if is_full else (20, 300, 1)
    walk = Walk(events, 10, False)
    opening = walk.opening()
    updates = list(walk.updates(count))
    board = list(Ours(walk, opening).rows.values())
    calculations: dict[str, Callable[[], object]] = {
        "arbitrage, update by update": lambda: Ours(walk, opening).run(updates),
        "arbitrage, pandas over the board": lambda: [
            whole_board(board) for _ in range(20 if is_full else 1)
        ],
    }
    alone: dict[str, list[Times]] = {name: [] for name in calculations}
    beside: dict[str, list[Times]] = {name: [] for name in calculations}
    came = 0
    for _ in range(rounds):
        for name, work in calculations.items():
            alone[name].append(timed(work))
        with attached(per_second) as seen:
            while not seen():
                time.sleep(0.01)
            before = seen()
            for name, work in calculations.items():
                beside[name].append(timed(work))
            came += seen() - before
    assert came > 0

    took_s = sum(wall for times in beside.values() for wall, _ in times)
    table = Table(
        f"A stream of {came / took_s:,.0f} updates/s beside a calculation ({rounds} rounds)",
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
