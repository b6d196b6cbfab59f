"""Changes of a trail's folder that have happened when the call returns, or not at all.

A power cut may come between any two of them. Each function does one step and, but for
`remove`, waits until the disk has it: what follows in a program follows on the disk, too.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from protipp_stream.errors import TrailUnavailable

__all__ = [
    "append_line",
    "cut",
    "disk_errors",
    "publish",
    "remove",
    "remove_dated",
    "sync_data",
    "sync_file",
    "sync_folder",
    "write_all",
    "write_new",
]

sync_data = getattr(os, "fdatasync", os.fsync)
"""Makes an open file's content safe; macOS has no fdatasync."""


@contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Turn an error of the operating system into one that says what to do."""
    try:
        yield
    except OSError as error:
        raise TrailUnavailable(
            f"The trail could not be changed while {doing}: {error}.",
            hint="Make room or give access, then do it again: nothing was lost.",
        ) from error


def sync_folder(folder: Path) -> None:
    """Make the names in a folder safe."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def sync_file(path: Path) -> None:
    """Make safe what a file holds, whoever wrote it."""
    _sync(path, os.O_RDONLY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(hidden: Path, path: Path) -> None:
    """Give a file that is written its name, once its content is safe."""
    sync_file(hidden)
    hidden.replace(path)
    sync_folder(path.parent)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of it; the system may take it in parts."""
    left = memoryview(data)
    while left:
        left = left[os.write(descriptor, left) :]


def write_new(path: Path, data: bytes, *, mode: int) -> None:
    """Write a file, or replace what is in it: whole or not at all."""
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    # Never there and readable by others, not even for a moment.
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
    publish(new, path)


def append_line(path: Path, line: bytes) -> None:
    """Add a line to a file, whole or not at all."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if not size:
            # Before the line, and though the file be there: an earlier try may have made it.
            sync_folder(path.parent)
        try:
            write_all(descriptor, line)
            sync_data(descriptor)
        except OSError:
            # A full disk may take half a line.
            os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)


def cut(path: Path, size: int) -> None:
    """Shorten a file to so many bytes."""
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.ftruncate(descriptor, size)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a file; one that is gone already is as good.

    The disk is not waited for: what comes back after a power cut is a leftover again.
    """
    path.unlink(missing_ok=True)


def remove_dated(path: Path) -> None:
    """Remove a file of a day, and the day's folder if it was the last; as `remove`."""
    remove(path)
    # Others of the day may stay.
    with suppress(OSError):
        path.parent.rmdir()
