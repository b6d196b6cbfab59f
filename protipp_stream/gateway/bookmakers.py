"""The bookmakers behind the sources: whose prices are fresh, and whose are not.

A feed that works may bring a bookmaker's prices of an hour ago: connected is
not fresh. So each bookmaker is watched by itself: by its own clock where it
says when it last looked at a price, by the arrival of its quotes where not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

import msgspec

from protipp_stream.gateway.clock import Clock
from protipp_stream.model import Quote, RealTimeConnection

__all__ = ["Bookmakers"]

MAX_BOOKMAKERS = 1_000


class Bookmakers:
    """State by bookmaker; a new one is worth telling only when its freshness changes.

    Parameters
    ----------
    clock : Clock
        For the time that passes.
    patience_s : float
        A bookmaker without a sign of life for so long is stale.

    Attributes
    ----------
    version : int
        Another number whenever a bookmaker is new, or fresh or stale again.
    """

    def __init__(self, clock: Clock, patience_s: float) -> None:
        self.version = 0
        self._clock = clock
        self._patience_s = patience_s
        self._known: dict[str, RealTimeConnection] = {}
        self._source: dict[str, str] = {}
        self._stale_at: dict[str, float] = {}

    def seen(
        self, quotes: Iterable[Quote], received_at: datetime, source: str, patience_s: float
    ) -> list[RealTimeConnection]:
        """Take what one read of a source said; return the states that are new.

        Parameters
        ----------
        received_at : datetime
            UTC: when it arrived.
        source : str
            The id of the feed that brought it.
        patience_s : float
            How long the feed itself may be silent; a bookmaker of it not less.
        """
        changed = []
        patience_s = max(patience_s, self._patience_s)
        for bookmaker, said in _last_signs(quotes, received_at).items():
            if bookmaker not in self._known and len(self._known) >= MAX_BOOKMAKERS:
                continue  # a publisher that makes names up must not fill our memory
            age_s = max((received_at - said).total_seconds(), 0.0)
            self._source[bookmaker] = source
            self._stale_at[bookmaker] = self._clock.monotonic() + patience_s - age_s
            before = self._known.get(bookmaker)
            now = RealTimeConnection(
                id=f"{source}/{bookmaker}",
                bookmaker_id=bookmaker,
                connection_type="bookmaker",
                status="connected",
                detail="live",
                last_heartbeat=said,
                last_update=received_at,
                stale=age_s >= patience_s,
            )
            self._known[bookmaker] = now
            if before is None or (before.id, before.stale) != (now.id, now.stale):
                changed.append(now)
        self.version += len(changed)
        return changed

    def gone_stale(self) -> list[RealTimeConnection]:
        """Return the new states of those that have been silent for too long."""
        now = self._clock.monotonic()
        late = [name for name, at in self._stale_at.items() if now >= at]
        return self._mark(late)

    def follow(self, source: RealTimeConnection) -> list[RealTimeConnection]:
        """Return the new states of a source's bookmakers: none is fresher than their source."""
        if source.status == "connected" and not source.stale:
            return []
        return self._mark([name for name, at in self._source.items() if at == source.id])

    def _mark(self, names: list[str]) -> list[RealTimeConnection]:
        fresh = [self._known[name] for name in names if not self._known[name].stale]
        stale = [msgspec.structs.replace(known, stale=True) for known in fresh]
        self._known.update((state.bookmaker_id, state) for state in stale)
        self.version += len(stale)
        return stale

    def __iter__(self) -> Iterator[RealTimeConnection]:
        return iter(self._known.values())


def _last_signs(quotes: Iterable[Quote], received_at: datetime) -> dict[str, datetime]:
    """Return when each bookmaker last said anything, as far as it says."""
    signs: dict[str, datetime] = {}
    for quote in quotes:
        said = quote.source_timestamp
        # Its clock may run ahead; nothing was said after it arrived.
        at = received_at if said is None or said > received_at else said
        known = signs.get(quote.bookmaker_id)
        if known is None or at > known:
            signs[quote.bookmaker_id] = at
    return signs
