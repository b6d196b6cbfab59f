"""``connections.js`` and ``gateway_view.js`` in a real browser, fed by hand."""

from __future__ import annotations

import time
from typing import Any

import pytest

from protipp_stream.ui import ConnectionManager, GatewayView
from tests.browser.stage import Stage
from tests.ui.hostile import FORMULA, MARKUP, RTL

pytestmark = pytest.mark.browser

CONTROLS = {
    "connect": "It is connected already.",
    "disconnect": "",
    "refresh": "",
    "choose": "",
    "transport": "auto",
    "auto_reconnect": True,
    "note": "",
}
FIRE = (
    "(text) => { const div = document.createElement('div'); div.innerHTML = text;"
    " document.body.append(div); }"
)


def row(name: str, **more: Any) -> dict[str, Any]:
    said = {"key": f"source {name}", "group": "source", "name": name, "kind": "Polling"}
    return {**said, "icon": "●", "state": "Live", "level": "good", **more}


def body(*rows: Any, own: Any = None, whole: bool = True, **more: Any) -> dict[str, Any]:
    pills = [{"name": "state", "text": "Live", "icon": "●", "level": "good"}]
    said = {"pills": pills, "error": "", "latency_ms": None, "controls": CONTROLS, "live": True}
    own = {**said, "origin": "", **(own or {})}
    now = time.time()
    more = {"now": now, "gateway_now": now, **more}
    return {"own": own, "rows": list(rows), "whole": whole, **more}


def answer(*sections: Any, **more: Any) -> dict[str, Any]:
    now = time.time()
    said = {"now": now, "gateway_now": now, "sections": list(sections), "rows": [], "limited": ""}
    return {**said, "trouble": "", "since": None, "answered_at": now, "whole": True, **more}


def manager(page: Any, *, controls: bool = True) -> Stage:
    return Stage(page, ConnectionManager.parts, url="http://g", controls=controls, height="20rem")


def gateway(page: Any) -> Stage:
    return Stage(page, GatewayView.parts, url="http://g", height="20rem")


def cells(stage: Stage, column: int) -> list[str]:
    return stage.all(f".canvas .row:visible .cell:nth-child({column})")


def test_rows_say_icon_and_word_and_what_is_dim_is_dim(open_page: Any) -> None:
    watched = open_page(viewport={"width": 1300, "height": 700})
    stage = manager(watched.page)
    now = time.time()
    was = {"icon": "◌", "state": "Was live", "level": "grey"}
    stage.push(body(row("api", heard=now - 5, errors=3, error="429"), row("b", **was)))
    assert cells(stage, 1) == ["api", "b"]
    assert cells(stage, 2) == ["● Live", "◌ Was live"]
    assert cells(stage, 4) == ["5 s ago", "never"]
    assert stage.all("footer:visible") == ["1 of 2 live"]
    stage.push(body(row("b", latency_ms=12.5), whole=False, gone=["source api"]))
    assert cells(stage, 1) == ["b"]
    assert cells(stage, 2) == ["● Live"]
    assert watched.errors == []


def test_ages_tick_by_the_gateways_clock(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 700}).page
    page.clock.install(time=0)  # the page's clock is decades behind
    stage = manager(page)
    said = body(row("api", heard=1000.0), gateway_now=1005.0)
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [1, said])
    page.clock.run_for(100)
    assert cells(stage, 4) == ["5 s ago"]
    page.clock.run_for(3000)
    assert cells(stage, 4) == ["8 s ago"]


def test_each_control_says_what_it_wants_of_python(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 700}).page
    stage = manager(page)
    stage.push(body(own={"controls": {**CONTROLS, "connect": ""}}))
    for name in ("Connect", "Disconnect", "Refresh"):
        page.get_by_role("button", name=name, exact=True).click()
    page.get_by_label("Transport").select_option("sse")
    page.get_by_label("Reconnect automatically").uncheck()
    assert [said["what"] for said in stage.sent() if said["say"] == "act"] == [
        {"do": "connect"},
        {"do": "disconnect"},
        {"do": "refresh"},
        {"do": "transport", "to": "sse"},
        {"do": "auto_reconnect", "to": False},
    ]


def test_a_control_that_makes_no_sense_now_says_why(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 700}).page
    stage = manager(page)
    stage.push(body(own={"controls": {**CONTROLS, "note": "SSE was chosen; WebSocket delivers."}}))
    connect = page.get_by_role("button", name="Connect", exact=True)
    assert connect.is_disabled()
    assert connect.get_attribute("title") == "It is connected already."
    assert page.get_by_role("button", name="Disconnect").is_enabled()
    assert stage.all(".note:visible") == ["SSE was chosen; WebSocket delivers."]
    page.evaluate("() => push(JSON.stringify({ refused: 'It has ended.' }))")
    assert stage.all(".refusal:visible") == ["It has ended."]


def test_without_controls_there_are_none(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 700}).page
    stage = manager(page, controls=False)
    stage.push(body(row("api"), own={"controls": None}))
    assert cells(stage, 1) == ["api"]
    assert page.get_by_role("button", name="Disconnect").count() == 0
    assert page.get_by_label("Transport").count() == 0


def test_a_link_that_is_down_dims_all_of_it(open_page: Any) -> None:
    stage = manager(open_page(viewport={"width": 1300, "height": 700}).page)
    stage.push(body(row("api")))
    assert stage.page.locator(".connections.old").count() == 0
    stage.push(body(row("api"), own={"live": False, "error": "Nothing listens there."}))
    assert stage.page.locator(".connections.old").count() == 1
    assert stage.all(".error:visible") == ["Nothing listens there."]


def test_when_python_is_silent_it_says_so_and_nothing_can_be_done(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 700}).page
    page.clock.install()
    stage = manager(page)
    said = body(row("api"))
    page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [1, said])
    page.clock.run_for(100)
    assert page.get_by_role("button", name="Disconnect").is_enabled()
    page.clock.run_for(9000)
    assert stage.all(".error:visible")[0].startswith("No word from Python since")
    assert page.get_by_role("button", name="Disconnect").is_disabled()
    assert page.locator(".connections.old").count() == 1


def test_names_of_sources_and_their_errors_are_text(open_page: Any) -> None:
    page = open_page(viewport={"width": 2200, "height": 700}).page
    stage = manager(page)
    hostile = {"error": MARKUP, "kind": MARKUP, "state": MARKUP, "quota": MARKUP}
    stage.push(
        body(
            row(MARKUP, **hostile), row(RTL), row(FORMULA), own={"error": MARKUP, "origin": MARKUP}
        )
    )
    assert set(cells(stage, 1)) == {MARKUP, RTL, FORMULA}
    assert MARKUP in cells(stage, 3)
    assert stage.all(".error:visible") == [MARKUP]
    assert stage.page.locator("img").count() == 0
    assert page.evaluate("() => window.fired") is None
    page.evaluate(FIRE, MARKUP)
    page.wait_for_function("() => window.fired === 'name'")


def test_the_gateways_figures_come_and_go_in_the_order_of_the_body(open_page: Any) -> None:
    watched = open_page(viewport={"width": 1300, "height": 700})
    stage = gateway(watched.page)
    traffic = [{"name": "Updates a second", "value": "47.9"}, {"name": "Lost", "value": "2"}]
    stage.push(answer({"title": "Traffic", "figures": traffic, "rates": [1, 5, 3]}))
    assert stage.all("h3") == ["Traffic"]
    assert stage.all("dt") == ["Updates a second", "Lost"]
    assert stage.all("dd") == ["47.9", "2"]
    points = watched.page.locator(".trend polyline").get_attribute("points")
    assert len(points.split()) == 3
    stage.push(
        answer(
            {"title": "Feeds", "figures": [{"name": "Error", "value": "1", "icon": "✕"}]},
            {"title": "Traffic", "figures": traffic[:1]},
        )
    )
    assert set(stage.all("h3")) == {"Feeds", "Traffic"}
    assert set(stage.all("dd")) == {"✕ 1", "47.9"}
    assert watched.errors == []


def test_a_gateway_that_is_silent_says_since_when_and_dims(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 700}).page
    stage = gateway(page)
    section = {"title": "Traffic", "figures": [{"name": "Updates", "value": "7"}]}
    now = time.time()
    stage.push(answer(section, trouble="Nothing listens.", since=now - 12, answered_at=now - 14))
    assert page.locator(".gateway.old").count() == 1
    notes = stage.all(".note:visible")
    assert notes[0] == "The gateway does not tell how it is: Nothing listens."
    assert notes[1].startswith("No answer for 12 s. These figures are 14 s old")
    assert stage.all("dd") == ["7"]
    stage.push(answer(section, limited="Your token lacks the scope status:read."))
    assert page.locator(".gateway.old").count() == 0
    assert stage.all(".note:visible") == ["Your token lacks the scope status:read."]


def test_names_in_the_gateways_figures_are_text(open_page: Any) -> None:
    page = open_page(viewport={"width": 1300, "height": 700}).page
    stage = gateway(page)
    figures = [{"name": name, "value": name, "hint": name} for name in (MARKUP, RTL, FORMULA)]
    stage.push(answer({"title": MARKUP, "figures": figures}, trouble=MARKUP, rows=[row(MARKUP)]))
    assert stage.all("h3") == [MARKUP]
    assert stage.all("dt") == stage.all("dd") == [MARKUP, RTL, FORMULA]
    assert cells(stage, 1) == [MARKUP]
    assert page.locator("img").count() == 0
    assert page.evaluate("() => window.fired") is None
    page.evaluate(FIRE, MARKUP)
    page.wait_for_function("() => window.fired === 'name'")
