"""The protocol's endpoints, one file each.

`realtime` is the WebSocket and `inbox` what is said over it · `stream` SSE ·
`odds` polling and publishing · `status` state, clock, liveness, metrics.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute

from protipp_stream.gateway.auth import Authenticator
from protipp_stream.gateway.guard import Guard, Refusal, RequestRates
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.routes.context import Context, failed, refused, unknown
from protipp_stream.gateway.routes.odds import poll, publish
from protipp_stream.gateway.routes.realtime import realtime
from protipp_stream.gateway.routes.status import healthz, metrics, status, time
from protipp_stream.gateway.routes.stream import stream

__all__ = ["application"]


def application(hub: Hub, authenticator: Authenticator) -> Starlette:
    """Build the ASGI application around a hub."""
    rates = RequestRates(hub.settings.messages_per_minute)
    routes: list[Route | WebSocketRoute] = [
        WebSocketRoute("/api/v1/odds/realtime", realtime),
        Route("/api/v1/odds/stream", stream, methods=["GET"]),
        Route("/api/v1/odds", poll, methods=["GET"]),
        Route("/api/v1/odds", publish, methods=["POST"]),
        Route("/api/v1/realtime/status", status, methods=["GET"]),
        Route("/api/v1/realtime/time", time, methods=["GET"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]
    guard = Middleware(
        Guard,
        settings=hub.settings,
        authenticator=authenticator,
        audit=hub.audit,
        clock=hub.clock,
        rates=rates,
        endpoints=[
            f"{method} {route.path}"
            for route in routes
            for method in (getattr(route, "methods", None) or {"GET"})
        ],
        is_draining=lambda: hub.is_draining,
    )
    handlers = {Refusal: refused, HTTPException: unknown, Exception: failed}
    app = Starlette(routes=routes, middleware=[guard], exception_handlers=handlers)
    app.state.context = Context(hub, authenticator, rates)
    return app
