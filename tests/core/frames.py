"""Frames of every kind, as hypothesis draws them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from protipp_stream.core.filter import Filter
from protipp_stream.core.wire import (
    Confirmed,
    Connect,
    Connected,
    Draining,
    ErrorFrame,
    Expiring,
    Heartbeat,
    Ping,
    Pong,
    Refresh,
    Snapshot,
    Source,
    Subscribe,
    Updates,
)
from protipp_stream.model import (
    Confirmation,
    Cursor,
    Event,
    OddsUpdate,
    Quota,
    Quote,
    RealTimeConnection,
)

texts = st.text(st.characters(codec="utf-8"), max_size=20)
names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]),
    min_size=1,
    max_size=20,
)
odds = st.floats(1.0, 1e6, exclude_min=True)
shares = st.floats(0.0, 1.0, exclude_max=True)
numbers = st.floats(allow_nan=False, allow_infinity=False)
instants = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
modes = st.sampled_from(["replay", "patch", "snapshot"])
counts = st.integers(0, 2**53)
cursors = st.builds(Cursor, st.from_regex(r"[0-9A-Za-z_-]{1,64}", fullmatch=True), counts)
cursor_texts = cursors.map(str)

quotes = st.builds(
    Quote,
    names,
    names,
    names,
    names,
    st.none() | odds,
    st.none() | instants,
    st.none() | instants,
    shares,
)
updates = st.builds(
    OddsUpdate,
    cursor_texts,
    names,
    names,
    names,
    names,
    st.none() | odds,
    st.none() | odds,
    instants,
    st.none() | instants,
    numbers,
    st.booleans(),
    st.none() | texts,
    shares,
)
fixtures = st.builds(
    Event, names, names, names, st.none() | instants, st.none() | names, st.none() | names
)
connections = st.builds(
    RealTimeConnection,
    id=texts,
    bookmaker_id=texts,
    connection_type=st.sampled_from(["websocket", "sse", "polling", "simulated", "publish"]),
    status=st.sampled_from(["connected", "connecting", "disconnected", "error"]),
    last_heartbeat=st.none() | instants,
    latency_ms=st.none() | numbers,
    error_count=counts,
    last_error=st.none() | texts,
    reconnect_attempts=counts,
    detail=st.sampled_from(
        [None, "live", "stalled", "backoff", "recovering", "paused", "terminal"]
    ),
    last_update=st.none() | instants,
    stale=st.booleans(),
    quota=st.none() | st.builds(Quota, st.none() | numbers, st.none() | numbers),
)


def few(drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Any]]:
    return st.lists(drawn, max_size=3)


some_names = few(names).map(tuple)
filters = st.builds(Filter, some_names, some_names, some_names)

confirmations = st.builds(
    Confirmation, names, names, names, few(names), instants, st.none() | instants
)

CLIENT: dict[type, st.SearchStrategy[Any]] = {
    Connect: st.builds(
        Connect, st.none() | texts, st.none() | texts, st.none() | texts, st.none() | filters
    ),
    Subscribe: st.builds(Subscribe, some_names, some_names, some_names),
    Refresh: st.builds(Refresh, texts),
    Ping: st.builds(Ping, counts, numbers),
}
SERVER: dict[type, st.SearchStrategy[Any]] = {
    Connected: st.builds(Connected, texts, cursor_texts, modes, numbers, st.none() | numbers),
    Snapshot: st.builds(Snapshot, cursor_texts, few(quotes), few(fixtures)),
    Updates: st.builds(
        Updates,
        cursor_texts,
        cursor_texts,
        st.none() | texts,
        instants,
        few(updates),
        few(fixtures),
    ),
    Confirmed: st.builds(Confirmed, few(confirmations)),
    Heartbeat: st.builds(Heartbeat, cursor_texts, instants),
    Pong: st.builds(Pong, counts, numbers, numbers, numbers),
    Source: st.builds(Source, connections),
    Expiring: st.builds(Expiring, numbers),
    Draining: st.builds(Draining, counts),
    ErrorFrame: st.builds(ErrorFrame, texts | counts, texts, st.none() | counts),
}
