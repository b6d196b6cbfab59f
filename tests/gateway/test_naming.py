"""Two feeds that name one game differently, behind one gateway: one event on the board."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import msgspec
import pytest

import protipp_stream as ps
from protipp_stream.core.filter import Filter
from protipp_stream.core.naming import Naming
from protipp_stream.gateway import Gateway
from protipp_stream.gateway.hub import Hub
from protipp_stream.model import Batch, Event
from tests.gateway.conftest import bearer
from tests.scripted import HandClock, ScriptedFeed, quote

START = datetime.now(UTC) + timedelta(hours=5)
OURS = Event("match", "Reds @ Blues", "baseball_mlb", START, "Blues", "Reds")
THEIRS = Event("1.234", "R. Reds v BLUES", "Baseball", START + timedelta(minutes=4))
NAMES = {"aliases": {"R. Reds": "Reds"}, "sources": {"other": {"markets": {"ML": "h2h"}}}}


def feed_called(ident: str) -> ScriptedFeed:
    feed = ScriptedFeed()
    feed.connection = msgspec.structs.replace(feed.connection, id=ident, bookmaker_id=ident)
    return feed


def later(event: Event, hours: float) -> Event:
    assert event.starts_at is not None
    return msgspec.structs.replace(
        event,
        event_id=f"{event.event_id}/2",
        starts_at=event.starts_at + timedelta(hours=hours),
    )


def test_one_game_of_two_feeds_is_one_event_with_both_bookmakers(
    start: Callable[..., Gateway], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "protipp_stream.gateway.intake")
    one, other = feed_called("one"), feed_called("other")
    gateway = start(one, other, names=Naming(NAMES))
    one.tell([quote(2.0), quote(1.9, "Reds")], [OURS])
    theirs = {"bookmaker_id": "better", "event_id": "1.234"}
    other.tell(
        [
            quote(2.2, "blues", **theirs, market="ML"),
            quote(1.8, "R. REDS", **theirs, market="ML"),
            # To them the Reds are at home.
            quote(1.7, "R. Reds", **theirs, market="spreads@1.5"),
            quote(9.0, "2-1", **theirs, market="score"),
        ],
        [THEIRS],
    )
    with ps.connect(gateway) as odds:
        board = odds.quotes()
        name = odds.event_name("match")
    shown = {
        (row.bookmaker_id, row.market, row.outcome): row.odds
        for row in board.reset_index().itertuples()
    }
    assert set(board.reset_index().event_id) == {"match"}
    assert shown == {
        ("acme", "h2h", "Blues"): 2.0,
        ("acme", "h2h", "Reds"): 1.9,
        ("better", "h2h", "Blues"): 2.2,
        ("better", "h2h", "Reds"): 1.8,
        ("better", "spreads@-1.5", "Reds"): 1.7,
        ("better", "other:score", "2-1"): 9.0,
    }
    assert name == "Reds @ Blues"
    assert [record.message for record in caplog.records if record.levelno == logging.INFO] == [
        "other: 'R. Reds v BLUES' (1.234) is event match of one"
    ]


def test_a_doubleheader_is_kept_apart_on_the_board(start: Callable[..., Gateway]) -> None:
    one, other = feed_called("one"), feed_called("other")
    gateway = start(one, other, names=NAMES)
    one.tell([quote(2.0), quote(3.0, event_id="match/2")], [OURS, later(OURS, 3.5)])
    other.tell(
        [
            quote(2.1, "blues", bookmaker_id="better", event_id="1.234"),
            quote(3.1, "blues", bookmaker_id="better", event_id="1.234/2"),
        ],
        [later(THEIRS, 3.6), THEIRS],
    )
    with ps.connect(gateway) as odds:
        rows = odds.quotes().reset_index()
    assert {(row.event_id, row.bookmaker_id, row.odds) for row in rows.itertuples()} == {
        ("match", "acme", 2.0),
        ("match", "better", 2.1),
        ("match/2", "acme", 3.0),
        ("match/2", "better", 3.1),
    }


def test_what_is_not_matched_is_shown_to_who_may_see_the_status(
    start: Callable[..., Gateway],
) -> None:
    one, other = feed_called("one"), feed_called("other")
    gateway = start(one, other)
    one.tell([quote(2.0)], [OURS])
    other.tell([quote(2.1, bookmaker_id="better", event_id="1.234")], [THEIRS])
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=5) as http:
        path = "/api/v1/realtime/status"
        allowed = bearer(gateway.token(scopes=("odds:read", "status:read")))
        names = http.get(path, headers=allowed).json()["names"]
        others = http.get(path, headers=bearer(gateway.token())).json()
    assert names["other"] == {
        "events": 1,
        "matched": 0,
        "unmatched": {"alone": 1},
        "unknown": {},
        "renamed": 0,
        "parted": 0,
        "owned": 0,
        "evicted": 0,
        "examples": ["alone: other: 'R. Reds v BLUES' (1.234)"],
    }
    assert names["one"]["unmatched"] == {"alone": 1}
    assert "names" not in others


def test_what_is_published_is_named_too(start: Callable[..., Gateway]) -> None:
    one = feed_called("one")
    gateway = start(one, names=Naming(NAMES))
    one.tell([quote(2.0)], [OURS])
    body = {
        "quotes": [
            {
                "bookmaker_id": "better",
                "event_id": "1.234",
                "market": "h2h",
                "outcome": "BLUES",
                "odds": 2.3,
            },
            # By our own id, as it stands on the board.
            {
                "bookmaker_id": "third",
                "event_id": "match",
                "market": "h2h",
                "outcome": "Blues",
                "odds": 2.4,
            },
        ],
        "events": [msgspec.to_builtins(THEIRS)],
    }
    token = gateway.token(scopes=("odds:publish",))
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=5) as http:
        answer = http.post("/api/v1/odds", json=body, headers=bearer(token)).json()
    assert (answer["accepted"], answer["updates"]) == (2, 2)
    with ps.connect(gateway) as odds:
        rows = odds.quotes().reset_index()
    assert {(row.event_id, row.bookmaker_id, row.outcome) for row in rows.itertuples()} == {
        ("match", "acme", "Blues"),
        ("match", "better", "Blues"),
        ("match", "third", "Blues"),
    }


def test_a_price_that_moves_to_its_event_leaves_a_suspension_behind() -> None:
    clock = HandClock()
    hub = Hub(clock=clock, names=Naming(NAMES))

    def take(source: str, *said: ps.Quote | Event) -> None:
        quotes = [each for each in said if isinstance(each, ps.Quote)]
        events = [each for each in said if isinstance(each, Event)]
        hub.take(Batch(quotes, clock.wall(), clock.monotonic(), events), source)

    take("one", OURS)
    take("other", quote(2.2, "BLUES", event_id="1.234"))
    first_seen = clock.wall()
    clock.advance(600)
    take("other", THEIRS)
    assert {(q.event_id, q.outcome): (q.odds, q.source_timestamp) for q in hub.book.quotes()} == {
        ("1.234", "BLUES"): (None, first_seen),
        ("match", "Blues"): (2.2, first_seen),
    }
    # Nothing was heard of the bookmaker meanwhile: that it moved makes it no fresher.
    assert {each.bookmaker_id: each.last_heartbeat for each in hub.bookmakers} == {
        "acme": first_seen
    }


def test_what_can_not_be_true_is_not_asked_for_its_name() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    bad = msgspec.structs.replace(OURS, event_id=["no", "name"])  # type: ignore[arg-type]
    wrong = quote(2.0, event_id=["no", "name"])  # type: ignore[arg-type]
    hub.take(Batch([wrong, quote(2.0)], clock.wall(), clock.monotonic(), [bad, OURS]), "one")
    assert len(hub.intake.names) == len(hub.book) == 1
    assert hub.intake.quarantined == {"name": 1, "event_name": 1}


def test_a_batch_without_a_source_is_in_our_names() -> None:
    hub = Hub(clock=HandClock())
    hub.take(Batch([quote(2.0)], START, 0.0, [OURS]))
    assert len(hub.intake.names) == 0
    assert [q.event_id for q in hub.book.quotes()] == ["match"]


def test_a_game_that_goes_on_after_the_board_forgot_it_is_one_event_with_its_name() -> None:
    clock = HandClock()
    hub = Hub(clock=clock, names=Naming(NAMES))

    def take(source: str, said: ps.Quote, *events: Event) -> None:
        hub.take(Batch([said], clock.wall(), clock.monotonic(), list(events)), source)

    start = clock.wall()
    take("one", quote(2.0), msgspec.structs.replace(OURS, starts_at=start))
    theirs = {"bookmaker_id": "better", "event_id": "1.234"}
    take("other", quote(2.2, "BLUES", **theirs), msgspec.structs.replace(THEIRS, starts_at=start))
    take("one", quote(None))
    take("other", quote(None, "BLUES", **theirs))
    clock.advance(2 * 3600)
    hub.tick()
    assert len(hub.book) == 0
    take("other", quote(2.2, "BLUES", **theirs))
    take("one", quote(2.0))
    assert {(q.event_id, q.outcome) for q in hub.book.quotes()} == {("match", "Blues")}
    assert [event.name for event in hub.log.events(Filter())] == ["Reds @ Blues"]


def test_a_bookmaker_that_two_sources_spell_differently_is_watched_once() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    for source, name in (("one", "acme"), ("other", "ACME")):
        hub.take(Batch([quote(2.0, bookmaker_id=name)], clock.wall(), 0.0, []), source)
    assert [each.bookmaker_id for each in hub.bookmakers] == ["acme"]
