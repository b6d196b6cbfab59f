"""Frames on the board: moves, whole ones, holes between them, and a tab that nobody looks at."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.boards import EVENTS, PRICES, TableStage

pytestmark = pytest.mark.browser

GLOWS = {"g1", "g2", "g3"}
A = ("a", "e1", "h2h", "Nationals")
B = ("b", "e1", "h2h", "Nationals")


@pytest.fixture
def stage(open_page: Callable[..., Any]) -> TableStage:
    stage = TableStage(open_page(viewport={"width": 1100, "height": 600}).page)
    stage.whole(PRICES)
    return stage


def test_a_move_shows_its_direction_and_only_a_significant_one_glows(stage: TableStage) -> None:
    stage.move({A: 2.6})
    stage.move({B: 2.3}, significant=True)
    assert "up" in stage.looks("Nationals", "a")
    assert not stage.looks("Nationals", "a") & GLOWS
    assert "down" in stage.looks("Nationals", "b")
    assert stage.looks("Nationals", "b") & GLOWS
    stage.page.locator(".price.g1, .price.g2, .price.g3").first.wait_for(state="detached")
    assert "down" in stage.looks("Nationals", "b"), "the arrow outlives the glow"


def test_an_arrow_goes_after_a_while(open_page: Any) -> None:
    page = open_page(viewport={"width": 1100, "height": 600}).page
    page.clock.install()
    stage = TableStage(page)
    for number, body in enumerate([stage.paper.whole(PRICES), stage.paper.moves({A: 2.6})]):
        page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [number, body])
        page.clock.run_for(100)
    assert "up" in stage.looks("Nationals", "a")
    page.clock.run_for(5000)
    assert "up" in stage.looks("Nationals", "a")
    page.clock.run_for(1500)
    assert "up" not in stage.looks("Nationals", "a")


def test_reduced_motion_means_no_glow(open_page: Any) -> None:
    stage = TableStage(open_page(reduced_motion="reduce").page)
    stage.whole(PRICES)
    stage.move({A: 2.6}, significant=True)
    assert "up" in stage.looks("Nationals", "a")
    assert not stage.looks("Nationals", "a") & GLOWS


def test_no_more_than_forty_cells_glow_at_once(open_page: Any) -> None:
    stage = TableStage(open_page().page)
    prices = {(f"b{at}", "e1", "h2h", "Nationals"): 2.0 for at in range(100)}
    stage.whole(prices)
    stage.move(dict.fromkeys(prices, 2.1), significant=True)
    assert stage.page.locator(".canvas .g1, .canvas .g2, .canvas .g3").count() == 40
    assert stage.page.locator(".canvas .up").count() == 100


def test_a_whole_frame_removes_what_it_does_not_name_and_keeps_the_rest(
    stage: TableStage,
) -> None:
    stage.move({A: 2.7})
    kept = {name: odds for name, odds in PRICES.items() if name[3] in ("Nationals", "X")}
    stage.whole({**kept, A: 2.7, B: 2.2})
    assert stage.column("Outcome") == ["Nationals", "X"]
    assert stage.cell("Nationals", "a")["text"] == "2.70"
    assert "up" in stage.looks("Nationals", "a"), "a keyframe does not clear the arrows"
    assert "down" in stage.looks("Nationals", "b"), "what moved meanwhile says so"
    stage.whole({A: 2.7, ("b", "e2", "h2h_lay", "X"): 3.0})
    assert stage.cell("Nationals", "b")["label"] == "no price"
    stage.whole({A: 2.7})
    assert stage.headings()[3:-2] == ["a"], "who prices nothing has no column"
    stage.move({("a", "e1", "h2h", "Phillies"): 1.6})
    assert stage.cell("Phillies", "a")["text"] == "1.60", "what went may come back"
    assert stage.column("Event")[0] == "Nationals @ Phillies"


def test_a_whole_frame_keeps_the_place_and_the_focus(open_page: Any) -> None:
    stage = TableStage(open_page(viewport={"width": 1100, "height": 600}).page)
    prices = {("a", "e1", f"totals@{at}", "Over"): 2.0 for at in range(200)}
    stage.whole(prices)
    stage.page.locator(".scroll").evaluate("(el) => { el.scrollTop = 2400 }")
    stage.settle()
    row = stage.page.locator(".canvas .row[aria-rowindex='105']")
    row.locator(".cell").nth(3).focus()
    prices.pop(("a", "e1", "totals@0", "Over"))
    stage.whole(prices)
    assert stage.page.locator(".scroll").evaluate("(el) => el.scrollTop") == 2400
    assert stage.focused() == ["2.00", 102, 3], "its row went up by one"


def test_a_hole_in_the_numbers_dims_asks_and_a_whole_frame_heals(stage: TableStage) -> None:
    stage.page.wait_for_timeout(1100)  # it asks at most once a second
    before = len(stage.sent())
    stage.push(stage.paper.moves({A: 9.0}), number=7)
    assert stage.sent()[before:][0]["say"] == "want"
    assert stage.cell("Nationals", "a")["text"] == "9.00", "what did come is true"
    assert stage.page.locator(".board.old").count() == 1
    assert "Catching up …" in stage.all(".note:visible")
    stage.push(stage.paper.whole(PRICES), number=9)
    assert stage.page.locator(".board.old").count() == 0
    stage.move({A: 3.0})
    assert stage.page.locator(".board.old").count() == 0


def test_when_python_falls_silent_the_board_dims_by_itself(open_page: Any) -> None:
    page = open_page().page
    page.clock.install()
    stage = TableStage(page)
    page.evaluate("(text) => push(text)", '{"n": 0, "body": {"whole": true, "state": {}}}')
    page.clock.run_for(5000)
    assert page.locator(".board.old").count() == 0
    page.clock.run_for(3000)
    assert page.locator(".board.old").count() == 1
    assert any("No word from Python" in text for text in stage.all(".note:visible"))


def test_a_refusal_is_said(stage: TableStage) -> None:
    stage.page.evaluate("(text) => push(text)", json.dumps({"refused": "That can't be."}))
    assert stage.page.get_by_role("alert").inner_text() == "That can't be."


def test_nonsense_in_a_frame_is_survived(stage: TableStage) -> None:
    for body in (
        {"cells": [99, 2.0, 0, 0, "2.0", 0, 0]},
        {"selections": [[50, "a", "nowhere", "m", "o"]]},
        {"cells": [50, -3.0, 0]},
        {"events": [["__proto__", "", 1e300, None]]},
    ):
        stage.push(body)
    stage.page.evaluate('() => push(\'{"n": 6, "body": {"cells": [4, 1e400, 0]}}\')')
    stage.settle()
    assert stage.cell("o", "a")["text"] == "susp."
    assert stage.cell("Nationals", "a")["text"] == "susp."
    assert stage.cell("X", "a")["text"] == "susp.", "no number is no price"
    assert len(stage.shown()) == 5


def test_a_tab_that_nobody_looks_at_draws_once_when_it_is_back(open_page: Any) -> None:
    page = open_page(viewport={"width": 1100, "height": 600}).page
    page.add_init_script(
        # As a hidden tab: no display frames until it is looked at.
        """
        const real = requestAnimationFrame.bind(window);
        window.waiting = null; // null: looked at
        window.requestAnimationFrame = (then) =>
          window.waiting ? window.waiting.push(then) : real(then);
        """
    )
    page.goto("about:blank")
    stage = TableStage(page)
    stage.whole(PRICES)
    page.evaluate("() => { window.waiting = [] }")
    page.evaluate(
        """([whole, move]) => {
          for (let n = 2; n < 3002; n++) {
            move.cells[1] = 2 + n / 1000;
            push(JSON.stringify({ n, body: n % 500 ? move : whole }));
          }
        }""",
        [stage.paper.whole(PRICES), stage.paper.moves({A: 0.0}, significant=True)],
    )
    assert page.evaluate("() => window.waiting.length") == 1, "one draw is waiting, not 3000"
    assert stage.cell("Nationals", "a")["text"] == "2.50"
    page.evaluate("() => { const was = waiting; waiting = null; was.forEach((then) => then(0)) }")
    assert stage.cell("Nationals", "a")["text"] == "5.00"
    assert "up" in stage.looks("Nationals", "a")
    stage.page.wait_for_timeout(1100)  # the line is drawn once a second at the least
    assert stage.cell("Nationals", "Moves")["label"] == "2.50 to 5.00 in 1 moves"


def test_what_waits_for_a_draw_stays_as_small_as_the_board(open_page: Any) -> None:
    """`mergePython` keeps the newest of each selection."""
    page = open_page().page
    stage = TableStage(page)
    text = page.evaluate(
        """async ([bodies, source]) => {
          const text = source + "\\nexport { mergePython, nothing };";
          const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
          const { mergePython, nothing } = await import(url);
          const [waiting, names] = [nothing(), new Map()];
          for (const body of bodies) mergePython(waiting, body, names);
          return JSON.stringify([waiting.prices.size, [...waiting.prices.values()]
            .map(({ odds, strong }) => [odds, Boolean(strong)])]);
        }""",
        [
            [
                stage.paper.whole({A: 2.0}, EVENTS),
                stage.paper.moves({A: 2.1}, significant=True),
                *[stage.paper.moves({A: 2.1 + at / 100}) for at in range(50)],
            ],
            _source(),
        ],
    )
    assert json.loads(text) == [1, [[2.59, True]]], "and that one of them was significant"


def _source() -> str:
    from protipp_stream.ui import OddsTable
    from protipp_stream.ui.host import module_text

    return module_text(OddsTable.parts)


def test_two_tables_of_one_module_keep_their_prices_apart(stage: TableStage) -> None:
    stage.page.evaluate(
        """(options) => {
          const handlers = [];
          window.pushOther = (message) => handlers.forEach((handler) => handler(message));
          const state = { options: JSON.stringify(options), first: "" };
          const place = document.createElement("div");
          document.body.prepend(place);
          module.default.render({ el: place, model: {
            get: (key) => state[key], send() {}, off() {},
            on: (_, handler) => handlers.push(handler),
          } });
        }""",
        {"max_height": "20rem", "choice": {"markets": ["totals"]}},
    )
    other = stage.paper.__class__()
    bodies = [
        other.whole({("z", "e1", "totals@8.5", "Over"): 7.0, ("z", "e1", "h2h", "Q"): 8.0}),
        other.moves({("z", "e1", "totals@8.5", "Over"): 7.5}),
    ]
    for number, body in enumerate(bodies):
        stage.page.evaluate("([n, body]) => pushOther(JSON.stringify({ n, body }))", [number, body])
    stage.settle()
    assert [row["z"]["text"] for row in stage.shown(0)] == ["7.50"], "its own choice, its own names"
    stage.move({A: 2.9})
    assert stage.column("a", 1) == ["2.90", "1.50", "1.90", "3.00"]
    assert "z" not in stage.shown(1)[0]
    assert [row["z"]["text"] for row in stage.shown(0)] == ["7.50"]
