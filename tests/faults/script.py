"""What the producer says, as a formula: so the truth needs no log and no witness.

Price number ``n`` of a log is a function of ``n`` and of the log's generation
alone. Each number changes the price of one selection, so a gateway that follows
a `Metronome` makes update ``epoch:n`` of exactly the n-th quote: every row that a
client hands out, and every board that it shows, can be compared with what must
be there. Another generation says other prices: rows of two logs that were
spliced together don't fit.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import AsyncIterator, Iterator

from protipp_stream.core.filter import Filter
from protipp_stream.feeds.base import batch_now
from protipp_stream.model import Batch, Event, Quote, RealTimeConnection, Selection

__all__ = ["EVENTS", "SELECTIONS", "Metronome", "Script"]

BOOKMAKERS = ("acme", "bravo", "corner", "delta")
MARKETS = (("h2h", "Home"), ("totals@7.5", "Over"))
EVENTS = [
    Event(f"m{k}", f"Away {k} @ Home {k}", "baseball_mlb", None, f"Home {k}", f"Away {k}")
    for k in range(5)
]
SELECTIONS = [
    Selection(bookmaker, event.event_id, market, outcome)
    for market, outcome in MARKETS
    for event in EVENTS
    for bookmaker in BOOKMAKERS
]
# Coprime to their number: each comes once in 40, and neighbours are far apart.
STRIDE = 7


class Script:
    """The log of one generation."""

    def __init__(self, generation: int) -> None:
        self.generation = generation

    def selection(self, n: int) -> Selection:
        """Return whose price number ``n`` is."""
        return SELECTIONS[n * STRIDE % len(SELECTIONS)]

    def odds(self, n: int) -> float | None:
        """Return price number ``n``; None, now and then, is a suspension."""
        if n % 97 == 0:
            return None
        return 1.5 + ((n + 131 * self.generation) % 997) / 100

    def old_odds(self, n: int) -> float | None:
        """Return what price number ``n`` replaces; None at the first."""
        before = n - len(SELECTIONS)
        return self.odds(before) if before > 0 else None

    def quote(self, n: int) -> Quote:
        """Return price number ``n`` as a feed says it."""
        return Quote(*self.selection(n), odds=self.odds(n))

    def matching(self, after: int, until: int, wanted: Filter) -> Iterator[int]:
        """Yield the numbers in ``after < n <= until`` that a filter lets through."""
        for n in range(after + 1, until + 1):
            if wanted.is_empty or wanted.matches(self.selection(n)):
                yield n

    def newest(self, after: int, until: int, wanted: Filter) -> list[int]:
        """Return of each selection that changed in that stretch the newest, in order."""
        first = max(after, until - len(SELECTIONS))
        return list(self.matching(first, until, wanted))

    def board(self, until: int, wanted: Filter) -> dict[Selection, float | None]:
        """Return the board after price number ``until``."""
        return {self.selection(n): self.odds(n) for n in self.newest(0, until, wanted)}


class Metronome:
    """A feed that says a script, so many prices a second, in batches of 1 to 20.

    `pause` returns when nothing more will come, `resume` goes on, `beat` says one batch
    in between; from any thread.
    """

    def __init__(self, script: Script, per_second: float) -> None:
        self.connection = RealTimeConnection(
            id="metronome", bookmaker_id="script", connection_type="publish", status="connected"
        )
        self.told = 0
        self._script = script
        self._pace_s = 1 / per_second
        self._beats = 0
        self._runs, self._rests = threading.Event(), threading.Event()
        self._rests.set()

    async def __aiter__(self) -> AsyncIterator[Batch]:
        events = EVENTS
        rng = random.Random(self._script.generation)
        while True:
            if self._beats:
                self._beats -= 1
            elif not self._runs.is_set():
                self._rests.set()
                await asyncio.sleep(0.005)
                continue
            count = rng.randint(1, 20)
            await asyncio.sleep(count * self._pace_s)
            quotes = [self._script.quote(self.told + k) for k in range(1, count + 1)]
            self.told += count
            yield batch_now(quotes, events)
            events = []

    def resume(self) -> None:
        """Go on."""
        self._rests.clear()
        self._runs.set()

    def beat(self) -> None:
        """Say one batch while resting."""
        self._rests.clear()
        self._beats += 1

    def pause(self) -> int:
        """Rest; return how many prices the gateway has taken."""
        self._runs.clear()
        assert self._rests.wait(10), "the gateway does not take what it is told"
        return self.told
