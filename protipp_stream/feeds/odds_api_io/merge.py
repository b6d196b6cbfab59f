"""Deltas of odds-api.io put on top of its image: what they mean for the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from protipp_stream.feeds.instants import instant
from protipp_stream.feeds.odds_api_io.body import (
    UNREADABLE,
    MarketSaid,
    Message,
    Sides,
    Unreadable,
    read_market,
)
from protipp_stream.feeds.odds_api_io.rest import Image
from protipp_stream.feeds.standing import Standing
from protipp_stream.model import Event, Quote

__all__ = ["Merge"]

_CHANGES = frozenset({"created", "updated"})
_REMOVALS = frozenset({"deleted", "no_markets"})
# Of other channels, or about the connection.
_QUIET = frozenset({"welcome", "resync_required", "score", "scores", "status"})

# Events that nobody described, and that were asked for in vain.
MAX_STRANGERS = 10_000

# A stamp of whole seconds may stand for any moment of its second.
_SECOND = timedelta(seconds=1)
# An image that is stamped later than this would make every delta an old one.
_AHEAD = timedelta(minutes=1)


class Merge:
    """The board of one source, merged by market name.

    An update names only the markets that changed; a market that it names is
    whole. So other markets stand, and lines that are gone from a named one are
    suspended.

    Parameters
    ----------
    markets, bookmakers : sequence of str
        The provider's names of what is wanted; no bookmakers means all.
    limit : int
        Selections at most; see `Standing`.

    Attributes
    ----------
    standing : Standing
        What stands.
    is_doubtful : bool
        Something came that can't be read, and does not say what it is about: only a
        new image tells what stands.
    has_strangers : bool
        Events with prices are not described.
    """

    def __init__(self, markets: Sequence[str], bookmakers: Sequence[str], limit: int) -> None:
        self._markets = frozenset(markets)
        self._bookmakers = frozenset(bookmakers)
        self.standing = Standing(limit)
        self.is_doubtful = False
        self._events: dict[str, Event] = {}
        self._strangers: set[str] = set()
        self._in_vain: set[str] = set()

    @property
    def has_strangers(self) -> bool:  # noqa: D102 - see the class
        return bool(self._strangers)

    @property
    def changes(self) -> int:
        """Prices that became others, so far."""
        return self.standing.changes

    def begin(
        self, image: Image, early: Sequence[Message], now: datetime
    ) -> tuple[list[Quote], list[Event]]:
        """Take an image, and what was said while it was fetched.

        Returns
        -------
        quotes : list of Quote
            The image; what stood and is not in it, suspended; the deltas that
            are newer than it.
        events : list of Event
            Those that are new, or described in another way.
        """
        news = [e for e in image.events.values() if self._events.get(e.event_id) != e]
        self._events = image.events
        parts = {key: said.quotes for key, said in image.markets.items()}
        quotes = self.standing.image(parts, now)
        self.is_doubtful = False
        self._strangers.clear()
        self._in_vain.clear()
        for message in early:
            quotes += self._apply(message, image, now, image.faults)
        self._tell_crowd(image.faults)
        return quotes, news

    def apply(self, messages: Sequence[Message], now: datetime, faults: list[str]) -> list[Quote]:
        """Say what messages mean; what could not be read is added to ``faults``."""
        quotes = [q for message in messages for q in self._apply(message, None, now, faults)]
        self._tell_crowd(faults)
        return quotes

    def describe(
        self, events: Mapping[str, Event], now: datetime
    ) -> tuple[list[Quote], list[Event]]:
        """Learn who plays in the events that were strangers; rename what stands of them."""
        news = [events[event_id] for event_id in self._strangers if event_id in events]
        self._in_vain |= self._strangers - events.keys()
        self._strangers.clear()
        quotes: list[Quote] = []
        for event in news:
            self._events[event.event_id] = event
            if event.home and event.away:
                called = {"home": event.home, "away": event.away}
                quotes += self.standing.rename(event.event_id, called, now)
        return quotes, news

    def clear(self) -> list[Quote]:
        """Suspend everything."""
        return self.standing.clear()

    def _apply(
        self, message: Message, image: Image | None, now: datetime, faults: list[str]
    ) -> list[Quote]:
        if message.type in _QUIET:
            return []
        if message.type == UNREADABLE:
            self.is_doubtful = True
            return [] if message.id is None else self.standing.forget(
                message.event_id, message.bookie or None
            )  # fmt: skip
        if message.id is None or message.type not in _CHANGES | _REMOVALS:
            faults.append(f"message of type {message.type!r}, id {message.id!r}")
            self.is_doubtful |= message.type in _CHANGES | _REMOVALS
            return []
        if self._bookmakers and message.bookie and message.bookie not in self._bookmakers:
            return []
        if message.type in _REMOVALS:
            return self._remove(message, image, now)
        if not message.bookie:
            faults.append(f"message of event {message.event_id!r} names no bookmaker")
            self.is_doubtful = True
            return []
        return self._merge(message, message.bookie, image, now, faults)

    def _merge(
        self,
        message: Message,
        bookmaker_id: str,
        image: Image | None,
        now: datetime,
        faults: list[str],
    ) -> list[Quote]:
        event_id, said_at = message.event_id, instant(message.timestamp)
        event = self._events.get(event_id)
        if event is None and event_id not in self._in_vain:
            self._note_stranger(event_id)
        sides = Sides(event.home, event.away) if event and event.home and event.away else Sides()
        quotes: list[Quote] = []
        for raw in message.markets or []:
            said = read_market(raw, bookmaker_id, event_id, sides, said_at, faults)
            if isinstance(said, Unreadable):
                self.is_doubtful = True
                continue
            if said is None or said.name not in self._markets:
                continue
            part = (bookmaker_id, said.name)
            if image is None or _is_newer(said.stamp, image.markets.get((event_id, part)), now):
                quotes += self.standing.replace(event_id, part, said.quotes, now)
        return quotes

    def _note_stranger(self, event_id: str) -> None:
        if len(self._strangers) + len(self._in_vain) < MAX_STRANGERS:
            self._strangers.add(event_id)

    def _remove(self, message: Message, image: Image | None, now: datetime) -> list[Quote]:
        event_id, stamp = message.event_id, instant(message.timestamp)
        for (event, (bookmaker_id, _)), said in image.markets.items() if image else ():
            concerned = event == event_id and message.bookie in (None, "", bookmaker_id)
            if concerned and not _is_newer(stamp, said, now):
                return []
        if message.type == "deleted" and not message.bookie:
            self._events.pop(event_id, None)
        return self.standing.forget(event_id, message.bookie or None)

    def _tell_crowd(self, faults: list[str]) -> None:
        if self.standing.crowded_out:
            faults.append(f"too many prices: {self.standing.crowded_out} events are suspended")
            self.standing.crowded_out = 0


def _is_newer(stamp: datetime | None, said: MarketSaid | None, now: datetime) -> bool:
    if stamp is None or said is None or said.stamp is None or said.stamp > now + _AHEAD:
        return True
    return stamp + (_SECOND if stamp.microsecond == 0 else timedelta()) > said.stamp
