"""A bell: whoever waits hears it ring; it does not remember."""

from __future__ import annotations

import asyncio

__all__ = ["Bell"]


class Bell:
    """Wakes everyone who waits at this moment."""

    def __init__(self) -> None:
        self._rings: asyncio.Event | None = None

    def ring(self) -> None:
        """Wake them."""
        if self._rings is not None:
            self._rings.set()
            self._rings = None

    async def heard(self) -> None:
        """Wait until it rings."""
        if self._rings is None:
            self._rings = asyncio.Event()
        await self._rings.wait()
