"""The two files of an access trail, kept in step through every crash.

What is personal is made safe first, then the line that names its digest: a line without
its ciphertext would look like tampering. Whatever a crash left between the two, whoever
comes next puts right: ciphertexts without a line are dropped (nobody was told that they
are safe), and a tombstone that is not in the trail yet is written.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from protipp_stream.core.access import AccessRecord
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.access.lock import locked
from protipp_stream.history.access.personal import Personal
from protipp_stream.history.access.record import (
    Tombstone,
    TrailLine,
    members_of,
    tombstone_of,
)
from protipp_stream.history.access.trail_file import TrailFile, read_lines
from protipp_stream.history.counting import Progress
from protipp_stream.history.heads import Head
from protipp_stream.history.layout import Layout

__all__ = ["AccessStore", "opened", "reading"]


class AccessStore:
    """Both files, opened for writing; made if they are not there.

    Parameters
    ----------
    layout : Layout
        Its folder need not be there.

    Raises
    ------
    TrailUnavailable
        If they can't be opened, or one of the two is gone.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        folder = layout.access_trail.parent
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with locked(layout):
                self._refuse_half()
                self.personal = Personal(layout, make=True)
                self._file = TrailFile(layout.access_trail)
        except (OSError, sqlite3.Error) as error:
            raise _unavailable(folder, error) from None

    def _refuse_half(self) -> None:
        trail, personal = self._layout.access_trail, self._layout.personal
        if trail.exists() and trail.stat().st_size and not personal.exists():
            raise TrailUnavailable(
                f"{personal} is gone, {trail} is there.",
                hint="Bring it back from a copy, or move the folder away and begin anew.",
            )

    @property
    def head(self) -> Head:
        """The last line that is safe on disk, as far as this process knows."""
        return self._file.head

    @property
    def is_as_left(self) -> bool:
        """Whether no other process has written since."""
        return self._file.is_as_left

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Hold the lock, with both files in step.

        Raises
        ------
        TrailChanged
            If lines have gone that were safe.
        """
        with locked(self._layout):
            self.personal.refresh()
            torn = self._file.refresh(self.personal.intended - 1)
            self._settle()
            if torn:
                cut = AccessRecord(at=datetime.now(UTC), reason="torn", facts={"bytes": torn})
                self._append([cut])
            yield

    def append(self, records: Sequence[AccessRecord]) -> Head:
        """Write records, all or none; they are safe on return.

        Raises
        ------
        OSError, sqlite3.Error, TrailError
            If they are not.
        """
        with self.exclusive():
            if records:
                self._append(records)
            return self.head

    def bury(
        self, tombstone: Tombstone, count: int, at: datetime, destroy: Callable[[], None]
    ) -> None:
        """Destroy something and leave a tombstone: both, whatever happens meanwhile.

        Call it within `exclusive`.

        Parameters
        ----------
        count : int
            How many records it is about.
        destroy : callable
            Deletes from `personal`, within a transaction.
        """
        n = self.head.n + 1
        with self.personal.transaction():
            destroy()
            self.personal.intend(n)
            self.personal.pend(n, at, tombstone_of(tombstone, count))
        self.personal.vacuum()
        self._settle()

    def lines(self, progress: Progress) -> Iterator[TrailLine]:
        """Read the trail."""
        return read_lines(self._layout.access_trail, progress)

    def cut(self, until: int) -> None:
        """Drop the lines up to that number, which a tombstone must name."""
        self._file.cut(until)

    def sign_off(self) -> None:
        """Note that all lines are safe: whoever comes next misses the last of them, too.

        Raises
        ------
        OSError, sqlite3.Error, TrailError
            If it could not be noted.
        """
        with self.exclusive(), self.personal.transaction():
            self.personal.intend(self.head.n + 1)

    def close(self) -> None:
        """Let go of both files."""
        self._file.close()
        self.personal.close()

    def _append(self, records: Sequence[AccessRecord]) -> None:
        first = self.head.n + 1
        with self.personal.transaction():
            self.personal.intend(first)
            lines = [
                (record.at, members_of(record, self.personal.put(n, record)))
                for n, record in enumerate(records, first)
            ]
        self._file.append(lines)

    def _settle(self) -> None:
        for n, at, members in self.personal.pending():
            if n > self.head.n:
                self._file.append([(at, [members])])
            self.personal.settle(n)
        self.personal.drop_after(self.head.n)


@contextmanager
def opened(layout: Layout) -> Iterator[AccessStore]:
    """Open an existing trail for a change, alone, with both files in step.

    Raises
    ------
    TrailUnavailable
        If there is none, or the disk or the database fails; then what was begun is
        finished by whoever comes next.
    """
    _require(layout)
    store = AccessStore(layout)
    try:
        with store.exclusive():
            yield store
    except (OSError, sqlite3.Error) as error:
        raise _unavailable(layout.access_trail.parent, error) from None
    finally:
        store.close()


@contextmanager
def reading(layout: Layout) -> Iterator[Personal]:
    """Open an existing trail for reading; nobody writes meanwhile.

    Raises
    ------
    TrailUnavailable
        If there is none, or it can't be read.
    """
    _require(layout)
    try:
        with locked(layout, shared=True):
            personal = Personal(layout)
            try:
                yield personal
            finally:
                personal.close()
    except (OSError, sqlite3.Error) as error:
        raise _unavailable(layout.access_trail.parent, error) from None


def _require(layout: Layout) -> None:
    if not layout.personal.exists():
        raise TrailUnavailable(
            f"There is no access trail in {layout.folder}.",
            hint="A gateway with a history keeps one in the folder that it was given.",
        )


def _unavailable(place: object, error: Exception) -> TrailUnavailable:
    return TrailUnavailable(
        f"The access trail in {place} can't be used: {error}.",
        hint="Make room, or mend the disk or its permissions, and do it again.",
    )
