"""When the events of a recording start, as it is played."""

from __future__ import annotations

import math
from datetime import datetime

import msgspec

from protipp_stream.model import Event

__all__ = ["PlayedStarts"]


class PlayedStarts:
    """Moves starts to the moment at which play reaches them.

    A fixture has one start, so all are counted from where play began. Moved with
    every fetch, they would run away from the clock; moved by as much as the first one,
    a game would be played at sixty times its pace before it has started.

    Parameters
    ----------
    speed : float
        Of the replay. At ``math.inf`` play takes no time, and the starts keep their
        distances.
    """

    def __init__(self, speed: float) -> None:
        self._pace = 1.0 if math.isinf(speed) else speed
        self._began: tuple[datetime, datetime] | None = None

    def begin(self, recorded_at: datetime, received_at: datetime) -> None:
        """Note where play began; only the first time counts."""
        self._began = self._began or (recorded_at, received_at)

    def moved(self, event: Event) -> Event:
        """Return an event as it is played."""
        if event.starts_at is None or self._began is None:
            return event
        recorded_at, received_at = self._began
        if recorded_at == received_at:
            return event  # nothing is rebased
        try:
            starts_at = received_at + (event.starts_at - recorded_at) / self._pace
        except OverflowError:  # a start in the year 9999 is a placeholder
            return event
        return msgspec.structs.replace(event, starts_at=starts_at)
