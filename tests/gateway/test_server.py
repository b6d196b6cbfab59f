"""The gateway as a whole: feeds that end, ports that are taken, and how it stops."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from protipp_stream.errors import ConfigurationError, FeedRefused
from protipp_stream.gateway import Gateway
from protipp_stream.gateway.auth import mint_token
from tests.gateway.conftest import SOCKET_PATH, bearer
from tests.scripted import ScriptedFeed, quote


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline, "did not happen within 5 s"
        time.sleep(0.005)


def test_a_feed_that_fails_is_shown_and_the_others_go_on(start: Callable[..., Gateway]) -> None:
    bad, good = ScriptedFeed(), ScriptedFeed()
    bad.connection = bad.connection.__class__(
        id="bad", bookmaker_id="bad", connection_type="polling", status="connected"
    )
    gateway = start(bad, good)
    bad.end(FeedRefused("The key is not valid.", hint="Check it."))
    until(lambda: gateway.hub.sources["bad"].status == "error")
    assert gateway.hub.sources["bad"].last_error == "The key is not valid. Check it."
    assert gateway.hub.sources["bad"].detail == "terminal"
    good.tell([quote(2.0)])
    assert len(gateway.hub.book) == 1


def test_a_feed_with_a_bug_is_shown_without_its_details(start: Callable[..., Gateway]) -> None:
    feed = ScriptedFeed()
    gateway = start(feed)
    feed.end(ZeroDivisionError("a secret detail"))
    until(lambda: gateway.hub.sources["script"].status == "error")
    assert "secret" not in str(gateway.hub.sources["script"])


def test_a_port_that_is_taken_says_what_to_do(gateway: Gateway) -> None:
    with pytest.raises(ConfigurationError, match="Choose another port"):
        Gateway(port=gateway.port)


@pytest.mark.parametrize("port", [99999, -1])
def test_a_port_that_can_not_be_says_so(port: int) -> None:
    with pytest.raises(ConfigurationError, match="Can't listen"):
        Gateway(port=port)


@pytest.mark.parametrize("feed", ["simulated", None, 5])
def test_what_is_no_feed_says_so(feed: object) -> None:
    with pytest.raises(ConfigurationError, match="is no feed"):
        Gateway(feed)  # type: ignore[arg-type]


def test_two_feeds_with_one_id_are_refused(gateway: Gateway) -> None:
    with pytest.raises(ConfigurationError, match="already"):
        gateway.follow(ScriptedFeed())


def test_its_repr_says_whether_it_runs() -> None:
    gateway = Gateway()
    assert "not running" in repr(gateway)
    with gateway:
        assert "not running" not in repr(gateway)
    assert "not running" in repr(gateway)


def test_a_gateway_starts_once(gateway: Gateway) -> None:
    with pytest.raises(ConfigurationError, match="Make a new Gateway"):
        gateway.start()


def test_stopping_twice_or_before_the_start_is_no_error() -> None:
    gateway = Gateway()
    gateway.stop()
    running = Gateway().start()
    running.stop()
    running.stop()


async def test_stop_ends_a_gateway_that_is_served_on_a_loop() -> None:
    gateway = Gateway()
    serving = asyncio.create_task(gateway.serve())
    await asyncio.to_thread(gateway._ready.wait, 5)
    gateway.stop()
    async with asyncio.timeout(5):
        await serving


def test_feeds_are_ended_with_the_gateway() -> None:
    ended: list[bool] = []

    class Watched(ScriptedFeed):
        async def __aiter__(self):  # type: ignore[no-untyped-def]
            try:
                async for batch in super().__aiter__():
                    yield batch
            finally:
                ended.append(True)

    feed = Watched()
    gateway = Gateway(feed).start()
    feed.tell([quote(2.0)])
    gateway.stop()
    assert ended == [True]


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """``protipp-stream serve`` as a process of its own."""
    started = subprocess.Popen(
        [sys.executable, "-m", "protipp_stream", "serve", "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PROTIPP_JWT_SECRET": "s" * 32},
        text=True,
    )
    yield started
    started.kill()
    started.wait()
    if started.stdout is not None:
        started.stdout.close()


async def test_sigterm_sends_subscribers_away_and_ends_within_ten_seconds(
    process: subprocess.Popen[str],
) -> None:
    assert process.stdout is not None
    ready = await asyncio.to_thread(process.stdout.readline)
    assert ready.startswith("ready gateway=http://127.0.0.1:")
    url = ready.split()[1].removeprefix("gateway=").replace("http", "ws")
    headers = bearer(mint_token("s" * 32, subject="me"))
    kinds: list[str] = []
    async with connect(url + SOCKET_PATH, additional_headers=headers, proxy=None) as socket:
        await socket.recv()
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(ConnectionClosed):
            async for message in socket:
                kinds.append(json.loads(message)["type"])
        assert kinds[-1] == "draining"
        assert socket.close_code == 4000
    assert await asyncio.to_thread(process.wait, 10) == 0
