"""How a feed that holds a connection tells of itself: its state, its faults, its waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from protipp_stream.errors import FeedError
from protipp_stream.feeds.keyed import Redactor
from protipp_stream.feeds.retrying import Retrying
from protipp_stream.model import Batch, Event, Quote, RealTimeConnection

__all__ = ["Reporting"]

# Each new state goes to every subscriber.
TELL = timedelta(seconds=1)

_log = logging.getLogger(__name__)


class Reporting:
    """Base of a feed: keeps its `connection` true, and secrets out of it.

    Attributes
    ----------
    connection : RealTimeConnection
        Replaced when there is something to tell; a mere sign of life is told
        once a second.
    """

    connection: RealTimeConnection

    def __init__(
        self,
        connection: RealTimeConnection,
        *,
        secrets: Iterable[str],
        clock: Callable[[], datetime],
        monotonic: Callable[[], float],
        chance: Callable[[], float],
    ) -> None:
        self.connection = connection
        self._redact = Redactor(secrets)
        self._clock = clock
        self._monotonic = monotonic
        self._retrying = Retrying(chance=chance)
        self._changed_at: datetime | None = None
        self._unread = 0
        self._first_unread = ""
        self._counted_at: datetime | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.connection.id} {self.connection.status}>"

    # ------------------------------------------------------------ it goes well

    def _batch(self, quotes: Sequence[Quote], events: Sequence[Event] = ()) -> Batch:
        return Batch(list(quotes), self._clock(), time.monotonic(), list(events))

    def _opened(self, *, changed: bool = False) -> None:
        """Note that the source has confirmed what it was asked for, and whether that was news.

        Not that a socket opened: one that accepts and hangs up never worked.
        """
        self._tell_unread()
        now = self._clock()
        if changed:
            self._changed_at = now
        self._worked()
        self._replace(last_heartbeat=now, last_update=self._changed_at)

    def _alive(
        self,
        heard_at: datetime,
        *,
        changed: bool = False,
        latency_ms: float | None = None,
    ) -> None:
        """Note a sign of life, and whether it brought another price."""
        if changed:
            self._changed_at = heard_at
        self._tell_unread()
        last = self.connection.last_heartbeat
        if last is not None and timedelta() < last - heard_at < TELL:
            heard_at = last  # a pong that waited to be told; time does not go back
        is_first = changed and self.connection.last_update is None
        is_due = last is None or abs(heard_at - last) >= TELL
        if not (is_first or is_due or latency_ms is not None):
            return
        told: dict[str, object] = {"last_heartbeat": heard_at, "last_update": self._changed_at}
        if latency_ms is not None:
            told["latency_ms"] = latency_ms
        # Here, so once a second: a burst of frames must not pass for a recovery.
        self._worked()
        self._replace(**told)

    def _worked(self) -> None:
        self._retrying.worked(self._monotonic())
        self.connection = self._retrying.shown(self.connection)

    @property
    def _has_worked(self) -> bool:
        return self.connection.last_heartbeat is not None

    def _is_steady(self) -> bool:
        return self._retrying.is_steady(self._monotonic())

    # ------------------------------------------------------------- or it fails

    def _end(self, refusal: FeedError) -> None:
        """Tell that it failed for good."""
        self._tell_unread(at_once=True)
        self._warn(str(refusal))
        self._replace(status="error", detail="terminal", last_update=self._changed_at)

    def _back_off(self, trouble: FeedError, least_s: float = 0.0) -> float:
        """Tell of a failure; return the seconds to wait, as `Retrying.failed`."""
        self._tell_unread(at_once=True)
        wait_s = self._retrying.failed(trouble, self._monotonic(), least_s)
        self.connection = self._retrying.shown(self.connection)
        _log.warning("%s: %s", self.connection.id, self.connection.last_error)
        self._replace(last_update=self._changed_at)
        return wait_s

    def _warn(self, message: str) -> None:
        """Tell of trouble that leaves the connection as it is."""
        _log.warning("%s: %s", self.connection.id, message)
        self._replace(error_count=self.connection.error_count + 1, last_error=message)

    def _count(self, faults: Sequence[str]) -> None:
        """Count what could not be read; the next sign of life tells it."""
        if faults:
            self._first_unread = self._first_unread or faults[0]
            self._unread += len(faults)

    def _tell_unread(self, *, at_once: bool = False) -> None:
        # A flood of rubbish must not become a flood of log and notices.
        now = self._clock()
        is_due = self._counted_at is None or abs(now - self._counted_at) >= TELL
        if not self._unread or not (is_due or at_once):
            return
        summary = self._redact(
            f"{self._unread} items could not be read, first {self._first_unread}"
        )
        _log.warning("%s: %s", self.connection.id, summary)
        count = self.connection.error_count + self._unread
        self._replace(error_count=count, last_error=summary)
        self._unread, self._first_unread, self._counted_at = 0, "", now

    def _replace(self, **fields: object) -> None:
        self.connection = msgspec.structs.replace(self.connection, **fields)
