"""Finds what a link can do, by doing it: every input, in every state that can be reached.

The table says which inputs a phase takes; where they lead is decided while it
runs. So a real link is driven, breadth first, with a clock of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from copy import copy
from math import inf
from typing import Any, NamedTuple, get_args

from protipp_stream.core.link import IllegalTransition, Link
from protipp_stream.core.link_words import (
    Choose,
    ComeBack,
    Connected,
    Control,
    Effect,
    Failed,
    Failure,
    Heard,
    Input,
    KeepTrying,
    Leave,
    Level,
    Passed,
    Phase,
    Promote,
    Renew,
    Start,
    Stop,
)

# Not the gateway's 30 s only: with 25 s a link stalls before it counts as stable,
# with 1 s it dies before.
HEARTBEATS_S = (30.0, 25.0, 1.0)
CLOCKS = {
    "silence": "_due",
    "time to climb": "_probe_at",
    "silence beside": "_probe_due",
    "stable": "_stable_at",
}
A_MOMENT = 0.001
TRANSPORTS = 3
# All of them, and each by itself.
CHOICES = [range(TRANSPORTS), *(range(rung, rung + 1) for rung in range(TRANSPORTS))]


class Edge(NamedTuple):
    """One input in one state, and what came of it.

    Attributes
    ----------
    word : str
        The input: its kind, a failure's ``why``, or which clock has struck.
    beside : bool
        Whether the input was the connection's beside the live one.
    circumstances : frozenset of str
        What was so when it came, as far as outcomes hang on it.
    acted : bool
        Whether anything was to be opened or closed.
    promoted : bool
        Whether the connection beside took the live one's place.
    """

    phase: Phase
    kind: type[Input]
    word: str
    beside: bool
    aside: str
    circumstances: frozenset[str]
    target: Phase
    target_aside: str
    acted: bool
    promoted: bool


def explore() -> set[Edge]:
    """Return every edge that was found, whatever transports were chosen at first and later."""
    return {edge for rungs in CHOICES for edge in _explore(rungs)}


def step(link: Link, received: Input, now: float) -> Edge | None:
    """Give a link an input; None if it can't come now."""
    phase, aside, circumstances = link.phase, _aside(link), _circumstances(link, received)
    beside = link.probe is not None and getattr(received, "connection", None) == link.probe
    word = _word(link, received, now)
    try:
        effects: list[Effect] = link.receive(received, now)
    except IllegalTransition:
        return None
    promoted = any(isinstance(effect, Promote) for effect in effects)
    kind = type(received)
    after = link.phase, _aside(link), bool(effects), promoted
    return Edge(phase, kind, word, beside, aside, circumstances, *after)


def _explore(rungs: range) -> Iterator[Edge]:
    first = Link(rungs, lambda: 0.5)
    waiting = deque([(first, 1000.0)])
    seen = {_outline(first)}
    while waiting:
        link, now = waiting.popleft()
        for at in {now, max(now, min(link.deadline, now + 1e4) - A_MOMENT)}:
            for received in _alphabet(link):
                yield from _follow(link, received, at, waiting, seen)
        if link.deadline < inf:
            yield from _follow(link, Passed(), max(now, link.deadline), waiting, seen)


def _follow(
    link: Link, received: Input, at: float, waiting: deque[tuple[Link, float]], seen: set[Any]
) -> Iterator[Edge]:
    moved = copy(link)
    if (edge := step(moved, received, at)) is None:
        return
    yield edge
    if (outline := _outline(moved)) not in seen:
        seen.add(outline)
        waiting.append((moved, at))


def wishes() -> Iterator[Control]:
    """What a user may want."""
    yield from (Leave(), ComeBack(), Renew(), KeepTrying(True), KeepTrying(False))
    yield from (Choose(rungs) for rungs in CHOICES)


def _alphabet(link: Link) -> Iterator[Input]:
    yield from (Start(), Stop(), Passed(), *wishes())
    for connection in {link.live, link.probe} - {None}:
        assert connection is not None
        yield from (Connected(connection, heartbeat_s) for heartbeat_s in HEARTBEATS_S)
        yield from (Heard(connection), Level(connection))
        yield from (Failed(connection, why) for why in get_args(Failure))


def _outline(link: Link) -> Any:
    """What can make a difference: all of it but the numbers that grow for ever."""
    clocks = sorted((getattr(link, field), name) for name, field in CLOCKS.items())
    order = tuple(name for at, name in clocks if at < inf)
    probed = None if link.probe is None else link._probe_rung
    where = (link.phase, link.rungs, link.rung, _aside(link), probed, link.keeps_trying)
    return (*where, min(link.attempts, 2), link._strangers, link._was_live, order)


def _aside(link: Link) -> str:
    if link.probe is None:
        return "ALONE"
    return "CATCHING_UP" if link._probe_connected else "OPENED"


def _circumstances(link: Link, received: Input) -> frozenset[str]:
    facts = {
        "no transport left": link.rung + 1 not in link.rungs,
        "all of them": link._strangers + 1 == len(link.rungs) and not link._was_live,
        "another is ready": _aside(link) == "CATCHING_UP",
        "the first time": link.attempts == 0,
        "no better left": not link._has_another_to_probe,
        "it tries again": link.keeps_trying,
    }
    if isinstance(received, Choose):
        facts["it has been chosen"] = received.rungs == link.rungs
        facts["it is the best of them"] = link.rung == received.rungs.start
        facts["it is one of them"] = link.rung in received.rungs
    return frozenset(fact for fact, holds in facts.items() if holds)


def _word(link: Link, received: Input, now: float) -> str:
    if isinstance(received, Failed):
        return received.why
    if isinstance(received, KeepTrying):
        return "keep trying" if received.is_on else "try no more"
    if not isinstance(received, Passed) or link.deadline == inf:
        return type(received).__name__.lower()
    struck = (name for name, field in CLOCKS.items() if getattr(link, field) <= now)
    return next(struck, "too early")
