"""Pages as Panel serves them, in a real browser: live, offline, and safe."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protipp_stream.feeds import Simulated
from protipp_stream.gateway import Gateway
from tests.browser.boards import SHOWN
from tests.browser.servers import free_port, serving, trouble_in
from tests.ui.hostile import FORMULA, MARKUP, RTL

pytestmark = pytest.mark.browser

PAGES = ["dashboards/live.py", "tests/browser/pages_hostile.py", "tests/browser/pages_viewers.py"]

PRICES = f"() => JSON.stringify(({SHOWN})(0).map((row) => Object.values(row).map((it) => it.text)))"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    arguments = ["panel", "serve", *PAGES, "--address", "127.0.0.1", "--port", str(port)]
    arguments += ["--unused-session-lifetime", "2000", "--check-unused-sessions", "500"]
    log = tmp_path_factory.mktemp("panel") / "log"
    base = f"http://127.0.0.1:{port}"
    with Gateway(Simulated()) as gateway:
        token = gateway.token(lifetime_s=3600)
        ready = f"{base}/live"
        with serving(arguments, ready, log, PROTIPP_URL=gateway.url, PROTIPP_TOKEN=token):
            yield base
    said = trouble_in(log)
    assert "Traceback" not in said, said[-3000:]


def test_the_live_page_moves_says_how_it_is_and_asks_no_other_server(
    address: str, open_page: Callable[..., Any]
) -> None:
    watched = open_page(viewport={"width": 1400, "height": 850})
    page = watched.page
    page.goto(f"{address}/live")
    page.locator(".grid .up, .grid .down").first.wait_for()
    before = page.evaluate(PRICES)
    page.wait_for_function(f"(before) => ({PRICES})() !== before", arg=before)
    page.get_by_text("SIMULATED — invented prices").first.wait_for()
    page.locator(".pill.state", has_text="Live").wait_for()
    page.locator(".pill", has_text="p95").wait_for()
    page.get_by_text("Information only. 18+").first.wait_for()
    assert watched.outside == []
    assert watched.errors == []


def test_hostile_names_are_text_on_the_served_page_too(
    address: str, open_page: Callable[..., Any]
) -> None:
    watched = open_page()
    page = watched.page
    page.goto(f"{address}/pages_hostile")
    page.locator(".canvas .row").first.wait_for()
    rows = page.evaluate(SHOWN, 0)
    assert [row["Outcome"]["text"] for row in rows] == [MARKUP, RTL, FORMULA]
    assert rows[0]["Event"]["text"] == MARKUP
    assert rows[0]["Event"]["title"] == f"{MARKUP} · {MARKUP} · e1"
    assert {MARKUP, FORMULA} <= set(rows[0])
    page.locator(".error", has_text=MARKUP).wait_for()
    page.locator(".pill", has_text=MARKUP).wait_for()
    page.locator(".note", has_text=MARKUP).wait_for()
    assert page.locator(".panel img, .line img").count() == 0
    assert page.evaluate("() => window.fired") is None
    assert watched.outside == []
    page.evaluate(
        "(text) => { const div = document.createElement('div'); div.innerHTML = text;"
        " document.body.append(div); }",
        MARKUP,
    )
    page.wait_for_function("() => window.fired === 'name'")


def test_a_browser_that_leaves_takes_its_watcher_along(
    address: str, open_page: Callable[..., Any]
) -> None:
    def watchers(page: Any) -> str:
        page.goto(f"{address}/pages_viewers")
        text: str = page.locator("#watchers").text_content()
        return text

    looker, counter = open_page().page, open_page().page
    looker.goto(f"{address}/pages_hostile")
    looker.locator(".canvas .row").first.wait_for()
    assert watchers(counter) == "1"
    looker.goto("about:blank")
    for _ in range(40):
        if watchers(counter) == "0":
            return
        counter.wait_for_timeout(250)
    pytest.fail("the session is gone and its watcher is still there")
