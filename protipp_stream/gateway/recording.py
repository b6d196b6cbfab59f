"""What a gateway takes goes into the odds journal, all of it, before anything is merged.

``publish_after="queued"``: what is taken goes out at once, and to the journal's thread;
a crash may take the last tenth of a second from the history, never from what follows it.
``"durable"``: nothing goes out before it is on the disk. Updates are then made on a book
of their own and wait here; the board that subscribers see is the one that is safe.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.feed_states import FeedStates
from protipp_stream.core.filter import Filter
from protipp_stream.core.journal_line import Note, NoteKind
from protipp_stream.errors import TrailUnavailable
from protipp_stream.gateway.bell import Bell
from protipp_stream.gateway.beside import beside
from protipp_stream.gateway.clock import Clock
from protipp_stream.gateway.log import Log, Made
from protipp_stream.gateway.upkeep import Upkeep
from protipp_stream.history.group import Entry
from protipp_stream.model import Event, Quote, RealTimeConnection

if TYPE_CHECKING:
    from protipp_stream.history.access import Trail
    from protipp_stream.history.journal import Journal

__all__ = ["Failed", "Recording"]

EVERYTHING = Filter()

_log = logging.getLogger(__name__)


class Failed(Protocol):
    """Is told that the journal has failed."""

    def __call__(self, words: str, *, is_broken: bool) -> None:
        """Take note, in words for people."""
        ...


class Recording:
    """A journal at work beside a log.

    Parameters
    ----------
    journal : Journal
        Open; closed by `close`.
    log : Log
        Whose updates are kept.
    clock : Clock
        For the times of notes.
    holds_back : bool
        Whether updates wait until they are safe.
    published : callable
        Called on the event loop when updates that waited have reached the log.
    failed : callable
        Called on the event loop, with what to tell people, when the journal can't keep
        what it is given, again and again; ``is_broken`` if updates can't go out for it.

    Attributes
    ----------
    trail : Trail or None
        The access trail beside it, for `state`.
    upkeep : Upkeep or None
        What is done to both meanwhile, for `state`.
    """

    def __init__(
        self,
        journal: Journal,
        log: Log,
        clock: Clock,
        *,
        holds_back: bool,
        published: Callable[[], None],
        failed: Failed,
    ) -> None:
        self._journal = journal
        self._log = log
        self._clock = clock
        self.trail: Trail | None = None
        self.upkeep: Upkeep | None = None
        self._holds_back = holds_back
        self._published, self._failed = published, failed
        self._waiting: deque[tuple[int, Made]] = deque()
        self._is_broken = False
        self._progress = Bell()
        self._confirmations = 0
        self._feeds = FeedStates()
        loop = asyncio.get_running_loop()
        journal.on_durable = lambda number: _on(loop, self._release, number)
        journal.on_trouble = lambda error: _on(loop, self._trouble, error)
        self.note("start")

    @property
    def state(self) -> dict[str, object]:
        """How the trails are doing, for the status."""
        access: dict[str, object] | None = None
        if (trail := self.trail) is not None:
            access = {
                "line": trail.head[0],
                "waiting": trail.waiting,
                "lost": trail.lost,
                "last_error": trail.failure,
            }
        upkeep = self.upkeep.state if self.upkeep is not None else None
        return {"odds": self._journal.state, "access": access, "upkeep": upkeep}

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Where the journal stands, signed."""
        return self._journal.checkpoint

    # ------------------------------------------------------------ what comes in

    def take(self, quotes: Iterable[Quote], received_at: datetime, latency_ms: float) -> int:
        """Make updates of sound quotes and keep them; return how many came of them."""
        made = self._log.make(quotes, received_at, latency_ms)
        number = self._put_updates(made) if made.rows else 0
        if not self._holds_back:
            return self._log.publish(made)
        if self._is_broken:
            # It can't go out, nor can what follows it: a hole in the log would be no gap.
            return 0
        if number or self._waiting:
            self._waiting.append((number or self._waiting[-1][0], made))
        else:
            self._log.publish(made)
        return len(made.updates)

    def _put_updates(self, made: Made) -> int:
        first, last = made.updates[0].seq, made.updates[-1].seq
        return self._put(Entry(self._log.cursor.epoch, "updates", made.rows, first, last))

    def _put(self, entry: Entry) -> int:
        words = "The odds journal has no room for what arrives."
        try:
            number = self._journal.put(entry)
        except TrailUnavailable as error:  # its thread has failed; the log says how
            number, words = 0, error.message
        if not number:
            self._is_broken = self._holds_back
            self._failed(words, is_broken=self._is_broken)
        return number

    def describe(self, events: Iterable[Event]) -> None:
        """Keep descriptions of events."""
        entry = Entry.of(self._log.cursor.epoch, "events", events)
        if entry.rows:
            self._put(entry)

    def confirm(self) -> None:
        """Keep which prices were said again since this was called last."""
        book = self._log.book
        if book.confirmations > self._confirmations:
            said = book.confirmed_since(self._confirmations, EVERYTHING)
            self._confirmations = book.confirmations
            self._put(Entry.of(book.epoch, "confirmed", said))

    def report(self, connection: RealTimeConnection) -> None:
        """Keep that a feed or a bookmaker is in another state."""
        if (words := self._feeds.news(connection)) is not None:
            self.note("feed", connection.id, words)

    def note(self, kind: NoteKind, source: str | None = None, detail: str | None = None) -> None:
        """Keep something that is no price."""
        epoch = self._log.cursor.epoch
        made = Note(
            kind=kind, timestamp=self._clock.wall(), source=source, detail=detail, epoch=epoch
        )
        self._put(Entry.of(epoch, "notes", [made]))

    # ------------------------------------------------------------- what is safe

    def _release(self, number: int) -> None:
        count = 0
        while self._waiting and self._waiting[0][0] <= number:
            count += self._log.publish(self._waiting.popleft()[1])
        if count:
            self._published()
        self._progress.ring()

    def _trouble(self, error: OSError) -> None:
        words = f"The odds journal can't be written: {error.strerror or error}."
        # A disk is tried again. Who waits for a journal that has failed would wait for ever.
        is_over = self._journal.state.status == "failed"
        self._failed(words, is_broken=is_over and self._holds_back)

    async def released(self) -> None:
        """Wait until nothing waits any more."""
        while self._waiting:
            await self._progress.heard()

    async def close(self) -> None:
        """Write that the gateway stops, and all that waits; then let go of the folder."""
        self.confirm()
        self.note("stop")
        await beside(self._journal.close)
        self._release(self._journal.durable)
        if self._waiting:
            _log.error("%d batches were not safe when the gateway stopped", len(self._waiting))


def _on(loop: asyncio.AbstractEventLoop, call: Callable[[Any], None], value: object) -> None:
    with contextlib.suppress(RuntimeError):  # it has ended, and with it all who listened
        loop.call_soon_threadsafe(call, value)
