"""Tickets on real sockets: the two doors that they open, once, and no other."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import httpx
import pytest
from websockets.exceptions import InvalidStatus

from protipp_stream.gateway import Gateway, Settings
from tests.gateway.conftest import HTTP_ENDPOINTS, bearer
from tests.gateway.pages import (
    ORIGINS,
    OTHER,
    PAGE,
    REFUSED,
    STREAM,
    dial,
    introduce,
    start_for_pages,
    stream,
    ticket_for,
)
from tests.scripted import HandClock, ScriptedFeed


@pytest.fixture
def gateway(start: Callable[..., Gateway], feed: ScriptedFeed, clock: HandClock) -> Gateway:
    return start_for_pages(start, feed, clock)


async def test_a_pages_websocket_shows_its_ticket_in_the_first_frame(gateway: Gateway) -> None:
    frame, _ = await introduce(gateway, ticket=ticket_for(gateway))
    assert frame["type"] == "connected"


async def test_a_pages_websocket_may_show_it_in_its_address(gateway: Gateway) -> None:
    async with dial(gateway, f"?ticket={ticket_for(gateway)}") as socket:
        assert json.loads(await socket.recv())["type"] == "connected"


async def test_the_connection_lives_as_long_as_the_token_and_can_be_refreshed(
    gateway: Gateway, clock: HandClock
) -> None:
    ticket = ticket_for(gateway, token=gateway.token(lifetime_s=300))
    async with dial(gateway) as socket:
        await socket.send(json.dumps({"type": "connect", "ticket": ticket}))
        assert json.loads(await socket.recv())["expires_in_s"] == pytest.approx(300, abs=3)
        for subject, answers in (("mallory", ["error", "pong"]), ("notebook", ["pong"])):
            fresh = gateway.token(subject, lifetime_s=3000)
            await socket.send(json.dumps({"type": "refresh", "token": fresh}))
            await socket.send(json.dumps({"type": "ping", "id": 1, "t0": 0}))
            heard: list[str] = []
            while "pong" not in heard:
                heard.append(json.loads(await socket.recv())["type"])
            assert [kind for kind in heard if kind in {"error", "pong"}] == answers
            [subscription] = gateway.hub.subscriptions
            extended = subscription.expires_at > clock.wall().timestamp() + 2000
            assert extended == (subject == "notebook")


def test_pages_that_come_in_numbers_do_not_keep_out_the_server_that_asked_for_them(
    start: Callable[..., Gateway], feed: ScriptedFeed
) -> None:
    settings = Settings(allowed_origins=ORIGINS, messages_per_minute=2)
    gateway = start(feed, settings=settings)
    tickets = [ticket_for(gateway) for _ in range(2)]
    assert [stream(gateway, ticket).status_code for ticket in tickets] == [200, 200]
    own = [stream(gateway, None, None, gateway.token()).status_code for _ in range(3)]
    assert own == [200, 200, 429], "its own requests, and no page's"


@pytest.mark.parametrize(("method", "path"), [e for e in HTTP_ENDPOINTS if e[1] != STREAM])
def test_elsewhere_a_ticket_in_the_query_is_refused_like_a_token(
    gateway: Gateway, method: str, path: str
) -> None:
    ticket = ticket_for(gateway)
    for name in ("ticket", "Ticket"):
        for more in ({}, bearer(gateway.token())):
            address = f"{gateway.url}{path}?{name}={ticket}"
            headers = {"Origin": PAGE, **more}
            answer = httpx.request(method, address, headers=headers, trust_env=False)
            assert (answer.status_code, answer.json()) == (401, REFUSED)
    assert stream(gateway, ticket).status_code == 200, "it was not even looked at"


@pytest.mark.parametrize(("method", "path"), [("HEAD", STREAM), ("POST", STREAM)])
def test_no_other_method_spends_a_ticket(gateway: Gateway, method: str, path: str) -> None:
    ticket = ticket_for(gateway)
    address = f"{gateway.url}{path}?ticket={ticket}"
    answer = httpx.request(method, address, headers={"Origin": PAGE}, trust_env=False)
    assert answer.status_code == 401
    assert stream(gateway, ticket).status_code == 200


def bad_ticket(gateway: Gateway, clock: HandClock, why: str) -> tuple[str, str]:
    """Return a ticket that is not good, and the origin that shows it."""
    if why == "ticket_unknown":
        return "x" * 43, PAGE
    ticket = ticket_for(gateway, token=gateway.token(lifetime_s=20 if "exp" in why else 600))
    if why == "ticket_used":
        assert stream(gateway, ticket).status_code == 200
    clock.advance({"ticket_late": 30, "token_expired": 25}.get(why, 0))
    return ticket, OTHER if why == "ticket_origin" else PAGE


REASONS = ["ticket_unknown", "ticket_used", "ticket_late", "ticket_origin", "token_expired"]


@pytest.mark.parametrize("why", REASONS)
async def test_a_bad_ticket_is_refused_everywhere_in_the_words_of_a_bad_token(
    gateway: Gateway, clock: HandClock, why: str
) -> None:
    like = stream(gateway, None, token="rubbish")
    ticket, origin = bad_ticket(gateway, clock, why)
    answer = stream(gateway, ticket, origin)
    assert (answer.status_code, answer.content) == (401, like.content)
    assert set(answer.headers) == set(like.headers)
    assert gateway.hub.audit.counts[why] == 1

    ticket, origin = bad_ticket(gateway, clock, why)
    with pytest.raises(InvalidStatus) as refused:
        async with dial(gateway, f"?ticket={ticket}", origin):
            pass
    assert refused.value.response.status_code == 401
    assert refused.value.response.body == like.content
    assert gateway.hub.audit.counts[why] == 2

    ticket, origin = bad_ticket(gateway, clock, why)
    bad_token = await introduce(gateway, token="rubbish")
    assert await introduce(gateway, origin, ticket=ticket) == bad_token
    assert bad_token[1] == 4501
    assert gateway.hub.audit.counts[why] == 3


async def test_a_ticket_without_an_origin_is_forbidden(gateway: Gateway) -> None:
    ticket = ticket_for(gateway)
    answer = stream(gateway, ticket, None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, 4502)
    with pytest.raises(InvalidStatus) as refused:
        async with dial(gateway, f"?ticket={ticket}", None):
            pass
    assert refused.value.response.status_code == 403
    assert (await introduce(gateway, None, ticket=ticket))[1] == 4502
    assert gateway.hub.audit.counts["ticket_without_origin"] == 3


async def test_a_ticket_and_a_token_are_one_too_many(gateway: Gateway) -> None:
    ticket, token = ticket_for(gateway), gateway.token()
    assert stream(gateway, ticket, token=token).json() == REFUSED
    assert (await introduce(gateway, ticket=ticket, token=token))[1] == 4501
    assert gateway.hub.audit.counts["ticket_and_token"] == 2


def test_two_tickets_are_none(gateway: Gateway) -> None:
    twice = f"{ticket_for(gateway)}&ticket={ticket_for(gateway)}"
    assert stream(gateway, twice).status_code == 401


async def test_of_two_sockets_that_show_one_ticket_at_once_one_wins(
    start: Callable[..., Gateway], feed: ScriptedFeed
) -> None:
    settings = Settings(allowed_origins=ORIGINS, messages_per_minute=1000)
    gateway = start(feed, settings=settings)

    async def by_frame(ticket: str) -> bool:
        return (await introduce(gateway, ticket=ticket))[0]["type"] == "connected"

    async def by_address(ticket: str) -> bool:
        try:
            async with dial(gateway, f"?ticket={ticket}") as socket:
                return json.loads(await socket.recv())["type"] == "connected"
        except InvalidStatus:
            return False

    for number in range(60):
        ways = [(by_frame, by_frame), (by_address, by_address), (by_frame, by_address)][number % 3]
        ticket = ticket_for(gateway)
        won = await asyncio.gather(*(way(ticket) for way in ways))
        assert sorted(won) == [False, True], number
    assert gateway.hub.audit.counts["ticket_used"] == 60


async def test_who_comes_with_tickets_is_counted_too_but_apart_from_who_comes_with_tokens(
    start: Callable[..., Gateway], clock: HandClock
) -> None:
    settings = Settings(allowed_origins=ORIGINS, messages_per_minute=4)
    gateway = start(settings=settings, clock=clock)
    tickets = [ticket_for(gateway) for _ in range(4)]
    clock.advance(29)
    for ticket in tickets:
        assert (await introduce(gateway, ticket=ticket))[0]["type"] == "connected"
    clock.advance(31)
    error, code = await introduce(gateway, ticket=ticket_for(gateway))
    assert (code, error["code"]) == (4006, 4006)
    assert error["retry_ms"] >= 29_000
    for _ in range(4):
        assert (await introduce(gateway, token=gateway.token()))[0]["type"] == "connected"
    error, code = await introduce(gateway, token=gateway.token())
    assert (code, error["code"]) == (4006, 4006)
