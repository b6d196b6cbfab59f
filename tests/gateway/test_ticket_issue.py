"""Who gets a ticket, for which page, and who does not."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx
import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.gateway import Gateway, Settings
from tests.gateway.pages import (
    ASK,
    FOREIGN,
    ORIGINS,
    OTHER,
    PAGE,
    REFUSED,
    ask,
    start_for_pages,
    stream,
    ticket_for,
)
from tests.scripted import HandClock, ScriptedFeed


@pytest.fixture
def gateway(start: Callable[..., Gateway], feed: ScriptedFeed, clock: HandClock) -> Gateway:
    return start_for_pages(start, feed, clock)


def test_a_page_that_asks_gets_a_ticket_for_its_own_origin(gateway: Gateway) -> None:
    answer = ask(gateway, origin=PAGE)
    assert answer.status_code == 201
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json() == {"ticket": answer.json()["ticket"], "expires_in_s": 30}
    assert stream(gateway, answer.json()["ticket"]).status_code == 200


def test_a_server_asks_on_behalf_of_its_page(gateway: Gateway) -> None:
    ticket = ask(gateway, json={"origin": OTHER}).json()["ticket"]
    assert stream(gateway, ticket, OTHER).status_code == 200
    ticket = ask(gateway, json={"origin": OTHER}).json()["ticket"]
    assert stream(gateway, ticket, PAGE).status_code == 401


def test_a_page_may_say_twice_who_it_is(gateway: Gateway) -> None:
    assert ask(gateway, origin=PAGE, json={"origin": PAGE}).status_code == 201


@pytest.mark.parametrize(
    ("origin", "body", "status"),
    [
        (None, b"", 422),
        (None, b"{}", 422),
        (None, b'{"origin": null}', 422),
        (None, b'{"origin": 5}', 422),
        (None, b'{"orgin": "https://odds.example"}', 422),
        (None, b"{", 422),
        (None, b" " * 1025, 413),
        (None, json.dumps({"origin": FOREIGN}).encode(), 403),
        (None, b'{"origin": "null"}', 403),
        (None, b'{"origin": "https://odds.example/"}', 403),
        (PAGE, json.dumps({"origin": OTHER}).encode(), 403),
        (FOREIGN, b"", 403),
        (FOREIGN, json.dumps({"origin": PAGE}).encode(), 403),
    ],
)
def test_a_ticket_is_bound_to_one_allowed_origin_or_not_made(
    gateway: Gateway, origin: str | None, body: bytes, status: int
) -> None:
    answer = ask(gateway, origin=origin, content=body)
    assert answer.status_code == status
    assert "ticket" not in answer.json()


def test_the_refusal_says_how_to_name_the_page(gateway: Gateway) -> None:
    message = ask(gateway).json()["error"]["message"]
    assert "Origin header" in message
    assert '{"origin"' in message


def test_a_ticket_wants_the_scope_to_read(gateway: Gateway) -> None:
    token = gateway.token(scopes=["odds:publish", "status:read"])
    assert ask(gateway, origin=PAGE, token=token).status_code == 403


def test_a_ticket_makes_no_ticket(gateway: Gateway) -> None:
    address = f"{gateway.url}{ASK}?ticket={ticket_for(gateway)}"
    answer = httpx.post(address, headers={"Origin": PAGE}, trust_env=False)
    assert (answer.status_code, answer.json()) == (401, REFUSED)


def test_too_many_tickets_are_refused_until_the_oldest_is_late(
    start: Callable[..., Gateway], clock: HandClock
) -> None:
    settings = Settings(allowed_origins=ORIGINS, tickets_per_subject=1, tickets=2)
    gateway = start(settings=settings, clock=clock)
    ticket_for(gateway)
    clock.advance(9.5)
    again = ask(gateway, origin=PAGE)
    assert (again.status_code, again.headers["Retry-After"]) == (429, "21")
    ticket_for(gateway, token=gateway.token("bob"))
    assert ask(gateway, origin=PAGE, token=gateway.token("eve")).status_code == 429
    clock.advance(20.5)
    ticket_for(gateway)


def test_a_ticket_is_not_promised_for_longer_than_its_token_lives(gateway: Gateway) -> None:
    answer = ask(gateway, origin=PAGE, token=gateway.token(lifetime_s=10)).json()
    assert 0 < answer["expires_in_s"] <= 10


@pytest.mark.parametrize(
    "origin", ["*", "null", "https://odds.example/", "odds.example", "https://Odds.example", ""]
)
def test_an_origin_that_no_browser_sends_is_refused_at_once(origin: str) -> None:
    with pytest.raises(ConfigurationError, match="no origin"):
        Settings(allowed_origins=frozenset({origin}))
