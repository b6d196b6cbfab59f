"""Which events are over: so that who runs for weeks does not remember every match.

No source says reliably that a match has ended; they stop quoting it, and every price
of it is withdrawn. When that has been so for an hour, nobody will quote it again; if
somebody does, it is seen for the first time once more. A source that vanishes withdraws
nothing: what has stood for a day, a day after the start, is over as well.

A description outlives the prices until a day after the start: feeds tell it once, and a
match may begin anew after the rain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from datetime import datetime, timedelta

from protipp_stream.model import Event

__all__ = ["FORGET_AFTER_S", "Standing", "outdated", "over"]

FORGET_AFTER_S = 3600.0
_DAY = timedelta(days=1)

# An event, whether a price of it stands, and when anything was last heard of that.
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
        if event_id not in heard or heard[event_id] < at:
            heard[event_id] = at
    return {
        event_id
        for event_id, at in heard.items()
        if _is_over(events.get(event_id), event_id in live, now - at, now, after_s)
    }


def _is_over(
    event: Event | None, is_live: bool, silence: timedelta, now: datetime, after_s: float
) -> bool:
    starts_at = event.starts_at if event else None
    if is_live:
        return starts_at is not None and now - starts_at >= _DAY and silence >= _DAY
    return silence.total_seconds() >= after_s and not (starts_at is not None and starts_at > now)


def outdated(
    events: Mapping[str, Event], priced: Set[str], gone: Set[str], now: datetime
) -> set[str]:
    """Return the ids of the descriptions that nobody needs any more.

    Parameters
    ----------
    priced : set of str
        The events that have a row on the board, withdrawn or not.
    gone : set of str
        Those that are over: their descriptions go with them if they have no start.
    """
    return {
        event_id
        for event_id, event in events.items()
        if event_id not in priced
        and (event_id in gone if event.starts_at is None else now - event.starts_at >= _DAY)
    }
