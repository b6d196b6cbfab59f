"""Where one connection's frames leave: straight to its transport, or through ASGI.

`DirectOutlet` writes prebuilt bytes to the transport that `uvicorn_protocols`
handed over: no queue, no task and no copy a subscriber. `AsgiOutlet` sends the
same frames through any ASGI server: slower, and right everywhere.

Both say when their buffer is no longer empty (``full``) and when it is again
(``clear``). Between the two nothing is written: what a slow subscriber has not
read yet waits in the log, once for all, and not in a buffer of its own.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol, Self

from protipp_stream.gateway.bell import Bell
from protipp_stream.gateway.frames import Framing

__all__ = ["PROGRESS_BYTES", "SCOPE_KEY", "AsgiOutlet", "DirectOutlet", "Outlet", "OutletListener"]

_log = logging.getLogger(__name__)

# Under which a transport stands in the `extensions` of an ASGI scope.
SCOPE_KEY = "protipp_stream.outlet"
# A slow peer that is sent away may still read why; then it is cut off.
HANG_UP_S = 2.0
# What a peer must take of a full buffer, in the time that it is given, to be kept.
PROGRESS_BYTES = 64 * 1024


class OutletListener(Protocol):
    """Who is told how an outlet is doing; called on the event loop."""

    def on_full(self) -> None:
        """Bytes wait in the buffer: the peer or the network is slow."""
        ...

    def on_clear(self) -> None:
        """Everything has left."""
        ...

    def on_lost(self) -> None:
        """Nothing will leave any more."""
        ...


class Outlet(ABC):
    """What the two have in common.

    Attributes
    ----------
    write : callable
        Takes bytes that ``framing`` has wrapped.
    framing : Framing
        How a frame is wrapped for it.
    is_clear : bool
        Whether its buffer is empty.
    is_open : bool
        Whether what is written can still arrive.
    """

    write: Callable[[bytes], None]
    framing: Framing

    def __init__(self) -> None:
        self.is_clear = True
        self.is_open = True
        self._listener: OutletListener | None = None

    @property
    @abstractmethod
    def pending_bytes(self) -> int:
        """What stands in its buffer."""

    def attach(self, listener: OutletListener) -> None:
        """Say who is told."""
        self._listener = listener

    def full(self) -> None:
        """Note that bytes wait in the buffer."""
        if self.is_clear:
            self.is_clear = False
            if self._listener is not None:
                self._listener.on_full()

    def clear(self) -> None:
        """Note that the buffer is empty."""
        if not self.is_clear:
            self.is_clear = True
            if self._listener is not None:
                self._listener.on_clear()

    def stop(self) -> None:
        """Note that nothing may be written any more: the peer left, or a close was sent."""
        if self.is_open:
            self.is_open = False
            listener, self._listener = self._listener, None
            if listener is not None:
                listener.on_lost()

    def hang_up(self, code: int, reason: str) -> None:
        """Close without waiting for a peer that does not read."""
        self.stop()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._listener = None


class DirectOutlet(Outlet):
    """Writes to an asyncio transport whose protocol is one of `uvicorn_protocols`.

    Parameters
    ----------
    transport : asyncio.WriteTransport
        With the lowest high-water mark: it says at once that something waits.
    framing : Framing
        How its protocol wants frames.
    say_goodbye : callable, optional
        Takes a close code and a reason: what the protocol says at the end.
    """

    def __init__(
        self,
        transport: asyncio.WriteTransport,
        framing: Framing,
        say_goodbye: Callable[[int, str], None] | None = None,
    ) -> None:
        super().__init__()
        self.is_clear = transport.get_write_buffer_size() == 0
        self.framing = framing
        self.write = transport.write
        self._transport = transport
        self._say_goodbye = say_goodbye
        self._last_call: asyncio.TimerHandle | None = None

    @property
    def pending_bytes(self) -> int:
        """What stands in its buffer."""
        return self._transport.get_write_buffer_size()

    def hang_up(self, code: int, reason: str) -> None:
        """Close without waiting for a peer that does not read."""
        if not self.is_open:
            return
        super().hang_up(code, reason)
        if self._say_goodbye is not None:
            self._say_goodbye(code, reason)
        self._transport.close()
        loop = asyncio.get_running_loop()
        self._last_call = loop.call_later(HANG_UP_S, self._transport.abort)

    def gone(self) -> None:
        """Note that the connection is gone."""
        self.stop()
        if self._last_call is not None:
            self._last_call.cancel()


class AsgiOutlet(Outlet):
    """Sends through ASGI, one message after the other.

    Parameters
    ----------
    framing : Framing
        How ``send`` wants its frames.
    send : callable
        Sends one frame's bytes; returns when there is room for the next.
    """

    def __init__(self, framing: Framing, send: Callable[[bytes], Awaitable[None]]) -> None:
        super().__init__()
        self.framing = framing
        self.write = self._put
        self._send = send
        self._waiting: deque[bytes] = deque()
        self._news = asyncio.Event()
        self._left = Bell()

    @property
    def pending_bytes(self) -> int:
        """What stands in its buffer."""
        return sum(map(len, self._waiting))

    def _put(self, data: bytes) -> None:
        self._waiting.append(data)
        self._news.set()
        if len(self._waiting) > 1:
            self.full()

    async def __aenter__(self) -> Self:
        self._sending = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await super().__aexit__(*exc)
        try:
            # What was said at the end leaves before the close.
            async with asyncio.timeout(HANG_UP_S):
                while self._waiting and not self._sending.done():
                    await self._left.heard()
        except TimeoutError:
            _log.debug("a subscriber does not read")
        self._sending.cancel()
        await asyncio.wait({self._sending})
        if not self._sending.cancelled() and (error := self._sending.exception()):
            _log.debug("a subscriber left: %s", error)

    async def _run(self) -> None:
        try:
            while True:
                while self._waiting:
                    await self._send(self._waiting[0])
                    self._waiting.popleft()
                self._left.ring()
                self._news.clear()
                self.clear()
                if not self._waiting:
                    await self._news.wait()
        finally:
            self.stop()
            self._left.ring()
