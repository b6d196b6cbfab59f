"""The README's script on static pages in a real browser: its own origin, and another."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from protipp_stream.gateway import Gateway, Settings
from tests.scripted import ScriptedFeed, quote

pytestmark = pytest.mark.browser

README = (Path(__file__).parent.parent.parent / "README.md").read_text()
SETUP = """
window.heard = [];
window.hear = (frame) => window.heard.push(frame);
window.count = (kind) => window.heard.filter((frame) => frame.type === kind).length;
window.follow = async ([script, token]) => {
  const AsyncFunction = (async () => {}).constructor;
  const run = new AsyncFunction("token", "hear", script + "; return { socket, events };");
  try {
    Object.assign(window, await run(token, window.hear));
    return "following";
  } catch (error) {
    return error.name;
  }
};
"""
# What a thief's page would do with a ticket that it has seen.
SHOW = """([api, ticket]) => Promise.all([
  new Promise((done) => {
    const socket = new WebSocket(`${api.replace("http", "ws")}/odds/realtime?ticket=${ticket}`);
    socket.onmessage = () => done("heard");
    socket.onclose = () => done("closed");
  }),
  new Promise((done) => {
    const events = new EventSource(`${api}/odds/stream?ticket=${ticket}`);
    events.addEventListener("connected", () => done("heard"));
    events.onerror = () => done(events.readyState === EventSource.CLOSED ? "closed" : "retries");
  }),
])"""

MODES = "() => heard.filter((f) => f.type === 'connected').map((f) => f.mode)"
ODDS = "() => heard.find((f) => f.type === 'updates').updates.map((row) => row.new_odds)"


class _BlankPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = b"<!doctype html><link rel=icon href=data:,><title>a page</title>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def site() -> Iterator[str]:
    """Serve a blank page on a port of its own: an origin."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _BlankPage) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture
def own() -> Iterator[str]:
    with site() as origin:
        yield origin


@pytest.fixture
def foreign() -> Iterator[str]:
    with site() as origin:
        yield origin


@pytest.fixture
def feed() -> ScriptedFeed:
    return ScriptedFeed()


@pytest.fixture
def gateway(own: str, feed: ScriptedFeed) -> Iterator[Gateway]:
    with Gateway(feed, settings=Settings(allowed_origins=frozenset({own}))) as made:
        feed.tell([quote(2.0)])
        yield made


@pytest.fixture
def script(gateway: Gateway) -> str:
    """The README's lines, with this gateway's address."""
    [lines] = re.findall(r"```js\n(.*?)```", README, re.DOTALL)
    assert "http://127.0.0.1:8700" in lines
    return lines.replace("http://127.0.0.1:8700", gateway.url)


@pytest.fixture
def visit(open_page: Callable[..., Any]) -> Callable[[str], Any]:
    def visited(origin: str) -> Any:
        watched = open_page()
        watched.page.add_init_script(SETUP)
        watched.page.goto(origin)
        return watched

    return visited


def test_the_readmes_lines_follow_over_websocket_and_eventsource(
    gateway: Gateway, feed: ScriptedFeed, visit: Callable[[str], Any], own: str, script: str
) -> None:
    watched = visit(own)
    assert watched.page.evaluate("follow", [script, gateway.token()]) == "following"
    watched.page.wait_for_function("() => count('connected') === 2 && count('snapshot') === 2")
    assert sorted(s.transport for s in gateway.hub.subscriptions) == ["sse", "websocket"]
    feed.tell([quote(2.5)])
    watched.page.wait_for_function("() => count('updates') === 2")
    assert watched.errors == []


def test_the_same_lines_on_a_foreign_page_hear_nothing(
    gateway: Gateway, visit: Callable[[str], Any], foreign: str, script: str
) -> None:
    page = visit(foreign).page
    assert page.evaluate("follow", [script, gateway.token()]) == "TypeError"
    assert gateway.hub.audit.counts["origin"] == 1
    assert page.evaluate("() => heard") == []
    assert not gateway.hub.subscriptions


def test_a_foreign_page_hears_nothing_with_a_ticket_of_ours(
    gateway: Gateway, visit: Callable[[str], Any], own: str, foreign: str
) -> None:
    api = f"{gateway.url}/api/v1"
    headers = {"Authorization": f"Bearer {gateway.token()}"}
    body = {"origin": own}
    answer = httpx.post(f"{api}/realtime/ticket", headers=headers, json=body, trust_env=False)
    ticket = answer.json()["ticket"]
    assert visit(foreign).page.evaluate(SHOW, [api, ticket]) == ["closed", "closed"]
    assert gateway.hub.audit.counts["origin"] == 2
    shown = visit(own).page.evaluate(SHOW, [api, ticket])
    assert sorted(shown) == ["closed", "heard"], "the positive control; and it is good once"


def test_an_eventsource_that_comes_back_by_itself_stops_and_a_new_ticket_resumes(
    gateway: Gateway, feed: ScriptedFeed, visit: Callable[[str], Any], own: str, script: str
) -> None:
    page = visit(own).page
    assert page.evaluate("follow", [script, gateway.token(lifetime_s=3)]) == "following"
    page.wait_for_function("() => count('snapshot') === 2")
    page.evaluate(
        "() => events.addEventListener('updates', (event) => { window.last = event.lastEventId })"
    )
    feed.tell([quote(2.5)])
    page.wait_for_function("() => window.last")
    page.wait_for_function("() => events.readyState === EventSource.CLOSED")
    assert gateway.hub.audit.counts["ticket_used"] == 1
    feed.tell([quote(2.6)])
    again = script.replace("/odds/stream?", "/odds/stream?since=${window.last}&")
    assert again != script
    page.evaluate("() => { window.heard = []; socket.close(); }")
    assert page.evaluate("follow", [again, gateway.token()]) == "following"
    page.wait_for_function("() => count('connected') === 2 && count('updates') === 1")
    assert sorted(page.evaluate(MODES)) == ["replay", "snapshot"], "the socket's is the other"
    assert page.evaluate(ODDS) == [2.6], "what was missed, and nothing twice"
