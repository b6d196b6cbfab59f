"""Who is refused at the door: on every endpoint, over real sockets, in the same words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from protipp_stream.gateway import Gateway, Settings
from protipp_stream.gateway.auth import SCOPES
from tests.gateway.conftest import HTTP_ENDPOINTS, SOCKET_PATH, bearer
from tests.gateway.test_auth import SECRET, signed, unsigned

# Made when they are shown: an hour later all of them would be refused as expired.
FORGED: dict[str, Callable[[], str]] = {
    "alg none": lambda: unsigned({"alg": "none", "typ": "JWT"}),
    "wrong key": lambda: signed(key="t" * 32),
    "expired": lambda: signed(iat=1_700_000_000, exp=1_700_000_600),
    "wrong aud": lambda: signed(aud="somebody-else"),
}
ORIGIN = "https://odds.example"


def handshake(gateway: Gateway, headers: dict[str, str], query: str = "") -> int:
    """Try a WebSocket handshake; return the status it was answered with."""

    async def attempt() -> int:
        url = gateway.url.replace("http", "ws") + SOCKET_PATH + query
        try:
            async with connect(url, additional_headers=headers, proxy=None):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    return asyncio.run(attempt())


@pytest.mark.parametrize("forged", ["none", *FORGED])
@pytest.mark.parametrize(("method", "path"), HTTP_ENDPOINTS)
def test_a_bad_token_is_refused_on_every_endpoint_in_the_same_words(
    http: httpx.Client, method: str, path: str, forged: str
) -> None:
    headers = bearer(FORGED[forged]()) if forged in FORGED else {}
    answer = http.request(method, path, headers=headers)
    assert answer.status_code == 401
    assert answer.json() == {"error": {"code": 4501, "message": "unauthorized"}}
    assert answer.headers["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("forged", FORGED)
def test_a_bad_token_is_refused_at_the_websocket_handshake(gateway: Gateway, forged: str) -> None:
    assert handshake(gateway, bearer(FORGED[forged]())) == 401


@pytest.mark.parametrize(("method", "path"), [*HTTP_ENDPOINTS, ("GET", "/healthz")])
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://odds.example.evil", "http://odds.example"]
)
def test_a_foreign_origin_is_refused_on_every_endpoint(
    start: Callable[..., Gateway], method: str, path: str, origin: str
) -> None:
    gateway = start(settings=Settings(allowed_origins=frozenset({ORIGIN})))
    headers = {**bearer(gateway.token(scopes=SCOPES)), "Origin": origin}
    answer = httpx.request(method, gateway.url + path, headers=headers, trust_env=False)
    assert answer.status_code == 403


def test_origins_are_compared_exactly_at_the_websocket_handshake(
    start: Callable[..., Gateway],
) -> None:
    gateway = start(settings=Settings(allowed_origins=frozenset({ORIGIN})))
    token = bearer(gateway.token(scopes=SCOPES))
    assert handshake(gateway, {**token, "Origin": ORIGIN}) == 101
    assert handshake(gateway, token) == 101
    for foreign in ("https://odds.example.evil", "https://odds.example:444", "null"):
        assert handshake(gateway, {**token, "Origin": foreign}) == 403
        assert handshake(gateway, {"Origin": foreign}) == 403


def test_two_origins_are_none(start: Callable[..., Gateway]) -> None:
    gateway = start(settings=Settings(allowed_origins=frozenset({ORIGIN})))
    headers = [
        ("Authorization", f"Bearer {gateway.token(scopes=SCOPES)}"),
        ("Origin", ORIGIN),
        ("Origin", ORIGIN),
    ]
    answer = httpx.get(gateway.url + "/api/v1/odds", headers=headers, trust_env=False)
    assert answer.status_code == 403


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_a_foreign_host_is_refused(gateway: Gateway, host: str) -> None:
    headers = {**bearer(gateway.token(scopes=SCOPES)), "Host": host}
    answer = httpx.get(gateway.url + "/api/v1/odds", headers=headers, trust_env=False)
    assert answer.status_code == 400


def test_a_token_in_the_query_is_refused_and_stands_in_no_log(
    gateway: Gateway, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    token = gateway.token(scopes=SCOPES)
    caplog.set_level(logging.DEBUG, "protipp_stream")
    caplog.set_level(logging.DEBUG, "uvicorn")
    for query in (
        f"?token={token}",
        f"?access_token={token}",
        f"?since={token}",
        f"?{token}",
        f"?x=Bearer%20{token}",
    ):
        answer = http.get("/api/v1/odds" + query, headers=bearer(token))
        assert answer.status_code == 401
        assert handshake(gateway, bearer(token), query) == 401
    ours = [r for r in caplog.records if r.name.startswith(("protipp_stream", "uvicorn"))]
    assert ours
    assert not any(token in record.getMessage() for record in ours)


@pytest.mark.parametrize(
    ("method", "path", "scopes", "status"),
    [
        ("GET", "/api/v1/odds", ["status:read"], 403),
        ("GET", "/api/v1/odds", ["odds:read"], 200),
        ("POST", "/api/v1/odds", ["odds:read"], 403),
        ("GET", "/api/v1/odds/stream", ["odds:publish"], 403),
        ("GET", "/metrics", ["odds:read"], 403),
        ("GET", "/metrics", ["status:read"], 200),
        ("GET", "/api/v1/realtime/time", ["odds:read"], 200),
    ],
)
def test_each_endpoint_wants_its_scope(
    gateway: Gateway, http: httpx.Client, method: str, path: str, scopes: list[str], status: int
) -> None:
    token = gateway.token(scopes=scopes)
    assert http.request(method, path, headers=bearer(token)).status_code == status


def test_a_websocket_wants_the_scope_to_read(gateway: Gateway) -> None:
    assert handshake(gateway, bearer(gateway.token(scopes=["odds:publish"]))) == 403


def test_liveness_needs_no_token_and_says_nothing_else(http: httpx.Client) -> None:
    answer = http.get("/healthz")
    assert (answer.status_code, answer.text) == (200, "ok\n")


def test_a_draining_gateway_takes_nobody_in(gateway: Gateway, http: httpx.Client) -> None:
    token = bearer(gateway.token(scopes=SCOPES))
    gateway.hub.is_draining = True
    answer = http.get("/api/v1/odds", headers=token)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert handshake(gateway, token) == 503
    assert http.get("/healthz").status_code == 503
    assert http.get("/api/v1/realtime/status", headers=token).json()["status"] == "draining"


def test_a_token_in_the_path_stands_in_no_log(
    gateway: Gateway, http: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    token = gateway.token()
    caplog.set_level(logging.DEBUG, "protipp_stream")
    http.get(f"/{token}")
    ours = [r.getMessage() for r in caplog.records if r.name.startswith("protipp_stream")]
    assert any("token_missing" in line for line in ours)
    assert not any(token in line for line in ours)


def test_refusals_are_counted_by_their_reason(gateway: Gateway, http: httpx.Client) -> None:
    http.get("/api/v1/odds")
    http.get("/api/v1/odds", headers=bearer(signed(key="t" * 32)))
    http.get("/api/v1/odds", headers={**bearer(gateway.token(scopes=SCOPES)), "Origin": "null"})
    counts = gateway.hub.audit.counts
    assert counts["token_missing"] == 1
    assert counts["token_signature"] == 1
    assert counts["origin"] == 1


def test_a_gateway_takes_the_key_that_it_is_given(start: Callable[..., Gateway]) -> None:
    gateway = start(key=SECRET)
    answer = httpx.get(gateway.url + "/api/v1/odds", headers=bearer(signed()), trust_env=False)
    assert answer.status_code == 200
