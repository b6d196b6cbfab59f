"""What a journal notes of feeds: what is wrong, in words, and only when it is news."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protipp_stream.core import feed_states
from protipp_stream.core.feed_states import FeedStates
from protipp_stream.model import RealTimeConnection

FEED = RealTimeConnection(
    id="acme", bookmaker_id="acme", connection_type="polling", status="connected", detail="live"
)


def test_a_state_is_told_once_until_it_is_another() -> None:
    states = FeedStates()
    assert [states.news(FEED), states.news(FEED)] == ["connected", None]
    assert states.news(replace(FEED, error_count=3, latency_ms=7.0)) is None
    assert states.news(replace(FEED, stale=True)) == "connected, stale"
    assert states.news(FEED) == "connected"


def test_what_is_wrong_is_said_and_an_error_that_is_over_is_not() -> None:
    down = replace(FEED, status="disconnected", detail="backoff", last_error="no route")
    assert FeedStates().news(down) == "disconnected, backoff: no route"
    assert FeedStates().news(replace(FEED, last_error="no route")) == "connected"


def test_feeds_that_a_peer_invents_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feed_states, "MAX_FEEDS", 10)
    states = FeedStates()
    for number in range(100):
        assert states.news(replace(FEED, id=f"feed {number}")) == "connected"
    assert len(states._told) <= 10
