"""The live feed against a local provider: what it asks, how it fails and comes back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from protipp_stream.core.book import Book
from protipp_stream.errors import ConfigurationError, FeedRefused
from protipp_stream.feeds.base import Feed
from protipp_stream.feeds.replay import Replay
from protipp_stream.feeds.the_odds_api.feed import TheOddsApi
from protipp_stream.model import Batch, Quota
from tests.feeds.bodies import HOME, body, bookmaker, event, market, outcome
from tests.feeds.conftest import CANARY, TROUBLES, Make, Waits, drain, take
from tests.feeds.the_odds_api_server import HANG, Answer, FakeTheOddsApi, Raw


async def until_refused(feed: TheOddsApi) -> tuple[list[Batch], FeedRefused]:
    batches: list[Batch] = []
    with pytest.raises(FeedRefused) as caught:
        await drain(feed, batches)
    return batches, caught.value


# -------------------------------------------------------------------- it works


async def test_it_asks_as_it_was_told(make: Make, provider: FakeTheOddsApi) -> None:
    await take(make(regions=["us", "uk"], markets=["h2h"]), 1)
    assert provider.paths == ["/v4/sports/baseball_mlb/odds"]
    assert provider.calls == [
        {
            "apiKey": CANARY,
            "markets": "h2h",
            "oddsFormat": "decimal",
            "dateFormat": "iso",
            "regions": "us,uk",
        }
    ]


@pytest.mark.parametrize(("odds_format", "home"), [("decimal", 1.67), ("american", 1 + 100 / 150)])
async def test_prices_are_decimal_however_they_are_asked_for(
    make: Make, odds_format: str, home: float
) -> None:
    [batch] = await take(make(odds_format=odds_format), 1)
    assert {q.outcome: q.odds for q in batch.quotes}[HOME] == home
    assert [e.name for e in batch.events] == ["Washington Nationals @ Philadelphia Phillies"]


async def test_the_connection_tells_how_it_goes(make: Make) -> None:
    feed = make(regions=["us"])
    assert isinstance(feed, Feed)
    assert feed.connection.status == "connecting"
    before = datetime.now(UTC)
    [batch] = await take(feed, 1)
    now = feed.connection
    assert (now.status, now.detail, now.connection_type) == ("connected", "live", "polling")
    assert now.quota == Quota(remaining=497, used=3, last=3)
    assert now.latency_ms is not None
    assert 0 < now.latency_ms < 10_000
    assert now.last_heartbeat == now.last_update == batch.received_at
    assert before <= batch.received_at <= datetime.now(UTC)
    assert 0 <= time.monotonic() - batch.arrived < 10


async def test_the_same_again_is_a_heartbeat_and_no_update(make: Make) -> None:
    feed = make()
    first, second = await take(feed, 2)
    assert feed.connection.last_heartbeat == second.received_at
    assert feed.connection.last_update == first.received_at
    assert second.events == []


async def test_what_vanishes_is_suspended(make: Make, provider: FakeTheOddsApi) -> None:
    provider.bodies.append(body())
    book = Book("t")
    for batch in await take(make(), 2):
        book.apply(batch.quotes, batch.received_at)
    assert [q.odds for q in book.quotes()] == [None, None]


async def test_it_never_polls_faster_than_the_interval(make: Make, waits: Waits) -> None:
    started = time.monotonic()
    await take(make(interval_s=70.0, clock=time.monotonic), 4)
    spent = time.monotonic() - started
    assert len(waits.seconds) == 3
    # Each wait is the interval less the time that the call before it took.
    assert all(70 - spent <= seconds <= 70 for seconds in waits.seconds)


async def test_bad_items_are_counted_and_the_rest_goes_on(
    make: Make, provider: FakeTheOddsApi, caplog: pytest.LogCaptureFixture
) -> None:
    bad = market("totals", outcome("Over", -110), outcome("Under", -110, 7.5))
    provider.bodies.clear()
    provider.bodies.append(body(event(bookmaker("b", bad))))
    feed = make(odds_format="american")
    [batch] = await take(feed, 1)
    assert [q.outcome for q in batch.quotes] == ["Under"]
    assert feed.connection.status == "connected"
    assert feed.connection.error_count == 1
    assert "1 items could not be read" in str(feed.connection.last_error)
    assert "1 items could not be read" in caplog.text


async def test_a_client_that_was_given_is_used_and_left_open(make: Make) -> None:
    async with httpx.AsyncClient(headers={"user-agent": "mine"}) as client:
        await take(make(client=client), 1)
        assert not client.is_closed


@pytest.mark.recording
async def test_a_recorded_body_reads_the_same_live_and_replayed(
    make: Make, provider: FakeTheOddsApi, baseball: Path
) -> None:
    import lzma

    with lzma.open(baseball) as fetches:
        line = msgspec.json.decode(next(iter(fetches)))
    provider.bodies.clear()
    provider.bodies.append(msgspec.json.encode(line["body"]))
    [live] = await take(make(odds_format="american"), 1)
    [replayed] = await take(Replay(baseball, rebase=False), 1)
    assert len(live.quotes) > 500
    assert live.quotes == replayed.quotes
    assert live.events == replayed.events


# ---------------------------------------------------------------- refused for good


@pytest.mark.parametrize(
    "code", ["MISSING_KEY", "INVALID_KEY", "DEACTIVATED_KEY", "OUT_OF_USAGE_CREDITS"]
)
async def test_a_refusal_ends_the_feed_and_is_never_retried(
    make: Make, provider: FakeTheOddsApi, waits: Waits, code: str
) -> None:
    provider.mishaps.append(Answer(401, code))
    feed = make()
    batches, refusal = await until_refused(feed)
    assert [b.quotes for b in batches] == [[]]
    assert code in str(refusal)
    assert refusal.hint
    assert (feed.connection.status, feed.connection.detail) == ("error", "terminal")
    assert feed.connection.last_error == str(refusal)
    assert feed.connection.error_count == 1
    assert len(provider.calls) == 1
    assert waits.seconds == []


async def test_a_wrong_key_is_refused(make: Make) -> None:
    _, refusal = await until_refused(make("wrong-key"))
    assert "INVALID_KEY" in str(refusal)
    assert "wrong-key" not in str(refusal)


async def test_bad_parameters_are_refused_with_the_providers_words(make: Make) -> None:
    feed = make()
    feed._parameters["markets"] = "nonsense"
    _, refusal = await until_refused(feed)
    assert "422 INVALID_MARKET Invalid markets parameter" in str(refusal)


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_other_refusals_end_it_too(make: Make, provider: FakeTheOddsApi, status: int) -> None:
    provider.mishaps.append(Raw(status, b"<html>no</html>"))
    _, refusal = await until_refused(make())
    assert str(status) in str(refusal)
    assert len(provider.calls) == 1


async def test_it_stops_before_a_call_that_the_quota_cannot_pay(
    make: Make, provider: FakeTheOddsApi
) -> None:
    provider.credit = 8
    feed = make(regions=["us"])
    batches, refusal = await until_refused(feed)
    assert len(provider.calls) == 2  # 3 credits each; the third call was never made
    assert [len(b.quotes) for b in batches] == [2, 2, 2]
    assert {quote.odds for quote in batches[-1].quotes} == {None}  # nobody asks any more
    assert "costs 3 credits and 2 are left" in str(refusal)
    assert feed.connection.detail == "terminal"


@pytest.mark.parametrize(
    ("settings", "cost"),
    [
        ({"regions": ["us"], "markets": ["h2h"]}, 1),
        ({"regions": ["us", "uk"], "markets": ["h2h", "totals"]}, 4),
        ({"bookmakers": [f"b{n}" for n in range(11)], "markets": ["h2h"]}, 2),
    ],
)
async def test_the_cost_is_what_the_provider_takes(
    make: Make, settings: dict[str, Any], cost: int
) -> None:
    feed = make(**settings)
    await take(feed, 1)
    assert feed.connection.quota is not None
    assert feed.cost == feed.connection.quota.last == cost


# --------------------------------------------------------------------- it comes back


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_trouble_is_told_and_retried(
    make: Make, provider: FakeTheOddsApi, waits: Waits, trouble: str
) -> None:
    provider.mishaps.append(TROUBLES[trouble])
    feed = make()
    seen = []
    async for batch in feed:
        seen.append((len(batch.quotes), feed.connection))
        if batch.quotes:
            break
    (none, failed), (some, recovered) = seen
    assert (none, some) == (0, 2)
    assert (failed.status, failed.detail) == ("connecting", "backoff")
    assert (failed.error_count, failed.reconnect_attempts) == (1, 1)
    assert failed.last_error
    assert waits.seconds == [1.0]
    assert (recovered.status, recovered.detail) == ("connected", "live")
    assert (recovered.error_count, recovered.reconnect_attempts) == (1, 0)


async def test_silence_is_trouble(make: Make, provider: FakeTheOddsApi) -> None:
    provider.mishaps.append(HANG)
    feed = make(timeout_s=0.2)
    [batch] = await take(feed, 1)
    assert batch.quotes == []
    assert "no answer within 0.2 s" in str(feed.connection.last_error)


async def test_nobody_there_is_trouble(make: Make) -> None:
    feed = make(base_url="http://127.0.0.1:9")
    [batch] = await take(feed, 1)
    assert batch.quotes == []
    assert "ConnectError" in str(feed.connection.last_error)


async def test_it_backs_off_further_each_time_and_forgets_when_it_works(
    make: Make, provider: FakeTheOddsApi, waits: Waits
) -> None:
    provider.mishaps.extend([*[Answer(500)] * 4, None, Answer(500)])
    await take(make(), 7)
    assert waits.seconds == [1, 2, 4, 8, 60, 1]


@pytest.mark.parametrize(
    ("header", "least", "most"),
    [
        (None, 1, 1),
        ("0", 1, 1),
        ("7", 7, 7),
        ("0.5", 1, 1),
        ("soon", 1, 1),
        ("nan", 1, 1),
        ("date", 25, 30),
    ],
)
async def test_too_fast_waits_as_long_as_it_was_asked_to(
    make: Make,
    provider: FakeTheOddsApi,
    waits: Waits,
    header: str | None,
    least: float,
    most: float,
) -> None:
    if header == "date":
        header = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    headers = {"retry-after": header} if header else {}
    provider.mishaps.append(Answer(429, "EXCEEDED_FREQ_LIMIT", headers))
    feed = make()
    first, second = await take(feed, 2)
    assert (len(first.quotes), len(second.quotes)) == (0, 2)
    assert least <= waits.seconds[0] <= most
    assert "EXCEEDED_FREQ_LIMIT" in str(feed.connection.last_error)


async def test_the_quota_of_a_refused_call_is_told(make: Make, provider: FakeTheOddsApi) -> None:
    provider.mishaps.append(Answer(500))
    feed = make()
    await take(feed, 1)
    assert feed.connection.quota == Quota(remaining=500, used=0, last=0)


# ----------------------------------------------------------------- settings


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": ""},
        {"key": "  \n"},
        {"markets": []},
        {"markets": "h2h"},
        {"markets": ["player_points"]},
        {"regions": "us"},
        {"regions": []},
        {"bookmakers": "fanduel"},
        {"odds_format": "fractional"},
        {"interval_s": 0},
        {"interval_s": float("nan")},
        {"timeout_s": -1},
        {"quota_renews_on": 31},
        {"quota_renews_on": 0},
        {"sport": "../../account"},
        {"sport": ""},
        {"base_url": "http://api.the-odds-api.com"},
        {"base_url": "ftp://127.0.0.1"},
        {"base_url": "nonsense"},
        {"base_url": "https://api.the-odds-api.com:port"},
    ],
)
def test_settings_that_make_no_sense_are_refused_at_once(make: Make, wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        make(**wrong)
