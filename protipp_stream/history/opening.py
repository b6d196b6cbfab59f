"""Where a journal goes on when its folder is opened: what a crash left is put right here.

Nothing has to be repaired by hand, and nothing is repaired in silence: what was torn off
is kept beside its segment and stands in the journal as a note.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

from protipp_stream.core.chain import read_link
from protipp_stream.errors import TrailChanged
from protipp_stream.history.durable import sync_file
from protipp_stream.history.heads import Head, head_in, read_checkpoint
from protipp_stream.history.layout import Layout
from protipp_stream.history.manifest import read_manifest
from protipp_stream.history.segment import End, cut, end_of

__all__ = ["Opened", "opened"]

_BEGIN_ANEW = "See `protipp-stream history verify`; to go on, begin a new folder."


class Opened(NamedTuple):
    """Where a journal goes on.

    Attributes
    ----------
    head : tuple of int and str
        The number and the hash of its last line.
    journal : str or None
        Its identifier; None for one that is begun now.
    torn_bytes : int
        That were cut off: half a line, which was never acknowledged.
    """

    head: Head
    journal: str | None
    torn_bytes: int


def opened(layout: Layout) -> Opened:
    """Find where the journal of a folder ends; cut off what is torn.

    Raises
    ------
    TrailChanged
        If it ends before what its newest checkpoint names. Checkpoints are written after
        what they name is safe, so no crash does that; nothing is cut off then, or it
        would be harder to find out what has happened.
    """
    manifest, checkpoint = read_manifest(layout), read_checkpoint(layout)
    head = Head(manifest.next_line - 1, manifest.last_hash)
    newest: list[tuple[Path, End]] = []
    for first, path in reversed(layout.segments()):
        if first < manifest.next_line:
            break  # a seal was interrupted before it removed what it had sealed
        end = end_of(path, since=checkpoint.n if checkpoint else -1)
        newest.append((path, end))
        if end.link is not None:
            head = head_in(end)
            break
    if checkpoint is not None and checkpoint.n > head[0]:
        raise TrailChanged(
            f"The journal in {layout.folder} ends at line {head[0]}, but line {checkpoint.n} was"
            " signed: something was taken away.",
            hint=_BEGIN_ANEW,
        )
    for path, end in newest:
        cut(path, end)
        if end.link is None:
            path.unlink()
        else:
            # Who was killed between writing and syncing left lines that only the kernel has:
            # a power cut must not take them when others follow.
            sync_file(path)
    known = checkpoint or manifest.checkpoint
    journal = known.journal if known else _identifier(layout) if head[0] >= 0 else None
    return Opened(head, journal, sum(end.torn_bytes for _, end in newest))


def _identifier(layout: Layout) -> str:
    for first, path in layout.segments():
        with path.open("rb") as file:
            line = file.readline()
        if first == 0 and b'"journal":' in line:
            read_link(line)
            return str(json.loads(line)["journal"]["id"])
    raise TrailChanged(
        f"The journal in {layout.folder} has neither its first line nor a checkpoint.",
        hint=_BEGIN_ANEW,
    )
