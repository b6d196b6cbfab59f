"""The page's own stream from the gateway, with a gateway played by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.browser.boards import PRICES, TableStage

pytestmark = pytest.mark.browser

URL = "http://127.0.0.1:9"  # nothing is there; playwright answers
NOON = "2026-08-04T12:00:00Z"
EVENT = {"event_id": "e1", "name": "Nationals @ Phillies", "sport": "mlb", "starts_at": NOON}
NAMES = {"bookmaker_id": "a", "event_id": "e1", "market": "h2h", "outcome": "Nationals"}
PYTHONS = ["2.50", "1.50", "1.90", "3.00"]


def connected(mode: str = "snapshot") -> dict[str, Any]:
    return {"type": "connected", "heartbeat_s": 30.0, "mode": mode}


def snapshot(odds: float, seq: int, **more: str) -> dict[str, Any]:
    quotes = [{**NAMES, **more, "odds": odds, "timestamp": NOON}]
    return {"type": "snapshot", "cursor": f"e:{seq}", "quotes": quotes, "events": [EVENT]}


def updates(odds: float, prev: int, seq: int, epoch: str = "e") -> dict[str, Any]:
    moved = [{**NAMES, "new_odds": odds, "is_significant": False}]
    return {
        "type": "updates",
        "prev": f"{epoch}:{prev}",
        "cursor": f"{epoch}:{seq}",
        "updates": moved,
    }


class Link:
    """A served table, the sockets it opened and what it said on them."""

    def __init__(self, page: Any, **options: Any) -> None:
        self.sockets: list[Any] = []
        self.heard: list[Any] = []
        page.route_web_socket("**/api/v1/odds/realtime", self._opened)
        self.stage = TableStage(page, served=True, gateway=True, **options)
        self.stage.whole(PRICES)

    def _opened(self, socket: Any) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.heard.append(json.loads(text)))

    def ticket(self, **answer: Any) -> None:
        """Answer the question for a ticket as Python does, and wait for the socket's first word."""
        expected = len(self.heard) + 1
        said = {"ticket": f"t{expected}", "url": URL, "filter": {}} | answer
        self.stage.page.evaluate("(text) => push(text)", json.dumps(said))
        self.wait(lambda: len(self.heard) == expected)

    def say(self, *frames: dict[str, Any]) -> None:
        for frame in frames:
            self.sockets[-1].send(json.dumps(frame))

    def wait(self, condition: Callable[[], bool]) -> None:
        for _ in range(200):
            if condition():
                return
            self.stage.page.wait_for_timeout(25)
        raise AssertionError("did not happen within 5 s")

    def shows(self, *odds: str) -> None:
        self.wait(lambda: self.stage.column("a") == list(odds))

    def said(self, word: str) -> list[Any]:
        return [each["what"] for each in self.stage.sent() if each["say"] == word]


@pytest.fixture
def link(open_page: Callable[..., Any]) -> Link:
    return Link(open_page(viewport={"width": 1300, "height": 600}).page)


def test_a_notebooks_table_asks_for_no_ticket(open_page: Callable[..., Any]) -> None:
    stage = TableStage(open_page().page, gateway=True)
    stage.whole(PRICES)
    assert [each["say"] for each in stage.sent()] == ["want"]


def test_a_served_page_asks_for_its_origin_and_shows_pythons_prices_until_then(link: Link) -> None:
    assert link.said("act") == [{"ticket": "null"}], "a page without an origin says so"
    assert link.stage.column("a") == PYTHONS
    assert link.said("choose") == []


def test_a_snapshot_takes_the_place_of_pythons_prices(link: Link) -> None:
    link.ticket(filter={"markets": ["h2h"]})
    first = link.heard[0]
    assert first == {
        **{"type": "connect", "ticket": "t1", "resume": None, "max_hz": 60},
        "filter": {"markets": ["h2h"]},
    }
    link.say(connected(), snapshot(7.0, 5))
    link.shows("7.00")
    assert link.said("choose") == [{"way": "gateway"}]
    link.say(updates(7.5, 5, 6))
    link.shows("7.50")
    assert "up" in link.stage.looks("Nationals", "a")
    link.stage.move({("a", "e1", "h2h", "Nationals"): 1.11})
    assert link.stage.column("a") == ["7.50"], "what Python's frames still say comes too late"
    link.stage.push({"whole": True, "way": "gateway", "state": {"old": True, "note": "Stalled"}})
    assert link.stage.column("a") == ["7.50"]
    assert link.stage.page.locator(".board.old").count() == 1, "how it is, Python says"


@pytest.mark.parametrize("hole", [updates(9.0, 7, 8), updates(9.0, 5, 8, epoch="other")])
def test_a_hole_in_the_cursors_brings_a_new_snapshot(link: Link, hole: dict[str, Any]) -> None:
    link.ticket()
    link.say(connected(), snapshot(7.0, 5))
    link.shows("7.00")
    link.say(hole)
    link.wait(lambda: len(link.said("act")) == 2)
    assert link.stage.column("a") == ["7.00"], "what follows a hole is not taken"
    assert link.said("choose") == [{"way": "gateway"}, {}], "Python has the word meanwhile"
    link.ticket()
    assert link.heard[-1]["resume"] is None
    link.say(connected(), snapshot(8.0, 9))
    link.shows("8.00")


def test_what_comes_twice_does_no_harm(link: Link) -> None:
    link.ticket()
    link.say(connected(), snapshot(7.0, 5), updates(7.1, 5, 8), updates(7.2, 6, 9))
    link.shows("7.20")
    assert len(link.said("act")) == 1


def test_a_socket_that_breaks_gives_python_the_word_and_resumes(link: Link) -> None:
    link.ticket()
    link.say(connected(), snapshot(7.0, 5), updates(7.1, 5, 6))
    link.shows("7.10")
    link.sockets[-1].close()
    link.wait(lambda: link.said("choose") == [{"way": "gateway"}, {}])
    link.stage.whole({("a", "e1", "h2h", "Nationals"): 7.3})
    assert link.stage.column("a") == ["7.30"], "Python's prices again"
    link.wait(lambda: len(link.said("act")) == 2)
    link.ticket()
    assert link.heard[-1]["resume"] == "e:6"
    link.say(connected("replay"), updates(7.4, 6, 8))
    link.shows("7.40")
    assert link.said("choose")[-1] == {"way": "gateway"}


def test_a_gateway_that_drains_is_left_for_as_long_as_it_says(link: Link) -> None:
    link.ticket()
    link.say(connected(), snapshot(7.0, 5), {"type": "draining", "retry_ms": 2500})
    link.wait(lambda: link.said("choose") == [{"way": "gateway"}, {}])
    link.stage.page.wait_for_timeout(1500)
    assert len(link.said("act")) == 1
    link.wait(lambda: len(link.said("act")) == 2)


def test_without_a_ticket_the_page_stays_with_python(link: Link) -> None:
    said = json.dumps({"ticket": None, "why": "not allowed", "retry_ms": 60_000})
    link.stage.page.evaluate("(text) => push(text)", said)
    link.stage.move({("a", "e1", "h2h", "Nationals"): 2.7})
    assert link.stage.column("a")[0] == "2.70"
    link.stage.page.wait_for_timeout(1500)
    assert len(link.said("act")) == 1
    assert link.sockets == []
    assert link.stage.all(".note:visible") == []


def test_events_are_tried_where_the_socket_is_blocked(open_page: Callable[..., Any]) -> None:
    page = open_page(viewport={"width": 1300, "height": 600}).page
    link = Link(page)
    asked: list[str] = []

    def stream(route: Any) -> None:
        asked.append(route.request.url)
        frames = [connected(), snapshot(7.0, 5), updates(7.5, 5, 6)]
        text = "".join(f"event: {each['type']}\ndata: {json.dumps(each)}\n\n" for each in frames)
        headers = {"Access-Control-Allow-Origin": "*", "Content-Type": "text/event-stream"}
        route.fulfill(headers=headers, body=text)

    page.route("**/api/v1/odds/stream?**", stream)
    link.ticket(filter={"markets": ["h2h"], "bookmakers": ["a", "b"], "events": ["e1"]})
    link.sockets[-1].close()
    link.wait(lambda: len(link.said("act")) == 2)
    text = json.dumps(
        {
            "ticket": "t2",
            "url": URL,
            "filter": {"markets": ["h2h"], "bookmakers": ["a", "b"], "events": ["e1"]},
        }
    )
    page.evaluate("(text) => push(text)", text)
    link.shows("7.50")
    [url] = asked
    assert url.endswith(
        "/odds/stream?ticket=t2&max_hz=60&bookmaker=a&bookmaker=b&event=e1&market=h2h"
    )
    link.wait(lambda: link.said("choose") == [{"way": "gateway"}, {}])


def test_a_page_that_goes_closes_its_socket(link: Link) -> None:
    link.ticket()
    link.say(connected(), snapshot(7.0, 5))
    link.shows("7.00")
    closed: list[Any] = []
    link.sockets[-1].on_close(lambda code, reason: closed.append(code))
    link.stage.page.evaluate("() => window.dispose()")
    link.wait(lambda: bool(closed))
    assert link.stage.sent()[-1]["say"] == "gone"
