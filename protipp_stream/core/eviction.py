"""Which events are over: so that who runs for weeks does not remember every match.

No source says reliably that a match has ended; they stop quoting it, and every price
of it is withdrawn. When that has been so for an hour, nobody will quote it again. If
somebody does, it is seen for the first time once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from protipp_stream.model import Event

__all__ = ["FORGET_AFTER_S", "Standing", "over"]

FORGET_AFTER_S = 3600.0

# An event, whether a price of it stands, and when that was received.
Standing = tuple[str, bool, datetime]


def over(
    rows: Iterable[Standing], events: Mapping[str, Event], now: datetime, after_s: float
) -> set[str]:
    """Return the ids of the events that are over.

    Parameters
    ----------
    rows : iterable of (str, bool, datetime)
        For each selection its event, whether it has a price, and since when.
    events : mapping of str to Event
        What is known of them: one that has not begun is not over, though every
        bookmaker may have suspended it.
    now : datetime
        UTC.
    after_s : float
        Seconds for which nothing may have been said of it.
    """
    heard: dict[str, datetime] = {}
    live: set[str] = set()
    for event_id, stands, at in rows:
        if stands:
            live.add(event_id)
        elif event_id not in heard or heard[event_id] < at:
            heard[event_id] = at
    return {
        event_id
        for event_id, at in heard.items()
        if event_id not in live
        and (now - at).total_seconds() >= after_s
        and not _is_to_come(events.get(event_id), now)
    }


def _is_to_come(event: Event | None, now: datetime) -> bool:
    return event is not None and event.starts_at is not None and event.starts_at > now
