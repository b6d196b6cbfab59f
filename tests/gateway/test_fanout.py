"""Who is handed what: when all are level, when someone is slow, and at a pace."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.filter import Filter
from protipp_stream.core.mirror import Mirror
from protipp_stream.core.wire import Snapshot, Updates, decode_server_frame
from protipp_stream.feeds.base import batch_now
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.settings import Settings
from protipp_stream.gateway.subscription import Subscription
from protipp_stream.model import Cursor
from tests.gateway.outlets import KeptOutlet, rows, updates_in
from tests.scripted import EVENT, HandClock, quote


def tell(hub: Hub, *odds: float, **names: str) -> None:
    for price in odds:
        hub.take(batch_now([quote(price, **names)], [EVENT]))


def joined(
    hub: Hub, outlet: KeptOutlet, wanted: Filter | None = None, **options: object
) -> Subscription:
    subscription = hub.subscribe("websocket", outlet, wanted or Filter(), **options)  # type: ignore[arg-type]
    room, outlet.room = outlet.room, None
    outlet.read_all()
    outlet.room = room
    return subscription


def test_subscribers_with_one_filter_share_the_bytes() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    first, second, other = KeptOutlet(), KeptOutlet(), KeptOutlet()
    joined(hub, first)
    joined(hub, second)
    joined(hub, other, Filter(markets=("h2h",)))
    tell(hub, 2.1)
    assert first.kept[0] is second.kept[0]
    assert other.kept[0] is not first.kept[0]


async def test_what_arrives_together_leaves_together() -> None:
    hub = Hub()
    outlet = KeptOutlet()
    joined(hub, outlet)
    tell(hub, 2.0, 2.1, 2.2)
    await hub.delivered()
    [frame] = updates_in(outlet.read())
    assert [row.new_odds for row in frame.updates] == [2.0, 2.1, 2.2]
    assert frame.conflated is None


def test_who_is_behind_gets_one_merged_frame_and_is_level_again() -> None:
    hub = Hub(clock=HandClock())
    slow, fast = KeptOutlet(room=1), KeptOutlet()
    joined(hub, slow)
    joined(hub, fast)
    tell(hub, 2.0, 2.1, 2.2, 2.3)
    assert len(fast.read()) == 4
    slow.room = None
    [first], [merged] = slow.read(), slow.read()
    assert [row.new_odds for row in rows([first])] == [2.0]
    assert isinstance(merged, Updates)
    assert [row.new_odds for row in merged.updates] == [2.1, 2.2, 2.3]
    assert merged.conflated is None
    tell(hub, 2.4)
    assert slow.kept[0] is fast.kept[0]


def test_past_256_kb_a_slow_one_gets_each_selection_at_its_newest_and_is_told_why() -> None:
    hub = Hub(Settings(pending_bytes=2_000), clock=HandClock())
    slow, fast = KeptOutlet(room=1), KeptOutlet()
    joined(hub, slow)
    joined(hub, fast)
    tell(hub, 1.5)
    for number in range(40):
        tell(hub, 3.0 + number)
        tell(hub, 2.0 + number, outcome="Reds")
    assert len(rows(fast.read())) == 81
    slow.read()
    [frame] = slow.read()
    assert isinstance(frame, Updates)
    assert frame.conflated == "slow"
    assert [row.new_odds for row in frame.updates] == [42.0, 41.0]
    assert hub.log.conflations == 1


def test_a_burst_in_which_nothing_could_be_left_out_is_not_called_conflated() -> None:
    hub = Hub(Settings(pending_bytes=2_000), clock=HandClock())
    slow = KeptOutlet(room=1)
    joined(hub, slow)
    tell(hub, 1.5)
    hub.take(batch_now([quote(2.0, f"team {number}") for number in range(40)], [EVENT]))
    slow.read()
    [frame] = updates_in(slow.read())
    assert frame.conflated is None
    assert len(frame.updates) == 40


def test_past_the_backlog_a_slow_one_gets_a_patch() -> None:
    hub = Hub(Settings(backlog=8), clock=HandClock())
    slow = KeptOutlet(room=1)
    joined(hub, slow)
    for number in range(41):
        tell(hub, 2.0 + number)
    slow.read()
    [frame] = updates_in(slow.read())
    assert frame.conflated == "slow"
    assert [row.new_odds for row in frame.updates] == [42.0]


def test_a_replay_is_whole_however_long_it_is() -> None:
    hub = Hub(Settings(pending_bytes=2_000, frame_rows=10), clock=HandClock())
    for number in range(100):
        tell(hub, 2.0 + number)
    slow = KeptOutlet(room=1)
    hub.subscribe("websocket", slow, Filter(), resume=f"{hub.book.epoch}:3")
    frames = updates_in(slow.read_all())
    assert [row.seq for row in rows(list(frames))] == list(range(4, 101))
    assert {frame.conflated for frame in frames} == {None}


def test_a_long_stretch_is_cut_into_frames_that_follow_each_other() -> None:
    hub = Hub(Settings(frame_rows=10), clock=HandClock())
    tell(hub, 2.0)
    outlet = KeptOutlet()
    joined(hub, outlet)
    hub.take(batch_now([quote(2.0, f"team {number}") for number in range(25)], [EVENT]))
    frames = updates_in(outlet.read())
    assert [len(frame.updates) for frame in frames] == [10, 10, 5]
    for earlier, later in pairwise(frames):
        assert later.prev == earlier.cursor


def test_what_a_filter_leaves_out_is_no_gap() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0, market="totals@7")
    outlet = KeptOutlet()
    subscription = joined(hub, outlet, Filter(markets=("totals",)))
    mirror = Mirror()
    mirror.reset(subscription.told, [])
    tell(hub, *(2.0 + n for n in range(5)))
    assert outlet.read() == []
    tell(hub, 9.0, market="totals@7")
    [frame] = updates_in(outlet.read())
    judged, fresh = mirror.apply(_cursor(frame.prev), _cursor(frame.cursor), frame.updates)
    assert (judged, len(fresh)) == ("next", 1)


def test_at_a_pace_the_first_edge_leaves_at_once_and_the_last_value_always() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    outlet = KeptOutlet()
    joined(hub, outlet, max_hz=4.0)
    tell(hub, 2.0)
    assert [row.new_odds for row in rows(outlet.read())] == [2.0]
    tell(hub, 2.1, 2.2, 2.3)
    assert outlet.read() == []
    clock.advance(0.24)
    assert outlet.read() == []
    clock.advance(0.02)
    [frame] = updates_in(outlet.read())
    assert frame.conflated == "max_hz"
    assert [row.new_odds for row in frame.updates] == [2.3]
    clock.advance(10)
    tell(hub, 2.4)
    [frame] = updates_in(outlet.read())
    assert (frame.conflated, len(frame.updates)) == (None, 1)


def test_a_pace_that_is_asked_for_later_holds_from_then_on() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    introduced, changed = KeptOutlet(), KeptOutlet()
    hub.open(joined(hub, introduced), None, Filter(), 1.0)
    hub.refilter(joined(hub, changed), Filter(), 1.0)
    for outlet in (introduced, changed):
        outlet.read()
    tell(hub, 2.0, 2.1, 2.2)
    for outlet in (introduced, changed):
        assert [row.new_odds for row in rows(outlet.read())] == [2.0]


def test_at_a_pace_one_who_is_behind_is_not_served_faster() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    outlet, level = KeptOutlet(), KeptOutlet()
    joined(hub, outlet, max_hz=1.0)
    joined(hub, level, max_hz=1.0)
    outlet.room = 1
    frames, neighbours = 0, 0
    for number in range(200):
        tell(hub, 2.0 + number)
        frames += len(outlet.read())
        neighbours += len(level.read())
        clock.advance(0.05)
    assert 9 <= frames <= 12
    assert 9 <= neighbours <= 11
    clock.advance(2)
    assert outlet.read_all()[-1].updates[-1].new_odds == 201.0  # type: ignore[union-attr]


def test_one_read_that_brings_more_than_the_backlog_holds_is_a_patch_for_all() -> None:
    hub = Hub(Settings(backlog=8), clock=HandClock())
    outlet = KeptOutlet()
    joined(hub, outlet)
    hub.take(batch_now([quote(2.0, f"team {number}") for number in range(41)], [EVENT]))
    [frame] = updates_in(outlet.read())
    assert (frame.conflated, len(frame.updates)) == ("slow", 41)
    tell(hub, 3.0)
    assert len(rows(outlet.read())) == 1


async def test_who_joins_gets_nothing_again_that_it_has() -> None:
    hub = Hub()
    first, second = KeptOutlet(), KeptOutlet()
    joined(hub, first)
    tell(hub, 2.0)  # on its way still, when the second one joins
    hub.subscribe("websocket", second, Filter())
    await hub.delivered()
    assert [row.new_odds for row in rows(first.read())] == [2.0]
    board, *others = [frame for frame in second.read() if isinstance(frame, Snapshot | Updates)]
    assert isinstance(board, Snapshot)
    assert [q.odds for q in board.quotes] == [2.0]
    assert others == []


def test_a_connection_whose_buffer_is_full_already_waits_for_room() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    outlet = KeptOutlet()
    outlet.is_clear = False
    hub.subscribe("websocket", outlet, Filter())
    assert outlet.kept == []
    assert len(hub.fanout.behind) == 1
    assert any(isinstance(frame, Snapshot) for frame in outlet.read() + outlet.read())
    assert not hub.fanout.behind


def test_a_new_filter_brings_a_snapshot_of_what_it_wants() -> None:
    hub = Hub(clock=HandClock())
    tell(hub, 2.0)
    tell(hub, 3.0, market="totals@7")
    outlet = KeptOutlet()
    subscription = joined(hub, outlet)
    hub.refilter(subscription, Filter(markets=("totals",)), None)
    tell(hub, 2.1)
    tell(hub, 3.1, market="totals@7")
    snapshot, frame = outlet.read()
    assert isinstance(snapshot, Snapshot)
    assert [q.market for q in snapshot.quotes] == ["totals@7"]
    assert [row.market for row in rows([frame])] == ["totals@7"]


def test_who_has_left_is_written_nothing() -> None:
    hub = Hub(clock=HandClock())
    outlet, stopped = KeptOutlet(), KeptOutlet()
    left = joined(hub, outlet)
    joined(hub, stopped)
    hub.unsubscribe(left)
    stopped.stop()
    tell(hub, 2.0)
    assert outlet.kept == stopped.kept == []


def test_frames_are_shared_for_a_moment_only() -> None:
    clock = HandClock()
    hub = Hub(clock=clock)
    tell(hub, *(2.0 + n / 10 for n in range(300)))
    for number in range(300):
        hub.subscribe("websocket", KeptOutlet(), Filter(), resume=f"{hub.book.epoch}:{number}")
    assert len(hub.log._shared) <= 64
    clock.advance(1)
    hub.subscribe("websocket", KeptOutlet(), Filter(), resume=f"{hub.book.epoch}:1")
    assert len(hub.log._shared) == 1


# What one subscriber may meet: prices, reading, a full buffer, time, another filter.
Happening = st.one_of(
    st.tuples(st.just("price"), st.integers(0, 4), st.integers(0, 30)),
    st.tuples(st.just("read"), st.integers(0, 2), st.none()),
    st.tuples(st.just("room"), st.integers(0, 2), st.sampled_from([1, 2, 5, None])),
    st.tuples(st.just("time"), st.sampled_from([0.01, 0.3, 2.0]), st.none()),
    st.tuples(st.just("join"), st.sampled_from([None, 4.0]), st.booleans()),
    st.tuples(st.just("refilter"), st.integers(0, 2), st.sampled_from(["a", "b", ""])),
)


class _Peer:
    """A subscriber that believes only what the cursors allow."""

    def __init__(self, hub: Hub, wanted: Filter, max_hz: float | None) -> None:
        self.hub, self.wanted = hub, wanted
        self.outlet = KeptOutlet()
        self.mirror = Mirror()
        self.seen: list[int] = []
        self.is_whole = max_hz is None
        self.subscription = hub.subscribe("websocket", self.outlet, wanted, max_hz=max_hz)

    def read(self) -> None:
        kept, self.outlet.kept = self.outlet.kept, []
        for frame in map(decode_server_frame, kept):
            if isinstance(frame, Snapshot):
                self.mirror.reset(_cursor(frame.cursor), frame.quotes)
                self.seen = []
            elif isinstance(frame, Updates):
                judged, fresh = self.mirror.apply(
                    _cursor(frame.prev), _cursor(frame.cursor), frame.updates
                )
                assert judged in {"next", "duplicate"}
                assert self.is_whole or frame.conflated in {None, "max_hz", "slow"}
                if frame.conflated is not None:
                    self.is_whole = False
                self.seen += [row.seq for row in fresh]
        self.outlet.clear()


@given(st.lists(Happening, max_size=60), st.sampled_from([400, 256 * 1024]))
def test_whatever_happens_each_ends_with_the_board_and_saw_no_update_twice(
    happenings: list[tuple[str, object, object]], pending_bytes: int
) -> None:
    clock = HandClock()
    hub = Hub(Settings(pending_bytes=pending_bytes, frame_rows=3, backlog=20), clock=clock)
    peers = [_Peer(hub, Filter(), None), _Peer(hub, Filter(markets=("b",)), None)]
    for kind, what, how in happenings:
        peer = peers[what % len(peers)] if isinstance(what, int) else peers[0]
        if kind == "price":
            tell(hub, 2.0 + float(how), outcome=f"team {what}", market="ab"[what % 2])  # type: ignore[arg-type, operator]
        elif kind == "read":
            peer.read()
        elif kind == "room":
            peer.outlet.room = how  # type: ignore[assignment]
        elif kind == "time":
            clock.advance(what)  # type: ignore[arg-type]
        elif kind == "join":
            peers.append(_Peer(hub, Filter(markets=("a",)) if how else Filter(), what))  # type: ignore[arg-type]
        else:
            peer.wanted = Filter(markets=(how,)) if how else Filter()  # type: ignore[arg-type]
            hub.refilter(peer.subscription, peer.wanted, peer.subscription.max_hz)
    for peer in peers:
        peer.outlet.room = None
    for _ in range(3):
        clock.advance(5)
        for peer in peers:
            while peer.outlet.kept:
                peer.read()
    for peer in peers:
        expected = {q.selection: q.odds for q in hub.book.quotes(peer.wanted)}
        assert {s: q.odds for s, q in peer.mirror.quotes.items()} == expected
        assert peer.seen == sorted(set(peer.seen))
        assert peer.subscription.audience is not None


def _cursor(text: str) -> Cursor:
    cursor = Cursor.parse(text)
    assert cursor is not None
    return cursor
