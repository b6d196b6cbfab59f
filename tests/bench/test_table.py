"""From an update in Python to the text on the screen, over each way that it can take.

500 rows of 10 columns, of which the table draws those in sight. ``gateway``: a served page
that has its prices from the gateway; ``server``: in Bokeh's messages; ``jupyterlab``: an
anywidget; ``tabulator``: Panel's own table, patched 20 times a second, on the same page.
Generator, gateway, page server and browser share the machine's two cores.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.processes import Worker
from tests.bench.screen import Usage, measuring, watch
from tests.bench.tables import Table, quantile
from tests.browser.conftest import FLAGS
from tests.browser.servers import free_port, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

RATES = (100, 1_000, 5_000, 20_000)
WAYS = ("gateway", "server", "jupyterlab", "tabulator")
OURS = '.canvas .row[aria-rowindex="2"] .price'
THEIRS = '.tabulator-row:nth-child(2) .tabulator-cell[tabulator-field="maker_0"]'
LAB_TOKEN = "for-this-bench"


@contextmanager
def served_page(browser: Any, way: str, worker: Worker, port: int, log: Path) -> Iterator[Any]:
    arguments = ["panel", "serve", "tests/bench/pages_board.py"]
    arguments += ["--address", "127.0.0.1", "--port", str(port)]
    base = f"http://127.0.0.1:{port}/pages_board"
    access = {"PROTIPP_URL": worker.ready["url"], "PROTIPP_TOKEN": worker.ready["token"]}
    with serving(arguments, base, log, **access) as process:
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.goto(f"{base}?way={way}")
        page.locator(OURS if way != "tabulator" else THEIRS).first.wait_for()
        if way == "gateway":
            _until(lambda: worker.ask("said")["subscribers"].count("websocket") == 2, page)
        yield page, process.pid
        page.close()


@contextmanager
def lab_page(browser: Any, worker: Worker, port: int, folder: Path) -> Iterator[Any]:
    source = "import protipp_stream as ps\nodds = ps.connect()\nps.ui.OddsTable(odds, hz=60)"
    cell = {
        "cell_type": "code", "id": "board", "metadata": {}, "source": source, "outputs": [],
        "execution_count": None,
    }  # fmt: skip
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {"cells": [cell], "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "board.ipynb").write_text(json.dumps(book))
    base = f"http://127.0.0.1:{port}/lab"
    arguments = [
        *("jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
        *(f"--ServerApp.port={port}", f"--IdentityProvider.token={LAB_TOKEN}"),
        *(f"--ServerApp.root_dir={folder}", "--LabApp.news_url="),
    ]
    access = {"PROTIPP_URL": worker.ready["url"], "PROTIPP_TOKEN": worker.ready["token"]}
    ready = f"{base}?token={LAB_TOKEN}"
    with serving(arguments, ready, folder / "log", HOME=str(folder), **access) as process:
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.goto(f"{base}/tree/board.ipynb?token={LAB_TOKEN}")
        page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
        page.locator(".jp-CodeCell .cm-content").first.click()
        page.locator(".jp-CodeCell.jp-mod-active .cm-focused").wait_for()
        page.keyboard.press("Shift+Enter")
        page.locator(OURS).first.wait_for()
        page.locator(OURS).first.scroll_into_view_if_needed()
        yield page, process.pid
        page.close()


def _until(is_so: Callable[[], bool], page: Any) -> None:
    for _ in range(100):
        if is_so():
            return
        page.wait_for_timeout(100)
    raise AssertionError("it never came to that")


def measured(page: Any, worker: Worker, pid: int, rate: int, seconds: float) -> dict[str, float]:
    worker.ask("race", rate=rate)
    page.wait_for_timeout(1500)
    pids = {"server": pid, "gateway": worker.pid}
    with measuring(page, pids, browser=os.getpid()) as usage:
        page.wait_for_timeout(1000 * seconds)
    marks = worker.ask("said")["marks"]
    worker.ask("race", rate=0)
    late = lateness(usage, marks)
    assert late, "the marker was never seen: nothing was measured"
    return {
        "p50": quantile(late, 0.5), "p99": quantile(late, 0.99), "fps": usage.fps,
        "python": usage.share("server") + usage.share("gateway"), "page": usage.share("page"),
    }  # fmt: skip


def lateness(usage: Usage, marks: list[tuple[float, float]]) -> list[float]:
    """Milliseconds from each mark to its text; prices come again after 35 s at the soonest."""
    late = []
    for text, shown_at in usage.seen:
        odds = float(text) if text else 0.0  # each table writes it in its own way
        sent = [at * 1000 for said, at in marks if said == odds and at * 1000 <= shown_at]
        if sent and shown_at - sent[-1] < 20_000:
            late.append(shown_at - sent[-1])
    return late


@contextmanager
def opened(browser: Any, way: str, folder: Path) -> Iterator[tuple[Any, Worker, int]]:
    port = free_port()
    with ExitStack() as stack:
        origin = f"http://127.0.0.1:{port}"
        worker = stack.enter_context(Worker("tests.bench.board_gateway", origin))
        if way == "jupyterlab":
            page, pid = stack.enter_context(lab_page(browser, worker, port, folder))
        else:
            page, pid = stack.enter_context(served_page(browser, way, worker, port, folder / "log"))
        watch(page, THEIRS if way == "tabulator" else OURS)
        yield page, worker, pid


@pytest.mark.timeout(900)
def test_from_the_update_to_the_screen(
    chromium: str, tmp_path: Path, tables: list[Table], is_full: bool
) -> None:
    from playwright.sync_api import sync_playwright

    columns = ["changes/s, way", "p50 ms", "p99 ms", "frames/s", "Python %", "page %"]
    table = Table("From the update in Python to the text", columns, __doc__.split("\n", 2)[2])
    found: dict[tuple[int, str], dict[str, float]] = {}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for way in WAYS if is_full else WAYS[:2]:
            (folder := tmp_path / way).mkdir()
            with opened(browser, way, folder) as (page, worker, pid):
                for rate in RATES if is_full else RATES[:1]:
                    seconds = 20.0 if is_full else 2.0
                    found[rate, way] = measured(page, worker, pid, rate, seconds)
        browser.close()
    for rate, way in sorted(found):
        table.add(f"{rate:,} {way}", *found[rate, way].values())
    tables.append(table)
