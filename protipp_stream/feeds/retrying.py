"""Coming back after a failure: how long to wait, and what to say meanwhile.

For every feed, one that polls and one that holds a stream, whose tries follow
each other, one at a time::

    retrying = Retrying()
    while True:
        try:
            async for batch in self._connected():
                retrying.worked(time.monotonic())
                self.connection = retrying.shown(self.connection)
                yield batch
            trouble = FeedUnavailable("it hung up")
        except FeedRefused:
            raise  # never retried
        except FeedError as error:
            trouble = error
        wait_s = retrying.failed(trouble, time.monotonic())
        self.connection = retrying.shown(self.connection)
        yield batch_now([])
        await asyncio.sleep(wait_s)

A stream needs the breaker no less than a poll: one that is accepted and broken off
at once works each time, and backoff alone would begin at 1 s again and again.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from math import inf

import msgspec

from protipp_stream.core.backoff import delay_s
from protipp_stream.core.breaker import Breaker, Said, State
from protipp_stream.core.quota import in_words
from protipp_stream.errors import FeedError, FeedThrottled
from protipp_stream.model import RealTimeConnection

__all__ = ["Retrying"]

STABLE_S = 30.0


class Retrying:
    """Backoff for tries that fail in a row, and a breaker for those that fail too often.

    Parameters
    ----------
    breaker : Breaker, optional
        By default 5 failures in 60 s open it and 3 successes in a row close it.
    chance : callable
        A random number from 0 to 1, for the jitter.

    Attributes
    ----------
    attempts : int
        Tries that failed since it last worked.
    breaker : Breaker
        For whoever wants to look at its state.
    """

    def __init__(
        self, breaker: Breaker | None = None, *, chance: Callable[[], float] = random.random
    ) -> None:
        self.attempts = 0
        self.breaker = breaker or Breaker(chance=chance)
        self._chance = chance
        self._steps = 0
        self._well_since = inf
        self._error = ""
        self._untold = 0

    def is_steady(self, now: float) -> bool:
        """Say whether it has worked for long enough that what was before is forgotten."""
        return now - self._well_since >= STABLE_S

    def failed(self, error: FeedError, now: float, least_s: float = 0.0) -> float:
        """Note that a try failed, or that what worked broke off.

        Parameters
        ----------
        error : FeedError
            What happened; no `FeedRefused` that is not retried. Its words are
            shown to everyone, so they hold no secret.
        now : float
            Monotonic seconds.
        least_s : float
            What the source asked for once and for all, like the ``retry`` of server-sent
            events; it is never undercut, but the longer wait of many tries stays longer.

        Returns
        -------
        float
            Seconds to wait before the next try. A `FeedThrottled` waits as long as
            the source asked for, at least; an open breaker as long as it is open.
        """
        if self.is_steady(now):
            self._steps = 0
        self._well_since = inf
        self.attempts += 1
        self._steps += 1
        self._untold += 1
        was = self._tell(Said.FAILED, now)
        wait_s = max(self._delay_s(error, least_s), self.breaker.wait_s(now))
        self._error = f"{self._announced(was, wait_s)}{error}"
        return wait_s

    def worked(self, now: float) -> None:
        """Note that a try worked: an answer came, or a stream said something.

        That a socket opened is no success yet: what accepts and hangs up never
        worked. A stream says this again and again while it holds, about once a
        second: a breaker that is half open needs some of them in a row.
        """
        self._well_since = min(self._well_since, now)
        self.attempts = 0
        self._tell(Said.WORKED, now)

    def shown(self, connection: RealTimeConnection) -> RealTimeConnection:
        """Return the state of a connection as it stands after `failed` or `worked`.

        ``connected``, ``live``; or ``recovering`` while the breaker is half open.
        After a failure ``connecting``, ``backoff``; ``disconnected``, ``backoff``
        while the breaker is open. `last_error` says why, `error_count` counts.
        """
        failures, self._untold = self._untold, 0
        fields: dict[str, object] = {
            "error_count": connection.error_count + failures,
            "reconnect_attempts": self.attempts,
            "last_error": self._error if failures else connection.last_error,
        }
        if not self.attempts:
            is_well = self.breaker.state is State.CLOSED
            fields |= {"status": "connected", "detail": "live" if is_well else "recovering"}
        else:
            is_open = self.breaker.state is State.OPEN
            fields |= {
                "status": "disconnected" if is_open else "connecting",
                "detail": "backoff",
            }
        return msgspec.structs.replace(connection, **fields)

    def _tell(self, said: Said, now: float) -> State:
        """Tell the breaker; return the state in which it heard it."""
        # Whoever waited as told is past the pause, so this try was a probe.
        self.breaker.receive(Said.PASSED, now)
        was = self.breaker.state
        self.breaker.receive(said, now)
        return was

    def _delay_s(self, error: FeedError, least_s: float) -> float:
        if isinstance(error, FeedThrottled):
            least_s = max(error.retry_after, least_s)
        elif not least_s:
            return delay_s(self._steps, self._chance())
        # Told 0, or nothing: still 1 s, and more each time.
        asked_s = max(least_s, 2.0 ** min(self._steps - 1, 4))
        return delay_s(self._steps, self._chance(), asked_s)

    def _announced(self, was: State, wait_s: float) -> str:
        if self.breaker.state is not State.OPEN:
            return ""
        breaker = self.breaker
        why = (
            f"{breaker.failures} failures within {in_words(breaker.window_s)}"
            if was is State.CLOSED
            else "It fails still"
        )
        return f"{why}: no further try for {in_words(wait_s)}. "
