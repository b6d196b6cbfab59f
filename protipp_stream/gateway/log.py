"""The log of updates: what came in, and the frames that can be made of it.

It holds the book, the backlog and the descriptions of events. Each update is
encoded once, when it is made; every frame is those same bytes put together.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from protipp_stream.core import wire
from protipp_stream.core.backlog import Backlog, Mode, Recovery, recover, recovery_mode
from protipp_stream.core.book import Book
from protipp_stream.core.conflate import newest
from protipp_stream.core.eviction import outdated
from protipp_stream.core.filter import Filter
from protipp_stream.core.moves import Rule
from protipp_stream.gateway.clock import Clock
from protipp_stream.gateway.frames import Outgoing, confirmed
from protipp_stream.gateway.settings import Settings
from protipp_stream.model import Cursor, Event, OddsUpdate, Quote

__all__ = ["Log", "Made", "Step"]

MAX_SHARED, SHARED_FOR_S = 64, 0.01

# A frame, None if nothing matched, and the sequence number that it leads to.
Step = tuple[Outgoing | None, int]


class Made(msgspec.Struct, frozen=True, gc=False):
    """Updates that were made of quotes, and their bytes."""

    quotes: list[Quote]
    updates: list[OddsUpdate]
    rows: list[bytes]
    received_at: datetime


class Log:
    """One epoch's updates.

    Parameters
    ----------
    settings : Settings
        How much is kept, how large a frame may be.
    clock : Clock
        For `sent_at`.
    rule : Rule, optional
        Which moves are significant; Cohen's h by default.
    holds_back : bool
        Whether updates may be made before they are published (`make`, `publish`).

    Attributes
    ----------
    described : int
        How many descriptions of events were taken.
    conflations : int
        How many frames left rows out because a subscriber was slow.
    """

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        rule: Rule | None = None,
        *,
        holds_back: bool = False,
    ) -> None:
        self.book = Book(secrets.token_hex(6), rule)
        # The book on which updates are made; the other is what is seen.
        self._ahead = Book(self.book.epoch, rule) if holds_back else self.book
        self.described = 0
        self.conflations = 0
        self._settings = settings
        self._clock = clock
        self._backlog = Backlog(settings.backlog)
        # An event and the sequence number with which it must be told.
        self._events: dict[str, tuple[int, Event]] = {}
        self._last_described = 0
        self._shared: dict[tuple[Filter, int, int], Step] = {}
        self._shared_from = 0.0
        self._snapshots: dict[Filter, Outgoing] = {}
        self._snapshots_at = (-1, -1, -1)
        self._confirmed: dict[tuple[Filter, int], Outgoing | None] = {}
        self._confirmed_at = 0

    @property
    def cursor(self) -> Cursor:
        """Where the log stands."""
        return self.book.cursor

    # ------------------------------------------------------------ what comes in

    def take(self, quotes: Iterable[Quote], received_at: datetime, latency_ms: float) -> int:
        """Take sound quotes; return how many updates came of them.

        Parameters
        ----------
        received_at : datetime
            UTC: when they arrived.
        latency_ms : float
            Milliseconds since then.
        """
        return self.publish(self.make(quotes, received_at, latency_ms))

    def make(self, quotes: Iterable[Quote], received_at: datetime, latency_ms: float) -> Made:
        """Make updates of sound quotes; nobody sees them before they are published."""
        said = list(quotes)
        updates = self._ahead.apply(said, received_at, latency_ms=latency_ms)
        return Made(said, updates, wire.encode_updates(updates), received_at)

    def publish(self, made: Made) -> int:
        """Let what was made be seen, in the order of making; return how many updates it is."""
        if self._ahead is not self.book:
            self.book.adopt(made.quotes, made.updates, made.received_at)
        for update, row in zip(made.updates, made.rows, strict=True):
            self._backlog.append(update, row)
        return len(made.updates)

    def describe(self, events: Iterable[Event]) -> list[Event]:
        """Take descriptions; return those that are new or changed."""
        new = []
        for event in events:
            known = self._events.get(event.event_id)
            if known is None or known[1] != event:
                self._last_described = self.book.seq + 1
                self._events[event.event_id] = (self._last_described, event)
                self._ahead.know(event)
                new.append(event)
        self.described += len(new)
        return new

    def forget_over(self, now: datetime) -> set[str]:
        """Forget the events that are over; return their ids."""
        events = {event_id: event for event_id, (_, event) in self._events.items()}
        gone = self.book.over(events, now, self._settings.forget_after_s)
        if self._ahead is not self.book:
            # What waits to be published may bring one of them back.
            gone &= self._ahead.over(events, now, self._settings.forget_after_s)
            self._ahead.forget(gone)
        self.book.forget(gone)
        for event_id in outdated(events, self.book.events, gone, now):
            del self._events[event_id]
        return gone

    # ----------------------------------------------------------- what goes out

    def recover(self, since: str | Cursor | None, wanted: Filter) -> Recovery:
        """Answer what a subscriber has missed since its cursor."""
        return recover(self.book, self._backlog, since, wanted)

    def mode(self, since: str | None) -> tuple[Mode, Cursor | None]:
        """Say how `recover` would answer, and from which cursor."""
        return recovery_mode(self.book, self._backlog, since)

    def events(self, wanted: Filter, after: int = 0, until: int | None = None) -> list[Event]:
        """Return the descriptions that became due in ``after < seq <= until``.

        Those with the sequence number that is still to come are described already;
        without ``until`` they are among them.
        """
        if after >= self._last_described:
            return []
        last = self.cursor.seq + 1 if until is None else until
        return [
            event
            for seq, event in self._events.values()
            if after < seq <= last and wanted.matches_event(event.event_id)
        ]

    def snapshot(self, wanted: Filter) -> Outgoing:
        """Return the whole board as a frame; shared while nothing changes."""
        now = (self.cursor.seq, self.book.confirmations, self.described)
        if now != self._snapshots_at or len(self._snapshots) >= MAX_SHARED:
            self._snapshots.clear()
            self._snapshots_at = now
        if wanted not in self._snapshots:
            data = wire.snapshot_frame(self.recover(None, wanted), self.events(wanted))
            self._snapshots[wanted] = Outgoing("snapshot", data, str(self.cursor))
        return self._snapshots[wanted]

    def patch(self, since: Cursor, wanted: Filter, why: str) -> Outgoing:
        """Return each selection changed since, at its newest, up to where the log stands."""
        self.conflations += why == "slow"
        updates = self.book.changed_since(since.seq, wanted)
        rows = wire.encode_updates(updates)
        events = self.events(wanted, since.seq)
        return self._updates(since, self.cursor.seq, rows, events, why)

    def confirmed(self, wanted: Filter, since: int) -> Outgoing | None:
        """Return which prices were said again after that many confirmations, if any was."""
        if self._confirmed_at != self.book.confirmations or len(self._confirmed) >= MAX_SHARED:
            self._confirmed.clear()
            self._confirmed_at = self.book.confirmations
        key = wanted, since
        if key not in self._confirmed:
            rows = self.book.confirmed_since(since, wanted)
            self._confirmed[key] = confirmed(rows) if rows else None
        return self._confirmed[key]

    def news(self, events: Sequence[Event], told: Cursor) -> Outgoing:
        """Return a frame of descriptions that leads nowhere: no price moved."""
        return self._updates(told, told.seq, [], events)

    def level_with(self, told: Cursor, seq: int) -> Outgoing:
        """Return a frame without rows: nothing that matched lies between."""
        return self._updates(told, seq, [], [])

    def next(self, wanted: Filter, told: Cursor, position: int, *, is_slow: bool) -> Step:
        """Return the next frame for whoever has everything up to ``position``.

        Parameters
        ----------
        told : Cursor
            The newest cursor that they were told: the frame's ``prev``.
        is_slow : bool
            They do not keep up: past 256 KB they get the newest of each
            selection only.

        Returns
        -------
        (Outgoing or None, int)
            None when nothing in that stretch matches: their cursor then stays,
            and the next frame's ``prev`` still follows it.
        """
        held = self._backlog.holds_since(position)
        if held and is_slow and self._backlog.bytes_since(position) > self._settings.pending_bytes:
            return self.conflated(wanted, told, position, "slow")
        return self._shared_step(wanted, told, position)

    def conflated(self, wanted: Filter, told: Cursor, position: int, why: str) -> Step:
        """Return the newest of each selection after ``position``, up to where the log stands.

        One frame, however large: cut in pieces, what moves all the time would
        always be in a piece that is still to come.
        """
        if not self._backlog.holds_since(position):
            return self.patch(told, wanted, why), self.cursor.seq
        matching = self._matching(wanted, position, None)
        kept = newest(matching)
        is_less = len(kept) < len(matching)
        self.conflations += is_less and why == "slow"
        events = self.events(wanted, position, self.cursor.seq)
        if not kept and not events:
            return None, self.cursor.seq
        rows = [row for _, row in kept]
        frame = self._updates(told, self.cursor.seq, rows, events, why if is_less else None)
        return frame, self.cursor.seq

    def _shared_step(self, wanted: Filter, told: Cursor, position: int) -> Step:
        key = (wanted, told.seq, position)
        # Only as long as those who are level at one moment ask one after the
        # other: later it would hold the backlog many times, with an old `sent_at`.
        now = self._clock.monotonic()
        if len(self._shared) >= MAX_SHARED or now - self._shared_from > SHARED_FOR_S:
            self._shared.clear()
            self._shared_from = now
        found = self._shared.get(key)
        if found is None:
            found = self._shared[key] = self.step(wanted, told, position)
        return found

    def step(self, wanted: Filter, told: Cursor, position: int) -> Step:
        """Return the next frame, made now; as `next` for who keeps up."""
        if not self._backlog.holds_since(position):
            # One read brought more than the backlog holds.
            return self.patch(told, wanted, "slow"), self.cursor.seq
        leads_to = min(self.cursor.seq, position + self._settings.frame_rows)
        rows = [row for _, row in self._matching(wanted, position, self._settings.frame_rows)]
        events = self.events(wanted, position, leads_to)
        if not rows and not events:
            return None, leads_to
        return self._updates(told, leads_to, rows, events), leads_to

    def _matching(
        self, wanted: Filter, position: int, limit: int | None
    ) -> list[tuple[OddsUpdate, bytes]]:
        stretch = self._backlog.rows_since(position, limit)
        if wanted.is_empty:
            return stretch
        return [row for row in stretch if wanted.matches(row[0])]

    def _updates(
        self,
        prev: Cursor,
        leads_to: int,
        rows: Sequence[bytes],
        events: Sequence[Event],
        why: str | None = None,
    ) -> Outgoing:
        cursor = Cursor(self.book.epoch, leads_to)
        data = wire.updates_frame(
            prev, cursor, rows, self._clock.wall(), conflated=why, events=events
        )
        return Outgoing("updates", data, str(cursor))
