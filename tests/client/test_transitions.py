"""What is told of the link: every change of state once, in words, and every field true."""

from __future__ import annotations

import logging
import time
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

import protipp_stream as ps
from protipp_stream.client.transitions import Transitions
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.model import RealTimeConnection
from tests.client.conftest import until
from tests.client.obstacles import Obstacle
from tests.scripted import ScriptedFeed, quote

Shown = tuple[str, str | None, str]


def shown(status: RealTimeConnection) -> Shown:
    return status.status, status.detail, status.connection_type


def test_every_change_is_told_once_and_heartbeats_are_not(feed: ScriptedFeed) -> None:
    seen: list[Shown] = []
    with (
        Gateway(feed, settings=Settings(heartbeat_s=0.6)) as gateway,
        Obstacle(gateway, set()) as obstacle,
        ps.connect(obstacle.url, gateway.token()) as odds,
    ):
        odds.on_transition(lambda status: seen.append(shown(status)))
        before = odds.status.last_heartbeat
        until(lambda: odds.status.last_heartbeat != before)
        for number in range(3):
            feed.tell([quote(2.0 + number)])
        assert odds.wait_until(gateway.hub.cursor, 5)
        assert seen == []
        obstacle.blocks = {"websocket"}
        obstacle.cut()
        until(lambda: seen[-1:] == [("connected", "live", "sse")])
        assert odds.status.reconnect_attempts == 0
    assert seen == [
        ("disconnected", "backoff", "websocket"),
        ("connecting", "recovering", "websocket"),
        ("connecting", "recovering", "sse"),
        ("connected", "live", "sse"),
        ("disconnected", "terminal", "sse"),
    ]


def test_a_callback_can_be_removed_twice_over_and_only_its_own_goes(gateway: Gateway) -> None:
    seen: list[str] = []

    def callback(status: RealTimeConnection) -> None:
        seen.append(status.status)

    with ps.connect(gateway) as odds:
        remove, _ = odds.on_transition(callback), odds.on_transition(callback)
        remove()
        remove()
    assert seen == ["disconnected"]


def test_a_callback_that_fails_is_logged_and_harms_nothing(
    gateway: Gateway, feed: ScriptedFeed, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(_: RealTimeConnection) -> None:
        raise ZeroDivisionError("the user's own")

    told: list[RealTimeConnection] = []
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        odds.on_transition(mistaken)
        odds.on_transition(told.append)
        obstacle.cut()
        until(lambda: len(told) >= 3 and told[-1].detail == "live")
        feed.tell([quote(2.5)])
        assert odds.wait_until(gateway.hub.cursor, 5)
    assert "a callback on a transition has failed" in caplog.text
    assert "the user's own" in caplog.text


def test_the_log_says_each_in_words_and_warns_where_it_gets_worse_than_live(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "protipp_stream.client")
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        obstacle.cut()
        until(lambda: odds.status.status == "disconnected")
        until(lambda: odds.status.detail == "live")
    said = [
        (record.levelname, record.getMessage().removeprefix(f"link to {obstacle.url}: "))
        for record in caplog.records
        if record.name == "protipp_stream.client.transitions"
    ]
    levels = [level for level, _ in said]
    words = [text for _, text in said]
    assert levels == ["INFO", "INFO", "WARNING", "INFO", "INFO", "INFO"]
    assert words[:2] == ["connecting over WebSocket", "live over WebSocket"]
    assert words[2].startswith("disconnected, trying WebSocket again (1 so far): The connection")
    assert words[3:] == ["connecting over WebSocket", "live over WebSocket", "closed"]


def test_the_end_for_good_is_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    state = RealTimeConnection(
        id="c", bookmaker_id="gateway", connection_type="sse", status="connecting"
    )
    ended = msgspec.structs.replace(state, status="error", detail="terminal", last_error="Revoked.")
    transitions = Transitions("http://odds.example", state)
    transitions.take(ended)
    transitions.take(msgspec.structs.replace(ended, error_count=7))
    [record] = caplog.records
    assert record.levelname == "WARNING"
    assert record.getMessage() == "link to http://odds.example: ended for good: Revoked."


@pytest.mark.parametrize(("why", "level"), [(None, "INFO"), ("Silent.", "WARNING")])
def test_leaving_is_no_warning_and_breaking_is(
    caplog: pytest.LogCaptureFixture, why: str | None, level: str
) -> None:
    caplog.set_level(logging.INFO, "protipp_stream")
    live = RealTimeConnection(
        id="c", bookmaker_id="gateway", connection_type="sse", status="connected", detail="live"
    )
    away = msgspec.structs.replace(live, status="disconnected", detail="paused", last_error=why)
    Transitions("http://odds.example", live).take(away)
    [record] = caplog.records
    said = "link to http://odds.example: disconnected until reconnect()"
    assert (record.levelname, record.getMessage()) == (level, f"{said}: {why}" if why else said)


def test_a_peers_words_forge_no_line_of_the_log(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    def token() -> str:
        raise OSError("busy\nCRITICAL all is lost\x1b[31m\u2028")

    odds = ps.connect(gateway.url, token, timeout=None)
    until(lambda: odds.status.last_error is not None)
    odds.close()
    assert "\n" not in (odds.status.last_error or "")
    messages = [record.getMessage() for record in caplog.records]
    assert not any(each in text for each in "\n\x1b\u2028" for text in messages)


def test_what_the_status_says_last_is_true_without_a_further_frame(
    gateway: Gateway, feed: ScriptedFeed
) -> None:
    with ps.connect(gateway) as odds:
        until(lambda: odds._follower.applier.offset(time.monotonic()) is not None)
        for number in range(5):
            feed.tell([quote(3.0 + number)])
        assert odds.wait_until(gateway.hub.cursor, 5)
        at = datetime.now(UTC)
        # The next heartbeat would come in half a minute.
        until(lambda: odds.status.latency_ms is not None, 3)
        status = odds.status
        assert odds.delivery is not None
        assert status.latency_ms == odds.delivery.p50_ms
        for stamp in (status.last_update, status.last_heartbeat):
            assert stamp is not None
            assert timedelta(0) <= at - stamp + timedelta(seconds=0.1) < timedelta(seconds=2)
        assert (status.error_count, status.reconnect_attempts) == (0, 0)
        assert not status.stale
        assert status.id != "link"


def test_bookmakers_are_told_apart_from_sources(gateway: Gateway, feed: ScriptedFeed) -> None:
    acme = RealTimeConnection(
        id="script/acme", bookmaker_id="acme", connection_type="bookmaker", status="connected"
    )
    assert gateway._loop is not None
    changes: list[int] = []
    with ps.connect(gateway) as odds:
        odds.param.watch(lambda change: changes.append(len(change.new)), "bookmakers")
        for each in (acme, acme, msgspec.structs.replace(acme, stale=True)):
            gateway._loop.call_soon_threadsafe(gateway.hub.report, each)
        until(lambda: "acme" in odds.bookmakers and odds.bookmakers["acme"].stale)
        assert set(odds.sources) == {"script"}
        assert changes == [1, 1]
