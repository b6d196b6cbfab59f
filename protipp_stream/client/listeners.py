"""Hands what the follower finds to everyone who listens, and wakes who waits."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from typing import Protocol

from protipp_stream.client.changes import Board, Changes, Gap
from protipp_stream.client.stream import OnGap, UpdateStream
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import ProtippStreamError, TrailError
from protipp_stream.model import Confirmation, Event, OddsUpdate, RealTimeConnection

__all__ = ["Listeners", "Watcher"]


_log = logging.getLogger(__name__)


class Watcher(Protocol):
    """Who follows every change of the board, on the follower's thread: be quick."""

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        """Take updates in their order."""
        ...

    def on_confirmed(self, confirmations: Sequence[Confirmation]) -> None:
        """Take which prices were said again, unchanged."""
        ...

    def on_reset(self) -> None:
        """The board is a new one: look at it."""
        ...

    def on_gap(self, gap: Gap) -> None:
        """Updates are missing, one by one; the board is right."""
        ...

    def on_source(self, source: RealTimeConnection) -> None:
        """Take the state of one of the gateway's sources."""
        ...


class Listeners:
    """The follower's audience: collectors, streams, watchers, and callbacks.

    Parameters
    ----------
    on_status, on_source : callable
        Called on the follower's thread with a new state.
    on_epoch : callable
        Called there with all the sources of another gateway.

    Attributes
    ----------
    checkpoint : Checkpoint or None
        The newest of the gateway's audit trail that it has told.
    witness : callable or None
        Is told each of them.
    """

    def __init__(
        self,
        on_status: Callable[[RealTimeConnection], None],
        on_source: Callable[[RealTimeConnection], None],
        on_epoch: Callable[[Sequence[RealTimeConnection]], None],
    ) -> None:
        self._tell_status = on_status
        self._tell_source = on_source
        self._tell_epoch = on_epoch
        self._lock = threading.Lock()
        # Weak: `for update in odds: break` leaves an iterator that nobody closes.
        self._changes: weakref.WeakSet[Changes] = weakref.WeakSet()
        self._streams: weakref.WeakSet[UpdateStream] = weakref.WeakSet()
        self._watchers: weakref.WeakSet[Watcher] = weakref.WeakSet()
        self.checkpoint: Checkpoint | None = None
        self.witness: Callable[[Checkpoint], None] | None = None
        self._progress = threading.Condition()
        self._ended = False
        self._failure: ProtippStreamError | None = None

    def changes(self, board: Callable[[], Board]) -> Changes:
        """Add a collector."""
        changes = Changes(board, self._forget_changes)
        with self._lock:
            self._changes.add(changes)
        return changes

    def stream(self, on_gap: OnGap) -> UpdateStream:
        """Add a stream."""
        stream = UpdateStream(on_gap=on_gap, forget=self._forget_stream)
        with self._lock:
            self._streams.add(stream)
            if self._ended:
                stream.end(self._failure)
        return stream

    def watch(self, watcher: Watcher) -> None:
        """Tell a watcher what happens, as long as somebody holds it."""
        with self._lock:
            self._watchers.add(watcher)

    def forget(self, watcher: Watcher) -> None:
        """Tell a watcher nothing more."""
        with self._lock:
            self._watchers.discard(watcher)

    def _tell_watchers(self, tell: Callable[[Watcher], None]) -> None:
        with self._lock:
            watchers = list(self._watchers)
        for watcher in watchers:
            try:
                tell(watcher)
            except Exception:  # noqa: BLE001 - logged
                # A watcher's mistake must not cost the link.
                _log.exception("%r has failed on what came in", watcher)

    def wait(self, condition: Callable[[], bool], timeout: float | None) -> bool:
        """Wait until ``condition`` holds; it is looked at whenever something comes in."""
        with self._progress:
            return self._progress.wait_for(condition, timeout)

    def end(self, failure: ProtippStreamError | None) -> None:
        """Say that nothing more will come."""
        with self._lock:
            self._ended, self._failure = True, failure
            streams = list(self._streams)
        for stream in streams:
            stream.end(failure)
        self.on_progress()

    # ---------------------------------------------------------- the audience

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        """Hand updates on."""
        with self._lock:
            changes, streams = list(self._changes), list(self._streams)
        for collector in changes:
            collector.add(updates, events)
        for stream in streams:
            stream.add(updates)
        self._tell_watchers(lambda watcher: watcher.on_updates(updates, events))

    def on_reset(self, gap: Gap | None) -> None:
        """Hand on that the board is a new one."""
        with self._lock:
            changes = list(self._changes)
        for collector in changes:
            collector.reset()
        self._tell_watchers(lambda watcher: watcher.on_reset())
        if gap is not None:
            self.on_gap(gap)

    def on_confirmed(self, confirmations: Sequence[Confirmation]) -> None:
        """Hand on which prices were said again."""
        self._tell_watchers(lambda watcher: watcher.on_confirmed(confirmations))

    def on_gap(self, gap: Gap) -> None:
        """Hand on that updates are missing."""
        with self._lock:
            streams = list(self._streams)
        for stream in streams:
            stream.note_gap(gap.why)
        self._tell_watchers(lambda watcher: watcher.on_gap(gap))

    def on_status(self, status: RealTimeConnection) -> None:
        """Hand on the state of the link."""
        self._tell_status(status)
        self.on_progress()

    def on_source(self, source: RealTimeConnection) -> None:
        """Hand on the state of a source."""
        self._tell_source(source)
        self._tell_watchers(lambda watcher: watcher.on_source(source))

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Hand on where the gateway's audit trail stands."""
        self.checkpoint = checkpoint
        if self.witness is not None:
            try:
                self.witness(checkpoint)
            except (OSError, TrailError):
                # A full disk must not cost the link; the next one is tried again.
                _log.exception("the witness could not be written")

    def on_epoch(self, sources: Sequence[RealTimeConnection]) -> None:
        """Hand on that the gateway is another one."""
        self._tell_epoch(sources)

    def on_progress(self) -> None:
        """Wake who waits."""
        with self._progress:
            self._progress.notify_all()

    def _forget_changes(self, changes: Changes) -> None:
        with self._lock:
            self._changes.discard(changes)

    def _forget_stream(self, stream: UpdateStream) -> None:
        with self._lock:
            self._streams.discard(stream)
