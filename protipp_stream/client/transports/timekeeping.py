"""Ask the gateway for the time, in a burst at first and then now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import msgspec

from protipp_stream.client.arrival import now
from protipp_stream.client.endpoint import API
from protipp_stream.core.latency import ClockOffset
from protipp_stream.core.wire import TimeAnswer
from protipp_stream.errors import ProtippStreamError

__all__ = ["asking", "over_http"]

_log = logging.getLogger(__name__)

BURST = 5
BURST_GAP_S = 0.1
# The clocks drift apart by 2 ms in this time, which is what the bound grows by.
INTERVAL_S = 10.0

_answers = msgspec.json.Decoder(TimeAnswer)


@asynccontextmanager
async def asking(ask: Callable[[int], Awaitable[None]]) -> AsyncGenerator[None, None]:
    """Call ``ask`` with 0, 1, 2, … beside the body, until the body ends."""

    async def keep() -> None:
        number = 0
        while True:
            await ask(number)
            number += 1
            await asyncio.sleep(BURST_GAP_S if number < BURST else INTERVAL_S)

    task = asyncio.create_task(keep())
    try:
        yield
    finally:
        task.cancel()
        # `wait` keeps its end to itself: the connection's own says more, and a
        # cancellation that comes from outside stays one.
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.debug("the gateway's clock could not be asked: %s", error)


def over_http(client: httpx.AsyncClient, clock: ClockOffset) -> Callable[[int], Awaitable[None]]:
    """Ask ``GET /realtime/time``, for transports that can't ping."""

    async def ask(number: int) -> None:
        t0 = now()
        try:
            response = await client.get(f"{API}/realtime/time")
            t3 = now()
            if response.status_code == 200:
                answer = _answers.decode(response.content)
                clock.add(t0, answer.t1, answer.t2, t3)
        except (httpx.HTTPError, msgspec.MsgspecError, ProtippStreamError):
            # No time is no reason to lose the odds: latency then has no figure.
            return

    return ask
