"""Whose word counts, when two feeds bring the same bookmaker for the same event.

If the newest word won, a slow feed's old price would follow the quick one's new price
again and again, and what one withdraws would take the other's fresh price away. So the
source that named it first keeps it until it has been silent about it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from protipp_stream.core.naming.report import Tally
from protipp_stream.model import Quote

__all__ = ["Owners"]


class _Owner:
    __slots__ = ("heard_at", "is_settled", "source", "standing")

    def __init__(self, source: str) -> None:
        self.source = source
        self.heard_at: datetime | None = None
        self.is_settled = False
        self.standing: dict[tuple[str, str], None] = {}

    def is_silent(self, now: datetime, silent_s: float) -> bool:
        return self.heard_at is None or (now - self.heard_at).total_seconds() >= silent_s


class Owners:
    """Gives each bookmaker of an event one source.

    Parameters
    ----------
    silent_s : float
        After so many seconds without a word of it, another source takes it over.
    """

    def __init__(self, silent_s: float) -> None:
        self._silent_s = silent_s
        self._by_event: dict[str, dict[str, _Owner]] = {}
        # Nobody kept what the first source said while it was alone: of these events it
        # takes its bookmakers back, once each, when it speaks of them.
        self._first: str | None = None
        self._early: set[str] = set()

    def begin(self, first: str, event_ids: Iterable[str | None]) -> None:
        """Note what the first source has spoken of, now that it is no longer alone."""
        self._first = first
        self._early = {event_id for event_id in event_ids if event_id is not None}

    def take(
        self, source: str, quotes: Iterable[Quote], now: datetime, tally: Tally
    ) -> list[Quote]:
        """Return what counts of a source's quotes, in our names; the rest is tallied.

        Who takes over withdraws first what the silent one left standing.
        """
        passed: list[Quote] = []
        for quote in quotes:
            owners = self._by_event.get(quote.event_id)
            owner = owners.get(quote.bookmaker_id) if owners else None
            if owner is None:
                if quote.odds is None:
                    passed.append(quote)
                    continue
                owner = _Owner(source)
                self._by_event.setdefault(quote.event_id, {})[quote.bookmaker_id] = owner
            elif owner.source != source:
                if not self._may_speak(source, owner, quote, now):
                    tally.owned += 1
                    continue
                if quote.odds is None:
                    passed.append(quote)
                    continue
                passed += _left_standing(owner, quote)
                owner.source, owner.standing = source, {}
            owner.heard_at = now
            owner.is_settled |= source == self._first
            if quote.odds is None:
                owner.standing.pop((quote.market, quote.outcome), None)
            else:
                owner.standing[quote.market, quote.outcome] = None
            passed.append(quote)
        return passed

    def forget(self, event_id: str | None) -> None:
        """Forget an event that is over."""
        if event_id is not None:
            self._by_event.pop(event_id, None)
            self._early.discard(event_id)

    def _may_speak(self, source: str, owner: _Owner, quote: Quote, now: datetime) -> bool:
        if quote.odds is None:
            # Nobody else's price is withdrawn; its own, from before, must not stay.
            return (quote.market, quote.outcome) not in owner.standing
        was_first = source == self._first and quote.event_id in self._early
        return owner.is_silent(now, self._silent_s) or (was_first and not owner.is_settled)


def _left_standing(owner: _Owner, quote: Quote) -> list[Quote]:
    return [
        Quote(quote.bookmaker_id, quote.event_id, market, outcome, None)
        for market, outcome in owner.standing
        if (market, outcome) != (quote.market, quote.outcome)
    ]
