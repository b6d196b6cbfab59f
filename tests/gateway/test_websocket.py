"""The WebSocket endpoint: what a subscriber may say, hears, and is closed for."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from protipp_stream.gateway import Gateway, Settings
from protipp_stream.model import Event
from tests.gateway.conftest import SOCKET_PATH, bearer
from tests.gateway.test_auth import signed
from tests.scripted import HandClock, ScriptedFeed, quote


@asynccontextmanager
async def dial(
    gateway: Gateway, query: str = "", *, token: str | None = "mine"
) -> AsyncGenerator[ClientConnection, None]:
    headers = {} if token is None else bearer(gateway.token() if token == "mine" else token)
    url = gateway.url.replace("http", "ws") + SOCKET_PATH + query
    async with connect(url, additional_headers=headers, proxy=None, compression=None) as socket:
        yield socket


async def hear(socket: ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next frame of that kind."""
    async with asyncio.timeout(5):
        async for message in socket:
            frame: dict[str, Any] = json.loads(message)
            if frame["type"] == kind:
                return frame
    raise AssertionError(f"closed with {socket.close_code} before a {kind}")


async def closed_with(socket: ClientConnection) -> int | None:
    async with asyncio.timeout(5):
        await socket.wait_closed()
    return socket.close_code


async def say(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(json.dumps(frame))


async def test_connected_comes_first_then_the_board(gateway: Gateway) -> None:
    async with dial(gateway) as socket:
        frames = [json.loads(await socket.recv()) for _ in range(4)]
    assert [frame["type"] for frame in frames] == ["connected", "source", "source", "snapshot"]
    assert frames[0]["mode"] == "snapshot"
    assert frames[0]["cursor"] == frames[3]["cursor"] == str(gateway.hub.cursor)
    assert {q["outcome"]: q["odds"] for q in frames[3]["quotes"]} == {"Blues": 2.0, "Reds": 1.9}
    assert frames[3]["events"][0]["name"] == "Reds @ Blues"


async def test_a_client_without_a_header_introduces_itself(gateway: Gateway) -> None:
    async with dial(gateway, token=None) as socket:
        await say(
            socket,
            type="connect",
            token=gateway.token(),
            filter={"markets": ["totals"]},
        )
        assert (await hear(socket, "snapshot"))["quotes"] == []


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ({"type": "connect"}, 4501),
        ({"type": "connect", "token": "rubbish"}, 4501),
        ({"type": "connect", "token": signed(key="t" * 32)}, 4501),
        ({"type": "ping", "id": 1, "t0": 0}, 4501),
        ({"type": "connect", "tokem": "x"}, 4500),
    ],
    ids=["no token", "rubbish", "wrong key", "not a connect", "malformed"],
)
async def test_a_bad_introduction_is_closed(
    gateway: Gateway, frame: dict[str, Any], code: int
) -> None:
    async with dial(gateway, token=None) as socket:
        await say(socket, **frame)
        assert await closed_with(socket) == code
    assert not gateway.hub.subscriptions


async def test_an_introduction_that_does_not_come_is_closed(start: Callable[..., Gateway]) -> None:
    gateway = start(settings=Settings(handshake_s=0.05))
    async with dial(gateway, token=None) as socket:
        assert await closed_with(socket) == 4009


async def test_a_resumed_subscriber_hears_exactly_what_it_missed(
    gateway: Gateway, feed: ScriptedFeed
) -> None:
    before = str(gateway.hub.cursor)
    feed.tell([quote(2.1)])
    feed.tell([quote(2.2)])
    async with dial(gateway, f"?since={before}") as socket:
        assert (await hear(socket, "connected"))["mode"] == "replay"
        frame = await hear(socket, "updates")
    assert frame["prev"] == before
    assert [(row["old_odds"], row["new_odds"]) for row in frame["updates"]] == [
        (2.0, 2.1),
        (2.1, 2.2),
    ]


@pytest.mark.parametrize("cursor", ["rubbish", "other:1", "EPOCH:99", "EPOCH:-1", ":", "%00"])
async def test_a_wild_cursor_gets_a_snapshot(gateway: Gateway, cursor: str) -> None:
    wild = cursor.replace("EPOCH", gateway.hub.book.epoch)
    async with dial(gateway, f"?since={wild}") as socket:
        assert (await hear(socket, "connected"))["mode"] == "snapshot"
        assert len((await hear(socket, "snapshot"))["quotes"]) == 2


async def test_subscribe_replaces_the_filter_with_a_snapshot_of_it(
    gateway: Gateway, feed: ScriptedFeed
) -> None:
    async with dial(gateway) as socket:
        await hear(socket, "snapshot")
        await say(socket, type="subscribe", bookmakers=["other"])
        assert (await hear(socket, "snapshot"))["quotes"] == []
        await asyncio.to_thread(feed.tell, [quote(3.0), quote(4.0, bookmaker_id="other")])
        frame = await hear(socket, "updates")
    assert [row["bookmaker_id"] for row in frame["updates"]] == ["other"]


async def test_ping_is_answered_with_the_gateways_clock(gateway: Gateway) -> None:
    async with dial(gateway) as socket:
        await say(socket, type="ping", id=7, t0=12.5)
        pong = await hear(socket, "pong")
    assert (pong["id"], pong["t0"]) == (7, 12.5)
    assert pong["t1"] <= pong["t2"]


async def test_what_a_subscriber_says_reaches_no_other(
    gateway: Gateway, feed: ScriptedFeed
) -> None:
    async with dial(gateway) as loud, dial(gateway) as quiet:
        await hear(quiet, "snapshot")
        await hear(loud, "snapshot")
        forged = {"prev": "x:1", "cursor": "x:2", "conflated": None, "updates": []}
        await say(loud, type="updates", **forged)
        await say(loud, type="publish", quotes=[])
        await say(loud, type="ping", id=1, t0=0)
        assert (await hear(loud, "error"))["code"] == "malformed"
        await asyncio.to_thread(feed.tell, [quote(5.0)])
        heard = json.loads(await quiet.recv())
    assert heard["type"] == "updates"
    assert heard["updates"][0]["new_odds"] == 5.0


async def test_the_fifth_malformed_message_ends_it(gateway: Gateway) -> None:
    async with dial(gateway) as socket:
        for _ in range(4):
            await socket.send("{")
            assert (await hear(socket, "error"))["code"] == "malformed"
        await socket.send("{")
        assert await closed_with(socket) == 1008


@pytest.mark.parametrize(
    ("message", "code"), [(b"\x00", 1003), ("x" * 17_000, 1009)], ids=["binary", "17 KB"]
)
async def test_what_is_no_message_of_ours_ends_it(
    gateway: Gateway, message: bytes | str, code: int
) -> None:
    async with dial(gateway) as socket:
        await socket.send(message)
        assert await closed_with(socket) == code


async def test_message_101_within_a_minute_is_refused_minute_after_minute(
    start: Callable[..., Gateway],
) -> None:
    clock = HandClock()
    gateway = start(clock=clock)
    async with dial(gateway, token=gateway.token(lifetime_s=24 * 3600)) as socket:
        for _ in range(3):
            for number in range(100):
                await say(socket, type="ping", id=number, t0=0)
                assert (await hear(socket, "pong"))["id"] == number
            await say(socket, type="ping", id=101, t0=0)
            refusal = await hear(socket, "error")
            assert refusal["code"] == "rate_limited"
            assert refusal["retry_ms"] == pytest.approx(60_000, abs=2)
            clock.advance(60)


async def test_ten_violations_in_a_minute_close_it(start: Callable[..., Gateway]) -> None:
    gateway = start(settings=Settings(messages_per_minute=1), clock=HandClock())
    async with dial(gateway) as socket:
        for number in range(11):
            await say(socket, type="ping", id=number, t0=0)
        assert await closed_with(socket) == 4006


async def test_a_refresh_is_never_refused_and_extends(start: Callable[..., Gateway]) -> None:
    clock = HandClock()
    gateway = start(settings=Settings(messages_per_minute=1, heartbeat_s=0.05), clock=clock)
    async with dial(gateway, token=gateway.token(lifetime_s=300)) as socket:
        await hear(socket, "connected")
        await say(socket, type="ping", id=1, t0=0)
        await say(socket, type="refresh", token=gateway.token(lifetime_s=3000))
        await hear(socket, "pong")
        await say(socket, type="ping", id=2, t0=0)
        assert (await hear(socket, "error"))["code"] == "rate_limited"
        assert next(iter(gateway.hub.subscriptions)).expires_at > clock.wall().timestamp() + 2000


async def test_a_token_that_expires_is_announced_then_closed(start: Callable[..., Gateway]) -> None:
    clock = HandClock()
    gateway = start(clock=clock)
    async with dial(gateway, token=gateway.token(lifetime_s=120)) as socket:
        await hear(socket, "snapshot")
        clock.advance(70)
        _wake(gateway)
        assert (await hear(socket, "expiring"))["in_s"] == pytest.approx(50, abs=3)
        clock.advance(60)
        _wake(gateway)
        assert (await hear(socket, "error"))["code"] == 4004
        assert await closed_with(socket) == 4004


async def test_a_token_that_may_not_read_refreshes_nothing(gateway: Gateway) -> None:
    async with dial(gateway) as socket:
        for _ in range(4):
            await say(socket, type="refresh", token=gateway.token(scopes=["odds:publish"]))
            assert (await hear(socket, "error"))["code"] == 4501
        await say(socket, type="refresh", token="rubbish")
        assert await closed_with(socket) == 1008


async def test_a_close_reason_echoes_nothing(gateway: Gateway) -> None:
    async with dial(gateway, token=None) as socket:
        await socket.send(json.dumps({"type": "connect", "x" * 5000: 1}))
        assert await closed_with(socket) == 4500
        assert socket.close_reason == "malformed"


async def test_an_event_is_told_without_a_price_of_it(gateway: Gateway, feed: ScriptedFeed) -> None:
    async with dial(gateway) as socket:
        await hear(socket, "snapshot")
        renamed = Event("match", "Reds @ Blues, game 2", "baseball_mlb")
        await asyncio.to_thread(feed.tell, [], [renamed])
        frame = await hear(socket, "updates")
    assert frame["updates"] == []
    assert frame["prev"] == frame["cursor"] == str(gateway.hub.cursor)
    assert frame["events"][0]["name"] == "Reds @ Blues, game 2"


async def test_anothers_token_refreshes_nothing(gateway: Gateway) -> None:
    async with dial(gateway) as socket:
        await say(socket, type="refresh", token=gateway.token("mallory"))
        assert (await hear(socket, "error"))["code"] == 4501


def _wake(gateway: Gateway) -> None:
    """Let a subscription look at its clock: a hand clock wakes nobody."""
    assert gateway._loop is not None
    gateway._loop.call_soon_threadsafe(gateway.hub.tick)


async def test_heartbeats_come_and_carry_the_cursor(start: Callable[..., Gateway]) -> None:
    gateway = start(settings=Settings(heartbeat_s=0.05))
    async with dial(gateway) as socket:
        for _ in range(2):
            assert (await hear(socket, "heartbeat"))["cursor"] == str(gateway.hub.cursor)


async def test_an_exception_in_a_handler_tells_the_peer_an_id_only(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(gateway.hub, "refilter", broken)
    async with dial(gateway) as socket:
        await say(socket, type="subscribe")
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                assert "secret" not in str(message)
        assert socket.close_code == 1011
        assert "secret" not in (socket.close_reason or "")
    assert "a secret detail" in caplog.text
