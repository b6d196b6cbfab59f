"""A writer is killed at any moment, erasures between: what was safe is there, and verifies."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from protipp_stream.core.access import AccessRecord, Requester
from protipp_stream.history.access import Trail, erase, export, verify_access
from protipp_stream.history.access.trail_file import read_lines
from protipp_stream.history.layout import Layout
from tests.history.access.conftest import NOON

KILLS = 12
WRITER = """
import sys
from tests.history.access.test_access_sigkill import write_for_ever
write_for_ever(sys.argv[1])
"""


def write_for_ever(folder: str) -> None:
    """Say after each flush what is safe; erase somebody now and then."""
    trail = Trail(folder, group_s=0.001)
    for number in range(1_000_000):
        for name in ("ann", "ben"):
            trail.record(AccessRecord(at=NOON, reason="connected", by=Requester(name, "::1")))
        trail.flush()
        sys.stdout.write(f"{trail.head.n} {trail.head.hash}\n")
        sys.stdout.flush()
        if number % 7 == 6:
            erase(folder, "ann")


def test_what_was_safe_is_there_after_a_kill(tmp_path: Path) -> None:
    dice = random.Random(11)
    safe: dict[int, str] = {}
    for _ in range(KILLS):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for _ in range(dice.randrange(1, 40)):
                n, digest = writer.stdout.readline().split()
                safe[int(n)] = digest
            writer.kill()
            for row in writer.stdout:
                if row.endswith("\n"):
                    n, digest = row.split()
                    safe[int(n)] = digest
        assert {finding.status for finding in verify_access(tmp_path, safe.items())} <= {3}
    Trail(tmp_path).close()
    lines = {line.n: line for line in read_lines(Layout(tmp_path).access_trail)}
    assert all(lines[n].hash == digest for n, digest in safe.items())
    last = lines[max(lines)]
    assert verify_access(tmp_path, [*safe.items(), (last.n, last.hash)]) == []
    connected = sum(line.reason == "connected" for line in lines.values())
    assert len(export(tmp_path, "ben")["records"]) == connected / 2
    sys.stdout.write(f"{KILLS} kills, {len(safe)} lines acknowledged, none lost\n")
