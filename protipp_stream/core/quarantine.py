"""What can't be true never reaches the book: it is named here, and counted by the hub.

A feed builds its quotes by hand, so nothing has validated them yet. A price of
0, a start of NaN or a timestamp in 2087 would poison every figure behind it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from protipp_stream.model import MAX_NAME_LENGTH, MAX_ODDS, NAME_PATTERN, Event, Quote

__all__ = ["event_fault", "quote_fault"]

_EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
_FUTURE = timedelta(days=1)
_name = re.compile(NAME_PATTERN).fullmatch


def quote_fault(quote: Quote, received_at: datetime) -> str | None:
    """Say why a quote can't be true.

    Parameters
    ----------
    quote : Quote
        As a feed made it.
    received_at : datetime
        UTC, when it arrived: the bookmaker's stamp is judged against it.

    Returns
    -------
    str or None
        A reason code (``name``, ``odds``, ``commission``, ``timestamp``), or None for a
        sound quote.
    """
    # First: what has a sound name can still be withdrawn by it.
    if _name_fault(quote.selection):
        return "name"
    if quote.odds is not None and not _is_price(quote.odds):
        return "odds"
    if quote.commission != 0.0 and not _is_share(quote.commission):
        return "commission"
    return _time_fault(quote.source_timestamp, received_at)


def event_fault(event: Event) -> str | None:
    """Say why the description of an event can't be taken; None for a sound one."""
    optional = [name for name in (event.home, event.away) if name is not None]
    if _name_fault([event.event_id, event.name, event.sport, *optional]):
        return "name"
    if event.starts_at is not None and not _is_instant(event.starts_at):
        return "timestamp"
    return None


def _is_price(odds: object) -> bool:
    # A comparison with NaN is False, so NaN and the infinities fall out here too.
    return isinstance(odds, int | float) and not isinstance(odds, bool) and 1.0 < odds <= MAX_ODDS


def _is_share(part: object) -> bool:
    return isinstance(part, int | float) and not isinstance(part, bool) and 0.0 <= part < 1.0


def _is_instant(stamp: object) -> bool:
    return isinstance(stamp, datetime) and stamp.tzinfo is not None


def _name_fault(names: Iterable[object]) -> bool:
    return not all(
        isinstance(name, str) and len(name) <= MAX_NAME_LENGTH and _name(name) for name in names
    )


def _time_fault(stamp: datetime | None, received_at: datetime) -> str | None:
    if stamp is None:
        return None
    if not _is_instant(stamp) or not _EARLIEST <= stamp <= received_at + _FUTURE:
        return "timestamp"
    return None
