"""A disk that refuses what it is told to, for the writer of the journal and its files.

It stands where `segment`, `writer` and `heads` reach for the operating system, so their
own handling of errors is what runs. ``error`` is what it says, ``faults`` what it refuses:

``write``       writing to a segment, before the first byte
``half``        writing to a segment, after the first half
``sync``        syncing a segment
``take back``   shortening a segment
``begin``       making a segment
``folder``      syncing the folder of a new segment
``checkpoint``  replacing ``checkpoint.json``

`PowerCut` is raised where the power goes (``dies_at``): nothing of the writer runs on.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.history import heads, segment, writer
from protipp_stream.history.durable import sync_folder
from protipp_stream.history.layout import Layout

FAULTS = ("write", "half", "sync", "take back", "begin", "folder", "checkpoint")


class PowerCut(BaseException):
    """The power is gone; no handler may run on."""


class Disk:
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.faults: set[str] = set()
        self.error = errno.ENOSPC
        self.dies_at: str | None = None
        self.syncs = 0
        # Called before a segment is shortened: somebody may look just then.
        self.look: Callable[[], object] = lambda: None
        self._is_half = False
        patch.setattr(segment, "os", self)
        patch.setattr(segment, "write_all", self._write_all)
        patch.setattr(segment, "sync_data", self._sync)
        patch.setattr(segment, "sync_folder", self._sync_folder)
        patch.setattr(writer, "write_checkpoint", self._write_checkpoint)

    def __getattr__(self, name: str) -> object:
        return getattr(os, name)

    def _meets(self, fault: str) -> None:
        if self.dies_at == fault:
            raise PowerCut
        if fault in self.faults:
            raise OSError(self.error, os.strerror(self.error))

    # What `segment` calls as `os`.

    def open(self, path: Path, flags: int, mode: int = 0o777) -> int:
        self._meets("begin")
        return os.open(path, flags, mode)

    def write(self, descriptor: int, data: memoryview) -> int:
        self._meets("write")
        if self._is_half:
            self._is_half = False
            self._meets("half")
        if {"half"} & {*self.faults, self.dies_at} and len(data) > 1:
            self._is_half = True
            return os.write(descriptor, data[: len(data) // 2])
        return os.write(descriptor, data)

    def ftruncate(self, descriptor: int, size: int) -> None:
        self.look()
        self._meets("take back")
        os.ftruncate(descriptor, size)

    # What they have imported.

    def _write_all(self, descriptor: int, data: bytes) -> None:
        left = memoryview(data)
        while left:
            left = left[self.write(descriptor, left) :]

    def _sync(self, descriptor: int) -> None:
        self.syncs += 1
        self._meets("sync")
        os.fdatasync(descriptor)

    def _sync_folder(self, folder: Path) -> None:
        self._meets("folder")
        sync_folder(folder)

    def _write_checkpoint(self, layout: Layout, checkpoint: Checkpoint) -> None:
        self._meets("checkpoint")
        heads.write_checkpoint(layout, checkpoint)


def descriptors() -> set[str]:
    """The files that this process has open."""
    found = set()
    for number in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{number}"))
        except FileNotFoundError:  # the one that lists them
            continue
    return found
