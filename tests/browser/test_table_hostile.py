"""Names that would like to be markup, and the control that shows that they could."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.boards import START, TableStage
from tests.ui.hostile import FORMULA, MARKUP, RTL

pytestmark = pytest.mark.browser

EVENTS = (("e1", MARKUP, START, MARKUP), ("__proto__", FORMULA, 1e300, "other"))
PRICES = {
    (MARKUP, "e1", MARKUP, MARKUP): 2.0,
    (FORMULA, "__proto__", FORMULA, RTL): 3.0,
    ("__proto__", "__proto__", "constructor", "toString"): 4.0,
}


def markup_would_have_fired(page: Any) -> None:
    """The control: without it the tests here would pass with a blunt weapon."""
    page.evaluate(
        "(text) => { const div = document.createElement('div'); div.innerHTML = text;"
        " document.body.append(div); }",
        MARKUP,
    )
    page.wait_for_function("() => window.fired === 'name'")


@pytest.mark.parametrize("flat", [False, True])
def test_hostile_names_are_shown_as_they_are(open_page: Callable[..., Any], *, flat: bool) -> None:
    stage = TableStage(open_page(viewport={"width": 1300, "height": 600}).page, flat=flat)
    stage.whole(PRICES, *EVENTS, note=MARKUP, origin=RTL, faded=[MARKUP])
    rows = stage.shown()
    assert [row["Outcome"]["text"] for row in rows] == [MARKUP, RTL, "toString"]
    assert [row["Event"]["text"] for row in rows][:2] == [MARKUP, FORMULA]
    assert rows[0]["Event"]["title"] == f"{MARKUP} · {MARKUP} · e1"
    assert rows[0]["Market"]["title"] == rows[0]["Market"]["text"] == MARKUP
    named = stage.column("Bookmaker") if flat else stage.headings()
    assert {FORMULA, "__proto__"} < set(named)
    assert stage.all(".note:visible") == [MARKUP]
    assert stage.all(".origin:visible") == [RTL]
    assert stage.page.get_by_label("Sport", exact=True).locator("option").all_inner_texts() == [
        *("All sports", MARKUP, "other")
    ]
    stage.page.locator("summary.menu").click()
    assert stage.page.locator("img").count() == 0
    assert stage.page.evaluate("() => window.fired") is None
    markup_would_have_fired(stage.page)


def test_an_empty_board_says_hostile_words_as_they_are(open_page: Callable[..., Any]) -> None:
    stage = TableStage(open_page().page)
    stage.whole({}, empty=MARKUP)
    stage.page.evaluate("(text) => push(JSON.stringify({ refused: text }))", MARKUP)
    assert stage.all(".empty") == [MARKUP]
    assert stage.all(".refusal") == [MARKUP]
    assert stage.page.locator("img").count() == 0


def test_what_a_spreadsheet_would_run_is_copied_as_text(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport={"width": 1300, "height": 600}).page
    stage = TableStage(page, flat=True)
    stage.whole(PRICES, *EVENTS)
    page.evaluate(  # about:blank has no other clipboard
        "() => { document.execCommand = () => { window.copied = document.activeElement.value;"
        " return true; } }"
    )
    page.get_by_role("button", name="Copy CSV").click()
    page.get_by_role("button", name="Copied").wait_for()
    text = page.evaluate("() => window.copied")
    quoted = FORMULA.replace('"', '""')
    assert f'"\'{quoted}"' in text
    assert f",{FORMULA}" not in text
    assert MARKUP.replace('"', '""') in text
