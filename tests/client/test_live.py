"""`LiveOdds` against a real gateway: the board, the iterators, the errors, the end."""

from __future__ import annotations

import asyncio
import gc
import threading
from typing import Any

import pytest

import protipp_stream as ps
from protipp_stream.client.connect import live_odds
from protipp_stream.client.transports import LADDER
from protipp_stream.errors import (
    AccessForbidden,
    ConfigurationError,
    GatewayUnreachable,
    LinkClosed,
    NotAGateway,
    TokenRefused,
)
from protipp_stream.gateway import Gateway
from tests.client.conftest import until
from tests.client.strangers import Stranger
from tests.scripted import EVENT, ScriptedFeed, quote

TRANSPORTS = list(LADDER)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_the_board_is_the_gateways(gateway: Gateway, feed: ScriptedFeed, transport: str) -> None:
    with ps.connect(gateway, transport=transport) as odds:
        feed.tell([quote(2.5), quote(None, "Reds")])
        assert odds.wait_until(gateway.hub.cursor, 5)
        frame = odds.quotes().set_index("outcome")
        assert frame.odds["Blues"] == 2.5
        assert frame.odds.isna()["Reds"]
        assert set(frame.event) == {EVENT.name}
        assert odds.status.connection_type == transport
        assert odds.status.status == "connected"
        assert odds.sources["script"].status == "connected"


def test_the_columns_have_their_documented_types(gateway: Gateway, feed: ScriptedFeed) -> None:
    with ps.connect(gateway) as odds:
        feed.tell([quote(2.5)])
        odds.wait_until(gateway.hub.cursor, 5)
        quotes, updates = odds.quotes(), odds.updates()
    names = ["bookmaker_id", "event_id", "event", "sport", "market", "outcome"]
    assert {str(quotes[name].dtype) for name in names} == {"category"}
    times = ["starts_at", "timestamp", "source_timestamp"]
    assert {str(quotes[name].dtype) for name in times} == {"datetime64[us, UTC]"}
    assert quotes.odds.dtype == "float64"
    assert list(updates.columns) == list(ps.OddsUpdate.__struct_fields__)
    assert (updates.old_odds.iloc[0], updates.new_odds.iloc[0]) == (2.0, 2.5)
    assert updates.is_significant.dtype == "bool"


def test_an_empty_board_has_the_same_columns() -> None:
    with Gateway() as gateway, ps.connect(gateway) as odds:
        assert len(odds.quotes()) == len(odds.updates()) == 0
        assert str(odds.quotes().timestamp.dtype) == "datetime64[us, UTC]"


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_every_update_comes_in_order_over_every_transport_from_one_cursor(
    gateway: Gateway, feed: ScriptedFeed, transport: str
) -> None:
    since = gateway.hub.cursor
    for number in range(50):
        feed.tell([quote(3 + number / 100), quote(2 + number / 100, "Reds")])
    odds = live_odds(gateway, transport=transport, since=since)
    updates = odds.stream(on_gap="raise")
    with odds.start():
        got = [next(updates) for _ in range(100)]
    assert [update.seq for update in got] == list(range(since.seq + 1, since.seq + 101))
    assert [update.new_odds for update in got[::2]] == [3 + n / 100 for n in range(50)]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_filter_is_kept_by_every_transport(
    gateway: Gateway, feed: ScriptedFeed, transport: str
) -> None:
    feed.tell([quote(5.0, bookmaker_id="other"), quote(1.8, market="totals@7.5")])
    with ps.connect(gateway, transport=transport, markets=["totals"]) as odds:
        assert set(odds.quotes().market) == {"totals@7.5"}
        feed.tell([quote(2.6)])
        feed.tell([quote(1.7, market="totals@7.5")])
        assert odds.wait_until(gateway.hub.cursor, 5)
        assert list(odds.updates().new_odds) == [1.7]


def test_iterating_waits_for_what_comes(gateway: Gateway, feed: ScriptedFeed) -> None:
    with ps.connect(gateway) as odds:
        updates = iter(odds)
        threading.Timer(0.05, feed.tell, [[quote(6.0)]]).start()
        assert next(updates).new_odds == 6.0


async def test_async_iteration_does_not_block_the_loop(
    gateway: Gateway, feed: ScriptedFeed
) -> None:
    odds = await asyncio.to_thread(ps.connect, gateway)
    stream = aiter(odds)
    waiting = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    assert not waiting.done()
    await asyncio.to_thread(feed.tell, [quote(6.0)])
    assert (await waiting).new_odds == 6.0
    cancelled = asyncio.create_task(anext(stream))
    await asyncio.sleep(0)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await asyncio.to_thread(odds.close)
    assert [update async for update in stream] == []


def test_changes_are_a_snapshot_then_the_newest_of_each(
    gateway: Gateway, feed: ScriptedFeed
) -> None:
    with ps.connect(gateway) as odds:
        changes = odds.changes()
        first = changes.take()
        assert first is not None
        assert first.snapshot
        assert len(first.quotes) == 2
        assert changes.take() is None
        feed.tell([quote(2.5)])
        feed.tell([quote(2.6)])
        odds.wait_until(gateway.hub.cursor, 5)
        second = changes.take()
        assert second is not None
        assert [update.new_odds for update in second.updates] == [2.6]


def test_who_has_waited_for_a_cursor_finds_its_rows_everywhere(
    gateway: Gateway, feed: ScriptedFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A collector that takes its time holds the client between the board and the others."""
    begun, goes_on = threading.Event(), threading.Event()

    def add(*_: object) -> None:
        begun.set()
        assert goes_on.wait(5)

    with ps.connect(gateway) as odds:
        changes, updates = odds.changes(), odds.stream(on_gap="raise")
        monkeypatch.setattr(changes, "add", add)
        feed.tell([quote(2.5)])
        assert begun.wait(5)
        head = gateway.hub.cursor
        assert odds.cursor == head
        assert not odds.wait_until(head, 0)
        threading.Timer(0.05, goes_on.set).start()
        assert odds.wait_until(head, 5)
        assert list(odds.updates().new_odds) == [2.5]
        update = updates.next(0)
        assert update is not None
        assert update.new_odds == 2.5


def test_who_resumes_with_a_cursor_need_not_wait_for_it(gateway: Gateway) -> None:
    with live_odds(gateway, since=gateway.hub.cursor).start() as odds:
        assert odds.wait_until(gateway.hub.cursor, 0)


def test_latency_is_completed_and_has_a_bound(gateway: Gateway, feed: ScriptedFeed) -> None:
    with ps.connect(gateway) as odds:
        assert odds.delivery is None
        for number in range(20):
            feed.tell([quote(3.0 + number)])
            odds.wait_until(gateway.hub.cursor, 5)
        until(lambda: odds.delivery is not None)
        delivery = odds.delivery
        assert delivery is not None
        assert 0 < delivery.error_ms < 1000
        assert -delivery.error_ms <= delivery.p50_ms <= delivery.p95_ms


def test_it_says_where_it_stands(gateway: Gateway) -> None:
    with ps.connect(gateway) as odds:
        assert repr(odds) == str(odds)
        assert f"{gateway.url} · connected (live) over websocket · 2 selections" in repr(odds)
    assert "closed" in repr(odds)
    assert odds.status.status == "disconnected"


def test_its_status_can_be_watched(gateway: Gateway) -> None:
    seen: list[str] = []
    with ps.connect(gateway) as odds:
        odds.param.watch(lambda change: seen.append(change.new.status), "status")
    assert seen[-1] == "disconnected"


def test_closing_is_quick_final_and_may_be_repeated(gateway: Gateway) -> None:
    odds = ps.connect(gateway)
    odds.close()
    odds.close()
    assert not any(thread.name == "protipp-client" for thread in threading.enumerate())
    assert len(odds.quotes()) == 2
    assert list(odds) == []
    with pytest.raises(LinkClosed):
        odds.wait_until(ps.Cursor("x", 1), 1)
    with pytest.raises(ConfigurationError, match="Connect anew"):
        odds.start()


def test_a_link_that_ends_for_good_raises_in_the_iterator(gateway: Gateway) -> None:
    tokens = iter([gateway.token()])
    odds = ps.connect(gateway, token=lambda: next(tokens, "revoked"))
    updates = odds.stream()
    assert gateway._loop is not None
    gateway._loop.call_soon_threadsafe(gateway.hub.drain)
    until(lambda: not gateway.hub.subscriptions)
    gateway.hub.is_draining = False
    with pytest.raises(TokenRefused):
        next(updates)
    assert odds.status.status == "error"
    assert odds.status.stale
    assert len(odds.quotes()) == 2
    odds.close()


def test_a_mistake_in_a_callback_does_not_cost_the_link(
    gateway: Gateway, feed: ScriptedFeed, caplog: pytest.LogCaptureFixture
) -> None:
    def mistaken(_: object) -> None:
        raise ZeroDivisionError("the user's own")

    with ps.connect(gateway) as odds:
        odds.param.watch(mistaken, ["status", "sources"])
        feed.tell([quote(2.5)])
        assert odds.wait_until(gateway.hub.cursor, 5)
    assert "a callback on status has failed" in caplog.text


def test_an_iterator_that_is_left_holds_nothing(gateway: Gateway, feed: ScriptedFeed) -> None:
    with ps.connect(gateway) as odds:
        for number in range(5):
            threading.Timer(0.02, feed.tell, [[quote(3.0 + number)]]).start()
            for _ in odds:
                break
        gc.collect()
        assert len(odds._listeners._streams) == 0


def test_every_poll_brings_the_token_of_the_moment(gateway: Gateway, feed: ScriptedFeed) -> None:
    asked: list[str] = []

    def token() -> str:
        asked.append(gateway.token())
        return asked[-1]

    with ps.connect(gateway.url, token, transport="polling"):
        feed.tell([quote(2.5)])
        until(lambda: len(asked) >= 3)


def test_a_token_function_that_fails_once_is_asked_again(gateway: Gateway) -> None:
    answers: list[Any] = [OSError("vault is busy"), gateway.token()]

    def token() -> str:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    with ps.connect(gateway.url, token) as odds:
        assert odds.status.status == "connected"


# ------------------------------------------------------------------ clear errors


@pytest.mark.parametrize("transport", [*TRANSPORTS, "auto"])
def test_a_refused_token_says_how_to_get_one(gateway: Gateway, transport: str) -> None:
    with pytest.raises(TokenRefused, match="protipp-stream token"):
        ps.connect(gateway.url, "not-a-token", transport=transport)


@pytest.mark.parametrize("transport", [*TRANSPORTS, "auto"])
def test_a_token_without_the_scope_says_which(gateway: Gateway, transport: str) -> None:
    token = gateway.token(scopes=["status:read"])
    with pytest.raises(AccessForbidden, match="odds:read"):
        ps.connect(gateway.url, token, transport=transport)


@pytest.mark.parametrize("transport", [*TRANSPORTS, "auto"])
def test_an_unreachable_gateway_says_so_at_once(transport: str) -> None:
    gateway = Gateway()
    gateway.stop()
    with pytest.raises(GatewayUnreachable, match="protipp-stream serve"):
        ps.connect(gateway.url, "token", transport=transport)


@pytest.mark.parametrize("transport", [*TRANSPORTS, "auto"])
@pytest.mark.parametrize("answer", ["404", "html", "not http", "redirect"])
def test_a_wrong_address_says_so(transport: str, answer: str) -> None:
    with Stranger(answer) as stranger, pytest.raises(ps.ProtippStreamError) as raised:
        ps.connect(stranger.url, "token", transport=transport, timeout=5)
    if answer != "not http" or transport == "websocket":
        assert isinstance(raised.value, NotAGateway)
        assert "no protipp_stream gateway" in str(raised.value)
    assert stranger.tokens_sent_elsewhere == 0


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"gateway": "ftp://x"}, "should look like"),
        ({"gateway": "http://"}, "should look like"),
        ({"gateway": "hello"}, "should look like"),
        ({"gateway": "http://[::1"}, "should look like"),
        ({"gateway": "http://127.0.0.1:1/api/v1/odds"}, "no path"),
        ({"gateway": 5}, "no gateway"),
        ({"bookmakers": ["b"] * 201}, "At most 200"),
        ({"events": ["e" * 300]}, "256 characters"),
        ({"gateway": "http://127.0.0.1:99999"}, "should look like"),
        ({"gateway": "http://odds.example"}, "insecure=True"),
        ({"gateway": "http://me:pw@127.0.0.1"}, "no user name"),
        ({"transport": "pigeon"}, "auto, websocket, sse, polling"),
        ({"markets": "h2h"}, "markets=['h2h']"),
        ({"token": None}, "PROTIPP_TOKEN"),
        ({"gateway": None}, "PROTIPP_URL"),
    ],
    ids=str,
)
def test_wrong_arguments_say_what_to_write(
    arguments: dict[str, Any], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROTIPP_URL", raising=False)
    monkeypatch.delenv("PROTIPP_TOKEN", raising=False)
    with pytest.raises(ConfigurationError) as raised:
        ps.connect(**({"gateway": "http://127.0.0.1:1", "token": "t"} | arguments))
    assert says in str(raised.value)


def test_a_token_with_a_line_break_is_not_sent(gateway: Gateway) -> None:
    with pytest.raises(TokenRefused, match="one line"):
        ps.connect(gateway.url, gateway.token() + "\n")


def test_the_environment_is_the_default(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROTIPP_URL", gateway.url)
    monkeypatch.setenv("PROTIPP_TOKEN", gateway.token())
    with ps.connect() as odds:
        assert len(odds.quotes()) == 2


def test_an_error_shows_no_token(gateway: Gateway, caplog: pytest.LogCaptureFixture) -> None:
    canary = "eyJ-canary-token-1234567890"
    caplog.set_level("DEBUG", "protipp_stream")
    with pytest.raises(TokenRefused) as raised:
        ps.connect(gateway.url, canary)
    assert canary not in f"{raised.value!r}{raised.value}{caplog.text}"
