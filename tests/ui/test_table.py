"""The table, seen from Python: what it tells a page, and tickets for pages that ask."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any

import pytest

from protipp_stream.core.filter import Filter
from protipp_stream.errors import AccessForbidden, ConfigurationError, ConnectionLost
from protipp_stream.model import Event
from protipp_stream.ui import OddsTable
from protipp_stream.ui import table as table_module
from tests.ui.fake import NOON, FakeOdds, connection, quote, update

GAME = Event("e1", "A @ B", "mlb", NOON)
SOON = 5.0


@pytest.fixture
def odds() -> Any:
    return FakeOdds(
        [quote("a", "e1", "h2h", "A", 1.8), quote("b", "e1", "totals@7.5", "Over", 1.9)], [GAME]
    )


def body_of(source: Any) -> Any:
    source.open()
    return source.whole()


def ask(table: OddsTable, action: dict[str, Any]) -> Any:
    """Act, and wait for what the page is told."""
    told: list[str] = []
    came = threading.Event()
    table.act(action, lambda text: (told.append(text), came.set())[1])
    assert came.wait(SOON)
    return json.loads(told[0])


@pytest.mark.parametrize(
    ("wrong", "match"),
    [
        ({"layout": "grid"}, "layout can't be 'grid'"),
        ({"max_height": 500}, "max_height can't be 500"),
        ({"markets": []}, "markets can't be"),
        ({"sports": 7}, "sports can't be 7"),
        ({"hz": 0}, "hz must be"),
    ],
)
def test_what_can_not_be_is_refused_with_its_name(odds: Any, wrong: Any, match: str) -> None:
    with pytest.raises(ConfigurationError, match=match):
        OddsTable(odds, **wrong)


def test_a_gateway_is_no_live_odds() -> None:
    with pytest.raises(ConfigurationError, match="is no live odds"):
        OddsTable(object())  # type: ignore[arg-type]


def test_the_module_is_told_what_was_chosen(odds: Any) -> None:
    table = OddsTable(odds, layout="flat", markets="h2h", significant_only=True)
    assert table.options == {
        "max_height": "34rem",
        "flat": True,
        "choice": {"markets": ["h2h"], "significant_only": True},
        "gateway": True,
    }


def test_in_a_terminal_it_says_how_many_rows_and_what_is_missing(odds: Any) -> None:
    assert repr(OddsTable(odds)) == "<OddsTable of http://127.0.0.1:8765: 2 rows, live>"
    odds.move(update("b", "e1", "h2h", "A", 2.0))
    assert ": 2 rows," in repr(OddsTable(odds))
    assert ": 3 rows," in repr(OddsTable(odds, layout="flat"))
    assert repr(OddsTable(odds, markets="x")) == (
        "<OddsTable of http://127.0.0.1:8765: 0 rows, live. "
        "No prices here of the market “x” (known: h2h, totals).>"
    )


def test_a_whole_body_has_prices_ages_and_how_it_is(odds: Any) -> None:
    odds.gateway_time = NOON.timestamp() + 9
    body = body_of(OddsTable(odds, markets="h2h").source({}))
    assert body.selections == [(0, "a", "e1", "h2h", "A")]
    assert body.ages == [9.0]
    assert (body.way, body.state.now) == ("", NOON.timestamp() + 9)
    assert body.state.origin == "SIMULATED — invented prices"


def test_a_page_that_asks_the_gateway_is_only_told_how_it_is(odds: Any) -> None:
    source = OddsTable(odds).source({"way": "gateway"})
    body = body_of(source)
    assert (body.whole, body.way, body.cells, body.selections) == (True, "gateway", [], [])
    assert not odds.watchers, "what nobody is sent is not watched"
    odds.move(update("a", "e1", "h2h", "A", 2.0))
    assert source.news() is None
    odds.status = connection(status="disconnected", detail="backoff")
    news = source.news()
    assert news.state.old
    assert news.cells == []
    source.close()


def test_news_bring_moves_and_a_new_state_once(odds: Any) -> None:
    source = OddsTable(odds).source({})
    source.open()
    assert source.news() is None
    odds.move(update("a", "e1", "h2h", "A", 2.0))
    odds.status = connection(detail="stalled")
    news = source.news()
    assert news.cells == [0, 2.0, 0]
    assert news.state.old
    assert source.news() is None
    source.close()
    assert not odds.watchers


def test_a_choice_without_prices_says_so_until_there_are(
    odds: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(table_module, "LOOK_S", 0.0)
    source = OddsTable(odds, markets="spreads").source({})
    words = "No prices here of the market “spreads” (known: h2h, totals)."
    assert body_of(source).state.empty == words
    odds.move(update("a", "e1", "spreads@1", "A", 2.0))
    assert source.news().state.empty == ""
    source.close()


def test_a_large_board_is_not_looked_through_at_every_frame(odds: Any) -> None:
    source = OddsTable(odds, markets="spreads").source({})
    looked: list[int] = []
    board = odds.board
    source.open()
    odds.board = lambda: (looked.append(1), board())[1]
    for _ in range(50):
        source.news()
    assert len(looked) <= 1
    source.close()


def test_a_page_gets_a_ticket_for_its_own_origin(odds: Any) -> None:
    table = OddsTable(odds, markets="h2h", bookmakers=["a"], sports="mlb")
    assert ask(table, {"ticket": "https://odds.example"}) == {
        "ticket": "ticket-1",
        "url": "http://127.0.0.1:8765",
        "filter": {"bookmakers": ["a"], "markets": ["h2h"]},
    }
    assert odds.tickets == ["https://odds.example"]


def test_a_page_is_shown_no_more_than_the_odds_follow(odds: Any) -> None:
    odds.wanted = Filter(markets=("h2h", "totals@7.5"), events=("e1",))
    said = ask(OddsTable(odds, markets="totals", bookmakers="a"), {"ticket": "https://o.example"})
    assert said["filter"] == {
        "bookmakers": ["a"],
        "events": ["e1"],
        "markets": ["h2h", "totals@7.5"],
    }


@pytest.mark.parametrize(
    ("error", "retry_ms"),
    [(ConnectionLost("It is away."), 10_000), (AccessForbidden("Not you."), 60_000)],
)
def test_without_a_ticket_the_page_is_told_when_to_ask_again(
    odds: Any, error: Exception, retry_ms: int
) -> None:
    odds.refusal = error
    said = ask(OddsTable(odds), {"ticket": "https://odds.example"})
    assert said == {"ticket": None, "why": str(error), "retry_ms": retry_ms}


def test_pages_that_ask_without_end_hold_only_so_many_threads(odds: Any) -> None:
    answering = threading.Event()
    odds.ticket = lambda origin: (answering.wait(10), "late")[1]
    table, told = OddsTable(odds), queue.Queue[str]()
    for _ in range(table_module.MOST_FETCHES + 1):
        table.act({"ticket": "https://odds.example"}, told.put)
    assert "Too many" in json.loads(told.get(timeout=10))["why"]
    answering.set()
    assert {
        json.loads(told.get(timeout=10))["ticket"] for _ in range(table_module.MOST_FETCHES)
    } == {"late"}


@pytest.mark.parametrize("choice", [{"way": "mine"}, {"way": "gateway", "n": 1}, {"n": 1}])
def test_a_page_can_not_have_frames_of_its_own_made(odds: Any, choice: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="nothing to choose"):
        OddsTable(odds).pump(choice)


@pytest.mark.parametrize(
    "action", [{}, {"ticket": 7}, {"ticket": None}, {"ticket": "\ud800"}, {"rm": "-rf"}]
)
def test_other_wishes_are_refused(odds: Any, action: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="nothing to do"):
        OddsTable(odds).act(action, lambda _: None)
    assert odds.tickets == []
