"""A recording, played: its figures, its times, its pace, and files that are none."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import math
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.core.book import Book
from protipp_stream.core.quarantine import event_fault, quote_fault
from protipp_stream.errors import ConfigurationError, RecordingError
from protipp_stream.feeds.base import Feed
from protipp_stream.feeds.replay import Replay
from protipp_stream.model import Batch, Selection
from tests.feeds.bodies import AWAY, HOME, bookmaker, event, market, moneyline, outcome
from tests.feeds.conftest import Waits, drain, take

T0 = datetime(2026, 8, 4, 0, 0, 51, tzinfo=UTC)


def fetch(after_s: float, *events: dict[str, Any]) -> bytes:
    at = T0 + timedelta(seconds=after_s)
    return json.dumps({"fetched_at": at.isoformat(), "commit": "c", "body": events}).encode()


FETCHES = [
    fetch(0, moneyline()),
    fetch(300, moneyline(-150, 140)),
    fetch(360, moneyline(-160, 140)),
]


@pytest.fixture
def recording(tmp_path: Path) -> Callable[..., Path]:
    def written(*lines: bytes, name: str = "r.jsonl") -> Path:
        path = tmp_path / name
        text = b"".join(line + b"\n" for line in lines)
        pack = {".xz": lzma.compress, ".gz": gzip.compress, ".bz2": bz2.compress}
        path.write_bytes(pack.get(path.suffix, bytes)(text))
        return path

    return written


Write = Callable[..., Path]


# --------------------------------------------------------------- the whole file


def scan(baseball: Path) -> dict[str, int]:
    """Count the plain way, with nothing of the package."""
    last: dict[tuple[Any, ...], int] = {}
    before: set[tuple[Any, ...]] = set()
    found = dict.fromkeys(("fetches", "updates", "suspended", "resumed"), 0)
    events: set[str] = set()
    with lzma.open(baseball) as lines:
        for line in lines:
            found["fetches"] += 1
            now = {}
            for e in json.loads(line)["body"]:
                events.add(e["id"])
                for b in e["bookmakers"]:
                    for m in b["markets"]:
                        for o in m["outcomes"]:
                            key = (b["key"], e["id"], m["key"], o["name"], o.get("point"))
                            now[key] = o["price"]
            for key, price in now.items():
                found["updates"] += last.get(key) != price
                found["resumed"] += last.get(key) == price and key not in before
            found["suspended"] += len(before - now.keys())
            last |= now
            before = set(now)
    bookmakers = {key[0] for key in last}
    return found | {
        "events": len(events),
        "bookmakers": len(bookmakers),
        "selections": len(last),
    }


@pytest.mark.recording
@pytest.mark.slow
async def test_four_days_of_baseball_give_exactly_what_is_in_them(
    baseball: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    feed, book = Replay(baseball, speed=math.inf), Book("t")
    last: dict[Selection, float] = {}
    heartbeats, events = set(), set()
    found = dict.fromkeys(("updates", "suspended", "resumed"), 0)
    quotes = 0
    started = time.perf_counter()
    async for batch in feed:
        quotes += len(batch.quotes)
        heartbeats.add(feed.connection.last_heartbeat)
        events.update(e.event_id for e in batch.events)
        for update in book.apply(batch.quotes, batch.received_at):
            if update.new_odds is None:
                found["suspended"] += 1
                continue
            same = last.get(update.selection) == update.new_odds
            found["resumed" if same else "updates"] += 1
            last[update.selection] = update.new_odds
    took = time.perf_counter() - started
    with capsys.disabled():
        sys.stdout.write(f"\n{quotes:,} quotes through the book in {took:.1f} s\n")
    found |= {
        "fetches": len(heartbeats),
        "events": len(events),
        "bookmakers": len({selection.bookmaker_id for selection in last}),
        "selections": len(last),
    }
    assert found == scan(baseball)
    assert found == {
        "fetches": 1_151,
        "events": 79,
        "bookmakers": 11,
        "selections": 14_588,
        "updates": 126_729,
        "suspended": 30_240,
        "resumed": 2_678,
    }
    assert feed.connection.error_count == 0


@pytest.mark.recording
async def test_what_is_recorded_passes_the_quarantine(baseball: Path) -> None:
    for batch in await take(Replay(baseball, speed=math.inf), 30):
        assert {quote_fault(q, batch.received_at) for q in batch.quotes} == {None}
        assert {event_fault(e) for e in batch.events} <= {None}


@pytest.mark.recording
async def test_both_sides_of_every_spread_are_one_market(baseball: Path) -> None:
    [batch] = await take(Replay(baseball, speed=math.inf), 1)
    sides: dict[tuple[str, str, str], set[str]] = {}
    for q in batch.quotes:
        if q.market.startswith("spreads"):
            sides.setdefault((q.bookmaker_id, q.event_id, q.market), set()).add(q.outcome)
    assert {len(names) for names in sides.values()} == {2}


# ------------------------------------------------------------------ the times


async def test_it_waits_as_long_as_the_recording_did(recording: Write, waits: Waits) -> None:
    await take(Replay(recording(*FETCHES), speed=60, sleep=waits), 9)
    assert waits.seconds == [5.0, 1.0]


async def test_as_fast_as_it_goes_never_waits(recording: Write, waits: Waits) -> None:
    assert len(await take(Replay(recording(*FETCHES), speed=math.inf, sleep=waits), 9)) == 3
    assert waits.seconds == []


async def test_a_clock_that_was_set_back_is_no_wait(recording: Write, waits: Waits) -> None:
    path = recording(fetch(300, moneyline()), fetch(0, moneyline()))
    await take(Replay(path, sleep=waits), 9)
    assert waits.seconds == [0.0]


async def test_rebased_a_batch_arrives_now_and_ages_stay_true(
    recording: Write, waits: Waits
) -> None:
    feed = Replay(recording(*FETCHES), sleep=waits)
    ages, starts = [], []
    async for batch in feed:
        assert abs(datetime.now(UTC) - batch.received_at) < timedelta(seconds=10)
        assert abs(time.monotonic() - batch.arrived) < 10
        stamp = batch.quotes[0].source_timestamp
        assert stamp is not None
        ages.append((batch.received_at - stamp).total_seconds())
        starts += [(e.starts_at, batch.received_at) for e in batch.events]
    assert ages == [10, 310, 370]  # the stamp is always 00:00:41, the fetches come later
    # One start, as far from the first fetch as it was, although the waits are not waited.
    [(start, first)] = starts
    assert start is not None
    assert start - first == datetime(2026, 8, 4, 2, 41, tzinfo=UTC) - T0


async def test_not_rebased_every_time_is_as_recorded(recording: Write, waits: Waits) -> None:
    batches = await take(Replay(recording(*FETCHES), rebase=False, sleep=waits), 9)
    assert [b.received_at for b in batches] == [
        T0,
        T0 + timedelta(seconds=300),
        T0 + timedelta(seconds=360),
    ]
    assert batches[0].quotes[0].source_timestamp == T0 - timedelta(seconds=10)
    assert batches[0].events[0].starts_at == datetime(2026, 8, 4, 2, 41, tzinfo=UTC)
    assert abs(time.monotonic() - batches[0].arrived) < 10


async def test_it_waits_for_its_audience(recording: Write, waits: Waits) -> None:
    story: list[str] = []

    async def pace() -> None:
        story.append("pace")

    async for _ in Replay(recording(*FETCHES), pace=pace, sleep=waits):
        story.append("batch")
    assert story == ["batch", "pace"] * 3


async def test_every_fetch_is_a_heartbeat_of_its_own(recording: Write, waits: Waits) -> None:
    feed = Replay(recording(*FETCHES), sleep=waits)
    assert isinstance(feed, Feed)
    seen = []
    async for _ in feed:
        seen.append(feed.connection)
    assert [c.last_heartbeat for c in seen] == [T0 + timedelta(seconds=s) for s in (0, 300, 360)]
    assert {(c.id, c.bookmaker_id, c.connection_type) for c in seen} == {
        ("replay", "the_odds_api", "replay")
    }
    assert {(c.status, c.detail) for c in seen} == {("connected", "live")}
    assert feed.connection.status == "disconnected"
    assert feed.connection.last_error is None


# -------------------------------------------------------------------- the file


@pytest.mark.parametrize("name", ["r.jsonl", "r.jsonl.xz", "r.jsonl.gz", "r.jsonl.bz2"])
async def test_it_reads_plain_and_compressed(recording: Write, waits: Waits, name: str) -> None:
    path = recording(*FETCHES[:2], b"", FETCHES[2], name=name)
    assert len(await take(Replay(path, sleep=waits), 9)) == 3


@pytest.mark.parametrize(
    ("home", "away", "asked", "odds"),
    [
        (-150, 130, "auto", 2.3),
        (1.67, 2.3, "auto", 2.3),
        (-150, 130, "american", 2.3),
        (1.67, 2.3, "decimal", 2.3),
        (1.01, 150, "auto", 150),
    ],
)
async def test_it_finds_the_format_of_the_prices(
    recording: Write, home: float, away: float, asked: Any, odds: float
) -> None:
    path = recording(fetch(0), fetch(1, moneyline(home, away)))
    _, batch = await take(Replay(path, speed=math.inf, odds_format=asked), 2)
    assert {q.outcome: q.odds for q in batch.quotes}[AWAY] == odds


async def test_the_format_is_found_once_for_the_whole_recording(recording: Write) -> None:
    path = recording(FETCHES[0], fetch(1, moneyline(150, 150)))
    feed = Replay(path, speed=math.inf)
    _, batch = await take(feed, 2)
    assert [q.odds for q in batch.quotes] == [2.5, 2.5]


async def test_a_format_that_cannot_be_told_is_asked_for(recording: Write) -> None:
    path = recording(fetch(0, moneyline(105, 105)))
    with pytest.raises(RecordingError, match="odds_format="):
        await take(Replay(path), 2)
    [batch] = await take(Replay(path, odds_format="american"), 9)
    assert [q.odds for q in batch.quotes] == [2.05, 2.05]


BROKEN = {
    "no JSON": (FETCHES[0], b"nonsense"),
    "half a line": (FETCHES[0], FETCHES[1][:-20]),
    "no body": (FETCHES[0], b'{"fetched_at": "2026-08-04T00:00:51Z"}'),
    "no time": (FETCHES[0], b'{"body": []}'),
    "a time without zone": (FETCHES[0], b'{"fetched_at": "2026-08-04T00:00:51", "body": []}'),
    "an error for a body": (
        FETCHES[0],
        b'{"fetched_at": "2026-08-04T00:00:51Z", "body": {"message": "quota"}}',
    ),
    "bytes that are no text": (FETCHES[0], b'{"fetched_at": "\xff", "body": []}'),
}


@pytest.mark.parametrize("damage", BROKEN)
async def test_a_line_that_is_no_fetch_is_named(
    recording: Write, waits: Waits, damage: str
) -> None:
    feed = Replay(recording(*BROKEN[damage]), sleep=waits)
    batches: list[Batch] = []
    with pytest.raises(RecordingError, match=r"'r\.jsonl', line 2: ") as caught:
        await drain(feed, batches)
    assert [len(b.quotes) for b in batches] == [2, 0]
    assert '"fetched_at"' in caught.value.hint
    assert (feed.connection.status, feed.connection.detail) == ("error", "terminal")
    assert feed.connection.last_error == str(caught.value)


@pytest.mark.parametrize("name", ["r.jsonl.xz", "r.jsonl.gz", "r.jsonl.bz2"])
async def test_a_file_cut_short_or_not_compressed_at_all_is_named(
    recording: Write, waits: Waits, name: str
) -> None:
    path = recording(*FETCHES, name=name)
    whole = path.read_bytes()
    for damaged in (whole[: len(whole) // 2], b"plain text, no archive"):
        path.write_bytes(damaged)
        with pytest.raises(RecordingError, match="line 1"):
            await take(Replay(path, sleep=waits), 9)


async def test_an_empty_file_is_no_recording(recording: Write) -> None:
    with pytest.raises(RecordingError, match="holds no fetch"):
        await take(Replay(recording()), 2)


def test_a_missing_file_is_refused_at_once_and_says_what_one_looks_like(tmp_path: Path) -> None:
    for path in (tmp_path / "none.jsonl", tmp_path):
        with pytest.raises(RecordingError, match="fetched_at"):
            Replay(path)


@pytest.mark.parametrize("speed", [0, -1, math.nan])
def test_a_speed_must_be_above_0(recording: Write, speed: float) -> None:
    with pytest.raises(ConfigurationError):
        Replay(recording(*FETCHES), speed=speed)


async def test_bad_items_in_a_recording_are_counted(recording: Write, waits: Waits) -> None:
    bad = market("h2h", outcome(HOME, -110), outcome(AWAY, 0))
    feed = Replay(recording(fetch(0, event(bookmaker("b", bad)))), sleep=waits)
    [batch] = await take(feed, 1)
    assert len(batch.quotes) == 1
    assert feed.connection.error_count == 1
    assert "line 1: 1 items could not be read" in str(feed.connection.last_error)


async def test_leaving_early_leaves_no_thread(recording: Write) -> None:
    await take(Replay(recording(*FETCHES)), 1)
    assert [t.name for t in threading.enumerate() if t.name.startswith("replay")] == []
