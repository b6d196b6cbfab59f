"""What the reader asks of the board: another order, fewer rows."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.browser.boards import EVENTS, GAME, LATER, PRICES, START, TableStage

pytestmark = pytest.mark.browser

USUAL = ["Nationals", "Phillies", "Over", "X"]
A = ("a", "e1", "h2h", "Nationals")


@pytest.fixture
def stage(open_page: Callable[..., Any]) -> TableStage:
    stage = TableStage(open_page(viewport={"width": 1300, "height": 600}).page)
    stage.whole(PRICES)
    return stage


def sorts(stage: TableStage) -> dict[str, str]:
    """What a screen reader hears of the order."""
    said: dict[str, str] = stage.page.locator(".head .cell[aria-sort]").evaluate_all(
        "(cells) => Object.fromEntries(cells.map((cell) =>"
        " [cell.dataset.column, cell.getAttribute('aria-sort')]))"
    )
    return said


def test_a_click_sorts_numbers_from_the_highest_then_the_other_way_then_not(
    stage: TableStage,
) -> None:
    head = stage.heading("bookmaker a")
    for order, said in (
        (["X", "Nationals", "Over", "Phillies"], {"bookmaker a": "descending"}),
        (["Phillies", "Over", "Nationals", "X"], {"bookmaker a": "ascending"}),
        (USUAL, {}),
    ):
        head.click()
        stage.settle()
        assert stage.column("Outcome") == order
        assert sorts(stage) == said


def test_enter_on_a_heading_sorts_names_from_a(stage: TableStage) -> None:
    stage.page.locator("[tabindex='0']").focus()
    assert stage.focused()[0] == "Event"
    for _ in range(2):
        stage.page.keyboard.press("ArrowRight")
    for order, said in (
        (["Nationals", "Over", "Phillies", "X"], {"outcome": "ascending"}),
        (["X", "Phillies", "Over", "Nationals"], {"outcome": "descending"}),
        (USUAL, {}),
    ):
        stage.page.keyboard.press("Enter")
        stage.settle()
        assert (stage.column("Outcome"), sorts(stage)) == (order, said)
        assert stage.focused()[0] == "Outcome", "the focus stays on the heading"


def test_what_has_no_price_goes_last_either_way(stage: TableStage) -> None:
    for first in ("X", "X"):  # only X has a price of c
        stage.heading("bookmaker c").click()
        stage.settle()
        assert stage.column("Outcome") == [first, "Nationals", "Phillies", "Over"]


def test_rows_that_race_are_put_in_order_once_a_second(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 600}).page
    page.clock.install(time=0)
    stage = TableStage(page)
    page.clock.pause_at(3600)  # from here on time passes by hand
    number = 0

    def push(body: Any) -> None:
        nonlocal number
        page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [number, body])
        number += 1
        page.clock.run_for(50)

    push(stage.paper.whole(PRICES))
    stage.heading("bookmaker a").dispatch_event("click")
    page.clock.run_for(50)
    assert stage.column("Outcome")[0] == "X"
    orders = []
    for step in range(60):  # three seconds; each frame another is the highest
        push(stage.paper.moves({A: 9.0 if step % 2 else 1.1}))
        push(stage.paper.moves({A: 2.0 + step}))
        orders.append(tuple(stage.column("Outcome")))
    changed = sum(before != after for before, after in pairwise(orders))
    assert orders[0][0] == "X", "not at once"
    assert orders[-1][0] == "Nationals", "but soon"
    assert changed <= 6
    assert stage.cell("Nationals", "a")["text"] == "61.00", "its price is always the newest"


def test_a_last_move_is_put_in_order_though_nothing_follows(stage: TableStage) -> None:
    stage.heading("bookmaker a").click()
    stage.move({A: 9.0})
    stage.page.wait_for_function(
        "() => document.body.lastChild.shadowRoot"
        ".querySelector('.row[aria-rowindex=\"2\"] .cell:nth-child(3)').textContent === 'Nationals'"
    )


def test_text_filters_by_event_outcome_and_market_without_asking_python(
    stage: TableStage,
) -> None:
    asked = len(stage.sent())
    box = stage.page.get_by_role("searchbox")
    for text, left in (
        ("phil nationals", ["Nationals", "Phillies", "Over"]),
        ("TOTALS", ["Over"]),
        ("nba", ["X"]),
        ("nobody", []),
        ("  ", USUAL),
    ):
        box.fill(text)
        stage.settle()
        assert stage.column("Outcome") == left
        told = stage.all(".tools [role=status]:visible")
        if len(left) in (0, 4):
            assert told == ([] if left else ["None of 4 rows fits the filter."])
        else:
            assert told == [f"{len(left)} of 4 rows"]
    assert len(stage.sent()) == asked


def test_a_row_that_comes_later_is_filtered_too(stage: TableStage) -> None:
    stage.page.get_by_role("searchbox").fill("totals")
    stage.move({("a", "e1", "totals@9.5", "Later"): 2.0, ("a", "e1", "h2h", "Not"): 2.0})
    assert stage.column("Outcome") == ["Over", "Later"]


def test_sport_and_market_are_chosen_from_what_is_there(stage: TableStage) -> None:
    sport, market = (stage.page.get_by_label(name, exact=True) for name in ("Sport", "Market"))
    assert sport.locator("option").all_inner_texts() == ["All sports", "mlb", "nba"]
    assert market.locator("option").all_inner_texts() == [
        *("All markets", "h2h", "h2h_lay", "totals")
    ]
    sport.select_option("mlb")
    market.select_option("h2h")
    stage.settle()
    assert stage.column("Outcome") == ["Nationals", "Phillies"]
    sport.select_option("")
    market.select_option("")
    stage.settle()
    assert stage.column("Outcome") == USUAL


def test_a_chosen_sport_that_goes_stays_chosen_and_says_what_it_leaves_out(
    stage: TableStage,
) -> None:
    sport = stage.page.get_by_label("Sport", exact=True)
    sport.select_option("nba")
    stage.whole({A: 2.0}, GAME, LATER)
    assert stage.column("Outcome") == []
    assert sport.input_value() == "nba"
    assert sport.is_visible()
    stage.whole(PRICES)
    assert stage.column("Outcome") == ["X"]


def test_significant_only_shows_what_moved_significantly_lately(stage: TableStage) -> None:
    button = stage.page.get_by_role("button", name="Significant only")
    stage.move({A: 2.6})
    stage.move({("a", "e2", "h2h_lay", "X"): 3.3}, significant=True)
    button.click()
    stage.settle()
    assert stage.column("Outcome") == ["X"]
    assert button.get_attribute("aria-pressed") == "true"
    stage.move({A: 2.2}, significant=True)
    stage.page.locator(".canvas .row:not([hidden])", has_text="Nationals").wait_for()
    button.click()
    stage.settle()
    assert stage.column("Outcome") == USUAL


def test_significant_only_may_be_the_beginning_and_ends_by_itself(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 600}).page
    page.clock.install()
    stage = TableStage(page, choice={"significant_only": True})
    bodies = [stage.paper.whole(PRICES), stage.paper.moves({A: 2.9}, significant=True)]
    shown = []
    for number, body in enumerate(bodies):
        page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [number, body])
        page.clock.run_for(50)
        shown.append(stage.column("Outcome"))
    assert shown[0] == [], "from the first frame on"
    page.clock.run_for(1100)
    assert stage.column("Outcome") == ["Nationals"]
    page.clock.fast_forward(299_000)
    page.clock.run_for(2000)
    assert stage.column("Outcome") == []


@pytest.mark.parametrize(
    ("choice", "left"),
    [
        ({"sports": ["nba"]}, ["X"]),
        ({"events": ["e2"]}, ["X"]),
        ({"events": ["Nationals @ Phillies"]}, ["Nationals", "Phillies", "Over"]),
        ({"markets": ["totals"]}, ["Over"]),
        ({"markets": ["totals@8.5", "h2h_lay"]}, ["Over", "X"]),
        ({"markets": ["totals@9"]}, []),
        ({"bookmakers": ["c"]}, ["X"]),
    ],
)
def test_the_page_leaves_out_what_is_not_chosen_as_python_does(
    open_page: Any, choice: dict[str, list[str]], left: list[str]
) -> None:
    """A gateway's own frames know neither sports nor names."""
    stage = TableStage(open_page(viewport={"width": 1300, "height": 600}).page, choice=choice)
    stage.whole(PRICES)
    assert stage.column("Outcome") == left


def test_an_event_that_gets_its_sport_later_is_shown_then(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 600}).page
    stage = TableStage(page, choice={"sports": ["mlb"]})
    stage.whole({A: 2.0}, ("e1", "Nationals @ Phillies", START, ""))
    assert stage.column("Outcome") == []
    stage.move({A: 2.1}, EVENTS[0])
    assert stage.column("Outcome") == ["Nationals"]
