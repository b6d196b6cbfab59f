"""Frames as server-sent events: where a proxy lets no WebSocket through."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
from httpx_sse import EventSource, ServerSentEvent

from protipp_stream.client.arrival import Received, now
from protipp_stream.client.decoding import decode
from protipp_stream.client.endpoint import API, Endpoint, query_of
from protipp_stream.client.refusals import from_close, from_status, not_a_gateway
from protipp_stream.client.transports.http import http_client
from protipp_stream.client.transports.timekeeping import asking, over_http
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import ClockOffset
from protipp_stream.core.wire import (
    Draining,
    ErrorFrame,
    Heartbeat,
    ServerFrame,
    Snapshot,
    Updates,
)
from protipp_stream.errors import ProtocolError
from protipp_stream.model import Cursor

__all__ = ["frame_in", "sse"]

# No read timeout: how long silence is bearable, the follower decides.
TIMEOUT = httpx.Timeout(4.0, read=None)


async def sse(
    endpoint: Endpoint,
    resume: Cursor | None,
    wanted: Filter,
    clock: ClockOffset,
    max_hz: float | None = None,
) -> AsyncGenerator[Received, None]:
    """Yield frames until the stream ends; see `client.transports`."""
    headers = {"Accept": "text/event-stream", "Cache-Control": "no-store"}
    if resume is not None:
        headers["Last-Event-ID"] = str(resume)
    async with (
        http_client(endpoint, TIMEOUT) as client,
        client.stream(
            "GET", f"{API}/odds/stream", params=query_of(wanted, max_hz), headers=headers
        ) as response,
    ):
        await _check(endpoint, response)
        code: int | None = None
        message, retry_ms = "", None
        async with asking(over_http(client, clock)):
            async for event in EventSource(response).aiter_sse():
                arrived = now()
                frame = frame_in(event)
                if isinstance(frame, Draining | ErrorFrame):
                    retry_ms = frame.retry_ms
                if isinstance(frame, ErrorFrame) and isinstance(frame.code, int):
                    code, message = frame.code, frame.message
                yield Received(frame, arrived)
        raise from_close(endpoint.base, code, message, retry_ms)


def frame_in(event: ServerSentEvent) -> ServerFrame:
    """Read the frame that an event brings.

    The event's id comes after its data and is the frame's cursor. An event ends
    wherever a blank line stands: bytes that come twice on the way can make one of
    the head of one event and the tail of another, which is well-formed and whose
    rows are missing. The two cursors then differ.

    Raises
    ------
    ProtocolError
        If it brings none of version 1, or parts of two.
    """
    frame = decode(event.data.encode())
    if isinstance(frame, Updates | Snapshot | Heartbeat) and event.id != frame.cursor:
        raise ProtocolError(
            f"An event was torn on the way: it leads to {frame.cursor} and ends as {event.id!r}."
        )
    return frame


async def _check(endpoint: Endpoint, response: httpx.Response) -> None:
    if response.status_code != 200:
        body = await response.aread()
        retry_after = response.headers.get("retry-after")
        raise from_status(endpoint.base, response.status_code, retry_after, body)
    kind = response.headers.get("content-type", "nothing")
    if not kind.startswith("text/event-stream"):
        raise not_a_gateway(endpoint.base, f"it sends {kind}, not text/event-stream")
