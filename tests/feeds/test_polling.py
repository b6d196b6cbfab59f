"""How often a board is worth asking for, and what the quota says to that."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.errors import FeedRefused
from protipp_stream.feeds.polling import Polling, Refresh, board_interval_s
from protipp_stream.feeds.the_odds_api.request import refresh
from protipp_stream.model import Quota

NOW = datetime(2026, 8, 4, 12, tzinfo=UTC)
BOOKMAKERS, EXCHANGES = Refresh(60.0, 40.0), Refresh(30.0, 20.0)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


def polling(floor_s: float = 20.0, cost: float = 3, renews_on: int | None = 5) -> Polling:
    """Half a day before its quota is renewed."""
    return Polling(
        "feed",
        floor_s,
        BOOKMAKERS,
        cost,
        renews_on=renews_on,
        clock=lambda: 0.0,
        wall=lambda: NOW,
    )


@pytest.mark.parametrize(
    ("ahead", "seconds"),
    [
        ([-HOUR], 40),
        ([timedelta()], 40),
        ([MINUTE], 60),
        ([3 * HOUR], 60),
        ([3 * HOUR + 2 * MINUTE], 120),  # no later than when the next faster pace begins
        ([4 * HOUR], 300),
        ([24 * HOUR], 300),
        ([24 * HOUR + 10 * MINUTE], 600),
        ([240 * HOUR], 900),
        ([240 * HOUR, 4 * HOUR, MINUTE], 60),
        ([240 * HOUR, -HOUR], 40),
        ([240 * HOUR, None], 60),
        ([-HOUR, None], 40),
        ([None], 60),
        ([], 300),
    ],
)
def test_the_soonest_game_sets_the_pace(ahead: Sequence[timedelta | None], seconds: float) -> None:
    starts = [None if a is None else NOW + a for a in ahead]
    assert board_interval_s(starts, NOW, BOOKMAKERS) == seconds


def test_exchanges_have_news_twice_as_often() -> None:
    assert board_interval_s([NOW], NOW, EXCHANGES) == 20
    assert board_interval_s([NOW + MINUTE], NOW, EXCHANGES) == 30


@pytest.mark.parametrize(
    ("regions", "markets", "bookmakers", "expected"),
    [
        (["uk"], ["h2h"], None, BOOKMAKERS),
        (["uk"], ["h2h", "h2h_lay"], None, EXCHANGES),
        (["us", "us_ex"], ["h2h"], None, EXCHANGES),
        (["us_ex"], ["h2h"], ["fanduel"], BOOKMAKERS),
        (["us"], ["h2h"], ["fanduel", "betfair_ex_uk"], EXCHANGES),
    ],
)
def test_exchanges_are_those_asked_for_as_such(
    regions: list[str], markets: list[str], bookmakers: list[str] | None, expected: Refresh
) -> None:
    assert refresh(regions, markets, bookmakers) == expected


@given(
    st.lists(st.none() | st.floats(-1e5, 1e6).map(lambda s: NOW + timedelta(seconds=s))),
    st.sampled_from([BOOKMAKERS, EXCHANGES]),
    st.floats(1, 10_000),
)
def test_never_faster_than_the_floor_nor_than_there_is_news(
    starts: list[datetime | None], news: Refresh, floor_s: float
) -> None:
    in_play = any(start is not None and start <= NOW for start in starts)
    interval_s = board_interval_s(starts, NOW, news)
    assert interval_s >= (news.in_play_s if in_play else news.before_s)
    wait_s, _ = polling(floor_s, renews_on=None).plan(starts)
    assert wait_s >= floor_s


@given(st.floats(0, 1e6))
def test_no_wait_leads_past_the_moment_when_more_is_to_be_asked(ahead_s: float) -> None:
    start = NOW + timedelta(seconds=ahead_s)
    wait_s = board_interval_s([start], NOW, BOOKMAKERS)
    for bound_s, then_s in ((86400, 300), (3 * 3600, 60)):
        if ahead_s > bound_s:
            assert ahead_s - wait_s >= bound_s - then_s


def test_a_quota_that_lasts_stretches_nothing() -> None:
    plans = polling()
    plans.note(Quota(remaining=3 * 24 * 60, used=0))
    assert plans.plan([NOW + MINUTE]) == (60.0, None)


def test_a_quota_that_would_not_last_stretches_the_interval_and_says_so_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "protipp_stream")
    plans = polling()
    plans.note(Quota(remaining=3 * 120, used=0))
    wait_s, words = plans.plan([NOW])
    assert wait_s == 12 * 3600 / 120
    assert words == (
        "To last until 5 August, the quota allows a call every 6 min instead of every 40 s;"
        " quota_renews_on=None spends it faster."
    )
    assert plans.plan([NOW]) == (360.0, None)
    # Freshness is judged by what the board needs, not by what can be paid.
    assert plans.interval_s == 40.0
    plans.note(Quota(remaining=30_000, used=0))
    assert plans.plan([NOW]) == (40.0, None)
    assert plans.plan([NOW]) == (40.0, None)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    plans.note(Quota(remaining=3 * 120, used=0))
    assert plans.plan([NOW])[1] == words


def test_a_quota_need_not_be_spread() -> None:
    plans = polling(renews_on=None)
    plans.note(Quota(remaining=3, used=497))
    assert plans.plan([NOW]) == (40.0, None)


def test_the_warning_is_given_once_and_the_stop_is_a_refusal() -> None:
    plans = polling()
    assert plans.admit() is None
    plans.note(Quota(remaining=90, used=410))
    assert str(plans.admit()).startswith("82 % of the quota is used: 90 of 500")
    assert plans.admit() is None
    plans.note(Quota(remaining=2.5, used=497.5))
    with pytest.raises(FeedRefused, match=r"costs 3 credits and 2\.5 are left"):
        plans.admit()
