"""Two server-sent events torn into one: the head of the second, the tail of the first.

An event ends at a blank line, wherever that stands. A middlebox that sends a stretch
of bytes twice, from the middle of one event to the middle of the next, so makes an
event of its own: well-formed JSON, with the cursor of the second and without its rows.
HTTP notices at the end of the chunk, when the event has been handed on. What it says
must not reach the board: a schedule of faults met it, over SSE only, for a WebSocket
message and the answer to a poll say their length first.
"""

from __future__ import annotations

from datetime import UTC, datetime

import httpx
import pytest
from httpx_sse import EventSource, ServerSentEvent

from protipp_stream.client.applier import cursor_in
from protipp_stream.client.transports.sse import frame_in
from protipp_stream.core import wire
from protipp_stream.core.mirror import Mirror
from protipp_stream.core.wire import Snapshot, Updates
from protipp_stream.errors import ProtocolError
from protipp_stream.gateway.frames import Outgoing, as_event
from protipp_stream.model import Cursor, OddsUpdate, Quote

EPOCH, NOON = "31b638fba5df", datetime(2026, 8, 7, 12, tzinfo=UTC)
BEFORE = {"Over": 8.28, "Under": 8.36, "Draw": 7.98}
PRICES = {4: ("Over", 8.35), 5: ("Under", 8.37), 6: ("Draw", 8.38)}


def frame(prev: int, cursor: int) -> bytes:
    """An event with the updates in between."""
    rows = [
        OddsUpdate(
            f"{EPOCH}:{seq}", "acme", "m3", "h2h", outcome, BEFORE[outcome], odds, NOON,
            None, 0.5, False,
        )
        for seq, (outcome, odds) in PRICES.items()
        if prev < seq <= cursor
    ]  # fmt: skip
    ends = Cursor(EPOCH, prev), Cursor(EPOCH, cursor)
    data = wire.updates_frame(*ends, wire.encode_updates(rows), NOON)
    return as_event(Outgoing("updates", data, str(ends[1])))


def events_of(stream: bytes) -> list[ServerSentEvent]:
    """Read a stream as the client does."""
    headers = {"Content-Type": "text/event-stream"}
    return list(EventSource(httpx.Response(200, headers=headers, content=stream)).iter_sse())


def board_at(cursor: Cursor) -> dict[str, float]:
    said = [(outcome, odds) for seq, (outcome, odds) in PRICES.items() if seq <= cursor.seq]
    return BEFORE | dict(said)


def test_no_part_of_two_torn_events_reaches_the_board() -> None:
    first, second = frame(3, 4), frame(4, 6)
    passed = 0
    for end in range(1, len(second)):
        # The newline at the end of an event stands in both: tails of one byte say nothing new.
        for start in range(end % 5, len(first) - 1, 5):
            mirror = Mirror()
            mirror.reset(Cursor(EPOCH, 3), [quote(*each) for each in BEFORE.items()])
            for event in events_of(first + second[:end] + first[start:]):
                try:
                    took = frame_in(event)
                    assert isinstance(took, Updates)
                    mirror.apply(cursor_in(took.prev), cursor_in(took.cursor), took.updates)
                except ProtocolError:
                    break
                passed += 1
            assert mirror.cursor is not None
            shown = {each.outcome: each.odds for each in mirror.quotes.values()}
            assert shown == board_at(mirror.cursor), second[:end] + first[start:]
    assert passed > 0, "the first event itself is whole"


def quote(outcome: str, odds: float) -> Quote:
    return Quote("acme", "m3", "h2h", outcome, odds)


def test_an_event_whose_id_is_not_its_frames_cursor_is_refused() -> None:
    snapshot = wire.encode(Snapshot(f"{EPOCH}:6", [], []))
    [whole] = events_of(as_event(Outgoing("snapshot", snapshot, f"{EPOCH}:6")))
    assert isinstance(frame_in(whole), Snapshot)
    for told in (f"{EPOCH}:5", None):
        [torn] = events_of(as_event(Outgoing("snapshot", snapshot, told)))
        with pytest.raises(ProtocolError, match="torn"):
            frame_in(torn)
