"""Frames over a WebSocket: the first choice."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlencode

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
)

from protipp_stream.client.arrival import Received, now
from protipp_stream.client.decoding import decode
from protipp_stream.client.endpoint import (
    API,
    MAX_FRAME_BYTES,
    Endpoint,
    Query,
    bearer,
    query_of,
)
from protipp_stream.client.refusals import from_close, from_status, not_a_gateway, unreachable
from protipp_stream.client.transports.refreshing import Refreshing
from protipp_stream.client.transports.timekeeping import asking
from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import ClockOffset
from protipp_stream.core.wire import (
    ClientFrame,
    Connected,
    Draining,
    ErrorFrame,
    Expiring,
    Ping,
    Pong,
    Refresh,
    encode,
)
from protipp_stream.errors import ConnectionLost
from protipp_stream.model import Cursor

__all__ = ["websocket"]

# Below the 5 s in which a link waits for its first frame: our words say more.
OPEN_TIMEOUT_S = 4.0


class _Connect(connect):
    """`websockets` would follow a redirect; ours carries a token, so it stays."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def websocket(
    endpoint: Endpoint,
    resume: Cursor | None,
    wanted: Filter,
    clock: ClockOffset,
    max_hz: float | None = None,
) -> AsyncGenerator[Received, None]:
    """Yield frames until the connection ends; see `client.transports`."""
    token = endpoint.current_token()
    socket = await _open(endpoint, token, resume, query_of(wanted, max_hz))
    refreshing = Refreshing(endpoint, token, _refresh(socket))
    retry_ms: int | None = None
    is_connected = False
    try:
        async with _leaving(socket), asking(_ping(socket)), refreshing:
            while True:
                # As bytes: the decoder reads UTF-8, and checks it, by itself.
                message = await socket.recv(decode=False)
                arrived = now()
                frame = decode(message)
                match frame:
                    case Connected():
                        is_connected = True
                    case Pong():
                        clock.add(frame.t0, frame.t1, frame.t2, arrived)
                        continue
                    case Expiring():
                        refreshing.expiring(frame.in_s)
                    case Draining() | ErrorFrame(code=int()):
                        retry_ms = frame.retry_ms
                yield Received(frame, arrived)
    except ConnectionClosed:
        code = socket.close_code or 1006
        if not is_connected and code < CloseCode.DRAINING:
            # Our gateway speaks first, so these are a middlebox's words.
            raise ConnectionLost(
                f"Something at {endpoint.base} closed the WebSocket ({code}) "
                "before the gateway had said anything."
            ) from None
        raise from_close(endpoint.base, code, socket.close_reason or "", retry_ms) from None


@asynccontextmanager
async def _leaving(socket: ClientConnection) -> AsyncIterator[None]:
    """Close a socket in the end, with 1000 where it was we who had enough of it.

    As a context of its own it would say 1011 then, and the gateway's trail that we failed.
    """
    async with socket:
        try:
            yield
        except (asyncio.CancelledError, GeneratorExit):
            await socket.close()
            raise


async def _open(
    endpoint: Endpoint, token: str, resume: Cursor | None, query: Query
) -> ClientConnection:
    if resume is not None:
        query = [*query, ("since", str(resume))]
    url = f"{endpoint.socket_base}{API}/odds/realtime"
    try:
        return await _Connect(
            f"{url}?{urlencode(query)}" if query else url,
            additional_headers=bearer(token),
            compression=None,
            max_size=MAX_FRAME_BYTES,
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=2.0,
            # A proxy that the environment names has no business on one machine.
            proxy=None if endpoint.is_loopback else True,
        )
    except InvalidStatus as error:
        response = error.response
        retry_after = response.headers.get("Retry-After")
        body = bytes(response.body or b"")
        raise from_status(endpoint.base, response.status_code, retry_after, body) from None
    except InvalidMessage as error:
        if isinstance(error.__cause__, EOFError):
            raise ConnectionLost(f"{endpoint.base} closed during the handshake.") from None
        raise not_a_gateway(endpoint.base, "its answer is no HTTP") from None
    except InvalidHandshake as error:
        raise not_a_gateway(endpoint.base, f"the WebSocket handshake failed ({error})") from None
    except TimeoutError:
        # Not "unreachable": a middlebox may swallow the upgrade and let HTTP pass.
        raise ConnectionLost(
            f"No answer to the WebSocket handshake at {endpoint.base} within {OPEN_TIMEOUT_S:g} s."
        ) from None
    except ssl.SSLCertVerificationError as error:
        raise unreachable(endpoint.base, f"its certificate: {error.verify_message}") from None
    except ssl.SSLError:
        raise not_a_gateway(endpoint.base, "it does not speak TLS; try http://") from None
    except OSError as error:
        raise unreachable(endpoint.base, error.strerror or str(error)) from None


def _ping(socket: ClientConnection) -> Callable[[int], Awaitable[None]]:
    async def ask(number: int) -> None:
        await _say(socket, Ping(number, now()))

    return ask


def _refresh(socket: ClientConnection) -> Callable[[str], Awaitable[None]]:
    async def send(token: str) -> None:
        await _say(socket, Refresh(token))

    return send


async def _say(socket: ClientConnection, frame: ClientFrame) -> None:
    try:
        await socket.send(encode(frame).decode())
    except ConnectionClosed:
        return  # the reader meets the same end, and says why
