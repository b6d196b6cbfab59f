"""The board in a real browser, fed by hand: what its rows and cells say."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.boards import GAME, PRICES, START, TableStage

pytestmark = pytest.mark.browser


@pytest.fixture
def stage(open_page: Callable[..., Any]) -> TableStage:
    stage = TableStage(open_page(viewport={"width": 1100, "height": 600}).page)
    stage.whole(PRICES)
    return stage


def test_before_the_first_frame_it_says_what_it_waits_for_and_asks(open_page: Any) -> None:
    stage = TableStage(open_page().page)
    assert stage.all(".empty") == ["Waiting for Python …"]
    assert [message["say"] for message in stage.sent()] == ["want"]


def test_the_first_frame_may_come_with_the_widget(open_page: Any) -> None:
    body = TableStage(open_page().page).paper.whole(PRICES)
    stage = TableStage(open_page().page, first={"n": 0, "body": body})
    stage.settle()
    assert len(stage.shown()) == 4


def test_rows_stand_by_start_event_market_line_and_the_order_of_the_name(open_page: Any) -> None:
    stage = TableStage(open_page(viewport={"width": 1100, "height": 600}).page)
    rows = [
        *(("e0", "h2h", "B"), ("unknown", "h2h", "Z"), ("e1", "totals@10.5", "Over")),
        *(("e1", "totals@8.5", "Under"), ("e1", "totals@8.5", "Over"), ("e1", "h2h", "Draw")),
        *(("e1", "h2h", "Phillies"), ("e1", "h2h", "Nationals")),
    ]
    stage.whole({("a", *row): 1.8 for row in rows}, GAME, ("e0", "A @ B", START + 1, "mlb"))
    assert stage.column("Outcome") == [
        *("Nationals", "Phillies", "Draw", "Over", "Under", "Over", "B", "Z")
    ]
    assert stage.column("Market") == [
        *("h2h", "", "", "totals 8.5", "", "totals 10.5", "h2h", "h2h")
    ]


def test_names_are_said_once_a_run_and_the_start_below(stage: TableStage) -> None:
    name, starts, nothing, other = stage.column("Event")
    assert (name, nothing, other) == ("Nationals @ Phillies", "", "X @ Y")
    assert starts
    assert stage.shown()[2]["Event"]["label"] == "Nationals @ Phillies", "also to who listens"
    assert stage.column("Market") == ["h2h", "", "totals 8.5", "h2h_lay"]


def test_prices_suspensions_and_gaps_are_drawn_apart(stage: TableStage) -> None:
    assert stage.cell("Nationals", "a")["text"] == "2.50"
    suspended, gap = stage.cell("Phillies", "b"), stage.cell("Nationals", "c")
    assert (suspended["text"], suspended["label"]) == ("susp.", "suspended")
    assert (gap["text"], gap["label"]) == ("", "no price")


def test_the_best_price_is_framed_in_a_lay_market_the_lowest(stage: TableStage) -> None:
    framed = [
        (row["Outcome"]["text"], name)
        for row in stage.shown()
        for name, cell in row.items()
        if "best" in cell["look"]
    ]
    assert framed == [("Nationals", "a"), ("X", "a")], "one price alone is not the best"
    stage.move({("b", "e1", "h2h", "Nationals"): 2.6})
    assert "best" in stage.looks("Nationals", "b")
    assert "best" not in stage.looks("Nationals", "a")
    stage.move({("b", "e1", "h2h", "Nationals"): 2.5})
    assert "best" not in stage.looks("Nationals", "b") | stage.looks("Nationals", "a")


def test_a_flat_table_has_a_row_a_price_and_what_it_was_before(open_page: Any) -> None:
    stage = TableStage(open_page(viewport={"width": 1100, "height": 600}).page, flat=True)
    stage.whole(PRICES)
    stage.move({("b", "e1", "h2h", "Nationals"): 2.6})
    assert [
        (row["Outcome"]["text"], row["Bookmaker"]["text"], row["Odds"]["text"])
        for row in stage.shown()
    ] == [
        *(("Nationals", "a", "2.50"), ("Nationals", "b", "2.60"), ("Phillies", "a", "1.50")),
        *(("Phillies", "b", "susp."), ("Over", "a", "1.90"), ("X", "a", "3.00")),
        ("X", "c", "4.00"),
    ]
    assert [row["Before"]["text"] for row in stage.shown()][:3] == ["", "2.40", ""]
    assert stage.page.get_by_role("grid", name="Prices").count() == 1


@pytest.mark.parametrize(
    ("market", "label"),
    [
        ("spreads@-1.5", "spreads home -1.5"),
        ("spreads@2.5", "spreads home +2.5"),
        ("totals@8", "totals 8"),
        ("odd@a@b", "odd a@b"),
    ],
)
def test_a_spread_says_whose_handicap_it_is(stage: TableStage, market: str, label: str) -> None:
    stage.whole({("a", "e1", market, "X"): 2.0})
    assert stage.column("Market") == [label]


def test_the_last_best_prices_are_a_line_and_words(stage: TableStage) -> None:
    assert stage.cell("Nationals", "Moves")["label"] == "no move yet"
    for odds in (2.6, 2.7, 2.9):
        stage.move({("a", "e1", "h2h", "Nationals"): odds})
    stage.page.wait_for_timeout(1100)  # it is drawn once a second at the least
    moves = stage.cell("Nationals", "Moves")
    assert moves["label"] == "2.50 to 2.90 in 3 moves"
    assert "rose" in moves["look"]
    points = stage.page.locator(".spark polyline").first.get_attribute("points")
    assert len(points.split()) == 4
    for odds in (2.2, 2.1):
        stage.move({("a", "e1", "h2h", "Nationals"): odds})
    stage.page.wait_for_timeout(1100)
    assert "fell" in stage.cell("Nationals", "Moves")["look"], "b's 2.40 is the best now"


def test_ages_tick_by_themselves_whatever_the_pages_clock_says(open_page: Any) -> None:
    page = open_page(viewport={"width": 1100, "height": 600}).page
    page.clock.install(time=0)  # decades behind
    stage = TableStage(page)
    page.clock.pause_at(3600)  # from here on time passes by hand
    body = stage.paper.whole(PRICES, ages=[None, None, 7, None, 100, 200, 4], now=START / 1000)
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [1, body])
    page.clock.run_for(100)
    assert stage.column("Changed") == ["2 min", "7 s", "4 s", ""], "a row's newest"
    page.clock.run_for(3000)
    assert stage.column("Changed") == ["2 min", "10 s", "7 s", ""]
    moved = stage.paper.moves({("a", "e1", "h2h", "Nationals"): 3.0})
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [2, moved])
    page.clock.run_for(2000)
    assert stage.column("Changed")[0] == "2 s"


def test_bookmakers_without_news_fade_and_say_so(stage: TableStage) -> None:
    stage.push({"state": {"faded": ["b"], "note": "No news of b for long."}})
    assert "b ⏸" in stage.headings()
    assert "faded" in stage.looks("Nationals", "b ⏸")
    assert "faded" not in stage.looks("Nationals", "a")
    assert stage.heading("bookmaker b").get_attribute("title").startswith("b: no news")
    assert "No news of b for long." in stage.all(".note:visible")
    stage.push({"state": {}})
    assert "b" in stage.headings()
    assert "faded" not in stage.looks("Nationals", "b")


def test_a_board_that_may_be_old_dims_and_says_so(stage: TableStage) -> None:
    stage.push({"state": {"old": True, "note": "Stalled: these prices may be old."}})
    assert stage.page.locator(".board.old").count() == 1
    assert "Stalled: these prices may be old." in stage.all(".note:visible")
    stage.push({"state": {}})
    assert stage.page.locator(".board.old").count() == 0
    assert stage.all(".note:visible") == []


def test_an_empty_board_says_why_and_the_first_price_takes_its_place(open_page: Any) -> None:
    stage = TableStage(open_page(viewport={"width": 1100, "height": 600}).page)
    words = "No prices here of the market “x” (known: h2h)."
    stage.whole({}, empty=words)
    assert stage.all(".empty:visible") == [words]
    assert not stage.page.locator(".grid").is_visible()
    assert not stage.page.locator(".tools").is_visible()
    stage.move({("a", "e1", "h2h", "Nationals"): 2.0}, GAME)
    assert stage.all(".empty:visible") == []
    assert stage.column("Event") == ["Nationals @ Phillies"]


def test_prices_that_are_invented_are_labelled(stage: TableStage) -> None:
    stage.push({"state": {"origin": "SIMULATED — invented prices"}})
    assert stage.all(".origin:visible") == ["SIMULATED — invented prices"]


def test_an_event_gets_its_name_later(stage: TableStage) -> None:
    stage.move({("a", "e3", "h2h", "Q"): 2.0})
    assert stage.column("Event")[-1] == "e3"
    stage.move({}, ("e3", "P @ Q", START - 1, "mlb"))
    assert stage.column("Event")[0] == "P @ Q"


def test_it_is_a_grid_to_a_screen_reader(stage: TableStage) -> None:
    assert stage.page.get_by_role("grid", name="Odds").count() == 1
    assert stage.page.get_by_role("columnheader", name="Outcome").count() == 1
    grid = stage.page.get_by_role("grid")
    assert grid.get_attribute("aria-rowcount") == "5"
    assert int(grid.get_attribute("aria-colcount")) == len(stage.headings())
    assert stage.page.get_by_role("gridcell").count() == 4 * len(stage.headings())
    indexes = stage.page.locator(".canvas .row").evaluate_all(
        "(rows) => rows.map((row) => Number(row.getAttribute('aria-rowindex'))).sort()"
    )
    assert indexes == [2, 3, 4, 5]


def test_the_hosts_background_decides_between_light_and_dark(stage: TableStage) -> None:
    theme = "document.body.lastChild.shadowRoot.querySelector('[data-theme]').dataset.theme"
    assert stage.page.evaluate(theme) == "light"
    stage.page.evaluate("() => { document.body.style.background = '#111' }")
    stage.page.wait_for_function(f"() => {theme} === 'dark'")


def test_it_leaves_nothing_behind(stage: TableStage) -> None:
    stage.page.evaluate("() => window.dispose()")
    assert stage.sent()[-1]["say"] == "gone"
    left = stage.page.evaluate("() => [document.body.children.length, window.hear.length]")
    assert left == [0, 0]
