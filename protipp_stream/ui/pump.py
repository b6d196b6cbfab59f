"""One thread that makes frames and hands each to every viewer.

A frame is one message to a browser, at most ``hz`` a second however many
prices moved. Frames are numbered: a viewer that finds a hole in the numbers
asks for a whole frame, because a message can be lost while a page reconnects.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from time import monotonic
from typing import Any, Protocol

import msgspec

__all__ = ["Pump", "Source", "Viewer"]

logger = logging.getLogger(__name__)

# A page that hears nothing for longer than this says so (host.js, SILENCE_MS).
SIGN_OF_LIFE_S = 2.0

# What can't be drawn now could not be a frame later either, and each time is logged.
AFTER_FAILURE_S = 0.5

# Jupyter's server drops messages above 1 MB/s a kernel (iopub_data_rate_limit), counted
# over three seconds: a whole frame now and then may pass at once, a stream of them not.
BYTES_PER_S = 700_000
BURST_BYTES = 175_000

_encode = msgspec.json.Encoder().encode


class Source(Protocol):
    """What a pump draws its frames from. Called from one thread at a time."""

    def open(self) -> None:
        """Begin to watch; the first viewer has come."""

    def news(self) -> Any | None:
        """Return what changed since the last call, or None."""

    def whole(self) -> Any:
        """Return everything, for a viewer that knows nothing."""

    def close(self) -> None:
        """Stop watching; the last viewer has gone."""


class Viewer(Protocol):
    """Where frames go: one widget, or one browser session."""

    keyframe_s: float
    """Seconds between whole frames nobody asked for; infinity for never."""

    def send(self, frame: str) -> None:
        """Hand a frame over. Must not block."""


class Allowance:
    """How long to wait before more may be sent: so many bytes a second, and a burst."""

    def __init__(self) -> None:
        self._owed = 0.0
        self._at = 0.0

    def spend(self, sent: int, now: float) -> float:
        """Return the seconds that whoever has sent so many bytes must wait.

        Parameters
        ----------
        sent : int
            Bytes.
        now : float
            Seconds, of a clock that never goes back.
        """
        paid = (now - self._at) * BYTES_PER_S
        self._owed = max(self._owed - paid, 0.0) + sent
        self._at = now
        return max(self._owed - BURST_BYTES, 0.0) / BYTES_PER_S


class Pump:
    """The thread runs while there are viewers, and only then.

    Parameters
    ----------
    source : Source
        What is drawn.
    hz : float
        Frames a second, at most.
    """

    def __init__(self, source: Source, hz: float) -> None:
        self._source = source
        self._period = 1 / hz
        self._lock = threading.Lock()
        self._viewers: dict[Viewer, float] = {}
        self._number = 0
        self._allowance = Allowance()
        self._ended: threading.Event | None = None

    @property
    def viewers(self) -> int:
        """How many are being served."""
        return len(self._viewers)

    def join(self, viewer: Viewer, *, hand: Callable[[str], None] | None = None) -> None:
        """Serve this viewer from now on, beginning with a whole frame.

        Parameters
        ----------
        viewer : Viewer
            Who; joining again is how a viewer asks for another whole frame.
        hand : callable, optional
            Takes the whole frame in place of ``viewer.send``. It is called
            under the lock, so that no later frame can overtake this one.
        """
        with self._lock:
            if self._ended is None:
                self._source.open()
                self._ended = threading.Event()
                threading.Thread(
                    target=self._run, args=(self._ended,), name="protipp-ui", daemon=True
                ).start()
            self._viewers[viewer] = monotonic()
            (hand or viewer.send)(self._whole())

    def leave(self, viewer: Viewer) -> None:
        """Serve this viewer no more; the last one that leaves ends the thread."""
        with self._lock:
            self._drop(viewer)

    def _drop(self, viewer: Viewer) -> None:
        self._viewers.pop(viewer, None)
        if not self._viewers and self._ended is not None:
            self._ended.set()
            self._ended = None
            self._source.close()

    def _run(self, ended: threading.Event) -> None:
        pause, spoken = self._period, monotonic()
        while not ended.wait(pause):
            with self._lock:
                if ended.is_set():
                    return
                pause, now = self._period, monotonic()
                try:
                    news = self._source.news()
                    if news is None and now - spoken < SIGN_OF_LIFE_S:
                        continue
                    self._number += 1
                    sent = self._broadcast(self._text(news), now)
                except Exception:
                    # The thread is everyone's: without it every board stands still. What
                    # it had taken is lost, so the pages must find a hole in the numbers.
                    logger.exception("a frame could not be made and is left out")
                    self._number += 1
                    pause = max(pause, AFTER_FAILURE_S)
                    continue
                spoken = now
                pause = max(pause, self._allowance.spend(sent, now))

    def _broadcast(self, text: str, now: float) -> int:
        sent = len(text)
        for viewer, keyframe_at in list(self._viewers.items()):
            frame = text
            if now - keyframe_at >= viewer.keyframe_s:
                self._viewers[viewer] = now
                frame = self._whole()
                sent = max(sent, len(frame))
            try:
                viewer.send(frame)
            except Exception:
                # One broken page must not darken the others' screens.
                logger.exception("a viewer could not be reached and is dropped")
                self._drop(viewer)
        return sent

    def _text(self, body: Any | None) -> str:
        return _encode({"n": self._number, "body": body}).decode()

    def _whole(self) -> str:
        return self._text(self._source.whole())
