"""The applier by itself: what it measures, and what it refuses."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from protipp_stream.client.applier import Applier
from protipp_stream.client.arrival import Received, now
from protipp_stream.client.changes import Gap
from protipp_stream.core.book import Book
from protipp_stream.core.latency import ClockOffset
from protipp_stream.core.wire import Connected, Heartbeat, ServerFrame, Snapshot, Updates
from protipp_stream.errors import ProtocolError, UpdatesMissed
from protipp_stream.model import Confirmation, Cursor, Event, OddsUpdate, RealTimeConnection
from tests.scripted import quote


class Nobody:
    """An audience that counts the rows it was given, and keeps what was said of gaps."""

    def __init__(self) -> None:
        self.rows = 0
        self.gaps: list[str] = []

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        self.rows += len(updates)

    def on_reset(self, gap: Gap | None) -> None: ...

    def on_gap(self, gap: Gap) -> None:
        self.gaps.append(gap.why.partition(":")[0])

    def on_confirmed(self, confirmations: Sequence[Confirmation]) -> None: ...

    def on_progress(self) -> None: ...

    def on_status(self, status: RealTimeConnection) -> None: ...

    def on_source(self, source: RealTimeConnection) -> None: ...

    def on_epoch(self, sources: Sequence[RealTimeConnection]) -> None: ...


@pytest.fixture
def applier() -> Applier:
    """Level at e:0, with a clock that is right; what comes up to e:3 is caught up on."""
    made = Applier(None, Nobody())
    made.use(a_clock_that_is_right())
    made.begin(Connected("c", "e:3", "snapshot", 30.0, 600.0))
    take(made, Snapshot("e:0", []))
    made.begin(Connected("c", "e:3", "replay", 30.0, 600.0))
    return made


def a_clock_that_is_right() -> ClockOffset:
    clock, here = ClockOffset(), now()
    ours = time.time()
    clock.add(here - 0.0001, ours, ours, here + 0.0001)
    return clock


def take(applier: Applier, frame: ServerFrame, arrived: float | None = None) -> None:
    applier.take(Received(frame, now() if arrived is None else arrived))


def updates(count: int) -> list[Updates]:
    book = Book("e")
    then = datetime.now(UTC) - timedelta(milliseconds=200)
    rows = [book.apply([quote(2.0 + number)], then)[0] for number in range(count)]
    return [Updates(f"e:{row.seq - 1}", row.id, None, then, [row]) for row in rows]


def test_what_is_caught_up_on_is_not_taken_for_latency(applier: Applier) -> None:
    frames = updates(4)
    for frame in frames[:3]:
        take(applier, frame)
    assert applier.latency("total") is None
    take(applier, frames[3])
    delivery = applier.latency("total")
    assert delivery is not None
    assert delivery.count == 1
    assert delivery.p50_ms >= 200


def test_a_gap_changes_nothing(applier: Applier) -> None:
    frames = updates(3)
    with pytest.raises(UpdatesMissed, match="between e:0 and e:1"):
        take(applier, frames[1])
    assert str(applier.cursor) == "e:0"
    take(applier, frames[0])
    assert str(applier.cursor) == "e:1"


@pytest.mark.parametrize(("is_paced", "announced"), [(False, ["max_hz", "slow"]), (True, ["slow"])])
def test_a_pace_that_we_asked_for_is_no_gap_and_any_other_is(
    is_paced: bool, announced: list[str]
) -> None:
    nobody = Nobody()
    paced = Applier(Cursor("e", 0), nobody, is_paced=is_paced)
    for frame, why in zip(updates(3), ("max_hz", "slow", None), strict=True):
        take(paced, msgspec.structs.replace(frame, conflated=why))
    assert nobody.gaps == announced


def test_a_heartbeat_ahead_of_us_is_a_gap(applier: Applier) -> None:
    with pytest.raises(UpdatesMissed):
        take(applier, Heartbeat("e:9", datetime.now(UTC)))


def test_a_cursor_that_is_none_is_the_gateways_fault(applier: Applier) -> None:
    with pytest.raises(ProtocolError, match="no cursor"):
        take(applier, Updates(":0", "e:1", None, datetime.now(UTC), []))


def aged(frames: list[Updates], seconds: float) -> list[Updates]:
    """The same frames with prices that the gateway received so long before it sent them."""
    return [
        msgspec.structs.replace(
            frame,
            sent_at=frame.sent_at + timedelta(seconds=seconds),
            updates=[
                msgspec.structs.replace(row, timestamp=frame.sent_at) for row in frame.updates
            ],
        )
        for frame in frames
    ]


def test_recorded_times_are_not_taken_for_latency(applier: Applier) -> None:
    frames = aged(updates(5), 3601.0)
    for frame in frames:
        take(applier, frame)
    assert applier.latency("gateway") is None
    assert applier.latency("total") is None
    assert [update.latency_ms for update in applier.recent] == [0.0] * 5


def test_a_snapshot_of_another_epoch_begins_a_new_count(applier: Applier) -> None:
    """As polling brings it: without a new ``connected``."""
    applier.begin(Connected("c", "e:900", "replay", 30.0, 600.0))
    take(applier, Snapshot("f:1", []))
    book = Book("f")
    rows = [book.apply([quote(2.0 + n)], datetime.now(UTC))[0] for n in range(3)]
    for row in rows[1:]:
        take(applier, Updates(f"f:{row.seq - 1}", row.id, None, datetime.now(UTC), [row]))
    total = applier.latency("total")
    assert total is not None
    assert total.count == 2


def test_a_patch_is_caught_up_on_whenever_it_comes(applier: Applier) -> None:
    for frame in updates(5)[:4]:
        take(applier, frame)
    [last] = [frame for frame in updates(5) if frame.cursor == "e:5"]
    take(applier, msgspec.structs.replace(last, conflated="patch"))
    total = applier.latency("total")
    assert total is not None
    assert total.count == 1


def test_what_waits_here_before_it_is_applied_is_the_clients_part(applier: Applier) -> None:
    frames = updates(4)
    for frame in frames[:3]:
        take(applier, frame)
    sent_at = frames[3].sent_at - timedelta(seconds=6)
    take(applier, msgspec.structs.replace(frames[3], sent_at=sent_at), arrived=now() - 5.0)
    client, network = applier.latency("client"), applier.latency("network")
    assert client is not None
    assert network is not None
    assert network.p50_ms == pytest.approx(1200, abs=500)
    assert client.p50_ms == pytest.approx(5000, abs=500)
    assert (client.error_ms, client.count) == (0.0, 1)


def test_a_row_out_of_its_place_is_the_gateways_fault_and_changes_nothing(
    applier: Applier,
) -> None:
    [frame] = updates(1)
    wrong = msgspec.structs.replace(frame.updates[0], id="nonsense")
    with pytest.raises(ProtocolError):
        take(applier, msgspec.structs.replace(frame, updates=[wrong]))
    assert str(applier.cursor) == "e:0"
