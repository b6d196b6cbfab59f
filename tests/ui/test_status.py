"""The state of a connection in words: true, complete, and never by colour alone."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, get_args

import pytest

from protipp_stream.client.plan import Plan
from protipp_stream.model import Detail, Quota, Status
from protipp_stream.ui.pills import pills
from protipp_stream.ui.status import RealTimeStatus
from protipp_stream.ui.words import Word, word_of
from tests.ui.fake import NOON, FakeOdds, connection


def delivery(p50: float, p95: float, error: float = 0.4) -> Any:
    return SimpleNamespace(count=100, p50_ms=p50, p95_ms=p95, error_ms=error)


def pill(name: str, **changes: Any) -> Any:
    line = pills(connection(**changes), {}, None)
    return next((each for each in line if each.name == name), None)


@pytest.mark.parametrize("detail", [None, *get_args(Detail)])
@pytest.mark.parametrize("status", get_args(Status))
def test_every_state_has_an_icon_and_a_word(status: Any, detail: Any) -> None:
    word = word_of(connection(status=status, detail=detail))
    assert word.icon
    assert word.text


def test_only_a_fresh_live_connection_is_called_live() -> None:
    live = Word("●", "Live", "good")
    assert word_of(connection()) == live
    for changes in (
        {"stale": True},
        {"detail": "stalled"},
        {"detail": "recovering"},
        {"status": "connecting"},
        {"status": "disconnected"},
        {"status": "error"},
    ):
        assert word_of(connection(**changes)).level != "good"


def test_who_has_left_and_what_broke_are_two_words() -> None:
    left = connection(status="disconnected", detail="paused")
    broke = connection(
        status="disconnected", detail="paused", last_error="The gateway fell silent."
    )
    assert word_of(left) == Word("■", "Disconnected by you", "grey")
    assert word_of(broke) == Word("✕", "Disconnected, not retrying", "red")


def test_icon_and_word_tell_levels_apart_without_colour() -> None:
    said = {}
    for status in get_args(Status):
        for detail in (None, *get_args(Detail)):
            word = word_of(connection(status=status, detail=detail))
            assert said.setdefault((word.icon, word.text), word.level) == word.level


@pytest.mark.parametrize(
    ("p95", "level"),
    [(49.9, "good"), (50.0, "amber"), (99.9, "amber"), (100.0, "red"), (9999.0, "red")],
)
def test_latency_is_graded_against_the_budget_by_its_slow_end(p95: float, level: str) -> None:
    line = pills(connection(), {}, delivery(1.0, p95))
    assert next(each for each in line if each.name == "latency").level == level


def test_latency_below_its_error_is_shown_as_a_bound() -> None:
    line = pills(connection(), {}, delivery(-0.1, 12.34))
    text = next(each for each in line if each.name == "latency").text
    assert "p50 ≤ 0.4 ms" in text
    assert "p95 12.3 ± 0.4 ms" in text


def test_what_was_not_measured_yet_is_not_called_zero() -> None:
    assert pill("latency").text == "latency not measured yet"
    assert pill("heartbeat", last_heartbeat=None).text == "no sign of life yet"


def test_the_transport_and_the_attempts_are_said() -> None:
    assert pill("transport", connection_type="sse").text == "SSE"
    assert pill("attempts") is None
    assert pill("attempts", reconnect_attempts=3).text == "attempt 3"


def test_the_age_of_the_heartbeat_is_left_to_the_page_to_tick() -> None:
    assert pill("heartbeat").ago == NOON.timestamp()


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ("retry", "retrying over SSE"),
        ("wait", "waiting for an answer over SSE, giving up"),
        ("drop", "nothing heard over SSE, giving it up"),
        ("climb", "trying SSE again"),
        ("probe", "trying SSE beside it"),
    ],
)
def test_what_happens_next_is_said_and_counts_down(step: Any, words: str) -> None:
    line = pills(connection(), {}, None, plan=Plan(step, "sse", NOON))
    said = next(each for each in line if each.name == "plan")
    assert (said.text, said.due) == (words, NOON.timestamp())


def test_since_when_it_is_so_is_said_and_what_has_ended_did_so_at_a_moment() -> None:
    live, *_ = pills(connection(), {}, None, since=NOON)
    assert (live.since, live.ago) == (NOON.timestamp(), None)
    ended, *_ = pills(connection(status="error", detail="terminal"), {}, None, since=NOON)
    assert (ended.since, ended.ago) == (None, NOON.timestamp())


def test_while_the_link_is_down_nothing_measured_is_called_fast_and_sources_were_live() -> None:
    down = connection(status="disconnected", detail="backoff")
    line = {each.name: each for each in pills(down, {"s": connection(id="s")}, delivery(1, 2))}
    assert (line["latency"].level, line["latency"].text[:3]) == ("grey", "was")
    assert (line["source s"].level, line["source s"].text) == ("grey", "s: was live")


def test_sources_say_their_quota_and_whether_they_are_invented() -> None:
    sources = {
        "demo": connection(id="demo", connection_type="simulated"),
        "api": connection(id="api", connection_type="polling", quota=Quota(remaining=412)),
    }
    demo, api = pills(connection(), sources, None)[-2:]
    assert (demo.text, demo.origin) == ("demo: live · simulated", True)
    assert (api.text, api.origin) == ("api: live · 412 requests left", False)


def test_in_a_terminal_it_is_one_line_of_text() -> None:
    text = repr(RealTimeStatus(FakeOdds()))  # type: ignore[arg-type]
    assert text.startswith("<RealTimeStatus of http://127.0.0.1:8765: Live · WebSocket")
    assert "simulated" in text
