"""How the live feed looks after itself and its provider: pace, breaker, budget."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from protipp_stream.errors import FeedRefused
from protipp_stream.feeds.the_odds_api.feed import TheOddsApi
from protipp_stream.model import RealTimeConnection
from tests.feeds.bodies import body, moneyline
from tests.feeds.conftest import Make, Waits, take
from tests.feeds.following import following
from tests.feeds.the_odds_api_server import Answer, FakeTheOddsApi, Raw


async def states(feed: TheOddsApi, count: int) -> list[RealTimeConnection]:
    """The state after each of so many batches."""
    seen = []
    async for _ in feed:
        seen.append(feed.connection)
        if len(seen) == count:
            break
    return seen


def starting(waits: Waits, ahead: timedelta) -> bytes:
    start = (waits.began + ahead).isoformat().replace("+00:00", "Z")
    return body(moneyline(commence_time=start))


# -------------------------------------------------------------------- the pace


@pytest.mark.parametrize(
    ("ahead", "paces"),
    [
        (timedelta(hours=30), [900, 900, 900]),
        (timedelta(hours=3, minutes=7), [300, 120, 60, 60]),
        (timedelta(minutes=2), [60, 60, 40, 40]),
    ],
)
async def test_it_asks_slowly_for_far_off_games_and_faster_as_they_come_near(
    make: Make, provider: FakeTheOddsApi, waits: Waits, ahead: timedelta, paces: list[float]
) -> None:
    provider.bodies.clear()
    provider.bodies.append(starting(waits, ahead))
    feed = make()
    await take(feed, len(paces) + 1)
    assert waits.seconds == paces
    assert feed.interval_s == paces[-1]


async def test_the_interval_of_the_user_is_the_floor(make: Make, waits: Waits) -> None:
    await take(make(interval_s=45.0), 2)
    await take(make(interval_s=75.0), 2)
    assert waits.seconds == [60, 75]


# ------------------------------------------------------------------ the breaker


async def test_five_failures_open_the_breaker_and_three_successes_close_it(
    make: Make, provider: FakeTheOddsApi, waits: Waits
) -> None:
    provider.mishaps.extend([Answer(503)] * 6)
    seen = await states(make(), 10)
    assert [(s.status, s.detail) for s in seen] == [
        *[("connecting", "backoff")] * 4,
        *[("disconnected", "backoff")] * 2,
        *[("connected", "recovering")] * 2,
        *[("connected", "live")] * 2,
    ]
    assert waits.seconds == [1, 2, 4, 8, 30, 60, 60, 60, 60]
    assert len(provider.calls) == 10
    opened = str(seen[4].last_error)
    assert opened.startswith("5 failures within 60 s: no further try for 30 s. The Odds API fails")
    assert [s.reconnect_attempts for s in seen] == [1, 2, 3, 4, 5, 6, 0, 0, 0, 0]
    assert seen[-1].error_count == 6


async def test_a_provider_that_fails_every_other_time_is_not_asked_at_full_pace_for_ever(
    make: Make, provider: FakeTheOddsApi, waits: Waits
) -> None:
    provider.mishaps.extend([Answer(500), None] * 10)
    feed = make(interval_s=1.0)
    feed._polling._refresh = feed._polling._refresh._replace(before_s=1.0)
    await take(feed, 20)
    assert max(waits.seconds) >= 30


# -------------------------------------------------------------------- the budget


async def test_from_80_percent_on_it_says_when_the_quota_runs_out(
    make: Make, provider: FakeTheOddsApi, caplog: pytest.LogCaptureFixture
) -> None:
    provider.credit = 10
    seen = await states(make(markets=["h2h"]), 10)
    # Told with the batch of the call before which it was judged: the ninth.
    words = "80 % of the quota is used: 2 of 10 credits are left, enough for 2 min"
    assert [words in str(s.last_error) for s in seen] == [*[False] * 8, True, True]
    assert {s.status for s in seen} == {"connected"}
    assert seen[-1].error_count == 0
    assert caplog.text.count("of the quota is used") == 1


async def test_a_small_quota_is_made_to_last_until_it_is_renewed(
    make: Make, provider: FakeTheOddsApi, waits: Waits
) -> None:
    provider.credit = 100
    waits.began = datetime(2026, 8, 31, 22, tzinfo=UTC)
    feed = make(markets=["h2h"], quota_renews_on=1)
    await take(feed, 30)
    assert waits.seconds[0] == pytest.approx(7200 / 99)
    assert waits.seconds[-1] == pytest.approx(waits.seconds[0])
    assert "To last until 1 September" in str(feed.connection.last_error)
    assert feed.interval_s == 40  # played since weeks, by its start


async def test_it_goes_on_when_the_quota_was_renewed(make: Make, provider: FakeTheOddsApi) -> None:
    provider.credit = 7
    feed = make()
    taken = 0
    async for batch in feed:
        taken += len(batch.quotes)
        provider.used = 0  # another month
        if taken >= 8:
            break
    assert len(provider.calls) == 4


async def test_what_others_spend_from_the_same_quota_counts(
    make: Make, provider: FakeTheOddsApi
) -> None:
    feed = make()

    async def follow() -> None:
        async for _ in feed:
            if len(provider.calls) == 1:
                provider.used = 495

    with pytest.raises(FeedRefused, match="costs 3 credits and 2 are left"):
        await follow()
    assert len(provider.calls) == 2


async def test_a_body_without_end_is_not_read_to_its_end(
    make: Make, provider: FakeTheOddsApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.feeds.answers.MAX_BODY_BYTES", 5000)
    provider.mishaps.append(Raw(200, b"[" + b" " * 6000 + b"]"))
    feed = make()
    await take(feed, 1)
    assert "more than 5000 bytes" in str(feed.connection.last_error)
    assert feed.connection.status == "connecting"


async def test_a_refusal_for_good_withdraws_what_stands(
    make: Make, provider: FakeTheOddsApi
) -> None:
    feed = make()
    async with following(feed) as board:
        await board.next()
        assert len(board.prices) == 2
        provider.mishaps.append(Raw(403, b"no"))
        await board.next()
        assert board.prices == {}
        with pytest.raises(FeedRefused):
            await board.next()


@pytest.mark.parametrize("status", [404, 409, 421, 423, 425])
async def test_what_worked_before_is_asked_again(
    make: Make, provider: FakeTheOddsApi, status: int
) -> None:
    feed = make()
    async with following(feed) as board:
        await board.next()
        provider.mishaps.append(Raw(status, b"moved"))
        assert (await board.next()).quotes == []
        await board.next()
        assert len(board.prices) == 2
    assert feed.connection.status == "connected"
