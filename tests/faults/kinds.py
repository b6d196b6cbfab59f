"""Every kind of fault that a schedule can draw: its name, and what it does to a proxy."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from tests.faults.proxy import FaultProxy, Weather

__all__ = ["KINDS", "Kind", "kinds_for"]

ALL = ("websocket", "sse", "polling")
STREAMS = ("websocket", "sse")
# About as much as comes down in a second at 200 updates a second.
SECOND = 70_000


@dataclass(frozen=True)
class Kind:
    """A kind of fault.

    Attributes
    ----------
    transports : tuple of str
        Those that it can strike.
    strike : callable
        Begins it, on a client's proxy; `FaultProxy.clear` ends it.
    longest_s : float
        It is held for 0.1 s to so long, and until it was met.
    is_rule : bool
        Whether it is met by asking: a client may be in its backoff for a while.
    """

    name: str
    transports: tuple[str, ...]
    strike: Callable[[FaultProxy, str, random.Random], None]
    longest_s: float = 0.5
    is_rule: bool = False

    def times(self, proxy: FaultProxy) -> int:
        """Count what has happened to a client's requests, or to its bytes."""
        return proxy.refusals if self.is_rule else proxy.faults.total()


def _refusal(answer: str) -> Callable[[FaultProxy, str, random.Random], None]:
    """Answer so: to this transport, to all for odds, or to everything; and cut what is open."""

    def strike(proxy: FaultProxy, transport: str, rng: random.Random) -> None:
        proxy.rule(answer, *rng.choice([(transport,), ALL, ()]))
        if transport != "polling":
            proxy.reset()

    return strike


def _blocked(*kinds: str) -> Callable[[FaultProxy, str, random.Random], None]:
    def strike(proxy: FaultProxy, transport: str, rng: random.Random) -> None:
        proxy.rule(rng.choice(["403", "502", "hang", "outage"]), *kinds)
        proxy.reset()

    return strike


def _after_head(answer: str, kind: str) -> Callable[[FaultProxy, str, random.Random], None]:
    def strike(proxy: FaultProxy, transport: str, rng: random.Random) -> None:
        proxy.rule(answer, kind)
        proxy.reset()

    return strike


def _garbage(proxy: FaultProxy, transport: str, rng: random.Random) -> None:
    proxy.inject(rng.randrange(4000), rng.randbytes(rng.randint(1, 60)))


KINDS = [
    Kind("reset", ALL, lambda p, t, r: p.reset()),
    Kind("reset in mid-frame", ALL, lambda p, t, r: p.reset(after=r.randrange(1, 4000))),
    Kind(
        "close in mid-frame", ALL, lambda p, t, r: p.reset(after=r.randrange(1, 4000), clean=True)
    ),
    Kind("half-open", ALL, lambda p, t, r: p.vanish()),
    Kind("frozen down", ALL, lambda p, t, r: p.freeze("down"), 4.0),
    Kind("frozen up", ALL, lambda p, t, r: p.freeze("up"), 2.0),
    Kind("thin line", ALL, lambda p, t, r: p.set_weather(Weather(bytes_per_s=SECOND / 4)), 3.0),
    Kind("jitter", ALL, lambda p, t, r: p.set_weather(Weather(jitter_s=0.3)), 1.5),
    Kind("single bytes", ALL, lambda p, t, r: p.set_weather(Weather(grain=1)), 0.4),
    Kind("garbage", ALL, _garbage),
    Kind("repeated bytes", ALL, lambda p, t, r: p.repeat(r.randrange(1, 4000), r.randint(1, 900))),
    Kind("frame lost", STREAMS, lambda p, t, r: p.lose_frame()),
    Kind("frame twice", STREAMS, lambda p, t, r: p.repeat_frame()),
    Kind("frames swapped", STREAMS, lambda p, t, r: p.swap_frames()),
    Kind("401 of a middlebox", ALL, _refusal("401"), 1.0, True),
    Kind("403 of a middlebox", ALL, _refusal("403"), 1.0, True),
    Kind("429, Retry-After", ALL, _refusal("429"), 1.0, True),
    Kind("503, Retry-After", ALL, _refusal("503"), 1.0, True),
    Kind("500", ALL, _refusal("500"), 1.0, True),
    Kind("hang", ALL, _refusal("hang"), 2.5, True),
    Kind("outage", ALL, _refusal("outage"), 3.0, True),
    Kind("websocket blocked", ("websocket",), _blocked("websocket"), 2.0, True),
    Kind(
        "websocket and sse blocked", ("websocket", "sse"), _blocked("websocket", "sse"), 2.0, True
    ),
    Kind("upgrade swallowed", ("websocket",), _after_head("swallow", "websocket"), 2.0, True),
    Kind("sse buffered", ("sse",), _after_head("buffer", "sse"), 2.5, True),
]


def kinds_for(transport: str) -> list[Kind]:
    """Return the kinds that can strike this transport."""
    return [kind for kind in KINDS if transport in kind.transports]
