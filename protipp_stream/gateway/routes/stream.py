"""``GET /api/v1/odds/stream``: the frames as server-sent events.

The response's head goes through ASGI; what the hub has to say after it is
written straight to the transport, a chunk an event.
"""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from protipp_stream.core.filter import Filter
from protipp_stream.gateway.frames import as_event
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.outlet import Outlet
from protipp_stream.gateway.routes.context import context_of, filter_of, max_hz_of, require
from protipp_stream.gateway.routes.subscriber import attend, outlet_of
from protipp_stream.gateway.routes.visit import Visit

__all__ = ["stream"]

_HEADERS = {
    "Cache-Control": "no-store",
    # nginx would otherwise keep events back until its buffer is full.
    "X-Accel-Buffering": "no",
}


async def stream(request: Request) -> Response:
    """Answer with a stream that resumes from ``Last-Event-ID``."""
    identity = require(request, "odds:read")
    who = _Subscriber(
        wanted=filter_of(request.query_params),
        max_hz=max_hz_of(request.query_params),
        resume=request.headers.get("last-event-id") or request.query_params.get("since"),
        expires_at=identity.expires_at,
    )
    if request.method == "HEAD":
        return Response(headers=_HEADERS, media_type=_EventStream.media_type)
    return _EventStream(context_of(request).hub, who)


class _Subscriber(msgspec.Struct, frozen=True):
    wanted: Filter
    max_hz: float | None
    resume: str | None
    expires_at: float


class _EventStream(Response):
    """A response without an end of its own."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, who: _Subscriber) -> None:
        super().__init__(headers=_HEADERS)
        # A length would promise an end.
        del self.headers["content-length"]
        self._hub = hub
        self._who = who

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, then whatever the hub writes, until either side has had enough."""
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)

        async def pass_on(data: bytes) -> None:
            await send({"type": "http.response.body", "body": data, "more_body": True})

        visit = Visit(self._hub, scope)
        outlet = outlet_of(scope, as_event, pass_on)
        try:
            async with outlet:
                code = await self._serve(outlet, receive, visit)
            visit.end("left" if code is None else f"closed_{int(code)}", code)
        finally:
            visit.end("cut_off")
        if code is not None and not outlet.is_clear:
            outlet.hang_up(code, "")
            # uvicorn takes a response that is not finished for a bug of ours.
            await _gone(receive)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _serve(self, outlet: Outlet, receive: Receive, visit: Visit) -> int | None:
        """Return why the hub ended it; None if the peer left."""
        hub, who = self._hub, self._who
        subscription = hub.subscribe(
            "sse",
            outlet,
            who.wanted,
            resume=who.resume,
            max_hz=who.max_hz,
            expires_at=who.expires_at,
        )
        visit.begin(subscription)
        await attend(hub, subscription, _gone(receive))
        return subscription.closes_with


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        continue
