"""What a client saw, kept: the odds in a journal of its own, checkpoints as a witness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from protipp_stream.client.changes import Board, Gap
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.feed_states import FeedStates
from protipp_stream.core.journal_line import Note, NoteKind
from protipp_stream.core.wire import encode_updates
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.durable import append_line, cut
from protipp_stream.history.group import Entry
from protipp_stream.model import Confirmation, Event, OddsUpdate, RealTimeConnection

if TYPE_CHECKING:
    from protipp_stream.history.journal import JournalState

__all__ = ["Recorder", "Witness"]

# How a checkpoint begins, and more bytes than it can have.
_CHECKPOINT, _LONGEST_LINE = b'{"journal":', 1 << 16


class Recorder:
    """Keeps what comes in; a watcher of the `Listeners`.

    Parameters
    ----------
    folder : Path or str
        Of the journal; made if it is not there. Read it with `ps.History`.
    board : callable
        Returns the board: what stands on it at the start is kept as an image.
    is_filtered : bool
        Whether not all that the gateway has comes in: how much of a gap was meant for us,
        nobody knows then.

    Raises
    ------
    TrailUnavailable
        If the folder can't be written, or another process writes there.
    """

    def __init__(
        self, folder: Path | str, board: Callable[[], Board], *, is_filtered: bool = False
    ) -> None:
        # Who records nothing does not wait for its imports.
        from protipp_stream.history.journal import Journal

        self._journal = Journal(folder)
        self._board = board
        self._is_filtered = is_filtered
        self._epoch = ""
        self._feeds = FeedStates()
        self._note("start")

    @property
    def state(self) -> JournalState:
        """How the journal is doing."""
        return self._journal.state

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        """Keep updates, with the latency that they were delivered with."""
        self._describe(events)
        if updates:
            self._epoch = updates[0].id.rpartition(":")[0]
            rows = encode_updates(updates)
            entry = Entry(self._epoch, "updates", rows, updates[0].seq, updates[-1].seq)
            self._put(entry)

    def on_confirmed(self, confirmations: Sequence[Confirmation]) -> None:
        """Keep which prices were said again."""
        self._put(Entry.of(self._epoch, "confirmed", confirmations))

    def on_reset(self) -> None:
        """Keep the whole board: it is a new one."""
        board = self._board()
        if board.cursor is not None:
            self._epoch, seq = board.cursor.epoch, board.cursor.seq
            self._describe(list(board.events.values()))
            self._put(Entry.of(self._epoch, "images", board.quotes, seq))

    def on_gap(self, gap: Gap) -> None:
        """Keep that updates were not shown one by one."""
        missing = None if self._is_filtered else gap.missing
        note = Note(
            kind="gap",
            timestamp=datetime.now(UTC),
            detail=gap.why,
            epoch=gap.epoch,
            first_seq=gap.first_seq,
            last_seq=gap.last_seq,
            count=missing,
        )
        self._keep(note)

    def on_source(self, source: RealTimeConnection) -> None:
        """Keep that a feed or a bookmaker of the gateway is in another state."""
        if (words := self._feeds.news(source)) is not None:
            self._note("feed", words, source.id)

    def close(self) -> None:
        """Make all of it safe."""
        self._note("stop")
        self._journal.close()

    def _describe(self, events: Sequence[Event]) -> None:
        if events:
            self._put(Entry.of(self._epoch, "events", events))

    def _note(self, kind: NoteKind, detail: str | None = None, source: str | None = None) -> None:
        epoch, now = self._epoch, datetime.now(UTC)
        self._keep(Note(kind=kind, timestamp=now, source=source, detail=detail, epoch=epoch))

    def _keep(self, note: Note) -> None:
        epoch = note.epoch or self._epoch
        self._put(Entry.of(epoch, "notes", [note]))

    def _put(self, entry: Entry) -> None:
        try:
            self._journal.put(entry)
        except TrailUnavailable:
            # Said once in the log, by its thread, and counted: `state` has both.
            return


class Witness:
    """Writes down where the gateway's audit trail stood, as it said itself.

    Parameters
    ----------
    path : Path or str
        JSON lines, appended to; give it to ``protipp-stream history verify --witness``.

    Raises
    ------
    TrailUnavailable
        If it can't be written, or is a file of something else.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._seen: Checkpoint | None = None
        try:
            self._path.touch()
            self._take_off_torn()
        except OSError as error:
            raise TrailUnavailable(
                f"No witness can be written to {path}: {error.strerror}.",
                hint="Give a file that this user may write to.",
            ) from None

    def on_checkpoint(self, checkpoint: Checkpoint) -> None:
        """Write down a checkpoint, once.

        Raises
        ------
        OSError
            If the disk refuses. What it took of the line is taken back: now, or before
            the next.
        """
        if checkpoint != self._seen:
            self._take_off_torn()
            append_line(self._path, msgspec.json.encode(checkpoint) + b"\n")
            self._seen = checkpoint

    def _take_off_torn(self) -> None:
        """Cut off a line that a crash or a full disk left half written."""
        size = self._path.stat().st_size
        with self._path.open("rb") as file:
            file.seek(max(size - _LONGEST_LINE, 0))
            torn = file.read().rpartition(b"\n")[2]
        if not torn:
            return
        # Half a line may be shorter than what a checkpoint begins with.
        if not (torn.startswith(_CHECKPOINT) or _CHECKPOINT.startswith(torn)):
            raise TrailUnavailable(
                f"{self._path} is no witness: it ends in something else than a checkpoint.",
                hint="Give a file of its own.",
            )
        cut(self._path, size - len(torn))
