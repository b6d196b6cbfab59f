"""The odds journal: what is put into it gets onto the disk, in order, in a signed chain.

`Journal.put` only adds to a list. One thread of its own takes what is there, writes and
syncs it together (a *commit*), says so, and signs where the chain stands about once a
second. If the disk refuses, it keeps what it has and tries again every second; what no
longer fits into memory is counted, and written down as lost as soon as that is possible.
"""

from __future__ import annotations

import atexit
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import msgspec

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.group import Entry, Pending
from protipp_stream.history.heads import Head
from protipp_stream.history.layout import Layout
from protipp_stream.history.losses import Losses
from protipp_stream.history.writer import Writer

__all__ = ["Journal", "JournalSettings", "JournalState"]

RETRY_S, CHECKPOINT_S = 1.0, 1.0

Status = Literal["writing", "refused", "closed", "failed"]

_log = logging.getLogger(__name__)


class JournalSettings(msgspec.Struct, frozen=True, kw_only=True):
    """How a journal is written.

    Attributes
    ----------
    commit_s : float
        Seconds between commits: what a crash may take of what was not acknowledged. 0
        commits as soon as the commit before is done.
    commit_rows : int
        So many rows are committed at once, whatever the time.
    segment_rows, segment_s : int, float
        A segment is finished, and can be sealed, after so many rows or seconds.
    buffer_bytes : int
        What is kept in memory while the disk refuses; past it rows are lost, and counted.
    """

    commit_s: float = 0.1
    commit_rows: int = 5_000
    segment_rows: int = 1_000_000
    segment_s: float = 3600.0
    buffer_bytes: int = 64 * 1024 * 1024


class JournalState(msgspec.Struct, frozen=True, kw_only=True):
    """How a journal is doing.

    Attributes
    ----------
    status : str
        ``writing``, ``refused`` (by the disk; it tries again), ``closed``, or ``failed``:
        what waited is lost, and nothing more is kept.
    line : int
        The number of the newest line that is safe.
    rows, commits : int
        What was made safe since it was opened, in how many commits.
    pending_rows, lost_rows : int
        That wait, and that were not kept: no memory was left for them, the disk refused
        them to the last, or the journal was closed or had failed.
    last_commit : datetime or None
        UTC.
    last_error : str or None
        What the disk said, until it takes something again.
    segments_finished : int
        That could be sealed since it was opened.
    """

    status: Status
    line: int
    rows: int
    commits: int
    pending_rows: int
    lost_rows: int
    last_commit: datetime | None
    last_error: str | None
    segments_finished: int


class Journal:
    """An open journal.

    Parameters
    ----------
    folder : Path or str
        Made if it is not there.
    settings : JournalSettings, optional
    on_durable : callable, optional
        Called with the number of the newest entry that is safe (see `put`).
    on_trouble : callable, optional
        Called with the error when the disk begins to refuse, and when the journal fails
        for good. Both are called by the journal's own thread.
    wall : callable, optional
        UTC now; injected by tests.

    Raises
    ------
    TrailUnavailable
        If the folder can't be written, or another process writes there.
    TrailChanged
        If it ends before what its newest checkpoint names: no crash does that.
    """

    def __init__(
        self,
        folder: Path | str,
        settings: JournalSettings | None = None,
        *,
        on_durable: Callable[[int], None] | None = None,
        on_trouble: Callable[[OSError], None] | None = None,
        wall: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.settings = settings or JournalSettings()
        self.on_durable, self.on_trouble = on_durable, on_trouble
        self._wall = wall
        self._writer = Writer(folder, self.settings.segment_rows, self.settings.segment_s, wall)
        self._lock = threading.Condition()
        self._pending = Pending(self.settings.commit_rows)
        self._accepted = self._staged = self._durable = 0
        self._unsafe_rows = self._unsafe_bytes = 0
        self._losses = Losses()
        self._lost_rows = self._rows = self._commits = 0
        self._last_commit: datetime | None = None
        self._error: OSError | None = None
        self._is_told = self._has_failed = False
        self._is_closing = self._is_closed = False
        self._signed_at = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="protipp-journal", daemon=True)
        self._thread.start()
        # The thread is a daemon: without this a program that just ends would take what waits.
        atexit.register(self.close)

    # ------------------------------------------------------------ what comes in

    def put(self, entry: Entry) -> int:
        """Take rows; return the number by which `on_durable` will name them.

        Never blocks. Returns 0 for what no memory is left for while the disk refuses: it
        is counted, and the journal will say so.

        Raises
        ------
        TrailUnavailable
            If the journal is closed, or has failed.
        """
        with self._lock:
            if self._is_closing:
                self._lost_rows += len(entry.rows)
                what = "has failed" if self._has_failed else "is closed"
                raise TrailUnavailable(f"The journal {what}.", hint="Open a new one.")
            if not self._has_room():
                self._lose(entry)
                return 0
            is_first = not self._pending
            self._own_up()
            self._accepted += 1
            self._pending.add(entry)
            if is_first or self._pending.is_full:
                self._lock.notify_all()
            return self._accepted

    def _lose(self, entry: Entry) -> None:
        if not self._losses:
            _log.error("the journal's memory is full: rows are lost until the disk takes them")
        self._losses.add(entry)
        self._lost_rows += len(entry.rows)

    def _has_room(self) -> bool:
        return self._unsafe_bytes + self._pending.size <= self.settings.buffer_bytes

    def _own_up(self) -> None:
        """Note what was lost, before whatever comes after it."""
        for note in self._losses.owned_up(self._wall()):
            self._pending.add(note)

    # ---------------------------------------------------------------- answers

    @property
    def access_head(self) -> Callable[[], Head]:
        """Says where the access trail ends, for checkpoints; by default its file does."""
        return self._writer.access_head

    @access_head.setter
    def access_head(self, access_head: Callable[[], Head]) -> None:
        self._writer.access_head = access_head

    @property
    def layout(self) -> Layout:
        """What lies where in its folder."""
        return self._writer.layout

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The newest that is signed and safe."""
        return self._writer.checkpoint

    @property
    def durable(self) -> int:
        """The number of the newest entry that is safe."""
        return self._durable

    @property
    def state(self) -> JournalState:
        """How it is doing."""
        with self._lock:
            error = self._error
            return JournalState(
                status=self._status(),
                line=self._writer.head[0],
                rows=self._rows,
                commits=self._commits,
                pending_rows=self._pending.rows + self._unsafe_rows,
                lost_rows=self._lost_rows,
                last_commit=self._last_commit,
                last_error=_in_words(error) if error else None,
                segments_finished=self._writer.segments_finished,
            )

    def _status(self) -> Status:
        if self._has_failed:
            return "failed"
        if self._is_closed:
            return "closed"
        return "refused" if self._error else "writing"

    def wait(self, number: int, timeout_s: float | None = None) -> bool:
        """Wait until an entry is safe; say whether it is."""
        if number == 0:
            return False
        with self._lock:
            self._lock.wait_for(lambda: self._durable >= number or self._is_closed, timeout_s)
            return self._durable >= number

    def close(self) -> None:
        """Make safe what waits, sign it, let go of the folder; twice is fine.

        If the disk refuses to the last, what is lost is logged.
        """
        atexit.unregister(self.close)
        with self._lock:
            self._is_closing = True
            self._lock.notify_all()
        self._thread.join()

    # -------------------------------------------------------------- the thread

    def _run(self) -> None:
        try:
            while not self._is_closed:
                self._wait_for_work()
                self._work()
        except BaseException:  # noqa: BLE001 - whatever it is, nobody else would hear of it
            _log.exception("the journal has failed")
            self._fail()

    def _fail(self) -> None:
        """Take nothing more, let nobody wait, tell."""
        with self._lock:
            self._has_failed, self._is_told = True, False
            self._error = OSError(0, "the journal has failed; see the log")
        try:
            self._end()
        finally:
            self._tell()

    def _work(self) -> None:
        is_last = self._is_closing
        try:
            # What the disk refused comes first; it makes room in memory, too.
            self._flush()
            while self._stage():
                self._flush()
                if not is_last:
                    break
            if is_last or self._sign_due_s() == 0.0:
                self._sign()
        except OSError as error:
            self._refused(error)
        else:
            self._recovered()
        if is_last:
            self._end()

    def _wait_for_work(self) -> None:
        """Wait until there is something to write, then a while for company."""
        with self._lock:
            if self._error is not None:
                self._lock.wait_for(lambda: self._is_closing, RETRY_S)
                return
            self._lock.wait_for(
                lambda: self._pending or self._losses or self._is_closing, self._sign_due_s()
            )
            if self._pending and self.settings.commit_s:
                self._lock.wait_for(
                    lambda: self._pending.is_full or self._is_closing, self.settings.commit_s
                )

    def _sign_due_s(self) -> float:
        """Seconds until it is time to see what there is to sign: others write chains, too."""
        return max(self._signed_at + CHECKPOINT_S - time.monotonic(), 0.0)

    def _stage(self) -> bool:
        """Give what waits its place in the chain; say whether anything did."""
        with self._lock:
            if self._has_room():
                self._own_up()
            taken, self._pending = self._pending, Pending(self.settings.commit_rows)
            self._staged = self._accepted
            self._unsafe_rows += taken.rows
            self._unsafe_bytes += taken.size
        self._writer.stage_all(taken)
        return len(taken) > 0

    def _flush(self) -> None:
        """Make safe what is staged, and say so."""
        try:
            self._writer.flush()
        finally:
            self._count()
        with self._lock:
            is_news, self._durable = self._durable != self._staged, self._staged
            self._lock.notify_all()
        if is_news and self.on_durable is not None:
            self.on_durable(self._durable)

    def _count(self) -> None:
        with self._lock:
            before = self._unsafe_rows
            self._unsafe_rows, self._unsafe_bytes = self._writer.staged
            if before > self._unsafe_rows:
                self._rows += before - self._unsafe_rows
                self._commits += 1
                self._last_commit = self._wall()

    def _sign(self) -> None:
        self._signed_at = time.monotonic()
        # Twice where the disk had refused one: that names less than what is safe by now.
        for _ in range(2):
            if not self._writer.is_signed:
                self._writer.sign()

    def _recovered(self) -> None:
        with self._lock:
            was, self._error, self._is_told = self._error, None, False
        if was is not None:
            _log.warning("the journal writes again")

    def _refused(self, error: OSError) -> None:
        with self._lock:
            is_new, self._error = self._error is None, error
        if is_new:
            _log.error("the journal can't write: %s; trying again", _in_words(error))
        self._tell()

    def _tell(self) -> None:
        """Tell of trouble, once; who listens later, at the next try."""
        if self._error is not None and self.on_trouble is not None and not self._is_told:
            self._is_told = True
            self.on_trouble(self._error)

    def _end(self) -> None:
        with self._lock:
            self._is_closing = True
            unwritten = self._unsafe_rows + self._pending.rows
            self._lost_rows += unwritten
            self._unsafe_rows, self._pending = 0, Pending(self.settings.commit_rows)
            missing = unwritten + self._losses.rows
        if missing:
            _log.error("the journal is closed; %d rows are not in it", missing)
        try:
            self._writer.close()
        finally:
            with self._lock:
                self._is_closed = True
                self._lock.notify_all()


def _in_words(error: OSError) -> str:
    return error.strerror or type(error).__name__
