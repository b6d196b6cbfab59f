"""Frames on their way out, and the two ways in which their bytes are wrapped.

A frame is wrapped once for everyone who gets it: what a transport is handed is
ready to be sent.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import datetime
from math import isfinite

import msgspec

from protipp_stream.core import wire
from protipp_stream.core.backlog import Mode
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.model import Confirmation, Cursor, RealTimeConnection

__all__ = [
    "Framing",
    "Outgoing",
    "as_chunk",
    "as_event",
    "as_message",
    "as_text",
    "confirmed",
    "connected",
    "draining",
    "error",
    "expiring",
    "heartbeat",
    "source",
]

_TEXT = 0x81  # FIN and opcode 1: a whole text message in one frame


class Outgoing(msgspec.Struct, frozen=True):
    """A frame on its way out: its type, its bytes, and the cursor it leads to."""

    name: str
    data: bytes
    cursor: str | None = None


Framing = Callable[[Outgoing], bytes]


def as_text(frame: Outgoing) -> bytes:
    """Leave it as it is, for a server that wraps WebSocket messages itself."""
    return frame.data


def as_message(frame: Outgoing) -> bytes:
    """Wrap a frame as one WebSocket message from a server: unmasked (RFC 6455, 5.2)."""
    size = len(frame.data)
    if size < 126:
        head = struct.pack("!BB", _TEXT, size)
    elif size < 65536:
        head = struct.pack("!BBH", _TEXT, 126, size)
    else:
        head = struct.pack("!BBQ", _TEXT, 127, size)
    return head + frame.data


def as_event(frame: Outgoing) -> bytes:
    """Wrap a frame as a server-sent event."""
    return wire.sse_event(frame.name, frame.data, frame.cursor)


def as_chunk(frame: Outgoing) -> bytes:
    """Wrap a frame as a server-sent event in one chunk of a response (RFC 9112, 7.1)."""
    event = as_event(frame)
    return b"%x\r\n%b\r\n" % (len(event), event)


# ----------------------------------------------------------- beside the log


def connected(
    ident: str,
    cursor: Cursor,
    mode: Mode,
    heartbeat_s: float,
    expires_in_s: float,
    checkpoint: Checkpoint | None,
) -> Outgoing:
    """Say that a subscriber is connected now, and where the trail stands."""
    frame = wire.Connected(
        connection_id=ident,
        cursor=str(cursor),
        mode=mode,
        heartbeat_s=heartbeat_s,
        expires_in_s=round(max(expires_in_s, 0.0), 3) if isfinite(expires_in_s) else None,
        checkpoint=checkpoint,
    )
    return Outgoing("connected", wire.encode(frame))


def heartbeat(told: Cursor, now: datetime, checkpoint: Checkpoint | None) -> Outgoing:
    """Say that we live, up to where a subscriber was told, and where the trail stands."""
    data = wire.encode(wire.Heartbeat(str(told), now, checkpoint))
    return Outgoing("heartbeat", data, str(told))


def confirmed(rows: list[Confirmation]) -> Outgoing:
    """Say which prices were said again, unchanged."""
    return Outgoing("confirmed", wire.encode(wire.Confirmed(rows)))


def source(connection: RealTimeConnection) -> Outgoing:
    """Tell the state of a source."""
    return Outgoing("source", wire.encode(wire.Source(connection)))


def expiring(in_s: float) -> Outgoing:
    """Say that the token ends soon."""
    return Outgoing("expiring", wire.encode(wire.Expiring(round(in_s, 3))))


def draining(retry_ms: int) -> Outgoing:
    """Say that the gateway goes down, and when to come back."""
    return Outgoing("draining", wire.encode(wire.Draining(retry_ms)))


def error(code: int | str, message: str, retry_ms: int | None = None) -> Outgoing:
    """Say what was refused, or why the connection ends."""
    return Outgoing("error", wire.encode(wire.ErrorFrame(code, message, retry_ms)))
