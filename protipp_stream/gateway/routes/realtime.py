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

SEND_TIMEOUT_S = 20.0
GOODBYE_S = 2.0


async def realtime(socket: WebSocket) -> None:
    """Serve one subscriber, from the handshake to the close."""
    context = context_of(socket)
    hub = context.hub
    try:
        identity, wanted = _from_handshake(socket)
    except Refusal as refusal:
        refusal.record(hub.audit, socket.scope, f"GET {socket.url.path}")
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
    raise Closed(code, _word(code), says_why=False)


async def _send(socket: WebSocket, frame: Outgoing) -> None:
    try:
        async with asyncio.timeout(SEND_TIMEOUT_S):
            await socket.send({"type": "websocket.send", "text": frame.data.decode()})
    except TimeoutError:
        raise Closed(CloseCode.TOO_SLOW, "too slow", says_why=False) from None


def _word(code: int) -> str:
    # A close reason holds 123 bytes (RFC 6455, 5.5), and nothing of the peer's.
    return CloseCode(code).name.lower().replace("_", " ")


async def _say_goodbye(socket: WebSocket, closed: Closed) -> None:
    ours = closed.code >= CloseCode.DRAINING
    reason = _word(closed.code) if ours else closed.message
    try:
        async with asyncio.timeout(GOODBYE_S):
            if closed.says_why and ours:
                await _send(socket, error_frame(int(closed.code), closed.message, closed.retry_ms))
            await socket.close(int(closed.code), reason)
    except (TimeoutError, Closed):
        _log.debug("a subscriber does not read, not even why it was closed")
    except WebSocketDisconnect:
        _log.debug("a subscriber left before it could be told why")
