"""Ends tasks that a feed has started, so that none outlives it."""

from __future__ import annotations

import asyncio
from typing import Any

__all__ = ["stopped"]


async def stopped(task: asyncio.Task[Any]) -> None:
    """Cancel a task and wait for its end; what it raises is of no interest any more."""
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        # Asked for, or asyncio would complain that nobody did.
        task.exception()
