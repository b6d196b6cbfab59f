"""A random schedule of faults over many clients at once, from one seed.

Each client has its own proxy, its own stream of random numbers and its own deck
of faults, so what strikes it does not depend on how fast the others recover. The
gateway is a process of its own, drained or killed now and then.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from protipp_stream.client.connect import live_odds
from protipp_stream.core.filter import Filter
from protipp_stream.gateway import Settings
from protipp_stream.gateway.auth import mint_token
from protipp_stream.model import Cursor
from tests.faults.far_gateway import KEY, FarGateway
from tests.faults.kinds import Kind, kinds_for
from tests.faults.proxy import FaultProxy, Network, Upstream
from tests.faults.script import Script
from tests.faults.watching import Watcher

__all__ = ["Schedule"]

FILTERS = [Filter(), Filter(bookmakers=("acme", "delta")), Filter(events=("m3",)), Filter()]
TRANSPORTS = ["websocket", "sse", "polling", "auto", "auto", "auto"]
# Without an update for so long, while nothing holds it back, a client is lost.
PATIENCE_S = 30.0
RUSH = 0.2
# A fault waits so long for a client that is in its backoff.
MEET_S = 3.0
TOKEN_S = 5


@dataclass
class Struck:
    """A client under faults: what strikes it next, and when."""

    watcher: Watcher
    proxy: FaultProxy
    rng: random.Random
    deck: dict[str, list[Kind]] = field(default_factory=dict)
    left: int = 0
    due: float = 0.0
    struck_by: Kind | None = None
    recovering_since: float | None = None
    happened: int = 0
    longest_s: float = 0.0

    @property
    def has_met_it(self) -> bool:
        """Whether the fault has happened to any byte or request yet."""
        return self.struck_by is not None and self.struck_by.times(self.proxy) > self.happened

    @property
    def is_done(self) -> bool:
        return not self.left and self.struck_by is None and self.recovering_since is None

    def next_kind(self, transport: str) -> Kind:
        """Draw a fault: every kind once before any comes again."""
        deck = self.deck.get(transport)
        if not deck:
            deck = self.deck[transport] = kinds_for(transport)
            self.rng.shuffle(deck)
        return deck.pop()


class Schedule:
    """Strikes clients with faults until there were so many, and judges each.

    Parameters
    ----------
    seed : int
        Of everything that is random.
    faults : int
        How many; the gateway's restarts are counted among them.
    clients : int
        Of six, one each over WebSocket, SSE and polling, three find their way.
    restarts : int
        How often the gateway is drained or killed, in turn.
    """

    def __init__(
        self,
        network: Network,
        settings: Settings,
        *,
        seed: int,
        faults: int,
        clients: int,
        restarts: int,
        per_second: float = 200,
    ) -> None:
        self.struck_by: Counter[tuple[str, str]] = Counter()
        self.tokens = 0
        self.seconds = 0.0
        self._settings = settings
        self._per_second = per_second
        self._rng = random.Random(f"schedule {seed}")
        self._gateway = self._start_gateway(0, 0)
        self._scripts: dict[str, Script] = {self._gateway.epoch: self._gateway.script}
        self._generation = 0
        self._upstream = Upstream(self._gateway.port)
        self._restarts = restarts
        self._faults = faults - restarts
        self.clients = [self._client(network, seed, number) for number in range(clients)]
        for number, client in enumerate(self.clients):
            client.left = self._faults // clients + (number < self._faults % clients)

    def run(self) -> None:
        """Strike, recover, and so on to the end; then rest and judge."""
        began = time.monotonic()
        self._gateway.resume()
        step = self._faults // (self._restarts + 1) if self._restarts else 0
        restarts = [step * (number + 1) for number in range(self._restarts)]
        while not all(client.is_done for client in self.clients):
            for client in self.clients:
                self._advance(client, time.monotonic())
            left = sum(client.left for client in self.clients)
            if restarts and self._faults - left >= restarts[0]:
                restarts.pop(0)
                self._restart()
            time.sleep(0.01)
        head = Cursor(self._gateway.epoch, self._gateway.pause())
        for client in self.clients:
            client.watcher.settle(head)
        self.seconds = time.monotonic() - began

    def close(self) -> None:
        """Close every client, then the gateway."""
        for client in self.clients:
            client.watcher.odds.close()
        self._gateway.drain()

    # ------------------------------------------------------------- one client

    def _client(self, network: Network, seed: int, number: int) -> Struck:
        proxy = network.proxy(self._upstream, f"{seed} {number}")
        wanted = FILTERS[number % len(FILTERS)]
        odds = live_odds(
            proxy.url,
            # Every fifth client's token expires every few seconds.
            self._token(number, TOKEN_S if number % 5 == 2 else 3600),
            transport=TRANSPORTS[number % len(TRANSPORTS)],
            bookmakers=wanted.bookmakers,
            events=wanted.events,
        )
        watcher = Watcher(odds, self._scripts, wanted, Cursor(self._gateway.epoch, 0))
        odds.start(20)
        return Struck(watcher, proxy, random.Random(f"client {seed} {number}"))

    def _token(self, number: int, lifetime_s: int) -> Callable[[], str]:
        def fresh() -> str:
            self.tokens += lifetime_s == TOKEN_S
            return mint_token(KEY, subject=f"client {number}", lifetime_s=lifetime_s)

        return fresh

    def _advance(self, client: Struck, now: float) -> None:
        watcher = client.watcher
        fresh = watcher.drain()
        if client.rng.random() < 0.1:
            watcher.look()
        if watcher.has_ended:
            client.left, client.struck_by, client.recovering_since = 0, None, None
        elif client.struck_by is not None:
            if now >= client.due and (client.has_met_it or now >= client.due + MEET_S):
                client.proxy.clear()
                client.struck_by, client.recovering_since = None, now
                client.due = now + client.rng.random() * 0.3
        elif client.recovering_since is not None:
            took_s = now - client.recovering_since
            is_live = fresh and watcher.odds.status.detail == "live"
            if (is_live or client.rng.random() < RUSH / 100) and now >= client.due:
                client.longest_s = max(client.longest_s, took_s)
                client.recovering_since = None
            elif took_s > PATIENCE_S:
                watcher.checker.fault("does not come back", repr(watcher.odds))
                client.left, client.recovering_since = 0, None
        elif client.left:
            self._strike(client, now)

    def _strike(self, client: Struck, now: float) -> None:
        transport = client.watcher.odds.status.connection_type
        kind = client.next_kind(transport)
        self.struck_by[kind.name, transport] += 1
        client.happened = kind.times(client.proxy)
        kind.strike(client.proxy, transport, client.rng)
        client.left -= 1
        client.struck_by = kind
        client.due = now + client.rng.uniform(0.1, kind.longest_s)

    # ------------------------------------------------------------ the gateway

    def _start_gateway(self, generation: int, port: int) -> FarGateway:
        return FarGateway(generation, self._settings, port=port, per_second=self._per_second)

    def _restart(self) -> None:
        """Drain the gateway or kill it, in turn; start another, here or elsewhere."""
        self._generation += 1
        drained = self._generation % 2 == 1
        self.struck_by["gateway drained" if drained else "gateway killed", "all"] += 1
        elsewhere = self._rng.random() < 0.5
        old = self._gateway
        end = old.drain if drained else old.kill
        if elsewhere:
            # The next one is up before the old one goes, as in a rolling deployment.
            self._gateway = self._start_gateway(self._generation, 0)
            end()
        else:
            end()
            self._gateway = self._start_gateway(self._generation, old.port)
        # Before anybody can hear of it.
        self._scripts[self._gateway.epoch] = self._gateway.script
        self._upstream.port = self._gateway.port
        self._gateway.resume()

    # -------------------------------------------------------------- the report

    @property
    def wrong(self) -> Counter[str]:
        """What must not be, by kind."""
        return +sum((client.watcher.checker.wrong for client in self.clients), Counter())

    @property
    def details(self) -> list[str]:
        """The first of them, in words."""
        return [
            f"client {number} ({TRANSPORTS[number % len(TRANSPORTS)]}): {words}"
            for number, client in enumerate(self.clients)
            for words in client.watcher.checker.details[:4]
        ]

    def report(self) -> str:
        """Return a table: faults by kind and transport, and what became of them."""
        columns = ["websocket", "sse", "polling", "all"]
        kinds = sorted({kind for kind, _ in self.struck_by})
        rows = [
            f"{kind:<28}" + "".join(f"{self.struck_by[kind, c] or '·':>11}" for c in columns)
            for kind in kinds
        ]
        checkers = [client.watcher.checker for client in self.clients]
        gaps = sum((checker.gaps for checker in checkers), Counter())
        happened = sum((client.proxy.faults for client in self.clients), Counter())
        wrong = self.wrong
        must_not = {"lost", "doubled", "out of order", "altered", "spliced", "wrong board", *wrong}
        return "\n".join(
            [
                f"{'fault':<28}" + "".join(f"{column:>11}" for column in columns),
                *rows,
                f"faults {self.struck_by.total()} in {self.seconds:.0f} s, "
                f"{len(self.clients)} clients, {self.tokens} short-lived tokens",
                f"what the proxies did {dict(sorted(happened.items()))}",
                f"updates delivered {sum(checker.delivered for checker in checkers)}",
                f"gaps announced {dict(sorted(gaps.items()))}",
                "longest recovery after a fault's end "
                f"{max(client.longest_s for client in self.clients):.1f} s",
                " · ".join(f"{kind} {wrong[kind]}" for kind in sorted(must_not)),
            ]
        )
