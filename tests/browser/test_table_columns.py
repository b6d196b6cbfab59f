"""Columns that are hidden, moved and kept; walking by keyboard; copying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.boards import GAME, PRICES, TableStage
from tests.browser.test_pages import site

pytestmark = pytest.mark.browser

FROZEN = ["Event", "Market", "Outcome"]
REST = ["Moves", "Changed"]


@pytest.fixture(scope="module")
def origin() -> Iterator[str]:
    """A page with an origin: only such a one may keep anything."""
    with site() as address:
        yield address


@pytest.fixture
def visit(open_page: Callable[..., Any], origin: str) -> Callable[[], TableStage]:
    page = open_page(
        viewport={"width": 1300, "height": 600}, permissions=["clipboard-read", "clipboard-write"]
    ).page

    def visited() -> TableStage:
        page.goto(origin)
        stage = TableStage(page)
        stage.whole(PRICES)
        return stage

    return visited


@pytest.fixture
def stage(visit: Callable[[], TableStage]) -> TableStage:
    return visit()


def choose(stage: TableStage, *names: str) -> None:
    """Tick or untick columns in the menu."""
    stage.page.locator("summary.menu").click()
    for name in names:
        stage.page.locator(".tools details label", has_text=name).click()
    stage.page.keyboard.press("Escape")
    assert not stage.page.locator(".tools details label").first.is_visible()
    stage.settle()


def test_columns_are_hidden_and_shown_and_kept(
    stage: TableStage, visit: Callable[[], TableStage]
) -> None:
    assert stage.headings() == [*FROZEN, "a", "b", "c", *REST]
    choose(stage, "Moves", "Best", "Sport")
    assert stage.headings() == [*FROZEN, "a", "b", "c", "Best", "Changed", "Sport"]
    assert stage.column("Best") == ["2.50", "1.50", "1.90", "3.00"]
    again = visit()
    assert again.headings() == [*FROZEN, "a", "b", "c", "Best", "Changed", "Sport"]
    choose(again, "Moves", "Best", "Sport")
    assert again.headings() == [*FROZEN, "a", "b", "c", *REST]


def test_alt_and_an_arrow_move_a_column_and_it_is_kept(
    stage: TableStage, visit: Callable[[], TableStage]
) -> None:
    stage.heading("bookmaker a").focus()
    stage.page.keyboard.press("Alt+ArrowRight")
    stage.page.keyboard.press("Alt+ArrowRight")
    stage.settle()
    assert stage.headings() == [*FROZEN, "b", "c", "a", *REST]
    assert stage.focused()[0] == "a", "the focus goes along"
    assert stage.column("a") == ["2.50", "1.50", "1.90", "3.00"]
    for _ in range(9):
        stage.page.keyboard.press("Alt+ArrowLeft")
    stage.settle()
    assert stage.headings() == [*FROZEN, "a", "b", "c", *REST], "not among the frozen ones"
    stage.page.keyboard.press("Alt+ArrowRight")
    assert visit().headings() == [*FROZEN, "b", "a", "c", *REST]


def test_a_column_is_dragged_to_its_place(stage: TableStage) -> None:
    stage.heading("bookmaker c").drag_to(stage.heading("bookmaker a"))
    stage.settle()
    assert stage.headings() == [*FROZEN, "c", "a", "b", *REST]
    stage.heading("outcome").drag_to(stage.heading("bookmaker a"))
    stage.settle()
    assert stage.headings() == [*FROZEN, "c", "a", "b", *REST], "names stay where they are"
    assert stage.page.locator("[aria-sort]").count() == 0, "to drag is not to click"


def test_the_order_of_rows_is_kept_too(stage: TableStage, visit: Callable[[], TableStage]) -> None:
    stage.heading("bookmaker a").click()
    again = visit()
    assert again.column("Outcome")[0] == "X"
    assert again.heading("bookmaker a").get_attribute("aria-sort") == "descending"


def test_what_was_kept_by_nobody_knows_whom_does_no_harm(
    stage: TableStage, visit: Callable[[], TableStage]
) -> None:
    for nonsense in ("not json", "null", '{"order": 7, "hidden": {"a": 1}, "sort": "a"}', "[1]"):
        stage.page.evaluate("(text) => localStorage.setItem('protipp_stream:odds', text)", nonsense)
        assert visit().headings() == [*FROZEN, "a", "b", "c", *REST]


def test_tab_reaches_one_cell_and_arrows_the_others(stage: TableStage) -> None:
    page = stage.page
    assert page.locator(".grid [tabindex='0']").count() == 1
    page.locator(".grid [tabindex='0']").focus()
    walked = []
    for key in (
        *("ArrowDown", "ArrowRight", "End", "Home", "ArrowDown", "PageDown", "PageUp"),
        *("Control+End", "Control+Home", "ArrowUp", "ArrowUp", "ArrowLeft"),
    ):
        page.keyboard.press(key)
        walked.append(tuple(stage.focused()[1:]))
        assert page.locator(".grid [tabindex='0']").count() == 1
    assert walked == [
        *((0, 0), (0, 1), (0, 7), (0, 0), (1, 0), (3, 0), (0, 0)),
        *((3, 7), (0, 0), (-1, 0), (-1, 0), (-1, 0)),
    ]
    page.keyboard.press("Tab")
    assert stage.focused() is None, "and Tab leaves"


def test_a_walk_through_a_long_board_takes_the_view_along(stage: TableStage) -> None:
    stage.whole({("a", "e1", f"totals@{at}", "Over"): 2.0 for at in range(300)}, GAME)
    stage.page.locator(".canvas .row[aria-rowindex='2'] .cell").nth(3).focus()
    for _ in range(4):
        stage.page.keyboard.press("PageDown")
    assert stage.focused() == ["2.00", 60, 3]
    top = stage.page.locator(".scroll").evaluate("(el) => el.scrollTop")
    assert 60 * 24 - 320 < top <= 60 * 24
    stage.page.keyboard.press("Control+End")
    assert stage.focused()[1] == 299
    stage.page.keyboard.press("Control+Home")
    assert stage.focused() == ["Nationals @ Phillies", 0, 0]
    assert stage.page.locator(".scroll").evaluate("(el) => el.scrollTop") == 0


def copied(stage: TableStage) -> list[str]:
    text: str = stage.page.evaluate("() => navigator.clipboard.readText()")
    return text.replace("\r\n", "\n").split("\n")


# A spreadsheet would run what begins so.
FORMULAS = {
    ("=cmd|' /C calc'!A0", "e1", "h2h", "+1+1"): 2.5,
    ("a,b", "e1", "h2h", '-say "hi"'): 3.0,
    ("a,b", "e1", "h2h", "@SUM(A1)"): None,
    ("a,b", "e1", "h2h", "\u202e=1"): 4.0,
    ("a,b", "e1", "h2h", "plain"): 5.0,
}


@pytest.mark.parametrize("way", ["button", "keys"])
def test_rows_are_copied_as_they_stand_and_no_name_is_a_formula(
    stage: TableStage, way: str
) -> None:
    stage.whole(FORMULAS, GAME)
    choose(stage, "Changed")
    stage.page.get_by_role("searchbox").fill("h2h")
    stage.heading("bookmaker a,b").click()
    stage.settle()
    if way == "button":
        stage.page.get_by_role("button", name="Copy CSV").click()
        stage.page.get_by_role("button", name="Copied").wait_for()
    else:
        stage.page.locator(".canvas .row .cell").first.focus()
        stage.page.keyboard.press("Control+c")
        stage.page.wait_for_function(
            "() => navigator.clipboard.readText().then((text) => text.startsWith('Event'))"
        )
    event = "Nationals @ Phillies,h2h"
    assert copied(stage) == [
        "Event,Market,Outcome,'=cmd|' /C calc'!A0,\"a,b\"",
        f"{event},plain,,5",
        f"{event},'\u202e=1,,4",
        f'{event},"\'-say ""hi""",,3',
        f"{event},'+1+1,2.5,",
        f"{event},'@SUM(A1),,",
        "",
    ]


def test_where_the_clipboard_is_forbidden_it_is_copied_the_old_way(stage: TableStage) -> None:
    stage.page.evaluate(
        "() => { navigator.clipboard.writeText = () => Promise.reject(new Error('forbidden')) }"
    )
    stage.page.locator(".canvas .row .cell").first.focus()
    stage.page.keyboard.press("Control+c")
    stage.page.wait_for_function(
        "() => navigator.clipboard.readText().then((text) => text.startsWith('Event'))"
    )
    assert copied(stage)[1].startswith("Nationals @ Phillies,h2h,Nationals,2.5,2.4,,")
    assert stage.focused() == ["Nationals @ Phillies", 0, 0], "the focus is where it was"


def test_a_narrow_screen_keeps_the_names_and_scrolls_the_prices(open_page: Any) -> None:
    stage = TableStage(open_page(viewport={"width": 390, "height": 700}).page)
    stage.whole(PRICES)
    box = stage.page.locator(".panel").bounding_box()
    assert box
    assert box["width"] <= 390
    stage.page.locator(".scroll").evaluate("(el) => { el.scrollLeft = 300 }")
    stage.settle()
    name = stage.page.locator(".canvas .row .cell").first.bounding_box()
    assert name
    assert 0 <= name["x"] < 20
