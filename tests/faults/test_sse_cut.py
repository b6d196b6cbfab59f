"""An event stream cut at every byte: nothing is lost, nothing comes twice.

A gateway with a log of three updates sends a client that resumes from the start
``connected``, its source, and the three in a frame each. The first connection is cut
at one byte of all that, from the first of the head to the last; the client comes
back by itself and must have handed out 1, 2, 3. The same without a cursor: then
the cut may fall into the snapshot, and the board must be whole.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator

import pytest

from protipp_stream.client import LiveOdds
from protipp_stream.core.filter import Filter
from protipp_stream.gateway import Gateway
from protipp_stream.model import Cursor
from tests.faults.proxy import Network, Upstream
from tests.faults.scaled_time import faulty_settings, scale_client
from tests.faults.script import Script
from tests.faults.watching import Watcher
from tests.scripted import ScriptedFeed

UPDATES = 3
# Times are written with as many digits as they need.
VARIES = 24
# Every byte where there is time; else every 32nd, from another one each run.
STRIDE = 1 if os.environ.get("PROTIPP_SOAK") else 32


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    """A gateway whose log has three updates, each a frame of its own."""
    scale_client(monkeypatch, backoff_scale=0.001)
    feed = ScriptedFeed()
    with Gateway(feed, settings=faulty_settings(frame_rows=1, heartbeat_s=30)) as gateway:
        for n in range(1, UPDATES + 1):
            feed.tell([Script(0).quote(n)], [])
        yield gateway


def length_of(gateway: Gateway, since: str) -> int:
    """How many bytes the gateway sends until it has nothing more to say."""
    with socket.create_connection(("127.0.0.1", gateway.port)) as line:
        head = f"GET /api/v1/odds/stream{since} HTTP/1.1\r\nHost: 127.0.0.1:{gateway.port}\r\n"
        line.sendall(f"{head}Authorization: Bearer {gateway.token()}\r\n\r\n".encode())
        line.settimeout(0.5)
        received = 0
        while True:
            try:
                received += len(line.recv(65536))
            except TimeoutError:
                return received


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("resumes", [True, False], ids=["resumed", "from a snapshot"])
@pytest.mark.parametrize("clean", [True, False], ids=["closed", "reset"])
def test_a_stream_that_is_cut_at_any_byte_loses_nothing(
    gateway: Gateway, network: Network, resumes: bool, clean: bool
) -> None:
    start = Cursor(gateway.hub.cursor.epoch, 0)
    length = length_of(gateway, f"?since={start}" if resumes else "")
    assert length > 1000
    proxy = network.proxy(Upstream(gateway.port))
    scripts = {start.epoch: Script(0)}
    bytes_cut = range(time.time_ns() % STRIDE, length + 1, STRIDE)
    for cut in bytes_cut:
        proxy.cut_next(cut, clean=clean)
        odds = LiveOdds(
            proxy.url,
            gateway.token(),
            transport="sse",
            wanted=Filter(),
            since=start if resumes else None,
        )
        watcher = Watcher(odds, scripts, start=start if resumes else gateway.hub.cursor)
        with odds.start(None):
            began = time.monotonic()
            while not (has_all := watcher.has_all(gateway.hub.cursor)) or not proxy.has_cut:
                waited_s = time.monotonic() - began
                if cut > length - VARIES and has_all and waited_s > 0.3:
                    break  # this time the stream was shorter than that
                assert waited_s < 20, f"cut at {cut}: {odds!r}"
                time.sleep(0.001)
            watcher.checker.look(odds.board())
        assert watcher.checker.delivered == (UPDATES if resumes else 0), f"cut at {cut}"
        assert not watcher.checker.gaps, f"cut at {cut}: {watcher.checker.gaps}"
        assert not +watcher.checker.wrong, f"cut at {cut}: {watcher.checker.details}"
    assert proxy.faults["cut in mid-frame"] >= len(bytes_cut) - VARIES
