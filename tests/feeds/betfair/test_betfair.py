"""The Exchange Stream as it should be: prices, suspensions, segments, and a sound end."""

from __future__ import annotations

import asyncio
import math
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds import Betfair
from protipp_stream.feeds.base import Feed
from protipp_stream.feeds.betfair import stream as stream_module
from protipp_stream.feeds.betfair.stream import Stream
from tests.feeds.betfair.board import following, seen, until
from tests.feeds.betfair.conftest import ONE, Make
from tests.feeds.betfair_server import FakeBetfair, definition, prices, runner, serving


async def test_best_back_and_lay_prices_arrive_with_commission_and_the_stamp(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        quote = followed.batches[0].quotes[0]
        assert (quote.bookmaker_id, quote.event_id, quote.market) == ("betfair", "30", "h2h")
        assert (quote.outcome, quote.odds, quote.commission) == ("1", 1.5, 0.05)
        assert quote.source_timestamp is not None
        assert quote.source_timestamp.timestamp() == 1_790_000_001.0
        assert isinstance(followed.feed, Feed)
        connection = followed.feed.connection
        assert (connection.id, connection.bookmaker_id) == ("betfair", "betfair")
        assert (connection.connection_type, connection.status) == ("stream", "connected")
        assert (connection.detail, connection.stale, connection.error_count) == ("live", False, 0)


async def test_only_what_changed_is_said_and_a_side_that_empties_is_none(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        said = len([q for b in followed.batches for q in b.quotes])
        assert said == 2
        await fake.publish({"id": ONE, "rc": [prices(1, 1.5, 1.62)]})
        await fake.publish({"id": ONE, "rc": [prices(1, None, 1.62)]})
        await until(seen(followed, fake))
        changes = [(q.market, q.odds) for b in followed.batches for q in b.quotes][said:]
        assert changes == [("h2h_lay", 1.62), ("h2h", None)]


async def test_a_suspended_market_has_no_prices_and_a_reopened_one_has_them_again(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish({"id": ONE, "marketDefinition": definition(status="SUSPENDED")})
        await until(lambda: not followed.board)
        await fake.publish({"id": ONE, "rc": [prices(1, 1.7, 1.8)]})
        await fake.publish({"id": ONE, "marketDefinition": definition()})
        await until(lambda: followed.best() == {("30", "1"): (1.7, 1.8)})


async def test_a_removed_runner_has_no_price(fake: FakeBetfair, make: Make) -> None:
    async with serving(fake), following(make()) as followed:
        await fake.publish({"id": ONE, "rc": [prices(2, 3.0, 3.1)]})
        await until(seen(followed, fake))
        gone = definition(runner(1), runner(2, "REMOVED"))
        await fake.publish({"id": ONE, "marketDefinition": gone})
        await until(lambda: set(followed.best()) == {("30", "1")})


async def test_a_closed_market_leaves_the_board_and_our_memory(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        feed = followed.feed
        await until(seen(followed, fake))
        for number in range(50):
            market = f"1.{number}"
            opened = definition(event=str(number))
            await fake.publish({"id": market, "marketDefinition": opened, "rc": [prices(1, 2, 3)]})
            closed = definition(event=str(number), status="CLOSED")
            await fake.publish({"id": market, "marketDefinition": closed})
            await fake.publish({"id": market, "rc": [prices(1, 2, 3)]})
        await fake.publish({"id": ONE, "rc": [prices(1, 1.01, None)]})
        await until(lambda: followed.best() == {("30", "1"): (1.01, None)})
        assert len(feed._listener.books) == 1
        assert list(feed._listener.stream.caches) == [ONE]
        assert feed.connection.error_count == 0


async def test_segments_and_lines_in_pieces_are_put_together(fake: FakeBetfair, make: Make) -> None:
    for number in range(7):
        fake.change(
            {
                "id": f"1.{number}",
                "marketDefinition": definition(event=str(number)),
                "rc": [prices(1, 2 + number, 3 + number)],
            }
        )
    fake.segments, fake.pieces = 3, 7
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.publish(*({"id": f"1.{n}", "rc": [prices(1, 5 + n, 6 + n)]} for n in range(7)))
        await until(seen(followed, fake))


@pytest.mark.parametrize("size", range(1, 12))
def test_a_line_may_break_anywhere_also_within_its_end(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    text = b"abc\r\ndef\r\n\r\n"
    parts = [text[start : start + size] for start in range(0, len(text), size)]
    feed = Betfair("k", "s", {})
    stream = feed._make_stream(feed._settings, feed._listener, "k", "s")
    monkeypatch.setattr(stream, "_receive", lambda deadline: parts.pop(0))
    assert [stream._receive_all() for _ in range(3)] == ["abc", "def", ""]


async def test_news_of_another_subscription_are_not_ours(fake: FakeBetfair, make: Make) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.say(
            b'{"op":"mcm","id":1,"pt":1790000000000,"clk":"c:77",'
            b'"mc":[{"id":"1.101","rc":[{"id":1,"batb":[[0,9.9,1]]}]}]}\r\n'
        )
        await fake.publish({"id": ONE, "rc": [prices(2, 3.0, 3.1)]})
        await until(lambda: ("30", "2") in followed.best())
        assert followed.best()["30", "1"] == (1.5, 1.6)


# -------------------------------------------------------------------- the end


MOMENTS = ["resolving", "connecting", "handshake", "greeting", "reading", "waiting"]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_it_stops_at_once_and_leaves_no_thread_and_no_socket(
    fake: FakeBetfair, make: Make, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    more: dict[str, Any] = {"timeout_s": 60.0, "sleep": asyncio.sleep}
    fake.greets = moment != "greeting"
    names_come, streams = threading.Event(), list[Stream]()
    if moment == "resolving":
        resolve = socket.getaddrinfo
        monkeypatch.setattr(
            stream_module,
            "getaddrinfo",
            lambda *args, **more: names_come.wait(60) and resolve(*args, **more),
        )
    async with serving(fake):
        if moment == "waiting":
            fake.refuse.append("UNEXPECTED_ERROR")
        with deaf(is_full=moment == "connecting") as port:
            if moment in ("connecting", "handshake"):
                more["port"] = port
            feed = make(**more)
            feed._make_stream = kept_in(streams)
            async with following(feed) as followed:
                if moment == "reading":
                    await until(seen(followed, fake))
                elif moment == "greeting":
                    await until(lambda: fake.count == 1)
                elif moment == "waiting":
                    await until(lambda: bool(followed.texts))
                elif moment == "resolving":
                    await until(lambda: "protipp-betfair" in names())
                else:
                    await until(lambda: bool(streams) and is_in(moment, streams[0]._socket))
            # `following` has waited for the end of the feed.
            assert followed.failure is None
            if moment == "resolving":
                assert "protipp-betfair" in names()  # nothing wakes it
                names_come.set()
                await until(lambda: "protipp-betfair" not in names())
                assert fake.asked == []
            assert "protipp-betfair" not in names()
            await until(lambda: fake.count == 0)


def kept_in(streams: list[Stream]) -> Any:
    def made(*args: Any) -> Stream:
        streams.append(Stream(*args))
        return streams[-1]

    return made


def is_in(moment: str, sock: socket.socket | None) -> bool:
    """Whether a socket waits for its connection (state 2 is SYN_SENT), or for the TLS."""
    if moment == "handshake":
        return isinstance(sock, ssl.SSLSocket)
    return sock is not None and sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == b"\x02"


@contextmanager
def deaf(is_full: bool) -> Iterator[int]:
    """A port that nobody answers at: a connection is made, or if it is full not even that."""
    others: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        try:
            for _ in range(4 if is_full else 0):
                others.append(socket.socket())
                others[-1].setblocking(False)
                others[-1].connect_ex(listener.getsockname())
            yield listener.getsockname()[1]
        finally:
            for other in others:
                other.close()


def names() -> list[str]:
    return [thread.name for thread in threading.enumerate()]


# --------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    "wrong",
    [
        {"app_key": " "},
        {"session": ""},
        {"session": None},
        {"fields": ["EX_BEST_OFFERS"]},
        {"fields": "EX_MARKET_DEF"},
        {"heartbeat_ms": 100},
        {"timeout_s": math.nan},
        {"discount": 1.5},
    ],
)
def test_what_makes_no_sense_is_said_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        Betfair(**({"app_key": "k", "session": "s", "market_filter": {}} | wrong))


def test_a_context_that_trusts_anybody_is_not_taken() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with pytest.raises(ConfigurationError, match="trusts anybody"):
        Betfair("k", "s", {}, tls=context)


def test_a_missing_library_is_said_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("betfairlightweight")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("listener", "stream"):
        monkeypatch.delitem(sys.modules, f"protipp_stream.feeds.betfair.{name}", raising=False)
        monkeypatch.delattr(f"protipp_stream.feeds.betfair.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "betfairlightweight", None)
    with pytest.raises(ConfigurationError, match=r"pip install protipp-stream\[betfair\]"):
        Betfair("k", "s", {})
