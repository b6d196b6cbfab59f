"""The simulated market: the same seed the same prices, sound, labelled, and with
everything in it that a page must be able to show.
"""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import pytest

from protipp_stream.core.quarantine import event_fault, quote_fault
from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.base import Feed
from protipp_stream.feeds.simulated import Simulated, Simulation
from protipp_stream.model import Quote, Selection
from tests.feeds.conftest import Waits, take

T0 = datetime(2026, 1, 1, 12, tzinfo=UTC)
STEP = timedelta(milliseconds=50)
Board = dict[Selection, float | None]


def steps(simulation: Simulation, count: int, step: timedelta = STEP) -> list[list[Quote]]:
    return [simulation.step(T0 + n * step) for n in range(count)]


def margins(board: Board) -> dict[tuple[str, str], float]:
    """Return 1/S - 1 of every market over the best prices: above 0 is an arbitrage."""
    best: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for selection, odds in board.items():
        prices = best[selection.event_id, selection.market]
        prices[selection.outcome] = max(prices.get(selection.outcome, 0.0), odds or 1e-9)
    return {key: 1 / sum(1 / p for p in prices.values()) - 1 for key, prices in best.items()}


def test_the_same_seed_gives_the_same_quotes() -> None:
    assert steps(Simulation(seed=3), 400) == steps(Simulation(seed=3), 400)
    assert steps(Simulation(seed=3), 400) != steps(Simulation(seed=4), 400)


def test_the_first_step_opens_the_whole_board() -> None:
    simulation = Simulation(events=4, bookmakers=3)
    [opening] = steps(simulation, 1)
    board = {q.selection for q in opening}
    assert len(opening) == len(board) == 3 * (2 * (3 + 2) + 2 * (2 + 2))
    assert {s.event_id for s in board} == {e.event_id for e in simulation.events(T0)}
    assert all(q.odds is not None for q in opening)


def test_football_has_a_draw_and_basketball_has_none() -> None:
    simulation = Simulation(events=2, bookmakers=1)
    outcomes = defaultdict(set)
    for q in steps(simulation, 1)[0]:
        outcomes[q.event_id, q.market.partition("@")[0]].add(q.outcome)
    football, basketball = simulation.events(T0)
    assert football.sport == "simulated_football"
    assert outcomes[football.event_id, "h2h"] == {football.home, "Draw", football.away}
    assert outcomes[basketball.event_id, "h2h"] == {basketball.home, basketball.away}
    assert outcomes[football.event_id, "totals"] == {"Over", "Under"}


def test_every_quote_and_event_is_sound_and_labelled() -> None:
    simulation = Simulation(events=40, bookmakers=14, seed=9)
    for n in range(600):
        now = T0 + n * STEP
        for q in simulation.step(now):
            assert quote_fault(q, now) is None
            assert q.bookmaker_id.startswith("sim_")
            assert q.event_id.startswith("sim_")
            assert q.source_timestamp is not None
            assert q.source_timestamp <= now
    events = simulation.events(T0)
    assert [event_fault(e) for e in events] == [None] * 40
    assert all(e.name.startswith("Simulated: ") and " v " in e.name for e in events)
    assert all(e.starts_at is not None and e.starts_at > T0 for e in events)
    assert all(e.sport.startswith("simulated_") and e.home != e.away for e in events)


def test_after_the_opening_only_changes_are_sent() -> None:
    board: Board = {}
    for q in itertools.chain.from_iterable(steps(Simulation(seed=5), 3_000)):
        assert board.get(q.selection, "unseen") != q.odds
        board[q.selection] = q.odds


def test_bookmakers_are_late_each_in_its_own_way() -> None:
    simulation = Simulation(seed=5)
    ages = defaultdict(list)
    for n in range(2_000):
        now = T0 + n * STEP
        for q in simulation.step(now):
            assert q.source_timestamp is not None
            ages[q.bookmaker_id].append((now - q.source_timestamp).total_seconds())
    spread = {name: max(times) - min(times) for name, times in ages.items()}
    assert max(spread.values()) <= 0.051  # the delay, and at most one step
    assert max(min(times) for times in ages.values()) > 10 * min(min(t) for t in ages.values())


def test_markets_are_suspended_and_come_back() -> None:
    board: Board = {}
    suspended = resumed = 0
    for q in itertools.chain.from_iterable(steps(Simulation(seed=1), 20 * 120)):
        suspended += q.odds is None
        resumed += q.odds is not None and board.get(q.selection, 1.0) is None
        board[q.selection] = q.odds
    assert suspended > 0
    assert suspended >= resumed > 0


@pytest.mark.parametrize("seed", range(5))
def test_there_is_an_arbitrage_now_and_then_and_not_all_the_time(seed: int) -> None:
    board: Board = {}
    found: list[int] = []
    for n, quotes in enumerate(steps(Simulation(seed=seed), 20 * 120)):
        board |= {q.selection: q.odds for q in quotes}
        if n % 20 == 0:
            found.append(sum(margin > 0 for margin in margins(board).values()))
    assert any(found)
    assert sum(found) / len(found) < 24 / 4  # of 24 markets


@pytest.mark.parametrize("rate_hz", [5, 50, 5_000])
def test_it_changes_as_often_as_it_was_asked_to(rate_hz: float) -> None:
    simulation = Simulation(rate_hz=rate_hz, seed=2)
    steps(simulation, 20 * 30)  # until the slowest bookmaker is under way
    later = T0 + timedelta(seconds=30)
    seconds = 60 if rate_hz < 1_000 else 10
    changes = sum(len(simulation.step(later + n * STEP)) for n in range(20 * seconds))
    assert changes / seconds == pytest.approx(rate_hz, rel=0.15)


def test_prices_stay_prices_for_hours() -> None:
    board: Board = {}
    for quotes in steps(Simulation(events=2, seed=8), 3_600 * 3, timedelta(seconds=1)):
        board |= {q.selection: q.odds for q in quotes}
    assert all(1.01 <= odds < 60 for odds in board.values() if odds is not None)


def test_a_pause_or_a_clock_set_back_makes_no_flood() -> None:
    simulation = Simulation(rate_hz=50, seed=2)
    steps(simulation, 20 * 30)
    assert len(simulation.step(T0 + timedelta(days=1))) < 200
    assert simulation.step(T0) == []


@pytest.mark.parametrize(
    "wrong",
    [{"events": 0}, {"bookmakers": 0}, {"rate_hz": 0}, {"rate_hz": math.nan}, {"batches_hz": 0}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigurationError):
        Simulated(**wrong)  # type: ignore[arg-type]


# ------------------------------------------------------------------- the feed


class Clock:
    """Goes on by what was slept."""

    def __init__(self) -> None:
        self.now = T0

    def __call__(self) -> datetime:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


async def test_the_feed_is_the_simulation_in_time() -> None:
    clock = Clock()
    feed = Simulated(seed=3, clock=clock, sleep=clock.sleep)
    assert isinstance(feed, Feed)
    batches = await take(feed, 100)
    assert batches[0].events == feed.simulation.events(T0)
    assert [b.events for b in batches[1:]] == [[]] * 99
    plain = Simulation(seed=3)
    wanted = {b.received_at: b.quotes for b in batches}
    for n in range(round((batches[-1].received_at - T0) / STEP) + 1):
        now = T0 + n * STEP
        assert plain.step(now) == wanted.get(now, [])


async def test_the_connection_is_told_once_a_second_and_labelled() -> None:
    clock = Clock()
    feed = Simulated(seed=3, clock=clock, sleep=clock.sleep)
    seen = {}
    async for _ in feed:
        seen[id(feed.connection)] = feed.connection
        if clock.now > T0 + timedelta(seconds=9.5):
            break
    assert len(seen) == 10
    assert {(c.id, c.bookmaker_id, c.connection_type) for c in seen.values()} == {
        ("simulated", "simulated", "simulated")
    }
    assert {(c.status, c.detail) for c in seen.values()} == {("connected", "live")}


async def test_without_a_seed_it_takes_one_and_says_which(waits: Waits) -> None:
    first, second = Simulated(), Simulated(sleep=waits)
    assert first.seed != second.seed
    assert str(first.seed) in repr(first)
    assert len((await take(second, 1))[0].quotes) > 300
