"""What changed since I last looked: for whoever draws the board once a frame."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable

import msgspec

from protipp_stream.model import Cursor, Event, OddsUpdate, Quote, Selection

__all__ = ["Board", "Change", "Changes", "Delivery", "Gap"]


class Board(msgspec.Struct, frozen=True):
    """A consistent copy of the board.

    Attributes
    ----------
    cursor : Cursor or None
        Where in the log it stands; None before the first snapshot.
    quotes : list of Quote
        Every selection; a suspended one has odds None.
    events : dict
        Descriptions by ``event_id``.
    """

    cursor: Cursor | None
    quotes: list[Quote]
    events: dict[str, Event]


class Change(msgspec.Struct, frozen=True):
    """What changed between two looks.

    Attributes
    ----------
    snapshot : bool
        True: forget everything, ``quotes`` is the whole board.
        False: ``updates`` has the newest of each selection that changed.
    events : list of Event
        New or changed descriptions.
    """

    snapshot: bool
    quotes: list[Quote]
    updates: list[OddsUpdate]
    events: list[Event]


class Gap(msgspec.Struct, frozen=True):
    """A stretch of the log that can't be handed out update by update.

    Attributes
    ----------
    why : str
        In words.
    epoch : str
    first_seq, last_seq : int
        The stretch, ends included.
    came : int
        How many updates of it came all the same: the newest of some selections.
    """

    why: str
    epoch: str
    first_seq: int
    last_seq: int
    came: int = 0

    @property
    def missing(self) -> int:
        """How many did not come; where not all is followed, some were not meant for us."""
        return max(self.last_seq - self.first_seq + 1 - self.came, 0)


class Delivery(msgspec.Struct, frozen=True):
    """Milliseconds that one stage of the way takes, or all of it (``total``).

    Attributes
    ----------
    count : int
        How many were measured since the start.
    p50_ms, p95_ms, p99_ms : float
        Over the newest 2,000; may lie below zero by less than the error.
    error_ms : float
        All three are right to within this; 0 where one clock measured it.
    """

    count: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    error_ms: float


class Changes:
    """Collects what changes until it is taken, the newest of each selection.

    What is pending is keyed by selection: a reader that sleeps for an hour
    finds one board, not a queue of an hour.

    Parameters
    ----------
    board : callable
        Returns the board: the first `take` is a snapshot of it.
    forget : callable
        Called by `close`.
    """

    def __init__(self, board: Callable[[], Board], forget: Callable[[Changes], None]) -> None:
        self._board = board
        self._forget = forget
        self._lock = threading.Lock()
        self._needs_snapshot = True
        self._from: Cursor | None = None
        self._updates: dict[Selection, OddsUpdate] = {}
        self._events: dict[str, Event] = {}

    def take(self) -> Change | None:
        """Return what changed since the last call; None if nothing did.

        The first call, and the first after a gap, return a snapshot. Never
        waits for the network; may be called from any thread.
        """
        with self._lock:
            snapshot, self._needs_snapshot = self._needs_snapshot, False
            updates, self._updates = self._updates, {}
            events, self._events = self._events, {}
        if snapshot:
            board = self._board()
            self._from = board.cursor
            return Change(True, board.quotes, [], list(board.events.values()))
        # What arrived while the board was copied is in the copy already.
        fresh = [update for update in updates.values() if self._is_newer(update)]
        if not fresh and not events:
            return None
        return Change(False, [], fresh, list(events.values()))

    def _is_newer(self, update: OddsUpdate) -> bool:
        mine, its = self._from, Cursor.parse(update.id)
        return mine is None or its is None or its.epoch != mine.epoch or its.seq > mine.seq

    def close(self) -> None:
        """Stop collecting."""
        self._forget(self)

    def add(self, updates: Iterable[OddsUpdate], events: Iterable[Event]) -> None:
        """Take what arrived; called by the client's thread."""
        with self._lock:
            if self._needs_snapshot:
                return
            for update in updates:
                self._updates[update.selection] = update
            for event in events:
                self._events[event.event_id] = event

    def reset(self) -> None:
        """Forget what is pending: the board is a new one."""
        with self._lock:
            self._needs_snapshot = True
            self._updates = {}
            self._events = {}
