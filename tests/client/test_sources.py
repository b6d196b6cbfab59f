"""`LiveOdds.sources` and `bookmakers`: those of the gateway that is there now, and no flood."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

import protipp_stream as ps
from protipp_stream.client.applier import Applier
from protipp_stream.client.sources import MAX_SOURCES, Sources
from protipp_stream.client.transports import LADDER
from protipp_stream.core.wire import Connected, ServerFrame, Snapshot, Source, Updates
from protipp_stream.gateway import Gateway
from protipp_stream.model import RealTimeConnection
from tests.client.conftest import until
from tests.client.test_applier import Nobody, take, updates
from tests.scripted import ScriptedFeed, quote


def feed(ident: str) -> RealTimeConnection:
    return RealTimeConnection(
        id=ident, bookmaker_id=ident, connection_type="publish", status="connected"
    )


def bookmaker(name: str) -> RealTimeConnection:
    return RealTimeConnection(
        id=f"script/{name}", bookmaker_id=name, connection_type="bookmaker", status="connected"
    )


@pytest.mark.parametrize("transport", LADDER)
def test_what_a_gateway_that_started_anew_no_longer_has_is_gone(transport: str) -> None:
    key = "k" * 32
    old = ScriptedFeed()
    old.connection = msgspec.structs.replace(old.connection, id="old")
    first = Gateway(old, key=key).start()
    old.tell([quote(2.0, bookmaker_id="gone")])
    with ps.connect(first, transport=transport) as odds:
        until(lambda: set(odds.bookmakers) == {"gone"})
        assert set(odds.sources) == {"old"}
        seen: list[set[str]] = []
        odds.param.watch(lambda change: seen.append(set(change.new)), "sources")
        first.stop()
        again = ScriptedFeed()
        with Gateway(again, key=key, port=first.port) as second:
            again.tell([quote(9.0)])
            assert odds.wait_until(second.hub.cursor, 20)
            assert set(odds.sources) == {"script"}
            assert set(odds.bookmakers) == {"acme"}
    assert set() not in seen


@pytest.mark.parametrize("transport", LADDER)
def test_a_price_that_is_said_again_unchanged_gets_younger(transport: str) -> None:
    script = ScriptedFeed()
    with Gateway(script) as gateway:
        script.tell([quote(2.0), quote(2.0, "Reds")])
        with ps.connect(gateway, transport=transport) as odds:
            first = {each.outcome: each.good_at for each in odds.board().quotes}
            script.tell([quote(2.0), quote(2.1, "Reds")])
            until(lambda: any(each.confirmed_at for each in odds.board().quotes))
            [blues, reds] = sorted(odds.board().quotes, key=lambda each: each.outcome)
            assert blues.timestamp == first["Blues"]
            assert blues.good_at == reds.good_at == blues.confirmed_at
            assert reds.confirmed_at is None


class Hearer(Nobody):
    """Keeps what it is told of sources."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[list[str]] = []

    def on_epoch(self, sources: Sequence[RealTimeConnection]) -> None:
        self.left.append([source.id for source in sources])


def heard(*frames: ServerFrame) -> list[list[str]]:
    """Return what is left of the sources at each new epoch."""
    hearer = Hearer()
    applier = Applier(None, hearer)
    for frame in frames:
        if isinstance(frame, Connected):
            applier.begin(frame)
        else:
            take(applier, frame)
    return hearer.left


def connected(epoch: str) -> Connected:
    return Connected("c", f"{epoch}:0", "snapshot", 30.0, None)


def test_those_count_that_the_new_gateway_told_before_its_snapshot() -> None:
    [update] = updates(1)
    before = [connected("e"), Source(feed("a")), Snapshot("e:0", []), update, Source(feed("b"))]
    assert heard(*before) == []
    # With another connection, as it is over a WebSocket or SSE.
    assert heard(*before, connected("f"), Source(feed("c")), Snapshot("f:0", [])) == [["c"]]
    # Of the same epoch: what was away for long is no other gateway.
    assert heard(*before, connected("e"), Source(feed("c")), Snapshot("e:9", [])) == []


def test_a_poll_may_bring_another_gateway_in_mid_stream() -> None:
    frames = [connected("e"), Source(feed("a")), Source(feed("b")), Snapshot("e:0", [])]
    for update in updates(2):
        frames += [Source(feed("a")), Source(feed("b")), update]
    assert isinstance(frames[-1], Updates)
    assert heard(*frames, Source(feed("b")), Source(feed("c")), Snapshot("f:1", [])) == [["b", "c"]]


def test_only_what_is_another_is_told() -> None:
    sources = Sources()
    assert sources.take(feed("a")) == {"sources": {"a": feed("a")}}
    assert sources.take(feed("a")) == {}
    assert sources.take(bookmaker("acme")) == {"bookmakers": {"acme": bookmaker("acme")}}
    assert sources.start_anew([feed("a")]) == {"bookmakers": {}}
    assert sources.start_anew([feed("a")]) == {}
    assert sources.start_anew([]) == {"sources": {}}


def test_a_gateway_that_invents_sources_all_day_is_heard_up_to_a_number(
    caplog: pytest.LogCaptureFixture,
) -> None:
    sources = Sources()
    for number in range(MAX_SOURCES + 5):
        sources.take(bookmaker(f"b{number}"))
        sources.take(feed(f"f{number}"))
    assert len(sources.feeds) == len(sources.bookmakers) == MAX_SOURCES
    assert sources.ignored == 10
    assert len(caplog.records) == 1
    # Those that are known go on.
    stale = msgspec.structs.replace(feed("f3"), stale=True)
    assert sources.take(stale)["sources"]["f3"].stale
    sources.start_anew([feed(f"n{number}") for number in range(MAX_SOURCES + 1)])
    assert len(sources.feeds) == MAX_SOURCES


def test_what_is_told_before_a_snapshot_is_kept_up_to_a_number_too() -> None:
    flood = [Source(feed(f"f{number}")) for number in range(3 * MAX_SOURCES)]
    [left] = heard(connected("e"), Snapshot("e:0", []), connected("f"), *flood, Snapshot("f:0", []))
    assert len(left) == 2 * MAX_SOURCES
