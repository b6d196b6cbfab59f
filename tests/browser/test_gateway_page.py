"""A served page that has its prices from the gateway itself, and what it does without it."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from protipp_stream.gateway import Gateway, Settings
from tests.browser.boards import SHOWN
from tests.browser.servers import free_port, serving
from tests.client.obstacles import Obstacle
from tests.scripted import ScriptedFeed, quote

pytestmark = pytest.mark.browser

KEY = "k" * 40
OUTCOMES = [f"team{at}" for at in range(20)]
PAGE = "tests/browser/pages_gateway.py"
READ = f"() => Object.fromEntries(({SHOWN})(0).map((row) => [row.Outcome.text, row.acme.text]))"


@dataclass
class Place:
    """A gateway that can be stopped and started, a proxy before it, and a page."""

    page_port: int = field(default_factory=free_port)
    port: int = field(default_factory=free_port)
    gateway: Any = None
    feed: Any = None
    obstacle: Any = None
    origin_allowed: bool = True

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.page_port}"

    def start(self) -> None:
        origins = frozenset({self.origin} if self.origin_allowed else set())
        self.feed = ScriptedFeed()
        settings = Settings(allowed_origins=origins)
        self.gateway = Gateway(self.feed, port=self.port, key=KEY, settings=settings).start()
        self.tell(dict.fromkeys(OUTCOMES, 2.0))

    def tell(self, odds: dict[str, float]) -> None:
        self.feed.tell([quote(price, outcome) for outcome, price in odds.items()])

    def ways(self) -> list[str]:
        return sorted(each.transport for each in self.gateway.hub.subscriptions)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    place = Place()
    place.start()
    with Obstacle(place.gateway, blocks=set()) as obstacle:
        place.obstacle = obstacle
        token = place.gateway.token(lifetime_s=3600)
        arguments = [*("panel", "serve", PAGE, "--address", "127.0.0.1")]
        arguments += ["--port", str(place.page_port)]
        log = tmp_path_factory.mktemp("panel") / "log"
        ready = f"{place.origin}/pages_gateway"
        with serving(arguments, ready, log, PROTIPP_URL=obstacle.url, PROTIPP_TOKEN=token):
            yield place
        assert "Traceback" not in log.read_text(), log.read_text()[-3000:]
    place.gateway.stop()


class Visit:
    """A browser on the page, and the streams that it opened by itself."""

    def __init__(self, watched: Any, place: Place) -> None:
        self.page, self.watched, self.place = watched.page, watched, place
        self.sockets: list[str] = []
        self.frames: list[str] = []
        self.events: list[int] = []
        self.refused: list[str] = []
        self.page.on("websocket", self._socket)
        self.page.on("response", self._response)
        self.page.on("requestfailed", lambda request: self.refused.append(request.url))
        self.page.goto(f"{place.origin}/pages_gateway")
        self.shows({"team0": "2.00"})

    def _socket(self, socket: Any) -> None:
        if socket.url.endswith("/api/v1/odds/realtime"):
            self.sockets.append(socket.url)
            socket.on("framereceived", lambda frame: self.frames.append(str(frame)))

    def _response(self, response: Any) -> None:
        if "/api/v1/odds/stream" in response.url:
            self.events.append(response.status)

    def shows(self, prices: dict[str, str]) -> None:
        """Wait until these prices stand there."""
        self.page.wait_for_function(
            f"(want) => {{ const have = ({READ})();"
            " return Object.entries(want).every(([name, text]) => have[name] === text); }",
            arg=prices,
        )

    def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        give_up = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < give_up, f"did not happen within {seconds} s"
            self.page.wait_for_timeout(25)


@pytest.fixture
def visit(place: Place, open_page: Callable[..., Any]) -> Callable[[], Visit]:
    def visited() -> Visit:
        place.tell(dict.fromkeys(OUTCOMES, 2.0))
        return Visit(open_page(viewport={"width": 1300, "height": 900}), place)

    return visited


def test_prices_come_over_the_gateways_own_websocket_and_none_is_lost(
    place: Place, visit: Callable[[], Visit]
) -> None:
    seen = visit()
    seen.until(lambda: any('"snapshot"' in frame for frame in seen.frames))
    assert len(seen.sockets) == 1
    assert place.ways() == ["websocket", "websocket"], "Python's and the page's"
    random.seed(7)
    last = dict.fromkeys(OUTCOMES, 2.0)
    for _ in range(300):
        moved = {name: random.randint(110, 990) / 100 for name in random.sample(OUTCOMES, 4)}
        place.tell(moved)
        last |= moved
    seen.shows({name: f"{odds:.2f}" for name, odds in last.items()})
    assert seen.page.locator(".grid .up, .grid .down").count() > 0
    assert any('"updates"' in frame for frame in seen.frames)
    seen.page.goto(f"{place.origin}/pages_gateway")
    board = json.loads(seen.page.locator("#board").inner_text())
    assert board == last, "and Python has the same"
    assert seen.watched.outside == []
    assert seen.watched.errors == []


def test_the_page_shows_only_what_the_table_was_made_for(
    place: Place, visit: Callable[[], Visit]
) -> None:
    seen = visit()
    seen.until(lambda: len(place.ways()) == 2)
    place.feed.tell([quote(5.0, "Over", market="totals@8.5"), quote(6.0, "team1")])
    seen.shows({"team1": "6.00"})
    assert "Over" not in seen.page.evaluate(READ)
    assert not any("totals" in frame for frame in seen.frames), "the gateway leaves it out"


def test_a_page_that_goes_takes_its_stream_along(place: Place, visit: Callable[[], Visit]) -> None:
    seen = visit()
    seen.until(lambda: len(place.ways()) == 2)
    seen.page.goto("about:blank")
    seen.until(lambda: len(place.ways()) == 1)


def test_a_gateway_that_stops_is_said_within_two_seconds_and_the_same_page_is_live_again(
    place: Place, visit: Callable[[], Visit]
) -> None:
    seen = visit()
    seen.until(lambda: len(place.ways()) == 2)
    seen.page.evaluate("() => { window.same = true }")
    place.gateway.stop()
    seen.page.locator(".board.old").wait_for(timeout=2000)
    seen.page.locator(".note:visible", has_text="these prices may be old").wait_for(timeout=2000)
    assert seen.page.evaluate(READ)["team0"] == "2.00", "the last prices stay"
    assert seen.page.locator(".grid .up:visible").count() == 0

    place.start()
    place.tell({"team0": 4.0})
    seen.shows({"team0": "4.00"})
    seen.page.locator(".board:not(.old)").wait_for()
    assert seen.page.evaluate("() => window.same"), "without a reload"
    seen.until(lambda: len(place.ways()) == 2, 40)
    place.tell({"team0": 4.2})
    seen.shows({"team0": "4.20"})


def test_where_websockets_are_blocked_the_page_follows_events(
    place: Place, visit: Callable[[], Visit]
) -> None:
    place.obstacle.blocks = {"websocket"}
    try:
        seen = visit()
        seen.until(lambda: seen.events == [200])
        seen.until(lambda: "sse" in place.ways())
        place.tell({"team2": 5.5})
        seen.shows({"team2": "5.50"})
        assert seen.frames == []
    finally:
        place.obstacle.blocks = set()


def test_where_all_is_blocked_pythons_frames_bring_the_prices(
    place: Place, visit: Callable[[], Visit]
) -> None:
    place.obstacle.blocks = {"websocket", "sse"}
    try:
        seen = visit()
        seen.until(lambda: any("/odds/stream" in url for url in seen.refused))
        place.tell({"team2": 6.5})
        seen.shows({"team2": "6.50"})
        assert seen.frames == []
        assert seen.page.locator(".board.old").count() == 0
    finally:
        place.obstacle.blocks = set()


def test_a_page_that_the_gateway_does_not_allow_has_pythons_frames(
    place: Place, visit: Callable[[], Visit]
) -> None:
    place.gateway.stop()
    place.origin_allowed = False
    place.start()
    try:
        seen = visit()
        seen.until(lambda: place.gateway.hub.audit.counts["origin"] >= 1)
        place.tell({"team3": 7.5})
        seen.shows({"team3": "7.50"})
        assert (seen.sockets, seen.events) == ([], [])
        assert seen.watched.errors == []
        assert seen.page.get_by_role("alert").all_inner_texts() in ([], [""])
    finally:
        place.gateway.stop()
        place.origin_allowed = True
        place.start()
