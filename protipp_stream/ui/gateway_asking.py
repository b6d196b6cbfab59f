"""Asks a gateway how it is, again and again, in a thread of its own, while somebody looks.

A gateway that hangs holds this thread only: what was said last stays readable, with how
long the question has been open.
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from time import monotonic, time
from typing import Any

import msgspec

from protipp_stream.errors import ProtippStreamError
from protipp_stream.ui.gateway_figures import Told, told_in

__all__ = ["Heard", "Questions"]

_log = logging.getLogger(__name__)

EVERY_S = 2.0
PATIENCE_S = 3.0
READINGS = 60


class Heard(msgspec.Struct, frozen=True):
    """What is known of a gateway now.

    Attributes
    ----------
    told : Told or None
        Its last answer.
    answered_at : float or None
        When that came, in Unix seconds.
    rates : tuple of float
        Updates a second between answers, the newest last; at most `READINGS`.
    ahead_s : float
        Seconds that the gateway's clock is ahead of ours, give or take the way here.
    trouble : str
        Why there is no newer one; empty while it answers.
    since : float or None
        Since when there is trouble, in Unix seconds.
    """

    told: Told | None = None
    answered_at: float | None = None
    rates: tuple[float, ...] = ()
    ahead_s: float = 0.0
    trouble: str = ""
    since: float | None = None


class Questions:
    """One question after the other.

    Parameters
    ----------
    ask : callable
        Returns the gateway's answer; it may take long, and raise.
    every_s : float
        Seconds between an answer and the next question.
    """

    def __init__(self, ask: Callable[[], dict[str, Any]], every_s: float = EVERY_S) -> None:
        self._ask = ask
        self._every_s = every_s
        self._lock = threading.Lock()
        self._wanted = False
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._heard = Heard()
        self._asked_at: float | None = None
        self._counted: tuple[str, int, float] | None = None
        self._rates: deque[float] = deque(maxlen=READINGS)

    def begin(self) -> None:
        """Ask from now on."""
        with self._lock:
            self._wanted = True
            # One that still hangs in an old question goes on where it is: a gateway that
            # never answers holds one thread, however often somebody looks.
            if self._thread is None:
                self._counted = None  # a rate over a time that nobody looked is none
                self._rates.clear()
                self._thread = threading.Thread(
                    target=self._run, name="protipp-gateway-status", daemon=True
                )
                self._thread.start()

    def end(self) -> None:
        """Ask no more."""
        with self._lock:
            self._wanted = False
            self._hurry.set()

    @property
    def heard(self) -> Heard:
        """What is known now; a question that is open for long is trouble, too."""
        with self._lock:
            heard, asked_at = self._heard, self._asked_at
        if asked_at is None or heard.trouble or time() - asked_at < PATIENCE_S:
            return heard
        words = "it took the question and does not answer"
        return msgspec.structs.replace(heard, trouble=words, since=asked_at)

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._wanted:
                    self._thread = None
                    return
                self._hurry.clear()
                self._asked_at = time()
            heard = self._answer()
            with self._lock:
                self._heard, self._asked_at = heard, None
            self._hurry.wait(self._every_s)

    def _answer(self) -> Heard:
        before = self._heard
        try:
            told = told_in(self._ask())
        except ProtippStreamError as error:
            trouble = str(error)
        except msgspec.ValidationError as error:
            trouble = f"Its answer can't be read: {error}."
        except Exception as error:  # noqa: BLE001 - logged, and shown
            # Whatever it is: the view must say so, and ask again.
            _log.exception("asking the gateway how it is has failed")
            trouble = f"{type(error).__name__}: {error}"
        else:
            self._count(told)
            now = time()
            ahead_s = 0.0 if told.now is None else told.now.timestamp() - now
            return Heard(told, now, tuple(self._rates), ahead_s)
        self._counted = None
        since = before.since if before.trouble else self._asked_at
        return msgspec.structs.replace(before, trouble=trouble, since=since)

    def _count(self, told: Told) -> None:
        epoch = (told.cursor or "").rpartition(":")[0]
        at = monotonic() if told.now is None else told.now.timestamp()
        before, self._counted = self._counted, (epoch, told.updates, at)
        if before is None:
            return
        known, updates, then = before
        # Another epoch counts anew, and so does a gateway that has fewer than it had.
        if known != epoch or told.updates < updates or at <= then:
            self._rates.clear()
            return
        self._rates.append(round((told.updates - updates) / (at - then), 1))
