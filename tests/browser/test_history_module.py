"""``history_view.js`` in a real browser, fed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from protipp_stream.ui.history_view import HistoryView
from protipp_stream.ui.scale import linear_scale
from tests.browser.stage import Stage
from tests.ui.hostile import FORMULA, MARKUP, RTL

pytestmark = pytest.mark.browser

BEGIN, END = 1_785_844_800_000.0, 1_785_845_400_000.0  # ten minutes
SLIDER = "input[type=range]"


def line(name: str, *runs: list[tuple[float, float]]) -> dict[str, Any]:
    return {"name": name, "runs": [[[BEGIN + at, odds] for at, odds in run] for run in runs]}


LINES = [
    line("acme", [(0, 2.0), (300_000, 2.1), (600_000, 2.1)]),
    line("bolt", [(0, 1.9), (120_000, 1.9)], [(360_000, 2.2), (600_000, 2.2)]),
]


def drawing(**changes: Any) -> dict[str, Any]:
    scale = linear_scale(1.9, 2.2)
    return {
        "events": [["m1", "Reds @ Blues"], ["m2", "Kings @ Queens"]],
        "markets": ["h2h", "totals@7.5"], "outcomes": ["Blues", "Reds"], "lines": LINES,
        "bands": [], "begin": BEGIN, "end": END, "trail_end": END,
        "scale": {"low": scale.low, "high": scale.high, "ticks": scale.ticks},
        "points": 7, "left_out": 0, **changes,
    }  # fmt: skip


def body(**changes: Any) -> dict[str, Any]:
    return {
        "chosen": {"event": "m1", "market": "h2h", "outcome": "Blues"}, "token": "t1",
        "drawing": drawing(),
        "moment": {"at": END, "rows": [["acme", 2.1, 300.0], ["bolt", None, 240.0]]},
        "whole": True, **changes,
    }  # fmt: skip


def raised(open_page: Any, **context: Any) -> Stage:
    return Stage(open_page(**context).page, HistoryView.parts, height="20rem")


def chosen(stage: Stage) -> list[dict[str, Any]]:
    return [said["what"] for said in stage.sent() if said["say"] == "choose"]


def slide(stage: Stage, at: float) -> None:
    stage.page.locator(SLIDER).evaluate(
        "(slider, at) => { slider.value = at; slider.dispatchEvent(new Event('input')); }", at
    )


def test_lines_are_steps_with_gaps_and_the_board_is_beside_them(open_page: Any) -> None:
    stage = raised(open_page, viewport={"width": 1300, "height": 700})
    stage.push(body())
    assert stage.page.locator(".trace.c0").count() == 1
    assert stage.page.locator(".trace.c1").count() == 2
    steps = stage.page.locator(".trace.c0").get_attribute("d")
    assert "L" not in steps
    assert "H" in steps
    assert [text.split("\t") for text in stage.all(".moment tbody tr")] == [
        ["acme", "2.10", "5 min"],
        ["bolt", "susp.", "4 min"],
    ]
    assert "all drawn" in stage.all("footer")[0]


@pytest.mark.parametrize("width", [1300, 390])
def test_it_fits_its_place_with_two_to_six_ticks(open_page: Any, width: int) -> None:
    stage = raised(open_page, viewport={"width": width, "height": 800})
    stage.push(body())
    stage.page.wait_for_timeout(100)
    assert 2 <= stage.page.locator("text.x").count() <= 6
    assert 2 <= stage.page.locator("text.y").count() <= 6
    assert stage.page.evaluate("() => document.documentElement.scrollWidth") <= width


def test_the_slider_asks_for_the_board_of_its_moment_and_shows_the_answer(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body())
    slide(stage, BEGIN + 200_000)
    assert chosen(stage) == [
        {"event": "m1", "market": "h2h", "outcome": "Blues", "have": "t1", "at": BEGIN + 200_000}
    ]
    moment = {"at": BEGIN + 200_000, "rows": [["acme", 2.0, 200.0]]}
    stage.push(body(asked_at=BEGIN + 200_000, moment=moment, drawing=None))
    assert [text.split("\t")[:2] for text in stage.all(".moment tbody tr")] == [["acme", "2.00"]]
    assert stage.page.locator(".trace.c0").count() == 1  # the lines are still there
    assert (
        stage.page.get_by_role("button", name="Live end").get_attribute("aria-pressed") == "false"
    )
    half = stage.page.locator(".now").get_attribute("x1")
    box = stage.page.locator(".plot").bounding_box()
    assert box["width"] * 0.3 < float(half) < box["width"] * 0.42


def test_only_one_question_is_on_its_way_and_the_newest_is_asked_next(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body())
    for seconds in (10, 20, 30):
        slide(stage, BEGIN + seconds * 1000)
    assert [what["at"] for what in chosen(stage)] == [BEGIN + 10_000]
    late = body(asked_at=None, drawing=None, moment={"at": END, "rows": []})
    stage.push(late)  # an answer to an earlier question is none to this one
    assert [what["at"] for what in chosen(stage)] == [BEGIN + 10_000]
    stage.push(body(asked_at=BEGIN + 10_000, drawing=None))
    assert [what["at"] for what in chosen(stage)] == [BEGIN + 10_000, BEGIN + 30_000]


def test_another_event_market_or_outcome_is_asked_of_python(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body())
    stage.page.get_by_label("Outcome").select_option("Reds")
    stage.page.get_by_label("Market").select_option("totals@7.5")
    stage.page.get_by_label("Event", exact=True).select_option("m2")
    assert [{k: v for k, v in what.items() if k != "have"} for what in chosen(stage)] == [
        {"event": "m1", "market": "h2h", "outcome": "Reds"},
        {"event": "m1", "market": "totals@7.5"},
        {"event": "m2"},
    ]


def test_many_events_are_searched(open_page: Any) -> None:
    stage = raised(open_page)
    events = [[f"m{n}", f"Team {n} v Others"] for n in range(1, 40)]
    stage.push(body(drawing=drawing(events=events)))
    stage.page.get_by_label("Search events").fill("team 17")
    assert stage.page.locator("select").first.locator("option").all_text_contents() == [
        "Team 17 v Others"
    ]
    assert "1 of 39 events" in stage.all(".tools")[0]
    stage.page.keyboard.press("Enter")
    assert chosen(stage)[-1]["event"] == "m17"


@pytest.mark.parametrize(("motion", "step"), [("no-preference", 100), ("reduce", 1000)])
def test_the_replay_plays_and_moves_seldom_where_motion_is_unwelcome(
    open_page: Any, motion: str, step: int
) -> None:
    page = open_page(reduced_motion=motion).page
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    stage = Stage(page, HistoryView.parts, height="20rem")
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [1, body()])
    page.clock.run_for(50)
    page.get_by_label("Speed").select_option("10")
    page.get_by_role("button", name="Play the replay").click()
    page.clock.run_for(step - 20)
    assert float(page.locator(SLIDER).input_value()) == BEGIN
    page.clock.run_for(2000)
    moved = float(page.locator(SLIDER).input_value()) - BEGIN
    assert 10 * 1900 - 10 * step <= moved <= 10 * 2100
    page.get_by_role("button", name="Pause the replay").click()
    page.clock.run_for(3000)
    assert float(page.locator(SLIDER).input_value()) - BEGIN == moved
    assert chosen(stage)[0]["at"] == BEGIN


def test_a_replay_ends_at_the_live_end(open_page: Any) -> None:
    page = open_page().page
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    stage = Stage(page, HistoryView.parts, height="20rem")
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [1, body()])
    page.clock.run_for(50)
    page.get_by_label("Speed").select_option("600")
    page.get_by_role("button", name="Play the replay").click()
    page.clock.run_for(8000)
    assert page.get_by_role("button", name="Play the replay").is_visible()
    assert page.get_by_role("button", name="Live end").get_attribute("aria-pressed") == "true"
    assert "at" not in chosen(stage)[-1]


def test_it_follows_the_trail_at_its_live_end(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body())
    grown = drawing(end=END + 60_000, trail_end=END + 60_000)
    stage.push(body(drawing=grown, token="t2", whole=False))
    assert float(stage.page.locator(SLIDER).input_value()) == END + 60_000


def test_where_something_is_missing_it_is_said(open_page: Any) -> None:
    stage = raised(open_page)
    band = [BEGIN + 100_000, BEGIN + 400_000, "not recorded"]
    at = {"at": BEGIN + 200_000, "rows": [["acme", 2.0, 100.0]]}
    stage.push(body(asked_at=BEGIN + 200_000, drawing=drawing(bands=[band]), moment=at))
    assert stage.page.locator(".band-name").all_text_contents() == ["not recorded"]
    assert "not recorded" in stage.all(".moment .note:visible")[0]


def test_the_crosshair_tells_every_bookmaker(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body())
    plot = stage.page.locator(".plot")
    plot.focus()
    stage.page.keyboard.press("Home")
    assert "acme 2.00, bolt 1.90" in plot.get_attribute("aria-valuetext")
    for _ in range(2):
        stage.page.keyboard.press("ArrowRight")
    assert "acme 2.10, bolt no price" in plot.get_attribute("aria-valuetext")
    stage.page.keyboard.press("Enter")
    assert chosen(stage)[-1]["at"] == BEGIN + 300_000


def test_left_out_points_and_trouble_are_said_in_words(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body(drawing=drawing(points=9000, left_out=6000)))
    assert "6,000 of 9,000 points left out" in stage.all("footer")[0]
    stage.push({"problem": "audit does not exist. Give the folder.", "whole": True})
    assert stage.all(".empty:visible") == ["audit does not exist. Give the folder."]
    assert stage.page.locator(".history").is_hidden()


def test_hostile_names_stay_text(open_page: Any) -> None:
    stage = raised(open_page)
    lines = [{**LINES[0], "name": MARKUP}, {**LINES[1], "name": RTL}]
    stage.push(
        body(
            chosen={"event": MARKUP, "market": FORMULA, "outcome": RTL},
            drawing=drawing(
                events=[[MARKUP, MARKUP], ["b", FORMULA]], markets=[FORMULA, MARKUP],
                outcomes=[RTL, MARKUP], lines=lines, bands=[[BEGIN, END, MARKUP]],
            ),
            moment={"at": END - 1, "rows": [[MARKUP, 2.0, 1.0], [RTL, 1.9, 1.0]]},
            note=MARKUP,
        )
    )  # fmt: skip
    page = stage.page
    assert page.locator("select").first.locator("option").all_text_contents() == [MARKUP, FORMULA]
    assert stage.all(".moment tbody td:first-child") == [MARKUP, RTL]
    assert stage.all(".said .note:visible") == [MARKUP]
    assert page.locator(".band-name").all_text_contents() == [MARKUP]
    page.locator(".plot").focus()
    page.keyboard.press("Home")
    assert MARKUP in page.locator(".told").inner_text()
    assert page.locator("img").count() == 0
    assert page.evaluate("() => window.fired") is None
    # The positive control: as markup it would have told.
    page.evaluate("(text) => { document.body.insertAdjacentHTML('beforeend', text); }", MARKUP)
    page.wait_for_function("() => window.fired === 'name'")
