"""The gateway's own figures: all that it tells, what it does not, and when it is silent."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from protipp_stream.errors import ConfigurationError, GatewayUnreachable
from protipp_stream.ui import GatewayView
from protipp_stream.ui.gateway_asking import Questions
from protipp_stream.ui.gateway_figures import Section, sections_of, told_in
from tests.ui.fake import FakeOdds

COUNTS = {
    "status": "ok",
    "subscribers": {"websocket": 2, "sse": 1, "polling": 0},
    "feeds": {"connected": 1, "error": 1},
    "selections": 324,
    "updates": 1234567,
}
EVERYTHING = {
    **COUNTS,
    "cursor": "abc:1234567",
    "started_at": "2026-08-04T12:00:00Z",
    "now": "2026-08-04T12:01:00Z",
    "conflations": 7,
    "quarantined": {"odds": 3, "name": 9},
    "names": {"api": {"events": 12, "matched": 10, "unmatched": {"alone": 2}, "unknown": {}}},
    "audit": {"token_expired": 4, "connected": 9},
    "history": {
        "odds": {
            "status": "refused",
            "line": 10,
            "rows": 9,
            "commits": 1,
            "pending_rows": 5,
            "lost_rows": 2,
            "last_commit": "2026-08-04T12:00:30Z",
            "last_error": "no space left",
            "segments_finished": 1,
        },
        "access": {"line": 4, "waiting": 0, "lost": 0, "last_error": None},
        "upkeep": {"sealed_at": "2026-08-04T11:00:00Z", "retained_at": None, "last_error": "ouch"},
    },
    "connections": [
        {
            "id": "c1",
            "bookmaker_id": "client",
            "connection_type": "sse",
            "status": "connected",
            "detail": "live",
            "last_heartbeat": "2026-08-04T12:00:59Z",
        }
    ],
}
PATIENCE = 10.0


def figures(answer: dict[str, Any], rates: list[float] | None = None) -> dict[str, dict[str, Any]]:
    sections: list[Section] = sections_of(told_in(answer), rates or [])
    return {each.title: {f.name: f for f in each.figures} for each in sections}


def until(is_so: Any) -> None:
    give_up = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.002)


# ------------------------------------------------------------------ figures


def test_counts_are_all_that_a_token_without_the_scope_gets() -> None:
    assert told_in(COUNTS).is_limited
    said = figures(COUNTS)
    assert set(said) == {"Traffic", "Subscribers", "Feeds"}
    assert said["Traffic"]["Updates"].value == "1,234,567"
    assert [figure.value for figure in said["Subscribers"].values()] == ["3", "2", "1", "0"]
    assert [(f.name, f.level) for f in said["Feeds"].values()] == [
        ("Connected", "good"),
        ("Error", "red"),
    ]


def test_with_the_scope_everything_is_told() -> None:
    assert not told_in(EVERYTHING).is_limited
    said = figures(EVERYTHING, [1.0, 48.25])
    assert said["Traffic"]["Updates a second"].value == "48.2"
    assert said["Traffic"]["Conflations"].value == "7"
    assert said["Traffic"]["Cursor"].value == "abc:1234567"
    assert said["Traffic"]["Running"].at == datetime(2026, 8, 4, 12, tzinfo=UTC).timestamp()
    assert [f.name for f in said["Quarantined"].values()] == ["name", "odds"]
    assert said["At the door"]["token_expired"].value == "4"
    assert said["Names of api"]["Events matched"].value == "10 of 12"
    assert said["Names of api"]["Unmatched: alone"].value == "2"


def test_a_trail_that_the_disk_refuses_is_red_with_what_was_lost_and_why() -> None:
    said = figures(EVERYTHING)["Odds trail"]
    assert (said["State"].value, said["State"].level, said["State"].icon) == ("refused", "red", "✕")
    assert (said["Lost"].value, said["Lost"].level) == ("2", "red")
    assert said["Not safe yet"].value == "5"
    assert said["Error"].value == "no space left"
    assert said["Upkeep"].hint == "ouch"
    assert said["Last seal"].at == datetime(2026, 8, 4, 11, tzinfo=UTC).timestamp()


def test_a_gateway_that_keeps_nothing_says_so() -> None:
    assert figures({**EVERYTHING, "history": None})["Audit trail"]["Kept"].value == "nothing"


def test_a_thousand_reasons_are_summed_up() -> None:
    many = {f"reason{n:04}": 1 for n in range(1000)}
    said = figures({**EVERYTHING, "audit": many})["At the door"]
    assert len(said) == 13
    assert said["988 more"].value == "988"


@pytest.mark.parametrize("answer", [{"updates": "many"}, {"subscribers": [1]}, [], None])
def test_what_can_not_be_read_is_an_error(answer: Any) -> None:
    with pytest.raises(msgspec.ValidationError):
        told_in(answer)


# ------------------------------------------------------------------- asking


class Gateway:
    """Answers, refuses or hangs, as a test wants it."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer: Any = COUNTS
        self.hang = threading.Event()
        self.hang.set()

    def ask(self) -> Any:
        self.asked += 1
        self.hang.wait(PATIENCE)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_it_is_asked_only_while_somebody_looks() -> None:
    gateway = Gateway()
    questions = Questions(gateway.ask, every_s=0.001)
    assert gateway.asked == 0
    questions.begin()
    until(lambda: gateway.asked > 3)
    questions.end()
    until(lambda: questions._thread is None)
    asked = gateway.asked
    assert questions.heard.told is not None
    questions.begin()
    until(lambda: gateway.asked > asked)
    questions.end()


def test_one_that_does_not_answer_keeps_its_last_figures_with_why_and_since_when() -> None:
    gateway = Gateway()
    questions = Questions(gateway.ask, every_s=0.001)
    questions.begin()
    until(lambda: questions.heard.told)
    gateway.answer = GatewayUnreachable("Nothing listens there.")
    until(lambda: questions.heard.trouble)
    first = questions.heard
    assert "Nothing listens" in first.trouble
    assert first.told is not None
    asked = gateway.asked
    until(lambda: gateway.asked > asked + 2)
    assert questions.heard.since == first.since
    gateway.answer = {"updates": None}
    until(lambda: "can't be read" in questions.heard.trouble)
    gateway.answer = COUNTS
    until(lambda: not questions.heard.trouble)
    questions.end()


def test_one_that_hangs_holds_one_thread_and_no_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protipp_stream.ui.gateway_asking.PATIENCE_S", 0.01)
    gateway = Gateway()
    gateway.hang.clear()
    odds: Any = FakeOdds()
    odds.gateway_status = gateway.ask
    view = GatewayView(odds)
    source = view.source({})
    for _ in range(5):
        source.open()
        source.whole()
        source.close()
    source.open()
    until(lambda: "does not answer" in source.whole().trouble)
    assert gateway.asked == 1
    assert "does not answer" in repr(view)
    gateway.hang.set()
    until(lambda: source.whole().answered_at)
    assert source.whole().trouble == ""
    source.close()


def test_a_rate_is_of_the_gateways_clock_and_begins_anew_with_another_log() -> None:
    def told(cursor: str, updates: int, second: int) -> Any:
        now = f"2026-08-04T12:00:{second:02}Z"
        return told_in({**EVERYTHING, "cursor": cursor, "updates": updates, "now": now})

    questions = Questions(lambda: {})
    for each in (told("a:0", 0, 0), told("a:100", 100, 2), told("a:400", 400, 4)):
        questions._count(each)
    assert list(questions._rates) == [50.0, 150.0]
    questions._count(told("b:900", 900, 6))
    assert list(questions._rates) == []


# --------------------------------------------------------------------- body


def test_a_token_without_the_scope_is_told_what_to_do() -> None:
    odds: Any = FakeOdds()
    odds.answers = [COUNTS]
    source = GatewayView(odds).source({})
    source.open()
    until(lambda: source.whole().sections)
    assert "--scope odds:read,status:read" in source.whole().limited
    source.close()


def test_a_browser_can_choose_nothing_and_do_nothing() -> None:
    view = GatewayView(FakeOdds())  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError):
        view.source({"x": 1})
    with pytest.raises(ConfigurationError):
        view.act({"do": "disconnect"}, lambda _text: None)
