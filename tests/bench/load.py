"""The odds that all contenders send, and the frames around them.

500 selections, 10 bookmakers by 25 events by 2 outcomes, whose prices move in
turn between 2.01 and 2.02: every one of them is a change, none is significant,
so every row has the same form. A row is the gateway's, field by field.

The moment at which an update is handed in travels in its ``source_timestamp``:
seconds of CLOCK_MONOTONIC, which all processes of one machine share, since a
date in 2001. That field is passed on as it came, and no wall clock is involved.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import product

from protipp_stream.core import wire
from protipp_stream.model import Cursor, Event, OddsUpdate, Quote

__all__ = [
    "EPOCH",
    "EVENTS",
    "FRAME_MARK",
    "OPENING",
    "ROW_MARK",
    "STAMP",
    "chunked",
    "frame_of",
    "quotes",
    "seconds_of",
    "updates",
    "websocket_framed",
]

# What a receiver counts: each stands once in a row and once in a frame.
ROW_MARK = b'"is_significant"'
FRAME_MARK = b'"type":"updates"'
STAMP = re.compile(rb'"source_timestamp":"([^"]+)"')

_ZERO = datetime(2001, 9, 9, tzinfo=UTC)
EPOCH = "0" * 12
EVENTS = [
    Event(f"event-{number:02}", f"Reds {number} @ Blues {number}", "baseball_mlb")
    for number in range(25)
]
_SELECTIONS = [
    (f"bookmaker_{book}", event.event_id, side)
    for event, book, side in product(EVENTS, range(10), ("Blues", "Reds"))
]
_PRICES = (2.01, 2.02)


def _quote(number: int, stamp: datetime | None) -> Quote:
    turn, place = divmod(number, len(_SELECTIONS))
    bookmaker, event, side = _SELECTIONS[place]
    return Quote(bookmaker, event, "h2h", side, _PRICES[turn % 2], stamp)


# What stands on the board before the first update.
OPENING = [_quote(len(_SELECTIONS) + place, None) for place in range(len(_SELECTIONS))]


def quotes(first: int, count: int) -> list[Quote]:
    """Return the changes with these numbers, stamped with this moment."""
    stamp = _ZERO + timedelta(seconds=time.monotonic())
    return [_quote(number, stamp) for number in range(first, first + count)]


def updates(first: int, count: int) -> list[OddsUpdate]:
    """Return what the gateway makes of them."""
    now = datetime.now(UTC)
    return [_update(quote, number, now) for number, quote in enumerate(quotes(first, count), first)]


def _update(quote: Quote, number: int, now: datetime) -> OddsUpdate:
    before = _PRICES[quote.odds == _PRICES[0]]
    return OddsUpdate(
        f"{EPOCH}:{number + 1}",
        quote.bookmaker_id,
        quote.event_id,
        quote.market,
        quote.outcome,
        before,
        quote.odds,
        now,
        quote.source_timestamp,
        0.123,
        False,
    )


def seconds_of(stamp: bytes) -> float:
    """Read a stamp back, in seconds of CLOCK_MONOTONIC."""
    return (datetime.fromisoformat(stamp.decode()) - _ZERO).total_seconds()


def frame_of(rows: Sequence[OddsUpdate], first: int) -> bytes:
    """Return an ``updates`` frame as the gateway writes it."""
    prev, cursor = Cursor(EPOCH, first), Cursor(EPOCH, first + len(rows))
    return wire.updates_frame(prev, cursor, wire.encode_updates(rows), datetime.now(UTC))


def websocket_framed(data: bytes) -> bytes:
    """Put a server's text frame around it (RFC 6455, 5.2)."""
    size = len(data)
    if size < 126:
        return bytes((0x81, size)) + data
    if size < 65536:
        return b"\x81\x7e" + size.to_bytes(2) + data
    return b"\x81\x7f" + size.to_bytes(8) + data


def chunked(data: bytes) -> bytes:
    """Make a chunk of it (RFC 9112, 7.1)."""
    return b"%x\r\n%b\r\n" % (len(data), data)
