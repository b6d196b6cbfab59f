"""One contender with its receivers, ready to be measured again and again."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

from tests.bench.processes import Worker

__all__ = ["Case", "Fanout", "Round"]


@dataclass(frozen=True)
class Case:
    """What is sent in a round.

    Attributes
    ----------
    burst : int
        Updates that are handed in at once: 1, or what "arrived in one read".
    rate : float or None
        Updates a second; None is as fast as it goes, at most ``ahead`` updates
        before the receivers.
    """

    title: str
    subscribers: int
    updates: int
    burst: int = 1
    rate: float | None = None
    ahead: int = 32

    def __post_init__(self) -> None:
        if self.updates % self.burst:
            raise ValueError(f"{self.updates} updates are no whole number of {self.burst} at once")


@dataclass(frozen=True)
class Round:
    """What came of it.

    Attributes
    ----------
    cpu_us : float
        Of the server process, an update and subscriber.
    bytes_each : float
        Read by a subscriber, an update.
    rows_a_frame : float
        How many updates a frame held.
    """

    cpu_us: float
    deliveries_s: float
    p50_ms: float
    p99_ms: float
    bytes_each: float
    rows_a_frame: float


class Fanout:
    """A server process and a receiving process, with everyone connected."""

    def __init__(
        self, contender: str, transport: str, subscribers: int, *server_options: str
    ) -> None:
        self._subscribers = subscribers
        with ExitStack() as stack:
            options = ("--subscribers", str(subscribers), *server_options)
            self._server = stack.enter_context(
                Worker("tests.bench.server", contender, transport, *options)
            )
            self._load = stack.enter_context(Worker("tests.bench.receivers"))
            ready = self._server.ready
            self._load.ask(
                "open",
                contender=contender,
                transport=transport,
                subscribers=subscribers,
                sampled=8,
                **ready,
            )
            self._stack = stack.pop_all()

    def measure(self, case: Case) -> Round:
        """Send and receive once; every update must have come to everyone, once."""
        self._load.ask("begin")
        sent = self._server.ask(
            "run",
            subscribers=self._subscribers,
            updates=case.updates,
            burst=case.burst,
            rate=case.rate,
            ahead=max(case.ahead, 2 * case.burst),
        )
        got = self._load.ask("end")
        seen = got["fewest"], got["most"]
        assert seen == (case.updates, case.updates), f"of {case.updates} came {seen}"
        timed = case.updates * len_sampled(self._subscribers)
        assert got["measured"] == timed, f"of {timed} were timed {got['measured']}"
        deliveries = case.updates * self._subscribers
        return Round(
            cpu_us=sent["cpu_s"] / deliveries * 1e6,
            deliveries_s=deliveries / sent["elapsed_s"],
            p50_ms=got["p50_ms"],
            p99_ms=got["p99_ms"],
            bytes_each=got["bytes"] / deliveries,
            rows_a_frame=case.updates / got["frames"],
        )

    def alone(self, updates: int, burst: int) -> float:
        """Return the CPU time of an update that nobody receives, in µs."""
        sent: dict[str, Any] = self._server.ask(
            "run", subscribers=0, updates=updates, burst=burst, rate=None, ahead=burst
        )
        return float(sent["cpu_s"]) / updates * 1e6

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()


def len_sampled(subscribers: int) -> int:
    """How many receivers measure the latency when eight are asked for."""
    return subscribers // max(subscribers // 8, 1)
