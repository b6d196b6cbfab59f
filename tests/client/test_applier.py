"""The applier by itself: what it measures, and what it refuses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from protipp_stream.client.applier import Applier
from protipp_stream.core.book import Book
from protipp_stream.core.wire import Connected, Heartbeat, Snapshot, Updates
from protipp_stream.errors import ProtocolError, UpdatesMissed
from protipp_stream.model import Event, OddsUpdate, RealTimeConnection
from tests.scripted import quote


class Nobody:
    """An audience that counts the rows it was given."""

    def __init__(self) -> None:
        self.rows = 0

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        self.rows += len(updates)

    def on_reset(self, why: str | None) -> None: ...

    def on_gap(self, why: str) -> None: ...

    def on_status(self, status: RealTimeConnection) -> None: ...

    def on_source(self, source: RealTimeConnection) -> None: ...


@pytest.fixture
def applier() -> Applier:
    """Level at e:0, with a clock that is right; what comes up to e:3 is caught up on."""
    made = Applier(None, Nobody())
    made.clock.add(0.0, 0.0001, 0.0001, 0.0002)
    made.take(Connected("c", "e:3", "snapshot", 30.0, 600.0))
    made.take(Snapshot("e:0", []))
    return made


def updates(count: int) -> list[Updates]:
    book = Book("e")
    then = datetime.now(UTC) - timedelta(milliseconds=200)
    rows = [book.apply([quote(2.0 + number)], then)[0] for number in range(count)]
    return [Updates(f"e:{row.seq - 1}", row.id, None, then, [row]) for row in rows]


def test_what_is_caught_up_on_is_not_taken_for_latency(applier: Applier) -> None:
    frames = updates(4)
    for frame in frames[:3]:
        applier.take(frame)
    assert applier.delivery() is None
    applier.take(frames[3])
    delivery = applier.delivery()
    assert delivery is not None
    assert delivery.count == 1
    assert delivery.p50_ms >= 200


def test_a_gap_changes_nothing(applier: Applier) -> None:
    frames = updates(3)
    with pytest.raises(UpdatesMissed, match="between e:0 and e:1"):
        applier.take(frames[1])
    assert str(applier.cursor) == "e:0"
    applier.take(frames[0])
    assert str(applier.cursor) == "e:1"


def test_a_heartbeat_ahead_of_us_is_a_gap(applier: Applier) -> None:
    with pytest.raises(UpdatesMissed):
        applier.take(Heartbeat("e:9", datetime.now(UTC)))


def test_a_cursor_that_is_none_is_the_gateways_fault(applier: Applier) -> None:
    with pytest.raises(ProtocolError, match="no cursor"):
        applier.take(Updates(":0", "e:1", None, datetime.now(UTC), []))
