"""How the gateway is doing: state, clock, liveness, metrics."""

from __future__ import annotations

from collections import Counter

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from protipp_stream.core.wire import TimeAnswer
from protipp_stream.gateway.guard import json_response
from protipp_stream.gateway.routes.context import Context, context_of, identity_of, require

__all__ = ["healthz", "metrics", "status", "time"]

POLL = "GET /api/v1/odds"


async def status(request: Request) -> Response:
    """Answer with every connection; without ``status:read``, with counts only."""
    context = context_of(request)
    hub = context.hub
    body: dict[str, object] = {
        "status": "draining" if hub.is_draining else "ok",
        "subscribers": _subscribers(context),
        "feeds": dict(Counter(source.status for source in hub.sources)),
        "selections": len(hub.book),
        "updates": hub.cursor.seq,
    }
    if "status:read" in identity_of(request).scopes:
        body |= {
            "cursor": str(hub.cursor),
            "started_at": hub.started_at,
            "now": hub.clock.wall(),
            "conflations": hub.log.conflations,
            "quarantined": dict(hub.intake.quarantined),
            "names": hub.intake.names.report(),
            "audit": dict(hub.audit.counts),
            "history": None if hub.recording is None else hub.recording.state,
            "connections": [
                *hub.connections,
                *(subscription.connection() for subscription in hub.subscriptions),
            ],
        }
    return json_response(body)


async def time(request: Request) -> Response:
    """Answer with the gateway's clock, for clients that can't ping."""
    clock = context_of(request).hub.clock
    arrived = clock.wall().timestamp()
    return json_response(TimeAnswer(arrived, clock.wall().timestamp()))


async def healthz(request: Request) -> Response:
    """Say that we live; 503 while we drain, so that a balancer looks elsewhere."""
    draining = context_of(request).hub.is_draining
    return PlainTextResponse("draining\n" if draining else "ok\n", 503 if draining else 200)


async def metrics(request: Request) -> Response:
    """Answer in Prometheus' text format, without a label that names a person."""
    require(request, "status:read")
    context = context_of(request)
    hub = context.hub
    lines = [
        "# TYPE protipp_updates_total counter",
        f"protipp_updates_total {hub.cursor.seq}",
        "# TYPE protipp_selections gauge",
        f"protipp_selections {len(hub.book)}",
        "# TYPE protipp_conflations_total counter",
        f"protipp_conflations_total {hub.log.conflations}",
        "# TYPE protipp_subscribers gauge",
        *_labelled("protipp_subscribers", "transport", _subscribers(context)),
        "# TYPE protipp_quarantined_total counter",
        *_labelled("protipp_quarantined_total", "reason", hub.intake.quarantined),
        "# TYPE protipp_audit_total counter",
        *_labelled("protipp_audit_total", "reason", hub.audit.counts),
    ]
    return PlainTextResponse(
        "\n".join(lines) + "\n", media_type="text/plain; version=0.0.4; charset=utf-8"
    )


def _subscribers(context: Context) -> dict[str, int]:
    counts = Counter(subscription.transport for subscription in context.hub.subscriptions)
    return {
        "websocket": counts["websocket"],
        "sse": counts["sse"],
        "polling": context.rates.active(POLL, context.hub.clock.monotonic()),
    }


def _labelled(metric: str, label: str, values: dict[str, int]) -> list[str]:
    return [f'{metric}{{{label}="{name}"}} {value}' for name, value in sorted(values.items())]
