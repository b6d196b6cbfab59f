"""What odds-api.io says, decoded: frames of its WebSocket and bodies of its REST API.

Both carry markets of one shape, so one reader serves for both. Every level is
decoded by itself: one bad line is one fault, and not the loss of its frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec

from protipp_stream.feeds.instants import instant
from protipp_stream.feeds.the_odds_api.body import market_id
from protipp_stream.model import Event, Quote

__all__ = [
    "ENDED",
    "KINDS",
    "UNREADABLE",
    "Fixture",
    "MarketSaid",
    "Message",
    "Sides",
    "Unreadable",
    "decode_fixtures",
    "decode_frame",
    "decode_markets",
    "described",
    "read_market",
]

_T = TypeVar("_T")

KINDS = {"ML": "h2h", "Spread": "spreads", "Totals": "totals"}
ENDED = frozenset({"settled", "cancelled", "canceled", "finished", "ended"})
UNREADABLE = "unreadable"

# Prices are strings ("1.95"), and sometimes numbers.
_Price = float | str | None


class Sides(NamedTuple):
    """What the sides of an event are called; until it is described, just this."""

    home: str = "home"
    away: str = "away"


class Message(msgspec.Struct):
    """One object of a frame. Which fields it has depends on its ``type``."""

    type: str
    id: int | str | None = None
    bookie: str | None = None
    timestamp: float | str | None = None
    markets: list[msgspec.Raw] | None = None
    bookmakers: list[str] | None = None
    reason: str | None = None
    warning: str | None = None

    @property
    def event_id(self) -> str:
        """The event's id as quotes name it."""
        return str(self.id)


class _Line(msgspec.Struct):
    home: _Price = None
    draw: _Price = None
    away: _Price = None
    hdp: _Price = None
    over: _Price = None
    under: _Price = None


class _Market(msgspec.Struct):
    name: str
    odds: list[msgspec.Raw] | None = None
    updatedAt: str | float | None = None  # noqa: N815 - the provider's spelling


class _Named(msgspec.Struct):
    name: str = ""
    slug: str = ""


class Fixture(msgspec.Struct):
    """An event of the REST API; ``/odds`` adds its bookmakers."""

    id: int | str
    home: str | None = None
    away: str | None = None
    date: str | float | None = None
    status: str | None = None
    sport: _Named | str | None = None
    bookmakers: dict[str, msgspec.Raw] = {}

    @property
    def event_id(self) -> str:
        """The event's id as quotes name it."""
        return str(self.id)


class MarketSaid(NamedTuple):
    """One market of one bookmaker, whole.

    Attributes
    ----------
    name : str
        The provider's: what it replaces.
    stamp : datetime or None
        When the bookmaker changed it.
    quotes : list of Quote
        All lines of it.
    """

    name: str
    stamp: datetime | None
    quotes: list[Quote]


class _Whose(msgspec.Struct):
    id: int | str
    bookie: str | None = None


class _Called(msgspec.Struct):
    name: str


class Unreadable(NamedTuple):
    """A market of which not even the name can be read."""


_whose = msgspec.json.Decoder(_Whose)
_called = msgspec.json.Decoder(_Called)
_message = msgspec.json.Decoder(Message)
_market = msgspec.json.Decoder(_Market)
_line = msgspec.json.Decoder(_Line)
_fixture = msgspec.json.Decoder(Fixture)
_list = msgspec.json.Decoder(list[msgspec.Raw])

_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def decode_frame(frame: bytes, faults: list[str]) -> list[Message]:
    """Decode a frame: JSON objects, one a line.

    A line that can't be read is a message of the type `UNREADABLE`, with the event and
    bookmaker as far as it names them.
    """
    messages: list[Message] = []
    for line in filter(bytes.strip, frame.split(b"\n")):
        found = list(_tried(_message, line, "message", faults))
        messages += found or [_unreadable(line)]
    return messages


def decode_fixtures(body: bytes, faults: list[str]) -> list[Fixture]:
    """Decode a body of ``/events`` or ``/odds/multi``.

    Raises
    ------
    msgspec.MsgspecError
        If it is no JSON list at all.
    """
    return [f for raw in _list.decode(body) for f in _tried(_fixture, raw, "event", faults)]


def decode_markets(body: msgspec.Raw, where: str, faults: list[str]) -> list[msgspec.Raw]:
    """Decode one bookmaker's list of markets."""
    return [market for found in _tried(_list, body, where, faults) for market in found]


def read_market(
    raw: msgspec.Raw,
    bookmaker_id: str,
    event_id: str,
    sides: Sides,
    said_at: datetime | None,
    faults: list[str],
) -> MarketSaid | Unreadable | None:
    """Read one market of one bookmaker.

    Parameters
    ----------
    sides : Sides
        What to call home and away.
    said_at : datetime or None
        The stamp of the message around it, for a market that has none.
    faults : list of str
        What could not be read is added to it.

    Returns
    -------
    MarketSaid, Unreadable or None
        None for a market of another kind. One of which only the name can be read has
        no quotes: its prices are others now, and must not stand.
    """
    where = f"market of {bookmaker_id!r}"
    for market in _tried(_market, raw, where, faults):
        kind = KINDS.get(market.name)
        if kind is None:
            return None
        stamp = instant(market.updatedAt) or said_at
        read = MarketSaid(market.name, stamp, [])
        where = f"line of {bookmaker_id!r} {market.name!r}"
        for found in market.odds or []:
            for line in _tried(_line, found, where, faults):
                read.quotes.extend(
                    Quote(bookmaker_id, event_id, name, outcome, price, stamp)
                    for name, outcome, price in _prices(kind, line, sides, faults)
                )
        return read
    for called in _tried(_called, raw, where, []):
        return MarketSaid(called.name, said_at, []) if called.name in KINDS else None
    return Unreadable()


def _unreadable(line: bytes) -> Message:
    for whose in _tried(_whose, line, "message", []):
        return Message(UNREADABLE, whose.id, whose.bookie)
    return Message(UNREADABLE)


def described(fixture: Fixture, faults: list[str]) -> Event:
    """Say what an event's id stands for."""
    sport = fixture.sport.slug if isinstance(fixture.sport, _Named) else fixture.sport
    home, away = fixture.home or None, fixture.away or None
    starts_at = None
    try:
        starts_at = datetime.fromisoformat(fixture.date) if isinstance(fixture.date, str) else None
    except ValueError as error:
        faults.append(f"event {fixture.event_id!r}: {error}")
    if starts_at is not None and starts_at.tzinfo is None:
        starts_at = instant(fixture.date)
    return Event(
        event_id=fixture.event_id,
        name=f"{home} v {away}" if home and away else fixture.event_id,
        sport=sport or "unknown",
        starts_at=starts_at,
        home=home,
        away=away,
    )


def _prices(
    kind: str, line: _Line, sides: Sides, faults: list[str]
) -> Iterator[tuple[str, str, float]]:
    """Yield market, outcome and price; a side without a price is not offered."""
    if kind == "totals":
        offered = [("Over", line.over), ("Under", line.under)]
    else:
        offered = [(sides.home, line.home), (sides.away, line.away)]
        if kind == "h2h":
            offered.insert(1, ("Draw", line.draw))
    try:
        # hdp is the home team's handicap, for both sides: see the manual of the fake.
        point = None if kind == "h2h" else _number(line.hdp)
        market = market_id(kind, sides.home, point, sides.home, sides.away)
    except ValueError as error:
        faults.append(f"{kind}: {error}")
        return
    for outcome, said in offered:
        try:
            price = _number(said)
        except ValueError as error:
            faults.append(f"{market} {outcome!r}: {error}")
        else:
            if price is not None:
                yield market, outcome, price


def _number(said: _Price) -> float | None:
    return None if said is None or said == "" else float(said)


def _tried(
    decoder: msgspec.json.Decoder[_T], raw: bytes | msgspec.Raw, where: str, faults: list[str]
) -> Iterator[_T]:
    try:
        item = decoder.decode(raw)
    except _UNREADABLE as error:
        faults.append(f"{where}: {error}")
    else:
        yield item
