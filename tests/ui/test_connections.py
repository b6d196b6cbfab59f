"""Every connection in one view: what is said of each, and controls that do what they say."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Quota
from protipp_stream.ui import ConnectionManager
from protipp_stream.ui.connection_rows import Row, controls_of, rows_behind, rows_of
from tests.ui.fake import NOON, FakeOdds, connection, quote, update

AT = NOON.timestamp()


def behind(link: Any = None, priced: dict[str, float] | None = None, **states: Any) -> list[Row]:
    sources = {k: v for k, v in states.items() if v.connection_type != "bookmaker"}
    bookmakers = {k: v for k, v in states.items() if v.connection_type == "bookmaker"}
    return rows_behind(link or connection(), sources, bookmakers, priced or {})


def bookmaker(name: str, **changes: Any) -> Any:
    changes = {"connection_type": "bookmaker", **changes}
    return connection(id=f"bookmaker/{name}", bookmaker_id=name, **changes)


def manager(odds: FakeOdds, **options: Any) -> Any:
    return ConnectionManager(odds, **options)  # type: ignore[arg-type]


def nobody(_text: str) -> None:
    raise AssertionError("nobody is told")


# --------------------------------------------------------------------- rows


def test_sources_come_before_bookmakers_each_by_name() -> None:
    rows = behind(z=connection(id="z"), a=connection(id="a"), b=bookmaker("b"))
    assert [(row.group, row.name) for row in rows] == [
        ("source", "a"),
        ("source", "z"),
        ("bookmaker", "b"),
    ]


def test_connected_is_not_fresh() -> None:
    (row,) = behind(api=connection(id="api", stale=True))
    assert (row.state, row.level) == ("Connected, prices stale", "amber")


def test_while_our_own_link_is_down_the_others_were_live() -> None:
    states = {"api": connection(id="api"), "bad": connection(id="bad", status="error")}
    for changes in ({"status": "disconnected", "detail": "paused"}, {"detail": "stalled"}):
        rows = behind(connection(**changes), **states)
        assert [(row.state, row.level) for row in rows] == [
            ("Was live", "grey"),
            ("Was failing", "grey"),
        ]
    assert [row.level for row in behind(**states)] == ["good", "red"]


def test_a_row_says_errors_attempts_quota_and_when() -> None:
    (row,) = behind(
        api=connection(
            id="api",
            connection_type="polling",
            error_count=3,
            last_error="429",
            reconnect_attempts=2,
            latency_ms=12.345,
            last_update=NOON - timedelta(seconds=9),
            quota=Quota(remaining=412, used=88),
        )
    )
    assert (row.errors, row.error, row.attempts, row.latency_ms) == (3, "429", 2, 12.3)
    assert (row.heard, row.updated) == (AT, AT - 9)
    assert (row.kind, row.quota) == ("Polling", "412 left, 88 used")


def test_a_bookmaker_is_as_young_as_its_last_price_however_long_it_was_told_ago() -> None:
    (row,) = behind(priced={"b": AT + 60}, b=bookmaker("b"))
    assert (row.heard, row.updated) == (AT + 60, AT + 60)
    (row,) = behind(priced={"b": AT - 60}, b=bookmaker("b"))
    assert (row.heard, row.updated) == (AT, AT - 60)


def test_a_gateways_own_connections_are_told_apart() -> None:
    said = [connection(id="c1", bookmaker_id="client"), connection(id="f"), bookmaker("b")]
    rows = rows_of(said, connection())
    assert [(row.group, row.name) for row in rows] == [
        ("client", "c1"),
        ("source", "f"),
        ("bookmaker", "b"),
    ]


def test_the_own_connection_says_its_last_price_and_its_errors() -> None:
    odds = FakeOdds()
    updated, errors = manager(odds).source({}).whole().own.pills[-2:]
    assert (updated.text, errors.text) == ("no price yet", "no errors")
    odds.status = connection(last_update=NOON, error_count=2, last_error="It fell silent.")
    updated, errors = manager(odds).source({}).whole().own.pills[-2:]
    assert updated.ago == AT
    assert errors.text == "2 errors, the last: It fell silent."


# ----------------------------------------------------------------- controls


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ({}, {"disconnect", "refresh", "choose"}),
        ({"detail": "stalled"}, {"connect", "disconnect", "refresh", "choose"}),
        ({"status": "connecting", "detail": "recovering"}, {"disconnect", "choose"}),
        (
            {"status": "disconnected", "detail": "backoff"},
            {"connect", "disconnect", "refresh", "choose"},
        ),
        ({"status": "disconnected", "detail": "paused"}, {"connect", "choose"}),
        ({"status": "error", "detail": "terminal"}, set()),
        ({"status": "disconnected", "detail": "terminal"}, set()),
    ],
)
def test_what_makes_no_sense_now_says_why(changes: dict[str, Any], allowed: set[str]) -> None:
    said = controls_of(connection(**changes), "auto", auto_reconnect=True)
    names = ("connect", "disconnect", "refresh", "choose")
    assert {name for name in names if not getattr(said, name)} == allowed


def test_a_transport_that_was_chosen_and_is_not_there_is_said() -> None:
    def note(transport: str, **changes: Any) -> str:
        return controls_of(connection(**changes), transport, auto_reconnect=True).note

    assert note("auto") == note("websocket") == ""
    assert note("sse").startswith("SSE was chosen; WebSocket delivers")
    assert note("sse", status="connecting") == ""


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ({"do": "connect"}, ["reconnect"]),
        ({"do": "disconnect"}, ["disconnect"]),
        ({"do": "refresh"}, ["refresh"]),
        ({"do": "transport", "to": "sse"}, ["sse"]),
    ],
)
def test_an_act_reaches_the_odds(action: dict[str, Any], told: list[str]) -> None:
    odds = FakeOdds()
    manager(odds).act(action, nobody)
    assert odds.told == told


def test_automatic_reconnection_can_be_put_off_and_on() -> None:
    odds = FakeOdds()
    for is_on in (False, True):
        manager(odds).act({"do": "auto_reconnect", "to": is_on}, nobody)
        assert odds.auto_reconnect is is_on


@pytest.mark.parametrize(
    "action",
    [
        {},
        {"do": "close"},
        {"do": "transport"},
        {"do": "transport", "to": 3},
        {"do": "auto_reconnect", "to": "yes"},
        {"do": ["connect"]},
    ],
)
def test_what_can_not_be_done_is_refused(action: dict[str, Any]) -> None:
    odds = FakeOdds()
    with pytest.raises(ConfigurationError):
        manager(odds).act(action, nobody)
    assert odds.told == []


def test_without_controls_python_refuses_them_too() -> None:
    odds = FakeOdds()
    shown = manager(odds, controls=False)
    for action in ({"do": "disconnect"}, {"do": "transport", "to": "sse"}):
        with pytest.raises(ConfigurationError, match="only shows"):
            shown.act(action, nobody)
    assert odds.told == []
    assert shown.options["controls"] is False
    assert shown.source({}).whole().own.controls is None


def test_a_page_that_asks_all_the_same_is_told_no_and_nobody_is_disconnected() -> None:
    odds, said = FakeOdds(), list[str]()
    component = manager(odds, controls=False).__panel__()
    component._send_msg = said.append
    component._handle_msg({"say": "act", "view": "v", "what": {"do": "disconnect"}})
    assert odds.told == []
    assert "only shows the connection" in json.loads(said[0])["refused"]


# ------------------------------------------------------------------- frames


def test_a_frame_brings_the_rows_that_changed_and_names_those_that_went() -> None:
    odds = FakeOdds()
    odds.sources = {name: connection(id=name) for name in ("a", "b", "c")}
    source = manager(odds).source({})
    source.open()
    assert len(source.news().rows) == 3
    assert source.news() is None
    odds.sources = {"a": odds.sources["a"], "b": connection(id="b", stale=True)}
    body = source.news()
    assert [row.name for row in body.rows] == ["b"]
    assert body.gone == ["source c"]
    assert [row.name for row in source.whole().rows] == ["a", "b"]
    source.close()
    assert not odds.watchers


def test_prices_that_come_in_make_their_bookmaker_young() -> None:
    odds = FakeOdds([quote("b", "e", "h2h", "X", 2.0)])
    odds.sources, odds.bookmakers = {}, {"b": bookmaker("b", last_heartbeat=None)}
    source = manager(odds).source({})
    source.open()
    assert source.whole().rows[0].updated == AT
    later = NOON + timedelta(seconds=60)
    odds.move(msgspec.structs.replace(update("b", "e", "h2h", "X", 2.1), timestamp=later))
    assert source.news().rows[0].updated == AT + 60
    source.close()


def test_a_browser_can_choose_nothing() -> None:
    with pytest.raises(ConfigurationError):
        manager(FakeOdds()).source({"event": "e"})


def test_in_a_terminal_it_is_one_line_of_text() -> None:
    odds = FakeOdds()
    odds.bookmakers = {"b": bookmaker("b", stale=True)}
    assert repr(manager(odds)) == (
        "<ConnectionManager of http://127.0.0.1:8765: Live · 1 of 2 behind it live>"
    )
