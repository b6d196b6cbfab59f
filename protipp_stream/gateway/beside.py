"""What waits for a disk runs beside the loop; at the interpreter's very end, on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

__all__ = ["beside"]


async def beside(call: Callable[[], None]) -> None:
    """Run ``call`` in a thread and wait for it.

    A gateway that is stopped by ``atexit`` finds executors that take no more work; its
    trails must be closed all the same.
    """
    try:
        running = asyncio.get_running_loop().run_in_executor(None, call)
    except RuntimeError:
        call()
    else:
        await running
