"""The words of the link's state machine: its phases, inputs and effects."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

__all__ = [
    "Close",
    "Connected",
    "Effect",
    "Failed",
    "Failure",
    "Heard",
    "Input",
    "Level",
    "Open",
    "Passed",
    "Phase",
    "Promote",
    "Start",
    "Stop",
]


class Phase(StrEnum):
    """Where a link stands."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    BACKOFF = "backoff"
    ENDED = "ended"


# ------------------------------------------------------------------- inputs


class Start(msgspec.Struct, frozen=True):
    """Begin."""


class Stop(msgspec.Struct, frozen=True):
    """The user has had enough."""


class Passed(msgspec.Struct, frozen=True):
    """The deadline has passed."""


class Connected(msgspec.Struct, frozen=True):
    """A connection's ``connected`` frame has come."""

    connection: int
    heartbeat_s: float


class Heard(msgspec.Struct, frozen=True):
    """Any frame of a connection: a sign of life."""

    connection: int


class Level(msgspec.Struct, frozen=True):
    """A connection beside the live one has caught up with it."""

    connection: int


Failure = Literal["refused", "stranger", "blocked", "unreachable", "lost", "gap"]


class Failed(msgspec.Struct, frozen=True):
    """A connection could not be had, or broke.

    Attributes
    ----------
    why : str
        ``refused``: for good. ``stranger``: it is no gateway. ``blocked``: this
        transport can't be had, while something answers. ``unreachable``:
        nothing answers. ``lost``: it worked, or will later. ``gap``: updates
        are missing and must be asked for again.
    retry_after_s : float or None
        What the gateway asked for.
    """

    connection: int
    why: Failure
    retry_after_s: float | None = None


Input = Start | Stop | Passed | Connected | Heard | Level | Failed

# ------------------------------------------------------------------ effects


class Open(msgspec.Struct, frozen=True):
    """Open a connection, resumed from the cursor; its words carry the number."""

    connection: int
    rung: int


class Close(msgspec.Struct, frozen=True):
    """Close a connection."""

    connection: int


class Promote(msgspec.Struct, frozen=True):
    """A connection beside the live one is the live one now."""

    connection: int


Effect = Open | Close | Promote
