"""Single questions to a real gateway: tickets for pages, and how it is."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

import protipp_stream as ps
from protipp_stream.client.live import LiveOdds
from protipp_stream.errors import (
    AccessForbidden,
    ConnectionLost,
    GatewayUnreachable,
    LinkError,
    NotAGateway,
    TokenRefused,
)
from protipp_stream.gateway import Gateway, Settings
from tests.client.obstacles import Obstacle
from tests.client.strangers import Stranger
from tests.scripted import ScriptedFeed, quote

PAGE, FOREIGN = "https://odds.example", "https://evil.example"
ASKED = "/api/v1/odds/stream"


@pytest.fixture
def gateway(feed: ScriptedFeed) -> Iterator[Gateway]:
    with Gateway(feed, settings=Settings(allowed_origins=frozenset({PAGE}))) as made:
        feed.tell([quote(2.0)])
        yield made


def asking(gateway: Gateway | str, token: str = "") -> LiveOdds:
    """Live odds that follow nothing yet: a question needs no stream."""
    url = gateway if isinstance(gateway, str) else gateway.url
    token = token or ("t" if isinstance(gateway, str) else gateway.token())
    return LiveOdds(url, token)


def test_a_page_of_an_allowed_origin_gets_a_ticket_that_opens_a_stream(gateway: Gateway) -> None:
    ticket = asking(gateway).ticket(PAGE)
    query = f"{gateway.url}{ASKED}?ticket={ticket}"
    for origin, status in ((FOREIGN, 403), (PAGE, 200), (PAGE, 401)):
        headers = {"Origin": origin}
        with httpx.stream("GET", query, headers=headers, trust_env=False) as answer:
            assert answer.status_code == status, f"{origin}: good once, from there only"


@pytest.mark.parametrize("origin", [FOREIGN, "", "null", f"{PAGE}/", "x" * 2000])
def test_a_foreign_origin_gets_none(gateway: Gateway, origin: str) -> None:
    with pytest.raises(LinkError):
        asking(gateway).ticket(origin)
    assert gateway.hub.audit.counts["ticket_issued"] == 0


def test_a_refusal_says_what_to_do(gateway: Gateway) -> None:
    with pytest.raises(AccessForbidden) as caught:
        asking(gateway).ticket(FOREIGN)
    assert caught.value.hint


def test_its_own_token_is_refused_in_words(gateway: Gateway) -> None:
    with pytest.raises(TokenRefused):
        asking(gateway, "no.such.token").ticket(PAGE)


def test_who_may_not_read_odds_gets_no_ticket(gateway: Gateway) -> None:
    with pytest.raises(AccessForbidden):
        asking(gateway, gateway.token(scopes=["status:read"])).ticket(PAGE)


def test_the_status_is_counts_and_with_its_scope_the_connections(gateway: Gateway) -> None:
    odds = ps.connect(gateway)
    with odds:
        little = odds.gateway_status()
    all_of_it = asking(gateway, gateway.token(scopes=["odds:read", "status:read"])).gateway_status()
    assert set(little) < set(all_of_it)
    assert "audit" not in str(sorted(little))
    assert "audit" in str(sorted(all_of_it))


def test_a_gateway_that_is_away_is_unreachable(gateway: Gateway) -> None:
    odds = asking(gateway)
    gateway.stop()
    with pytest.raises(GatewayUnreachable):
        odds.ticket(PAGE)
    with pytest.raises(GatewayUnreachable):
        odds.gateway_status()


def test_a_connection_that_breaks_before_the_answer_is_lost(gateway: Gateway) -> None:
    with Obstacle(gateway, set()) as between:
        odds = asking(between.url, gateway.token())
        assert odds.ticket(PAGE)
        gateway.stop()
        with pytest.raises(ConnectionLost):
            odds.ticket(PAGE)


@pytest.mark.parametrize("answer", ["404", "html", "not http"])
def test_what_is_no_gateway_is_called_so(answer: str) -> None:
    with Stranger(answer) as stranger, pytest.raises((NotAGateway, ConnectionLost)):
        asking(stranger.url).ticket(PAGE)


def test_the_token_goes_to_no_other_origin() -> None:
    with Stranger("redirect") as stranger:
        with pytest.raises(NotAGateway):
            asking(stranger.url).ticket(PAGE)
        assert stranger.tokens_sent_elsewhere == 0
