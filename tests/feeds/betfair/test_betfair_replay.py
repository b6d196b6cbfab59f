"""Recordings of the Exchange Stream: best prices as the library's own cache has them, always."""

from __future__ import annotations

import bz2
import gzip
import json
import logging
import lzma
import math
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from betfairlightweight import StreamListener

from protipp_stream.core.quarantine import event_fault, quote_fault
from protipp_stream.errors import ConfigurationError, RecordingError
from protipp_stream.feeds import BetfairReplay
from protipp_stream.feeds.base import Feed
from protipp_stream.feeds.betfair.news import News
from protipp_stream.model import Batch
from tests.feeds.betfair_server import T0, definition, prices
from tests.feeds.conftest import Waits, drain, take

# The file, how many messages and changes of a price it holds.
FILES = {
    "1.164917629": (298, 84),
    "1.185781277": (7600, 3238),
    "1.200806927": (18529, 3375),
    "BASIC-1.132153978": (480, 0),
}
Best = dict[tuple[str, str], tuple[float | None, float | None]]


def message(after_s: float, *changes: dict[str, Any], **more: Any) -> bytes:
    pt = T0 + int(after_s * 1000)
    return json.dumps({"op": "mcm", "clk": "c", "pt": pt, "mc": changes} | more).encode()


OPEN = {"id": "1.1", "marketDefinition": definition()}
LINES = [
    message(0, OPEN | {"rc": [prices(1, 2.0, 2.1)]}),
    message(10, {"id": "1.1", "rc": [prices(1, 2.2, 2.3)]}),
    message(40, {"id": "1.1", "marketDefinition": definition(status="CLOSED")}),
]

Write = Callable[..., Path]


@pytest.fixture
def recording(tmp_path: Path) -> Write:
    def written(*lines: bytes, name: str = "1.1.bz2") -> Path:
        path = tmp_path / name
        text = b"".join(line + b"\n" for line in lines)
        pack = {".xz": lzma.compress, ".gz": gzip.compress, ".bz2": bz2.compress}
        path.write_bytes(pack.get(path.suffix, bytes)(text))
        return path

    return written


# ------------------------------------------------------------- the recorded files


def library(path: Path, *, lightweight: bool) -> Iterator[tuple[datetime, Best]]:
    """Read with nothing of the package; yield the best prices after every message.

    Those of runners that can be bet on: active, in an open market.
    """
    listener = StreamListener(max_latency=None, lightweight=lightweight)
    listener.register_stream(0, "marketSubscription")
    with bz2.open(path, "rt") as lines:
        for line in lines:
            listener.on_data(line)
            best: Best = {}
            for book in listener.snap():
                data = book if lightweight else book._data
                for runner in data["runners"]:
                    sides = runner["ex"]["availableToBack"], runner["ex"]["availableToLay"]
                    back, lay = (side[0]["price"] if side else None for side in sides)
                    is_open = data["status"] == "OPEN" and runner["status"] == "ACTIVE"
                    if is_open and (back, lay) != (None, None):
                        best[data["marketId"], str(runner["selectionId"])] = back, lay
            yield datetime.fromtimestamp(json.loads(line)["pt"] / 1000, UTC), best


def apply(board: dict[tuple[str, str], float], batch: Batch) -> None:
    for quote in batch.quotes:
        key = quote.outcome, quote.market
        if quote.odds is None:
            del board[key]  # there was one, or nothing would have been said
        else:
            assert board.get(key) != quote.odds
            board[key] = quote.odds


@pytest.mark.recording
@pytest.mark.parametrize(
    ("name", "lightweight"), [*((name, True) for name in FILES), ("1.164917629", False)]
)
async def test_best_prices_are_those_of_the_librarys_own_cache_after_every_message(
    recordings: Path, name: str, lightweight: bool, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL)  # the library warns of every conflated change
    path = recordings / "betfair" / f"{name}.bz2"
    feed = BetfairReplay(path, math.inf, rebase=False)
    news: list[News] = []
    # Every message, also those that the feed says nothing of.
    feed._listener.tell = news.append
    truth = library(path, lightweight=lightweight)
    board: dict[tuple[str, str], float] = {}
    compared = quotes = priced = again = 0
    with bz2.open(path) as lines:
        for line in lines:
            at, best = next(truth)
            feed._date(at)
            feed._listener.on_data(line)
            batch, *confirmations = (one.batch for one in news)
            news.clear()
            quotes += len(batch.quotes)
            apply(board, batch)
            for confirmed in confirmations:
                again += 1
                # It takes nothing back, adds nothing, and leaves nothing out.
                assert {(q.outcome, q.market): q.odds for q in confirmed.quotes} == board
            ours: Best = {
                (path.name[: -len(path.suffix)], outcome): (
                    board.get((outcome, kind)),
                    board.get((outcome, f"{kind}_lay")),
                )
                for kind in ("win", "h2h")
                for outcome in {o for o, market in board if market in (kind, f"{kind}_lay")}
            }
            assert ours == best
            compared += 1
            priced += len(best)
    assert next(truth, None) is None
    assert (compared, quotes) == FILES[name]
    assert bool(priced) == bool(again) == (not name.startswith("BASIC"))


@pytest.mark.recording
@pytest.mark.parametrize("name", FILES)
async def test_every_batch_is_sound_and_the_replay_ends_well(recordings: Path, name: str) -> None:
    feed = BetfairReplay(recordings / "betfair" / f"{name}.bz2", math.inf, rebase=False)
    quotes = 0
    async for batch in feed:
        assert batch.quotes or batch.events
        for quote in batch.quotes:
            assert quote_fault(quote, batch.received_at) is None
            assert quote.odds is None or quote.commission in (0.05, 0.1)
            is_again = quote.odds is not None and quote.source_timestamp is None
            quotes += not is_again
        assert not any(event_fault(event) for event in batch.events)
    assert quotes == FILES[name][1]
    assert (feed.connection.status, feed.connection.error_count) == ("disconnected", 0)


@pytest.mark.recording
async def test_basic_data_give_names_and_no_invented_quotes_and_say_so_once(
    recordings: Path, caplog: pytest.LogCaptureFixture
) -> None:
    batches: list[Batch] = []
    feed = BetfairReplay(recordings / "betfair" / "BASIC-1.132153978.bz2", math.inf)
    await drain(feed, batches)
    assert [b.quotes for b in batches] == [[]]
    assert batches[0].events[0].name == "Ham 14th Jun 18:55"
    assert caplog.text.count("only last traded prices") == 1


# ------------------------------------------------------------------ time and pace


async def test_it_plays_as_if_it_were_now(recording: Write, waits: Waits) -> None:
    batches: list[Batch] = []
    feed = BetfairReplay(recording(*LINES), 2.0, sleep=waits)
    await drain(feed, batches)
    now = datetime.now(UTC)
    assert isinstance(feed, Feed)
    assert waits.seconds == [5.0, 15.0]
    assert [len(batch.quotes) for batch in batches] == [2, 2, 2]
    for batch in batches:
        assert timedelta() <= now - batch.received_at < timedelta(seconds=30)
        stamps = {q.source_timestamp for q in batch.quotes if q.odds is not None}
        assert stamps <= {batch.received_at}
    starts_at = batches[0].events[0].starts_at
    recorded = datetime(2026, 9, 21, 12, tzinfo=UTC) - datetime.fromtimestamp(T0 / 1000, UTC)
    assert starts_at is not None
    assert abs(starts_at - now - recorded / 2) < timedelta(seconds=30)  # played at twice the pace


async def test_without_rebase_every_time_is_as_it_was_recorded(recording: Write) -> None:
    batches: list[Batch] = []
    await drain(BetfairReplay(recording(*LINES), math.inf, rebase=False), batches)
    received = [batch.received_at for batch in batches]
    assert received == [datetime.fromtimestamp(T0 / 1000 + s, UTC) for s in (0, 10, 40)]
    assert batches[1].quotes[0].source_timestamp == received[1]
    assert batches[0].events[0].starts_at == datetime(2026, 9, 21, 12, tzinfo=UTC)


async def test_it_waits_for_its_audience_and_leaves_no_thread(recording: Write) -> None:
    paces: list[int] = []

    async def pace() -> None:
        paces.append(1)

    await take(BetfairReplay(recording(*LINES), math.inf, pace=pace), 2)
    assert paces == [1]
    assert not [t for t in threading.enumerate() if t.name.startswith("replay")]


@pytest.mark.parametrize("name", ["1.1.bz2", "1.1.gz", "1.1.xz", "1.1"])
async def test_plain_and_packed_files_are_read(recording: Write, name: str) -> None:
    batches: list[Batch] = []
    await drain(BetfairReplay(recording(*LINES, name=name), math.inf), batches)
    assert [len(batch.quotes) for batch in batches] == [2, 2, 2]


# -------------------------------------------------------------- files that are none


@pytest.mark.parametrize(
    "line",
    [b"nonsense", b'{"op":"mcm","pt":', b"[1]", b'{"op":"mcm","pt":1e300,"mc":[]}'],
)
async def test_a_line_that_is_no_message_ends_it_with_its_number(
    recording: Write, line: bytes
) -> None:
    batches: list[Batch] = []
    feed = BetfairReplay(recording(LINES[0], line), math.inf)
    with pytest.raises(RecordingError, match=r"'1\.1\.bz2', line 2"):
        await drain(feed, batches)
    assert (feed.connection.status, feed.connection.detail) == ("error", "terminal")


async def test_a_market_that_can_not_be_read_is_withdrawn_and_counted(recording: Write) -> None:
    batches: list[Batch] = []
    bad = {"id": "1.1", "rc": [{"id": 1, "batb": [[0, "2", 1]]}]}
    feed = BetfairReplay(recording(LINES[0], message(1, bad), *LINES[1:]), math.inf)
    await drain(feed, batches)
    assert [[q.odds for q in b.quotes] for b in batches] == [[2.0, 2.1], [None, None]]
    assert feed.connection.error_count == 1


async def test_a_file_that_breaks_off_or_is_empty_is_said_to(
    recording: Write, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.bz2"
    broken.write_bytes(recording(*LINES).read_bytes()[:-20])
    for path in (broken, recording(name="empty")):
        with pytest.raises(RecordingError):
            await drain(BetfairReplay(path, math.inf), [])


def test_what_makes_no_sense_is_said_at_once(recording: Write, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="speed"):
        BetfairReplay(recording(*LINES), 0)
    with pytest.raises(RecordingError, match="no recording"):
        BetfairReplay(tmp_path / "none.bz2")
