"""The words of the link's state machine: its phases, inputs and effects."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

import msgspec

__all__ = [
    "Choose",
    "Close",
    "ComeBack",
    "Connected",
    "Control",
    "Effect",
    "Failed",
    "Failure",
    "Heard",
    "Input",
    "KeepTrying",
    "Leave",
    "Level",
    "Next",
    "Open",
    "Passed",
    "Phase",
    "Promote",
    "Renew",
    "Start",
    "Step",
    "Stop",
]


class Phase(StrEnum):
    """Where a link stands."""

    IDLE = "idle"
    CONNECTING = "connecting"
    LIVE = "live"
    STALLED = "stalled"
    BACKOFF = "backoff"
    AWAY = "away"
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


class Leave(msgspec.Struct, frozen=True):
    """The user wants to be away until `ComeBack`."""


class ComeBack(msgspec.Struct, frozen=True):
    """The user wants a connection now, whatever was waited for."""


class Renew(msgspec.Struct, frozen=True):
    """The user wants a fresh connection in place of the one that there is."""


class Choose(msgspec.Struct, frozen=True):
    """The user wants other transports.

    Attributes
    ----------
    rungs : range
        Those to try, one beneath the other; the first is the best.
    """

    rungs: range


class KeepTrying(msgspec.Struct, frozen=True):
    """Whether to try again by itself when a connection breaks."""

    is_on: bool


Control = Leave | ComeBack | Renew | Choose | KeepTrying
Input = Start | Stop | Passed | Connected | Heard | Level | Failed | Control

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


# ------------------------------------------------------------ what comes next

Step = Literal["wait", "retry", "drop", "probe", "climb"]


class Next(msgspec.Struct, frozen=True):
    """What happens next by itself, if nothing else happens before.

    Attributes
    ----------
    step : str
        ``wait``: a connection that was opened has until then to say its first word.
        ``retry``: one is opened then. ``drop``: the live one is silent, and given up
        then. ``probe``: another one is being tried beside the live one. ``climb``: one
        is opened beside it then.
    rung : int
        Of which transport.
    due : float
        Monotonic seconds.
    """

    step: Step
    rung: int
    due: float
