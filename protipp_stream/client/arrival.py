"""When something arrived here, on a clock that nobody sets."""

from __future__ import annotations

import time

import msgspec

from protipp_stream.core.wire import ServerFrame

__all__ = ["Received", "now"]


def _steady() -> float:
    # `time.monotonic` stands still while a laptop sleeps, and the gateway's clock
    # does not: every offset measured before would be wrong by the sleep. These two
    # go on (CLOCK_MONOTONIC does on macOS, which has no BOOTTIME).
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


# Windows has no such clock; its `monotonic` goes on by itself.
now = _steady if hasattr(time, "clock_gettime") else time.monotonic


class Received(msgspec.Struct, frozen=True, gc=False):
    """A frame, and when its bytes arrived.

    Attributes
    ----------
    arrived : float
        Seconds of `now`, taken before the bytes were decoded: what a frame
        waits for here counts as our part of its latency.
    """

    frame: ServerFrame
    arrived: float
