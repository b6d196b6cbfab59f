"""`Trail`: what a gateway gives its records to; one thread writes them, in groups."""

from __future__ import annotations

import atexit
import logging
import sqlite3
import threading
import time
from collections import Counter, deque
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from protipp_stream.core.access import AccessRecord
from protipp_stream.errors import TrailError, TrailUnavailable
from protipp_stream.history.access.store import AccessStore
from protipp_stream.history.heads import Head
from protipp_stream.history.layout import Layout

__all__ = ["Trail"]

_log = logging.getLogger(__name__)
_MOST_AT_ONCE = 5_000


class Trail:
    """Keeps access records; never makes who records wait.

    A record is safe when `head` has passed it, at most about ``group_s`` later. While the
    disk refuses, records wait in memory and are tried again; the log and `failure` say so.
    Past ``most_waiting`` they are only counted, by reason, and a record ``lost`` says so
    as soon as one can be written.

    Parameters
    ----------
    folder : Path or str
        Of the audit trail, see `history.layout`; made if it is not there.
    group_s : float
        Seconds in which records are gathered into one write.
    retry_s : float
        Seconds after which a write that failed is tried again.
    most_waiting : int
        Records that are kept in memory at most.

    Raises
    ------
    TrailUnavailable
        If the files can't be opened or made.
    """

    def __init__(
        self,
        folder: Path | str,
        *,
        group_s: float = 0.1,
        retry_s: float = 1.0,
        most_waiting: int = 100_000,
    ) -> None:
        self._store = AccessStore(Layout(folder))
        self._group_s, self._retry_s, self._most = group_s, retry_s, most_waiting
        try:
            # What a crash left is put right now, not under load.
            with self._store.exclusive():
                self._head = self._store.head
                self._pseudonym_key = self._store.personal.pseudonym_key
        except (OSError, sqlite3.Error) as error:
            self._store.close()
            raise TrailUnavailable(
                f"The access trail in {folder} can't be written: {error}.",
                hint="Make room, or mend the disk or its permissions.",
            ) from None
        except TrailError:
            self._store.close()
            raise
        self._waiting: deque[AccessRecord] = deque()
        self._lost: Counter[str] = Counter()
        self._lost_so_far = 0
        self._failure: str | None = None
        self._is_closing = self._is_hurried = self._has_tried = False
        self._news = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="protipp-access", daemon=True)
        self._thread.start()
        # The thread is a daemon: without this a program that just ends would take what waits.
        atexit.register(self.close)

    @property
    def pseudonym_key(self) -> bytes:
        """What names in logs are replaced with."""
        return self._pseudonym_key

    @property
    def head(self) -> Head:
        """The last line that is safe on disk, (n, hash); another's writing within a second."""
        return self._head

    @property
    def failure(self) -> str | None:
        """Why nothing can be written just now; None while all is well."""
        return self._failure

    @property
    def waiting(self) -> int:
        """How many records are not safe yet."""
        return len(self._waiting)

    @property
    def lost(self) -> int:
        """How many records were counted only, since the start."""
        return self._lost_so_far

    def record(self, record: AccessRecord) -> None:
        """Take a record; from any thread. It neither waits for the disk nor raises."""
        with self._news:
            if len(self._waiting) >= self._most or self._is_closing:
                self._lost[record.reason] += record.count
                self._lost_so_far += record.count
                return
            self._waiting.append(record)
            self._news.notify_all()

    def flush(self, timeout: float = 10.0) -> None:
        """Wait until all that was recorded is safe.

        Raises
        ------
        TrailUnavailable
            If it is not after ``timeout`` seconds.
        """
        with self._news:
            self._is_hurried = True
            self._news.notify_all()
            if not self._news.wait_for(lambda: not (self._waiting or self._lost), timeout):
                raise self._not_safe()

    def close(self) -> None:
        """Write what waits, and stop; once.

        Raises
        ------
        TrailUnavailable
            If it could not be written: says how much.
        """
        atexit.unregister(self.close)
        with self._news:
            if self._is_closing:
                return
            self._is_closing = True
            self._news.notify_all()
        self._thread.join()
        try:
            if self._failure is None:
                self._store.sign_off()
        except (OSError, sqlite3.Error, TrailError) as error:
            self._fail(error)
        finally:
            self._store.close()
        if self._waiting or self._lost:
            raise self._not_safe()

    def _not_safe(self) -> TrailUnavailable:
        count = sum(record.count for record in self._waiting) + self._lost.total()
        return TrailUnavailable(
            f"{count} access records are not on disk: {self._failure or 'still being written'}.",
            hint="Make room, or mend the disk.",
        )

    # ------------------------------------------------------------- the thread

    def _run(self) -> None:
        try:
            self._write_until_closed()
        except Exception as error:  # noqa: BLE001 - logged, and told like a disk that refuses
            # Or records would be taken for ever, and nothing written.
            _log.exception("the access trail has failed")
            self._fail(error)

    def _write_until_closed(self) -> None:
        while True:
            is_due = self._gathered()
            # Without records: an eraser may have written, and checkpoints name its line.
            if is_due or not self._store.is_as_left:
                if not self._write_group() and not self._rested():
                    return
            elif self._is_closing:
                return

    def _gathered(self) -> bool:
        """Wait for a group, not for ever; return whether there is one."""
        with self._news:
            some = self._news.wait_for(
                lambda: self._waiting or self._lost or self._is_closing, self._retry_s
            )
            if some:
                self._news.wait_for(lambda: self._is_closing or self._is_hurried, self._group_s)
            return bool(self._waiting or self._lost)

    def _rested(self) -> bool:
        """Wait before the next try; return False if there is none: we are closing."""
        until = time.monotonic() + self._retry_s
        with self._news:
            while not self._is_closing and (left := until - time.monotonic()) > 0:
                self._news.wait(left)
            if not self._is_closing:
                return True
            # What is said at the end gets one more try, and only one.
            was_last, self._has_tried = self._has_tried, True
            return not was_last

    def _write_group(self) -> bool:
        with self._news:
            group = list(islice(self._waiting, _MOST_AT_ONCE))
            lost = self._lost.copy()
        records = [*group, *_lost_record(lost)]
        try:
            head = self._store.append(records)
        except (OSError, sqlite3.Error, TrailError) as error:
            self._fail(error)
            return False
        self._written(head, len(group), lost)
        return True

    def _written(self, head: Head, count: int, lost: Counter[str]) -> None:
        with self._news:
            for _ in range(count):
                self._waiting.popleft()
            self._lost -= lost
            self._head = head
            if self._failure is not None:
                self._failure = None
                _log.warning("the access trail can be written again")
            if not self._waiting:
                self._is_hurried = False
            self._news.notify_all()

    def _fail(self, error: Exception) -> None:
        with self._news:
            is_news = self._failure is None
            self._failure = f"{type(error).__name__}: {error}"
            self._news.notify_all()
        if is_news:
            _log.error(
                "the access trail can't be written (%s); %d records wait in memory",
                self._failure,
                len(self._waiting),
            )


def _lost_record(lost: Counter[str]) -> list[AccessRecord]:
    if not lost:
        return []
    now = datetime.now(UTC)
    return [AccessRecord(at=now, reason="lost", count=lost.total(), facts=dict(lost))]
