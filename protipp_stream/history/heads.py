"""Where the chains of a trail end, read from their files' last lines."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import msgspec

from protipp_stream.core.chain import GENESIS
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import TrailChanged
from protipp_stream.history.layout import Layout
from protipp_stream.history.segment import End, end_of

__all__ = ["EMPTY", "Head", "head_in", "head_of", "read_checkpoint", "write_checkpoint"]


class Head(NamedTuple):
    """The last line of a chain that is safe on disk: its number, -1 for none, and its hash."""

    n: int
    hash: str


EMPTY = Head(-1, GENESIS)
"""Before the first line."""


def head_in(end: End) -> Head:
    """Return where a chain stands whose file ends so."""
    return Head(end.link.n, end.link.hash) if end.link else EMPTY


def head_of(path: Path) -> Head:
    """Return where a file of chained lines ends."""
    try:
        return head_in(end_of(path))
    except FileNotFoundError:
        return EMPTY


def read_checkpoint(layout: Layout) -> Checkpoint | None:
    """Return the newest checkpoint, None if there is none.

    Raises
    ------
    TrailChanged
        If the file is no checkpoint.
    """
    try:
        data = layout.checkpoint.read_bytes()
    except FileNotFoundError:
        return None
    try:
        return msgspec.json.decode(data, type=Checkpoint)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise TrailChanged(
            f"{layout.checkpoint} is no checkpoint: {error}.",
            hint="See `protipp-stream history verify`.",
        ) from None


def write_checkpoint(layout: Layout, checkpoint: Checkpoint) -> None:
    """Replace the newest checkpoint: whole, or not at all."""
    new = layout.checkpoint.with_suffix(".new")
    with new.open("wb") as file:
        file.write(msgspec.json.encode(checkpoint) + b"\n")
        file.flush()
        # Or a power cut leaves an empty file under the name, and a start is refused.
        os.fsync(file.fileno())
    new.replace(layout.checkpoint)
