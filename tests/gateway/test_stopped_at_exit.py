"""A gateway with a history that nobody stops before the interpreter ends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import protipp_stream as ps

PROGRAM = """
import atexit, sys, time
import protipp_stream as ps
gateway = ps.Gateway(ps.Simulated(), history=sys.argv[1]).start()
atexit.register(gateway.stop)
time.sleep(1)
"""


def test_a_gateway_that_atexit_stops_closes_its_history(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "trail")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(ps.History(tmp_path / "trail").updates()) > 100
