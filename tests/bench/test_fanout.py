"""Fan-out: what a delivery costs the server, and how late it is.

A *delivery* is one update to one subscriber. Server and receivers are a process
each (`server`, `receivers`); a contender's CPU time is that of its process
between the first hand-in and the last arrival, all that it does for an update
included, divided by the deliveries.

- *200 a second*: one update a frame, at a rate that all of them can hold. The
  latency is from hand-in to read, over eight of the subscribers.
- *saturated*: as fast as the receivers let it, one update a frame. The latency
  is then mostly that of the queue, and only shown.
- *merged*: 100 updates that arrived in one read are handed in at once, over and
  over: the gateway gets 100 batches and may put them into one frame; the others
  are handed one frame of 100 rows.

A contender that merges although it was handed one update at a time shows it in
*rows/frame*, and is not comparable in that line.
"""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from statistics import median

import pytest

from tests.bench.fanout import Case, Fanout, Round
from tests.bench.tables import Table, ratio

pytestmark = pytest.mark.timeout(1200)

ROUNDS = 3
COLUMNS = [
    "", "µs CPU/delivery", "floor = 1", "deliveries/s", "p50 ms", "p99 ms", "bytes/update",
    "rows/frame",
]  # fmt: skip
NAMES = {
    "ours": "protipp_stream",
    "floor": "bare asyncio (floor)",
    "websockets": "websockets.broadcast",
    "socketio": "python-socketio",
}
FULL = [
    Case("200 subscribers, 200 updates/s", 200, 600, rate=200.0),
    Case("100 subscribers, saturated", 100, 800),
    Case("100 subscribers, merged", 100, 5000, burst=100),
    Case("1,000 subscribers, saturated", 1000, 100),
    Case("1,000 subscribers, merged", 1000, 1000, burst=100),
]
TINY = [
    Case("20 subscribers, 200 updates/s", 20, 40, rate=200.0),
    Case("20 subscribers, merged", 20, 400, burst=100),
]


@pytest.mark.parametrize("transport", ["websocket", "sse"])
def test_every_update_reaches_everyone_and_its_cost_is_known(
    transport: str, tables: list[Table], is_full: bool
) -> None:
    contenders = ["floor", "ours"]
    if is_full and transport == "websocket":
        contenders += ["websockets", *(["socketio"] if find_spec("socketio") else [])]
    for case in FULL if is_full else TINY:
        rounds = _rounds(contenders, transport, case, ROUNDS if is_full else 1)
        table = Table(f"Fan-out over {transport}: {case.title}", COLUMNS)
        cpu = {name: [r.cpu_us for r in rounds[name]] for name in contenders}
        for name in contenders:
            table.add(*_row(NAMES[name], rounds[name], ratio(cpu, name, "floor")))
        if is_full and transport == "websocket" and "socketio" not in contenders:
            table.add(NAMES["socketio"], "not installed", *[None] * 6)
        tables.append(table)
        ours, floor = rounds["ours"][-1], rounds["floor"][-1]
        if ours.rows_a_frame == floor.rows_a_frame:
            # As many frames: then the floor writes what we write, but for a digit.
            assert ours.bytes_each == pytest.approx(floor.bytes_each, rel=0.01)


def test_what_an_update_costs_before_anybody_receives_it(
    tables: list[Table], is_full: bool
) -> None:
    table = Table(
        "An update that nobody receives: checked, booked, encoded, kept",
        ["", "µs CPU/update"],
        "Part of every figure above, divided there by the number of subscribers.",
    )
    with Fanout("ours", "websocket", 0) as fanout:
        for burst in (1, 100):
            costs = [fanout.alone(5000 if is_full else 200, burst) for _ in range(ROUNDS)]
            table.add(f"{burst} at once", median(costs))
    tables.append(table)


def _rounds(
    contenders: list[str], transport: str, case: Case, count: int
) -> dict[str, list[Round]]:
    """Let the contenders take turns; the first turn of each is a warm-up."""
    made: dict[str, Fanout] = {}
    found: dict[str, list[Round]] = {name: [] for name in contenders}
    try:
        for name in contenders:
            made[name] = Fanout(name, transport, case.subscribers)
            made[name].measure(replace(case, updates=max(case.updates // 5, case.burst)))
        for _ in range(count):
            for name in contenders:
                found[name].append(made[name].measure(case))
    finally:
        for fanout in made.values():
            fanout.__exit__()
    return found


def _row(name: str, rounds: list[Round], against: float) -> list[str | float]:
    def middle(field: str) -> float:
        return median(getattr(r, field) for r in rounds)

    fields = ["deliveries_s", "p50_ms", "p99_ms", "bytes_each", "rows_a_frame"]
    return [name, middle("cpu_us"), against, *map(middle, fields)]
