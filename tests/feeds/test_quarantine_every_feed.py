"""What can't be true is counted, with a reason, and never shown: whichever feed says it.

A new feed is a line in `SOURCES`: a function that makes a feed say two prices, of
which the bookmaker ``bad`` says the one that can't be, and ``good`` a sound one.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec
import pytest

from protipp_stream.feeds import OPTIC_ODDS, Betfair, BetfairReplay, OddsApiIo, SseSource
from protipp_stream.feeds.base import Feed, batch_now
from protipp_stream.feeds.replay import Replay
from protipp_stream.feeds.the_odds_api.feed import TheOddsApi
from protipp_stream.gateway import Gateway
from protipp_stream.gateway.hub import Hub
from protipp_stream.model import Batch, Quote, RealTimeConnection
from tests.feeds import odds_api_io_bodies as io_bodies
from tests.feeds import odds_api_io_server as io_server
from tests.feeds import sse_source_server
from tests.feeds.betfair.authority import Authority
from tests.feeds.betfair_server import FakeBetfair, definition, runner
from tests.feeds.betfair_server import serving as betfair_serving
from tests.feeds.bodies import AWAY, HOME, bookmaker, event, market, outcome
from tests.feeds.conftest import Waits, take
from tests.feeds.following import following
from tests.feeds.sse_source_rows import row
from tests.feeds.the_odds_api_server import FakeTheOddsApi, Raw, serving

GOOD = 2.5


class Bad(NamedTuple):
    """A price that can't be true: by its odds, or by its time."""

    odds: float = 2.0
    stamp: Any = None


ODDS = {
    "1": Bad(1.0),
    "just above nothing": Bad(0.99),
    "0": Bad(0.0),
    "below 0": Bad(-150.0),
    "absurd": Bad(1_000_001.0),
}
# JSON has no word for them; 1e999 is one all the same.
INFINITE = {"infinite": Bad(math.inf), "infinite below 0": Bad(-math.inf)}
TIMES = {
    "1970": Bad(stamp="1970-01-01T00:00:00Z"),
    "2087": Bad(stamp="2087-01-01T00:00:00Z"),
    "the first": Bad(stamp="0001-01-01T00:00:00Z"),
    "the last": Bad(stamp="9999-12-31T23:59:59Z"),
    "the day after tomorrow": Bad(stamp=(datetime.now(UTC) + timedelta(days=2)).isoformat()),
    "of no zone": Bad(stamp="2026-08-04T00:00:41"),
    "no time": Bad(stamp="yesterday"),
    "0": Bad(stamp=0),
    "milliseconds": Bad(stamp=1_786_000_000_000),
}
NOT_A_NUMBER = Bad(math.nan)
# What many providers write, and the feeds of these read.
READABLE = {"of no zone", "milliseconds"}


class Taken(NamedTuple):
    """What came of it: the board, how many were not taken, and why."""

    board: dict[str, float | None]
    count: int
    reason: str


Source = Callable[[Bad, Path], Awaitable[Taken]]
Said = Callable[[Bad, Path], AbstractContextManager[Feed]]


def of_feed(said: Said, batches: int = 1) -> Source:
    """What a hub takes of the first batches of a feed."""

    async def taken(bad: Bad, folder: Path) -> Taken:
        hub = Hub()
        with said(bad, folder) as feed:
            for batch in await take(feed, batches):
                hub.take(batch)
        return _taken(hub, feed)

    return taken


def _taken(hub: Hub, feed: Feed) -> Taken:
    count = hub.intake.quarantined.total() + feed.connection.error_count
    reason = " ".join([*hub.intake.quarantined, feed.connection.last_error or ""])
    return Taken(_board(hub), count, reason)


def _board(hub: Hub) -> dict[str, float | None]:
    # An exchange is one bookmaker: there it is the runners that are good and bad.
    return {
        quote.outcome if quote.bookmaker_id == "betfair" else quote.bookmaker_id: quote.odds
        for quote in hub.book.quotes()
        if quote.odds is not None
    }


def _json(said: Any) -> str:
    # Python writes Infinity, which is no JSON; a provider that overflows writes this.
    return json.dumps(said).replace("Infinity", "1e999")


# ----------------------------------------------------------------- the sources


def _body(bad: Bad) -> str:
    sound = datetime.now(UTC).isoformat()
    stamp = sound if bad.stamp is None else bad.stamp
    said = [
        bookmaker("bad", market("h2h", outcome(HOME, bad.odds), last_update=stamp)),
        bookmaker("good", market("h2h", outcome(AWAY, GOOD), last_update=sound)),
    ]
    return _json([event(*said)])


@contextmanager
def the_odds_api(bad: Bad, folder: Path) -> Iterator[Feed]:
    with serving(FakeTheOddsApi({"key"}, [b"[]"])) as fake:
        fake.mishaps.append(Raw(200, _body(bad).encode()))
        yield TheOddsApi("key", base_url=fake.url, sleep=Waits())


def replay(rebase: bool) -> Said:
    @contextmanager
    def said(bad: Bad, folder: Path) -> Iterator[Feed]:
        # Moved by an hour, a time at either end of the calendar falls off it.
        hours = 0 if not rebase else 1 if str(bad.stamp).startswith("0001") else -1
        fetched_at = datetime.now(UTC) + timedelta(hours=hours)
        file = folder / "recording.jsonl"
        file.write_text(f'{{"fetched_at": "{fetched_at.isoformat()}", "body": {_body(bad)}}}\n')
        yield Replay(file, math.inf, rebase, odds_format="decimal")

    return said


@contextmanager
def odds_api_io(bad: Bad, folder: Path) -> Iterator[Feed]:
    sound = datetime.now(UTC).isoformat()
    stamp = sound if bad.stamp is None else bad.stamp
    bookmakers = {
        "bad": [io_bodies.ml(bad.odds, None, updatedAt=stamp)],
        "good": [io_bodies.ml(GOOD, None, updatedAt=sound)],
    }
    with io_server.serving(io_server.FakeOddsApiIo({"key"}, list(bookmakers))) as fake:
        fake.events[1] = io_bodies.event()
        image = _json([io_bodies.event(bookmakers=bookmakers)])
        fake.mishaps.extend([None, io_server.Raw(200, image.encode())])
        urls = {"base_url": fake.socket_url, "rest_url": fake.rest_url}
        yield OddsApiIo("key", sport="baseball", sleep=Waits(), **urls)


@contextmanager
def sse(bad: Bad, folder: Path) -> Iterator[Feed]:
    now = datetime.now(UTC).isoformat()
    stamp = now if bad.stamp is None else bad.stamp
    rows = [
        # First: an event that can't be read as a whole puts what stood in doubt.
        row(HOME, bad.odds, sportsbook="bad", timestamp=stamp),
        row(AWAY, GOOD, sportsbook="good", timestamp=now),
    ]
    body = "".join(f"event: odds\ndata: {_json({'data': [said]})}\n\n" for said in rows)
    mapping = msgspec.structs.replace(OPTIC_ODDS, odds_format="decimal")
    with sse_source_server.serving(sse_source_server.FakeSse({"key"})) as fake:
        head = {"content-type": "text/event-stream"}
        fake.mishaps.append(sse_source_server.Raw(200, body.encode(), head))
        yield SseSource(fake.url, mapping, headers={"X-Api-Key": "key"}, sleep=Waits())


RUNNERS = {"runner_names": {1: "bad", 2: "good"}}
# In a market of its own: what can't be read of one takes that whole market down.
SOUND = {
    "id": "1.2",
    "marketDefinition": definition(runner(2), event="31"),
    "rc": [{"id": 2, "batb": [[0, GOOD, 1]]}],
}
EMPTY = {"id": "1.1", "marketDefinition": definition(runner(1))}


def _betfair_line(bad: Bad, subscription: int) -> bytes:
    said = {"id": "1.1", "rc": [{"id": 1, "batb": [[0, bad.odds, 1]]}]}
    pt = datetime.now(UTC).timestamp() * 1000 if bad.stamp is None else bad.stamp
    try:
        # Betfair writes milliseconds; this one may be in other words.
        moment = datetime.fromisoformat(pt)
        pt = (moment.replace(tzinfo=moment.tzinfo or UTC)).timestamp() * 1000
    except (TypeError, ValueError):
        pass
    return _json({"op": "mcm", "id": subscription, "clk": "c:1", "pt": pt, "mc": [said]}).encode()


def _good_line() -> bytes:
    pt = (datetime.now(UTC) - timedelta(minutes=1)).timestamp() * 1000
    said = {"op": "mcm", "id": 2, "clk": "c:1", "pt": pt, "mc": [SOUND, EMPTY]}
    return _json(said).encode()


async def betfair(bad: Bad, folder: Path) -> Taken:
    authority, hub = Authority(folder, "an authority of the tests"), Hub()
    fake = FakeBetfair(authority.server(), "key", "session")
    fake.change(SOUND, EMPTY)
    async with betfair_serving(fake):
        here: dict[str, Any] = {"host": "127.0.0.1", "port": fake.port, "tls": authority.trust()}
        feed = Betfair("key", "session", {}, sleep=Waits(), **RUNNERS, **here)
        async with following(feed) as board:
            hub.take(await board.next())
            await fake.say(_betfair_line(bad, fake.subscriptions()[0]["id"]) + b"\r\n")
            hub.take(await board.next())
            return _taken(hub, feed)


def betfair_replay(rebase: bool) -> Said:
    @contextmanager
    def said(bad: Bad, folder: Path) -> Iterator[Feed]:
        file = folder / "recording.jsonl"
        file.write_bytes(_good_line() + b"\n" + _betfair_line(bad, 2) + b"\n")
        yield BetfairReplay(file, 1.0, rebase, sleep=Waits(), **RUNNERS)

    return said


class Own:
    """A feed of one's own: it builds quotes by hand, of whatever it has."""

    def __init__(self, bad: Bad) -> None:
        self.connection = RealTimeConnection(
            id="own", bookmaker_id="own", connection_type="polling", status="connected"
        )
        try:
            stamp = None if bad.stamp is None else datetime.fromisoformat(bad.stamp)
        except (TypeError, ValueError):
            stamp = bad.stamp
        self._quotes = [
            Quote("bad", "e1", "h2h", HOME, bad.odds, stamp),
            Quote("good", "e1", "h2h", AWAY, GOOD),
        ]

    async def __aiter__(self) -> AsyncIterator[Batch]:
        yield batch_now(self._quotes)


@contextmanager
def own(bad: Bad, folder: Path) -> Iterator[Feed]:
    yield Own(bad)


async def publish(bad: Bad, folder: Path) -> Taken:
    stamp = {} if bad.stamp is None else {"source_timestamp": bad.stamp}
    names = {"event_id": "e1", "market": "h2h"}
    quotes = [
        {"bookmaker_id": "bad", "outcome": HOME, "odds": bad.odds} | names | stamp,
        {"bookmaker_id": "good", "outcome": AWAY, "odds": GOOD} | names,
    ]
    with Gateway() as gateway:
        token = gateway.token(scopes=["odds:publish"])
        async with httpx.AsyncClient(base_url=gateway.url, trust_env=False) as client:
            answer = await client.post(
                "/api/v1/odds",
                content=_json({"quotes": quotes}),
                headers={"Authorization": f"Bearer {token}"},
            )
        said = answer.json()
        if answer.status_code != 200:
            refused = gateway.hub.audit.counts["publish_malformed"]
            return Taken(_board(gateway.hub), refused, said["error"]["message"])
        count = gateway.hub.intake.quarantined["published"]
        assert len(said["quarantined"]) == count
        return Taken(_board(gateway.hub), count, said["quarantined"][0]["reason"] if count else "")


SOURCES: dict[str, Source] = {
    "the_odds_api": of_feed(the_odds_api),
    "replay": of_feed(replay(rebase=False)),
    "replay, moved to now": of_feed(replay(rebase=True)),
    "a feed of one's own": of_feed(own),
    "publish": publish,
    "odds_api_io": of_feed(odds_api_io),
    "sse": of_feed(sse, 3),
    "betfair": betfair,
    "betfair replay": of_feed(betfair_replay(rebase=False), 2),
    "betfair replay, moved to now": of_feed(betfair_replay(rebase=True), 2),
}
LENIENT = [name for name in SOURCES if name.startswith(("odds_api_io", "sse", "betfair"))]

every_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES)


# ------------------------------------------------------------------- the rules


@every_source
@pytest.mark.parametrize("bad", ODDS.values(), ids=ODDS)
async def test_odds_that_can_not_be_are_quarantined(
    source: Source, bad: Bad, tmp_path: Path
) -> None:
    board, count, reason = await source(bad, tmp_path)
    assert board == {"good": GOOD}
    assert count == 1
    assert re.search("odds|price", reason)


@every_source
@pytest.mark.parametrize("bad", INFINITE.values(), ids=INFINITE)
async def test_infinite_odds_are_quarantined(source: Source, bad: Bad, tmp_path: Path) -> None:
    board, count, reason = await source(bad, tmp_path)
    # A publisher is told at once that its whole request can't be read.
    assert board == ({} if source is publish else {"good": GOOD})
    assert count == 1
    assert re.search("odds|price|out of range", reason)


@pytest.mark.parametrize(
    ("source", "bad"),
    [
        pytest.param(source, bad, id=f"{name}-{what}")
        for name, source in SOURCES.items()
        for what, bad in TIMES.items()
        if not (name in LENIENT and what in READABLE)
    ],
)
async def test_times_that_can_not_be_are_quarantined(
    source: Source, bad: Bad, tmp_path: Path
) -> None:
    board, count, reason = await source(bad, tmp_path)
    assert board == {"good": GOOD}
    assert count == 1
    # Betfair's time is of the whole message, which can't be read without.
    assert re.search(r"timestamp|last_update|\$\.pt|is no time", reason)


@pytest.mark.parametrize("source", [SOURCES[name] for name in LENIENT], ids=LENIENT)
@pytest.mark.parametrize("what", sorted(READABLE))
async def test_times_in_other_words_are_read_where_providers_use_them(
    source: Source, what: str, tmp_path: Path
) -> None:
    taken = await source(TIMES[what], tmp_path)
    assert (taken.board, taken.count) == ({"bad": 2.0, "good": GOOD}, 0)


@every_source
async def test_what_is_not_a_number_is_quarantined_or_refused_with_all_that_was_said(
    source: Source, tmp_path: Path
) -> None:
    """NaN is no JSON: who writes it has said nothing that could be read."""
    board, count, reason = await source(NOT_A_NUMBER, tmp_path)
    assert count == 1
    assert board == {"good": GOOD} or (not board and re.search("malformed", reason, re.IGNORECASE))


@every_source
@pytest.mark.parametrize("odds", [1.001, 999_999.0])
async def test_what_is_merely_unlikely_is_taken(
    source: Source, odds: float, tmp_path: Path
) -> None:
    stamp = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    taken = await source(Bad(odds, stamp), tmp_path)
    assert (taken.board, taken.count) == ({"bad": odds, "good": GOOD}, 0)
