"""Pages as Panel serves them, in a real browser: live, offline, and safe."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.servers import free_port, serving
from tests.ui.hostile import FORMULA, MARKUP, RTL

pytestmark = pytest.mark.browser

# A page that is closed while Bokeh writes to it: Tornado's own, of a task that nobody
# awaits. Just these two tracebacks, one after the other; any line of ours in them fails.
LEFT_WHILE_WRITING = re.compile(
    r"Traceback \(most recent call last\):\n"
    r'  File "[^"]*tornado/websocket\.py", [^\n]*\n(?:    [^\n]*\n)+'
    r"tornado\.iostream\.StreamClosedError: Stream is closed\n"
    r"\nDuring handling of the above exception, another exception occurred:\n\n"
    r"Traceback \(most recent call last\):\n"
    r'  File "[^"]*tornado/websocket\.py", [^\n]*\n(?:    [^\n]*\n)+'
    r"tornado\.websocket\.WebSocketClosedError\n"
)

PAGES = ["dashboards/live.py", "tests/browser/pages_hostile.py", "tests/browser/pages_viewers.py"]

FIND = """
window.inside = (node = document, found = []) => {
  for (const each of node.querySelectorAll('*')) {
    found.push(each);
    if (each.shadowRoot) window.inside(each.shadowRoot, found);
  }
  return found;
};
window.prices = () => window.inside().filter((each) => each.matches('td'))
  .map((td) => td.textContent).join();
"""


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    arguments = ["panel", "serve", *PAGES, "--address", "127.0.0.1", "--port", str(port)]
    arguments += ["--unused-session-lifetime", "2000", "--check-unused-sessions", "500"]
    log = tmp_path_factory.mktemp("panel") / "log"
    base = f"http://127.0.0.1:{port}"
    with serving(arguments, f"{base}/live", log, PROTIPP_URL=""):
        yield base
    said = LEFT_WHILE_WRITING.sub("", log.read_text())
    assert "Traceback" not in said, said[-3000:]


def test_the_live_page_moves_says_how_it_is_and_asks_no_other_server(
    address: str, open_page: Callable[..., Any]
) -> None:
    watched = open_page(viewport={"width": 1400, "height": 850})
    page = watched.page
    page.add_init_script(FIND)
    page.goto(f"{address}/live")
    page.locator("td.up, td.down").first.wait_for()
    before = page.evaluate("() => window.prices()")
    page.wait_for_function("(before) => window.prices() !== before", arg=before)
    page.get_by_text("SIMULATED — invented prices").wait_for()
    page.locator(".pill.state", has_text="Live").wait_for()
    page.locator(".pill", has_text="p95").wait_for()
    page.get_by_text("Information only. 18+").wait_for()
    assert watched.outside == []
    assert watched.errors == []


def test_hostile_names_are_text_on_the_served_page_too(
    address: str, open_page: Callable[..., Any]
) -> None:
    watched = open_page()
    page = watched.page
    page.goto(f"{address}/pages_hostile")
    page.locator(".group .outcome").first.wait_for()
    assert set(page.locator(".group .outcome").all_inner_texts()) == {MARKUP, RTL, FORMULA}
    page.locator(".error", has_text=MARKUP).wait_for()
    page.locator(".pill", has_text=MARKUP).wait_for()
    page.locator(".note", has_text=MARKUP).wait_for()
    assert page.locator(".group img, .line img").count() == 0
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
    looker.locator(".group .outcome").first.wait_for()
    assert watchers(counter) == "1"
    looker.goto("about:blank")
    for _ in range(40):
        if watchers(counter) == "0":
            return
        counter.wait_for_timeout(250)
    pytest.fail("the session is gone and its watcher is still there")
