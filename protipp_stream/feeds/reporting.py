"""How a feed that holds a connection tells of itself: its state, its faults, its waits."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from protipp_stream.core.backoff import delay_s
from protipp_stream.errors import FeedError, FeedThrottled
from protipp_stream.feeds.keyed import Redactor
from protipp_stream.model import Batch, Event, Quote, RealTimeConnection

__all__ = ["Reporting"]

# A server that accepts and closes must not be hammered: only a connection that
# has lasted takes the tries before it off the account.
STEADY = timedelta(seconds=30)
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
        chance: Callable[[], float],
    ) -> None:
        self.connection = connection
        self._redact = Redactor(secrets)
        self._clock = clock
        self._chance = chance
        self._opened_at: datetime | None = None
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
        """Note that a connection works from now on, and whether it brought another price."""
        self._tell_unread()
        now = self._opened_at = self._clock()
        if changed:
            self._changed_at = now
        self._replace(
            status="connected", detail="live", last_heartbeat=now, last_update=self._changed_at
        )

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
        if self._is_steady(heard_at):
            told["reconnect_attempts"] = 0
        self._replace(**told)

    def _is_steady(self, now: datetime) -> bool:
        return self._opened_at is not None and now - self._opened_at >= STEADY

    # ------------------------------------------------------------- or it fails

    def _failed(self, trouble: FeedError, **state: str) -> None:
        """Tell of a failure of the connection."""
        self._tell_unread(at_once=True)
        _log.warning("%s: %s", self.connection.id, trouble)
        if self._is_steady(self._clock()):
            self._replace(reconnect_attempts=0)
        self._opened_at = None
        self._replace(
            error_count=self.connection.error_count + 1,
            last_error=str(trouble),
            last_update=self._changed_at,
            **state,
        )

    def _back_off(self, trouble: FeedError, least_s: float | None = None) -> float:
        """Tell of a failure; return the seconds to wait before the next try.

        Parameters
        ----------
        least_s : float, optional
            What the source asked for; it is never undercut, but the longer wait
            of many tries stays longer.
        """
        self._failed(trouble, status="connecting", detail="backoff")
        attempt = self.connection.reconnect_attempts + 1
        self._replace(reconnect_attempts=attempt)
        if isinstance(trouble, FeedThrottled):
            # Told 0, or nothing: still 1 s, and more each time.
            least_s = max(trouble.retry_after, 2.0 ** min(attempt - 1, 4))
        own_s = delay_s(attempt, self._chance())
        return own_s if least_s is None else max(own_s, delay_s(attempt, self._chance(), least_s))

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
