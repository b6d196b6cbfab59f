"""What a streaming source has said and not taken back.

A source that says changes only must be asked nothing twice: what it withdraws,
forgets or never confirms after a reconnection has to leave the board by our own
doing. So this knows every selection that stands, and turns "gone" into quotes
with odds None.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from protipp_stream.core.quarantine import quote_fault
from protipp_stream.model import Quote, Selection

__all__ = ["LIMIT", "Standing"]

# The recorded provider has 14,588 selections in four days of one sport.
LIMIT = 200_000
# Said again in one go: a board of 200,000 must not hold up what is new.
AGAIN_AT_ONCE = 2_000

_Prices = dict[Selection, float]


class Standing:
    """The prices of one source that stand, by event and part.

    A part is what the source replaces as a whole: ``(bookmaker, market)`` where
    it sends whole markets, ``(bookmaker,)`` where it sends single prices.

    A price that can't be true (`core.quarantine`) passes through, for the hub to
    count it. It does not stand, though, and neither does the one that it took
    the place of: that one is withdrawn.

    Parameters
    ----------
    limit : int
        Selections at most. When there are more, the event that was silent for
        the longest is withdrawn and forgotten.

    Attributes
    ----------
    changes : int
        Prices that became others, so far.
    crowded_out : int
        Events forgotten for lack of room, so far.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self.changes = 0
        self.crowded_out = 0
        self._limit = limit
        self._size = 0
        # The one that was silent for the longest comes first.
        self._events: dict[str, dict[tuple[str, ...], _Prices]] = {}

    def __len__(self) -> int:
        return self._size

    def __contains__(self, event_id: str) -> bool:
        return event_id in self._events

    def put(self, quotes: Iterable[Quote], received_at: datetime) -> list[Quote]:
        """Take single prices; return them, and what is withdrawn because of them."""
        said: list[Quote] = []
        for quote in quotes:
            said += self._note((quote.bookmaker_id,), quote, received_at)
        return said + self._make_room()

    def replace(
        self, event_id: str, part: tuple[str, ...], quotes: Sequence[Quote], received_at: datetime
    ) -> list[Quote]:
        """Take all that a part now has; what stood in it and is not named is withdrawn."""
        named = {quote.selection for quote in quotes}
        before = self._events.get(event_id, {}).get(part, {})
        said = [quote for selection in list(before) if selection not in named
                for quote in self._withdraw(event_id, part, selection)]  # fmt: skip
        for quote in quotes:
            said += self._note(part, quote, received_at)
        return said + self._make_room()

    def image(
        self, parts: Mapping[tuple[str, tuple[str, ...]], Sequence[Quote]], received_at: datetime
    ) -> list[Quote]:
        """Take everything that the source has, by event and part; the rest is withdrawn."""
        known = [(event_id, part) for event_id, has in self._events.items() for part in has]
        said: list[Quote] = []
        for event_id, part in known:
            if (event_id, part) not in parts:
                said += self.replace(event_id, part, (), received_at)
        for (event_id, part), quotes in parts.items():
            said += self.replace(event_id, part, quotes, received_at)
        return said

    def again(self) -> Iterator[list[Quote]]:
        """Yield what stands, in parts, without stamps: so a feed vouches for it.

        A stream that says changes only and lives says by its silence that nothing has
        changed. Nothing may be put or withdrawn before all parts were taken.
        """
        part: list[Quote] = []
        for prices in (has for event in self._events.values() for has in event.values()):
            for selection, odds in prices.items():
                part.append(Quote(*selection, odds=odds))
                if len(part) == AGAIN_AT_ONCE:
                    yield part
                    part = []
        if part:
            yield part

    def forget(
        self, event_id: str, bookmaker_id: str | None = None, kind: str | None = None
    ) -> list[Quote]:
        """Withdraw an event, or only one bookmaker's prices of it, or of one kind of market."""
        return [
            quote
            for part, prices in list(self._events.get(event_id, {}).items())
            if bookmaker_id is None or part[0] == bookmaker_id
            for selection in list(prices)
            if kind is None or selection.market.partition("@")[0] == kind
            for quote in self._withdraw(event_id, part, selection)
        ]

    def rename(self, event_id: str, names: Mapping[str, str], received_at: datetime) -> list[Quote]:
        """Say the prices of an event under other outcomes; withdraw them under the old ones."""
        said: list[Quote] = []
        for part, prices in list(self._events.get(event_id, {}).items()):
            if names.keys().isdisjoint(selection.outcome for selection in prices):
                continue
            renamed = [
                Quote(*selection._replace(outcome=names.get(selection.outcome, selection.outcome)),
                      odds=odds)
                for selection, odds in prices.items()
            ]  # fmt: skip
            said += self.replace(event_id, part, renamed, received_at)
        return said

    def clear(self) -> list[Quote]:
        """Withdraw everything."""
        return [quote for event_id in list(self._events) for quote in self.forget(event_id)]

    def _note(self, part: tuple[str, ...], quote: Quote, received_at: datetime) -> list[Quote]:
        selection = quote.selection
        if quote_fault(quote, received_at):
            # A suspension, too: with a wild stamp it would never reach the board.
            return [quote, *self._withdraw(quote.event_id, part, selection)]
        if quote.odds is None:
            self._withdraw(quote.event_id, part, selection)
            return [quote]
        event = self._events.pop(quote.event_id, {})
        self._events[quote.event_id] = event
        prices = event.setdefault(part, {})
        old = prices.get(selection)
        self._size += old is None
        self.changes += old != quote.odds
        prices[selection] = quote.odds
        return [quote]

    def _withdraw(self, event_id: str, part: tuple[str, ...], selection: Selection) -> list[Quote]:
        event = self._events.get(event_id, {})
        prices = event.get(part, {})
        if prices.pop(selection, None) is None:
            return []
        self._size -= 1
        self.changes += 1
        if not prices:
            del event[part]
        if not event:
            del self._events[event_id]
        # The source said nothing about when it withdrew it, so no stamp.
        return [Quote(*selection, odds=None)]

    def _make_room(self) -> list[Quote]:
        withdrawn: list[Quote] = []
        while self._size > self._limit:
            self.crowded_out += 1
            withdrawn += self.forget(next(iter(self._events)))
        return withdrawn
