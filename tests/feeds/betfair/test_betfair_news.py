"""The hand-over from the library's thread: in order, bounded, and with every last price."""

from __future__ import annotations

import asyncio
import random
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.feeds.betfair.news import Handover, News
from protipp_stream.model import Batch, Event, Quote

NOW = datetime(2026, 9, 21, tzinfo=UTC)


def news(number: int, *quotes: tuple[str, float | None], late: bool = False) -> News:
    said = [Quote("betfair", "30", "h2h", outcome, odds) for outcome, odds in quotes]
    return News(Batch(said, NOW + timedelta(seconds=number), float(number)), late)


async def drained(handover: Handover) -> list[News]:
    found = []
    while (one := await handover.get()) is not None:
        found.append(one)
    return found


async def test_news_of_a_thread_arrive_in_order_and_so_does_its_end() -> None:
    handover = Handover(limit=10_000)

    def speak() -> None:
        for number in range(5_000):
            handover.put(news(number, ("1", 2.0 + number)))
        handover.end()

    thread = threading.Thread(target=speak)
    thread.start()
    found = await drained(handover)
    thread.join()
    assert [one.batch.arrived for one in found] == list(range(5_000))
    assert handover.conflated == 0


async def test_what_ended_the_thread_is_raised_behind_the_last_news() -> None:
    handover = Handover()
    handover.put(news(1, ("1", 2.0)))
    handover.end(ValueError("why"))
    assert (await handover.get()) is not None
    with pytest.raises(ValueError, match="why"):
        await handover.get()


Steps = st.lists(st.tuples(st.sampled_from("abc"), st.none() | st.floats(1.5, 9.0)), max_size=40)


@given(steps=Steps, limit=st.integers(1, 5))
def test_a_full_hand_over_keeps_the_newest_of_each_selection_and_counts_the_rest(
    steps: list[tuple[str, float | None]], limit: int
) -> None:
    async def run() -> None:
        handover = Handover(limit)
        for number, step in enumerate(steps):
            handover.put(news(number, step))
        handover.end()
        found = await drained(handover)
        assert len(found) <= limit
        said = [(q.outcome, q.odds) for one in found for q in one.batch.quotes]
        assert dict(said) == dict(steps)
        assert len(said) + handover.conflated == len(steps)
        # Never said to be younger than it is.
        assert all(one.batch.arrived <= number for number, one in enumerate(found))

    asyncio.run(run())


async def test_merged_news_keep_events_faults_and_the_newest_state() -> None:
    handover = Handover(limit=1)
    first, second = news(1, ("1", 2.0)), news(2, ("2", 3.0), late=True)
    first.batch.events.append(Event("30", "old", "tennis"))
    second.batch.events.append(Event("30", "new", "tennis"))
    first.faults, second.faults = ["a"], ["b"]
    handover.put(first)
    handover.put(second)
    merged = await handover.get()
    assert merged is not None
    assert [event.name for event in merged.batch.events] == ["new"]
    assert (merged.is_late, merged.faults) == (True, ["a", "b"])
    assert merged.batch.received_at == NOW + timedelta(seconds=1)


async def test_what_could_not_be_read_is_all_counted_when_news_are_merged() -> None:
    handover = Handover(limit=1)
    for number in range(4):
        broken = news(number)
        broken.faults = [f"{number}.{fault}" for fault in range(7)]
        handover.put(broken)
    merged = await handover.get()
    assert merged is not None
    assert (merged.fault_count, len(merged.faults), merged.faults[0]) == (28, 10, "0.0")


async def test_a_price_that_can_not_be_true_is_counted_when_its_withdrawal_takes_its_place() -> (
    None
):
    handover = Handover(limit=1)
    handover.put(news(0, ("2", 2.0)))
    handover.put(news(1, ("1", 0.5), ("1", None)))
    handover.put(news(2, ("1", 1.5), ("2", 2.1)))
    merged = await handover.get()
    assert merged is not None
    assert (merged.fault_count, merged.faults) == (1, ["price of 1 in h2h: wrong odds"])


async def test_what_is_said_again_is_the_first_to_be_left_out_and_replaces_nothing() -> None:
    handover = Handover(limit=1)
    again = news(0, ("1", 2.0))
    again.is_confirmation = True
    change = news(1, ("1", 3.0))
    for one in (again, change, again):
        handover.put(one)
    assert (await handover.get()) is change
    assert handover.conflated == 0


async def test_a_thread_that_outlives_the_listener_finds_nobody_and_goes_on() -> None:
    handover = Handover()
    ended = threading.Event()

    def speak() -> None:
        for number in range(200):
            handover.put(news(number, (random.choice("ab"), 2.0)))
        handover.end()
        ended.set()

    thread = threading.Thread(target=speak)
    thread.start()
    await handover.ended()
    thread.join()
    assert ended.is_set()


def test_a_closed_loop_is_no_error_in_the_thread() -> None:
    async def make() -> Handover:
        return Handover()

    handover = asyncio.run(make())
    handover.put(news(1, ("1", 2.0)))
    handover.end()
