"""Who works on a trail: one writer, and one who seals, merges or removes.

A lock of the kernel (flock), so that a process that dies leaves none behind.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.layout import NAME_A_TRAIL

__all__ = ["held", "sealing_alone", "taken", "with_nobody_sealing"]

_LOOK_S = 0.02


def taken(path: Path, patience_s: float = 0.0) -> int | None:
    """Take a lock; return its open file, which holds it, or None if another keeps it."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    give_up = time.monotonic() + patience_s
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    os.close(descriptor)
                    return None
                time.sleep(_LOOK_S)
            else:
                return descriptor
    except BaseException:
        os.close(descriptor)
        raise


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold a lock meanwhile, if nobody else does; say whether."""
    descriptor = taken(path)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def sealing_alone(path: Path) -> Iterator[None]:
    """Hold the sealer's lock meanwhile.

    Raises
    ------
    TrailUnavailable
        If there is no such folder, or another seals, merges or removes just now.
    """
    if not path.parent.is_dir():
        raise TrailUnavailable(
            f"There is no audit trail in {path.parent}: no such folder.",
            hint=NAME_A_TRAIL,
        )
    with held(path) as alone:
        if not alone:
            raise TrailUnavailable(
                f"Another process seals, removes or verifies in {path.parent} just now.",
                hint="Wait until it is done, then do it again.",
            )
        yield


@contextmanager
def with_nobody_sealing(path: Path) -> Iterator[bool]:
    """Keep sealers away meanwhile, beside others who do; waits for one who is at work.

    Yields
    ------
    bool
        Whether it had to wait. Where there is no lock, nobody ever sealed, and none is
        made: who only looks leaves nothing behind.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield False
        return
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
            has_waited = False
        except BlockingIOError:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            has_waited = True
        yield has_waited
    finally:
        os.close(descriptor)
