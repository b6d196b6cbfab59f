"""A local stand-in for Betfair's Exchange Stream: TLS, on 127.0.0.1 only.

Manual
------
``async with serving(fake):`` runs it in the test's own event loop (the feed
under test reads in a thread of its own). It speaks CRLF-ended JSON:

* On connecting it says ``{"op":"connection","connectionId":…}`` and waits for
  ``authentication``; after `auth_timeout_s` (Betfair: 15 s) of silence comes a
  status ``TIMEOUT`` and the end.
* ``authentication`` is judged: no or unknown ``appKey`` is ``NO_APP_KEY`` /
  ``INVALID_APP_KEY``, no or unknown ``session`` ``NO_SESSION`` /
  ``INVALID_SESSION_INFORMATION``. Like a careless provider it quotes what it
  refuses. More than `max_connections` at a time: ``MAX_CONNECTION_LIMIT_EXCEEDED``.
  Every status but SUCCESS has ``connectionClosed: true`` and ends the connection.
* ``marketSubscription`` without clocks is answered by SUCCESS and a
  ``SUB_IMAGE`` of all markets that are not closed; with `initialClk` and `clk` by a
  ``RESUB_DELTA`` of what changed since, or ``INVALID_CLOCK`` if the clocks are
  not of this `epoch`. More than `max_markets`: ``SUBSCRIPTION_LIMIT_EXCEEDED``.
* Whatever else comes is ``INVALID_REQUEST``.
* A ``HEARTBEAT`` comes whenever nothing was sent for the ``heartbeatMs`` asked for,
  with a clock of its own, as Betfair's has.

What the markets do is told by the test: `publish` changes them and sends the
change to every subscriber. `state` is the truth, and `best` reads the best
prices from it, with nothing of the package or the library.

Trouble, made on purpose:

``refuse``        codes for the next authentications (None: judge as usual)
``refuse_subs``   codes for the next subscriptions
``drop()``        cuts all connections; ``drop(half=…)`` in the middle of that line
``lost``          while True, what is published reaches nobody (then `drop`)
``is_silent``     no heartbeats either: a peer that has vanished
``is_late``       every message carries ``status: 503``
``segments``      images and changes come in so many segments
``greets``        False: accepts, and never says a word
``say(bytes)``    exactly these bytes to every subscriber, as they are
``pieces``        every line is written so many bytes at a time

`asked` holds every message that came, `count` how many connections there are.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import ssl
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

T0 = 1_790_000_000_000
CRLF = b"\r\n"
Json = dict[str, Any]


def definition(
    *runners: Json, event: str = "30", kind: str = "MATCH_ODDS", status: str = "OPEN", **more: Any
) -> Json:
    """A market's definition; two runners, 1 and 2, unless told otherwise."""
    return {
        "eventId": event,
        "eventTypeId": "2",
        "marketType": kind,
        "bettingType": "ODDS",
        "status": status,
        "marketBaseRate": 5.0,
        "discountAllowed": True,
        "marketTime": "2026-09-21T12:00:00.000Z",
        "openDate": "2026-09-21T12:00:00.000Z",
        "inPlay": False,
        "version": 1,
        "regulators": ["MR_INT"],
        "runners": list(runners) or [runner(1), runner(2)],
    } | more


def runner(ident: int, status: str = "ACTIVE", **more: Any) -> Json:
    return {"id": ident, "status": status, "sortPriority": ident} | more


def prices(ident: int, back: float | None, lay: float | None, **more: Any) -> Json:
    """A runner's change: its best back and lay; None takes the price away."""
    sides = {"batb": back, "batl": lay}
    return {"id": ident, **more} | {
        side: [[0, price, 10.0]] if price is not None else [[0, 0, 0]]
        for side, price in sides.items()
    }


class Client:
    """One connection, as the server sees it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self.writer = writer
        self.subscription: int | None = None
        self.heartbeat_s = 5.0
        self.sent_at = 0.0
        # One message after the other: nothing may come between the segments of an image.
        self.turn = asyncio.Lock()


class FakeBetfair:
    """See the manual above."""

    def __init__(self, tls: ssl.SSLContext, app_key: str, session: str) -> None:
        self.app_keys = {app_key}
        self.sessions = {session}
        self.tls = tls
        self.port = 0
        self.epoch = "E1"
        self.max_connections = 10
        self.max_markets = 200
        self.auth_timeout_s = 15.0
        self.refuse: deque[str | None] = deque()
        self.refuse_subs: deque[str | None] = deque()
        self.lost = self.is_silent = self.is_late = False
        self.greets = True
        self.segments = 1
        self.pieces = 0
        self.state: dict[str, Json] = {}
        self.asked: list[Json] = []
        self.clients: list[Client] = []
        self.tasks: set[asyncio.Task[None]] = set()
        self._log: list[list[Json]] = []
        self._pt = T0

    @property
    def count(self) -> int:
        return len(self.clients)

    def subscriptions(self) -> list[Json]:
        return [message for message in self.asked if message["op"] == "marketSubscription"]

    # ------------------------------------------------------------ the markets

    def change(self, *changes: Json) -> None:
        """Change the truth, and tell nobody."""
        self._log.append(copy.deepcopy(list(changes)))
        for change in changes:
            if change.get("img") or change["id"] not in self.state:
                self.state[change["id"]] = {"ladders": {}}
            market = self.state[change["id"]]
            if "marketDefinition" in change:
                market["marketDefinition"] = change["marketDefinition"]
            for runner_ in change.get("rc", []):
                key = runner_["id"], runner_.get("hc", 0)
                for side in ("batb", "batl"):
                    levels = market["ladders"].setdefault(key, {"batb": {}, "batl": {}})[side]
                    for level, price, size in runner_.get(side, []):
                        levels[level] = (price, size)
                        if not size:
                            del levels[level]

    async def publish(self, *changes: Json, pt: float | None = None) -> None:
        """Change the truth and tell every subscriber."""
        self.change(*changes)
        if not self.lost:
            for client in [c for c in self.clients if c.subscription is not None]:
                await self._send_changes(client, list(changes), pt=pt)

    def best(self) -> dict[tuple[str, int], tuple[float | None, float | None]]:
        """The best back and lay of every runner that can be bet on."""
        found = {}
        for ident, market in self.state.items():
            defined = market["marketDefinition"]
            for (selection, _), sides in market["ladders"].items():
                active = any(
                    r["id"] == selection and r["status"] == "ACTIVE" for r in defined["runners"]
                )
                back, lay = (sides[s].get(0, (None,))[0] for s in ("batb", "batl"))
                if defined["status"] == "OPEN" and active:
                    found[ident, selection] = (back, lay)
        return found

    def _image(self) -> list[Json]:
        return [
            {
                "id": ident,
                "img": True,
                "marketDefinition": market["marketDefinition"],
                "rc": [
                    {"id": selection, **({"hc": hc} if hc else {})}
                    | {side: [[n, *ps] for n, ps in levels.items()] for side, levels in s.items()}
                    for (selection, hc), s in market["ladders"].items()
                ],
            }
            for ident, market in self.state.items()
            if market["marketDefinition"]["status"] != "CLOSED"
        ]

    # ------------------------------------------------------------- the trouble

    async def drop(self, half: bytes = b"") -> None:
        """Cut all connections, without a word, or after half a line."""
        for client in list(self.clients):
            client.writer.write(half)
            client.writer.close()
            self.clients.remove(client)
        await asyncio.sleep(0)

    async def say(self, *parts: bytes) -> None:
        for client in self.clients:
            for part in parts:
                client.writer.write(part)
                await client.writer.drain()

    # ------------------------------------------------------------ the protocol

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        client = Client(writer)
        self.clients.append(client)
        try:
            if self.greets:
                await self._send(client, {"op": "connection", "connectionId": "002-1-1"})
            if await self._authenticate(client, reader):
                await self._answer(client, reader)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the peer has gone, or the test is over
        finally:
            if client in self.clients:
                self.clients.remove(client)
            writer.close()
            self.tasks.discard(task)

    async def _authenticate(self, client: Client, reader: asyncio.StreamReader) -> bool:
        try:
            async with asyncio.timeout(self.auth_timeout_s):
                message = await self._hear(reader)
        except TimeoutError:
            return await self._status(client, None, "TIMEOUT", "Timed out waiting for a message")
        if message["op"] != "authentication":
            return await self._status(client, message["id"], "INVALID_REQUEST", message["op"])
        code, words = self._judge(message)
        if self.refuse and (wanted := self.refuse.popleft()):
            code, words = wanted, "as the test wanted"
        return await self._status(client, message["id"], code, words)

    def _judge(self, message: Json) -> tuple[str | None, str]:
        key, session = message.get("appKey"), message.get("session")
        if not key:
            return "NO_APP_KEY", "AppKey is missing"
        if key not in self.app_keys:
            return "INVALID_APP_KEY", f"AppKey {key} is unknown"
        if not session:
            return "NO_SESSION", "Session is missing"
        if session not in self.sessions:
            return "INVALID_SESSION_INFORMATION", f"Session {session} is not valid"
        if len(self.clients) > self.max_connections:
            return "MAX_CONNECTION_LIMIT_EXCEEDED", "You have exceeded your connection limit"
        return None, ""

    async def _answer(self, client: Client, reader: asyncio.StreamReader) -> None:
        hearing = asyncio.ensure_future(self._hear(reader))
        try:
            while True:
                done, _ = await asyncio.wait({hearing}, timeout=client.heartbeat_s)
                if not done:
                    if client.subscription is not None and not self.is_silent:
                        await self._send_changes(client, None, ct="HEARTBEAT")
                    continue
                if not await self._subscribe(client, hearing.result()):
                    return
                hearing = asyncio.ensure_future(self._hear(reader))
        finally:
            hearing.cancel()
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await hearing

    async def _subscribe(self, client: Client, message: Json) -> bool:
        if message["op"] != "marketSubscription":
            return await self._status(client, message["id"], "INVALID_REQUEST", message["op"])
        code = self.refuse_subs.popleft() if self.refuse_subs else None
        if len(self.state) > self.max_markets:
            code = "SUBSCRIPTION_LIMIT_EXCEEDED"
        initial_clk, clk = message.get("initialClk"), message.get("clk")
        if code is None and clk is not None and initial_clk != f"i:{self.epoch}":
            code = "INVALID_CLOCK"
        if not await self._status(client, message["id"], code, "about the subscription"):
            return False
        client.heartbeat_s = message["heartbeatMs"] / 1000
        async with client.turn:
            client.subscription = message["id"]
            if clk is None:
                await self._write_changes(client, self._image(), ct="SUB_IMAGE")
            else:
                seen = int(clk.split(":")[1])
                delta = [change for changes in self._log[seen:] for change in changes]
                await self._write_changes(client, delta, ct="RESUB_DELTA")
        return True

    async def _status(
        self, client: Client, ident: int | None, code: str | None, words: str
    ) -> bool:
        said: Json = {"op": "status", "id": ident, "statusCode": "SUCCESS"}
        if code is not None:
            said |= {"statusCode": "FAILURE", "errorCode": code, "errorMessage": words}
        await self._send(client, said | {"connectionClosed": code is not None})
        return code is None

    async def _send_changes(
        self, client: Client, changes: list[Json] | None, ct: str | None = None, pt: Any = None
    ) -> None:
        async with client.turn:
            await self._write_changes(client, changes, ct, pt)

    async def _write_changes(
        self, client: Client, changes: list[Json] | None, ct: str | None = None, pt: Any = None
    ) -> None:
        self._pt += 1000
        head: Json = {"op": "mcm", "id": client.subscription, "pt": self._pt if pt is None else pt}
        if ct is not None:
            head["ct"] = ct
        if self.is_late:
            head["status"] = 503
        clocks = {"clk": f"c:{len(self._log)}"}
        if ct == "SUB_IMAGE":
            clocks["initialClk"] = f"i:{self.epoch}"
        if changes is None or self.segments == 1 or len(changes) < 2:
            body = {} if changes is None else {"mc": changes}
            await self._send(client, head | clocks | body)
            return
        size = -(-len(changes) // self.segments)
        parts = [changes[i : i + size] for i in range(0, len(changes), size)]
        for number, part in enumerate(parts):
            kind = "SEG_START" if number == 0 else "SEG"
            tail = {"segmentType": "SEG_END"} | clocks if number == len(parts) - 1 else {}
            await self._send(client, head | {"segmentType": kind, "mc": part} | tail)

    async def _send(self, client: Client, message: Json) -> None:
        data = json.dumps(message).encode() + CRLF
        step = self.pieces or len(data)
        for start in range(0, len(data), step):
            client.writer.write(data[start : start + step])
            with contextlib.suppress(OSError):
                await client.writer.drain()

    async def _hear(self, reader: asyncio.StreamReader) -> Json:
        message: Json = json.loads(await reader.readuntil(CRLF))
        self.asked.append(message)
        return message


@asynccontextmanager
async def serving(fake: FakeBetfair) -> AsyncIterator[FakeBetfair]:
    """Serve it on a free port while the block runs."""
    server = await asyncio.start_server(fake._serve, "127.0.0.1", 0, ssl=fake.tls)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        for task in list(fake.tasks):
            task.cancel()
        await asyncio.gather(*fake.tasks, return_exceptions=True)
        await server.wait_closed()
