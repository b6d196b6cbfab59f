"""A game starts when play reaches it, at whatever speed."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from protipp_stream.feeds.played_starts import PlayedStarts
from protipp_stream.model import Event

BEGAN, NOW = datetime(2026, 8, 4, tzinfo=UTC), datetime(2026, 11, 23, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


def game(starts_at: datetime | None) -> Event:
    return Event("game", "Away @ Home", "baseball_mlb", starts_at)


@pytest.mark.parametrize(
    ("speed", "later"), [(1, HOUR), (60, HOUR / 60), (0.5, 2 * HOUR), (math.inf, HOUR)]
)
def test_an_hour_after_the_first_fetch_is_an_hour_of_play(speed: float, later: timedelta) -> None:
    starts = PlayedStarts(speed)
    starts.begin(BEGAN, NOW)
    starts.begin(BEGAN + HOUR, NOW + HOUR / 7)
    assert starts.moved(game(BEGAN + HOUR)).starts_at == NOW + later
    assert starts.moved(game(BEGAN - HOUR)).starts_at == NOW - later
    assert starts.moved(game(None)).starts_at is None


def test_what_is_not_rebased_stays() -> None:
    starts = PlayedStarts(60)
    starts.begin(BEGAN, BEGAN)
    assert starts.moved(game(BEGAN + HOUR)).starts_at == BEGAN + HOUR


def test_a_placeholder_at_the_end_of_time_ends_no_replay() -> None:
    starts = PlayedStarts(0.5)
    starts.begin(BEGAN, NOW)
    last = datetime.max.replace(tzinfo=UTC)
    assert starts.moved(game(last)).starts_at == last
