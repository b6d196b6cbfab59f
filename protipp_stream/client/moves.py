"""Every significant move, for whoever shows or counts them between two looks."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from protipp_stream.client.changes import Gap
from protipp_stream.model import Confirmation, Event, OddsUpdate, RealTimeConnection

__all__ = ["Moved", "Moves"]

# Between two looks; a tenth of it in a second would be a market gone mad.
CAPACITY = 10_000


class Moved(msgspec.Struct, frozen=True):
    """What moved significantly between two looks.

    Attributes
    ----------
    updates : list of OddsUpdate
        Every one of them, the oldest first.
    events : list of Event
        New or changed descriptions.
    left_out : int
        Moves that came faster than they were taken: the oldest had to go.
    missing : int
        Updates that never came one by one; how many of them were significant nobody
        here can know.
    """

    updates: list[OddsUpdate]
    events: list[Event]
    left_out: int = 0
    missing: int = 0


class Moves:
    """Collects significant moves until they are taken; made by `LiveOdds.moves`.

    `Changes` keeps the newest price of each selection: of two moves between two looks it
    shows one. This keeps both.

    Parameters
    ----------
    recent : callable
        Returns the newest updates so far, the oldest first: the first `take` begins
        with what is significant among them.
    events : callable
        Returns all descriptions of events.
    forget : callable
        Called by `close`.
    capacity : int
        How many may wait.
    """

    def __init__(
        self,
        recent: Callable[[], Iterable[OddsUpdate]],
        events: Callable[[], Mapping[str, Event]],
        forget: Callable[[Moves], None],
        capacity: int = CAPACITY,
    ) -> None:
        self._recent = recent
        self._all_events = events
        self._forget = forget
        self._lock = threading.Lock()
        self._waiting: deque[OddsUpdate] = deque(maxlen=capacity)
        self._events: dict[str, Event] = {}
        self._left_out = self._missing = 0
        self._is_first = self._needs_events = True
        # What the first look found may be told once more, by the thread that brings it.
        self._known: set[str] = set()

    def take(self) -> Moved | None:
        """Return what moved since the last call; None if nothing did.

        The first call returns what is still remembered from before, too. Never waits
        for the network; may be called from any thread.
        """
        past = self._past() if self._is_first else []
        self._is_first = False
        with self._lock:
            updates = [each for each in self._waiting if each.id not in self._known]
            self._waiting.clear()
            self._known.update(each.id for each in past)
            events, self._events = self._events, {}
            needs_events, self._needs_events = self._needs_events, False
            left_out, self._left_out = self._left_out, 0
            missing, self._missing = self._missing, 0
        if needs_events:
            events = {**self._all_events(), **events}
        if past:
            updates = list({each.id: each for each in [*past, *updates]}.values())
        if not (updates or events or left_out or missing):
            return None
        return Moved(updates, list(events.values()), left_out, missing)

    def close(self) -> None:
        """Stop collecting."""
        self._forget(self)

    def _past(self) -> list[OddsUpdate]:
        return [update for update in self._recent() if update.is_significant]

    # --------------------------------------------------- on the client's thread

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        """Take what has changed."""
        moved = [update for update in updates if update.is_significant]
        if not moved and not events:
            return
        with self._lock:
            room = (self._waiting.maxlen or 0) - len(self._waiting)
            self._left_out += max(len(moved) - room, 0)
            self._waiting.extend(moved)
            self._events.update((event.event_id, event) for event in events)

    def on_gap(self, gap: Gap) -> None:
        """Count what did not come one by one."""
        with self._lock:
            self._missing += gap.missing

    def on_reset(self) -> None:
        """Look at the descriptions anew; what moved stays what it was."""
        with self._lock:
            self._needs_events = True

    def on_confirmed(self, confirmations: Sequence[Confirmation]) -> None:
        """Nothing to do: nothing moved."""

    def on_source(self, source: RealTimeConnection) -> None:
        """Nothing to do: a move says whose it is."""
