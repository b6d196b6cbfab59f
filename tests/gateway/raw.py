"""A peer without a library in between, so that a test sees and sends the very bytes.

`RawPeer.websocket(gateway)` makes the handshake; `frames()` parses what comes, as
RFC 6455 has it, one ``(opcode, payload)`` after the other, and fails on anything
that is no frame. `send` sends one frame, masked, as a fragment if ``fin`` is
False. `RawPeer.http(gateway, ...)` sends a request; `read_until` reads.
"""

from __future__ import annotations

import base64
import os
import socket
import struct
from collections.abc import Iterator
from typing import Self

from protipp_stream.gateway import Gateway
from tests.gateway.conftest import SOCKET_PATH

TEXT, BINARY, CONTINUATION, CLOSE, PING, PONG = 1, 2, 0, 8, 9, 10


class RawPeer:
    def __init__(self, gateway: Gateway, receive_buffer: int | None = None) -> None:
        self._socket = socket.socket()
        if receive_buffer is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self._socket.settimeout(5)
        self._socket.connect(("127.0.0.1", gateway.port))
        self._buffer = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    @classmethod
    def websocket(cls, gateway: Gateway, receive_buffer: int | None = None) -> Self:
        peer = cls(gateway, receive_buffer)
        key = base64.b64encode(os.urandom(16)).decode()
        peer.request(
            gateway,
            SOCKET_PATH,
            "HTTP/1.1",
            f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
            "Sec-WebSocket-Version: 13\r\n",
        )
        assert b" 101 " in peer.read_until(b"\r\n\r\n")
        return peer

    @classmethod
    def http(
        cls, gateway: Gateway, path: str, version: str = "HTTP/1.1", method: str = "GET"
    ) -> Self:
        peer = cls(gateway)
        peer.request(gateway, path, version, "", method)
        return peer

    def request(
        self, gateway: Gateway, path: str, version: str, extra: str = "", method: str = "GET"
    ) -> None:
        head = (
            f"{method} {path} {version}\r\nHost: 127.0.0.1:{gateway.port}\r\n"
            f"Authorization: Bearer {gateway.token()}\r\n{extra}\r\n"
        )
        self._socket.sendall(head.encode())

    def _more(self) -> bool:
        data = self._socket.recv(65536)
        self._buffer += data
        return bool(data)

    def read_until(self, end: bytes) -> bytes:
        while end not in self._buffer:
            assert self._more(), f"closed after {self._buffer!r}"
        found, _, self._buffer = self._buffer.partition(end)
        return found + end

    def read_to_the_end(self) -> bytes:
        while self._more():
            continue
        return self._buffer

    def send(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> None:
        assert len(payload) < 126
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(payload))
        head = struct.pack("!BB", opcode | (0x80 if fin else 0), 0x80 | len(payload))
        self._socket.sendall(head + mask + masked)

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """Frames until the peer closes; ends after the last whole one."""
        while True:
            frame, size = _parse(self._buffer)
            if frame is None:
                if not self._more():
                    assert not self._buffer, f"half a frame at the end: {self._buffer[:60]!r}"
                    return
                continue
            self._buffer = self._buffer[size:]
            yield frame


def _parse(data: bytes) -> tuple[tuple[int, bytes] | None, int]:
    if len(data) < 2:
        return None, 0
    first, size = data[0], data[1]
    assert first & 0x70 == 0, "reserved bits"
    assert size & 0x80 == 0, "a server masks nothing"
    start = 2
    if size == 126:
        start, size = 4, int.from_bytes(data[2:4], "big")
    elif size == 127:
        start, size = 10, int.from_bytes(data[2:10], "big")
    if len(data) < start + size:
        return None, 0
    return (first & 0x0F, data[start : start + size]), start + size
