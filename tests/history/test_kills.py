"""SIGKILL at random moments under load: what was acknowledged is there, the rest is said.

``PROTIPP_SOAK=200 pytest tests/history/test_kills.py -s`` runs the long version and
prints the figures; ``PROTIPP_SEED`` repeats the moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

from protipp_stream.core.journal_line import decode_journal_line
from protipp_stream.history.journal import Journal
from protipp_stream.history.layout import Layout
from protipp_stream.history.verifying import verify

KILLS = int(os.environ.get("PROTIPP_SOAK", "0")) or 12


def test_what_was_acknowledged_survives_every_kill(tmp_path: Path) -> None:
    seed = int(os.environ.get("PROTIPP_SEED", "0")) or random.SystemRandom().randrange(10**6)
    moments = random.Random(seed)
    acknowledged: dict[str, int] = {}
    for _ in range(KILLS):
        acknowledged.update(_run_and_kill(tmp_path / "audit", moments.uniform(0.05, 0.8)))
    # After a kill the end may not be signed, or torn; whoever goes on mends both.
    assert verify(tmp_path / "audit").status in {0, 3}
    Journal(tmp_path / "audit").close()
    assert verify(tmp_path / "audit").status == 0

    written, torn = _read_back(Layout(tmp_path / "audit"))
    kept = sum(map(len, written.values()))
    promised = sum(acknowledged.values())
    print(  # noqa: T201 - the figures that the issue asks for
        f"\nPROTIPP_SEED={seed} {KILLS} kills: {promised} rows acknowledged, {kept} kept,"
        f" {_lost(acknowledged, written)} lost, {torn} torn tails cut"
    )
    for epoch, seq in acknowledged.items():
        assert written[epoch][:seq] == list(range(1, seq + 1))
    for seqs in written.values():
        assert seqs == list(range(1, len(seqs) + 1))
    assert promised > KILLS * 10


def _lost(acknowledged: dict[str, int], written: dict[str, list[int]]) -> int:
    return sum(
        len(set(range(1, seq + 1)) - set(written[epoch])) for epoch, seq in acknowledged.items()
    )


def _run_and_kill(folder: Path, after_s: float) -> dict[str, int]:
    """Return what was acknowledged: the newest sequence number, by epoch."""
    command = [sys.executable, "-m", "tests.history.load", str(folder), "5000"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as writing:
        assert writing.stdout is not None
        # From the first acknowledgement on, or a slow start would leave nothing to kill.
        first = writing.stdout.readline()
        time.sleep(after_s)
        writing.send_signal(signal.SIGKILL)
        said = first + writing.stdout.read()
    # What it was saying when it died may be half a line: then it was not said.
    whole = said[: said.rfind(b"\n") + 1].decode().split()
    return dict(zip(whole[::2], map(int, whole[1::2]), strict=True))


def _read_back(layout: Layout) -> tuple[dict[str, list[int]], int]:
    seqs, torn = defaultdict(list), 0
    expected, prev = 0, "0" * 64
    for first, path in layout.segments():
        assert first == expected
        for raw in path.read_bytes().splitlines():
            line = decode_journal_line(raw)
            assert (line.n, line.prev) == (expected, prev)
            expected, prev = expected + 1, line.hash
            torn += sum(note.kind == "torn" for note in line.notes)
            if line.updates and line.epoch:
                seqs[line.epoch] += [update.seq for update in line.updates]
    return seqs, torn
