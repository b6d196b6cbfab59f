"""Makes the folders that these tests seal, verify and spoil: a small writer of its own.

It writes what the format says, with `core.chain` and a `Signer`, and nothing else of the
package's, so that a mistake in the journal's writer and one here don't cancel out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from protipp_stream.core.access import AccessRecord, Requester
from protipp_stream.core.chain import GENESIS, linked, pieces
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.journal_line import Note
from protipp_stream.history.access.store import AccessStore
from protipp_stream.history.layout import Layout
from protipp_stream.history.manifest import read_manifest
from protipp_stream.history.merging import merge
from protipp_stream.history.retention import OddsPolicy, retain
from protipp_stream.history.sealing import seal
from protipp_stream.history.signing import Signer
from protipp_stream.model import Confirmation, Event, OddsUpdate, Quote

START = datetime(2026, 11, 22, 23, 0, tzinfo=UTC)
EPOCH = "a1b2c3d4"


class TrailWriter:
    """Writes lines of a journal, signs checkpoints, begins segments when it is told."""

    def __init__(self, folder: Path, start: datetime = START, seed: int = 1) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.layout = Layout(folder)
        self.layout.hot.mkdir(exist_ok=True)
        self.signer = Signer(self.layout)
        self.now = start
        self.n, self.seq, self.head = 0, 0, GENESIS
        self.access_n, self.access_hash = -1, GENESIS
        self.checkpoints: list[Checkpoint] = []
        self.random = random.Random(seed)
        self.segment = self.layout.segment(0)
        self._line([b'"journal":{"format":"protipp_stream odds journal 1","id":"feed"}'])

    def rows(
        self,
        updates: Sequence[OddsUpdate] = (),
        events: Sequence[Event] = (),
        confirmed: Sequence[Confirmation] = (),
        notes: Sequence[Note] = (),
        images: Sequence[Quote] = (),
    ) -> None:
        members = [b'"epoch":"%b"' % EPOCH.encode()]
        parts = {"updates": updates, "events": events, "confirmed": confirmed, "notes": notes}
        for name, rows in parts.items():
            if rows:
                members += pieces(name, [msgspec.json.encode(row) for row in rows])
        if images:
            members += pieces("images", [msgspec.json.encode(row) for row in images])
            members.append(b'"image_seq":%d' % self.seq)
        self._line(members)

    def checkpoint(self) -> Checkpoint:
        manifest = read_manifest(self.layout)
        said = self.signer.sign(
            Checkpoint(
                journal="feed",
                at=self.now,
                n=self.n - 1,
                hash=self.head,
                manifest_n=manifest.n,
                manifest_hash=manifest.hash,
                access_n=self.access_n,
                access_hash=self.access_hash,
            )
        )
        self._line([b'"checkpoint":' + msgspec.json.encode(said)])
        new = self.layout.checkpoint.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(said))
        new.replace(self.layout.checkpoint)
        self.checkpoints.append(said)
        return said

    def begin_segment(self) -> None:
        self.segment = self.layout.segment(self.n)

    def access(self, count: int) -> None:
        """Add records to the access trail, with the package's own writer: it is no part here."""
        store = AccessStore(self.layout)
        by = Requester("alice", "192.0.2.7", "Notebook/1.0", "c1")
        record = AccessRecord(at=self.now, reason="connected", by=by)
        self.access_n, self.access_hash = store.append([record] * count)
        store.close()

    def update(self, **changes: object) -> OddsUpdate:
        """Return the next update, of a random selection."""
        self.seq += 1
        draw = self.random
        self.now += timedelta(milliseconds=draw.randrange(1, 400))
        significant = draw.random() < 0.05
        update = OddsUpdate(
            id=f"{EPOCH}:{self.seq}",
            bookmaker_id=f"book{draw.randrange(4)}",
            event_id=f"event-{draw.randrange(12):02}",
            market=draw.choice(["h2h", "totals@2.5"]),
            outcome=draw.choice(["Åland", "draw", "Zürich"]),
            old_odds=draw.choice([None, 1.5, 2.25]),
            new_odds=draw.choice([None, 1.91, 2.3, 11.0]),
            timestamp=self.now,
            source_timestamp=draw.choice([None, self.now - timedelta(seconds=3)]),
            latency_ms=round(draw.random(), 3),
            is_significant=significant,
            reason="h = 0.05" if significant else None,
        )
        return msgspec.structs.replace(update, **changes)

    def busy(self, lines: int, size: int = 5) -> None:
        """Write lines of all kinds of rows, a checkpoint about every fifth."""
        for k in range(lines):
            first = self.update()
            self.rows(
                updates=[first, *(self.update() for _ in range(size - 1))],
                events=[Event(first.event_id, "A @ B", "football", self.now)] if k % 3 == 0 else (),
                confirmed=[Confirmation("book1", "event-03", "h2h", ["Åland", "draw"], self.now)]
                if k % 4 == 0
                else (),
                notes=[Note(kind="feed", timestamp=self.now, source="book1", detail="stale")]
                if k % 7 == 0
                else (),
                images=[Quote("book9", "event-07", "h2h", "draw", 3.5)] if k % 9 == 0 else (),
            )
            if k % 5 == 4:
                self.checkpoint()

    def _line(self, members: list[bytes]) -> None:
        line, self.head = linked(self.n, self.now, members, self.head)
        with self.segment.open("ab") as file:
            file.write(line)
        self.n += 1


def full_trail(folder: Path) -> TrailWriter:
    """A trail that has been through everything: sealed, merged, thinned, and goes on."""
    writer = TrailWriter(folder)
    writer.access(4)
    writer.busy(10)
    writer.begin_segment()
    writer.busy(10)
    writer.begin_segment()
    seal(folder, now=writer.now, including_last=True)
    writer.now += timedelta(days=1)
    for _ in range(2):
        writer.busy(6, size=3)
        writer.begin_segment()
        writer.checkpoint()
        seal(folder, now=writer.now, including_last=False)
    merge(folder, now=writer.now + timedelta(days=3))
    writer.busy(4)
    writer.begin_segment()
    writer.now += timedelta(days=3)
    writer.busy(1)
    writer.checkpoint()
    seal(folder, now=writer.now, including_last=False)
    retain(folder, OddsPolicy(odds_days=3.5), now=writer.now)
    writer.access(2)
    writer.busy(6)
    writer.begin_segment()
    writer.busy(6)
    writer.checkpoint()
    return writer


def witness_of(writer: TrailWriter, path: Path) -> Path:
    path.write_bytes(b"".join(msgspec.json.encode(said) + b"\n" for said in writer.checkpoints))
    return path


def contents(folder: Path) -> dict[Path, bytes]:
    """All files of a folder."""
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
