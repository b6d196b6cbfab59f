"""One at a time: whoever appends to an access trail, erases from it or verifies it.

A lock of the system's, so that it is gone with the process that held it.
"""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager

from protipp_stream.history.layout import Layout

__all__ = ["locked"]


@contextmanager
def locked(layout: Layout, *, shared: bool = False) -> Iterator[None]:
    """Hold the trail's lock; waits for it.

    Parameters
    ----------
    shared : bool
        With other readers, not with a writer. In a folder that one can't write there
        need be no lock.
    """
    path = layout.access_trail.with_name("trail.lock")
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if not shared or error.errno not in {errno.EACCES, errno.EROFS, errno.ENOENT}:
            raise
        yield
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
