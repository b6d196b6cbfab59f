"""When a way is blocked or breaks: the next one, from the same cursor, nothing lost."""

from __future__ import annotations

import sys
import time
import warnings

import pytest

import protipp_stream as ps
from protipp_stream.client.stream import MissedUpdatesWarning
from protipp_stream.errors import UpdatesMissed
from protipp_stream.gateway import Gateway, Settings
from tests.client.conftest import until
from tests.client.obstacles import ForgetfulGateway, Obstacle
from tests.scripted import ScriptedFeed, quote


@pytest.mark.parametrize(
    ("blocked", "transport"),
    [(set(), "websocket"), ({"websocket"}, "sse"), ({"websocket", "sse"}, "polling")],
    ids=["nothing", "websocket", "websocket and sse"],
)
def test_the_first_transport_that_works_is_taken(
    gateway: Gateway, feed: ScriptedFeed, blocked: set[str], transport: str
) -> None:
    with Obstacle(gateway, blocked) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        assert odds.status.connection_type == transport
        feed.tell([quote(2.5)])
        assert odds.wait_until(gateway.hub.cursor, 5)


@pytest.mark.parametrize("status", ["403 Forbidden", "401 Unauthorized", "407 Proxy", "200 OK"])
def test_a_middleboxs_no_is_not_the_gateways(gateway: Gateway, status: str) -> None:
    with (
        Obstacle(gateway, {"websocket"}, status) as obstacle,
        ps.connect(obstacle.url, gateway.token()) as odds,
    ):
        assert odds.status.connection_type == "sse"


def test_an_upgrade_that_is_swallowed_is_no_dead_network(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By its name in sys.modules: the package has a function of the same name.
    module = sys.modules["protipp_stream.client.transports.websocket"]
    monkeypatch.setattr(module, "OPEN_TIMEOUT_S", 0.1)
    with (
        Obstacle(gateway, {"upgrade swallowed"}) as obstacle,
        ps.connect(obstacle.url, gateway.token()) as odds,
    ):
        assert odds.status.connection_type == "sse"


def test_a_broken_link_comes_back_another_way_and_loses_nothing(
    gateway: Gateway, feed: ScriptedFeed
) -> None:
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        updates = odds.stream(on_gap="raise")
        feed.tell([quote(3.0)])
        assert next(updates).new_odds == 3.0
        obstacle.blocks = {"websocket"}
        obstacle.cut()
        until(lambda: odds.status.status != "connected")
        assert odds.status.stale
        feed.tell([quote(4.0)])
        feed.tell([quote(5.0)])
        assert [next(updates).new_odds for _ in range(2)] == [4.0, 5.0]
        until(lambda: odds.status.status == "connected")
        assert odds.status.connection_type == "sse"
        assert odds.status.error_count >= 1
        assert not odds.status.stale


def test_down_the_ladder_and_up_again_by_itself_losing_nothing(
    gateway: Gateway, feed: ScriptedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.core.connections.PROBE_FIRST_S", 0.2)
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        updates = odds.stream(on_gap="raise")
        start = gateway.hub.cursor.seq
        seen: list[str] = []
        odds.param.watch(lambda change: seen.append(change.new.connection_type), "status")
        told = 0

        def tell_until(transport: str) -> None:
            nonlocal told
            deadline = time.monotonic() + 20
            while odds.status.connection_type != transport or odds.status.detail != "live":
                assert time.monotonic() < deadline, f"still {odds!r}, not {transport}"
                feed.tell([quote(3.0 + told / 100)])
                told += 1
                time.sleep(0.01)

        obstacle.blocks = {"websocket"}
        obstacle.cut()
        tell_until("sse")
        obstacle.blocks = {"websocket", "sse"}
        obstacle.cut()
        tell_until("polling")
        obstacle.blocks = {"websocket"}
        tell_until("sse")
        obstacle.blocks = set()
        tell_until("websocket")
        feed.tell([quote(50.0)])
        # The connections that it climbed over are closed.
        until(lambda: len(gateway.hub.subscriptions) == 1)
        got = [next(updates).seq for _ in range(told + 1)]
        assert got == list(range(start + 1, start + told + 2))
    assert list(dict.fromkeys(seen))[-3:] == ["websocket", "sse", "polling"]


def test_a_far_end_that_is_down_for_a_moment_is_no_stranger(
    gateway: Gateway, feed: ScriptedFeed
) -> None:
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        obstacle.blocks = {"websocket", "sse", "polling"}
        obstacle.status = "404 Not Found"
        obstacle.cut()
        until(lambda: odds.status.error_count >= 5)
        obstacle.blocks = set()
        feed.tell([quote(7.0)])
        assert odds.wait_until(gateway.hub.cursor, 20)


def test_a_peer_that_vanishes_is_shown_as_stalled_and_replaced(feed: ScriptedFeed) -> None:
    with (
        Gateway(feed, settings=Settings(heartbeat_s=0.6)) as gateway,
        Obstacle(gateway, set()) as obstacle,
        ps.connect(obstacle.url, gateway.token(), transport="websocket") as odds,
    ):
        feed.tell([quote(2.0)])
        odds.wait_until(gateway.hub.cursor, 5)
        updates = odds.stream(on_gap="raise")
        seen: list[tuple[str, str | None]] = []
        odds.param.watch(
            lambda change: seen.append((change.new.status, change.new.detail)), "status"
        )
        obstacle.frozen = True
        feed.tell([quote(3.0)])
        until(lambda: ("connected", "stalled") in seen)
        until(lambda: ("disconnected", "backoff") in seen)
        obstacle.frozen = False
        until(lambda: seen[-1] == ("connected", "live"))
        assert next(updates).new_odds == 3.0
        assert odds.status.error_count >= 1


def test_a_gateway_that_starts_anew_brings_a_snapshot_and_says_so(feed: ScriptedFeed) -> None:
    first = Gateway(feed, key="k" * 32).start()
    feed.tell([quote(2.0)])
    with ps.connect(first, token=first.token) as odds:
        warned, raising = odds.stream(), odds.stream(on_gap="raise")
        first.stop()
        again = ScriptedFeed()
        with Gateway(again, key="k" * 32, port=first.port):
            again.tell([quote(9.0)])
            with pytest.raises(UpdatesMissed, match="snapshot"):
                next(raising)
            again.tell([quote(9.5)])
            assert next(raising).new_odds == 9.5
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                assert next(warned).new_odds == 9.5
            assert [w.category for w in caught] == [MissedUpdatesWarning]
            assert list(odds.quotes().odds) == [9.5]


@pytest.mark.parametrize("drops", [{0}, {3}, {1, 2}, {8}], ids=str)
def test_a_frame_that_is_left_out_is_noticed_and_asked_for_again(drops: set[int]) -> None:
    with ForgetfulGateway(drops, frames=10) as forgetful:
        odds = ps.connect(forgetful.url, "token", transport="websocket", timeout=None)
        updates = odds.stream(on_gap="raise")
        with odds:
            got = [next(updates).seq for _ in range(10)]
        assert got == list(range(1, 11))
        assert forgetful.connections == 2
        assert odds.status.error_count == 1
        # Not because of the silence that follows: that would cost 40 s.
        assert "are missing" in (odds.status.last_error or "")


def test_what_is_whole_is_not_asked_for_again() -> None:
    with ForgetfulGateway(set(), frames=10) as whole:
        odds = ps.connect(whole.url, "token", transport="websocket", timeout=None)
        with odds:
            assert odds.wait_until(ps.Cursor("epoch", 10), 5)
        assert whole.connections == 1
