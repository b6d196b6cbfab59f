"""``moves.js`` in a real browser, fed by hand: the newest first, filtered here, text as text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from protipp_stream.ui import MovesFeed
from tests.browser.stage import Stage
from tests.ui.hostile import FORMULA, MARKUP, RTL

pytestmark = pytest.mark.browser

START = 1785844800000
STEAM = "steam: 3 independent bookmakers up within 20 s"


def move(number: int, **changes: Any) -> list[Any]:
    said = {
        "id": f"e:{number}", "at": START + number * 1000, "event": "e1", "bookmaker": "a",
        "market": "spreads@-1.5", "outcome": f"X{number}", "old": 2.0, "new": 1.6, "points": 12.5,
        "reason": "h=+0.061", "steam": 0,
    }  # fmt: skip
    return list({**said, **changes}.values())


def body(*moves: list[Any], **changes: Any) -> dict[str, Any]:
    return {
        "events": [["e1", "Nationals @ Phillies", "mlb"]],
        "moves": list(moves), "seen": len(moves), "left_out": 0, "missing": 0, **changes,
    }  # fmt: skip


@pytest.fixture
def stage(open_page: Callable[..., Any]) -> Stage:
    watched = open_page(viewport={"width": 1200, "height": 600}, timezone_id="UTC")
    stage = Stage(watched.page, MovesFeed.parts, max_height="20rem", keep=5)
    stage.push(body(move(1), move(2, new=2.5, points=-10.0), whole=True, state={}))
    return stage


def column(stage: Stage, name: str) -> list[str]:
    heads = [head.lower() for head in stage.all(".head .cell")]
    rows = stage.page.locator(".canvas .row:not([hidden])")
    cells = [
        (row.get_attribute("aria-rowindex"), row.locator(".cell").nth(heads.index(name)))
        for row in rows.all()
    ]
    return [cell.inner_text() for _, cell in sorted(cells, key=lambda each: int(each[0] or 0))]


def test_the_newest_comes_first_with_time_direction_points_and_reason(stage: Stage) -> None:
    assert column(stage, "time") == ["12:00:02", "12:00:01"]
    assert column(stage, "odds") == ["2.00 → ▲ 2.50", "2.00 → ▼ 1.60"]
    assert column(stage, "points") == ["\N{MINUS SIGN}10.0", "+12.5"]
    assert column(stage, "market") == ["spreads home -1.5"] * 2
    assert column(stage, "reason") == ["h=+0.061"] * 2
    assert column(stage, "event") == ["Nationals @ Phillies"] * 2


def test_a_new_move_comes_on_top_tinted_and_the_oldest_goes(stage: Stage) -> None:
    stage.push(body(move(3), seen=3))
    assert column(stage, "outcome") == ["X3", "X2", "X1"]
    assert stage.page.locator(".fresh").count() == 1
    stage.push(body(*[move(number) for number in range(4, 8)], seen=7))
    assert column(stage, "outcome") == ["X7", "X6", "X5", "X4", "X3"]
    assert "5 moves, the newest of 7" in stage.all(".tools [role=status]")
    stage.page.wait_for_function(
        "() => !document.body.lastChild.shadowRoot.querySelector('.fresh')"
    )


def test_with_reduced_motion_nothing_fades(open_page: Any) -> None:
    # It has been fresh for longer than that on a slow machine: this asks for the style alone.
    names = (
        "(cell) => { cell.parentNode.classList.add('fresh');"
        " return getComputedStyle(cell).animationName; }"
    )
    for options, said in (({"reduced_motion": "reduce"}, "none"), ({}, "arrive")):
        stage = Stage(open_page(**options).page, MovesFeed.parts, keep=5)
        stage.push(body(move(1), whole=True, state={}))
        assert stage.page.locator(".canvas .cell").first.evaluate(names) == said


def test_steam_only_and_the_text_filter_are_the_viewers_own(stage: Stage) -> None:
    stage.push(body(move(3, reason=STEAM, steam=1), seen=3))
    before = len(stage.sent())
    stage.page.get_by_role("button", name="Steam only").click()
    stage.page.wait_for_timeout(50)
    assert column(stage, "reason") == [f"⇈ {STEAM}"]
    assert "1 of 3 moves" in stage.all(".tools [role=status]")
    stage.page.get_by_role("button", name="Steam only").click()
    stage.page.get_by_role("searchbox").fill("nationals x2")
    stage.page.wait_for_timeout(50)
    assert column(stage, "outcome") == ["X2"]
    stage.push(body(move(4), seen=4))
    assert column(stage, "outcome") == ["X2"], "what comes later is filtered, too"
    assert len(stage.sent()) == before


def test_who_reads_further_down_is_not_pushed_on(open_page: Any) -> None:
    page = open_page(viewport={"width": 1200, "height": 600}).page
    stage = Stage(page, MovesFeed.parts, max_height="12rem", keep=100)
    stage.push(body(*[move(number) for number in range(60)], whole=True, state={}))
    page.locator(".scroll").evaluate("(box) => { box.scrollTop = 240 }")
    stage.push(body())
    stage.push(body(move(60), move(61)))
    assert page.locator(".scroll").evaluate("(box) => box.scrollTop") == 288


def test_what_was_left_out_is_said(stage: Stage) -> None:
    stage.push(body(left_out=1234, missing=1))
    assert stage.all(".tools .note:visible") == [
        "1,234 moves left out: they came too fast. "
        "1 update did not come one by one: moves among them are not here."
    ]


def test_an_empty_feed_says_what_is_coming_and_an_old_one_dims(stage: Stage) -> None:
    stage.push(body(whole=True, state={"old": True, "note": "Stalled: these may be old."}))
    assert stage.all(".empty:visible") == [
        "No significant move yet: each appears here when it comes."
    ]
    assert stage.page.locator(".panel.old").count() == 1
    assert "Stalled: these may be old." in stage.all(".note:visible")
    stage.push(body(whole=True, state={"empty": "Connecting …"}))
    assert stage.all(".empty:visible") == ["Connecting …"]
    assert stage.page.locator(".panel.old").count() == 0


def test_hostile_names_are_shown_as_they_are(open_page: Any) -> None:
    watched = open_page(viewport={"width": 1200, "height": 600})
    stage = Stage(watched.page, MovesFeed.parts, keep=5)
    hostile = {"bookmaker": FORMULA, "market": RTL, "outcome": MARKUP, "reason": MARKUP}
    stage.push(
        {
            **body(move(1, **hostile), move(2, event="__proto__"), whole=True),
            "events": [["e1", MARKUP, MARKUP], ["__proto__", FORMULA, ""]],
            "state": {"note": MARKUP, "origin": MARKUP, "empty": ""},
        }
    )
    assert column(stage, "event") == [FORMULA, MARKUP]
    assert column(stage, "outcome")[1] == MARKUP
    assert column(stage, "reason")[1] == MARKUP
    assert stage.page.locator("img").count() == 0
    assert stage.page.evaluate("() => window.fired") is None
    stage.page.evaluate(  # the control: the weapon is sharp
        "(text) => { const div = document.createElement('div'); div.innerHTML = text;"
        " document.body.append(div); }",
        MARKUP,
    )
    stage.page.wait_for_function("() => window.fired === 'name'")


def test_it_leaves_nothing_behind(stage: Stage) -> None:
    stage.page.evaluate("() => window.dispose()")
    assert stage.sent()[-1]["say"] == "gone"
    assert stage.page.evaluate("() => document.body.children.length") == 0
