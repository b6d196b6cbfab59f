"""CORS: a page of an allowed origin may read every answer, a foreign page none."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import httpx
import pytest

from protipp_stream.gateway import Gateway, Settings
from protipp_stream.gateway.auth import SCOPES
from tests.gateway.conftest import HTTP_ENDPOINTS, bearer
from tests.scripted import ScriptedFeed, quote

PAGE = "https://odds.example"
FOREIGN = [
    "https://evil.example",
    "null",
    "https://odds.example.evil",
    "http://odds.example",
    "https://odds.example:444",
]
ALLOW = "Access-Control-Allow-Origin"


@pytest.fixture
def gateway(start: Callable[..., Gateway], feed: ScriptedFeed) -> Gateway:
    made = start(feed, settings=Settings(allowed_origins=frozenset({PAGE}), messages_per_minute=2))
    feed.tell([quote(2.0)])
    return made


@pytest.fixture
def http(gateway: Gateway) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=gateway.url, trust_env=False, timeout=5) as client:
        yield client


def preflight(http: httpx.Client, origin: str, path: str, **asks: str) -> httpx.Response:
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": asks.get("method", "POST"),
        "Access-Control-Request-Headers": asks.get("headers", "authorization"),
    }
    return http.options(path, headers=headers)


def listed(answer: httpx.Response, header: str) -> set[str]:
    return {word.strip() for word in answer.headers[header].split(",")}


@pytest.mark.parametrize("path", sorted({path for _, path in HTTP_ENDPOINTS}))
def test_an_allowed_pages_preflight_needs_no_token(http: httpx.Client, path: str) -> None:
    asked = "authorization, content-type, last-event-id, cache-control"
    answer = preflight(http, PAGE, path, headers=asked)
    assert answer.status_code == 200
    assert answer.headers[ALLOW] == PAGE
    assert listed(answer, "Access-Control-Allow-Methods") == {"GET", "POST"}
    assert "Origin" in listed(answer, "Vary")
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("asks", [{"method": "DELETE"}, {"headers": "cookie"}], ids=str)
def test_a_preflight_for_more_than_we_offer_is_refused(
    http: httpx.Client, asks: dict[str, str]
) -> None:
    assert preflight(http, PAGE, "/api/v1/odds", **asks).status_code == 400


@pytest.mark.parametrize("origin", FOREIGN)
def test_a_foreign_pages_preflight_is_refused_and_audited(
    gateway: Gateway, http: httpx.Client, origin: str
) -> None:
    answer = preflight(http, origin, "/api/v1/odds")
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert gateway.hub.audit.counts["origin"] == 1


@pytest.mark.parametrize("origin", FOREIGN)
@pytest.mark.parametrize(("method", "path"), [*HTTP_ENDPOINTS, ("GET", "/healthz")])
def test_a_foreign_page_is_refused_and_can_not_even_read_that(
    gateway: Gateway, http: httpx.Client, method: str, path: str, origin: str
) -> None:
    headers = {**bearer(gateway.token(scopes=SCOPES)), "Origin": origin}
    answer = http.request(method, path, headers=headers)
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_two_origins_are_none_here_too(gateway: Gateway, http: httpx.Client) -> None:
    for origins in ([PAGE, FOREIGN[0]], [FOREIGN[0], PAGE], [PAGE, PAGE]):
        for method in ("GET", "OPTIONS"):
            headers = [("Origin", origin) for origin in origins]
            headers.append(("Access-Control-Request-Method", "GET"))
            answer = http.request(method, "/api/v1/odds", headers=headers)
            assert answer.status_code == 403
            assert ALLOW not in answer.headers


def test_a_page_reads_its_answers_and_why_it_was_refused(
    gateway: Gateway, http: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {**bearer(gateway.token()), "Origin": PAGE}
    first = http.get("/api/v1/odds", headers=good)
    assert listed(first, "Access-Control-Expose-Headers") == {"ETag", "Retry-After"}
    asked = [
        first,
        http.get("/api/v1/odds", headers={**good, "If-None-Match": first.headers["ETag"]}),
        http.get("/api/v1/odds", headers=good),
        http.get("/api/v1/odds", headers={"Origin": PAGE}),
        http.get("/metrics", headers=good),
        http.get("/nowhere", headers=good),
        http.get("/api/v1/odds", headers={**good, "Host": "evil.example"}),
        http.get("/healthz", headers={"Origin": PAGE}),
    ]
    with http.stream("GET", "/api/v1/odds/stream", headers=good) as streamed:
        asked.append(streamed)
    monkeypatch.setattr(gateway.hub.audit, "counts", None)  # a bug of ours
    asked.append(http.get("/api/v1/realtime/status", headers={"Origin": PAGE}))
    statuses = [answer.status_code for answer in asked]
    assert statuses == [200, 304, 429, 401, 403, 404, 400, 200, 200, 500]
    assert [answer.headers.get(ALLOW) for answer in asked] == [PAGE] * len(asked)
    assert all("Origin" in listed(answer, "Vary") for answer in asked)


def test_who_is_no_page_is_not_told_of_pages(gateway: Gateway, http: httpx.Client) -> None:
    answer = http.get("/api/v1/odds", headers=bearer(gateway.token()))
    assert answer.status_code == 200
    assert ALLOW not in answer.headers


def test_where_no_origin_is_allowed_none_is(start: Callable[..., Gateway]) -> None:
    gateway = start()
    with httpx.Client(base_url=gateway.url, trust_env=False) as client:
        assert preflight(client, PAGE, "/api/v1/odds").status_code == 403
