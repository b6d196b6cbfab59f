"""The client: how many updates one core receives, decodes and applies.

A process of its own (`replayer`) writes prebuilt WebSocket frames of 500 updates
as fast as they are read; another (`reader`) reads them in one of four ways. The
CPU time is that of the reading process, from just before the first frame until
the last update has been taken in; *updates/s a core* is its reciprocal.

The floor is msgspec alone: the same bytes decoded and validated in memory, with
no socket. Every way must have seen every update; ours must have timed each of
them and must show the last price of every selection.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from tests.bench.processes import Worker
from tests.bench.tables import Table, ratio

pytestmark = pytest.mark.timeout(600)

ROWS = 500
WAYS = {
    "decode": "msgspec decode alone, in memory (floor)",
    "msgspec": "websockets + msgspec decode",
    "json": "websockets + json.loads",
    "ours": "protipp_stream: decoded, checked, applied, timed",
}


def test_every_update_is_applied_and_its_cost_is_known(tables: list[Table], is_full: bool) -> None:
    # An odd number of frames: the last one leaves other prices than the snapshot.
    frames, rounds = (401, 5) if is_full else (5, 1)
    updates = frames * ROWS
    spent: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    with Worker("tests.bench.replayer", str(frames)) as replayer:
        for _ in range(rounds):
            for way in WAYS:
                spent[way].append(_read(replayer, way, frames))
    for way in WAYS:
        assert [round_["updates"] for round_ in spent[way]] == [updates] * rounds
    assert all(r["selections"] == 500 and r["prices"] == [2.01] for r in spent["ours"])

    cpu_us = {way: [r["cpu_s"] / updates * 1e6 for r in spent[way]] for way in WAYS}
    table = Table(
        f"Client: {updates:,} updates in frames of {ROWS} over a WebSocket of this machine",
        ["", "µs CPU/update", "floor = 1", "updates/s a core", "updates/s seen"],
    )
    for way, name in WAYS.items():
        cost = median(cpu_us[way])
        seen = median(updates / r["elapsed_s"] for r in spent[way])
        table.add(name, cost, ratio(cpu_us, way, "decode"), 1e6 / cost, seen)
    tables.append(table)


def _read(replayer: Worker, way: str, frames: int) -> dict[str, Any]:
    with Worker("tests.bench.reader", way, str(replayer.ready["port"]), str(frames)) as reader:
        reader.tell("read")
        if way != "decode":
            replayer.ask("go")
        return reader.hear()
