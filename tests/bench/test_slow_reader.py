"""A subscriber that reads 1 % of its data: what it costs the others, and the gateway.

4,000 updates a second, 20 at a time, go to 50 subscribers over the gateway's
WebSocket; the slow one has the smallest receive buffer that Linux allows. The
others' latency is from hand-in to read, over eight of them. Each round has a new
gateway, once without and once with the slow one, in turns.

The memory is the gateway process's resident memory, when everyone is connected
and after the last update. Its backlog is 10,000 updates: the slow one falls out
of it and must be conflated (or sent away) instead of being waited for; what
became of it is in the table.
"""

from __future__ import annotations

from statistics import median
from typing import Any

import pytest

from tests.bench.processes import Worker
from tests.bench.tables import Table, ratio

pytestmark = pytest.mark.timeout(600)

RATE, BURST, SHARE = 4000.0, 20, 0.01


def test_the_others_do_not_notice_a_slow_reader(tables: list[Table], is_full: bool) -> None:
    subscribers, seconds, rounds = (50, 12, 3) if is_full else (5, 1, 1)
    names = {False: "without", True: "with a slow one"}
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in names.values()}
    for _ in range(rounds):
        for has_slow, name in names.items():
            found[name].append(_round(subscribers, seconds, has_slow))

    p99 = {name: [r["p99_ms"] for r in rows] for name, rows in found.items()}
    table = Table(
        f"Slow reader: {subscribers} others, {RATE:,.0f} updates/s, {seconds} s",
        [
            "",
            "p50 ms",
            "p99 ms",
            "without = 1",
            "RSS before MB",
            "after MB",
            "read by it",
            "and it is",
        ],
    )
    for name, rows in found.items():
        read = median(r["slow_bytes"] / r["bytes_each"] for r in rows) if rows[0]["slow"] else None
        table.add(
            name,
            median(r["p50_ms"] for r in rows),
            median(p99[name]),
            ratio(p99, name, "without"),
            median(r["before_mb"] for r in rows),
            median(r["after_mb"] for r in rows),
            None if read is None else f"{read:.1%}",
            rows[-1]["slow_end"] or ("still connected" if rows[-1]["slow"] else None),
        )
    tables.append(table)


def _round(subscribers: int, seconds: int, has_slow: bool) -> dict[str, Any]:
    updates = int(RATE * seconds)
    options = ("ours", "websocket", "--subscribers", str(subscribers + 1), "--backlog", "10000")
    with Worker("tests.bench.server", *options) as server, Worker("tests.bench.receivers") as load:
        ready = server.ready
        load.ask(
            "open", contender="ours", transport="websocket", subscribers=subscribers, sampled=8,
            **ready,
        )  # fmt: skip
        load.ask("begin")
        if has_slow:
            token = ready["tokens"][-1]
            load.ask("slow", transport="websocket", port=ready["port"], token=token, share=SHARE)
        before_mb = server.resident_mb()
        server.ask(
            "run", subscribers=subscribers, updates=updates, burst=BURST, rate=RATE, ahead=BURST
        )
        after_mb = server.resident_mb()
        got = load.ask("end")
    assert (got["fewest"], got["most"]) == (updates, updates)
    if has_slow and seconds > 5:
        assert 0 < got["slow_bytes"] < 3 * SHARE * got["bytes"] / subscribers
    return got | {
        "slow": has_slow,
        "before_mb": before_mb,
        "after_mb": after_mb,
        "bytes_each": got["bytes"] / subscribers,
    }
