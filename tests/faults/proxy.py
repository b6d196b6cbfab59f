"""A seeded network of faults: what can stand between a client and its gateway.

`Network` runs in a thread of its own; `network.proxy(upstream, seed)` opens a
port of the loopback that leads to the gateway at ``upstream.port`` (which may
change: a gateway that was restarted elsewhere). A proxy passes everything on
untouched until it is told otherwise. Its methods may be called from any thread;
what is random is drawn from its seed.

To the connections that are open now:

- ``reset()``: RST both ways. ``reset(after=n)``: n more bytes reach the client,
  then RST: in mid-frame. ``reset(after=n, clean=True)``: the same, with FIN.
  ``cut_next(after)``: the same for the next event stream that is opened; see ``has_cut``.
- ``vanish()``: the peer is gone. Bytes are swallowed in both directions, nothing
  is closed, and neither end ever learns of it.
- ``freeze("down")`` or ``"up"``: nothing moves in this direction until `clear`,
  then everything does, late and in order. "Down" is also the reader that does
  not read: the gateway's writes pile up.
- ``lag(seconds)``: every chunk to the client takes so long, to the end.
- ``inject(after, garbage)``: foreign bytes among those to the client.
- ``repeat(after, count)``: the last ``count`` bytes to the client come twice.

- ``lose_frame()``, ``repeat_frame()``, ``swap_frames()``: a whole frame (a WebSocket
  message, an event) does not arrive, arrives twice, or after the one that
  follows it: no network does that, a broken gateway or middlebox might.

There is no fault that alters or drops single bytes: against that TCP and TLS
have checksums, and the frames have none.

To everything, until `clear`:

- ``weather``: ``jitter_s`` (each chunk is late by up to so much), ``bytes_per_s``
  (a thin line to the client), ``grain`` (chunks are split to so many bytes; 1 is
  every byte by itself), ``request_s`` (every request takes so long to arrive).
- ``rule(answer, *kinds)``: what becomes of a request. Kinds are ``websocket``,
  ``sse``, ``polling`` and ``other`` (the gateway's clock); none named means all.
  Answers:

  - ``401``, ``403``, ``429``, ``500``, ``503`` …: a middlebox answers so, in
    words that are not our gateway's; ``429`` and ``503`` with ``Retry-After: 1``;
  - ``hang``: the request is taken and never answered;
  - ``outage``: RST instead of an answer: nothing listens there;
  - ``swallow``: the answer's head passes (an upgrade succeeds), no byte after it;
  - ``buffer``: the answer's head passes, the rest is kept back until `clear`.

``clear()`` lifts rules and weather and opens what was frozen. What vanished stays
so. ``faults`` counts what really happened to bytes, by name; ``refusals``
is how many requests met a rule; ``last_down`` is when
bytes of odds last went to the client (``time.monotonic``).
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import threading
from collections import Counter
from collections.abc import Callable
from typing import Literal, Self

from tests.faults.passage import KINDS, Passage, Upstream, Weather

__all__ = ["FaultProxy", "Network", "Upstream", "Way", "Weather"]

Way = Literal["up", "down"]


class FaultProxy:
    """One client's way to the gateway; see the module for what can happen to it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, upstream: Upstream, seed: object) -> None:
        self.upstream = upstream
        self.weather = Weather()
        self.faults: Counter[str] = Counter()
        self.url = ""
        self.refusals = 0
        self.has_cut = False
        self.last_down = 0.0
        self._cut_next: tuple[int, bool] | None = None
        self._loop = loop
        self._random = random.Random(f"proxy {seed}")
        self._rules: dict[str, str] = {}
        self._passages: set[Passage] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._clear = asyncio.Event()

    # ------------------------------------------- to the connections open now

    def reset(self, *, after: int | None = None, clean: bool = False) -> None:
        """End what is open: at once, or when ``after`` more bytes have come down."""

        def act(passage: Passage) -> None:
            if after is None:
                self.faults["reset"] += 1
                passage.reset(clean=clean)
            else:
                passage.down.cut_after, passage.down.cut_clean = after, clean

        self._each(act)

    def cut_next(self, after: int, *, clean: bool = False) -> None:
        """End the next event stream when so many bytes of it, its head included, came down."""
        self.has_cut = False
        self._cut_next = (after, clean)

    def vanish(self) -> None:
        """Swallow everything, for good, and close nothing."""

        def act(passage: Passage) -> None:
            self.faults["vanished"] += 1
            passage.up.swallows = passage.down.swallows = True

        self._each(act)

    def freeze(self, way: Way) -> None:
        """Let nothing move this way until `clear`."""

        def act(passage: Passage) -> None:
            self.faults[f"frozen {way}"] += 1
            (passage.up if way == "up" else passage.down).gate.clear()

        self._each(act)

    def lag(self, seconds: float) -> None:
        """Let every chunk to the client take so long."""
        self._each(lambda passage: setattr(passage.down, "lag_s", seconds))

    def inject(self, after: int, garbage: bytes) -> None:
        """Put foreign bytes among those to the client."""

        def act(passage: Passage) -> None:
            passage.down.inject_after, passage.down.injected = after, garbage

        self._each(act)

    def repeat(self, after: int, count: int) -> None:
        """Send the last ``count`` bytes to the client twice."""

        def act(passage: Passage) -> None:
            passage.down.inject_after, passage.down.injected = after, b""
            passage.down.repeats = count

        self._each(act)

    def lose_frame(self) -> None:
        """Let the next frame to the client vanish whole."""
        self._each(lambda passage: setattr(passage.down, "frame_fault", "lost"))

    def repeat_frame(self) -> None:
        """Let the next frame to the client come twice."""
        self._each(lambda passage: setattr(passage.down, "frame_fault", "twice"))

    def swap_frames(self) -> None:
        """Let the next frame to the client come after the one that follows it."""
        self._each(lambda passage: setattr(passage.down, "frame_fault", "swapped"))

    # --------------------------------------------------------- to everything

    def rule(self, answer: str, *kinds: str) -> None:
        """Answer requests so until `clear`; no kind named means all."""
        self._soon(lambda: self._rules.update(dict.fromkeys(kinds or KINDS, answer)))

    def set_weather(self, weather: Weather) -> None:
        """Make the line bad until `clear`."""

        def act() -> None:
            self.weather = weather
            self.faults["weather"] += 1

        self._soon(act)

    def clear(self) -> None:
        """Lift rules and weather, open what is frozen."""

        def act() -> None:
            self._rules.clear()
            self.weather = Weather()
            self._clear.set()
            self._clear = asyncio.Event()
            for passage in self._passages:
                passage.up.gate.set()
                passage.down.gate.set()

        self._soon(act)

    # ------------------------------------------------ asked by the passages

    def answer_to(self, kind: str) -> str | None:
        """Return what is to become of a request; None: it passes."""
        return self._rules.get(kind)

    def take_cut(self, kind: str) -> tuple[int | None, bool]:
        """Return where a connection is to be cut."""
        if kind != "sse" or self._cut_next is None:
            return None, False
        cut, self._cut_next = self._cut_next, None
        return cut

    async def cleared(self) -> None:
        """Wait for `clear`."""
        await self._clear.wait()

    async def be_late(self) -> None:
        """Wait as jitter wants."""
        if self.weather.jitter_s:
            await asyncio.sleep(self._random.random() * self.weather.jitter_s)

    # ----------------------------------------------------------------- inside

    async def listen(self) -> asyncio.Server:
        """Open the port."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=65536)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        return server

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(Passage(self, reader, writer)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, passage: Passage) -> None:
        self._passages.add(passage)
        try:
            await passage.run()
        finally:
            self._passages.discard(passage)

    async def close(self) -> None:
        """End every connection."""
        for passage in list(self._passages):
            passage.reset()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _each(self, act: Callable[[Passage], None]) -> None:
        def act_on_all() -> None:
            for passage in self._passages:
                act(passage)

        self._soon(act_on_all)

    def _soon(self, act: Callable[[], object]) -> None:
        self._loop.call_soon_threadsafe(act)


class Network:
    """Runs proxies in a thread, from entering to leaving."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self.proxies: list[FaultProxy] = []
        self._servers: list[asyncio.Server] = []
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def proxy(self, upstream: Upstream, seed: object = 0) -> FaultProxy:
        """Open a port that leads to a gateway."""
        made = FaultProxy(self._loop, upstream, seed)
        server = asyncio.run_coroutine_threadsafe(made.listen(), self._loop).result(5)
        self.proxies.append(made)
        self._servers.append(server)
        return made

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    async def _close(self) -> None:
        for server in self._servers:
            server.close()
        for proxy in self.proxies:
            await proxy.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await asyncio.Event().wait()  # transports say goodbye
