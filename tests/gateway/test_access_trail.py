"""A real gateway with an access trail: what it records, and that it can be erased."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.sync.client import connect

from protipp_stream.core.access import AccessRecord, Requester
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.gateway.audit import Audit
from protipp_stream.gateway.auth import SCOPES
from protipp_stream.history.access import Trail, erase, export, verify_access
from protipp_stream.history.access.trail_file import read_lines
from protipp_stream.history.layout import Layout
from protipp_stream.history.locking import held
from protipp_stream.history.verifying import verify
from tests.gateway.conftest import SOCKET_PATH, bearer
from tests.gateway.pages import ORIGINS, PAGE, ticket_for
from tests.scripted import ScriptedFeed, quote

ALICE, AGENT = "alice@canary.example", "CanaryBrowser/1.0"
OUR_OWN_TEST_CLIENTS = ("httpx", "httpcore", "websockets.client", "asyncio")


@pytest.fixture
def trail(tmp_path: Path) -> Iterator[Trail]:
    made = Trail(tmp_path)
    yield made
    made.close()


@pytest.fixture
def kept(start: Callable[..., Gateway], feed: ScriptedFeed, trail: Trail) -> Gateway:
    """A gateway that keeps its access trail."""
    gateway = start(feed, settings=Settings(allowed_origins=ORIGINS))
    gateway.hub.audit.keep_in(trail)
    feed.tell([quote(2.0)])
    return gateway


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def settled(gateway: Gateway, trail: Trail, folder: Path) -> list[dict[str, Any]]:
    """Stop; return every line, and who stands behind it where it is alice."""
    gateway.stop()
    gateway.hub.audit.flush()
    trail.close()
    assert verify_access(folder, [trail.head]) == []
    mine = {each["n"]: each for each in export(folder, ALICE)["records"]}
    lines = read_lines(Layout(folder).access_trail)
    return [
        {"n": line.n, "reason": line.reason, "facts": line.facts} | mine.get(line.n, {})
        for line in lines
    ]


def one(lines: list[dict[str, Any]], reason: str) -> dict[str, Any]:
    [found] = [line for line in lines if line["reason"] == reason]
    return found


def test_a_websockets_whole_life_is_recorded_under_its_subject(
    kept: Gateway, trail: Trail, tmp_path: Path
) -> None:
    url = kept.url.replace("http", "ws") + SOCKET_PATH
    headers = {**bearer(kept.token(ALICE)), "User-Agent": AGENT}
    with connect(url, additional_headers=headers, user_agent_header=AGENT, proxy=None) as socket:
        ident = json.loads(socket.recv())["connection_id"]
        socket.send(
            '{"type":"subscribe","events":["alices-secret-wish"],"markets":["h2h","totals"]}'
        )
        socket.send(json.dumps({"type": "refresh", "token": kept.token(ALICE)}))
        socket.send(json.dumps({"type": "refresh", "token": "no.good.token"}))
        while json.loads(socket.recv())["type"] != "error":
            pass
    lines = settled(kept, trail, tmp_path)
    connected = one(lines, "connected")
    assert connected["facts"] == {
        "transport": "websocket",
        "bookmakers": 0,
        "events": 0,
        "markets": 0,
    }
    assert (connected["subject"], connected["connection"]) == (ALICE, ident)
    assert (connected["address"], connected["user_agent"]) == ("127.0.0.1", AGENT)
    assert one(lines, "subscribed")["facts"] == {"bookmakers": 0, "events": 1, "markets": 2}
    left = one(lines, "left")
    assert left["facts"]["code"] == 1000
    assert left["facts"]["duration_s"] >= 0
    for reason in ("subscribed", "refreshed", "refresh_refused", "left"):
        assert one(lines, reason)["connection"] == ident, reason


def test_who_is_introduced_by_a_frame_has_a_name_too(
    kept: Gateway, trail: Trail, tmp_path: Path
) -> None:
    url = kept.url.replace("http", "ws") + SOCKET_PATH
    with connect(url, proxy=None) as socket:
        socket.send(json.dumps({"type": "connect", "token": kept.token(ALICE)}))
        assert json.loads(socket.recv())["type"] == "connected"
    with connect(url, proxy=None) as socket:
        socket.send(json.dumps({"type": "connect", "token": "none.of.ours"}))
        assert json.loads(socket.recv())["code"] == 4501
    lines = settled(kept, trail, tmp_path)
    assert one(lines, "connected")["subject"] == ALICE
    assert one(lines, "token_malformed")["facts"] == {}
    assert "subject" not in one(lines, "closed_4501")


def test_a_stream_that_is_drained_says_so_with_its_code(
    kept: Gateway, trail: Trail, tmp_path: Path
) -> None:
    headers = bearer(kept.token(ALICE))
    with httpx.stream(
        "GET", kept.url + "/api/v1/odds/stream?market=h2h", headers=headers, trust_env=False
    ) as answer:
        rows = answer.iter_lines()  # without a name it would be closed at once
        next(rows)
        lines = settled(kept, trail, tmp_path)
    assert one(lines, "connected")["facts"]["transport"] == "sse"
    closed = one(lines, "closed_4000")
    assert (closed["subject"], closed["facts"]["code"]) == (ALICE, 4000)


def test_polls_publishes_tickets_and_rates_are_recorded(
    kept: Gateway, trail: Trail, tmp_path: Path
) -> None:
    headers = bearer(kept.token(ALICE, scopes=SCOPES))
    with httpx.Client(base_url=kept.url, headers=headers, trust_env=False) as client:
        for _ in range(5):
            client.get("/api/v1/odds")
        bad = {
            "bookmaker_id": "acme",
            "event_id": "e",
            "market": "h2h",
            "outcome": "x",
            "odds": 0.5,
        }
        client.post("/api/v1/odds", json={"quotes": [bad | {"odds": 2.5}, bad]})
        for _ in range(101):
            client.get("/api/v1/realtime/time")
    ticket = ticket_for(kept, PAGE, token=kept.token(ALICE))
    with httpx.stream(
        "GET",
        f"{kept.url}/api/v1/odds/stream?ticket={ticket}",
        headers={"Origin": PAGE},
        trust_env=False,
    ) as answer:
        assert answer.status_code == 200
    lines = settled(kept, trail, tmp_path)
    assert one(lines, "polled")["count"] == 5
    published = one(lines, "published")
    assert published["facts"] == {"accepted": 1, "updates": 2, "quarantined": 1}
    assert one(lines, "rate_limited")["endpoint"] == "GET /api/v1/realtime/time"
    for reason in ("polled", "published", "rate_limited", "ticket_issued", "ticket_redeemed"):
        assert one(lines, reason)["subject"] == ALICE, reason


def test_after_erasing_no_file_and_no_log_names_the_subject(
    kept: Gateway, trail: Trail, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "protipp_stream")
    headers = {**bearer(kept.token(ALICE)), "User-Agent": AGENT}
    for path in ("/api/v1/odds", "/metrics", "/api/v1/odds?max_hz=x", "/nowhere"):
        httpx.get(kept.url + path, headers=headers, trust_env=False)
        httpx.get(kept.url + path, headers={"User-Agent": AGENT}, trust_env=False)
    kept.hub.audit.flush()
    trail.flush()
    assert erase(tmp_path, ALICE).records >= 2
    lines = settled(kept, trail, tmp_path)
    assert [line["reason"] for line in lines if line["reason"] == "erased"]
    for path in (path for path in tmp_path.rglob("*") if path.is_file()):
        data = path.read_bytes()
        assert not [word for word in (ALICE, AGENT, "127.0.0.1") if word.encode() in data], path
    ours = [r for r in caplog.records if not r.name.startswith(OUR_OWN_TEST_CLIENTS)]
    logged = [r.getMessage() + repr(r.args) + str(r.exc_text) for r in ours]
    audited = [r for r in ours if r.name == "protipp_stream.audit"]
    assert any("token_missing" in r.getMessage() for r in audited), "the positive control"
    assert any('"address"' in r.getMessage() for r in audited)
    for word in (ALICE, AGENT, "127.0.0.1"):
        assert not [line for line in logged if word in line]


@pytest.mark.parametrize("fails", [Audit, Trail])
def test_an_error_at_the_end_leaves_no_trail_open(
    start: Callable[..., Gateway],
    feed: ScriptedFeed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    fails: type,
) -> None:
    gateway = start(feed, history=tmp_path)
    with monkeypatch.context() as patched:

        def broken(_: object) -> None:
            raise RuntimeError("out of order")

        patched.setattr(fails, "flush" if fails is Audit else "close", broken)
        gateway.stop()
    with held(Layout(tmp_path).writer_lock) as is_free:
        assert is_free
    trail = gateway.hub.recording.trail  # type: ignore[union-attr]
    assert trail is not None
    if fails is Audit:
        assert not trail._thread.is_alive()
    trail.close()
    assert verify(tmp_path).status in {0, 3}


def test_a_gateway_says_when_it_last_removed_what_was_old(
    start: Callable[..., Gateway], feed: ScriptedFeed, tmp_path: Path
) -> None:
    long_ago = datetime.now(UTC) - timedelta(days=200)
    trail = Trail(tmp_path)
    trail.record(AccessRecord(at=long_ago, reason="connected", by=Requester(ALICE)))
    trail.close()
    gateway = start(feed, history=tmp_path)
    headers = bearer(gateway.token(scopes=["status:read"]))

    def upkeep() -> dict[str, Any]:
        url = gateway.url + "/api/v1/realtime/status"
        found: dict[str, Any] = httpx.get(url, headers=headers, trust_env=False).json()["history"]
        return dict(found["upkeep"])

    until(lambda: upkeep()["retained_at"] is not None)
    assert upkeep()["last_error"] is None
    assert export(tmp_path, ALICE)["records"] == []
    gateway.stop()
    assert verify(tmp_path).status == 0
