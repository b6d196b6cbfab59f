"""``status.js`` in a real browser, fed by hand."""

from __future__ import annotations

import time
from typing import Any

import pytest

from protipp_stream.ui import RealTimeStatus
from tests.browser.stage import Stage
from tests.ui.hostile import MARKUP, RTL

pytestmark = pytest.mark.browser


def line(*pills: dict[str, Any], error: str = "") -> dict[str, Any]:
    return {"pills": list(pills), "error": error, "now": time.time(), "whole": True}


STATE = {"name": "state", "text": "Live", "icon": "●", "level": "good"}


def test_pills_say_icon_and_word_and_go_when_they_are_gone(open_page: Any) -> None:
    stage = Stage(open_page().page, RealTimeStatus.parts)
    stage.push(line(STATE, {"name": "attempts", "text": "attempt 3"}))
    assert [text.split() for text in stage.all(".pill")] == [["●", "Live"], ["attempt", "3"]]
    stage.push(line(STATE))
    assert len(stage.all(".pill")) == 1


def test_amber_and_orange_differ_by_more_than_colour(open_page: Any) -> None:
    stage = Stage(open_page().page, RealTimeStatus.parts)
    stage.push(line({**STATE, "level": "amber"}, {**STATE, "name": "b", "level": "orange"}))
    looks = stage.page.locator(".pill").evaluate_all(
        "(pills) => pills.map((pill) => [getComputedStyle(pill).borderStyle,"
        " getComputedStyle(pill.lastChild).color])"
    )
    assert looks[0][0] != looks[1][0]
    assert looks[0][1] != looks[1][1]


def test_ages_tick_by_themselves_on_pythons_clock(open_page: Any) -> None:
    page = open_page().page
    page.clock.install(time=0)  # the page's clock is decades behind
    stage = Stage(page, RealTimeStatus.parts)
    beat = {"name": "heartbeat", "text": "heard", "ago": time.time() - 5}
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [1, line(beat)])
    page.clock.run_for(100)
    assert [text.split("\n") for text in stage.all(".pill")] == [["heard", "5 s ago"]]
    page.clock.run_for(3000)
    assert [text.split("\n") for text in stage.all(".pill")] == [["heard", "8 s ago"]]


def test_the_last_error_is_said_in_words_and_hostile_text_stays_text(open_page: Any) -> None:
    stage = Stage(open_page().page, RealTimeStatus.parts)
    stage.push(
        line(
            {"name": MARKUP, "text": MARKUP, "hint": MARKUP},
            {"name": "r", "text": RTL},
            error=MARKUP,
        )
    )
    assert stage.all(".pill") == [MARKUP, RTL]
    assert stage.all(".error:visible") == [MARKUP]
    assert stage.page.locator("img").count() == 0
    assert stage.page.evaluate("() => window.fired") is None


def test_how_long_it_is_so_grows_and_what_comes_next_counts_down(open_page: Any) -> None:
    page = open_page().page
    page.clock.install(time=0)
    stage = Stage(page, RealTimeStatus.parts)
    now = time.time()
    body = line({**STATE, "since": now - 240}, {"name": "plan", "text": "retrying", "due": now + 4})
    body["now"] = now
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [1, body])
    page.clock.run_for(100)
    said = [text.split("\n")[-1] for text in stage.all(".pill")]
    assert said == ["for 4 min", "in 4 s"]
    page.clock.run_for(3000)
    assert stage.all(".pill")[1].split("\n") in (["retrying", "in 1 s"], ["retrying", "in 2 s"])
    page.clock.run_for(4000)
    assert stage.all(".pill")[1].split("\n") == ["retrying", "now"]
