"""``GET /api/v1/odds``: a snapshot, what happened since, and waiting for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from protipp_stream.errors import FeedRefused
from protipp_stream.gateway import Gateway, Settings
from protipp_stream.gateway.auth import SCOPES
from tests.gateway.conftest import bearer
from tests.scripted import ScriptedFeed, quote


def test_a_poll_without_a_cursor_is_a_snapshot(gateway: Gateway, client: httpx.Client) -> None:
    answer = client.get("/api/v1/odds")
    body = answer.json()
    assert body["mode"] == "snapshot"
    assert len(body["quotes"]) == 2
    assert body["events"] == [
        {
            "event_id": "match",
            "name": "Reds @ Blues",
            "sport": "baseball_mlb",
            "starts_at": None,
            "home": "Blues",
            "away": "Reds",
        }
    ]
    assert body["cursor"] == str(gateway.hub.cursor)
    etag = f'"{gateway.hub.cursor}.{gateway.hub.facts_version}.0"'
    assert answer.headers["ETag"] == etag
    again = client.get("/api/v1/odds", headers={"If-None-Match": etag})
    assert again.status_code == 304
    assert answer.headers["Cache-Control"] == "no-store"


def test_a_poll_with_a_cursor_is_what_happened_since(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    since = str(gateway.hub.cursor)
    feed.tell([quote(2.5)])
    body = client.get("/api/v1/odds", params={"since": since}).json()
    assert (body["mode"], body["prev"]) == ("replay", since)
    assert [row["new_odds"] for row in body["updates"]] == [2.5]


def test_nothing_new_is_304_for_who_asks_so(gateway: Gateway, client: httpx.Client) -> None:
    since = str(gateway.hub.cursor)
    params = {"since": since}
    plain = client.get("/api/v1/odds", params=params)
    assert plain.json()["updates"] == []
    etag = plain.headers["ETag"]
    again = client.get("/api/v1/odds", params=params, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


def test_a_long_poll_waits_for_news(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    since = str(gateway.hub.cursor)
    answers: list[dict[str, Any]] = []
    polling = threading.Thread(
        target=lambda: answers.append(
            client.get("/api/v1/odds", params={"since": since, "wait": "5"}).json()
        )
    )
    polling.start()
    time.sleep(0.1)  # not a decision over time: the answer is the same without it
    feed.tell([quote(7.0)])
    polling.join(5)
    assert answers[0]["updates"][0]["new_odds"] == 7.0


@pytest.mark.parametrize("wait", ["-1", "nan", "x"])
def test_a_wait_out_of_range_says_so(client: httpx.Client, wait: str) -> None:
    answer = client.get("/api/v1/odds", params={"wait": wait})
    assert answer.status_code == 400
    assert "0 to 25" in answer.json()["error"]["message"]


def test_a_long_poll_with_a_filter_waits_for_what_passes_it(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    since = str(gateway.hub.cursor)
    answers: list[dict[str, Any]] = []
    params = {"since": since, "wait": "5", "market": "totals"}
    polling = threading.Thread(
        target=lambda: answers.append(client.get("/api/v1/odds", params=params).json())
    )
    polling.start()
    time.sleep(0.1)  # not a decision over time: the answer is the same without it
    feed.tell([quote(7.0)])
    feed.tell([quote(1.8, market="totals@7.5")])
    polling.join(5)
    assert [row["new_odds"] for row in answers[0]["updates"]] == [1.8]


def test_a_long_poll_is_told_of_a_source_that_ends(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    first = client.get("/api/v1/odds").json()
    feed.end(FeedRefused("no more"))
    params = {"since": first["cursor"], "wait": "5", "facts": first["facts_version"]}
    answer = client.get("/api/v1/odds", params=params).json()
    assert answer["sources"][0]["status"] == "error"


def test_a_long_poll_is_woken_by_a_source_that_ends(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    first = client.get("/api/v1/odds").json()
    params = {"since": first["cursor"], "wait": "25", "facts": first["facts_version"]}
    answers: list[dict[str, Any]] = []
    polling = threading.Thread(
        target=lambda: answers.append(client.get("/api/v1/odds", params=params).json())
    )
    polling.start()
    time.sleep(0.1)  # not a decision over time: the answer is the same without it
    feed.end(FeedRefused("no more"))
    polling.join(5)
    assert answers[0]["sources"][0]["status"] == "error"


def test_a_poll_far_behind_gets_its_updates_in_portions_without_a_hole(
    start: Callable[..., Gateway], feed: ScriptedFeed
) -> None:
    gateway = start(feed, settings=Settings(poll_rows=10))
    feed.tell([quote(2.0)])
    since = str(gateway.hub.cursor)
    for number in range(25):
        feed.tell([quote(3.0 + number)])
    seen: list[float] = []
    for _ in range(3):
        body = httpx.get(
            gateway.url + "/api/v1/odds",
            params={"since": since},
            headers=bearer(gateway.token(scopes=SCOPES)),
            trust_env=False,
        ).json()
        assert body["prev"] == since
        seen += [row["new_odds"] for row in body["updates"]]
        since = body["cursor"]
    assert seen == [3.0 + number for number in range(25)]


def test_a_price_that_was_said_again_is_another_answer(
    gateway: Gateway, feed: ScriptedFeed, client: httpx.Client
) -> None:
    first = client.get("/api/v1/odds")
    feed.tell([quote(2.0)])
    known = {"If-None-Match": first.headers["ETag"]}
    again = client.get("/api/v1/odds", headers=known)
    assert again.status_code == 200
    assert again.json()["quotes"][0]["confirmed_at"]
    since = {"since": first.json()["cursor"], "confirmations": first.json().get("confirmations", 0)}
    [said] = client.get("/api/v1/odds", params=since).json()["confirmed"]
    assert said[:4] == ["acme", "match", "h2h", ["Blues"]]


def test_a_published_price_that_can_not_be_withdraws_the_one_before_it(
    gateway: Gateway, client: httpx.Client
) -> None:
    headers = bearer(gateway.token(scopes=["odds:publish"]))
    row = {"bookmaker_id": "pub", "event_id": "m9", "market": "h2h", "outcome": "x"}
    for odds, quarantined in ((1.95, 0), (0.95, 1)):
        body = {"quotes": [row | {"odds": odds}]}
        answer = client.post("/api/v1/odds", json=body, headers=headers).json()
        assert len(answer["quarantined"]) == quarantined
    [shown] = [each for each in gateway.hub.book.quotes() if each.bookmaker_id == "pub"]
    assert shown.odds is None
    # What comes later in the list replaces it.
    client.post(
        "/api/v1/odds", json={"quotes": [row | {"odds": 0.5}, row | {"odds": 2.5}]}, headers=headers
    )
    [shown] = [each for each in gateway.hub.book.quotes() if each.bookmaker_id == "pub"]
    assert shown.odds == 2.5
    body = {"quotes": [row | {"odds": 2.0, "confirmed_at": "2026-01-01T00:00:00Z"}]}
    answer = client.post("/api/v1/odds", json=body, headers=headers).json()
    assert "confirmed_at" in answer["quarantined"][0]["reason"]
