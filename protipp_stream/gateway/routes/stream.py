"""``GET /api/v1/odds/stream``: the frames as server-sent events."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from protipp_stream.core.wire import sse_event
from protipp_stream.gateway.routes.context import context_of, filter_of, require

__all__ = ["stream"]

_HEADERS = {
    "Cache-Control": "no-store",
    # nginx would otherwise keep events back until its buffer is full.
    "X-Accel-Buffering": "no",
}


async def stream(request: Request) -> Response:
    """Answer with a stream that resumes from ``Last-Event-ID``."""
    identity = require(request, "odds:read")
    hub = context_of(request).hub
    wanted = filter_of(request.query_params)
    resume = request.headers.get("last-event-id") or request.query_params.get("since")

    async def events() -> AsyncIterator[bytes]:
        subscription = hub.subscribe("sse", wanted)
        subscription.expires_at = identity.expires_at
        try:
            async with aclosing(hub.stream(subscription, resume)) as frames:
                async for frame in frames:
                    yield sse_event(frame.name, frame.data, frame.cursor)
        finally:
            hub.unsubscribe(subscription)

    return StreamingResponse(events(), media_type="text/event-stream", headers=_HEADERS)
