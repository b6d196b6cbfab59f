"""``GET /api/v1/odds/realtime``: the WebSocket.

Starlette accepts and receives; what the hub has to say is written straight to
the transport. This waits for whichever comes first: the peer leaves (`inbox`),
or the hub ends the subscription.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from functools import partial

from starlette.websockets import WebSocket, WebSocketDisconnect

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.gateway import frames
from protipp_stream.gateway.audit import endpoint_of
from protipp_stream.gateway.auth import Identity
from protipp_stream.gateway.frames import as_text
from protipp_stream.gateway.guard import Refusal
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.outlet import Outlet
from protipp_stream.gateway.routes.context import context_of, filter_of, forbidden, max_hz_of
from protipp_stream.gateway.routes.inbox import Closed, Inbox, Introduction
from protipp_stream.gateway.routes.subscriber import attend, outlet_of
from protipp_stream.gateway.routes.visit import Visit

__all__ = ["realtime"]

_log = logging.getLogger(__name__)

GOODBYE_S = 2.0


async def realtime(socket: WebSocket) -> None:
    """Serve one subscriber, from the handshake to the close."""
    context = context_of(socket)
    hub = context.hub
    try:
        identity, wanted, max_hz = _from_handshake(socket)
    except Refusal as refusal:
        refusal.record(hub.audit, socket.scope, endpoint_of(socket.scope))
        await socket.send_denial_response(refusal.response())
        return
    await socket.accept()
    outlet = outlet_of(socket.scope, as_text, partial(_send_text, socket))
    visit = Visit(hub, socket.scope)
    inbox = Inbox(socket, context, visit)
    try:
        if identity is None:
            introduction = await inbox.introduction(wanted)
        else:
            since = socket.query_params.get("since")
            introduction = Introduction(identity, wanted, since, max_hz)
        async with outlet:
            await _serve(outlet, hub, inbox, introduction, visit)
    except Closed as closed:
        visit.end(f"closed_{int(closed.code)}", int(closed.code))
        await _say_goodbye(socket, outlet, closed)
    except WebSocketDisconnect as left:
        visit.end("left", left.code)
    except Exception:  # noqa: BLE001 - the last line of defence, and it logs
        # Whatever it was, the peer learns an id and the log the rest.
        error_id = secrets.token_hex(4)
        _log.exception("error %s in a WebSocket handler", error_id)
        visit.end("closed_1011", 1011)
        await _say_goodbye(socket, outlet, Closed(1011, f"internal error {error_id}"))
    finally:
        visit.end("cut_off")


def _from_handshake(socket: WebSocket) -> tuple[Identity | None, Filter, float | None]:
    identity: Identity | None = socket.scope["identity"]
    if identity is not None and "odds:read" not in identity.scopes:
        raise forbidden()
    return identity, filter_of(socket.query_params), max_hz_of(socket.query_params)


async def _serve(outlet: Outlet, hub: Hub, inbox: Inbox, who: Introduction, visit: Visit) -> None:
    subscription = hub.subscribe(
        "websocket",
        outlet,
        who.wanted,
        resume=who.resume,
        max_hz=who.max_hz,
        expires_at=who.identity.expires_at,
    )
    visit.begin(subscription)
    await attend(hub, subscription, inbox.listen(subscription, who.identity))
    if subscription.closes_with is None:
        raise WebSocketDisconnect(1006)  # its outlet was lost
    code = subscription.closes_with
    raise Closed(code, _word(code), says_why=False)


async def _send_text(socket: WebSocket, data: bytes) -> None:
    await socket.send({"type": "websocket.send", "text": data.decode()})


def _word(code: int) -> str:
    # A close reason holds 123 bytes (RFC 6455, 5.5), and nothing of the peer's.
    return CloseCode(code).name.lower().replace("_", " ")


async def _say_goodbye(socket: WebSocket, outlet: Outlet, closed: Closed) -> None:
    ours = closed.code >= CloseCode.DRAINING
    reason = _word(closed.code) if ours else closed.message
    if not outlet.is_clear:
        outlet.hang_up(int(closed.code), reason)
        return
    try:
        async with asyncio.timeout(GOODBYE_S):
            if closed.says_why and ours:
                frame = frames.error(int(closed.code), closed.message, closed.retry_ms)
                await _send_text(socket, frame.data)
            await socket.close(int(closed.code), reason)
    except TimeoutError:
        _log.debug("a subscriber does not read, not even why it was closed")
    except WebSocketDisconnect:
        _log.debug("a subscriber left before it could be told why")
