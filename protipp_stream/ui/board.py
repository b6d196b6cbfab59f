"""What changed on the board, as the body of a frame for ``table.js``.

Pure: no thread, no clock, no host. Rows and columns get numbers, so that a
frame of moves is a list of numbers; names travel once. Every value in a frame
is absolute, so a frame that comes twice does no harm.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from protipp_stream.model import Event, OddsUpdate, Quote, RealTimeConnection
from protipp_stream.ui.words import LIVE, origin_label, word_of

if TYPE_CHECKING:
    from protipp_stream.client.changes import Change

__all__ = ["BoardFrames", "Body", "State", "market_filter", "state_of"]


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the table says beside its prices.

    Attributes
    ----------
    old : bool
        The prices are not known to be current: the table dims.
    note : str
        Why, in words.
    origin : str
        The label of prices that are no bookmaker's.
    empty : str
        What is coming, while there is no price.
    faded : list of int
        Columns whose own source does not deliver.
    """

    old: bool = False
    note: str = ""
    origin: str = ""
    empty: str = ""
    faded: list[int] = []


class Body(msgspec.Struct, omit_defaults=True):
    """The body of a frame; what is left out did not change.

    Attributes
    ----------
    whole : bool
        Everything is in it: rows and prices that are not are gone.
    columns : list of str
        Bookmakers by column number.
    events : list
        ``[event_id, name, start in ms or None, sport]``.
    rows : list
        ``[row, event_id, market, outcome, lowest_is_best]``.
    order : list of int
        All rows as they stand.
    cells : list
        ``row, column, odds or None, significant`` again and again, flat.
    state : State or None
        What the table says beside its prices.
    """

    whole: bool = False
    columns: list[str] | None = None
    events: list[tuple[str, str, int | None, str]] = []
    rows: list[tuple[int, str, str, str, int]] = []
    order: list[int] | None = None
    cells: list[float | None] = []
    state: State | None = None


def state_of(
    status: RealTimeConnection,
    sources: Mapping[str, RealTimeConnection],
    bookmakers: Mapping[str, RealTimeConnection],
    *,
    url: str,
    columns: Mapping[str, int],
    empty: bool,
) -> State:
    """Say what the reader must know before trusting the prices."""
    word = word_of(status)
    ill = [source for source in sources.values() if word_of(source) is not LIVE]
    silent = [each for each in bookmakers.values() if word_of(each) is not LIVE]
    notes = []
    if word is not LIVE:
        notes.append(f"{word.text}: these prices may be old.")
    notes += [f"{source.id}: {word_of(source).text.lower()}." for source in ill]
    if silent and len(ill) < len(sources):
        notes.append(f"No news of {', '.join(each.bookmaker_id for each in silent)} for long.")
    return State(
        old=word is not LIVE or bool(sources and len(ill) == len(sources)),
        note=" ".join(notes),
        origin=origin_label(sources),
        empty=_coming(status, sources, url) if empty else "",
        faded=sorted(
            {columns[e.bookmaker_id] for e in (*ill, *silent) if e.bookmaker_id in columns}
        ),
    )


def _coming(status: RealTimeConnection, sources: Mapping[str, RealTimeConnection], url: str) -> str:
    if status.detail == "terminal":
        return f"No prices: {status.last_error or 'the connection was closed'}"
    if status.status != "connected":
        return f"Connecting to {url} …"
    return f"Waiting for the first prices from {', '.join(sources) or url} …"


class RowKey(NamedTuple):
    """A row: one outcome of one market of one event."""

    event_id: str
    market: str
    outcome: str


def market_filter(markets: Sequence[str] | None) -> Callable[[str], bool]:
    """Return the test for a market: its kind (``totals``) or itself (``totals@7.5``)."""
    if markets is None:
        return lambda _market: True
    wanted = frozenset([markets] if isinstance(markets, str) else markets)
    return lambda market: market in wanted or market.partition("@")[0] in wanted


class BoardFrames:
    """Turns changes of the board into bodies of frames.

    Parameters
    ----------
    markets : sequence of str, optional
        Kinds or markets to show; all by default.
    """

    def __init__(self, markets: Sequence[str] | None = None) -> None:
        self._shown = market_filter(markets)
        self._numbers = count()
        self._columns: dict[str, int] = {}
        self._rows: dict[RowKey, int] = {}
        self._cells: dict[tuple[int, int], float | None] = {}
        self._events: dict[str, Event] = {}

    @property
    def rows(self) -> int:
        """How many rows the board has."""
        return len(self._rows)

    @property
    def columns(self) -> dict[str, int]:
        """The bookmakers and the numbers of their columns."""
        return self._columns

    def take(self, change: Change) -> Body:
        """Take a change and return the body of the next frame."""
        if change.snapshot:
            self._events.update((event.event_id, event) for event in change.events)
            self._reset(change.quotes)
            return self.whole()
        return self._apply(change.updates, change.events)

    def whole(self) -> Body:
        """Return the body that says everything."""
        body = Body(whole=True, columns=list(self._columns), order=self._order())
        shown = dict.fromkeys(key.event_id for key in self._rows)
        body.events = [self._described(event_id) for event_id in shown]
        body.rows = [_row(number, key) for key, number in self._rows.items()]
        for (row, column), odds in self._cells.items():
            body.cells += (row, column, odds, 0)
        return body

    def _reset(self, quotes: Iterable[Quote]) -> None:
        quotes = [quote for quote in quotes if self._shown(quote.market)]
        known, self._rows, self._cells = self._rows, {}, {}
        for bookmaker in sorted({quote.bookmaker_id for quote in quotes}):
            self._columns.setdefault(bookmaker, len(self._columns))
        for quote in quotes:
            key = RowKey(quote.event_id, quote.market, quote.outcome)
            row = self._rows.get(key)
            if row is None:
                # A row that was there before keeps its number, and so the
                # reader's place in it.
                row = self._rows[key] = known.get(key, -1)
                if row < 0:
                    row = self._rows[key] = next(self._numbers)
            self._cells[row, self._columns[quote.bookmaker_id]] = _sound(quote.odds)

    def _apply(self, updates: Iterable[OddsUpdate], events: Iterable[Event]) -> Body:
        body = Body()
        named = {event.event_id for event in events}
        self._events.update((event.event_id, event) for event in events)
        for update in updates:
            if not self._shown(update.market):
                continue
            key = RowKey(update.event_id, update.market, update.outcome)
            row, column = self._rows.get(key), self._columns.get(update.bookmaker_id)
            if row is None:
                row = self._rows[key] = next(self._numbers)
                body.rows.append(_row(row, key))
                named.add(key.event_id)
            if column is None:
                column = self._columns[update.bookmaker_id] = len(self._columns)
                body.columns = list(self._columns)
            odds = self._cells[row, column] = _sound(update.new_odds)
            body.cells += (row, column, odds, int(update.is_significant))
        if named:
            body.events = [self._described(event_id) for event_id in sorted(named)]
            body.order = self._order()
        return body

    def _described(self, event_id: str) -> tuple[str, str, int | None, str]:
        event = self._events.get(event_id)
        if event is None:
            return event_id, event_id, None, ""
        starts = int(event.starts_at.timestamp() * 1000) if event.starts_at else None
        return event_id, event.name, starts, event.sport

    def _order(self) -> list[int]:
        """Rows by start, event, market; outcomes as the event's name has them."""

        def place(entry: tuple[RowKey, int]) -> tuple[object, ...]:
            key = entry[0]
            event = self._events.get(key.event_id)
            name = event.name if event else key.event_id
            starts = event.starts_at.timestamp() if event and event.starts_at else float("inf")
            kind, _, line = key.market.partition("@")
            at = name.find(key.outcome)
            side = at if at >= 0 else len(name)
            return starts, name, key.event_id, kind, _line(line), line, side, key.outcome

        return [number for _, number in sorted(self._rows.items(), key=place)]


def _row(number: int, key: RowKey) -> tuple[int, str, str, str, int]:
    # A lay price is what one pays: there the lowest is best.
    return number, key.event_id, key.market, key.outcome, int("_lay" in key.market)


def _line(text: str) -> float:
    try:
        line = float(text)
    except ValueError:
        return float("-inf")
    return line if isfinite(line) else float("-inf")


def _sound(odds: float | None) -> float | None:
    """Return a price that can be shown; what is none counts as suspended."""
    return odds if odds is not None and isfinite(odds) and odds > 1 else None
