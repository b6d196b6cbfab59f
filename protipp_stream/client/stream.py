"""Every update as it comes, for ``for`` and ``async for``.

What can't be handed out one by one is announced, never skipped: a snapshot
after a long absence, a patch, a conflated frame, a reader that is too slow.
"""

from __future__ import annotations

import asyncio
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from typing import Literal, Self

from protipp_stream.errors import ProtippStreamError, UpdatesMissed
from protipp_stream.model import OddsUpdate

__all__ = ["MissedUpdatesWarning", "OnGap", "UpdateStream"]

OnGap = Literal["warn", "raise"]


class MissedUpdatesWarning(UserWarning):
    """Some updates can't be handed out one by one; the board itself is right."""


class UpdateStream:
    """An iterator over updates in their order, from now on.

    Parameters
    ----------
    on_gap : {"warn", "raise"}
        What to do where updates are missing: warn and go on, or raise
        `UpdatesMissed` once and go on with the next call.
    capacity : int
        Updates that wait for the reader. A reader that is slower than that
        loses the oldest ones, and is told how many.
    forget : callable
        Called by `close`.
    """

    def __init__(
        self,
        *,
        on_gap: OnGap = "warn",
        capacity: int = 100_000,
        forget: Callable[[UpdateStream], None],
    ) -> None:
        self._on_gap = on_gap
        self._capacity = capacity
        self._forget = forget
        self._condition = threading.Condition()
        self._waiting: deque[OddsUpdate | str] = deque()
        self._sleepers: set[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = set()
        self._overrun = 0
        self._ended = False
        self._failure: ProtippStreamError | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> OddsUpdate:
        update = self.next(timeout=None)
        if update is None:
            raise StopIteration
        return update

    def next(self, timeout: float | None = None) -> OddsUpdate | None:
        """Return the next update, or None at the end or after ``timeout`` seconds.

        Raises
        ------
        ProtippStreamError
            When the link has ended for a reason that is no ``close()``.
        """
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._waiting or self._ended, timeout)
                if not self._waiting:
                    self._check_failure()
                    return None
                item = self._pop()
            if isinstance(item, OddsUpdate):
                return item
            self._announce(item)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> OddsUpdate:
        while True:
            with self._condition:
                if self._waiting:
                    item = self._pop()
                elif self._ended:
                    self._check_failure()
                    raise StopAsyncIteration
                else:
                    item = None
                    loop = asyncio.get_running_loop()
                    sleeper = (loop, loop.create_future())
                    self._sleepers.add(sleeper)
            if isinstance(item, OddsUpdate):
                return item
            if item is not None:
                self._announce(item)
                continue
            try:
                await sleeper[1]
            finally:
                with self._condition:
                    self._sleepers.discard(sleeper)

    def close(self) -> None:
        """Stop collecting; whoever iterates comes to the end."""
        self._forget(self)
        self.end(None)

    def add(self, updates: Iterable[OddsUpdate]) -> None:
        """Take what arrived; called by the client's thread."""
        with self._condition:
            self._waiting.extend(updates)
            while len(self._waiting) > self._capacity:
                self._waiting.popleft()
                self._overrun += 1
            self._wake()

    def note_gap(self, what: str) -> None:
        """Say that updates are missing at this place."""
        with self._condition:
            self._waiting.append(what)
            self._wake()

    def end(self, failure: ProtippStreamError | None) -> None:
        """Say that nothing more will come."""
        with self._condition:
            self._ended = True
            self._failure = failure
            self._wake()

    def _pop(self) -> OddsUpdate | str:
        if self._overrun:
            lost, self._overrun = self._overrun, 0
            return f"you read more slowly than updates come: the {lost} oldest were dropped"
        return self._waiting.popleft()

    def _check_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _announce(self, what: str) -> None:
        if self._on_gap == "raise":
            raise UpdatesMissed(
                f"Updates are missing here: {what}.",
                hint="The board is right: see quotes(). Iterate on to continue.",
            )
        warnings.warn(f"updates are missing here: {what}", MissedUpdatesWarning, stacklevel=4)

    def _wake(self) -> None:
        self._condition.notify_all()
        for loop, future in self._sleepers:
            if not loop.is_closed():
                loop.call_soon_threadsafe(_finish, future)
        self._sleepers.clear()


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
