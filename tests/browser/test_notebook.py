"""A notebook in a real JupyterLab: the board is live, also while a cell is busy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.boards import SHOWN
from tests.browser.servers import free_port, serving

pytestmark = [pytest.mark.browser, pytest.mark.slow]

TOKEN = "for-this-test"
CELLS = [
    "import protipp_stream as ps\n"
    f"def begin(port=0): return ps.Gateway(ps.Simulated(), port=port, key='{'k' * 40}').start()\n"
    "gateway = begin()\n"
    "odds = ps.connect(gateway)\n"
    "ps.ui.OddsTable(odds)",
    "import time\ntime.sleep(5)\nprint('sl' + 'ept')",
    "ps.ui.RealTimeStatus(odds)",
    "port = gateway.port; gateway.stop(); print('stop' + 'ped')",
    "gateway = begin(port)",
    "odds.close(); gateway.stop()",
]
PRICES = f"() => JSON.stringify(({SHOWN})(0))"


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[str]:
    cells = [
        {
            "cell_type": "code",
            "id": f"cell{at}",
            "metadata": {},
            "source": source,
            "outputs": [],
            "execution_count": None,
        }
        for at, source in enumerate(CELLS)
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    book = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    folder = tmp_path / "books"
    folder.mkdir()
    (folder / "board.ipynb").write_text(json.dumps(book))
    port = free_port()
    base = f"http://127.0.0.1:{port}/lab"
    arguments = [
        *("jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1"),
        *(f"--ServerApp.port={port}", f"--IdentityProvider.token={TOKEN}"),
        *(f"--ServerApp.root_dir={folder}", "--LabApp.news_url="),
    ]
    ready = f"{base}?token={TOKEN}"
    with serving(arguments, ready, tmp_path / "log", HOME=str(tmp_path), PROTIPP_URL=""):
        yield f"{base}/tree/board.ipynb?token={TOKEN}"


def test_prices_move_in_a_notebook_even_while_a_cell_sleeps(
    notebook: str, open_page: Callable[..., Any]
) -> None:
    page = open_page(viewport={"width": 1300, "height": 900}).page
    page.goto(notebook)
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()

    page.locator(".jp-CodeCell .cm-content").first.click()
    page.locator(".jp-CodeCell.jp-mod-active .cm-focused").wait_for()
    page.keyboard.press("Shift+Enter")
    page.keyboard.press("Shift+Enter")  # the sleeper, before the table can ask for anything
    page.locator(".grid .up, .grid .down").first.wait_for()
    for _ in range(3):
        before = page.evaluate(PRICES)
        page.wait_for_function(f"(before) => ({PRICES})() !== before", arg=before)
    said = " ".join(page.locator(".jp-OutputArea-output").all_inner_texts())
    assert "slept" not in said, "the prices moved only after the cell had finished"
    page.locator(".board:not(.old)").wait_for()
    page.get_by_text("SIMULATED — invented prices").wait_for()

    page.keyboard.press("Shift+Enter")
    page.locator(".pill.state", has_text="Live").wait_for()
    _sort_filter_and_look_away(page)

    page.locator(".jp-CodeCell .cm-content").nth(3).click()
    page.keyboard.press("Shift+Enter")
    page.get_by_text("stopped", exact=True).wait_for()
    page.locator(".board.old").wait_for(timeout=2000)
    page.locator(".note:visible", has_text="these prices may be old").first.wait_for(timeout=2000)
    page.keyboard.press("Shift+Enter")
    page.locator(".board:not(.old)").wait_for()
    before = page.evaluate(PRICES)
    page.wait_for_function(f"(before) => ({PRICES})() !== before", arg=before)

    page.keyboard.press("Shift+Enter")
    page.locator(".pill.state", has_text="Stopped").wait_for()
    page.locator(".board.old").wait_for()


def _sort_filter_and_look_away(page: Any) -> None:
    """Ask for another order and fewer rows while prices stream, and switch to another tab."""
    outcome = page.locator('.head .cell[data-column="outcome"]')
    outcome.click()
    page.wait_for_function(
        f"() => {{ const names = ({SHOWN})(0).map((row) => row.Outcome.text);"
        " return names.length > 5 && names.join() === [...names].sort().join(); }"
    )
    page.get_by_role("searchbox").fill("totals over")
    page.wait_for_function(
        f"() => ({SHOWN})(0).every((row) => row.Outcome.text === 'Over') && ({SHOWN})(0).length"
    )
    page.get_by_role("searchbox").fill("")
    other = page.context.new_page()
    other.bring_to_front()
    before = page.evaluate(PRICES)
    other.close()
    page.bring_to_front()
    page.wait_for_function(f"(before) => ({PRICES})() !== before", arg=before)
    assert page.locator(".board.old").count() == 0
