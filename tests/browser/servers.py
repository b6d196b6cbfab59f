"""Servers for the browser tests: started on a free port, ended by their own id."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


# A page that is closed while Bokeh writes to it: Tornado's own, of a task that nobody
# awaits. Just these two tracebacks, one after the other; any line of ours in them fails.
LEFT_WHILE_WRITING = re.compile(
    r"Traceback \(most recent call last\):\n"
    r'  File "[^"]*tornado/websocket\.py", [^\n]*\n(?:    [^\n]*\n)+'
    r"tornado\.iostream\.StreamClosedError: Stream is closed\n"
    r"\nDuring handling of the above exception, another exception occurred:\n\n"
    r"Traceback \(most recent call last\):\n"
    r'  File "[^"]*tornado/websocket\.py", [^\n]*\n(?:    [^\n]*\n)+'
    r"tornado\.websocket\.WebSocketClosedError\n"
)


def trouble_in(log: Path) -> str:
    """Return what a page server wrote, without what it writes when a page leaves."""
    return LEFT_WHILE_WRITING.sub("", log.read_text(errors="replace"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def serving(
    arguments: list[str], ready: str, log: Path, **environment: str
) -> Iterator[subprocess.Popen[bytes]]:
    """Run ``python -m …`` until the block ends; ``ready`` is the page to wait for."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **environment}
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", *arguments], cwd=ROOT, env=env, stdout=output, stderr=output
        )
        try:
            _wait_for(ready, process, log)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        if process.poll() is not None:
            break
        try:
            urllib.request.urlopen(url, timeout=10).close()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{url} does not answer:\n{log.read_text(errors='replace')[-4000:]}")
