"""The protocol's endpoints, one file each.

`realtime` is the WebSocket and `inbox` what is said over it · `stream` SSE ·
`subscriber` what both do ·
`odds` polling and publishing · `ticket` what pages show instead of a token ·
`status` state, clock, liveness, metrics · `cors` lets pages read the answers.
"""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp

from protipp_stream.gateway.auth import Authenticator
from protipp_stream.gateway.guard import Guard, Refusal, RequestRates
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.routes.context import Context, failed, refused, unknown
from protipp_stream.gateway.routes.cors import Cors
from protipp_stream.gateway.routes.odds import poll, publish
from protipp_stream.gateway.routes.realtime import realtime
from protipp_stream.gateway.routes.status import healthz, metrics, status, time
from protipp_stream.gateway.routes.stream import stream
from protipp_stream.gateway.routes.ticket import ticket
from protipp_stream.gateway.tickets import Tickets

__all__ = ["application"]


def application(hub: Hub, authenticator: Authenticator) -> ASGIApp:
    """Build the ASGI application around a hub."""
    settings = hub.settings
    rates = RequestRates(settings.messages_per_minute)
    tickets = Tickets(
        hub.clock,
        lifetime_s=settings.ticket_s,
        per_subject=settings.tickets_per_subject,
        most=settings.tickets,
    )
    routes: list[Route | WebSocketRoute] = [
        WebSocketRoute("/api/v1/odds/realtime", realtime),
        Route("/api/v1/odds/stream", stream, methods=["GET"]),
        Route("/api/v1/odds", poll, methods=["GET"]),
        Route("/api/v1/odds", publish, methods=["POST"]),
        Route("/api/v1/realtime/status", status, methods=["GET"]),
        Route("/api/v1/realtime/time", time, methods=["GET"]),
        Route("/api/v1/realtime/ticket", ticket, methods=["POST"]),
        Route("/healthz", healthz, methods=["GET"]),
        Route("/metrics", metrics, methods=["GET"]),
    ]
    guard = Middleware(
        Guard,
        settings=settings,
        authenticator=authenticator,
        tickets=tickets,
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
    app.state.context = Context(hub, authenticator, rates, tickets)
    return Cors(app, settings.allowed_origins)
