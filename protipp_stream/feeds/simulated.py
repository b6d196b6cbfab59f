"""A market that nobody trades on: prices which need no key, no network, no file.

`Simulation` is the market, stepped by whoever holds the clock; `Simulated` is
the feed that steps it in real time. Everything is labelled as what it is: the
bookmakers are called ``sim_…``, the fixtures ``Simulated: …``, the teams exist
nowhere.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import msgspec

from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Batch, Event, Quote, RealTimeConnection

__all__ = ["Simulated", "Simulation"]

_TREES = [
    "alder", "birch", "cedar", "elm", "fir", "hazel",
    "juniper", "larch", "maple", "oak", "pine", "rowan",
]  # fmt: skip
_PLACES = [
    "North", "East", "South", "West", "Oak", "Ash",
    "Mill", "Stone", "Fern", "Clay", "Brook", "Thorn",
]  # fmt: skip
_ENDINGS = ["vale", "moor", "wick", "ham", "ford", "mere", "holt", "stead"]

# One move of one truth, in log-odds, as it is at _USUAL_HZ: mostly calm, rarely
# a jump, and back towards where it began, or every game would soon be decided.
_USUAL_HZ = 50.0
_CALM, _JUMP = 0.035, 0.25
_JUMP_CHANCE = 0.02
_RETURN = 0.01
_OFF_MARKET_CHANCE, _OFF_MARKET = 0.008, 0.18
_SUSPEND_CHANCE = 0.004
_SUSPENDED_S = (2.0, 10.0)
_LONGEST_STEP_S = 1.0

# How bookmakers round: up to this price in steps of that.
_LADDERS: tuple[tuple[tuple[float, float], ...], ...] = (
    ((10, 0.01), (100, 0.1), (1000, 1)),
    ((2, 0.01), (3, 0.02), (4, 0.05), (6, 0.1), (10, 0.2), (100, 0.5), (1000, 5)),
    ((3, 0.01), (6, 0.05), (20, 0.25), (1000, 1)),
)


class _Market:
    """One market of one event: the truth about its outcomes, in log-odds."""

    def __init__(self, event_id: str, name: str, outcomes: list[str], start: list[float]) -> None:
        self.event_id = event_id
        self.name = name
        self.outcomes = outcomes
        self._start = start
        self._now = list(start)

    def walk(self, chance: random.Random, share: float) -> None:
        """Move the truth a little, and now and then a lot: a goal, an injury.

        ``share`` is how much of a usual move this is. Many small moves end where
        few large ones do: a busy market is not a wilder one.
        """
        jumps = chance.random() < _JUMP_CHANCE * share
        scale = _JUMP if jumps else _CALM * math.sqrt(share)
        self._now = [
            now + chance.gauss(0, scale) + _RETURN * share * (start - now)
            for now, start in zip(self._now, self._start, strict=True)
        ]

    def probabilities(self, tilt: float = 0.0) -> list[float]:
        """Say how likely each outcome is; ``tilt`` is an error about the first."""
        weights = [math.exp(x) for x in self._now]
        weights[0] *= math.exp(tilt)
        total = sum(weights)
        return [weight / total for weight in weights]


class _Bookmaker:
    """One opinion: how much it takes, how late it comes, how it rounds."""

    def __init__(self, bookmaker_id: str, chance: random.Random, number: int) -> None:
        self.bookmaker_id = bookmaker_id
        self.margin = chance.uniform(0.02, 0.06)
        self.delay_s = 0.2 * 1.8 ** (number % 7) * chance.uniform(0.8, 1.2)
        self._ladder = _LADDERS[number % len(_LADDERS)]

    def price(self, probability: float) -> float:
        """Offer odds for an outcome of that probability."""
        fair = 1 / (probability * (1 + self.margin))
        for below, tick in self._ladder:
            if fair < below:
                return max(round(round(fair / tick) * tick, 2), 1.01)
        return self._ladder[-1][0]


class _Due(msgspec.Struct, order=True):
    """Prices on their way: made at ``made_s``, on the board at ``due_s``."""

    due_s: float
    number: int
    made_s: float
    quotes: list[Quote]


class Simulation:
    """Bookmakers with opinions about fixtures, moving.

    There is one truth per market. It walks; every bookmaker follows with its
    own delay, margin and rounding. So prices disagree for a moment after a
    move, and now and then a bookmaker is off the market: both make arbitrage.
    Now and then one suspends a market for some seconds.

    The same seed and the same steps give the same quotes.

    Parameters
    ----------
    events, bookmakers : int
        How many.
    rate_hz : float
        Changes of price a second, on average.
    seed : int
        Of everything random.
    """

    def __init__(
        self, events: int = 12, bookmakers: int = 6, rate_hz: float = 50.0, seed: int = 1
    ) -> None:
        for name, value in (("events", events), ("bookmakers", bookmakers)):
            if value < 1:
                raise ConfigurationError(f"A simulation needs {name}, not {value!r}.")
        if not (math.isfinite(rate_hz) and rate_hz > 0):
            raise ConfigurationError(f"rate_hz must be above 0, not {rate_hz!r}.")
        self._chance = random.Random(seed)
        self._rate_hz = rate_hz
        self._share = min(1.0, _USUAL_HZ / rate_hz)
        self._bookmakers = [
            _Bookmaker(name, self._chance, number)
            for number, name in enumerate(_bookmaker_ids(bookmakers))
        ]
        self._fixtures = _fixtures(events, self._chance)
        self._markets = [m for event in self._fixtures for m in _markets(event, self._chance)]
        self._prices: dict[tuple[str, str, str], list[float]] = {}
        self._suspended: dict[tuple[str, str, str], float] = {}
        self._due: list[_Due] = []
        self._numbers = itertools.count()
        self._elapsed_s = 0.0
        self._owed = 0.0
        self._last: datetime | None = None

    def events(self, now: datetime) -> list[Event]:
        """Describe the fixtures; they start in the hours after ``now``."""
        hour = now.replace(minute=0, second=0, microsecond=0)
        return [
            msgspec.structs.replace(event, starts_at=hour + timedelta(hours=1 + number % 12))
            for number, event in enumerate(self._fixtures)
        ]

    def step(self, now: datetime) -> list[Quote]:
        """Let time pass until ``now``; return the prices that changed.

        The first step opens the board: every selection, with a price. A step of
        more than a second counts as one: after a pause there is no flood.
        """
        if self._last is None:
            self._last = now
            return self._open(now)
        passed_s = (now - self._last).total_seconds()
        self._last = now
        passed_s = min(max(passed_s, 0.0), _LONGEST_STEP_S)
        self._elapsed_s += passed_s
        self._owed += passed_s * self._rate_hz
        while self._owed > 0:
            self._owed -= self._move()
        return self._arrived(now)

    def _open(self, now: datetime) -> list[Quote]:
        quotes: list[Quote] = []
        for market, bookmaker in itertools.product(self._markets, self._bookmakers):
            stamp = now - timedelta(seconds=bookmaker.delay_s)
            for quote in self._quoted(bookmaker, market):
                quotes.append(msgspec.structs.replace(quote, source_timestamp=stamp))
        return quotes

    def _move(self) -> int:
        """Move one truth; return how many prices will change because of it."""
        market = self._chance.choice(self._markets)
        market.walk(self._chance, self._share)
        changes = 0
        for bookmaker in self._bookmakers:
            key = (bookmaker.bookmaker_id, market.event_id, market.name)
            if self._suspended.get(key, 0.0) > self._elapsed_s:
                continue
            if self._chance.random() < _SUSPEND_CHANCE * self._share:
                changes += self._suspend(bookmaker, market, key)
            else:
                changes += self._send(bookmaker, self._quoted(bookmaker, market))
        # At least 1, so that paying what is owed always comes to an end.
        return max(changes, 1)

    def _quoted(self, bookmaker: _Bookmaker, market: _Market) -> list[Quote]:
        """Return the new prices of a bookmaker that has seen the truth as it is now."""
        key = (bookmaker.bookmaker_id, market.event_id, market.name)
        off = self._chance.random() < _OFF_MARKET_CHANCE
        tilt = self._chance.choice((-_OFF_MARKET, _OFF_MARKET)) if off else 0.0
        prices = [bookmaker.price(p) for p in market.probabilities(tilt)]
        before = self._prices.get(key, [0.0] * len(prices))
        self._prices[key] = prices
        return [
            Quote(*key, outcome, price)
            for outcome, price, old in zip(market.outcomes, prices, before, strict=True)
            if price != old
        ]

    def _suspend(self, bookmaker: _Bookmaker, market: _Market, key: tuple[str, str, str]) -> int:
        pause_s = self._chance.uniform(*_SUSPENDED_S)
        self._suspended[key] = self._elapsed_s + pause_s
        del self._prices[key]
        gone = self._send(bookmaker, [Quote(*key, outcome, None) for outcome in market.outcomes])
        return gone + self._send(bookmaker, self._quoted(bookmaker, market), after_s=pause_s)

    def _send(self, bookmaker: _Bookmaker, quotes: list[Quote], after_s: float = 0.0) -> int:
        if quotes:
            made_s = self._elapsed_s + after_s
            due_s = made_s + bookmaker.delay_s
            heapq.heappush(self._due, _Due(due_s, next(self._numbers), made_s, quotes))
        return len(quotes)

    def _arrived(self, now: datetime) -> list[Quote]:
        arrived: list[Quote] = []
        while self._due and self._due[0].due_s <= self._elapsed_s:
            due = heapq.heappop(self._due)
            stamp = now - timedelta(seconds=self._elapsed_s - due.made_s)
            for quote in due.quotes:
                arrived.append(msgspec.structs.replace(quote, source_timestamp=stamp))
        return arrived


class Simulated:
    """A feed of a `Simulation`, in real time.

    Parameters
    ----------
    events, bookmakers : int
        How many.
    rate_hz : float
        Changes of price a second, on average.
    seed : int, optional
        Of everything random; by default another market every time.
    batches_hz : float
        Into so many batches a second the changes are gathered.
    clock : callable
        The time, UTC.
    sleep : callable
        Waits so many seconds.
    """

    def __init__(
        self,
        events: int = 12,
        bookmakers: int = 6,
        rate_hz: float = 50.0,
        seed: int | None = None,
        *,
        batches_hz: float = 20.0,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        if not (math.isfinite(batches_hz) and batches_hz > 0):
            raise ConfigurationError(f"batches_hz must be above 0, not {batches_hz!r}.")
        seed = random.randrange(2**32) if seed is None else seed
        self.simulation = Simulation(events, bookmakers, rate_hz, seed)
        self.seed = seed
        self._pause_s = 1 / batches_hz
        self._clock = clock
        self._sleep = sleep
        self.connection = RealTimeConnection(
            id="simulated",
            bookmaker_id="simulated",
            connection_type="simulated",
            status="connecting",
        )

    def __repr__(self) -> str:
        return f"<Simulated seed={self.seed} {self.connection.status}>"

    async def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield the whole board, then what changes, without end."""
        events = self.simulation.events(self._clock())
        while True:
            now = self._clock()
            quotes = self.simulation.step(now)
            told = self._tell(now, bool(quotes))
            if quotes or told:
                yield Batch(quotes, now, time.monotonic(), events)
                events = []
            await self._sleep(self._pause_s)

    def _tell(self, now: datetime, changed: bool) -> bool:
        """Say that all is well, once a second: each time goes to every subscriber."""
        last = self.connection.last_heartbeat
        if last is not None and abs(now - last) < timedelta(seconds=1):
            return False
        self.connection = msgspec.structs.replace(
            self.connection,
            status="connected",
            detail="live",
            last_heartbeat=now,
            last_update=now if changed else self.connection.last_update,
        )
        return True


def _bookmaker_ids(count: int) -> list[str]:
    rounds = range(1, math.ceil(count / len(_TREES)) + 1)
    names = [f"sim_{tree}" + (f"_{n}" if n > 1 else "") for n in rounds for tree in _TREES]
    return names[:count]


def _fixtures(count: int, chance: random.Random) -> list[Event]:
    towns = [place + ending for place in _PLACES for ending in _ENDINGS]
    fixtures = []
    for number in range(count):
        home, away = chance.sample(towns, 2)
        sport = "simulated_basketball" if number % 2 else "simulated_football"
        name = f"Simulated: {home} v {away}"
        fixtures.append(Event(f"sim_event_{number + 1}", name, sport, None, home, away))
    return fixtures


def _markets(event: Event, chance: random.Random) -> list[_Market]:
    sides = [str(event.home), str(event.away)]
    balance = chance.gauss(0, 0.5)
    if event.sport == "simulated_football":
        winner = _Market(
            event.event_id, "h2h", [sides[0], "Draw", sides[1]], [balance, -0.3, -balance]
        )
        line = chance.choice((1.5, 2.5, 3.5))
    else:
        winner = _Market(event.event_id, "h2h", sides, [balance, -balance])
        line = 0.5 + chance.randrange(150, 180)
    total = _Market(
        event.event_id, f"totals@{line:g}", ["Over", "Under"], [chance.gauss(0, 0.15), 0.0]
    )
    return [winner, total]
