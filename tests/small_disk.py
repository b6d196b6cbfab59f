"""A disk of two megabytes that a test fills up and empties again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class SmallDisk:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Leave no page free; what is there already may still grow to the end of its own."""
        with self._ballast.open("ab", buffering=0) as file:
            while os.statvfs(self.folder).f_bfree:
                file.write(bytes(4096))

    def empty(self) -> None:
        """Make room."""
        self._ballast.unlink()


@contextmanager
def small_disk(folder: Path) -> Iterator[SmallDisk]:
    """Mount one; skips where this user may not."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "protipp-test", str(folder)]
    if os.name != "posix" or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk can only be mounted by root on Linux")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
