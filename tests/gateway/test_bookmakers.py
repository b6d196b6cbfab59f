"""Connected is not fresh: each bookmaker behind a source is watched by itself."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from protipp_stream.core.filter import Filter
from protipp_stream.core.wire import Source
from protipp_stream.gateway.bookmakers import Bookmakers
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.settings import Settings
from protipp_stream.model import Batch, Quote, RealTimeConnection
from tests.gateway.outlets import KeptOutlet
from tests.scripted import HandClock, quote


def aged(clock: HandClock, bookmaker: str, seconds: float | None, odds: float = 2.0) -> Quote:
    """A quote that its bookmaker looked at so long ago; None: it does not say."""
    said = None if seconds is None else clock.wall() - timedelta(seconds=seconds)
    return msgspec.structs.replace(quote(odds, bookmaker_id=bookmaker), source_timestamp=said)


def states(changed: list[RealTimeConnection]) -> dict[str, bool]:
    return {each.bookmaker_id: each.stale for each in changed}


def test_a_bookmaker_is_told_when_it_is_new_and_when_its_freshness_changes() -> None:
    clock = HandClock()
    bookmakers = Bookmakers(clock, 300.0)

    def read(*quotes: Quote) -> dict[str, bool]:
        return states(bookmakers.seen(quotes, clock.wall(), "feed", 30.0))

    assert read(aged(clock, "a", None), aged(clock, "b", None)) == {"a": False, "b": False}
    clock.advance(299)
    assert read(aged(clock, "b", None)) == {}
    assert bookmakers.gone_stale() == []
    clock.advance(1)
    assert states(bookmakers.gone_stale()) == {"a": True}
    assert bookmakers.gone_stale() == []
    assert read(aged(clock, "a", None)) == {"a": False}
    assert bookmakers.version == 4


def test_prices_that_arrive_old_are_stale_however_often_they_arrive() -> None:
    clock = HandClock()
    bookmakers = Bookmakers(clock, 300.0)
    newest = [aged(clock, "a", 900.0), aged(clock, "a", 200.0), aged(clock, "b", 301.0)]
    assert states(bookmakers.seen(newest, clock.wall(), "feed", 30.0)) == {"a": False, "b": True}
    clock.advance(100)
    assert states(bookmakers.gone_stale()) == {"a": True}


def test_a_clock_that_runs_ahead_makes_nobody_fresher() -> None:
    clock = HandClock()
    bookmakers = Bookmakers(clock, 300.0)
    bookmakers.seen([aged(clock, "a", -5000.0)], clock.wall(), "feed", 30.0)
    [known] = bookmakers
    assert known.last_heartbeat == clock.wall()
    clock.advance(300)
    assert states(bookmakers.gone_stale()) == {"a": True}


def test_a_slow_feed_gives_its_bookmakers_its_own_patience() -> None:
    clock = HandClock()
    bookmakers = Bookmakers(clock, 300.0)
    bookmakers.seen([aged(clock, "a", None)], clock.wall(), "feed", 1230.0)
    clock.advance(1229)
    assert bookmakers.gone_stale() == []


def test_two_sources_that_bring_one_bookmaker_in_turns_tell_it_once() -> None:
    clock = HandClock()
    bookmakers = Bookmakers(clock, 300.0)
    for number in range(4):
        source = "one" if number % 2 else "other"
        bookmakers.seen([aged(clock, "a", None)], clock.wall(), source, 30.0)
    assert bookmakers.version == 1


def test_names_that_somebody_makes_up_fill_no_memory() -> None:
    clock = HandClock()
    bookmakers = Bookmakers(clock, 300.0)
    made_up = [aged(clock, f"name {number}", None) for number in range(1_500)]
    bookmakers.seen(made_up, clock.wall(), "publish", 30.0)
    assert len(list(bookmakers)) == 1_000
    assert bookmakers.unwatched == 500
    clock.advance(301)
    assert states(bookmakers.seen([aged(clock, "real", None)], clock.wall(), "feed", 30.0)) == {
        "real": False
    }
    assert len(list(bookmakers)) == 1_000


def test_no_bookmaker_is_fresher_than_its_source_and_subscribers_hear_of_it() -> None:
    clock = HandClock()
    hub = Hub(Settings(stale_after_s=30), clock=clock)
    source = RealTimeConnection(
        id="feed", bookmaker_id="feed", connection_type="polling", status="connected"
    )
    hub.report(source)
    hub.heard("feed", 30)
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    outlet.read()
    facts = hub.facts_version
    hub.take(Batch([aged(clock, "a", None)], clock.wall(), clock.monotonic()), "feed")
    assert hub.facts_version != facts
    clock.advance(30)
    hub.tick()
    told = [frame.connection for frame in outlet.read() if isinstance(frame, Source)]
    assert [(each.connection_type, each.id, each.stale) for each in told] == [
        ("bookmaker", "bookmaker/a", False),
        ("polling", "feed", True),
        ("bookmaker", "bookmaker/a", True),
    ]
    late = KeptOutlet()
    hub.subscribe("websocket", late, Filter())
    ids = [frame.connection.id for frame in late.read() if isinstance(frame, Source)]
    assert ids == ["feed", "bookmaker/a"]


def test_the_bookmakers_of_a_replay_are_as_old_as_what_it_recorded() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    hub.report(
        RealTimeConnection(id="r", bookmaker_id="r", connection_type="replay", status="connected")
    )
    hub.take(Batch([aged(clock, "a", 10_000.0)], clock.wall(), clock.monotonic()), "r")
    assert hub.connections == list(hub.sources)


# ---------------------------------------------------------- a feed that vouches for it


def test_a_feed_that_vouches_keeps_a_quiet_bookmaker_fresh() -> None:
    clock = HandClock()
    bookmakers, now = Bookmakers(clock, 60.0), clock.wall()
    bookmakers.seen([aged(clock, "pinnacle", 5.0)], now, "io", 30.0)
    for _ in range(10):
        clock.advance(50.0)
        assert bookmakers.seen([aged(clock, "pinnacle", None)], clock.wall(), "io", 30.0) == []
        assert bookmakers.gone_stale() == []
    [known] = bookmakers
    assert known.last_heartbeat == clock.wall() - timedelta(seconds=5)


def test_a_feed_that_vouches_does_not_make_a_bookmaker_fresh_that_lags() -> None:
    clock = HandClock()
    bookmakers, now = Bookmakers(clock, 60.0), clock.wall()
    bookmakers.seen([aged(clock, "slow", 3600.0)], now, "io", 30.0)
    assert bookmakers.seen([aged(clock, "slow", None)], now, "io", 30.0) == []
    assert [known.stale for known in bookmakers] == [True]
    # Another feed's word counts by itself, and so does a stamp of now.
    [fresh] = bookmakers.seen([aged(clock, "slow", None)], now, "sse", 30.0)
    assert fresh.stale is False
    [stale] = bookmakers.seen([aged(clock, "slow", None)], now, "io", 30.0)
    assert stale.stale is True
    [fresh] = bookmakers.seen([aged(clock, "slow", 0.0)], now, "io", 30.0)
    assert fresh.stale is False


def test_what_is_withdrawn_without_a_stamp_hides_no_old_stamp() -> None:
    clock = HandClock()
    bookmakers, now = Bookmakers(clock, 60.0), clock.wall()
    old, gone = aged(clock, "slow", 3600.0), Quote("slow", "e", "h2h", "B", None)
    [known] = bookmakers.seen([old, gone], now, "toa", 30.0)
    assert known.stale is True
