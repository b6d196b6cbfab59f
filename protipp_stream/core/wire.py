"""Frames to bytes and back: version 1 of the wire protocol.

One JSON object a frame; its ``type`` says which. The same objects travel over
WebSocket (a message each), SSE (an event each, named by the type) and polling
(the answer's body). What is written here is what `curl` shows.

Both directions are strict about types and ranges. Towards the gateway, unknown
fields and duplicate keys are refused as well: a message that is half understood
is a message that does something else than its sender meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated, Any

import msgspec

from protipp_stream.core.backlog import Mode, Recovery
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.filter import Filter, Names
from protipp_stream.core.strict_json import decode_json
from protipp_stream.errors import ProtocolError
from protipp_stream.model import (
    Confirmation,
    Cursor,
    Event,
    Instant,
    OddsUpdate,
    Quote,
    RealTimeConnection,
)

__all__ = [
    "ClientFrame",
    "Confirmed",
    "Connect",
    "Connected",
    "Draining",
    "ErrorFrame",
    "Expiring",
    "Heartbeat",
    "MaxHz",
    "Ping",
    "PollAnswer",
    "Pong",
    "Refresh",
    "ServerFrame",
    "Snapshot",
    "Source",
    "Subscribe",
    "TimeAnswer",
    "Updates",
    "decode_client_frame",
    "decode_server_frame",
    "encode",
    "encode_updates",
    "snapshot_frame",
    "sse_event",
    "updates_frame",
]

# ------------------------------------------------------- what a client says


Token = Annotated[str, msgspec.Meta(max_length=4096)]
MaxHz = Annotated[float, msgspec.Meta(ge=0.01, le=1000.0)]
Ticket = Annotated[str, msgspec.Meta(max_length=128)]
PingId = Annotated[int, msgspec.Meta(ge=0, le=2**53)]


class _FromClient(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type"):
    pass


class Connect(_FromClient, frozen=True, tag="connect"):
    """The first frame: who I am (by token, or a page by its ticket), what I have, what I want."""

    token: Token | None = None
    ticket: Ticket | None = None
    resume: str | None = None
    filter: Filter | None = None
    max_hz: MaxHz | None = None

    def __repr__(self) -> str:
        # Logs and tracebacks print this; token and ticket are secrets.
        return f"Connect(resume={self.resume!r}, filter={self.filter!r})"

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return [("resume", self.resume), ("filter", self.filter)]


class Subscribe(_FromClient, frozen=True, tag="subscribe"):
    """Replace the whole filter, and how many frames a second may come at most."""

    bookmakers: Names = ()
    events: Names = ()
    markets: Names = ()
    max_hz: MaxHz | None = None


class Refresh(_FromClient, frozen=True, tag="refresh"):
    """A newer token of the same subject."""

    token: Token

    def __repr__(self) -> str:
        return "Refresh()"  # as with `Connect`: a token is a secret

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return []


class Ping(_FromClient, frozen=True, tag="ping"):
    """A question for the time; ``t0`` is the client's own and comes back unread."""

    id: PingId
    t0: float


ClientFrame = Connect | Subscribe | Refresh | Ping

# ------------------------------------------------------ what a gateway says


class _FromServer(msgspec.Struct, frozen=True, tag_field="type"):
    pass


class Connected(_FromServer, frozen=True, tag="connected", omit_defaults=True):
    """You are connected now, not when the socket opened.

    ``expires_in_s`` is the rest of the token's life; None where each request
    brings its own. ``checkpoint`` as in `Heartbeat`: who stays for a moment only is
    a witness, too.
    """

    connection_id: str
    cursor: str
    mode: Mode
    heartbeat_s: float
    expires_in_s: float | None
    checkpoint: Checkpoint | None = None


class Snapshot(_FromServer, frozen=True, tag="snapshot"):
    """The whole board; forget what you had."""

    cursor: str
    quotes: list[Quote]
    events: list[Event] = []


class Updates(_FromServer, frozen=True, tag="updates"):
    """What changed after ``prev``, up to ``cursor``.

    ``events`` describes fixtures that are new or changed in that stretch.
    ``conflated`` is None, or why rows were merged: ``slow``, ``max_hz``, ``patch``.
    """

    prev: str
    cursor: str
    conflated: str | None
    sent_at: Instant
    updates: list[OddsUpdate]
    events: list[Event] = []


class Confirmed(_FromServer, frozen=True, tag="confirmed"):
    """Prices were said again, unchanged: they are younger than they look.

    Beside the log, and only what came since the last of these frames.
    """

    confirmed: list[Confirmation]


class Heartbeat(_FromServer, frozen=True, tag="heartbeat", omit_defaults=True):
    """I am alive, and the log stands here.

    With the newest checkpoint of the audit trail, if there is one: who keeps it is a
    witness of what the trail was.
    """

    cursor: str
    sent_at: Instant
    checkpoint: Checkpoint | None = None


class Pong(_FromServer, frozen=True, tag="pong"):
    """The gateway's clock when a ping came (``t1``) and when this left (``t2``).

    ``t0`` is the client's own stamp; ``t1`` and ``t2`` are seconds since 1970.
    """

    id: int
    t0: float
    t1: float
    t2: float


class Source(_FromServer, frozen=True, tag="source"):
    """The state of one of the gateway's feeds."""

    connection: RealTimeConnection


class Expiring(_FromServer, frozen=True, tag="expiring"):
    """The token ends in so many seconds: refresh it."""

    in_s: float


class Draining(_FromServer, frozen=True, tag="draining"):
    """The gateway goes down for a moment; come back after ``retry_ms``."""

    retry_ms: int


class ErrorFrame(_FromServer, frozen=True, tag="error"):
    """Something was refused; ``code`` is a word or a close code."""

    code: str | int
    message: str
    retry_ms: int | None = None


ServerFrame = (
    Connected
    | Snapshot
    | Updates
    | Confirmed
    | Heartbeat
    | Pong
    | Source
    | Expiring
    | Draining
    | ErrorFrame
)


class PollAnswer(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to ``GET /api/v1/odds``.

    ``facts_version`` is another number when a source or an event is in another
    state; a poll that sends it back as ``facts=`` is answered as soon as it is. Of
    unchanged prices that were said again, it brings those after the number that a poll
    sends back as ``confirmations=``. ``checkpoint`` as in `Heartbeat`.
    """

    cursor: str
    mode: Mode
    sent_at: Instant
    prev: str | None = None
    updates: list[OddsUpdate] | None = None
    quotes: list[Quote] | None = None
    events: list[Event] = []
    sources: list[RealTimeConnection] = []
    facts_version: int = 0
    confirmed: list[Confirmation] = []
    confirmations: int = 0
    checkpoint: Checkpoint | None = None


class TimeAnswer(msgspec.Struct, frozen=True):
    """The answer to ``GET /api/v1/realtime/time``, in seconds since 1970."""

    t1: float
    t2: float


# ---------------------------------------------------------------- the bytes

_encoder = msgspec.json.Encoder()
_server_frames = msgspec.json.Decoder(ServerFrame)
encode = _encoder.encode


def encode_updates(updates: Iterable[OddsUpdate]) -> list[bytes]:
    """Encode each update by itself, so that many frames can share the bytes."""
    return [_encoder.encode(update) for update in updates]


def updates_frame(
    prev: Cursor,
    cursor: Cursor,
    rows: Sequence[bytes],
    sent_at: datetime,
    *,
    conflated: str | None = None,
    events: Sequence[Event] = (),
) -> bytes:
    """Build an ``updates`` frame around rows that are encoded already.

    The same bytes as ``encode(Updates(...))``, without encoding a row again:
    a test holds the two against each other.
    """
    described = b',"events":' + _encoder.encode(list(events))
    return b"".join(
        (
            b'{"type":"updates","prev":',
            _encoder.encode(str(prev)),
            b',"cursor":',
            _encoder.encode(str(cursor)),
            b',"conflated":',
            _encoder.encode(conflated),
            b',"sent_at":',
            _encoder.encode(sent_at),
            b',"updates":[',
            b",".join(rows),
            b"]",
            described,
            b"}",
        )
    )


def snapshot_frame(recovery: Recovery, events: Sequence[Event]) -> bytes:
    """Build a ``snapshot`` frame."""
    return encode(Snapshot(str(recovery.cursor), recovery.quotes, list(events)))


def sse_event(name: str, data: bytes, cursor: str | None = None) -> bytes:
    """Wrap a frame as one server-sent event.

    JSON escapes every line break, so one ``data:`` line is enough; names and
    cursors are our own and checked all the same, because a line break in them
    would forge an event. The cursor comes last, so that whoever reads the event
    can see that its end is its own (`client.transports.sse`).

    Raises
    ------
    ValueError
        If name or cursor hold a line break.
    """
    fields = f"{name}{cursor or ''}"
    if "\n" in fields or "\r" in fields:
        raise ValueError(f"line break in an SSE field: {fields!r}")
    ident = b"" if cursor is None else f"id: {cursor}\n".encode()
    return b"event: %b\ndata: %b\n%b\n" % (name.encode(), data, ident)


def decode_server_frame(data: bytes | str) -> ServerFrame:
    """Read a frame from a gateway.

    Raises
    ------
    ProtocolError
        If it is none of version 1.
    """
    try:
        frame: ServerFrame = _server_frames.decode(data)
        return frame
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise ProtocolError(
            f"The gateway sent a frame that is none of protocol version 1: {error}.",
            hint="Check that client and gateway have compatible versions.",
        ) from None


def decode_client_frame(data: bytes | str) -> ClientFrame:
    """Read a frame from a client, strictly.

    Raises
    ------
    ProtocolError
        If it is no JSON object, has duplicate or unknown keys, is nested more
        than 8 deep, or a value is out of its range.
    """
    frame: ClientFrame = decode_json(data, ClientFrame)
    return frame
