"""What The Odds API v4 says, decoded: the body of ``/odds`` into quotes and events.

One decoder for the live feed and for recordings of it. Every level is decoded
by itself, so that one bad outcome is one fault, and not the loss of the 900
good prices around it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, NamedTuple, TypeVar

import msgspec

from protipp_stream.feeds.odds_format import OddsFormat, to_decimal
from protipp_stream.model import Event, Instant, Quote

__all__ = ["Reading", "decode_odds", "market_id"]

_T = TypeVar("_T")

# dateFormat=iso or unix; the bound keeps datetime.fromtimestamp from overflowing.
_Unix = Annotated[int, msgspec.Meta(ge=0, le=4_102_444_800)]
_When = Instant | _Unix | None

_NO_SHIFT = timedelta()


class _Outcome(msgspec.Struct, gc=False):
    name: str
    price: float
    point: float | None = None


class _Market(msgspec.Struct):
    key: str
    outcomes: list[msgspec.Raw]
    last_update: _When = None


class _Bookmaker(msgspec.Struct):
    key: str
    markets: list[msgspec.Raw]
    last_update: _When = None


class _Event(msgspec.Struct):
    id: str
    sport_key: str
    bookmakers: list[msgspec.Raw] = []
    commence_time: _When = None
    home_team: str | None = None
    away_team: str | None = None


_body = msgspec.json.Decoder(list[msgspec.Raw])
_event = msgspec.json.Decoder(_Event)
_bookmaker = msgspec.json.Decoder(_Bookmaker)
_market = msgspec.json.Decoder(_Market)
_outcome = msgspec.json.Decoder(_Outcome)


class Reading(NamedTuple):
    """What one body said.

    Attributes
    ----------
    quotes : list of Quote
        In the order of the source.
    events : list of Event
        All that the body names.
    faults : list of str
        What could not be read, where and why; the rest is unharmed.
    """

    quotes: list[Quote]
    events: list[Event]
    faults: list[str]


def decode_odds(
    body: bytes | msgspec.Raw, odds_format: OddsFormat, shift: timedelta = _NO_SHIFT
) -> Reading:
    """Decode the body of an ``/odds`` response.

    Parameters
    ----------
    body : bytes
        JSON, a list of events.
    odds_format : str
        ``decimal`` or ``american``, as it was asked for. Decimal prices are
        taken as they are: whether they can be true is for `core.quarantine`.
    shift : timedelta
        Added to every ``source_timestamp``, for a recording played now.

    Raises
    ------
    msgspec.MsgspecError
        If the body is no JSON list at all.
    """
    return _Reader(odds_format, shift).read(body)


def market_id(
    kind: str, outcome: str, point: float | None, home: str | None, away: str | None
) -> str:
    """Name the market of an outcome: ``h2h``, ``totals@7.5``, ``spreads@2.5``.

    The line of a spread is always the home team's: home +2.5 and away -2.5 are
    the two sides of one market, and only under one name can they be compared.

    Raises
    ------
    ValueError
        If the market needs a line and has none, or has one that it can't have.
    """
    if kind not in ("totals", "spreads"):
        if point is not None:
            raise ValueError(f"{kind!r} has a line")
        return kind
    if point is None or not math.isfinite(point):
        raise ValueError(f"{kind!r} has no line")
    if kind == "spreads" and outcome not in (home, away):
        raise ValueError(f"{outcome!r} is neither the home nor the away team")
    line = -point if kind == "spreads" and outcome == away else point
    return f"{kind}@{line + 0.0:.10g}"  # + 0.0, or the other side of a 0 is "-0"


class _Reader:
    """Walks down one body and gathers quotes, events and faults on the way."""

    def __init__(self, odds_format: OddsFormat, shift: timedelta) -> None:
        self._decimal: Callable[[float], float] = to_decimal(odds_format)
        self._shift = shift
        self._found = Reading([], [], [])

    def read(self, body: bytes | msgspec.Raw) -> Reading:
        for event in self._each(_event, _body.decode(body), "event"):
            self._read_event(event)
        return self._found

    def _read_event(self, event: _Event) -> None:
        self._found.events.append(_described(event))
        for bookmaker in self._each(_bookmaker, event.bookmakers, f"bookmaker of {event.id!r}"):
            for market in self._each(_market, bookmaker.markets, f"market of {bookmaker.key!r}"):
                self._read_market(event, bookmaker, market)

    def _read_market(self, event: _Event, bookmaker: _Bookmaker, market: _Market) -> None:
        try:
            stamp = self._stamp(market, bookmaker)
        except OverflowError:
            self._found.faults.append(f"market of {bookmaker.key!r}: last_update is no such time")
            return
        where = f"outcome of {bookmaker.key!r} {market.key!r}"
        for outcome in self._each(_outcome, market.outcomes, where):
            try:
                quote = Quote(
                    bookmaker.key,
                    event.id,
                    market_id(
                        market.key, outcome.name, outcome.point, event.home_team, event.away_team
                    ),
                    outcome.name,
                    self._decimal(outcome.price),
                    stamp,
                )
            except ValueError as error:
                self._found.faults.append(f"{where}: {error}")
            else:
                self._found.quotes.append(quote)

    def _stamp(self, market: _Market, bookmaker: _Bookmaker) -> datetime | None:
        # A 0 says 1970, which is for the quarantine to judge; it does not say nothing.
        said = bookmaker.last_update if market.last_update is None else market.last_update
        stamp = _instant(said)
        return None if stamp is None else stamp + self._shift

    def _each(
        self, decoder: msgspec.json.Decoder[_T], raws: list[msgspec.Raw], where: str
    ) -> Iterator[_T]:
        for raw in raws:
            try:
                item = decoder.decode(raw)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                self._found.faults.append(f"{where}: {error}")
            else:
                yield item


def _described(event: _Event) -> Event:
    sides = event.home_team is not None and event.away_team is not None
    return Event(
        event_id=event.id,
        name=f"{event.away_team} @ {event.home_team}" if sides else event.sport_key,
        sport=event.sport_key,
        starts_at=_instant(event.commence_time),
        home=event.home_team,
        away=event.away_team,
    )


def _instant(when: _When) -> datetime | None:
    return datetime.fromtimestamp(when, UTC) if isinstance(when, int) else when
