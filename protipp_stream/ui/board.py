"""What changed on the board, as the body of a frame for ``table.js``.

Pure: no thread, no clock, no host. Selections get numbers, so that a frame of
moves is a list of numbers; names travel once. Every value in a frame is absolute,
so a frame that comes twice does no harm.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import count
from math import isfinite
from typing import TYPE_CHECKING

import msgspec

from protipp_stream.model import Event, OddsUpdate, Quote, RealTimeConnection, Selection
from protipp_stream.ui.choice import Choice
from protipp_stream.ui.words import LIVE, origin_label, word_of

if TYPE_CHECKING:
    from protipp_stream.client.changes import Change

__all__ = ["BoardFrames", "Body", "State", "state_of"]


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
    faded : list of str
        Bookmakers whose own source does not deliver.
    now : float or None
        The gateway's time in seconds since 1970, for ages; the page's clock may be wrong.
    """

    old: bool = False
    note: str = ""
    origin: str = ""
    empty: str = ""
    faded: list[str] = []
    now: float | None = None


class Body(msgspec.Struct, omit_defaults=True):
    """The body of a frame; what is left out did not change.

    Attributes
    ----------
    whole : bool
        Everything is in it: prices that are not are gone.
    way : str
        ``gateway`` where the page has its prices from the gateway: none are in it.
    events : list
        ``[event_id, name, start in ms or None, sport]``.
    selections : list
        ``[number, bookmaker_id, event_id, market, outcome]``: names travel once.
    cells : list
        ``number, odds or None, significant`` again and again, flat.
    ages : list of float
        Of a whole body: seconds since each of its prices changed.
    state : State or None
        What the table says beside its prices.
    """

    whole: bool = False
    way: str = ""
    events: list[tuple[str, str, int | None, str]] = []
    selections: list[tuple[int, str, str, str, str]] = []
    cells: list[float | None] = []
    ages: list[float | None] = []
    state: State | None = None


def state_of(
    status: RealTimeConnection,
    sources: Mapping[str, RealTimeConnection],
    bookmakers: Mapping[str, RealTimeConnection],
    *,
    url: str,
    empty: str | None,
) -> State:
    """Say what the reader must know before trusting the prices.

    Parameters
    ----------
    empty : str or None
        Why the table has no price, as far as its choice is the reason; None if it has.
    """
    word = word_of(status)
    ill = [source for source in sources.values() if word_of(source) is not LIVE]
    silent = [each for each in bookmakers.values() if word_of(each) is not LIVE]
    notes = []
    if word is not LIVE and empty is None:  # else there are none that could be old
        notes.append(f"{word.text}: these prices may be old.")
    notes += [f"{source.id}: {word_of(source).text.lower()}." for source in ill]
    if silent and len(ill) < len(sources):
        notes.append(f"No news of {', '.join(each.bookmaker_id for each in silent)} for long.")
    return State(
        old=word is not LIVE or bool(sources and len(ill) == len(sources)),
        note=" ".join(notes),
        origin=origin_label(sources),
        empty="" if empty is None else empty or _coming(status, sources, url),
        faded=sorted({each.bookmaker_id for each in (*ill, *silent)}),
    )


def _coming(status: RealTimeConnection, sources: Mapping[str, RealTimeConnection], url: str) -> str:
    if status.detail == "terminal":
        return f"No prices: {status.last_error or 'the connection was closed'}"
    if status.detail == "paused":
        return f"No prices: {status.last_error or 'you have disconnected'}"
    if status.status != "connected":
        return f"Connecting to {url} …"
    return f"Waiting for the first prices from {', '.join(sources) or url} …"


class BoardFrames:
    """Turns changes of the board into bodies of frames.

    Parameters
    ----------
    choice : Choice
        Which prices to show.
    """

    def __init__(self, choice: Choice | None = None) -> None:
        self._choice = choice or Choice()
        self._prices: dict[Selection, _Price] = {}
        self._numbers = count()
        self._events: dict[str, Event] = {}

    @property
    def size(self) -> int:
        """How many prices are shown."""
        return len(self._prices)

    def take(self, change: Change) -> Body:
        """Take a change and return the body of the next frame."""
        self._events.update((event.event_id, event) for event in change.events)
        if change.snapshot:
            self._reset(change.quotes)
            return self.whole(None)
        return self._apply(change.updates, change.events)

    def whole(self, now: float | None) -> Body:
        """Return the body that says everything.

        Parameters
        ----------
        now : float or None
            The gateway's time, in seconds since 1970: prices' ages count to it.
        """
        body = Body(whole=True)
        named = dict.fromkeys(selection.event_id for selection in self._prices)
        body.events = [_described(self._event(event_id)) for event_id in named]
        for selection, price in self._prices.items():
            body.selections.append((price.number, *selection))
            body.cells += (price.number, price.odds, 0)
            if now is not None:
                at = price.at
                body.ages.append(None if at is None else round(max(now - at, 0.0), 1))
        return body

    def _reset(self, quotes: Iterable[Quote]) -> None:
        self._prices = {}
        for quote in quotes:
            selection = quote.selection
            if self._admits(selection):
                at = quote.timestamp.timestamp() if quote.timestamp else None
                self._prices[selection] = _Price(next(self._numbers), _sound(quote.odds), at)

    def _apply(self, updates: Iterable[OddsUpdate], events: Iterable[Event]) -> Body:
        body = Body()
        named = dict.fromkeys(event.event_id for event in events)
        for update in updates:
            selection = update.selection
            price = self._prices.get(selection)
            if price is None:
                if not self._admits(selection):
                    continue
                price = self._prices[selection] = _Price(next(self._numbers), None, None)
                body.selections.append((price.number, *selection))
                named[selection.event_id] = None
            price.odds, price.at = _sound(update.new_odds), update.timestamp.timestamp()
            body.cells += (price.number, price.odds, int(update.is_significant))
        body.events = [_described(self._event(event_id)) for event_id in named]
        return body

    def _admits(self, selection: Selection) -> bool:
        return self._choice.is_all or self._choice.admits(
            selection.bookmaker_id, selection.market, self._event(selection.event_id)
        )

    def _event(self, event_id: str) -> Event:
        return self._events.get(event_id) or Event(event_id, event_id, "")


class _Price(msgspec.Struct):
    number: int
    odds: float | None
    at: float | None


def _described(event: Event) -> tuple[str, str, int | None, str]:
    starts = int(event.starts_at.timestamp() * 1000) if event.starts_at else None
    return event.event_id, event.name, starts, event.sport


def _sound(odds: float | None) -> float | None:
    """Return a price that can be shown; what is none counts as suspended."""
    return odds if odds is not None and isfinite(odds) and odds > 1 else None
