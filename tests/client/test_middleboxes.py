"""What a middlebox says or breaks is not the gateway's last word: only a 45xx is."""

from __future__ import annotations

import contextlib

import pytest
from websockets.asyncio.server import ServerConnection, serve

import protipp_stream as ps
from protipp_stream.client.connect import live_odds
from protipp_stream.client.follower import Connection, Follower
from protipp_stream.core import wire
from protipp_stream.core.latency import ClockOffset
from protipp_stream.errors import ConnectionEnded
from protipp_stream.gateway import Gateway
from protipp_stream.model import Cursor
from tests.client.conftest import until
from tests.client.obstacles import Obstacle, _InThread
from tests.scripted import ScriptedFeed, quote


class Closing(_InThread):
    """Takes WebSockets: says ``first``, if anything, then closes with ``code``."""

    def __init__(self, code: int, first: wire.ServerFrame | None = None) -> None:
        self.connections = 0
        self._code = code
        self._first = first

    async def _listen(self, stack: contextlib.AsyncExitStack) -> int:
        server = await stack.enter_async_context(serve(self._close, "127.0.0.1", 0))
        port: int = next(iter(server.sockets)).getsockname()[1]
        return port

    async def _close(self, socket: ServerConnection) -> None:
        self.connections += 1
        if self._first is not None:
            await socket.send(wire.encode(self._first).decode())
        await socket.close(self._code, "policy violation")


CONNECTED = wire.Connected("c", "e:0", "snapshot", 30.0, None)


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009])
def test_a_close_before_connected_is_a_middleboxs_and_the_next_transport_is_tried(
    code: int,
) -> None:
    seen: dict[str, str | None] = {}
    with Closing(code) as closing:
        odds = live_odds(closing.url, "token")
        # The first of each: this server takes no SSE either, and that is told next.
        odds.on_transition(lambda its: seen.setdefault(its.connection_type, its.last_error))
        odds.start(timeout=None)
        until(lambda: "sse" in seen)
        odds.close()
    assert str(code) in (seen["sse"] or "")


def test_where_there_is_no_next_one_it_is_tried_again() -> None:
    with Closing(1008) as closing:
        odds = ps.connect(closing.url, "token", transport="websocket", timeout=None)
        until(lambda: closing.connections >= 2)
        odds.close()
    assert odds.status.status == "disconnected"


def test_the_gateways_own_words_are_final_before_connected_too() -> None:
    with Closing(4506) as closing, pytest.raises(ConnectionEnded, match="4506"):
        ps.connect(closing.url, "token", timeout=5)
    assert closing.connections == 1


# What the gateway answers with which code. The bytes are frames of RFC 6455, masked with
# zeros: reserved bits, a text that is no UTF-8, a binary frame, five texts that are no
# message of ours, and the head of one that would be 1 GB.
GARBAGE = {
    1002: b"\xff" * 8,
    1007: b"\x81\x81\0\0\0\0\xff",
    1003: b"\x82\x81\0\0\0\0x",
    1008: b"\x81\x81\0\0\0\0x" * 5,
    1009: b"\x81\xff" + (1 << 30).to_bytes(8) + b"\0\0\0\0",
}


@pytest.mark.parametrize("code", GARBAGE)
def test_a_frame_that_was_mangled_on_its_way_costs_a_reconnect_and_no_update(
    gateway: Gateway, feed: ScriptedFeed, code: int
) -> None:
    with Obstacle(gateway, set()) as obstacle, ps.connect(obstacle.url, gateway.token()) as odds:
        updates = odds.stream(on_gap="raise")
        obstacle.garble(GARBAGE[code])
        until(lambda: odds.status.error_count == 1)
        assert f"({code})" in (odds.status.last_error or "")
        feed.tell([quote(4.0)])
        update = updates.next(timeout=5)
        assert update is not None
        assert update.new_odds == 4.0
        until(lambda: odds.status.detail == "live")


@pytest.mark.parametrize("code", [1002, 1003, 1007, 1008, 1009, 1010])
def test_a_gateway_that_finds_fault_with_every_connection_is_not_hammered(
    code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[int] = []

    def delay_s(attempt: int, chance: float, asked_s: float | None = None) -> float:
        waited.append(attempt)
        return 0.05

    monkeypatch.setattr("protipp_stream.core.link.delay_s", delay_s)
    with Closing(code, CONNECTED) as closing:
        odds = ps.connect(closing.url, "token", timeout=None)
        until(lambda: closing.connections >= 4)
        odds.close()
    # Each `connected` in between is no stability: 1, 2, 4, 8 s, as `core.backoff` counts.
    assert waited[:3] == [1, 2, 3]


def test_the_gateways_own_no_is_final_after_connected_too() -> None:
    with Closing(4500, CONNECTED) as closing:
        odds = ps.connect(closing.url, "token", timeout=None)
        until(lambda: odds.status.status == "error")
        odds.close()
    assert "for good" in (odds.status.last_error or "")
    assert closing.connections == 1


def test_level_is_a_matter_of_one_epoch() -> None:
    odds = live_odds("http://127.0.0.1:1", "token", since=Cursor("new", 9))
    follower: Follower = odds._follower
    beside = Connection(ClockOffset(), None)  # type: ignore[arg-type]
    for joined, level in (("new:9", True), ("new:10", False), ("old:3", False), (None, False)):
        beside.joined = Cursor.parse(joined)
        assert follower._is_level(beside) is level
