"""``latency.js`` and ``chart.js`` in a real browser, fed by hand."""

from __future__ import annotations

import time
from typing import Any

import pytest

from protipp_stream.ui.latency import FLOOR_MS, LINES, LatencyChart
from protipp_stream.ui.scale import log_scale
from tests.browser.stage import Stage
from tests.ui.fake import FakeOdds
from tests.ui.hostile import MARKUP, RTL

pytestmark = pytest.mark.browser

OPTIONS = LatencyChart(FakeOdds(), seconds=60).options  # type: ignore[arg-type]


def sample(ago: float, ms: float | None, *, down: str = "", bound: bool = False) -> list[Any]:
    figure = None if ms is None else [ms, bound, f"{'≤ ' * bound}{ms} ms"]
    return [(time.time() - ago) * 1000, down, [figure] * len(LINES)]


def body(*samples: list[Any], verdict: str = "Within the budget", **said: Any) -> dict[str, Any]:
    scale = log_scale([2.0], FLOOR_MS, 200)
    return {
        "samples": list(samples),
        "scale": {"low": scale.low, "high": scale.high, "ticks": scale.ticks, "log": True},
        "said": {
            "verdict": verdict, "icon": "▮▮▮", "level": "good",
            "words": ["clocks ± 0.4 ms"], "rows": [["total", "2 ms", "3 ms", "4 ms", "10"]],
            "old": False, **said,
        },
        "now": time.time(),
        "whole": True,
    }  # fmt: skip


def raised(open_page: Any, **context: Any) -> Stage:
    return Stage(open_page(**context).page, LatencyChart.parts, **OPTIONS)


def height_of(stage: Stage, selector: str) -> float:
    return float(stage.page.locator(selector).first.bounding_box()["y"])


def test_the_budget_is_in_sight_and_the_ticks_are_labelled(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body(*(sample(ago, 2.0) for ago in range(30, 0, -1))))
    assert stage.page.locator("text.y").all_text_contents() == ["0.1", "1", "10", "100"]
    assert stage.page.locator("text.limit-name").all_text_contents() == ["budget 100 ms", "50 ms"]
    assert (
        height_of(stage, ".limit") < height_of(stage, ".limit.faint") < height_of(stage, ".trace")
    )


@pytest.mark.parametrize("width", [1300, 390])
def test_it_is_as_wide_as_its_place_with_two_to_six_times(open_page: Any, width: int) -> None:
    stage = raised(open_page, viewport={"width": width, "height": 500})
    stage.push(body(*(sample(ago, 2.0) for ago in range(30, 0, -1))))
    stage.page.wait_for_function(
        "document.querySelector('div').shadowRoot.querySelector('svg path')"
    )
    assert 2 <= stage.page.locator("text.x").count() <= 6
    assert stage.page.evaluate("() => document.documentElement.scrollWidth") <= width
    stage.page.set_viewport_size({"width": 700, "height": 500})
    stage.page.wait_for_timeout(200)
    assert stage.page.locator(".plot svg").bounding_box()["width"] == pytest.approx(698, abs=3)


def test_an_outage_is_a_gap_with_a_mark_and_no_straight_line(open_page: Any) -> None:
    stage = raised(open_page, viewport={"width": 1300, "height": 500})
    before = [sample(ago, 2.0) for ago in range(50, 40, -1)]
    after = [sample(ago, 2.0) for ago in range(20, 0, -1)]
    stage.push(body(*before, *after))
    assert stage.page.locator(".trace.c1").count() == 2
    assert stage.page.locator(".band").count() == 0
    outage = [sample(ago, None, down="Reconnecting") for ago in range(40, 20, -1)]
    stage.push(body(*before, *outage, *after))
    assert stage.page.locator(".trace.c1").count() == 2
    assert stage.page.locator(".band-name").all_text_contents() == ["✕ Reconnecting"]
    # The positive control: without it they are one line.
    stage.push(body(*(sample(ago, 2.0) for ago in range(50, 0, -1))))
    assert stage.page.locator(".trace.c1").count() == 1


def test_a_bound_is_dotted_and_joins_the_figure_beside_it(open_page: Any) -> None:
    stage = raised(open_page)
    bounds = [sample(ago, 1.0, bound=True) for ago in range(20, 10, -1)]
    stage.push(body(*bounds, *(sample(ago, 2.0) for ago in range(10, 0, -1))))
    looks = stage.page.locator(".trace.c1").evaluate_all(
        "(paths) => paths.map((path) =>"
        " [getComputedStyle(path).strokeDasharray, path.getTotalLength() > 0])"
    )
    assert looks == [["1px, 3px", True], ["none", True]]


def test_the_newest_figures_are_told_to_who_cannot_see_them(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body(sample(2, 2.0), sample(1, 3.0)))
    label = stage.page.locator("[role=group]").get_attribute("aria-label")
    assert "Within the budget" in label
    assert "total p50 3.0 ms" in label
    stage.page.locator("summary").click()
    assert stage.all(".figures td") == ["total", "2 ms", "3 ms", "4 ms", "10"]


def test_the_arrow_keys_move_a_crosshair_that_tells_the_values(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body(sample(3, 2.0), sample(2, 3.0), sample(1, None, down="Stalled")))
    plot = stage.page.locator(".plot")
    plot.focus()
    told = []
    for _ in range(3):
        stage.page.keyboard.press("ArrowLeft")
        told.append(plot.get_attribute("aria-valuetext"))
    assert "Stalled nothing measured" in told[0]
    assert "total p50 3.0 ms" in told[1]
    assert "total p50 2.0 ms" in told[2]
    assert stage.page.locator(".told").is_visible()
    stage.page.keyboard.press("Escape")
    assert not stage.page.locator(".told").is_visible()


def test_the_pointer_tells_the_values_too(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(body(sample(30, 7.5), sample(29, 7.5)))
    box = stage.page.locator(".plot").bounding_box()
    stage.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    assert "7.5 ms" in stage.page.locator(".told").inner_text()


def test_hostile_words_stay_text(open_page: Any) -> None:
    stage = raised(open_page)
    stage.push(
        body(
            *(sample(ago, None, down=MARKUP) for ago in range(58, 0, -1)),
            verdict=MARKUP, words=[RTL, MARKUP], rows=[[MARKUP, "1", "2", "3", "4"]],
        )
    )  # fmt: skip
    assert stage.all(".verdict") == [f"▮▮▮{MARKUP}"]
    assert stage.page.locator(".band-name").all_text_contents() == [f"✕ {MARKUP}"]
    assert stage.all("footer span") == [RTL, MARKUP]
    assert stage.page.locator("img").count() == 0
    assert stage.page.evaluate("() => window.fired") is None


def test_silence_is_said_and_dims_the_chart(open_page: Any) -> None:
    page = open_page().page
    page.clock.install()
    stage = Stage(page, LatencyChart.parts, **OPTIONS)
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [1, body(sample(1, 2.0))])
    page.clock.run_for(8000)
    assert "No word from Python" in stage.all(".note:visible")[0]
    assert stage.page.locator(".panel.old").count() == 1
