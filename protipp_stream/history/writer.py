"""Lines onto the disk: links them, writes them, signs where they end. No thread, no queue.

What is staged has its place in the chain; `flush` makes it safe or raises, and may be
called again until it does. So a full disk changes nothing but when.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from protipp_stream.core.chain import linked
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.journal_line import Note
from protipp_stream.errors import TrailError, TrailUnavailable
from protipp_stream.history.durable import sync_file
from protipp_stream.history.group import Pending
from protipp_stream.history.heads import Head, head_of, read_checkpoint, write_checkpoint
from protipp_stream.history.layout import Layout
from protipp_stream.history.locking import held, taken
from protipp_stream.history.opening import opened
from protipp_stream.history.segment import Segment
from protipp_stream.history.signing import Signer, refuse_bad_key

__all__ = ["FORMAT", "Writer", "sign_now", "signed_after"]

FORMAT = "protipp_stream odds journal 1"
# Somebody may just sign (`sign_now`): a gateway that starts then is not to be refused.
PATIENCE_S = 1.0
# What goes to the disk at once: with room for a part of what waits, that part gets there.
_PIECE_BYTES = 1 << 20

_log = logging.getLogger(__name__)


class _Staged(NamedTuple):
    line: bytes
    rows: int
    head: Head


def sign_now(folder: Path | str) -> bool:
    """Sign where the chains of a trail stand, if nobody writes it just now.

    Returns
    -------
    bool
        False if somebody does, who will sign within a second or two.

    Raises
    ------
    TrailUnavailable, TrailChanged
        As `Writer`.
    """
    lock = taken(Layout(folder).writer_lock)
    if lock is None:
        return False
    writer = Writer(folder, 1, 1.0, lambda: datetime.now(UTC), lock)
    try:
        if not writer.is_signed:
            writer.sign()
    finally:
        writer.close()
    return True


@contextmanager
def signed_after(folder: Path | str) -> Iterator[None]:
    """Sign where the chains stand after what is done meanwhile, if nobody writes.

    Who writes signs it himself. Without a journal there is nothing that could be signed.

    Raises
    ------
    TrailUnavailable
        Before anything is done, if the signing key is not at hand.
    TrailUnavailable, TrailChanged
        Afterwards, if it can't be signed all the same.
    """
    layout = Layout(folder)
    if layout.segments() or layout.manifest.exists():
        with held(layout.writer_lock) as nobody_writes:
            if nobody_writes:
                Signer(layout)
    yield
    if layout.segments() or layout.manifest.exists():
        try:
            sign_now(folder)
        except TrailError as error:
            words = f"It was done, but can't be signed: {error.message}"
            raise type(error)(words, hint=error.hint) from error


class Writer:
    """The end of a journal, open for writing.

    Parameters
    ----------
    folder : Path or str
        Made if it is not there.
    segment_rows, segment_s : int, float
        A segment is finished after so many rows or seconds.
    wall : callable
        UTC now.
    lock : int, optional
        The writer's lock, where it is taken already; given back by `close`.

    Raises
    ------
    TrailUnavailable
        If the folder can't be made, or another process writes there.
    TrailChanged
        As `opening.opened`.

    Attributes
    ----------
    head : tuple of int and str
        The last line that is safe, and its hash.
    checkpoint : Checkpoint or None
        The newest that is signed and safe.
    segments_finished : int
        How many could be sealed since this was opened.
    access_head : callable
        Says where the access trail ends.
    """

    def __init__(
        self,
        folder: Path | str,
        segment_rows: int,
        segment_s: float,
        wall: Callable[[], datetime],
        lock: int | None = None,
    ) -> None:
        self.layout = Layout(folder)
        self._segment_rows, self._segment_s = segment_rows, segment_s
        self._wall = wall
        self.access_head: Callable[[], Head] = lambda: head_of(self.layout.access_trail)
        self._lock = lock
        self._segment: Segment | None = None
        try:
            # A slip in the key's name must not leave a folder that looks like a trail.
            refuse_bad_key()
            self.layout.hot.mkdir(parents=True, exist_ok=True)
            if self._lock is None:
                self._lock = taken(self.layout.writer_lock, PATIENCE_S)
            if self._lock is None:
                raise TrailUnavailable(
                    f"Another process writes the audit trail {folder}.",
                    hint="Give each gateway and each recording a folder of its own; where"
                    " `protipp-stream history seal` is at work, wait until it is done.",
                )
            self._begin()
        except OSError as error:
            self.close()
            raise TrailUnavailable(
                f"No journal can be written in {folder}: {error.strerror}.",
                hint="Give a folder that this user may write to, on a disk with room.",
            ) from None
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        self._signer = Signer(self.layout)
        found = opened(self.layout)
        self.head: Head = found.head
        self.checkpoint = read_checkpoint(self.layout)
        self.segments_finished = 0
        self._signed_to = self._manifest_size() if self._is_manifest_signed() else -1
        self._staged: list[_Staged] = []
        self._staged_head = found.head
        self._signed: Checkpoint | None = None
        self._rows, self._opened_at = 0, self._wall()
        self._journal = found.journal or secrets.token_hex(8)
        if found.journal is None:
            begun = msgspec.json.encode({"format": FORMAT, "id": self._journal})
            self.stage([b'"journal":' + begun], rows=0)
        if found.torn_bytes:
            _log.warning(
                "%s: %d bytes that a crash had left half written were cut off",
                self.layout.folder,
                found.torn_bytes,
            )
            torn = Note(kind="torn", timestamp=self._wall(), count=found.torn_bytes)
            self.stage([b'"notes":' + msgspec.json.encode([torn])], rows=1)
        if self._staged:
            self.flush()
            self.sign()

    @property
    def staged(self) -> tuple[int, int]:
        """How many rows and bytes are staged and not safe."""
        rows = sum(each.rows for each in self._staged)
        return rows, sum(len(each.line) for each in self._staged)

    @property
    def is_signed(self) -> bool:
        """Whether a checkpoint names all that is safe, of the other chains, too."""
        newest = self.checkpoint
        if newest is None or self._signed is not None or newest.n < self.head[0] - 1:
            return False
        return newest.access_n == self.access_head()[0] and self._manifest_size() == self._signed_to

    def stage_all(self, pending: Pending) -> None:
        """Give each line of what waits its place in the chain."""
        for members, rows in pending.lines():
            self.stage(members, rows)

    def stage(self, members: list[bytes], rows: int) -> None:
        """Give a line its place in the chain; `flush` writes it."""
        n, prev = self._staged_head
        line, digest = linked(n + 1, self._wall(), members, prev)
        self._staged_head = Head(n + 1, digest)
        self._staged.append(_Staged(line, rows, self._staged_head))

    def flush(self) -> None:
        """Make safe what is staged.

        Raises
        ------
        OSError
            If the disk refuses; call it again.
        """
        while self._staged:
            piece = self._piece()
            self._current().append(b"".join(each.line for each in piece))
            self._rows += sum(each.rows for each in piece)
            self.head = piece[-1].head
            del self._staged[: len(piece)]

    def _piece(self) -> list[_Staged]:
        size = count = 0
        while count < len(self._staged) and size < _PIECE_BYTES:
            size += len(self._staged[count].line)
            count += 1
        return self._staged[:count]

    def sign(self) -> None:
        """Sign where the chains stand; write the checkpoint as a line, and to its file.

        Raises
        ------
        OSError
            As `flush`: called again, it goes on with the same checkpoint.
        """
        self._signed = self._signed or self._stage_checkpoint()
        self.flush()
        write_checkpoint(self.layout, self._signed)
        self.checkpoint, self._signed = self._signed, None

    def _stage_checkpoint(self) -> Checkpoint:
        self._signed_to = self._manifest_size()
        manifest, access = head_of(self.layout.manifest), self.access_head()
        if manifest[0] > (self.checkpoint.manifest_n if self.checkpoint else -1):
            # Its sealer may be about to: what is signed must not go in a power cut.
            sync_file(self.layout.manifest)
        n, digest = self._staged_head
        checkpoint = Checkpoint(
            journal=self._journal,
            at=self._wall(),
            n=n,
            hash=digest,
            manifest_n=manifest[0],
            manifest_hash=manifest[1],
            access_n=access[0],
            access_hash=access[1],
        )
        signed = self._signer.sign(checkpoint)
        self.stage([b'"checkpoint":' + msgspec.json.encode(signed)], 0)
        return signed

    def _is_manifest_signed(self) -> bool:
        newest = self.checkpoint
        if newest is None:
            return False
        return head_of(self.layout.manifest) == (newest.manifest_n, newest.manifest_hash)

    def _manifest_size(self) -> int:
        # It only grows: cheaper to look at than its last line.
        try:
            return self.layout.manifest.stat().st_size
        except FileNotFoundError:
            return 0

    def close(self) -> None:
        """Let go of the folder; what is staged and not flushed is gone."""
        try:
            if self._segment is not None:
                self._segment.close()
        finally:
            if self._lock is not None:
                os.close(self._lock)
                self._lock = None

    def _current(self) -> Segment:
        """Return the segment to write to, a new one if the old is finished."""
        segment = self._segment
        age_s = (self._wall() - self._opened_at).total_seconds()
        # A clock that was set back would keep it open for as long as it was.
        is_full = self._rows >= self._segment_rows or not 0 <= age_s < self._segment_s
        if segment is not None and segment.is_sound and not is_full:
            return segment
        if segment is not None:
            segment.finish()
            self._segment = None
            self.segments_finished += segment.size > 0
        self._segment = Segment(self.layout.segment(self.head[0] + 1))
        self._rows, self._opened_at = 0, self._wall()
        return self._segment
