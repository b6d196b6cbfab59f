"""What viewers of one page server cost: 25 real tabs on a board of 5,000 changes a second.

``socket``: their prices come from the gateway, encoded once for all; ``server``: in
Bokeh's messages, for comparison. CPU in per cent of a core, of the page server and the
gateway; *nobody* is the same with no viewer. The browser has what is left of the machine.
"""

from __future__ import annotations

import os
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.bench.processes import Worker
from tests.bench.screen import measuring, resident_mb
from tests.bench.tables import Table
from tests.browser.conftest import FLAGS
from tests.browser.servers import free_port, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CELL = ".canvas .price"
SERVE = ["tests/bench/pages_board.py", "tests/bench/pages_census.py"]


class Scene:
    """A gateway, a page server and a browser."""

    def __init__(self, stack: ExitStack, chromium: str, folder: Path, rate: int) -> None:
        from playwright.sync_api import sync_playwright

        port = free_port()
        self.base = f"http://127.0.0.1:{port}"
        self.gateway = stack.enter_context(Worker("tests.bench.board_gateway", self.base))
        access = self.gateway.ready
        arguments = ["panel", "serve", *SERVE, "--address", "127.0.0.1", "--port", str(port)]
        arguments += ["--unused-session-lifetime", "2000", "--check-unused-sessions", "500"]
        environment = {"PROTIPP_URL": access["url"], "PROTIPP_TOKEN": access["token"]}
        ready = f"{self.base}/pages_board"
        self.server = stack.enter_context(
            serving(arguments, ready, folder / "log", **environment)
        ).pid
        playwright = stack.enter_context(sync_playwright())
        self.browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        stack.callback(self.browser.close)
        self.idle = self.browser.new_page()
        self.gateway.ask("race", rate=rate)

    def census(self) -> dict[str, int]:
        """Ask the page server who is there: viewers of tables, watchers, tasks, threads."""
        # A page of Bokeh runs its script for every request; it prints the census.
        self.idle.goto(f"{self.base}/pages_census")
        text = self.idle.locator("#census").text_content()
        return {name: int(count) for name, count in (each.split("=") for each in text.split())}

    def cpu(self, seconds: float) -> tuple[float, float]:
        """Return what the page server and the gateway take, in per cent of a core."""
        pids = {"server": self.server, "gateway": self.gateway.pid}
        with measuring(self.idle, pids, browser=os.getpid()) as usage:
            time.sleep(seconds)
        return usage.share("server"), usage.share("gateway")

    def settled(self, names: tuple[str, ...]) -> dict[str, int]:
        """Wait until nobody is counted any more."""
        for _ in range(120):
            found = self.census()
            if not any(found[name] for name in names):
                return found
            time.sleep(0.5)
        raise AssertionError(f"somebody stays: {found}")


def visit(scene: Scene, way: str, count: int) -> list[Any]:
    pages = []
    for _ in range(count):
        page = scene.browser.new_page(viewport={"width": 900, "height": 600})
        page.set_default_timeout(120_000)
        page.goto(f"{scene.base}/pages_board?way={way}")
        page.locator(CELL).first.wait_for()
        pages.append(page)
    return pages


@pytest.mark.timeout(1800)
def test_viewers_of_one_server(
    chromium: str, tmp_path: Path, tables: list[Table], is_full: bool
) -> None:
    count, rate, seconds = (25, 5_000, 20.0) if is_full else (2, 200, 1.0)
    columns = ["viewers", "server %", "gateway %", "more than nobody", "a viewer", "server MB"]
    table = Table(f"{count} viewers at {rate:,} changes/s", columns, __doc__.split("\n", 2)[2])
    more = {}
    for way in ("gateway", "server"):
        (folder := tmp_path / way).mkdir()
        with ExitStack() as stack:
            scene = Scene(stack, chromium, folder, rate)
            for page in visit(scene, way, 1):  # the first makes what all share
                page.close()
            scene.settled(("viewers", "watchers"))
            nobody = scene.cpu(seconds)
            memory = [resident_mb(scene.server)]
            table.add(f"nobody ({way})", *nobody, None, None, memory[0])
            threads = scene.census()["threads"]
            pages = visit(scene, way, count)
            assert scene.census()["viewers"] == count
            some = scene.cpu(seconds)
            memory.append(resident_mb(scene.server))
            more[way] = sum(some) - sum(nobody)
            table.add(f"{count} ({way})", *some, more[way], more[way] / count, memory[1])
            for page in pages:
                page.close()
            left = scene.settled(("viewers", "watchers"))
            memory.append(resident_mb(scene.server))
            table.add(f"after ({way})", None, None, None, None, memory[2])
            assert left["threads"] <= threads, "a thread of a viewer's is left"
            assert left["tasks"] <= 3, "a task of a viewer's is left"
            connected = scene.gateway.ask("said")["subscribers"]
            assert connected == ["websocket"], "one upstream connection, and no other"
            if is_full:
                assert memory[2] <= memory[0] * 1.05, "memory does not come back"
    tables.append(table)
    if is_full:
        assert more["gateway"] < 0.8 * more["server"], "the gateway's socket saves nothing"
