"""Three ways to the same frames: `websocket`, `sse`, `polling`.

Each is an async generator with one signature: it yields frames with the moment of
their arrival, starting with ``connected``, and ends only by raising a `LinkError`.
They share one cursor, so a client may change between them without asking anybody.
``max_hz`` is how many frames of odds a second are wanted at most.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Literal, Protocol

from protipp_stream.client.arrival import Received
from protipp_stream.client.endpoint import Endpoint
from protipp_stream.client.transports.polling import polling
from protipp_stream.client.transports.sse import sse
from protipp_stream.client.transports.websocket import websocket
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import ClockOffset
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Cursor

__all__ = ["LADDER", "Transport", "TransportName", "rungs_of"]

TransportName = Literal["websocket", "sse", "polling"]


class Transport(Protocol):
    """One way to the frames of a gateway."""

    def __call__(
        self,
        endpoint: Endpoint,
        resume: Cursor | None,
        wanted: Filter,
        clock: ClockOffset,
        max_hz: float | None = None,
    ) -> AsyncGenerator[Received, None]:
        """Yield frames, and measure the gateway's clock beside."""
        ...


# The order in which they are tried: the fastest first, the most robust last.
LADDER: dict[TransportName, Transport] = {
    "websocket": websocket,
    "sse": sse,
    "polling": polling,
}


def rungs_of(transport: str) -> range:
    """Return the rungs of the ladder to try for ``auto`` or one transport's name.

    Raises
    ------
    ConfigurationError
        For any other name.
    """
    names = list(LADDER)
    if transport == "auto":
        return range(len(names))
    if transport not in names:
        raise ConfigurationError(
            f"There is no transport {transport!r}.", hint=f"Choose auto, {', '.join(names)}."
        )
    return range(names.index(transport), names.index(transport) + 1)
