"""uvicorn's protocol classes, which also hand their transport over.

ASGI hides what a gateway must see: whether a connection's buffer is empty, how
many fragments a message comes in, how many control frames. And a send through
it costs twice what a write costs. So these two subclasses, given to uvicorn
with its public ``ws=`` and ``http=`` options, put a `DirectOutlet` into the ASGI
scope. Everything else is uvicorn's: handshakes, parsing, keep-alive, closing.

All that we rely on of uvicorn's insides stands in this file and in `RELIED_ON`.
Where an upgrade has moved it, `moved()` says so, the gateway logs it and serves
through plain ASGI.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from typing import Any

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from protipp_stream.core.limits import SlidingWindow
from protipp_stream.gateway.frames import as_chunk, as_message
from protipp_stream.gateway.outlet import PROGRESS_BYTES, SCOPE_KEY, DirectOutlet

__all__ = ["RELIED_ON", "HttpProtocol", "WebSocketProtocol", "moved"]

MAX_FRAGMENTS = 64
# The time that a peer is given to take of its buffer what `PROGRESS_BYTES` says.
UNREAD_S = 60.0
CONTROL_FRAMES_PER_MINUTE = 200
_CONNECTION = ("connection_made", "connection_lost", "pause_writing", "resume_writing", "shutdown")
RELIED_ON: dict[type, tuple[str, ...]] = {
    H11Protocol: (*_CONNECTION, "handle_websocket_upgrade"),
    WebSocketsSansIOProtocol: (
        *_CONNECTION,
        "handle_text",
        "handle_bytes",
        "handle_cont",
        "handle_ping",
        "handle_pong",
        "handle_close",
        "handle_parser_exception",
        "keepalive_timeout",
    ),
}

AsgiApp = Callable[[Any, Any, Any], Awaitable[None]]


def moved() -> list[str]:
    """Return what we rely on and this uvicorn does not have."""
    return [
        f"{kind.__name__}.{name}"
        for kind, names in RELIED_ON.items()
        for name in names
        if not callable(getattr(kind, name, None))
    ]


class _HandsOver(asyncio.Protocol, ABC):
    """Hands an outlet over with each request, and tells it how the transport is doing."""

    app: AsgiApp
    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._inner, self.app = self.app, self._hand_over
        self.outlet: DirectOutlet | None = None
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection is there."""
        super().connection_made(transport)
        # The first bytes that wait are back-pressure: merging begins there. Not 0:
        # asyncio's TLS pauses at "as much as", with 0 bytes too, for ever.
        self.transport.set_write_buffer_limits(high=1, low=0)

    @abstractmethod
    def make_outlet(self, scope: Any) -> DirectOutlet | None:
        """Return an outlet for a request; None where only ASGI can answer it."""

    async def _hand_over(self, scope: Any, receive: Any, send: Any) -> None:
        self.outlet = outlet = self.make_outlet(scope)
        if outlet is not None:
            scope["extensions"] = {**scope.get("extensions", {}), SCOPE_KEY: outlet}
        try:
            await self._inner(scope, receive, send)
        finally:
            if outlet is not None:
                outlet.stop()

    def _watch_buffer(self) -> None:
        """Cut off a peer that does not take what stands in the buffer, whatever it is.

        The hub does so earlier for a subscriber. This is for all else: answers to
        polls, and what is left to be sent after a close.
        """
        size = self.transport.get_write_buffer_size()
        self._stop_watching()
        self._deadline = self.loop.call_later(UNREAD_S, self._judge_buffer, size)

    def _judge_buffer(self, before: int) -> None:
        if before - self.transport.get_write_buffer_size() < PROGRESS_BYTES:
            self.transport.abort()
        else:
            self._watch_buffer()

    def _stop_watching(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _stop_writing(self) -> None:
        if self.outlet is not None:
            self.outlet.stop()

    def pause_writing(self) -> None:
        """The buffer is not empty."""
        super().pause_writing()
        self._watch_buffer()
        if self.outlet is not None:
            self.outlet.full()

    def resume_writing(self) -> None:
        """The buffer is empty again."""
        super().resume_writing()
        self._stop_watching()
        if self.outlet is not None:
            self.outlet.clear()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._stop_watching()
        if self.outlet is not None:
            self.outlet.gone()
        super().connection_lost(exc)


class HttpProtocol(_HandsOver, H11Protocol):
    """HTTP/1.1; a response without a length is chunked, and chunks may be written directly."""

    def make_outlet(self, scope: Any) -> DirectOutlet | None:
        """Return an outlet that writes chunks."""
        if scope["http_version"] != "1.1" or scope["method"] == "HEAD":
            return None  # their bodies are not chunked
        return DirectOutlet(self.transport, as_chunk)


class WebSocketProtocol(_HandsOver, WebSocketsSansIOProtocol):
    """A WebSocket; its messages may be written directly once it is accepted."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fragments = 0
        self._control_frames = SlidingWindow(CONTROL_FRAMES_PER_MINUTE)

    def make_outlet(self, scope: Any) -> DirectOutlet | None:
        """Return an outlet that writes messages."""
        if self.conn.extensions:
            return None  # each message would have to be compressed for this peer
        return DirectOutlet(self.transport, as_message, self._fail)

    def _fail(self, code: int, reason: str) -> None:
        """Close at once: ASGI's close would wait for room, which a stuck peer never makes."""
        if not self.close_sent:
            self.conn.fail(code, reason)
            self.handle_parser_exception()

    # ------------------------------------- after a close frame nothing is written

    def handle_close(self, event: Any) -> None:
        """The peer closes."""
        self._stop_writing()
        super().handle_close(event)

    def handle_parser_exception(self) -> None:
        """We close, for a breach of the protocol."""
        self._stop_writing()
        super().handle_parser_exception()

    def keepalive_timeout(self) -> None:
        """The peer has not answered a ping."""
        self._stop_writing()
        super().keepalive_timeout()

    def shutdown(self) -> None:
        """The server goes down."""
        self._stop_writing()
        super().shutdown()

    # ------------------------------------------------- what ASGI does not show

    def handle_text(self, event: Any) -> None:
        """Begin a text message."""
        self._fragments = 1
        super().handle_text(event)

    def handle_bytes(self, event: Any) -> None:
        """Begin a binary message."""
        self._fragments = 1
        super().handle_bytes(event)

    def handle_cont(self, event: Any) -> None:
        """Take a fragment; too many are an attack on our patience."""
        self._fragments += 1
        if self._fragments <= MAX_FRAGMENTS:
            super().handle_cont(event)
        else:
            self._fail(1009, "too many fragments")

    def handle_ping(self) -> None:
        """Answer a ping, within limits."""
        if self._admits_control_frame():
            super().handle_ping()

    def handle_pong(self, event: Any) -> None:
        """Take a pong, within limits."""
        if self._admits_control_frame():
            super().handle_pong(event)

    def _admits_control_frame(self) -> bool:
        if self._control_frames.admit(self.loop.time()):
            return True
        self._fail(1008, "too many control frames")
        return False
