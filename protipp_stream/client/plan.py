"""What a link is about to do by itself, in our time and by the transport's name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import isfinite

import msgspec

from protipp_stream.client.transports import LADDER, TransportName
from protipp_stream.core.link_words import Next, Step

__all__ = ["Plan", "plan_of"]

_NAMES = tuple(LADDER)


class Plan(msgspec.Struct, frozen=True):
    """What comes next, if nothing else happens before.

    Attributes
    ----------
    step : {"wait", "retry", "drop", "probe", "climb"}
        See `core.link_words.Next`.
    transport : {"websocket", "sse", "polling"}
        Over which.
    at : datetime or None
        UTC: when; None where it is being done.
    """

    step: Step
    transport: TransportName
    at: datetime | None


def plan_of(following: Next | None, now: float) -> Plan | None:
    """Say in wall time what a link does next.

    Parameters
    ----------
    following : Next or None
        As the link has it.
    now : float
        Monotonic seconds, at this moment.
    """
    if following is None:
        return None
    at = None
    if isfinite(following.due):
        at = datetime.now(UTC) + timedelta(seconds=following.due - now)
    return Plan(following.step, _NAMES[following.rung], at)
