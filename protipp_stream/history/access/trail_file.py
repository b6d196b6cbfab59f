"""``trail.jsonl``: appended to, and cut at its beginning. Hold the lock for all of it.

Another process may have appended since (an eraser, a retention), so a writer looks at the
file before it goes on, and reads its end again if it is not as it left it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from protipp_stream.core.chain import linked, read_link
from protipp_stream.errors import TrailChanged
from protipp_stream.history.access.record import TrailLine, decode_access_line
from protipp_stream.history.counting import Progress, quietly
from protipp_stream.history.durable import publish, sync_data, sync_folder, write_all
from protipp_stream.history.heads import EMPTY, Head, head_in
from protipp_stream.history.segment import end_of

__all__ = ["TrailFile", "read_lines"]

_TOLD_EVERY = 1 << 20


def read_lines(path: Path, progress: Progress = quietly) -> Iterator[TrailLine]:
    """Read a trail from its first line; what is half written at its end is no line yet.

    Parameters
    ----------
    path : Path
    progress : callable
        Told what is read, and what there is to read, in bytes.

    Raises
    ------
    TrailChanged
        At a line that was changed.
    """
    if not path.exists():
        return
    done, told, total = 0, 0, path.stat().st_size
    with path.open("rb") as file:
        for line in file:
            if line.endswith(b"\n"):
                yield decode_access_line(line)
            done += len(line)
            if done - told >= _TOLD_EVERY:
                told = done
                progress(done, total)


class TrailFile:
    """The file, and where its chain stands.

    Parameters
    ----------
    path : Path
        Its folder must exist.

    Attributes
    ----------
    head : Head
        As of the last `refresh` or `append`.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._as_left: tuple[int, int] | None = None
        self.head = EMPTY

    @property
    def is_as_left(self) -> bool:
        """Whether nobody else has changed it since."""
        return self._as_left == self._state()

    def refresh(self, safe: int) -> int:
        """Look where the file stands now; return how many bytes of a torn end were cut off.

        Parameters
        ----------
        safe : int
            The last line of which it is known that it was on the disk. Those behind it were
            written together: a power cut may have taken any of them.

        Raises
        ------
        TrailChanged
            If it ends before that line; then it is left as it is.
        """
        safe = max(safe, self.head.n)
        if self._descriptor is not None and self.is_as_left:
            return 0
        self.close()
        self._open()
        end = end_of(self._path, since=safe)
        head = head_in(end)
        if head.n < safe:
            # To go on would number other records alike, and drop what is personal in
            # those that have gone.
            raise TrailChanged(
                f"{self._path} ends at line {head.n}, but line {safe} was safe.",
                hint="Verify it, and bring the missing lines back from a copy.",
            )
        if end.torn_bytes:
            os.ftruncate(self._file, end.whole_bytes)
        # A writer that was killed may not have come to it: what follows relies on the end.
        sync_data(self._file)
        self.head = head
        self._as_left = self._state()
        return end.torn_bytes

    def append(self, lines: Iterable[tuple[datetime, list[bytes]]]) -> None:
        """Append lines, each its time and its members; they are safe on return.

        Raises
        ------
        OSError
            If they could not be written; then none of them is there.
        """
        data, (n, digest) = [], self.head
        for at, members in lines:
            n += 1
            line, digest = linked(n, at, members, digest)
            data.append(line)
        self._write(b"".join(data))
        self.head = Head(n, digest)
        self._as_left = self._state()

    def cut(self, until: int) -> None:
        """Drop the lines up to number ``until``, which must not be the last."""
        beside = self._path.with_name(f".{self._path.name}")
        with self._path.open("rb") as old, beside.open("wb") as new:
            os.chmod(beside, 0o600)
            for line in old:
                if read_link(line).n > until:
                    new.write(line)
                    break
            while piece := old.read(1 << 20):
                new.write(piece)
        publish(beside, self._path)
        self.refresh(self.head.n)

    def close(self) -> None:
        """Let go of the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> None:
        is_new = not self._path.exists()
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
        self._descriptor = os.open(self._path, flags, 0o600)
        if is_new:
            sync_folder(self._path.parent)

    @property
    def _file(self) -> int:
        if self._descriptor is None:
            raise ValueError("the trail is not open: refresh it first")
        return self._descriptor

    def _state(self) -> tuple[int, int] | None:
        try:
            found = os.stat(self._path)
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_size

    def _write(self, data: bytes) -> None:
        before = os.fstat(self._file).st_size
        try:
            write_all(self._file, data)
            sync_data(self._file)
        except OSError:
            # A half line would stand before the next one; and what the system
            # could not write it may forget, so it must be written anew.
            self._as_left = None
            os.ftruncate(self._file, before)
            raise
