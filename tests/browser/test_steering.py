"""The controls on a served page do what they say, to a real gateway."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

import protipp_stream as ps
from tests.browser.servers import free_port, serving

pytestmark = pytest.mark.browser

KEY = "only for this test, but long enough to be a secret of its own"
SCOPES = ("odds:read", "status:read")


@dataclass
class World:
    """A gateway in this process, and a page in another one that follows it."""

    gateway: ps.Gateway
    port: int
    page_url: str

    @property
    def transports(self) -> set[str]:
        return {each.transport for each in self.gateway.hub.subscriptions}

    @property
    def ids(self) -> set[str]:
        return {each.id for each in self.gateway.hub.subscriptions}

    def restart(self) -> None:
        self.gateway = ps.Gateway(ps.Simulated(), port=self.port, key=KEY).start()


@pytest.fixture
def world(tmp_path: Any) -> Iterator[World]:
    port, page_port = free_port(), free_port()
    gateway = ps.Gateway(ps.Simulated(), port=port, key=KEY).start()
    arguments = ["panel", "serve", "tests/browser/pages_connections.py"]
    arguments += ["--address", "127.0.0.1", "--port", str(page_port)]
    environment = {"PROTIPP_URL": gateway.url, "PROTIPP_TOKEN": gateway.token(scopes=SCOPES)}
    page_url = f"http://127.0.0.1:{page_port}/pages_connections"
    made = World(gateway, port, page_url)
    try:
        with serving(arguments, page_url, tmp_path / "log", **environment):
            yield made
    finally:
        made.gateway.stop()


def until(is_so: Callable[[], object]) -> None:
    give_up = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def test_every_control_does_what_it_says(world: World, open_page: Callable[..., Any]) -> None:
    watched = open_page(viewport={"width": 1300, "height": 1000})
    page = watched.page
    page.goto(world.page_url)

    def says(*words: str) -> None:
        for each in words:
            page.locator(".own .pill", has_text=each).wait_for()

    def press(name: str) -> None:
        page.get_by_role("button", name=name, exact=True).click()

    way, auto = page.get_by_label("Transport"), page.get_by_label("Reconnect automatically")
    says("Live", "WebSocket")
    until(lambda: world.transports == {"websocket"})

    press("Disconnect")
    says("Disconnected by you")
    until(lambda: not world.ids)
    page.locator(".cell", has_text="Was live").first.wait_for()
    page.locator(".connections.old").wait_for()
    subscribers = page.locator(".card", has=page.get_by_role("heading", name="Subscribers"))
    subscribers.locator("dd", has_text="0").first.wait_for()
    assert page.get_by_role("button", name="Disconnect").is_disabled()

    press("Connect")
    says("Live", "WebSocket")
    until(lambda: world.transports == {"websocket"})

    way.select_option("sse")
    says("SSE")
    until(lambda: world.transports == {"sse"})
    way.select_option("polling")
    says("Polling")
    until(lambda: not world.ids)  # a poll holds no subscription
    way.select_option("auto")
    says("WebSocket")
    until(lambda: world.transports == {"websocket"})

    before = world.ids
    press("Refresh")
    until(lambda: len(world.ids) == 1 and world.ids != before)
    says("Live")

    auto.uncheck()
    # Told by the frame that follows: it is off in Python.
    until(lambda: auto.is_checked() is False)
    page.wait_for_timeout(1500)
    assert auto.is_checked() is False
    world.gateway.stop()
    says("Disconnected, not retrying")
    assert page.locator(".own .pill", has_text="retrying over").count() == 0
    page.locator(".gateway .note", has_text="does not tell how it is").wait_for()
    page.locator(".gateway.old").wait_for()
    world.restart()
    # The gateway is back, and asked how it is; but nobody asked for a connection.
    page.locator(".gateway:not(.old)").wait_for()
    assert not world.ids
    press("Connect")
    says("Live")
    until(lambda: world.transports == {"websocket"})

    auto.check()
    page.wait_for_timeout(1500)
    assert auto.is_checked()
    world.gateway.stop()
    says("retrying over WebSocket")
    world.restart()
    says("Live")
    until(lambda: world.transports == {"websocket"})
    assert watched.errors == []
    assert watched.outside == []


def test_a_viewers_page_has_no_controls(world: World, open_page: Callable[..., Any]) -> None:
    page = open_page(viewport={"width": 1300, "height": 1000}).page
    page.goto(f"{world.page_url}?view=1")
    page.locator(".own .pill", has_text="Live").wait_for()
    page.locator(".cell", has_text="simulated").first.wait_for()
    assert page.get_by_role("button", name="Disconnect").count() == 0
