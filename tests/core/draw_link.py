"""Draws how a link lives into the README: ``python -m tests.core.draw_link``.

The edges are those that `link_edges` finds by driving a real link, so the
picture can't say anything that the link does not do.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import combinations
from pathlib import Path

from protipp_stream.core.connections import FIRST_FRAME_S, PROBE_CEILING_S, PROBE_FIRST_S
from protipp_stream.core.link import DEAD_AFTER, STABLE_S, STALLED_AFTER
from protipp_stream.core.link_words import ComeBack, Control, KeepTrying, Leave, Phase, Renew
from tests.core.link_driver import HEARTBEAT_S
from tests.core.link_edges import Edge, explore

README = Path(__file__).parent.parent.parent / "README.md"
BEGIN = "<!-- drawn by `python -m tests.core.draw_link`: begin -->\n"
END = "<!-- end of what is drawn -->\n"

Fact = tuple[str, bool]
Drawn = dict[tuple[str, str], str]

LIVES = {Phase.LIVE, Phase.STALLED}
BROKEN = ("lost", "unreachable", "blocked", "stranger")
TEXTS = {
    "CONNECTING silence": f"{FIRST_FRAME_S:g} s of silence",
    "LIVE silence": f"{HEARTBEAT_S * STALLED_AFTER:g} s of silence",
    "STALLED silence": f"{HEARTBEAT_S * DEAD_AFTER:g} s of silence",
    "BACKOFF silence": "deadline passed",
    "ENDED passed": "a late deadline",
    "AWAY passed": "a late deadline",
    "OPENED silence beside": f"{FIRST_FRAME_S:g} s of silence",
    "CATCHING_UP silence beside": f"{HEARTBEAT_S * DEAD_AFTER:g} s of silence",
    "leave": "disconnect",
    "comeback": "reconnect",
    "renew": "refresh",
    "choose": "another transport",
    "leave or replace": "you leave or replace it",
    "breaks": "what leads to BACKOFF (auto_reconnect off)",
    "try no more": "auto_reconnect off",
    "stable": f"{STABLE_S:g} s stable",
    "time to climb": f"time to climb ({PROBE_FIRST_S:g} … {PROBE_CEILING_S:g} s)",
}
ORDER = [
    "start",
    "connected",
    "heard",
    "level",
    "broken",
    *BROKEN,
    "gap",
    "silence",
    "refused",
    "leave",
]
# How a circumstance reads where an outcome hangs on it; what goes without saying is empty.
CIRCUMSTANCES = {
    "another is ready": ("another is ready", ""),
    "no better left": ("", "next transport"),
    "no transport left": ("last transport", "next transport"),
    "all of them": ("every transport", ""),
    "the first time": ("first time", "again"),
    "it has been chosen": ("the same", ""),
    "it is the best of them": ("in use", ""),
    "it is one of them": ("the one that is tried", ""),
}
ASIDES = {
    "ALONE": "nothing beside it",
    "OPENED": "another one is opened",
    "CATCHING_UP": "it catches up",
    "PROMOTED": "it is the live one",
    "DROPPED": "the link broke or ended",
}


def life(edges: Iterable[Edge]) -> Drawn:
    """The phases of a link: all that changes the phase, or is about the live connection.

    Without what a user may want of it: see `steered`.
    """
    mine = [
        edge
        for edge in edges
        if "it tries again" in edge.circumstances
        and edge.phase is not Phase.AWAY
        and not issubclass(edge.kind, Control)
        and (
            edge.target is not edge.phase
            or not (edge.beside or edge.word in {"time to climb", "silence beside"})
        )
    ]
    return _drawn(mine, lambda edge: edge.phase.name, lambda edge: edge.target.name, " beside it")


def steered(edges: Iterable[Edge]) -> Drawn:
    """What a user may want of a link, and what it does when it is not to try again."""
    wanted = [
        edge
        for edge in edges
        if edge.phase is not Phase.ENDED
        and (issubclass(edge.kind, Control) or Phase.AWAY in {edge.phase, edge.target})
        and not (edge.kind is KeepTrying and edge.target is edge.phase)
    ]
    told = [
        edge if issubclass(edge.kind, Control) or edge.phase is Phase.AWAY else breaking(edge)
        for edge in wanted
    ]
    return _drawn(told, lambda edge: edge.phase.name, lambda edge: edge.target.name, "")


def breaking(edge: Edge) -> Edge:
    """Call whatever makes a link give up by one name."""
    return edge._replace(word="breaks", beside=False)


def beside(edges: Iterable[Edge]) -> Drawn:
    """What is opened beside a live link; without its mere signs of life."""
    mine = [
        edge
        for edge in edges
        if edge.phase in LIVES
        and (
            edge.aside != edge.target_aside
            or (edge.acted and (edge.beside or edge.word in {"silence beside", "choose"}))
        )
    ]
    told = [edge if edge.beside else edge._replace(word=_of_live(edge)) for edge in mine]
    return _drawn(told, lambda edge: edge.aside, _aside_of, "")


def diagram(drawn: Drawn, names: dict[str, str] | None = None) -> str:
    """Write Mermaid's text."""
    states = [phase.name for phase in Phase] if names is None else list(names)
    lines = [f"{state}: {name}" for state, name in (names or {}).items()]
    if any(states[0] in edge for edge in drawn):
        lines.append(f"[*] --> {states[0]}")
    for start, end in sorted(drawn, key=lambda key: [states.index(state) for state in key]):
        lines.append(f"{start} --> {end}: {drawn[start, end]}")
    return "".join(f"{line}\n" for line in ["stateDiagram-v2", *(f"    {each}" for each in lines)])


def section() -> str:
    """Write what stands between the markers in the README."""
    edges = explore()
    all_three = (
        diagram(life(edges)),
        diagram(steered(edges)),
        diagram(beside(edges), ASIDES),
    )
    return "\n".join(f"```mermaid\n{each}```\n" for each in all_three)


def _of_live(edge: Edge) -> str:
    """What it is to the one beside it that this happened to the live one."""
    if edge.word in {*BROKEN, "gap", "silence"}:
        return "the live one breaks"
    if edge.kind in {Leave, ComeBack, Renew}:
        return "leave or replace"
    return edge.word


def _aside_of(edge: Edge) -> str:
    if edge.promoted:
        return "PROMOTED"
    return edge.target_aside if edge.target in LIVES else "DROPPED"


def _drawn(
    edges: list[Edge], source: Callable[[Edge], str], target: Callable[[Edge], str], beside_it: str
) -> Drawn:
    """Merge edges between the same two states; say what an outcome hangs on."""
    told_apart: dict[tuple[str, bool, str], dict[str, set[frozenset[str]]]] = {}
    for edge in edges:
        if edge.word != "too early":
            outcomes = told_apart.setdefault((source(edge), edge.beside, edge.word), {})
            outcomes.setdefault(target(edge), set()).add(edge.circumstances)
    words: dict[tuple[str, str], dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for (start, is_beside, word), outcomes in told_apart.items():
        for end in outcomes:
            guard = _guard(end, outcomes)
            words[start, end][guard].append(word + (beside_it if is_beside else ""))
    return {key: _label(key[0], guarded) for key, guarded in words.items()}


def _label(start: str, guarded: dict[str, list[str]]) -> str:
    parts = []
    for guard in sorted(guarded):
        words = set(guarded[guard])
        if words >= set(BROKEN):
            words = words - set(BROKEN) | {"broken"}
        said = ", ".join(_text(start, word) for word in sorted(words, key=_place))
        parts.append(f"{said} ({guard})" if guard else said)
    return "<br>".join(parts)


def _place(word: str) -> tuple[int, str]:
    return (ORDER.index(word) if word in ORDER else len(ORDER), word)


def _text(start: str, word: str) -> str:
    return TEXTS.get(f"{start} {word}") or TEXTS.get(word, word)


def _guard(end: str, outcomes: dict[str, set[frozenset[str]]]) -> str:
    """Say, as shortly as can be, what decides for this outcome."""
    others = [facts for other, observed in outcomes.items() if other != end for facts in observed]
    shared = [
        (fact, holds)
        for fact in CIRCUMSTANCES
        for holds in (True, False)
        if all((fact in facts) is holds for facts in outcomes[end])
    ]
    for size in range(len(shared) + 1):
        for guard in combinations(shared, size):
            if not any(_agrees(facts, guard) for facts in others):
                said = (CIRCUMSTANCES[fact][not holds] for fact, holds in guard)
                return ", ".join(filter(None, said))
    raise AssertionError(f"nothing that we know of decides for {end}: {outcomes}")


def _agrees(facts: frozenset[str], guard: Iterable[Fact]) -> bool:
    return all((fact in facts) is holds for fact, holds in guard)


def redrawn(readme: str) -> str:
    """Return the README with the picture as it is now."""
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"README.md has no place for it: {BEGIN}…{END}")
    return "".join((before, begin, section(), end, after))


if __name__ == "__main__":
    README.write_text(redrawn(README.read_text()))
