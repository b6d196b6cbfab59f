"""The HTTP endpoints but polling: stream, publish, status, time, metrics."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from protipp_stream.core.filter import Filter
from protipp_stream.core.mirror import Mirror
from protipp_stream.core.wire import decode_server_frame
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.gateway.auth import SCOPES
from protipp_stream.model import Cursor, OddsUpdate, Quote
from tests.gateway.conftest import bearer
from tests.scripted import EVENT, HandClock, ScriptedFeed, quote

# connected, the source, its bookmaker, the board
OPENING = 4


def events_of(client: httpx.Client, count: int, **options: Any) -> list[dict[str, str]]:
    """Read the first events of the stream, as a browser would."""
    found: list[dict[str, str]] = []
    with client.stream("GET", "/api/v1/odds/stream", **options) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        fields: dict[str, str] = {}
        for line in response.iter_lines():
            if line:
                name, _, value = line.partition(": ")
                fields[name] = value
                continue
            found.append(fields)
            fields = {}
            if len(found) == count:
                break
    return found


def test_the_stream_has_the_frames_as_events_with_the_cursor_as_id(
    gateway: Gateway, client: httpx.Client
) -> None:
    *before, snapshot = events_of(client, OPENING)
    assert [event["event"] for event in before] == ["connected", "source", "source"]
    assert snapshot["id"] == str(gateway.hub.cursor)
    assert json.loads(snapshot["data"])["type"] == "snapshot"


def test_the_stream_resumes_from_the_last_event_id(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    before = str(gateway.hub.cursor)
    feed.tell([quote(2.5)])
    *_, updates = events_of(client, OPENING, headers={"Last-Event-ID": before})
    assert [row["new_odds"] for row in json.loads(updates["data"])["updates"]] == [2.5]


def test_heartbeats_of_the_stream_are_events(
    start: Callable[..., Gateway],
) -> None:
    gateway = start(settings=Settings(heartbeat_s=0.05))
    headers = bearer(gateway.token(scopes=SCOPES))
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as client:
        names = [event["event"] for event in events_of(client, 4)]
    assert names[-2:] == ["heartbeat", "heartbeat"]


def test_a_stream_that_is_left_leaves_no_subscription(
    gateway: Gateway, client: httpx.Client
) -> None:
    events_of(client, 1)
    client.close()
    deadline = time.monotonic() + 5
    while gateway.hub.subscriptions and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not gateway.hub.subscriptions


def test_request_101_within_a_minute_is_refused_minute_after_minute(
    start: Callable[..., Gateway],
) -> None:
    clock = HandClock()
    gateway = start(clock=clock)
    headers = bearer(gateway.token(lifetime_s=24 * 3600))
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as client:
        for _ in range(3):
            codes = [client.get("/api/v1/realtime/time").status_code for _ in range(100)]
            assert codes == [200] * 100
            refused = client.get("/api/v1/realtime/time")
            assert refused.status_code == 429
            assert refused.headers["Retry-After"] == "60"
            clock.advance(60)


def test_quotes_can_be_published_by_any_process(gateway: Gateway, client: httpx.Client) -> None:
    body = {
        "events": [{"event_id": "e2", "name": "A v B", "sport": "tennis"}],
        "quotes": [
            {"bookmaker_id": "me", "event_id": "e2", "market": "h2h", "outcome": "A", "odds": 1.5},
            {"bookmaker_id": "me", "event_id": "e2", "market": "h2h", "outcome": "B", "odds": None},
        ],
    }
    answer = client.post("/api/v1/odds", json=body).json()
    assert answer == {
        "accepted": 2,
        "updates": 1,
        "cursor": str(gateway.hub.cursor),
        "quarantined": [],
    }
    prices = {q.outcome: q.odds for q in gateway.hub.book.quotes(Filter(bookmakers=("me",)))}
    assert prices == {"A": 1.5}
    assert gateway.hub.sources["publish"].status == "connected"


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ({"odds": 1.0}, ">"),
        ({"odds": 2_000_000}, "<="),
        ({"odds": "2.0"}, "str"),
        ({"outcome": "two\nlines"}, "match"),
        ({"outcome": ""}, "match"),
        ({"source_timestamp": "2087-01-01T00:00:00Z"}, "timestamp"),
        ({"source_timestamp": "2026-01-01T00:00:00"}, "timezone"),
        ({"timestamp": "2026-01-01T00:00:00Z"}, "gateway's to set"),
        ({"stake": 5}, "unknown field"),
    ],
    ids=str,
)
def test_one_bad_quote_comes_back_with_its_reason_and_the_rest_is_taken(
    gateway: Gateway, client: httpx.Client, fault: dict[str, object], says: str
) -> None:
    good = {"bookmaker_id": "me", "event_id": "e", "market": "h2h", "outcome": "A", "odds": 1.5}
    answer = client.post("/api/v1/odds", json={"quotes": [good | fault, good]}).json()
    assert answer["accepted"] == 1
    [quarantined] = answer["quarantined"]
    assert quarantined["index"] == 0
    assert says in quarantined["reason"]
    assert gateway.hub.intake.quarantined["published"] == 1


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b'{"quotes":1}', b'{"quotes":[],"quotes":[]}', b'{"qoutes":[]}']
)
def test_a_malformed_publication_is_refused_whole(client: httpx.Client, body: bytes) -> None:
    answer = client.post("/api/v1/odds", content=body)
    assert answer.status_code == 422
    assert answer.json()["error"]["message"].startswith("Malformed")


def test_a_publication_too_large_is_refused(client: httpx.Client) -> None:
    assert client.post("/api/v1/odds", content=b" " * 250_001).status_code == 413


def test_status_shows_every_connection_to_who_may_see_it(
    gateway: Gateway, client: httpx.Client
) -> None:
    with client.stream("GET", "/api/v1/odds/stream"):
        full = client.get("/api/v1/realtime/status")
        less = client.get(
            "/api/v1/realtime/status", headers=bearer(gateway.token(scopes=["odds:read"]))
        ).json()
    body = full.json()
    assert full.headers["Cache-Control"] == "no-store"
    assert {c["connection_type"] for c in body["connections"]} == {"publish", "bookmaker", "sse"}
    assert body["subscribers"] == {"websocket": 0, "sse": 1, "polling": 0}
    assert body["cursor"] == str(gateway.hub.cursor)
    assert set(less) == {"status", "subscribers", "feeds", "selections", "updates"}


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/nowhere", 404), ("DELETE", "/api/v1/odds", 405)]
)
def test_what_is_not_ours_is_answered_in_our_words(
    client: httpx.Client, method: str, path: str, status: int
) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    assert answer.json()["error"]["code"] == status


def test_a_bug_of_ours_tells_the_peer_an_id_only(
    gateway: Gateway,
    client: httpx.Client,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("a secret detail")

    monkeypatch.setattr(gateway.hub, "recover", broken)
    answer = client.get("/api/v1/odds")
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == 4007
    assert "secret" not in answer.text
    assert "a secret detail" in caplog.text


def test_a_publishers_words_are_cut_before_everyone_reads_them(
    gateway: Gateway, client: httpx.Client
) -> None:
    client.post("/api/v1/odds", json={"quotes": [{"x" * 100_000: 1}]})
    assert len(gateway.hub.sources["publish"].last_error or "") <= 200


def test_publishing_and_polling_do_not_use_up_each_other(
    start: Callable[..., Gateway],
) -> None:
    gateway = start(settings=Settings(messages_per_minute=1))
    headers = bearer(gateway.token(scopes=SCOPES))
    with httpx.Client(base_url=gateway.url, headers=headers, trust_env=False) as client:
        assert client.get("/api/v1/odds").status_code == 200
        assert client.post("/api/v1/odds", json={"quotes": []}).status_code == 200
        assert client.get("/api/v1/odds").status_code == 429
        # However many names a path may have, they are one endpoint.
        assert [client.get(f"/{n}").status_code for n in range(2)] == [404, 429]


def test_time_is_the_gateways(client: httpx.Client) -> None:
    before = time.time()
    answer = client.get("/api/v1/realtime/time").json()
    assert before - 1 <= answer["t1"] <= answer["t2"] <= time.time() + 1


def test_metrics_are_prometheus_text_without_names_of_people(
    gateway: Gateway, client: httpx.Client
) -> None:
    token = gateway.token("alice", scopes=["status:read"])
    text = client.get("/metrics", headers=bearer(token)).text
    assert "protipp_updates_total 2\n" in text
    assert "alice" not in text


def test_all_transports_bring_the_same_rows(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    since = gateway.hub.cursor
    for number in range(5):
        feed.tell([quote(3.0 + number), quote(2.0 + number, "Reds")], [EVENT])
    polled = client.get("/api/v1/odds", params={"since": str(since)}).json()["updates"]
    *_, event = events_of(client, OPENING, headers={"Last-Event-ID": str(since)})
    assert json.loads(event["data"])["updates"] == polled
    assert len(polled) == 10


def test_frames_of_the_stream_build_the_book(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    feed.tell([quote(None), quote(4.0, "Reds")])
    mirror = Mirror()
    for event in events_of(client, OPENING):
        frame: Any = decode_server_frame(event["data"])
        if event["event"] == "snapshot":
            mirror.reset(_cursor(frame.cursor), frame.quotes)
    assert _prices(mirror.quotes.values()) == _prices(gateway.hub.book.quotes())


def _cursor(text: str) -> Cursor:
    cursor = Cursor.parse(text)
    assert cursor is not None
    return cursor


def _prices(quotes: Any) -> dict[object, float | None]:
    assert all(isinstance(q, Quote | OddsUpdate) for q in quotes)
    return {q.selection: q.odds for q in quotes}
