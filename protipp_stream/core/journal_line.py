"""One line of the odds journal: a commit group, what was made safe together.

::

    {"n":17,"at":…,"epoch":"a1b2","updates":[…],"events":[…],"confirmed":[…],
     "notes":[…],"images":[…],"prev":…,"hash":…}

Members that would be empty are left out. ``updates`` are `OddsUpdate` objects exactly as
they went to subscribers, ``confirmed`` `Confirmation` arrays, ``images`` `Quote` objects
that a recording client found on the board. A checkpoint has a line of its own, with a
``checkpoint`` member and no rows.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from protipp_stream.core.chain import decode_line
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.model import Confirmation, Event, Instant, OddsUpdate, Quote

__all__ = ["JournalLine", "Note", "NoteKind", "decode_journal_line"]

NoteKind = Literal["start", "stop", "gap", "lost", "torn", "feed"]


class Note(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that happened and is no price.

    Attributes
    ----------
    kind : str
        ``start`` and ``stop`` of a gateway or recording (a new epoch begins with a
        start); ``gap``: updates that a recording client was not shown one by one;
        ``lost``: rows that could not be written; ``torn``: what a crash left half
        written was cut off; ``feed``: a feed or bookmaker is in another state.
    timestamp : datetime
        UTC.
    source : str or None
        The id of the feed or bookmaker that it is about.
    detail : str or None
        In words; of a feed: ``connected``, ``stale``, its last error, …
    epoch : str or None
    first_seq, last_seq : int or None
        The stretch that is missing, ends included, where it is known.
    count : int or None
        How many rows or bytes.
    """

    kind: NoteKind
    timestamp: Instant
    source: str | None = None
    detail: str | None = None
    epoch: str | None = None
    first_seq: int | None = None
    last_seq: int | None = None
    count: int | None = None


class JournalLine(msgspec.Struct, frozen=True):
    """A line as it is read back."""

    n: int
    at: Instant
    prev: str
    hash: str
    epoch: str | None = None
    updates: list[OddsUpdate] = []
    events: list[Event] = []
    confirmed: list[Confirmation] = []
    notes: list[Note] = []
    images: list[Quote] = []
    # An image stands at this sequence number.
    image_seq: int = 0
    checkpoint: Checkpoint | None = None


_lines = msgspec.json.Decoder(JournalLine)


def decode_journal_line(line: bytes) -> JournalLine:
    """Read a line, having checked that its hash is its own.

    Raises
    ------
    TrailChanged
        If it is no whole line, or was changed.
    """
    return decode_line(line, _lines, "an odds journal")
