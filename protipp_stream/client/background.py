"""A thread with an event loop of its own, so that a busy notebook cell never stalls the stream."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ["Background"]

_log = logging.getLogger(__name__)

STOP_S = 5.0


class Background:
    """Runs a coroutine in a thread until it ends or is stopped.

    Parameters
    ----------
    work : callable
        Returns the coroutine.
    on_end : callable
        Called on that thread at the end, with the error that ended it or None.
    """

    def __init__(
        self,
        work: Callable[[], Coroutine[Any, Any, None]],
        on_end: Callable[[Exception | None], None],
    ) -> None:
        self._work = work
        self._on_end = on_end
        self._is_stopping = False
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._thread: threading.Thread | None = None

    @property
    def has_started(self) -> bool:
        """Whether `start` was called."""
        return self._thread is not None

    def start(self) -> None:
        """Begin."""
        self._thread = threading.Thread(target=self._run, name="protipp-client", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Cancel the work and wait for its end; from its own thread, only cancel."""
        self._is_stopping = True
        deadline = time.monotonic() + STOP_S
        while self._thread is not None and self._thread.is_alive():
            self._cancel()
            if self._thread is threading.current_thread():
                return
            if time.monotonic() > deadline:
                # A token function or a callback that blocks; the thread is a daemon.
                _log.warning("the client's thread does not end; leaving it behind")
                return
            self._thread.join(timeout=0.2)

    def _run(self) -> None:
        failure: Exception | None = None
        try:
            asyncio.run(self._main())
        except Exception as error:  # noqa: BLE001 - handed to who is told of the end
            failure = error
        finally:
            self._on_end(failure)

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._work())
        try:
            await self._task
        except asyncio.CancelledError:
            if not self._is_stopping:
                raise

    def _cancel(self) -> None:
        if self._loop is None or self._task is None:
            return  # not begun yet; asked again
        try:
            self._loop.call_soon_threadsafe(_cancel_once, self._task)
        except RuntimeError:
            _log.debug("the client's loop has ended by itself")


def _cancel_once(task: asyncio.Task[None]) -> None:
    # A second time would interrupt the closing of its connections.
    if not task.cancelling():
        task.cancel()
