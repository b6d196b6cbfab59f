"""The gateway's clocks, in one place so that a test can bring its own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

__all__ = ["Clock", "SystemClock", "Timer"]


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Let it not come."""
        ...


class Clock(Protocol):
    """Two clocks, one for people and one for durations, and an alarm."""

    def wall(self) -> datetime:
        """UTC now."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump."""
        ...

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the event loop; with 0, after what is ready now."""
        ...


class SystemClock:
    """The clocks of this machine."""

    def wall(self) -> datetime:
        """UTC now."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never jump."""
        return time.monotonic()

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call back on the event loop; with 0, after what is ready now."""
        loop = asyncio.get_running_loop()
        return loop.call_later(seconds, callback) if seconds > 0 else loop.call_soon(callback)
