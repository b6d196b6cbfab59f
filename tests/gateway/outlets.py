"""An outlet that a test can look into, and whose peer it plays.

`KeptOutlet` keeps the frames that were written to it. With ``room=n`` its buffer
fills at the n-th frame, as a transport's does whose peer reads slowly; `read`
is the peer reading: it returns all that is there and empties the buffer.
"""

from __future__ import annotations

from typing import Any

from protipp_stream.core.wire import ServerFrame, Updates, decode_server_frame
from protipp_stream.gateway.frames import as_text
from protipp_stream.gateway.outlet import Outlet


class KeptOutlet(Outlet):
    def __init__(self, room: int | None = None) -> None:
        super().__init__()
        self.framing = as_text
        self.write = self._keep
        self.room = room
        self.hung_up_with: int | None = None
        self.kept: list[bytes] = []

    def _keep(self, data: bytes) -> None:
        assert self.is_open, "nothing may be written after the end"
        self.kept.append(data)
        if self.room is not None and len(self.kept) >= self.room:
            self.full()

    @property
    def pending_bytes(self) -> int:
        return sum(map(len, self.kept))

    def read(self) -> list[ServerFrame]:
        """Read what is there; what the hub writes meanwhile is for the next time."""
        kept, self.kept = self.kept, []
        self.clear()
        return [decode_server_frame(data) for data in kept]

    def read_all(self) -> list[ServerFrame]:
        """Read until nothing more comes."""
        frames: list[ServerFrame] = []
        while fresh := self.read():
            frames += fresh
        return frames

    def hang_up(self, code: int, reason: str) -> None:
        self.hung_up_with = code
        super().hang_up(code, reason)


def updates_in(frames: list[ServerFrame]) -> list[Updates]:
    return [frame for frame in frames if isinstance(frame, Updates)]


def rows(frames: list[ServerFrame]) -> list[Any]:
    return [row for frame in updates_in(frames) for row in frame.updates]
