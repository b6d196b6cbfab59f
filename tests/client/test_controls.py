"""The controls of a client's own connection, against a real gateway."""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf

import pytest

import protipp_stream as ps
from protipp_stream.client.changes import Changes
from protipp_stream.client.connect import live_odds
from protipp_stream.client.live import LiveOdds
from protipp_stream.client.transports import LADDER
from protipp_stream.errors import (
    ConfigurationError,
    GatewayUnreachable,
    LinkClosed,
    TokenRefused,
    UpdatesMissed,
)
from protipp_stream.gateway import Gateway
from tests.client.conftest import until
from tests.client.obstacles import Obstacle
from tests.scripted import ScriptedFeed, quote

TRANSPORTS = list(LADDER)
Shown = tuple[str, str | None, str]
AWAY = ("disconnected", "paused", "websocket")


def watched(odds: LiveOdds) -> list[Shown]:
    """What is told of every transition from now on."""
    seen: list[Shown] = []
    odds.on_transition(lambda s: seen.append((s.status, s.detail, s.connection_type)))
    return seen


def is_live(odds: LiveOdds, transport: str) -> bool:
    return (odds.status.detail, odds.status.connection_type) == ("live", transport)


class Streaming:
    """Tells one update after the other, in a thread of its own, until it is left."""

    def __init__(self, feed: ScriptedFeed) -> None:
        self.told = 0
        self._feed = feed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        while not self._stop.wait(0.002):
            self.told += 1
            self._feed.tell([quote(3.0 + self.told / 1000)])

    def __enter__(self) -> Streaming:
        self._thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._stop.set()
        self._thread.join(10)


# ------------------------------------------------------- leaving and coming back


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_who_leaves_and_comes_back_misses_nothing(
    gateway: Gateway, feed: ScriptedFeed, transport: str
) -> None:
    with ps.connect(gateway, transport=transport) as odds:
        updates, seen = odds.stream(on_gap="raise"), watched(odds)
        feed.tell([quote(2.5)])
        assert next(updates).new_odds == 2.5
        odds.disconnect()
        until(lambda: odds.status.detail == "paused")
        until(lambda: not gateway.hub.subscriptions)
        assert (odds.status.status, odds.status.stale) == ("disconnected", True)
        assert odds.status.reconnect_attempts == 0
        assert odds.behind_ms is None
        assert len(odds.quotes()) == 2
        for number in range(5):
            feed.tell([quote(3.0 + number)])
        assert updates.next(0) is None
        odds.reconnect()
        assert [next(updates).new_odds for _ in range(5)] == [3.0, 4.0, 5.0, 6.0, 7.0]
        feed.tell([quote(8.0)])
        assert next(updates).new_odds == 8.0
        assert updates.next(0) is None
        assert seen == [
            ("disconnected", "paused", transport),
            ("connecting", "recovering", transport),
            ("connected", "live", transport),
        ]


def test_who_has_left_is_told_of_no_error_and_waits_for_nothing(gateway: Gateway) -> None:
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        obstacle.cut()
        until(lambda: odds.status.last_error is not None and odds.status.detail == "live")
        odds.disconnect()
        until(lambda: odds.status.detail == "paused")
        assert odds.status.last_error is None
        assert odds.status.error_count == 1
        assert odds._follower._link.deadline == inf


def test_reconnecting_while_live_keeps_the_connection(gateway: Gateway, feed: ScriptedFeed) -> None:
    with ps.connect(gateway) as odds:
        ident, seen = odds.status.id, watched(odds)
        odds.reconnect()
        feed.tell([quote(2.5)])
        assert odds.wait_until(gateway.hub.cursor, 5)
        assert (odds.status.id, seen) == (ident, [])


def test_reconnecting_does_not_wait_for_the_deadline(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.core.link.delay_s", lambda *_: 3600.0)
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        obstacle.cut()
        until(lambda: odds.status.detail == "backoff")
        odds.reconnect()
        until(lambda: odds.status.detail == "live")


# ---------------------------------------------------------------- another transport


@pytest.mark.parametrize("other", ["sse", "polling"])
def test_another_transport_and_back_while_updates_stream(
    gateway: Gateway, feed: ScriptedFeed, other: str
) -> None:
    with ps.connect(gateway, transport="websocket") as odds:
        start = gateway.hub.cursor.seq
        updates, seen = odds.stream(on_gap="raise"), watched(odds)
        with Streaming(feed) as streaming:
            for transport in (other, "websocket"):
                odds.use_transport(transport)
                assert odds.transport == transport
                until(lambda transport=transport: is_live(odds, transport))  # type: ignore[misc]
        assert odds.wait_until(gateway.hub.cursor, 10)
        got = [next(updates).seq for _ in range(streaming.told)]
        assert got == list(range(start + 1, start + streaming.told + 1))
        assert updates.next(0) is None
        # Made before the old one broke: never anything but live.
        assert seen == [("connected", "live", other), ("connected", "live", "websocket")]
        until(lambda: len(gateway.hub.subscriptions) == 1)


def test_a_transport_that_can_not_be_had_leaves_the_live_one(
    gateway: Gateway, feed: ScriptedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.core.connections.PROBE_FIRST_S", 0.1)
    with (
        Obstacle(gateway, {"sse"}) as obstacle,
        ps.connect(obstacle.url, gateway.token(), transport="websocket") as odds,
    ):
        updates = odds.stream(on_gap="raise")
        odds.use_transport("sse")
        until(lambda: odds._follower._link._probe_at < inf)
        feed.tell([quote(2.5)])
        assert next(updates).new_odds == 2.5
        assert is_live(odds, "websocket")
        obstacle.blocks = set()
        until(lambda: is_live(odds, "sse"))


def test_all_of_them_again_climbs_at_once(gateway: Gateway) -> None:
    with ps.connect(gateway, transport="sse") as odds:
        assert odds.transport == "sse"
        odds.use_transport("auto")
        until(lambda: is_live(odds, "websocket"))


def test_a_transport_may_be_chosen_while_away(gateway: Gateway) -> None:
    with ps.connect(gateway) as odds:
        odds.disconnect()
        odds.use_transport("polling")
        odds.reconnect()
        until(lambda: is_live(odds, "polling"))


def test_what_is_no_transport_changes_nothing(gateway: Gateway) -> None:
    with ps.connect(gateway) as odds:
        with pytest.raises(ConfigurationError, match="auto, websocket, sse, polling"):
            odds.use_transport("pigeon")
        assert odds.transport == "auto"
        with pytest.raises(AttributeError):
            odds.transport = "sse"  # type: ignore[misc]


# -------------------------------------------------------------------- without retries


def test_without_retries_a_gateway_that_stops_is_left_until_somebody_asks(
    feed: ScriptedFeed,
) -> None:
    first = Gateway(feed, key="k" * 32).start()
    feed.tell([quote(2.0)])
    with ps.connect(first, token=first.token, auto_reconnect=False) as odds:
        seen, told = watched(odds), []
        odds.on_transition(lambda status: told.append(status.last_error))
        assert odds.auto_reconnect is False
        first.stop()
        until(lambda: odds.status.detail == "paused")
        assert odds._follower._link.deadline == inf
        assert seen == [AWAY]
        assert told == [odds.status.last_error]
        assert told[0]
        odds.reconnect()  # nobody is there: one try
        until(lambda: odds.status.error_count >= 2 and odds.status.detail == "paused")
        assert set(seen[1:]) == {("connecting", "recovering", "websocket"), AWAY}
        again = ScriptedFeed()
        with Gateway(again, key="k" * 32, port=first.port):
            again.tell([quote(9.0)])
            odds.reconnect()
            until(lambda: odds.status.detail == "live" and list(odds.quotes().odds) == [9.0])


def test_retries_can_be_turned_off_while_one_is_waited_for_and_on_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        monkeypatch.setattr("protipp_stream.core.link.delay_s", lambda *_: 3600.0)
        assert odds.auto_reconnect is True
        obstacle.cut()
        until(lambda: odds.status.detail == "backoff")
        odds.auto_reconnect = False
        until(lambda: odds.status.detail == "paused")
        assert odds.status.last_error
        monkeypatch.undo()
        odds.auto_reconnect = True
        odds.reconnect()
        until(lambda: odds.status.detail == "live")
        obstacle.cut()
        until(lambda: odds.status.error_count == 2 and odds.status.detail == "live")


def test_without_retries_a_first_board_that_can_not_be_had_says_so_at_once() -> None:
    gateway = Gateway()
    gateway.stop()
    with pytest.raises(GatewayUnreachable):
        ps.connect(gateway.url, "token", auto_reconnect=False, timeout=60)


def test_a_refused_token_ends_it_without_retries_too(gateway: Gateway) -> None:
    with pytest.raises(TokenRefused):
        ps.connect(gateway.url, "no-token", auto_reconnect=False)


# --------------------------------------------------------------------- the board anew


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_refresh_brings_the_whole_board_and_no_gap_where_nothing_is_missing(
    gateway: Gateway, feed: ScriptedFeed, transport: str
) -> None:
    with ps.connect(gateway, transport=transport) as odds:
        changes, updates = odds.changes(), odds.stream(on_gap="raise")
        changes.take()
        ident, seen = odds.status.id, watched(odds)
        odds.refresh()
        until(lambda: len(seen) == 2 and odds.status.detail == "live")
        assert transport == "polling" or odds.status.id != ident
        until(_taking(changes))
        feed.tell([quote(2.5)])
        assert next(updates).new_odds == 2.5
        feed.tell([quote(2.6)])
        assert next(updates).new_odds == 2.6


def test_a_refresh_says_what_came_in_between(gateway: Gateway, feed: ScriptedFeed) -> None:
    with ps.connect(gateway) as odds:
        updates = odds.stream(on_gap="raise")
        odds.disconnect()
        odds.refresh()
        until(lambda: odds.status.detail == "paused")
        feed.tell([quote(4.0)])
        odds.reconnect()
        with pytest.raises(UpdatesMissed, match="the whole board was asked for"):
            next(updates)
        assert 4.0 in set(odds.quotes().odds)
        feed.tell([quote(5.0)])
        assert next(updates).new_odds == 5.0
        # Once: the next connection resumes.
        odds.disconnect()
        feed.tell([quote(6.0)])
        odds.reconnect()
        assert next(updates).new_odds == 6.0


def _taking(changes: Changes) -> Callable[[], bool]:
    """Whether a whole board has come since; once it has, it is so for good."""
    came: list[bool] = []

    def look() -> bool:
        taken = changes.take()
        if taken is not None and taken.snapshot:
            came.append(True)
        return bool(came)

    return look


# ------------------------------------------------------------------------ from outside

CONTROLS: dict[str, Callable[[LiveOdds], None]] = {
    "disconnect": LiveOdds.disconnect,
    "reconnect": LiveOdds.reconnect,
    "refresh": LiveOdds.refresh,
    "use_transport": lambda odds: odds.use_transport("sse"),
    "auto_reconnect": lambda odds: setattr(odds, "auto_reconnect", False),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_what_is_closed_can_not_be_steered(gateway: Gateway, name: str) -> None:
    odds = ps.connect(gateway)
    odds.close()
    with pytest.raises(LinkClosed):
        CONTROLS[name](odds)
    assert (odds.transport, odds.auto_reconnect) == ("auto", True)
    assert odds.status.detail == "terminal"


@pytest.mark.parametrize("name", CONTROLS)
def test_a_callback_may_steer(gateway: Gateway, name: str) -> None:
    with ps.connect(gateway) as odds:
        seen, once = watched(odds), iter([CONTROLS[name]])
        odds.on_transition(lambda _: next(once, lambda _: None)(odds))
        odds.disconnect()
        until(lambda: AWAY in seen)
        odds.reconnect()
        until(lambda: odds.status.detail == "live")


def test_what_is_wanted_before_the_start_is_done_at_the_start(gateway: Gateway) -> None:
    odds = live_odds(gateway)
    odds.use_transport("polling")
    odds.auto_reconnect = False
    with odds.start():
        until(lambda: is_live(odds, "polling"))
        assert odds._follower._link.keeps_trying is False


def test_from_many_threads_at_once_the_last_word_holds(gateway: Gateway) -> None:
    with ps.connect(gateway) as odds:

        def steer() -> None:
            for name in ("disconnect", "refresh", "reconnect", "use_transport") * 10:
                CONTROLS[name](odds)

        threads = [threading.Thread(target=steer) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        odds.use_transport("websocket")
        odds.reconnect()
        until(lambda: is_live(odds, "websocket") and len(gateway.hub.subscriptions) == 1)


# ------------------------------------------------------ what is said of it all


def test_since_when_and_what_comes_next_can_be_read(gateway: Gateway) -> None:
    with ps.connect(gateway) as odds:
        live_since = odds.since
        assert odds.plan is None
        odds.disconnect()
        until(lambda: odds.status.detail == "paused")
        assert odds.since > live_since
        assert odds.plan is None
        odds.reconnect()
        until(lambda: is_live(odds, "websocket"))
        back = odds.since
        gateway.stop()
        until(lambda: odds.plan is not None and odds.plan.step == "retry")
        assert odds.plan is not None
        assert odds.plan.transport == "websocket"
        assert odds.plan.at is not None
        assert odds.plan.at > odds.since > back
        since = odds.since
        until(lambda: odds.status.reconnect_attempts > 1)
        assert odds.since == since  # it tries again and again, and all of it is not live
    assert odds.plan is None
