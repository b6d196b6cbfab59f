"""The file that the journal is appended to, and what a crash or a full disk does to it.

What `Segment.append` has returned from is safe: written and synced. If it raises, the
file ends where it ended before. A crash in between leaves part of a line behind, which
`last_whole_line` does not count and `cut` takes away when the journal is opened again.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import BinaryIO, NamedTuple

from protipp_stream.core.chain import Link, read_link
from protipp_stream.errors import TrailChanged
from protipp_stream.history.durable import sync_data, sync_folder, write_all
from protipp_stream.history.layout import Layout

__all__ = ["End", "Segment", "cut", "end_of", "link_of"]

_CHUNK = 1 << 16


class End(NamedTuple):
    """Where a file of chained lines ends.

    Attributes
    ----------
    link : Link or None
        Its last whole line; None if it has none.
    whole_bytes : int
        Up to the end of that line.
    torn_bytes : int
        What comes after: half a line, which never was acknowledged.
    """

    link: Link | None
    whole_bytes: int
    torn_bytes: int


class Segment:
    """An open segment.

    Parameters
    ----------
    path : Path
        Its folder must be there. What lies under its name was never safe: an earlier
        try to begin it has left it, and `append` takes it away.

    Attributes
    ----------
    size : int
        Bytes that are safe.
    is_sound : bool
        Whether to go on with it. After a sync that failed nobody knows which of the
        pages are on the disk, and another sync would say that all are.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        self.size = 0
        self.is_sound = True
        try:
            # Each time: that the name is there does not say that an earlier sync worked.
            sync_folder(path.parent)
        except OSError:
            self.close()
            raise

    def append(self, data: bytes) -> None:
        """Write and sync; returns when it is safe.

        Raises
        ------
        OSError
            If it can't be: nothing of it is in the file then, as far as the disk allows.
        """
        try:
            # Or what an earlier try has left there, if it could not be taken back.
            if os.fstat(self._descriptor).st_size != self.size:
                os.ftruncate(self._descriptor, self.size)
            write_all(self._descriptor, data)
        except OSError as error:
            # A file may have no room where its disk has: the next one begins empty.
            if error.errno == errno.EFBIG:
                self.is_sound = False
            os.ftruncate(self._descriptor, self.size)
            raise
        try:
            sync_data(self._descriptor)
        except OSError:
            self.is_sound = False
            os.ftruncate(self._descriptor, self.size)
            raise
        self.size += len(data)

    def finish(self) -> None:
        """Close it for good, when nothing is in it that is not safe.

        Raises
        ------
        OSError
            If the disk refuses. The next one must not begin then: what a failed try has
            left here would come again there, and one line would be in both.
        """
        os.ftruncate(self._descriptor, self.size)
        sync_data(self._descriptor)
        self.close()

    def close(self) -> None:
        """Let go of the file; twice is fine."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)


def end_of(path: Path, since: int | None = None) -> End:
    """Find the last whole line of a file of chained lines, from its end.

    A line is whole if it ends and its hash is its own: after a power cut a file may
    end in zeros, or in a block that was never written.

    Parameters
    ----------
    path : Path
    since : int, optional
        Look back to the line of this number. Lines that were written together reach the
        disk in any order, so the last may be whole, and one before it not: then the file
        ends before that one. None: no two are written together.
    """
    size = path.stat().st_size
    found, prev = None, ""
    with path.open("rb") as file:
        end = size
        while end > 0:
            start, line = _line_before(file, end)
            link = link_of(line)
            if link is None:
                found = None
            else:
                if found is None or link.hash != prev:
                    found = End(link, end, size - end)
                if since is None or link.n <= since:
                    break
                prev = link.prev
            end = start
    return found or End(None, 0, size)


def link_of(line: bytes) -> Link | None:
    """Return the place of a line in its chain; None if it is half a line, or was changed."""
    if not line.endswith(b"\n"):
        return None
    try:
        return read_link(line)
    except TrailChanged:
        return None


def _line_before(file: BinaryIO, end: int) -> tuple[int, bytes]:
    """Return where the line that ends at ``end`` starts, and the line."""
    # Its own line feed is its last byte: look for the one before.
    start = end - 1
    while start > 0:
        step = min(_CHUNK, start)
        file.seek(start - step)
        found = file.read(step).rfind(b"\n") + 1
        start -= step - found
        if found:
            break
    file.seek(start)
    return start, file.read(end - start)


def cut(path: Path, end: End) -> Path | None:
    """Take what is torn off a file; return where it is kept, None if nothing was torn.

    It is kept, because it is all that shows whether a crash or somebody made it.
    """
    if not end.torn_bytes:
        return None
    kept = Layout.torn(path, end.whole_bytes)
    # Appended: an earlier crash may have torn off something at the same place.
    with path.open("r+b") as file, kept.open("ab") as torn:
        file.seek(end.whole_bytes)
        torn.write(file.read())
        torn.flush()
        os.fsync(torn.fileno())
        sync_folder(path.parent)
        file.truncate(end.whole_bytes)
        file.flush()
        os.fsync(file.fileno())
    return kept
