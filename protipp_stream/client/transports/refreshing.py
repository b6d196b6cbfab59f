"""Show a newer token before the old one ends, so that the connection outlives it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Self

from protipp_stream.client.endpoint import Endpoint
from protipp_stream.errors import ProtippStreamError

__all__ = ["Refreshing"]

_log = logging.getLogger(__name__)

# With less than that left, it would come too late.
LEAST_S = 0.25


class Refreshing:
    """Asks for a newer token when a gateway says that ours ends; stops with its context.

    At half of what is left, and again at half of the rest. Not at once: a token that
    is minted in the same second ends in the same second, so a gateway would see no
    later end in it, and a function that keeps its token until the last moment gives the
    same one again.

    Parameters
    ----------
    endpoint : Endpoint
        Has the token.
    shown : str
        The token that the gateway knows.
    send : callable
        Sends a newer one.
    sleep : callable
        Injected by tests.

    Attributes
    ----------
    task : asyncio.Task or None
        What is under way.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        shown: str,
        send: Callable[[str], Awaitable[None]],
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.task: asyncio.Task[None] | None = None
        self._endpoint = endpoint
        self._shown = shown
        self._send = send
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.wait({self.task})

    def expiring(self, in_s: float) -> None:
        """Note that the token that was shown last ends in so many seconds."""
        if self.task is not None:
            self.task.cancel()
        self.task = asyncio.create_task(self._refresh(in_s))

    async def _refresh(self, left_s: float) -> None:
        while left_s > LEAST_S:
            left_s /= 2
            await self._sleep(left_s)
            token = self._newer()
            if token is not None:
                self._shown = token
                await self._send(token)
                return

    def _newer(self) -> str | None:
        try:
            token = self._endpoint.current_token()
        except ProtippStreamError as error:
            _log.warning("no new token yet: %s", error)
            return None
        return token if token != self._shown else None
