"""What may go wrong while a trail is read, as errors that say what to do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from protipp_stream.errors import TrailChanged, TrailUnavailable

__all__ = ["VERIFY", "Vanished", "reading"]

VERIFY = "Run `protipp-stream history verify`: it says which file it is, and what is wrong."


class Vanished(Exception):
    """A file was sealed, merged or removed meanwhile: the manifest knows what is there now."""


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn errors of the disk and of Arrow into the trail's own.

    Only around what reads: an error of a caller's own rule stays what it is.

    Parameters
    ----------
    what : str
        As a sentence begins: ``"A sealed file"``.
    """
    try:
        yield
    except FileNotFoundError as error:
        raise Vanished(str(error)) from error
    except (OSError, pa.ArrowException) as error:
        # An error of the disk has a number; one without it is of what Arrow found in a file.
        if getattr(error, "errno", None) is not None:
            raise TrailUnavailable(f"{what} can't be read: {error}.", hint=VERIFY) from error
        raise TrailChanged(f"{what} is not what was written: {error}.", hint=VERIFY) from error
