"""What closes a WebSocket before the gateway has spoken is not the gateway."""

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
from protipp_stream.model import Cursor
from tests.client.conftest import until
from tests.client.obstacles import _InThread


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
    seen: list[str] = []
    with Closing(code) as closing:
        odds = live_odds(closing.url, "token")
        odds.on_transition(lambda status: seen.append(status.connection_type))
        odds.start(timeout=None)
        until(lambda: "sse" in seen)
        odds.close()
    assert str(code) in (odds.status.last_error or "")


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


def test_once_it_has_spoken_it_is_the_gateway_that_closes() -> None:
    with Closing(1008, CONNECTED) as closing:
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
