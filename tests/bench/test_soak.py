"""Pages that stay open while others come and go: nothing grows.

In CI a minute. ``PROTIPP_SOAK_MINUTES=60 pytest tests/bench/test_soak.py`` is the
hour. Four dashboards are open the whole time, and every 15 s a visitor comes and leaves.
The browser's heap (after a collection) and nodes, and the servers' memory, are taken
again and again; the last quarter may be above the second by the bound, and no more. The
first quarter is not counted: what is cached is filled then.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from tests.bench.processes import Worker
from tests.bench.screen import resident_mb
from tests.bench.tables import Table
from tests.browser.conftest import FLAGS
from tests.browser.servers import free_port, serving, trouble_in

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MINUTES = float(os.environ.get("PROTIPP_SOAK_MINUTES", "1"))
PAGES = ("live", "arbitrage", "operations", "history")
RATE = 1_000
# Above the second quarter's median: 5 % and what a collection may leave.
HEAP_MB, NODES, SERVER_MB = 1.0, 200, 5.0
VISIT_S = 15.0


@contextmanager
def scene(chromium: str, folder: Path) -> Iterator[tuple[str, int, Worker, Any]]:
    """A gateway with a history, a server of all dashboards, and a browser."""
    from playwright.sync_api import sync_playwright

    port = free_port()
    base, trail, log = f"http://127.0.0.1:{port}", str(folder / "trail"), folder / "log"
    arguments = ["panel", "serve", *(f"dashboards/{page}.py" for page in PAGES)]
    arguments += ["--address", "127.0.0.1", "--port", str(port)]
    arguments += ["--unused-session-lifetime", "2000", "--check-unused-sessions", "500"]
    with Worker("tests.bench.board_gateway", base, trail) as gateway:
        access = {
            "PROTIPP_URL": gateway.ready["url"],
            "PROTIPP_TOKEN": gateway.ready["token"],
            "PROTIPP_HISTORY": trail,
        }
        gateway.ask("race", rate=RATE)
        with (
            serving(arguments, f"{base}/live", log, **access) as process,
            sync_playwright() as playwright,
        ):
            browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
            yield base, process.pid, gateway, browser
            browser.close()


def heap_of(page: Any) -> tuple[float, float]:
    """Return the page's heap in MB after a collection, and its nodes."""
    session = page.context.new_cdp_session(page)
    session.send("HeapProfiler.collectGarbage")
    session.send("Performance.enable")
    metrics = {m["name"]: m["value"] for m in session.send("Performance.getMetrics")["metrics"]}
    session.detach()
    return metrics["JSHeapUsedSize"] / 2**20, metrics["Nodes"]


def open_one(browser: Any, address: str) -> Any:
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    page.goto(address)
    page.locator(".panel").first.wait_for()
    return page


def grown(taken: dict[str, list[float]], table: Table) -> list[str]:
    """Write what was taken into the table; return what is above its bound."""
    found = []
    for what, values in taken.items():
        quarter = max(len(values) // 4, 1)
        before, after = median(values[quarter : 2 * quarter]), median(values[-quarter:])
        table.add(what, before, after, after / before)
        slack = HEAP_MB if "heap" in what else NODES if "nodes" in what else SERVER_MB
        if after > before * 1.05 + slack:
            found.append(f"{what}: {before:.2f} to {after:.2f}")
    return found


@pytest.mark.timeout(60 * MINUTES + 300)
def test_nothing_grows_while_pages_stay_open_and_visitors_come_and_go(
    chromium: str, tmp_path: Path, tables: list[Table]
) -> None:
    taken: dict[str, list[float]] = {}
    visitors = 0
    with scene(chromium, tmp_path) as (base, server, gateway, browser):
        pages = {name: open_one(browser, f"{base}/{name}") for name in PAGES}
        began = time.monotonic()
        while (spent := time.monotonic() - began) < 60 * MINUTES:
            for name, page in pages.items():
                heap, nodes = heap_of(page)
                taken.setdefault(f"{name} heap MB", []).append(heap)
                taken.setdefault(f"{name} nodes", []).append(nodes)
            taken.setdefault("pages' server MB", []).append(resident_mb(server))
            taken.setdefault("gateway MB", []).append(resident_mb(gateway.pid))
            open_one(browser, f"{base}/{PAGES[visitors % len(PAGES)]}").close()
            visitors += 1
            left_s = VISIT_S - (time.monotonic() - began - spent)
            pages["live"].wait_for_timeout(1000 * max(left_s, 0))
        assert [n for n, page in pages.items() if page.locator(".old").count()] == []
        sent = gateway.ask("said")["sent"]
    title = f"{MINUTES:g} min, {sent:,} updates, {visitors} visitors"
    table = Table(title, ["", "second quarter", "last quarter", "ratio"], __doc__)
    found = grown(taken, table)
    tables.append(table)
    said = trouble_in(tmp_path / "log")
    assert "Traceback" not in said, said[-3000:]
    # In a minute caches still fill: that is for a longer one to judge.
    assert not found or MINUTES < 10, found
    assert visitors >= 2
    assert sent > RATE * 30 * MINUTES
