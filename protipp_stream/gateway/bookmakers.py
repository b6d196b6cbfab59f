"""The bookmakers behind the sources: whose prices are fresh, and whose are not.

A feed that works may bring a bookmaker's prices of an hour ago: connected is
not fresh. So each bookmaker is watched by itself: by its own clock where it
says when it last looked at a price, by the arrival of its quotes where not.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import msgspec

from protipp_stream.gateway.clock import Clock
from protipp_stream.model import Quote, RealTimeConnection

__all__ = ["Bookmakers"]

MAX_BOOKMAKERS = 1_000

_log = logging.getLogger(__name__)


class _Bookmaker(msgspec.Struct):
    """What is known of one; a state for others is made of it when somebody asks."""

    name: str
    source: str
    said: datetime
    received_at: datetime
    stale_at: float
    is_stale: bool
    lags: dict[str, timedelta]

    def connection(self) -> RealTimeConnection:
        return RealTimeConnection(
            id=f"bookmaker/{self.name}",
            bookmaker_id=self.name,
            connection_type="bookmaker",
            status="connected",
            detail="live",
            last_heartbeat=self.said,
            last_update=self.received_at,
            stale=self.is_stale,
        )


class Bookmakers:
    """State by bookmaker; worth telling when one is new, or fresh or stale again.

    Parameters
    ----------
    clock : Clock
        For the time that passes.
    patience_s : float
        A bookmaker without a sign of life for so long is stale.

    Attributes
    ----------
    version : int
        Another number whenever there is something to tell.
    unwatched : int
        How often a new one was left out because there are too many.
    """

    def __init__(self, clock: Clock, patience_s: float) -> None:
        self.version = self.unwatched = 0
        self._clock = clock
        self._patience_s = patience_s
        self._known: dict[str, _Bookmaker] = {}

    def __iter__(self) -> Iterator[RealTimeConnection]:
        return (known.connection() for known in self._known.values())

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
        now = self._clock.monotonic()
        for name, stamp in _last_signs(quotes, received_at).items():
            known = self._known.get(name)
            # A feed that vouches for what stands says nothing of how far behind its
            # bookmaker is: as far as it was when it last said.
            lags = known.lags if known is not None else {}
            lag = lags.get(source, timedelta()) if stamp is None else received_at - stamp
            said, left_s = received_at - lag, patience_s - lag.total_seconds()
            if known is None:
                if len(self._known) >= MAX_BOOKMAKERS and not self._make_room(now):
                    continue
                known = _Bookmaker(name, source, said, received_at, now + left_s, left_s <= 0, {})
                self._known[name] = known
                known.lags[source] = lag
                changed.append(known)
                continue
            # Another source alone is nothing to tell: two may bring it in turns.
            if known.is_stale != (left_s <= 0):
                changed.append(known)
            known.lags[source] = lag
            known.source, known.said, known.received_at = source, said, received_at
            known.stale_at, known.is_stale = now + left_s, left_s <= 0
        return self._told(changed)

    def _make_room(self, now: float) -> bool:
        """Forget the stalest: a publisher that makes names up must not fill our memory."""
        stalest = min(self._known.values(), key=lambda known: known.stale_at)
        if stalest.stale_at > now:
            if not self.unwatched:
                _log.warning("more than %d bookmakers: not all are watched", MAX_BOOKMAKERS)
            self.unwatched += 1
            return False
        del self._known[stalest.name]
        return True

    def gone_stale(self) -> list[RealTimeConnection]:
        """Return the new states of those that have been silent for too long."""
        now = self._clock.monotonic()
        return self._mark(known for known in self._known.values() if now >= known.stale_at)

    def follow(self, source: RealTimeConnection) -> list[RealTimeConnection]:
        """Return the new states of a source's bookmakers: none is fresher than their source."""
        if source.status == "connected" and not source.stale:
            return []
        return self._mark(known for known in self._known.values() if known.source == source.id)

    def _mark(self, late: Iterable[_Bookmaker]) -> list[RealTimeConnection]:
        changed = [known for known in late if not known.is_stale]
        for known in changed:
            known.is_stale = True
        return self._told(changed)

    def _told(self, changed: list[_Bookmaker]) -> list[RealTimeConnection]:
        self.version += len(changed)
        return [known.connection() for known in changed]


def _last_signs(quotes: Iterable[Quote], received_at: datetime) -> dict[str, datetime | None]:
    """Return when each bookmaker last said anything; None for one that says no time."""
    signs: dict[str, datetime | None] = {}
    for quote in quotes:
        said = quote.source_timestamp
        known = signs.setdefault(quote.bookmaker_id, None)
        if said is not None and (known is None or said > known):
            # Its clock may run ahead; nothing was said after it arrived.
            signs[quote.bookmaker_id] = min(said, received_at)
    return signs
