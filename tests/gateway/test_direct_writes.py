"""What the hub writes straight to the transports: right bytes, in order, within bounds.

Each contract is tried twice: with direct writes, and through plain ASGI.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Callable
from uuid import uuid4

import pytest

from protipp_stream.gateway import Gateway, Settings, uvicorn_protocols
from protipp_stream.gateway.frames import Outgoing, as_chunk, as_message
from protipp_stream.gateway.outlet import AsgiOutlet, DirectOutlet
from tests.gateway.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawPeer
from tests.scripted import ScriptedFeed, quote

STREAM = "/api/v1/odds/stream"


@pytest.fixture(params=[True, False], ids=["direct", "asgi"])
def is_direct(request: pytest.FixtureRequest) -> bool:
    direct: bool = request.param
    return direct


@pytest.fixture
def serving(
    start: Callable[..., Gateway], feed: ScriptedFeed, is_direct: bool
) -> Callable[..., Gateway]:
    def make(**settings: object) -> Gateway:
        gateway = start(feed, settings=Settings(direct_writes=is_direct, **settings))  # type: ignore[arg-type]
        feed.tell([quote(2.0), quote(1.9, "Reds")])
        return gateway

    return make


def test_this_uvicorn_has_what_direct_writes_rely_on() -> None:
    assert uvicorn_protocols.moved() == [], (
        "uvicorn has moved these; see gateway/uvicorn_protocols.py for what we do with them. "
        "Until that is mended the gateway serves through plain ASGI."
    )


def test_a_uvicorn_that_has_moved_something_is_served_through_asgi_and_the_log_says_so(
    start: Callable[..., Gateway],
    feed: ScriptedFeed,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    kind = uvicorn_protocols.H11Protocol
    monkeypatch.setitem(uvicorn_protocols.RELIED_ON, kind, ("pause_writing", "gone_with_0_99"))
    gateway = start(feed)
    assert "H11Protocol.gone_with_0_99" in caplog.text
    with RawPeer.websocket(gateway) as peer:
        _wait_for(peer, "snapshot")
        [subscription] = gateway.hub.subscriptions
        assert isinstance(subscription.outlet, AsgiOutlet)


def test_the_hub_writes_to_the_transports(
    start: Callable[..., Gateway], feed: ScriptedFeed
) -> None:
    gateway = start(feed)
    with RawPeer.websocket(gateway) as peer, RawPeer.http(gateway, STREAM) as stream:
        _wait_for(peer, "snapshot")
        stream.read_until(b"event: snapshot")
        outlets = [subscription.outlet for subscription in gateway.hub.subscriptions]
        assert len(outlets) == 2
        assert all(isinstance(outlet, DirectOutlet) for outlet in outlets)


def test_frames_of_every_size_and_answers_to_pings_come_whole_and_in_order(
    serving: Callable[..., Gateway], feed: ScriptedFeed
) -> None:
    gateway = serving()
    with RawPeer.websocket(gateway) as peer:
        _wait_for(peer, "snapshot")
        teller = threading.Thread(target=_tell_sizes, args=(feed,))
        teller.start()
        for number in range(60):
            peer.send(PING, b"%d" % number)
            if number % 6 == 0:
                peer.send(TEXT, b'{"type":"ping","id":%d,"t0":1.0}' % number)
        sequence, pongs, answers = [], 0, []
        for opcode, payload in peer.frames():
            if opcode == PONG:
                assert payload == b"%d" % pongs
                pongs += 1
            elif opcode == TEXT:
                frame = json.loads(payload)
                sequence += [row["id"] for row in frame.get("updates", ())]
                answers += [frame["id"]] if frame["type"] == "pong" else []
            if len(sequence) == 1620 and pongs == 60 and len(answers) == 10:
                break
        teller.join()
    assert sequence == [f"{gateway.hub.book.epoch}:{seq}" for seq in range(3, 1623)]
    assert answers == list(range(0, 60, 6))


def _tell_sizes(feed: ScriptedFeed) -> None:
    # Of 1, 20 and 300 rows: frames with each of the three lengths of a header.
    for size in (1, 20, 300, 1, 500, 1, 797):
        feed.tell([quote(1.5, f"team {uuid4()}") for _ in range(size)])


def test_after_the_close_frame_nothing_is_written(
    serving: Callable[..., Gateway], feed: ScriptedFeed
) -> None:
    gateway = serving()
    with RawPeer.websocket(gateway) as peer:
        _wait_for(peer, "snapshot")
        stopped = threading.Event()
        teller = threading.Thread(target=_keep_telling, args=(feed, stopped))
        teller.start()
        _wait_for(peer, "updates")
        peer.send(CLOSE, (1000).to_bytes(2, "big"))
        opcodes = [opcode for opcode, _ in peer.frames()]
        stopped.set()
        teller.join()
    assert opcodes[-1] == CLOSE
    assert opcodes.count(CLOSE) == 1
    _until(lambda: not gateway.hub.subscriptions)


def test_a_stream_is_chunks_an_event_each(
    serving: Callable[..., Gateway], feed: ScriptedFeed
) -> None:
    gateway = serving()
    with RawPeer.http(gateway, STREAM) as peer:
        assert b"transfer-encoding: chunked" in peer.read_until(b"\r\n\r\n").lower()
        assert _chunk(peer).startswith(b"event: connected\n")
        _chunk(peer)  # the source
        _chunk(peer)  # its bookmaker
        assert _chunk(peer).startswith(b"event: snapshot\n")
        feed.tell([quote(2.5)])
        assert b'"new_odds":2.5' in _chunk(peer)
        gateway.stop()
        assert _chunk(peer).startswith(b"event: draining\n")
        assert _chunk(peer) == b""


def test_a_stream_for_http_1_0_is_plain_and_a_head_has_no_body(
    serving: Callable[..., Gateway],
) -> None:
    gateway = serving()
    with RawPeer.http(gateway, STREAM, "HTTP/1.0") as peer:
        assert b"chunked" not in peer.read_until(b"\r\n\r\n")
        assert peer.read_until(b"\n") == b"event: connected\n"
    with RawPeer.http(gateway, STREAM, method="HEAD") as peer:
        assert b" 200 " in peer.read_until(b"\r\n\r\n")
        gateway.stop()
        assert peer.read_to_the_end() == b""


def test_who_never_reads_is_sent_away_and_its_socket_closed_while_others_miss_nothing(
    serving: Callable[..., Gateway], feed: ScriptedFeed
) -> None:
    gateway = serving(stuck_s=0.3, heartbeat_s=1.0)
    with (
        RawPeer.websocket(gateway, receive_buffer=4096) as stuck,
        RawPeer.websocket(gateway) as other,
    ):
        _wait_for(other, "snapshot")
        for number in range(20):
            feed.tell([quote(1.5 + number, f"team {place}") for place in range(500)])
            seen = 0
            while seen < 500:
                opcode, payload = next(other.frames())
                seen += payload.count(b'"new_odds"') if opcode == TEXT else 0
            assert seen == 500
        _until(lambda: gateway.hub.audit.counts["closed_4001"] == 1)
        with contextlib.suppress(ConnectionResetError):
            for opcode, payload in stuck.frames():
                assert opcode in {TEXT, CLOSE}
                if opcode == CLOSE:
                    assert int.from_bytes(payload[:2], "big") == 4001
        assert len(gateway.hub.subscriptions) == 1


def test_an_answer_that_nobody_reads_is_cut_off(
    start: Callable[..., Gateway], feed: ScriptedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uvicorn_protocols, "UNREAD_S", 0.2)
    gateway = start(feed)
    feed.tell([quote(1.5, f"team {uuid4()}") for _ in range(10_000)])
    connections = gateway._server.server_state.connections
    with RawPeer(gateway, receive_buffer=4096) as peer:
        peer.request(gateway, "/api/v1/odds", "HTTP/1.1")
        _until(lambda: len(connections) == 1)
        _until(lambda: not connections)


@pytest.mark.parametrize("first", [TEXT, BINARY])
def test_a_message_in_too_many_fragments_closes_with_1009(gateway: Gateway, first: int) -> None:
    with RawPeer.websocket(gateway) as peer:
        peer.send(first, b"", fin=False)
        for _ in range(70):
            peer.send(CONTINUATION, b"", fin=False)
        assert _close_code(peer) == 1009


def test_64_fragments_are_a_message(gateway: Gateway) -> None:
    text = b'{"type":"ping","id":7,"t0":1.0}'.ljust(64)
    with RawPeer.websocket(gateway) as peer:
        for place in range(64):
            opcode = TEXT if place == 0 else CONTINUATION
            peer.send(opcode, text[place : place + 1], fin=place == 63)
        _wait_for(peer, "pong")


@pytest.mark.parametrize("opcode", [PING, PONG])
def test_a_flood_of_control_frames_closes_with_1008(gateway: Gateway, opcode: int) -> None:
    with RawPeer.websocket(gateway) as peer, contextlib.suppress(ConnectionError):
        for _ in range(260):
            peer.send(opcode)
        assert _close_code(peer) == 1008


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65535, 65536, 200_000])
def test_a_message_is_wrapped_with_the_length_that_its_size_wants(size: int) -> None:
    data = b"x" * size
    wrapped = as_message(Outgoing("updates", data))
    length = wrapped[1]
    start = {126: 4, 127: 10}.get(length, 2)
    told = int.from_bytes(wrapped[2:start], "big") if start > 2 else length
    assert (wrapped[0], told, wrapped[start:]) == (0x81, size, data)
    # The shortest form that holds it (RFC 6455, 5.2).
    assert start == (2 if size < 126 else 4 if size < 65536 else 10)


def test_a_chunk_says_its_length_in_hexadecimal() -> None:
    wrapped = as_chunk(Outgoing("updates", b"{}", "e:1"))
    assert wrapped == b"21\r\nevent: updates\ndata: {}\nid: e:1\n\n\r\n"


async def test_through_asgi_a_frame_that_waits_is_back_pressure() -> None:
    let_go = asyncio.Event()
    sent: list[bytes] = []

    async def send(data: bytes) -> None:
        await let_go.wait()
        sent.append(data)

    outlet = AsgiOutlet(lambda frame: frame.data, send)
    async with outlet:
        outlet.write(b"1")
        assert outlet.is_clear
        outlet.write(b"2")
        assert not outlet.is_clear
        let_go.set()
    assert sent == [b"1", b"2"]


def _wait_for(peer: RawPeer, kind: str) -> None:
    for opcode, payload in peer.frames():
        if opcode == TEXT and json.loads(payload)["type"] == kind:
            return
    raise AssertionError(f"closed before a {kind}")


def _close_code(peer: RawPeer) -> int:
    for opcode, payload in peer.frames():
        if opcode == CLOSE:
            return int.from_bytes(payload[:2], "big")
    raise AssertionError("closed without a word")


def _chunk(peer: RawPeer) -> bytes:
    size = int(peer.read_until(b"\r\n"), 16)
    body = b""
    while len(body) < size:
        body += peer.read_until(b"\n")
    assert len(body) == size
    assert peer.read_until(b"\r\n") == b"\r\n"
    return body


def _keep_telling(feed: ScriptedFeed, stopped: threading.Event) -> None:
    number = 0
    while not stopped.is_set():
        number += 1
        feed.tell([quote(2.0 + number)])


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)
