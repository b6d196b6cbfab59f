"""What a journal could not keep, until it can say so in a note of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple

from protipp_stream.core.journal_line import Note
from protipp_stream.history.group import Entry

__all__ = ["Losses"]


class _Stretch(NamedTuple):
    first_seq: int = 0
    last_seq: int = 0
    rows: int = 0


class Losses:
    """Rows that were lost, as one stretch an epoch: a long outage fills no memory."""

    def __init__(self) -> None:
        self._stretches: dict[str, _Stretch] = {}

    def __bool__(self) -> bool:
        return bool(self._stretches)

    @property
    def rows(self) -> int:
        """How many nobody has been told of."""
        return sum(stretch.rows for stretch in self._stretches.values())

    def add(self, entry: Entry) -> None:
        """Count an entry; only updates have a place among the sequence numbers."""
        first, last, rows = self._stretches.get(entry.epoch, _Stretch())
        if entry.kind == "updates":
            first, last = first or entry.first_seq, entry.last_seq
        self._stretches[entry.epoch] = _Stretch(first, last, rows + len(entry.rows))

    def owned_up(self, at: datetime) -> Iterator[Entry]:
        """Yield the notes that say so, and forget."""
        told, self._stretches = self._stretches, {}
        for epoch, (first, last, rows) in told.items():
            note = Note(
                kind="lost",
                timestamp=at,
                epoch=epoch,
                first_seq=first or None,
                last_seq=last or None,
                count=rows,
                detail="no memory was left while the disk refused",
            )
            yield Entry.of(epoch, "notes", [note])
