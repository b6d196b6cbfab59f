"""What feeds that play a recording share: its file, who waits for whom, and how it ends."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator
from contextlib import aclosing
from pathlib import Path
from typing import IO, Any, NamedTuple

import msgspec

from protipp_stream.errors import ConfigurationError, RecordingError
from protipp_stream.feeds.base import batch_now
from protipp_stream.feeds.played_starts import PlayedStarts
from protipp_stream.model import Batch, RealTimeConnection

__all__ = ["Playing", "Recorded"]

_OPENERS: dict[str, Callable[..., Any]] = {".xz": lzma.open, ".gz": gzip.open, ".bz2": bz2.open}


class Recorded(NamedTuple):
    """A line of a recording; the first has number 1."""

    number: int
    line: bytes


class Playing(ABC):
    """Base of a feed that plays a recording.

    Parameters
    ----------
    path : Path
        Plain, or packed as its suffix says: ``.xz``, ``.gz``, ``.bz2``.
    speed : float
        2 plays twice as fast; ``math.inf`` as fast as it goes.
    pace : callable, optional
        Awaited after each batch was taken.
    sleep : callable
        Waits so many seconds.
    connection : RealTimeConnection
        As it is before the first line.
    hint : str
        What a line of such a recording looks like.

    Raises
    ------
    ConfigurationError, RecordingError
        If the speed makes no sense, or there is no such file.
    """

    def __init__(
        self,
        path: Path,
        speed: float,
        pace: Callable[[], Awaitable[None]] | None,
        sleep: Callable[[float], Awaitable[None]],
        connection: RealTimeConnection,
        hint: str,
    ) -> None:
        # Before anything is raised: a traceback with locals shows what this is.
        self.path = path
        self.connection = connection
        if isinstance(speed, str) or not speed > 0:
            raise ConfigurationError(
                f"The speed of a replay must be above 0, not {speed!r}.",
                hint="1 is as it was, math.inf as fast as it goes.",
            )
        if not path.is_file():
            raise RecordingError(f"There is no recording {path.name!r}.", hint=hint)
        self._speed = speed
        self._pace = pace
        self._sleep = sleep
        self._hint = hint
        self._starts = PlayedStarts(speed)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path.name} {self.connection.status}>"

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield the batches of the recording, each when it is due."""
        try:
            async with aclosing(self._batches()) as batches:
                async for batch in batches:
                    yield batch
                    if self._pace is not None:
                        await self._pace()
        except RecordingError as error:
            self._replace(
                status="error",
                detail="terminal",
                error_count=self.connection.error_count + 1,
                last_error=str(error),
            )
            yield batch_now([])
            raise
        self._replace(status="disconnected", detail=None)

    @abstractmethod
    def _batches(self) -> AsyncGenerator[Batch, None]:
        """Yield the batches, and keep `connection` true meanwhile."""

    def _lines(self) -> Generator[Recorded, None, None]:
        """Yield the lines that hold something, each read when it is asked for."""
        number = 0
        try:
            with _open(self.path) as lines:
                for number, line in enumerate(lines, 1):
                    if line.strip():
                        yield Recorded(number, line)
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            # The compressed stream broke off: the damage is behind the last good line.
            raise self._corrupt(number + 1, str(error)) from None

    def _corrupt(self, number: int, why: str) -> RecordingError:
        return RecordingError(f"{self.path.name!r}, line {number}: {why}", hint=self._hint)

    def _replace(self, **fields: object) -> None:
        self.connection = msgspec.structs.replace(self.connection, **fields)


def _open(path: Path) -> IO[bytes]:
    opened: IO[bytes] = _OPENERS.get(path.suffix, open)(path, "rb")
    return opened
