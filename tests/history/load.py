"""A process that writes a journal as fast as it is told, and says what is safe.

``python -m tests.history.load FOLDER ROWS_A_SECOND`` puts made-up updates into the
journal of the folder, 20 entries a second, under an epoch of its own. It prints one line
``EPOCH SEQ`` for the newest sequence number that the journal has acknowledged, each time
that it moves, until it is killed.
"""

from __future__ import annotations

import os
import secrets
import sys
import time
from datetime import UTC, datetime

from protipp_stream.core.wire import encode_updates
from protipp_stream.history.group import Entry
from protipp_stream.history.journal import Journal, JournalSettings
from protipp_stream.model import OddsUpdate

START = datetime(2026, 8, 4, 18, tzinfo=UTC)


def update(epoch: str, seq: int, at: datetime) -> OddsUpdate:
    return OddsUpdate(
        id=f"{epoch}:{seq}",
        bookmaker_id=f"book{seq % 7}",
        event_id=f"event{seq % 40}",
        market="h2h",
        outcome="home" if seq % 2 else "away",
        old_odds=1.5 + seq % 10,
        new_odds=None if seq % 97 == 0 else 1.6 + seq % 10,
        timestamp=at,
        source_timestamp=None,
        latency_ms=0.5,
        is_significant=False,
    )


def main(folder: str, rows_a_second: int) -> None:
    epoch, seqs = secrets.token_hex(4), {}

    def durable(number: int) -> None:
        os.write(1, f"{epoch} {seqs[number]}\n".encode())

    journal = Journal(folder, JournalSettings(commit_s=0.02, segment_rows=20_000))
    journal.on_durable = durable
    seq, rows = 0, max(rows_a_second // 20, 1)
    while True:
        at = datetime.now(UTC)
        made = encode_updates(update(epoch, seq + 1 + each, at) for each in range(rows))
        # Before it is put: the journal may answer at once.
        seqs[len(seqs) + 1] = seq + rows
        journal.put(Entry(epoch, "updates", made, seq + 1, seq + rows))
        seq += rows
        time.sleep(0.05)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
