"""``table.js`` in a real browser, fed by hand: what is drawn, and what is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.stage import Stage
from tests.ui.hostile import FORMULA, MARKUP, RTL

pytestmark = pytest.mark.browser

START = 1785844800000


def board(**changes: Any) -> dict[str, Any]:
    """Two events, three rows, three bookmakers."""
    return {
        "whole": True,
        "columns": ["a", "b", "c"],
        "events": [["e1", "Nationals @ Phillies", START, "mlb"], ["e2", "X @ Y", None, ""]],
        "rows": [
            [0, "e1", "h2h", "Nationals", 0],
            [1, "e1", "h2h", "Phillies", 0],
            [2, "e2", "h2h_lay", "X", 1],
        ],
        "order": [0, 1, 2],
        "cells": [
            0,
            0,
            2.5,
            0,
            0,
            1,
            2.4,
            0,
            1,
            0,
            1.5,
            0,
            1,
            1,
            None,
            0,
            2,
            0,
            3.0,
            0,
            2,
            2,
            4.0,
            0,
        ],
        "state": {},
        **changes,
    }


@pytest.fixture
def stage(open_page: Callable[..., Any]) -> Stage:
    watched = open_page(viewport={"width": 1000, "height": 600})
    stage = Stage(watched.page, "table", max_height="20rem")
    stage.push(board())
    return stage


def cell(stage: Stage, row: int, column: int) -> Any:
    return stage.page.locator(".group tr").nth(row).locator("td").nth(column)


def classes(stage: Stage, row: int, column: int) -> set[str]:
    return set((cell(stage, row, column).get_attribute("class") or "").split())


def test_before_the_first_frame_it_says_what_it_waits_for_and_asks(open_page: Any) -> None:
    stage = Stage(open_page().page, "table")
    assert stage.all(".empty") == ["Waiting for Python …"]
    assert [message["say"] for message in stage.sent()] == ["want"]


def test_the_first_frame_may_come_with_the_widget(open_page: Any) -> None:
    stage = Stage(open_page().page, "table", first={"n": 0, "body": board()})
    assert len(stage.all(".group tr")) == 3


def test_prices_suspensions_and_gaps_are_drawn_apart(stage: Stage) -> None:
    assert cell(stage, 0, 0).inner_text() == "2.50"
    assert cell(stage, 1, 1).inner_text() == "susp."
    assert cell(stage, 1, 1).get_attribute("aria-label") == "suspended"
    assert cell(stage, 0, 2).inner_text() == ""
    assert cell(stage, 0, 2).get_attribute("aria-label") == "no price"


def test_the_best_price_is_framed_in_a_lay_market_the_lowest(stage: Stage) -> None:
    framed = [
        (row, column)
        for row in range(3)
        for column in range(3)
        if "best" in classes(stage, row, column)
    ]
    assert framed == [(0, 0), (2, 0)]
    stage.push({"cells": [0, 1, 2.6, 0]})
    assert "best" in classes(stage, 0, 1)
    assert "best" not in classes(stage, 0, 0)


def test_a_move_shows_its_direction_and_only_a_significant_one_glows(stage: Stage) -> None:
    stage.push({"cells": [0, 0, 2.6, 0, 0, 1, 2.3, 1]})
    assert "up" in classes(stage, 0, 0)
    assert not classes(stage, 0, 0) & {"g1", "g2", "g3"}
    assert "down" in classes(stage, 0, 1)
    assert classes(stage, 0, 1) & {"g1", "g2", "g3"}
    stage.page.wait_for_function(
        "() => ![...document.body.lastChild.shadowRoot.querySelectorAll('td')]"
        ".some((td) => /g[123]/.test(td.className))"
    )
    assert "down" in classes(stage, 0, 1), "the arrow outlives the glow"


def test_reduced_motion_means_no_glow(open_page: Any) -> None:
    stage = Stage(open_page(reduced_motion="reduce").page, "table")
    stage.push(board())
    stage.push({"cells": [0, 0, 2.6, 1]})
    assert "up" in classes(stage, 0, 0)
    assert not classes(stage, 0, 0) & {"g1", "g2", "g3"}


def test_no_more_than_forty_cells_glow_at_once(open_page: Any) -> None:
    stage = Stage(open_page().page, "table")
    columns = [f"b{at}" for at in range(100)]
    prices = [part for at in range(100) for part in (0, at, 2.0, 0)]
    stage.push(board(columns=columns, cells=prices))
    stage.push({"cells": [part for at in range(100) for part in (0, at, 2.1, 1)]})
    assert stage.page.locator("td.g1, td.g2, td.g3").count() == 40
    assert stage.page.locator("td.up").count() == 100


def test_a_whole_frame_neither_flashes_nor_keeps_what_is_gone(stage: Stage) -> None:
    stage.push(board(order=[1], rows=[[1, "e1", "h2h", "Phillies", 0]], cells=[1, 1, 1.9, 1]))
    assert stage.all(".group .outcome") == ["Phillies"]
    assert cell(stage, 0, 0).inner_text() == ""
    assert cell(stage, 0, 1).inner_text() == "1.90"
    assert stage.page.locator("td.up, td.down").count() == 0


def test_a_hole_in_the_numbers_dims_asks_and_a_whole_frame_heals(stage: Stage) -> None:
    stage.page.wait_for_timeout(1100)  # it asks at most once a second
    before = len(stage.sent())
    stage.push({"cells": [0, 0, 9.0, 0]}, number=7)
    assert stage.sent()[before:][0]["say"] == "want"
    assert cell(stage, 0, 0).inner_text() == "9.00", "what did come is true"
    assert stage.page.locator(".board.old").count() == 1
    assert "Catching up …" in stage.all(".note")
    stage.push(board(), number=9)
    assert stage.page.locator(".board.old").count() == 0
    stage.push({"cells": [0, 0, 3.0, 0]})
    assert stage.page.locator(".board.old").count() == 0


def test_a_board_that_may_be_old_dims_and_says_so(stage: Stage) -> None:
    stage.push({"state": {"old": True, "note": "Stalled: these prices may be old."}})
    assert stage.page.locator(".board.old").count() == 1
    assert "Stalled: these prices may be old." in stage.all(".note:visible")
    stage.push({"state": {}})
    assert stage.page.locator(".board.old").count() == 0


def test_when_python_falls_silent_the_board_dims_by_itself(open_page: Any) -> None:
    page = open_page().page
    page.clock.install()
    stage = Stage(page, "table")
    page.evaluate("(text) => push(text)", '{"n": 0, "body": {"whole": true, "state": {}}}')
    page.clock.run_for(5000)
    assert page.locator(".board.old").count() == 0
    page.clock.run_for(3000)
    assert page.locator(".board.old").count() == 1
    assert any("No word from Python" in text for text in stage.all(".note:visible"))


def test_rows_and_columns_that_come_later_find_their_place(stage: Stage) -> None:
    stage.push(
        {
            "columns": ["a", "b", "c", "d"],
            "rows": [[3, "e1", "totals@8.5", "Over", 0]],
            "order": [0, 1, 3, 2],
            "cells": [3, 3, 1.9, 0],
        }
    )
    assert stage.all(".group .outcome") == ["Nationals", "Phillies", "Over", "X"]
    assert stage.all(".group .market") == ["h2h", "totals 8.5", "h2h_lay"]
    assert stage.page.locator(".group .event").first.get_attribute("rowspan") == "3"
    assert cell(stage, 2, 3).inner_text() == "1.90"


@pytest.mark.parametrize(
    ("market", "label"),
    [
        ("spreads@-1.5", "spreads home -1.5"),
        ("spreads@2.5", "spreads home +2.5"),
        ("totals@8", "totals 8"),
        ("odd@a@b", "odd a@b"),
    ],
)
def test_a_spread_says_whose_handicap_it_is(stage: Stage, market: str, label: str) -> None:
    stage.push({"rows": [[3, "e1", market, "X", 0]], "order": [3]})
    assert stage.all(".group .market") == [label]


def test_arrow_keys_move_and_updates_do_not_take_the_place_away(stage: Stage) -> None:
    cell(stage, 0, 0).focus()
    for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
        stage.page.keyboard.press(key)
    here = "() => document.body.lastChild.shadowRoot.activeElement === window.was"
    stage.page.evaluate("() => { window.was = document.body.lastChild.shadowRoot.activeElement }")
    assert cell(stage, 1, 2).evaluate("(td) => td === window.was")
    stage.push({"rows": [[3, "e1", "a", "First", 0]], "order": [3, 0, 1, 2], "cells": [1, 2, 5, 1]})
    stage.push(board())
    assert stage.page.evaluate(here)
    stage.page.keyboard.press("End")
    stage.page.keyboard.press("Control+Home")
    assert stage.page.locator("td[tabindex='0']").count() == 1
    assert cell(stage, 0, 0).evaluate("(td) => td.tabIndex") == 0


def test_it_is_a_grid_to_a_screen_reader(stage: Stage) -> None:
    assert stage.page.get_by_role("grid", name="Odds").count() == 1
    assert stage.page.get_by_role("columnheader", name="Outcome").count() == 1
    assert stage.page.get_by_role("gridcell").count() == 9
    assert stage.page.get_by_role("status").count() == 1


def test_nonsense_in_a_frame_is_survived(stage: Stage) -> None:
    stage.push({"cells": [99, 0, 2.0, 0, 0, 99, 2.0, 0, 0, 0, "2.0", 0, 0]})
    stage.push({"rows": [[5, "nowhere", "m", "o", 0]]})
    stage.page.evaluate('() => push(\'{"n": 4, "body": {"cells": [0, 1, 1e400, 0]}}\')')
    stage.page.wait_for_timeout(100)
    assert cell(stage, 0, 1).inner_text() == "susp."
    assert cell(stage, 0, 0).inner_text() == "susp."
    assert len(stage.all(".group tr")) == 3


def test_hostile_names_are_shown_as_they_are(open_page: Any) -> None:
    watched = open_page()
    stage = Stage(watched.page, "table")
    stage.push(
        board(
            columns=[MARKUP, FORMULA, RTL],
            events=[["e1", MARKUP, START, MARKUP], ["__proto__", FORMULA, 1e300, ""]],
            rows=[[0, "e1", MARKUP, MARKUP, 0], [1, "__proto__", FORMULA, RTL, 0]],
            order=[0, 1],
            state={"note": MARKUP, "origin": MARKUP, "empty": ""},
        )
    )
    assert stage.all(".group .outcome") == [MARKUP, RTL]
    assert stage.all(".group .name") == [MARKUP, FORMULA]
    assert stage.page.locator("img").count() == 0
    assert stage.page.evaluate("() => window.fired") is None
    _markup_would_have_fired(stage.page)


def _markup_would_have_fired(page: Any) -> None:
    """The control: without it the test above would pass with a blunt weapon."""
    page.evaluate(
        "(text) => { const div = document.createElement('div'); div.innerHTML = text;"
        " document.body.append(div); }",
        MARKUP,
    )
    page.wait_for_function("() => window.fired === 'name'")


def test_the_hosts_background_decides_between_light_and_dark(stage: Stage) -> None:
    theme = "() => document.body.lastChild.shadowRoot.querySelector('[data-theme]').dataset.theme"
    assert stage.page.evaluate(theme) == "light"
    stage.page.evaluate("() => { document.body.style.background = '#111' }")
    stage.page.wait_for_function(f"{theme.replace('() => ', '')} === 'dark'")


def test_it_leaves_nothing_behind(stage: Stage) -> None:
    stage.page.evaluate("() => window.dispose()")
    assert stage.sent()[-1]["say"] == "gone"
    assert stage.page.evaluate("() => [document.body.children.length, window.hear.length]") == [
        0,
        0,
    ]


def test_seven_hundred_rows_do_not_wear_the_browser_out(open_page: Callable[..., Any]) -> None:
    """20,000 changes a second, 60 frames of 333: it is events out of sight that must be free."""
    page = open_page(viewport={"width": 1400, "height": 900}).page
    stage = Stage(page, "table")
    rows = [[at, f"e{at // 10}", f"m@{at // 2}", f"o{at % 2}", 0] for at in range(700)]
    events = [[f"e{at}", f"A{at} @ B{at}", START, "s"] for at in range(70)]
    cells = [part for r in range(700) for c in range(11) for part in (r, c, 2.0, 0)]
    columns = [f"book{at}" for at in range(11)]
    order = list(range(700))
    stage.push(board(columns=columns, rows=rows, events=events, order=order, cells=cells))

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
                (frame * 37 + i * 7) % 700, i % 11, 1.5 + ((frame + i) % 50) / 10, i % 9 ? 0 : 1
              );
            push(JSON.stringify({ n: 2 + frame, body: { cells } }));
            await new Promise(requestAnimationFrame);
          }
        }"""
    )
    a_frame = (worked() - before) / 40 * 1000
    # 16 ms as built; 50 without paint containment, 64 as one large table.
    assert a_frame < 40, f"{a_frame:.0f} ms a frame"
