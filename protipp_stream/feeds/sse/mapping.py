"""How to read a provider's server-sent events: which carry what, and where it stands."""

from __future__ import annotations

import math
import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.instants import WILD, instant
from protipp_stream.feeds.odds_format import OddsFormat, to_decimal
from protipp_stream.feeds.the_odds_api.body import market_id
from protipp_stream.model import Event, Quote

__all__ = ["OPTIC_ODDS", "Doubt", "SseMapping", "SseReader"]

_NAMED_WITH_LINE = re.compile(r"(.+?)\s+([+-]?\d+(?:\.\d+)?)", re.ASCII)
# Of fixtures described or ended, and of names that no mapping knows.
MAX_FIXTURES, MAX_UNKNOWN = 10_000, 100


class SseMapping(msgspec.Struct, frozen=True, kw_only=True):
    """What the events of one provider mean.

    Fields are paths into a row, with dots: ``fixture.home``. An empty path means
    that the provider does not say it.

    Attributes
    ----------
    prices, suspensions, statuses, heartbeats : frozenset of str
        Names of SSE events: rows with prices, rows that are suspended, fixtures
        that changed, signs of life.
    forgotten : frozenset of str
        Names of SSE events that say: your ``Last-Event-ID`` is too old. All that
        stood is then suspended.
    rows : str
        Where in the event's JSON the list of rows stands; empty for the whole. A
        single object counts as a list of one.
    bookmaker, event, market, outcome, price, line, timestamp : str
        Of a row. ``outcome`` may end in the line (``Over 5.5``); it is taken off.
    home, away : str
        Of a row; a spread can be named only when its home team is known, from
        here, from ``statuses``, or from the source's ``events``.
    odds_format : str
        ``decimal`` or ``american``.
    markets : mapping of str to str
        The provider's names to ours: ``h2h``, ``h2h_3_way``, ``spreads``, ``totals``.
        Others are passed over, and their names told once. Two names that a provider
        has for one fixture must not become one: their prices would mix.
    fixture, status, fixture_home, fixture_away, starts_at, sport : str
        Of a row of ``statuses``.
    ended : frozenset of str
        Values of ``status`` after which nothing of a fixture stands.
    resume_parameter : str
        Of the query, for a provider that wants the last id there as well.
    remembers_s : float
        For so many seconds the provider is trusted to replay what was missed; 0
        for one that does not. After a longer break all that stood is suspended.
    """

    prices: frozenset[str]
    bookmaker: str
    event: str
    market: str
    outcome: str
    price: str
    markets: Mapping[str, str]
    suspensions: frozenset[str] = frozenset()
    statuses: frozenset[str] = frozenset()
    heartbeats: frozenset[str] = frozenset()
    forgotten: frozenset[str] = frozenset()
    rows: str = ""
    line: str = ""
    timestamp: str = ""
    home: str = ""
    away: str = ""
    odds_format: OddsFormat = "decimal"
    fixture: str = ""
    status: str = ""
    fixture_home: str = ""
    fixture_away: str = ""
    starts_at: str = ""
    sport: str = ""
    ended: frozenset[str] = frozenset()
    resume_parameter: str = ""
    remembers_s: float = 0.0

    def __post_init__(self) -> None:
        to_decimal(self.odds_format)
        needed = ("bookmaker", "event", "market", "outcome", "price", "prices", "markets")
        if missing := [name for name in needed if not getattr(self, name)]:
            raise ConfigurationError(f"A mapping needs {', '.join(missing)}.")
        if not (math.isfinite(self.remembers_s) and self.remembers_s >= 0):
            raise ConfigurationError(f"remembers_s must be 0 or more, not {self.remembers_s!r}.")


OPTIC_ODDS = SseMapping(
    prices=frozenset({"odds"}),
    suspensions=frozenset({"locked-odds"}),
    statuses=frozenset({"fixture-status"}),
    heartbeats=frozenset({"connected", "ping"}),
    forgotten=frozenset({"reset"}),
    rows="data",
    bookmaker="sportsbook",
    event="fixture_id",
    market="market",
    outcome="name",
    price="price",
    line="points",
    timestamp="timestamp",
    odds_format="american",
    markets={
        "Moneyline": "h2h",
        "Moneyline 3-Way": "h2h_3_way",
        "Point Spread": "spreads",
        "Run Line": "spreads",
        "Puck Line": "spreads",
        "Asian Handicap": "spreads",
        "Game Spread": "spreads",
        "Total Points": "totals",
        "Total Runs": "totals",
        "Total Goals": "totals",
        "Total Games": "totals",
    },
    fixture="fixture_id",
    status="new_status",
    fixture_home="fixture.home_team_display",
    fixture_away="fixture.away_team_display",
    starts_at="fixture.start_date",
    sport="sport",
    ended=frozenset({"completed", "cancelled"}),
    resume_parameter="last_entry_id",
)
"""The shape of OpticOdds. That it says ``reset`` when it can't replay is assumed: its
documentation does not say. Nor for how long it replays, so it is not trusted to; who
knows better sets ``remembers_s``."""


class _Sides(NamedTuple):
    home: str | None = None
    away: str | None = None


class Doubt(NamedTuple):
    """What may have changed in a way that could not be read: it must not stand.

    Attributes
    ----------
    event_id, bookmaker_id, kind : str or None
        As far as it was said; None is every one.
    """

    event_id: str | None = None
    bookmaker_id: str | None = None
    kind: str | None = None


class SseReader:
    """Reads events by a mapping; remembers fixtures, within bounds.

    Parameters
    ----------
    mapping : SseMapping
        What the events mean.
    events : sequence of Event
        Fixtures that are known beforehand.
    """

    def __init__(self, mapping: SseMapping, events: Sequence[Event] = ()) -> None:
        self._mapping = mapping
        self._decimal = to_decimal(mapping.odds_format)
        self._sides: OrderedDict[str, _Sides] = OrderedDict()
        self._ended: OrderedDict[str, None] = OrderedDict()
        self._unknown: set[str] = set()
        for event in events:
            self._describe(event.event_id, _Sides(event.home, event.away))

    def prices(
        self, data: str, faults: list[str], *, suspended: bool = False
    ) -> list[Quote | Doubt]:
        """Read an event with prices, or with suspensions; what it says, in its order.

        A row whose selection is clear but whose price is not is a fault, and a
        suspension: the price before it is no longer true either. One whose selection
        is not clear is a doubt of all that it may have meant.
        """
        said: list[Quote | Doubt] = []
        rows = self._rows(data, faults)
        if rows is None:
            return [Doubt()]
        for row in rows:
            try:
                said += self._said(row, suspended=suspended, faults=faults)
            except ValueError as error:
                faults.append(f"row: {error}")
                said += self._doubts(row)
        return said

    def statuses(self, data: str, faults: list[str]) -> tuple[list[Doubt], list[Event]]:
        """Read an event about fixtures; return what no longer stands, and descriptions.

        That is a fixture that ended, and the spreads of one whose sides are others now:
        a spread is named by its home team, so what will suspend them has another name.
        """
        mapping, gone, described = self._mapping, list[Doubt](), list[Event]()
        rows = self._rows(data, faults)
        if rows is None:
            return [Doubt()], []
        for row in rows:
            try:
                event_id = _name(row, mapping.fixture)
                status = _at(row, mapping.status)
                if isinstance(status, str) and status in mapping.ended:
                    gone.append(Doubt(event_id))
                    self._sides.pop(event_id, None)
                    _remember(self._ended, event_id, None)
                    continue
                if isinstance(status, str):
                    self._ended.pop(event_id, None)
                if (event := self._event(row, event_id)) is not None:
                    gone += self._describe(event.event_id, _Sides(event.home, event.away))
                    described.append(event)
            except ValueError as error:
                faults.append(f"status: {error}")
        return gone, described

    def is_news(self, kind: str, name: str) -> bool:
        """Say whether an unknown name was never met before; there may be endless ones."""
        key = f"{kind} {name[:100]}"
        if key in self._unknown or len(self._unknown) >= MAX_UNKNOWN:
            return False
        self._unknown.add(key)
        return True

    def _said(self, row: Any, *, suspended: bool, faults: list[str]) -> list[Quote | Doubt]:
        mapping = self._mapping
        market = _name(row, mapping.market)
        kind = mapping.markets.get(market)
        if kind is None:
            if self.is_news("market", market):
                faults.append(f"the mapping does not know the market {market!r}")
            return []
        bookmaker_id, event_id = _name(row, mapping.bookmaker), _name(row, mapping.event)
        gone = self._describe_by(row, event_id)
        home, away = self._sides.get(event_id, _Sides())
        line = _number(_at(row, mapping.line))
        outcome = _name(row, mapping.outcome)
        if line is None and _has_line(kind, outcome, home, away):
            line = _line_of(outcome)
        outcome = _without_line(outcome, line)
        if kind == "spreads" and home is None:
            raise ValueError(f"nobody said who plays at home in {event_id!r}: whose line is it?")
        stamp = instant(_at(row, mapping.timestamp))
        price: float | None = None
        if not suspended and event_id not in self._ended:
            try:
                said = _number(_at(row, mapping.price))
                price = None if said is None else self._decimal(said)
            except ValueError as error:
                faults.append(f"row of {bookmaker_id!r} {market!r}: {error}")
        named = market_id(kind, outcome, line, home, away)
        return [*gone, Quote(bookmaker_id, event_id, named, outcome, price, stamp)]

    def _doubts(self, row: Any) -> list[Quote | Doubt]:
        """Say what a row may have meant; one that names no fixture could be anything."""
        mapping = self._mapping
        event_id = _name_or_none(row, mapping.event)
        market = _name_or_none(row, mapping.market)
        if event_id is None:
            return []
        kind = mapping.markets.get(market) if market is not None else None
        return [Doubt(event_id, _name_or_none(row, mapping.bookmaker), kind)]

    def _rows(self, data: str, faults: list[str]) -> list[Any] | None:
        """Return the rows of an event; None when it can't be read."""
        try:
            found = msgspec.json.decode(data)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            faults.append(f"event: {error}")
            return None
        rows = _at(found, self._mapping.rows) if self._mapping.rows else found
        if isinstance(rows, dict):
            return [rows]
        if isinstance(rows, list):
            return rows
        faults.append(f"event: no rows at {self._mapping.rows!r}")
        return None

    def _event(self, row: Any, event_id: str) -> Event | None:
        mapping = self._mapping
        home, away = _at(row, mapping.fixture_home), _at(row, mapping.fixture_away)
        if not (isinstance(home, str) and home and isinstance(away, str) and away):
            return None
        sport, starts_at = _at(row, mapping.sport), instant(_at(row, mapping.starts_at))
        return Event(
            event_id=event_id,
            name=f"{home} v {away}",
            sport=sport if isinstance(sport, str) and sport else "unknown",
            starts_at=None if starts_at == WILD else starts_at,
            home=home,
            away=away,
        )

    def _describe(self, event_id: str, sides: _Sides) -> list[Doubt]:
        known = self._sides.get(event_id, sides)
        _remember(self._sides, event_id, sides)
        return [] if known == sides else [Doubt(event_id, kind="spreads")]

    def _describe_by(self, row: Any, event_id: str) -> list[Doubt]:
        home, away = _at(row, self._mapping.home), _at(row, self._mapping.away)
        if isinstance(home, str) and isinstance(away, str):
            return self._describe(event_id, _Sides(home, away))
        return []


def _remember(known: OrderedDict[str, Any], key: str, value: object) -> None:
    known[key] = value
    known.move_to_end(key)
    if len(known) > MAX_FIXTURES:
        known.popitem(last=False)


def _at(row: Any, path: str) -> Any:
    if not path:
        return None
    for step in path.split("."):
        if not isinstance(row, dict):
            return None
        row = row.get(step)
    return row


def _name(row: Any, path: str) -> str:
    said = _at(row, path)
    if isinstance(said, int) and not isinstance(said, bool):
        return str(said)
    if not isinstance(said, str) or not said:
        raise ValueError(f"no name at {path!r}")
    return said


def _name_or_none(row: Any, path: str) -> str | None:
    try:
        return _name(row, path)
    except ValueError:
        return None


def _number(said: Any) -> float | None:
    if said is None or said == "":
        return None
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        raise ValueError(f"{str(said)[:50]!r} is no number")
    try:
        return float(said)
    except OverflowError:
        return math.inf


def _has_line(kind: str, outcome: str, home: str | None, away: str | None) -> bool:
    """Say whether an outcome may end in its line: "Schalke 04" is a name, "Over 8.5" is not."""
    found = _NAMED_WITH_LINE.fullmatch(outcome)
    if found is None or kind not in ("totals", "spreads") or outcome in (home, away):
        return False
    return kind == "totals" or found[1] in (home, away)


def _line_of(outcome: str) -> float | None:
    found = _NAMED_WITH_LINE.fullmatch(outcome)
    return float(found[2]) if found else None


def _without_line(outcome: str, line: float | None) -> str:
    found = _NAMED_WITH_LINE.fullmatch(outcome) if line is not None else None
    return found[1] if found and float(found[2]) == line else outcome
