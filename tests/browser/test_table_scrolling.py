"""A long board: only what is in sight exists, and the reader's place is kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.boards import START, Name, TableStage

pytestmark = pytest.mark.browser

# So many a change of the code may cost, in ms of the processor for a frame.
BUDGET_MS = 40


def long_board(rows: int, bookmakers: int = 1) -> tuple[dict[Name, float | None], list[Any]]:
    prices: dict[Name, float | None] = {
        (f"book{book}", f"e{row // 10:04}", f"m@{row // 2}", f"o{row % 2}"): 2.0
        for row in range(rows)
        for book in range(bookmakers)
    }
    events = [(f"e{at:04}", f"A{at:04} @ B", START, "s") for at in range(-(-rows // 10))]
    return prices, events


@pytest.fixture
def stage(open_page: Callable[..., Any]) -> TableStage:
    return TableStage(open_page(viewport={"width": 1300, "height": 800}).page, max_height="34rem")


def scroll(stage: TableStage, top: int) -> None:
    stage.page.locator(".scroll").evaluate("(el, top) => { el.scrollTop = top }", top)
    stage.settle()


def test_ten_thousand_rows_are_a_hundred_in_the_document(stage: TableStage) -> None:
    prices, events = long_board(10_000)
    stage.whole(prices, *events)
    assert 20 < stage.page.locator(".row").count() < 120
    assert stage.column("Event")[0] == "A0000 @ B"
    scroll(stage, 10_000_000)
    assert stage.page.locator(".row").count() < 120
    assert stage.column("Outcome")[-2:] == ["o0", "o1"]
    assert stage.shown()[-1]["Market"]["title"] == "m@4999"
    last = stage.page.locator(".canvas .row[aria-rowindex='10001']")
    box, port = last.bounding_box(), stage.page.locator(".scroll").bounding_box()
    assert box
    assert port
    assert box["y"] + box["height"] <= port["y"] + port["height"] + 1, "the last is in sight"
    moved = ("book0", "e0999", "m@4999", "o1")
    stage.move({moved: 2.5})
    assert stage.shown()[-1]["book0"]["text"] == "2.50"


def test_a_label_that_scrolled_away_is_said_again_at_the_top(stage: TableStage) -> None:
    prices, events = long_board(100)
    stage.whole(prices, *events)
    scroll(stage, 24 * 13)
    top = next(row for row in _rows_from(stage, 13))
    assert top["Event"]["text"] == "A0001 @ B"
    assert top["Market"]["text"] == "m 6"
    said = [row["Event"]["text"] for row in _rows_from(stage, 14)][:6]
    assert "A0001 @ B" not in said, "once"


def _rows_from(stage: TableStage, index: int) -> list[dict[str, Any]]:
    first = int(
        stage.page.evaluate(
            "() => Math.min(...[...document.body.lastChild.shadowRoot"
            ".querySelectorAll('.canvas .row:not([hidden])')]"
            ".map((row) => Number(row.getAttribute('aria-rowindex')) - 2))"
        )
    )
    return stage.shown()[index - first :]


def test_the_place_is_kept_while_prices_move_and_rows_come(stage: TableStage) -> None:
    prices, events = long_board(500)
    stage.whole(prices, *events)
    scroll(stage, 24 * 200)
    for odds in (2.1, 2.2, 2.3):
        stage.move(dict.fromkeys(list(prices)[::7], odds))
    stage.move({("book0", "e0499", "m@9999", "o1"): 2.5})
    assert stage.page.locator(".scroll").evaluate("(el) => el.scrollTop") == 24 * 200


def test_the_focused_cell_keeps_its_focus_while_rows_and_columns_come(stage: TableStage) -> None:
    prices, events = long_board(300)
    stage.whole(prices, *events)
    stage.page.locator(".canvas .row[aria-rowindex='6'] .cell").nth(3).focus()
    first = ("book0", "e0000", "a", "First")
    stage.move({first: 9.0})
    assert stage.focused() == ["2.00", 5, 3], "its row went down by one"
    stage.move({("another", "e0000", "a", "First"): 8.0})
    assert stage.headings()[3:5] == ["another", "book0"]
    assert stage.focused() == ["2.00", 5, 4]
    scroll(stage, 24 * 150)
    assert stage.focused() == ["2.00", 5, 4], "also out of sight"
    stage.move({("third", "e0000", "a", "First"): 8.0})
    assert stage.focused() == ["2.00", 5, 4]
    assert stage.page.locator(".scroll").evaluate("(el) => el.scrollTop") == 24 * 150


def test_a_focused_row_that_the_filter_leaves_out_does_no_harm(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 800}).page
    page.clock.install()
    stage = TableStage(page, choice={"significant_only": True})
    prices, events = long_board(20)
    moves = stage.paper.moves(dict.fromkeys(prices, 3.0), significant=True)
    for number, body in enumerate([stage.paper.whole(prices, events), moves | {"selections": []}]):
        page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [number, body])
        page.clock.run_for(100)
    page.clock.run_for(1100)
    page.locator(".canvas .row[aria-rowindex='6'] .cell").nth(3).focus()
    errors: list[Any] = []
    page.on("pageerror", lambda error: errors.append(error))
    for _ in range(10):
        page.clock.run_for(40_000)
    assert stage.shown() == []
    assert "None of 20 rows fits the filter." in stage.all(".tools [role=status]")
    assert errors == []


def test_prices_out_of_sight_do_not_wear_the_browser_out(stage: TableStage) -> None:
    """7,000 changes a second, 20 frames of 333 on 10,000 rows: what is out of sight is free."""
    prices, events = long_board(2_000, bookmakers=5)
    stage.whole(prices, *events)
    page = stage.page
    session = page.context.new_cdp_session(page)
    # The processor's time, not the clock's: this machine has other work to do.
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def worked() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return float(next(each["value"] for each in metrics if each["name"] == "TaskDuration"))

    before = worked()
    page.evaluate(
        """async () => {
          for (let frame = 0; frame < 40; frame++) {
            const cells = [];
            for (let i = 0; i < 333; i++)
              cells.push(
                (frame * 37 + i * 7) % 10000, 1.5 + ((frame + i) % 50) / 10, i % 9 ? 0 : 1,
              );
            push(JSON.stringify({ n: 2 + frame, body: { cells } }));
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    a_frame = (worked() - before) / 40 * 1000
    assert a_frame < BUDGET_MS, f"{a_frame:.0f} ms a frame"
