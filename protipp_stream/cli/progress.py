"""How much and when: in words, and as a bar on the terminal for what takes longer than a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

__all__ = ["of_them", "showing", "size", "to_the_second"]

PATIENCE_S = 1.0


def of_them(count: int, what: str) -> str:
    """Return ``1 file`` or ``2,000 files``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def size(of_bytes: int) -> str:
    """Return it as people say it: ``212.9 kB``."""
    from rich.filesize import decimal

    return decimal(of_bytes)


def to_the_second(at: datetime) -> str:
    """Return ``2026-11-23 18:30:00``."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


@contextmanager
def showing(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Yield what a long work calls with what is done and what there is in all.

    Parameters
    ----------
    what : str
        Before the bar.
    unit : str
        Of the numbers: ``bytes`` or ``rows``.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn
    from rich.progress import TimeRemainingColumn as Left

    console = Console(stderr=True)
    count = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
    columns = (TextColumn(what), BarColumn(), count, Left())
    with Progress(*columns, console=console, transient=True, disable=True) as bar:
        began, task = time.monotonic(), bar.add_task(what, total=None)

        def told(done: int, total: int) -> None:
            if bar.disable and console.is_terminal and time.monotonic() - began > PATIENCE_S:
                bar.disable = False
                bar.start()
            bar.update(task, completed=done, total=total)

        yield told
