"""What both streaming endpoints do: find where frames leave, and stay until it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from starlette.types import Scope

from protipp_stream.gateway.frames import Framing
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.outlet import SCOPE_KEY, AsgiOutlet, Outlet
from protipp_stream.gateway.subscription import Subscription

__all__ = ["attend", "outlet_of"]

LAST_WORD_S = 0.1


def outlet_of(scope: Scope, framing: Framing, send: Callable[[bytes], Awaitable[None]]) -> Outlet:
    """Return the transport that was handed over, or else one that sends through ASGI.

    Parameters
    ----------
    framing, send
        For ASGI: how it wants a frame, and what sends one.
    """
    direct: Outlet | None = scope.get("extensions", {}).get(SCOPE_KEY)
    return direct if direct is not None else AsgiOutlet(framing, send)


async def attend(
    hub: Hub, subscription: Subscription, listening: Coroutine[Any, Any, None]
) -> None:
    """Wait until the hub ends a subscription, or what its peer says does.

    Raises
    ------
    Exception
        What ``listening`` raised.
    """
    task = asyncio.create_task(listening)
    task.add_done_callback(lambda _: subscription.ended.set())
    try:
        await subscription.ended.wait()
        if subscription.closes_with is None:
            # Its outlet is lost a moment before ASGI says so, and with which code.
            await asyncio.wait({task}, timeout=LAST_WORD_S)
        if task.done():
            task.result()
    finally:
        hub.unsubscribe(subscription)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
