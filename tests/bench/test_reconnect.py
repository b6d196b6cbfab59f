"""Coming back: from a killed connection to a board that is level again.

Gateway, proxy (`proxy`) and client are three processes; 100 updates a second
arrive. Each sample is a client of its own that is level and then loses every
connection by RST, so each waits for its first retry (1 s ± 20 %), not for the
fourth. Three moments, on one clock:

- *cut*: the proxy resets the connections.
- *asked*: the proxy accepts the connection over which the odds are asked for
  again. From the cut until here it is mostly the backoff, on purpose.
- *level*: the client hands out the last update that was handed to the gateway
  before *asked*: from there on it is as fresh as if nothing had happened. All
  that it missed came before, none twice and none left out, which is asserted.

A polling client between two polls has an idle connection: it learns of the cut
with its next poll and opens another one without a backoff.
"""

from __future__ import annotations

import time
from datetime import datetime

import pytest

from protipp_stream.client.connect import connect
from tests.bench.load import seconds_of
from tests.bench.processes import Worker
from tests.bench.tables import Table, quantile

pytestmark = pytest.mark.timeout(900)

RATE = 100.0
# Uneven, so that cuts meet a polling client at every point of its interval.
LEVEL_S = (0.8, 1.1, 1.4, 1.7, 2.0)


def test_a_client_comes_back_with_nothing_missing(tables: list[Table], is_full: bool) -> None:
    samples = 25 if is_full else 1
    transports = ("websocket", "sse", "polling") if is_full else ("websocket",)
    table = Table(
        f"Reconnecting after an RST, n = {samples} each",
        ["", "total p50 ms", "p99 ms", "wait p50 ms", "p99 ms", "resume p50 ms", "p99 ms"],
        "wait: cut to asked, the backoff of 1 s ± 20 % in it; resume: asked to level.",
    )
    with Worker("tests.bench.pacer", str(RATE)) as gateway:
        port = str(gateway.ready["port"])
        with Worker("tests.bench.proxy", port) as proxy:
            url = f"http://127.0.0.1:{proxy.ready['port']}"
            for transport in transports:
                found = [
                    _sample(url, gateway.ready["token"], transport, proxy, LEVEL_S[number % 5])
                    for number in range(samples)
                ]
                waits, resumes = [wait for wait, _ in found], [resume for _, resume in found]
                totals = [wait + resume for wait, resume in found]
                figures = (
                    quantile(values, q) for values in (totals, waits, resumes) for q in (0.5, 0.99)
                )
                table.add(transport, *figures)
    tables.append(table)


def _sample(
    url: str, token: str, transport: str, proxy: Worker, level_s: float
) -> tuple[float, float]:
    """Cut a client off once; return its wait and its resume, in ms."""
    with connect(url, token, transport=transport) as odds:
        updates = odds.stream(on_gap="raise")
        time.sleep(level_s)
        cut_at = proxy.ask("cut")["at"]
        asked_at = proxy.ask("returned")["at"]
        last, level_at = None, asked_at
        while True:
            update = updates.next(timeout=60)
            now = time.monotonic()
            assert update is not None, "no update within a minute"
            assert last is None or update.seq == last + 1
            last = update.seq
            assert update.source_timestamp is not None
            if _handed_in(update.source_timestamp) >= asked_at:
                break
            level_at = now
    return (asked_at - cut_at) * 1000, (level_at - asked_at) * 1000


def _handed_in(stamp: datetime) -> float:
    return seconds_of(stamp.isoformat().encode())
