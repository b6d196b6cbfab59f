"""uvicorn as we run it: quiet, strict, and without signal handlers of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.uvicorn_protocols import HttpProtocol, WebSocketProtocol, moved

__all__ = ["Server", "ended", "uvicorn_config"]

_log = logging.getLogger(__name__)


def _is_no_false_alarm(record: logging.LogRecord) -> bool:
    # uvicorn 0.54 logs this as an error whenever a handshake is refused with an
    # HTTP response, which is what refusing is.
    return record.getMessage() != "ASGI callable returned without completing handshake."


class Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would cut off before we drain."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Say when the port answers."""
        await super().startup(sockets)
        self.is_up.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the gateway."""
        yield


def uvicorn_config(app: Any, settings: Settings) -> uvicorn.Config:
    """Return how uvicorn shall serve our application."""
    logging.getLogger("uvicorn.error").addFilter(_is_no_false_alarm)
    is_direct = settings.direct_writes
    if is_direct and (missing := moved()):
        _log.warning("uvicorn has moved %s: serving through ASGI, slower", ", ".join(missing))
        is_direct = False
    return uvicorn.Config(
        app,
        http=HttpProtocol if is_direct else "h11",
        ws=WebSocketProtocol if is_direct else "websockets-sansio",
        ws_max_size=16 * 1024,
        ws_per_message_deflate=False,
        h11_max_incomplete_event_size=16 * 1024,
        lifespan="off",
        access_log=False,
        log_config=None,
        # At "info" it logs query strings, and somebody will put a token there.
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=2,
    )


async def ended(serving: asyncio.Task[None]) -> None:
    """Wait until uvicorn has ended."""
    try:
        await serving
    except AssertionError:
        # uvicorn 0.54 asserts when it closes a connection whose handshake it
        # has refused by itself; there is nothing left to lose.
        _log.warning("a connection was not closed cleanly", exc_info=True)
