"""What comes in, before it reaches the log: checked, counted, and in our names."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from protipp_stream.core.naming import Named, Naming
from protipp_stream.core.quarantine import event_fault, quote_fault
from protipp_stream.gateway.audit import Audit
from protipp_stream.model import Batch, Event, Quote

__all__ = ["Intake"]

_log = logging.getLogger(__name__)


class Intake:
    """Lets in what can be true, as we name it.

    Attributes
    ----------
    names : Naming
        What different sources call the same.
    quarantined : Counter of str
        What was not let in, by reason.
    """

    def __init__(self, audit: Audit, names: Naming) -> None:
        self.names = names
        self.quarantined: Counter[str] = Counter()
        self._audit = audit

    def sound(self, quotes: Iterable[Quote], received_at: datetime) -> list[Quote]:
        """Return the quotes that can be true; what can't withdraws the price before it.

        Whoever says 0.95 no longer says 1.95, and a price that nobody says must not
        stand on the board.
        """
        sound = []
        for quote in quotes:
            fault = quote_fault(quote, received_at)
            if self._passes(fault):
                sound.append(quote)
            elif fault != "name":
                sound.append(Quote(*quote.selection, odds=None))
        return sound

    def named(self, batch: Batch, quotes: list[Quote], source: str | None) -> Named:
        """Return sound quotes and a batch's events as we name them.

        Parameters
        ----------
        source : str or None
            The id of the feed; a batch without one is in our names.
        """
        events = [event for event in batch.events if self._passes(_fault(event))]
        if source is None:
            return Named(quotes, events, [], [])
        named = self.names.take(source, quotes, events, batch.received_at)
        for note in named.notes:
            _log.info("%s", note)
        return named

    def quarantine(self, reason: str, count: int = 1) -> None:
        """Count and audit what was not let in."""
        self.quarantined[reason] += count
        self._audit.record("quarantine", count=count, fault=reason)

    def _passes(self, fault: str | None) -> bool:
        if fault is not None:
            self.quarantine(fault)
        return fault is None


def _fault(event: Event) -> str | None:
    fault = event_fault(event)
    return None if fault is None else f"event_{fault}"
