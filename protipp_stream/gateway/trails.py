"""The audit trails of a gateway: opened before it serves, closed after its last word."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING

from protipp_stream.errors import TrailUnavailable
from protipp_stream.gateway.beside import beside
from protipp_stream.gateway.recording import Failed, Recording
from protipp_stream.gateway.upkeep import Upkeep

if TYPE_CHECKING:
    from protipp_stream.gateway.hub import Hub
    from protipp_stream.history.access import Trail

__all__ = ["trails"]

_log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def trails(folder: Path, hub: Hub, failed: Failed) -> AsyncIterator[None]:
    """Keep what a hub takes and whom it lets in, in a folder.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    hub : Hub
    failed : callable
        See `Recording`.

    Raises
    ------
    TrailUnavailable, TrailChanged
        If a trail can't be opened.
    """
    # Who keeps no history does not wait for its imports.
    from protipp_stream.history.access import Trail
    from protipp_stream.history.journal import Journal, JournalSettings

    holds_back = hub.settings.publish_after == "durable"
    commit_s = 0.0 if holds_back else JournalSettings().commit_s
    # Whatever fails on the way in or out, all that was opened before is closed.
    async with contextlib.AsyncExitStack() as stack:
        journal = Journal(folder, JournalSettings(commit_s=commit_s))
        stack.push_async_callback(beside, journal.close)
        trail = Trail(folder)
        journal.access_head = lambda: trail.head
        hub.audit.keep_in(trail)
        recording = hub.recording = Recording(
            journal,
            hub.log,
            hub.clock,
            holds_back=holds_back,
            published=hub.published,
            failed=failed,
        )
        recording.trail = trail
        recording.upkeep = Upkeep(folder, hub.settings, hub.clock)
        # The journal after the trail: its last checkpoint names where that ends.
        stack.push_async_callback(recording.close)
        stack.push_async_callback(beside, lambda: _close(trail))
        stack.callback(hub.audit.flush)
        await stack.enter_async_context(_meanwhile(recording.upkeep))
        yield


@contextlib.asynccontextmanager
async def _meanwhile(upkeep: Upkeep) -> AsyncIterator[None]:
    task = asyncio.create_task(upkeep.run())
    task.add_done_callback(_told)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def _told(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("nothing is sealed or removed any more", exc_info=error)


def _close(trail: Trail) -> None:
    try:
        trail.close()
    except TrailUnavailable as error:
        _log.error("%s", error)
