"""``GET /api/v1/odds/realtime``: the WebSocket.

Two tasks a connection: one hands out what the hub has for this subscriber, one
listens (`inbox`). Whichever ends first ends the connection.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from contextlib import aclosing

from starlette.websockets import WebSocket, WebSocketDisconnect

from protipp_stream.core.codes import CloseCode
from protipp_stream.core.filter import Filter
from protipp_stream.gateway.auth import Identity
from protipp_stream.gateway.guard import Refusal
from protipp_stream.gateway.hub import Hub, error_frame
from protipp_stream.gateway.routes.context import context_of, filter_of, forbidden
from protipp_stream.gateway.routes.inbox import Closed, Inbox, Introduction
from protipp_stream.gateway.subscription import Outgoing, Subscription

__all__ = ["realtime"]

_log = logging.getLogger(__name__)


async def realtime(socket: WebSocket) -> None:
    """Serve one subscriber, from the handshake to the close."""
    context = context_of(socket)
    hub = context.hub
    try:
        identity, wanted = _from_handshake(socket)
    except Refusal as refusal:
        hub.audit.record(refusal.reason, path=socket.url.path)
        await socket.send_denial_response(refusal.response())
        return
    await socket.accept()
    inbox = Inbox(socket, context)
    try:
        if identity is None:
            introduction = await inbox.introduction(wanted)
        else:
            introduction = Introduction(identity, wanted, socket.query_params.get("since"))
        await _serve(socket, hub, inbox, introduction)
    except Closed as closed:
        hub.audit.record(f"closed_{int(closed.code)}")
        await _say_goodbye(socket, closed)
    except WebSocketDisconnect:
        _log.debug("a subscriber left")
    except Exception:  # noqa: BLE001 - the last line of defence, and it logs
        # Whatever it was, the peer learns an id and the log the rest.
        error_id = secrets.token_hex(4)
        _log.exception("error %s in a WebSocket handler", error_id)
        await _say_goodbye(socket, Closed(1011, f"internal error {error_id}"))


def _from_handshake(socket: WebSocket) -> tuple[Identity | None, Filter]:
    identity: Identity | None = socket.scope["identity"]
    if identity is not None and "odds:read" not in identity.scopes:
        raise forbidden()
    return identity, filter_of(socket.query_params)


async def _serve(socket: WebSocket, hub: Hub, inbox: Inbox, who: Introduction) -> None:
    subscription = hub.subscribe("websocket", who.wanted)
    subscription.expires_at = who.identity.expires_at
    tasks = {
        asyncio.create_task(_write(socket, hub, subscription, who.resume)),
        asyncio.create_task(inbox.listen(subscription, who.identity)),
    }
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        hub.unsubscribe(subscription)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _write(
    socket: WebSocket, hub: Hub, subscription: Subscription, resume: str | None
) -> None:
    async with aclosing(hub.stream(subscription, resume)) as frames:
        async for frame in frames:
            await _send(socket, frame)
    code = subscription.closes_with or CloseCode.SERVER_ERROR
    reason = CloseCode(code).name.lower().replace("_", " ")
    raise Closed(code, reason, says_why=False)


async def _send(socket: WebSocket, frame: Outgoing) -> None:
    await socket.send({"type": "websocket.send", "text": frame.data.decode()})


async def _say_goodbye(socket: WebSocket, closed: Closed) -> None:
    try:
        if closed.says_why and closed.code >= CloseCode.DRAINING:
            await _send(socket, error_frame(int(closed.code), closed.message, closed.retry_ms))
        await socket.close(int(closed.code), closed.message)
    except WebSocketDisconnect:
        _log.debug("a subscriber left before it could be told why")
