"""A gateway in a process of its own, which can be told to drain, and killed.

``python -m tests.faults.far_gateway PORT GENERATION PER_SECOND SETTINGS``, with the
key in ``PROTIPP_JWT_SECRET``, prints ``ready PORT EPOCH``, then obeys its standard
input: ``resume``, or ``pause``, which it answers with ``head SEQ``. SIGTERM drains
it; when its standard input ends it drains too, so that it outlives nobody.

`FarGateway` starts one and speaks to it.
"""

from __future__ import annotations

import asyncio
import os
import queue
import signal
import subprocess
import sys
import threading
from typing import IO

import msgspec

from protipp_stream.gateway import Gateway, Settings
from tests.faults.script import Metronome, Script

__all__ = ["KEY", "FarGateway"]

KEY = "a key that only the tests of faults know"
READY_S = 30


class FarGateway:
    """A gateway in another process, and what it says.

    Attributes
    ----------
    port : int
        Where it listens.
    epoch : str
        Its log's.
    script : Script
        What its feed says.
    """

    def __init__(
        self, generation: int, settings: Settings, *, port: int = 0, per_second: float = 200
    ) -> None:
        self.script = Script(generation)
        numbers = [str(port), str(generation), str(per_second)]
        arguments = [*numbers, msgspec.json.encode(settings).decode()]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.far_gateway", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=os.environ | {"PROTIPP_JWT_SECRET": KEY},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()
        word, port_said, self.epoch = self._lines.get(timeout=READY_S).split()
        assert word == "ready"
        self.port = int(port_said)

    def resume(self) -> None:
        """Let the metronome tick."""
        self._say("resume")

    def pause(self) -> int:
        """Let it rest; return how far its log goes."""
        self._say("pause")
        word, seq = self._lines.get(timeout=READY_S).split()
        assert word == "head"
        return int(seq)

    def drain(self) -> None:
        """End it as an operator does; returns when it has ended."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a word to anybody."""
        self._end(signal.SIGKILL)

    def _end(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)
        self._process.wait(READY_S)
        self._reader.join(5)
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            stream.close()

    def _say(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def _read(self, output: IO[str] | None) -> None:
        assert output is not None
        for line in output:
            self._lines.put(line)


def _main() -> None:
    port, generation, per_second, settings = sys.argv[1:]
    metronome = Metronome(Script(int(generation)), float(per_second))
    gateway = Gateway(
        metronome,
        port=int(port),
        key=os.environ["PROTIPP_JWT_SECRET"],
        settings=msgspec.json.decode(settings, type=Settings),
    )

    def obey() -> None:
        for line in sys.stdin:
            if line.strip() == "resume":
                metronome.resume()
            else:
                print("head", metronome.pause(), flush=True)  # noqa: T201
        os.kill(os.getpid(), signal.SIGTERM)

    def ready() -> None:
        print("ready", gateway.port, gateway.hub.cursor.epoch, flush=True)  # noqa: T201
        threading.Thread(target=obey, daemon=True).start()

    asyncio.run(gateway.serve(ready))


if __name__ == "__main__":
    _main()
