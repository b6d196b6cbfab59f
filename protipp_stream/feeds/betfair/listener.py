"""What arrives from Betfair, line by line: through betfairlightweight's cache into quotes.

One listener for the live stream and for recordings of it.
"""

# The library has no types of its own.
# mypy: disable-error-code="import-untyped,misc,no-untyped-call"

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from betfairlightweight.streaming.cache import MarketBookCache
from betfairlightweight.streaming.listener import StreamListener
from betfairlightweight.streaming.stream import MarketStream

from protipp_stream.feeds.betfair.books import Books, Reading
from protipp_stream.feeds.betfair.codes import MarketLost
from protipp_stream.feeds.betfair.news import News
from protipp_stream.feeds.betfair.vouching import Vouching, portions
from protipp_stream.feeds.betfair.wire import Line, MarketChange, Message, decode, instant
from protipp_stream.model import Batch, Quote

__all__ = ["Listener"]

MAX_CLOSED = 1_000
UPSTREAM_IS_LATE = 503

_log = logging.getLogger(__name__)


class _Markets(MarketStream):
    """The library's stream of markets; tells the listener what each message changed."""

    def _process(self, data: list[Any], publish_time: int) -> bool:
        changed = []
        for change in data:
            market_id = change["id"]
            cache = self._caches.get(market_id)
            if cache is None or change.get("img"):
                cache = MarketBookCache(market_id, publish_time, self._lightweight, False, False)
                self._caches[market_id] = cache
            # Not "active": the library then updates the ladders, but neither sorts
            # nor copies them for each message, which is half its work.
            cache.update_cache(change, publish_time, False)
            changed.append(cache)
        self._listener.on_caches(changed, self._caches)
        return False

    @property
    def caches(self) -> dict[str, Any]:
        found: dict[str, Any] = self._caches
        return found


class Listener(StreamListener):
    """Takes lines, keeps the books, and tells the news of each.

    Parameters
    ----------
    books : Books
        What was quoted of the markets so far.
    can_ask : bool
        Whether a new image can be had for a market whose book is lost: then
        `MarketLost` is raised, once for each. A recording has no other images.
    clock : callable
        Seconds, by which what stands is said again; see `vouching`.

    Attributes
    ----------
    tell : callable
        Called with the `News` of every change message, and with what is said again.
    on_status : callable
        Called with every status message.
    received_at : datetime
        When the line that is being read arrived, UTC; set before `on_data`.
    arrived : float
        The same in monotonic seconds.
    shift : timedelta
        Added to Betfair's own times; a replay is moved to now.
    conflated : int
        How often Betfair left states of a market out because we were slow.
    """

    stream: Any

    def __init__(
        self,
        books: Books,
        *,
        can_ask: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(max_latency=None, lightweight=True)
        self.books = books
        self.tell: Callable[[News], None] = _ignore
        self.on_status: Callable[[Line], None] = _ignore
        self.received_at = datetime.now(UTC)
        self.arrived = 0.0
        self.shift = timedelta()
        self.conflated = 0
        self.vouching = Vouching(clock)
        self._can_ask = can_ask
        self._reading = Reading([], [])
        self._faults: list[str] = []
        self._closed: dict[str, None] = {}
        self._lost: set[str] = set()
        self._asked: set[str] = set()
        self._waiting_clocks: tuple[str | None, str | None] = (None, None)
        self._stamp = self.received_at

    def __repr__(self) -> str:
        return f"<Listener {len(self.books)} markets>"

    def _add_stream(self, unique_id: int, operation: str) -> _Markets:
        # A new subscription knows nothing of the last one's segments.
        self._waiting_clocks = (None, None)
        return _Markets(self, unique_id)

    def forget_clocks(self) -> None:
        """Subscribe afresh the next time."""
        self.stream = None

    def withdraw_all(self) -> list[Quote]:
        """Withdraw every price that stands: nobody will say what becomes of them."""
        self.forget_clocks()
        return self.books.withdraw_others(())

    def on_data(self, raw_data: str | bytes) -> None:
        """Take one line.

        Raises
        ------
        LineUnreadable
            If it is no message at all.
        MarketLost
            If it told of a market whose book is lost by that; the news were told.
        """
        self.take(decode(raw_data))

    def take(self, message: Message) -> None:
        """Take one line that has been decoded already."""
        line = message.line
        if line.op == "status":
            self.on_status(line)
        if line.op != "mcm":
            return
        if self.stream is None or self.stream_unique_id not in (line.id, 0):
            _log.debug("betfair: news of subscription %s, which is no longer ours", line.id)
            return
        self._reading, self._faults = Reading([], []), []
        for market_id, fault in message.broken.items():
            self._lose(market_id, fault)
        if line.pt is not None:
            self._take(line, line.pt, message.changes)
        batch = Batch(self._reading.quotes, self.received_at, self.arrived, self._reading.events)
        is_late = line.status == UPSTREAM_IS_LATE
        is_sound = line.ends and not is_late
        is_due = is_sound and self.vouching.is_due(line.ct == "HEARTBEAT")
        self.tell(News(batch, is_late, self._faults))
        if is_due:
            self._say_again()
        self._ask_for_lost()

    def _say_again(self) -> None:
        for quotes in portions(self.books.standing()):
            batch = Batch(quotes, self.received_at, self.arrived)
            self.tell(News(batch, is_confirmation=True))

    def _take(self, line: Line, pt: float, changes: list[MarketChange]) -> None:
        is_image = line.ct == "SUB_IMAGE"
        if is_image and line.begins:
            self.stream.clear_cache()
            self._lost.clear()
        self._stamp = instant(pt)
        if self.shift:
            self._stamp += self.shift
        initial_clk, clk = self._clocks(line)
        data = {
            "pt": pt,
            "initialClk": initial_clk,
            "clk": clk,
            "mc": [change for change in changes if self._is_whole(change, is_image)],
        }
        if line.ct == "HEARTBEAT":
            self.stream.on_heartbeat(data)
        elif is_image:
            self.stream.on_subscribe(data)
        elif line.ct == "RESUB_DELTA":
            self.stream.on_resubscribe(data)
        else:
            self.stream.on_update(data)
        if is_image and line.ends:
            self._reading.quotes.extend(self.books.withdraw_others(self.stream.caches))

    def _clocks(self, line: Line) -> tuple[str | None, str | None]:
        """Return the clocks that hold after a message: those of segments, after the last."""
        initial_clk, clk = self._waiting_clocks
        clocks = line.initial_clk or initial_clk, line.clk or clk
        # Resumed from the clock of a first segment, the others would be lost.
        self._waiting_clocks = (None, None) if line.ends else clocks
        return clocks if line.ends else (None, None)

    def _is_whole(self, change: MarketChange, is_image: bool) -> bool:
        """Whether a change can be applied: on a market whose image never came, it can't."""
        market_id = change["id"]
        self.conflated += change.get("con", False)
        is_image = is_image or change.get("img", False)
        if "marketDefinition" in change and (is_image or market_id not in self._lost):
            self._lost.discard(market_id)
            self._closed.pop(market_id, None)
            return True
        if market_id in self.stream.caches and not is_image:
            return True
        # What comes behind the end of a market is no news.
        if market_id not in self._closed:
            self._lose(market_id, "a change, but no image of it")
        return False

    def _lose(self, market_id: str, fault: str) -> None:
        """Take a market off the board: a part of its book is unknown from here on."""
        if market_id not in self._lost:
            self._faults.append(f"market {market_id}: {fault}")
        self._lost.add(market_id)
        self._drop(market_id)

    def _ask_for_lost(self) -> None:
        unasked = self._lost - self._asked
        if self._can_ask and unasked:
            # Once each: one that is broken every time must not cost the others their stream.
            self._asked |= unasked
            raise MarketLost(f"The book of {', '.join(sorted(unasked)[:3])} is lost: asking anew.")

    def _drop(self, market_id: str) -> None:
        self._reading.quotes.extend(self.books.withdraw(market_id))
        self.stream.caches.pop(market_id, None)

    def on_caches(self, caches: list[Any], known: dict[str, Any]) -> None:
        """Take what the library's cache made of a message."""
        reading = self.books.read(caches, known, self._stamp, self.received_at)
        self._reading.quotes.extend(reading.quotes)
        self._reading.events.extend(reading.events)
        for cache in caches:
            if cache.closed:
                self._drop(cache.market_id)
                self._asked.discard(cache.market_id)
                self._closed[cache.market_id] = None
                while len(self._closed) > MAX_CLOSED:
                    del self._closed[next(iter(self._closed))]


def _ignore(_: object) -> None:
    """Do nothing: until somebody listens."""
