"""Processes beside the test: started here, asked in JSON lines, ended with the test.

What is judged runs alone in a process, so that its CPU time and memory are its
own. A worker reads one request a line, ``{"do": name, ...}``, and answers with
one line; between the two it does nothing of ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import IO, Any, Self

__all__ = ["Worker", "answer", "raise_file_limit"]

ROOT = Path(__file__).parent.parent.parent


class Worker:
    """A process that runs a module of ours and answers.

    Parameters
    ----------
    module : str
        Its name; it calls `answer`.
    *arguments : str
        Of its command line.
    """

    def __init__(self, module: str, *arguments: str) -> None:
        self._name = " ".join((module, *arguments))
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - `close` closes it
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
        )
        self.ready = self.hear(60)

    def ask(self, do: str, timeout: float = 120.0, **given: Any) -> dict[str, Any]:
        """Ask and wait for the answer; what failed there is raised here."""
        self.tell(do, **given)
        return self.hear(timeout)

    def tell(self, do: str, **given: Any) -> None:
        """Ask, and leave the answer to `hear`: something else is to happen meanwhile."""
        assert self._process.stdin is not None
        _say({"do": do, **given}, self._process.stdin)

    def hear(self, timeout: float = 120.0) -> dict[str, Any]:
        """Return the next answer."""
        assert self._process.stdout is not None
        # A worker that hangs is killed, and its line is empty.
        watchdog = threading.Timer(timeout, self._process.kill)
        watchdog.start()
        line = self._process.stdout.readline()
        watchdog.cancel()
        if not line:
            self._errors.seek(0)
            raise RuntimeError(f"{self._name} has ended: {self._errors.read()[-2000:]}")
        answered: dict[str, Any] = json.loads(line)
        if "error" in answered:
            raise RuntimeError(f"{self._name}: {answered['error']}")
        return answered

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    def resident_mb(self) -> float:
        """Memory that it holds now, as Linux counts it."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        [line] = [line for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1]) / 1024

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._errors):
            if pipe is not None:
                pipe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


async def answer(
    commands: Mapping[str, Callable[..., Awaitable[dict[str, Any]]]], **ready: Any
) -> None:
    """In a worker: say that it is ready, then carry out requests until the test ends."""
    _say(ready, sys.stdout)
    while line := await asyncio.to_thread(sys.stdin.readline):
        asked = json.loads(line)
        try:
            answered = await commands[asked.pop("do")](**asked)
        except Exception as error:  # noqa: BLE001 - raised in the test
            answered = {"error": repr(error)}
        _say(answered, sys.stdout)
    # The test is gone, and with it every reason to close politely.
    os._exit(0)


def _say(fact: Mapping[str, Any], to: IO[str]) -> None:
    to.write(json.dumps(fact) + "\n")
    to.flush()


def raise_file_limit() -> None:
    """Allow this process as many open sockets as the system lets it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
