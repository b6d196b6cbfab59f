"""The README's picture of a link: true, whole, readable, and up to date."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any, get_args

import pytest

from protipp_stream.core.link import BESIDE, TRANSITIONS, Link
from protipp_stream.core.link_words import (
    Connected,
    Control,
    Failed,
    Failure,
    Heard,
    Input,
    Level,
    Passed,
    Phase,
    Start,
    Stop,
)
from tests.core.draw_link import README, beside, breaking, diagram, life, redrawn, steered
from tests.core.link_edges import CHOICES, Edge, explore, step, wishes

EDGES = explore()


def test_the_readme_shows_the_link_as_it_is() -> None:
    readme = README.read_text()
    assert readme == redrawn(readme), "run: python -m tests.core.draw_link"


@pytest.mark.parametrize(("table", "is_beside"), [(TRANSITIONS, False), (BESIDE, True)])
def test_every_entry_of_the_table_is_lived(table: dict[Any, Any], is_beside: bool) -> None:
    lived = {
        (edge.phase, edge.kind)
        for edge in EDGES
        if edge.beside is is_beside and edge.word != "too early"
    }
    assert lived == set(table)


def test_the_pictures_can_be_read() -> None:
    for drawn in (life(EDGES), steered(EDGES), beside(EDGES)):
        assert 5 <= len(drawn) <= 20
        assert max(len(part) for label in drawn.values() for part in label.split("<br>")) <= 60
        assert not any(set(":;#") & set(label) for label in drawn.values()), "Mermaid's own"


def test_a_picture_is_mermaid() -> None:
    assert diagram({("A", "B"): "x"}, {"A": "first", "B": "second"}) == (
        "stateDiagram-v2\n    A: first\n    B: second\n    [*] --> A\n    A --> B: x\n"
    )


def test_whatever_happens_is_in_the_picture() -> None:
    lived = {edge for seed in range(600) for edge in _some_life(Random(seed))}
    for picture in (life, steered, beside):
        assert picture(EDGES | lived) == picture(EDGES)
        unlived = set(picture(EDGES)) - set(picture(lived))
        assert unlived <= {("IDLE", "ENDED")}, "these lives have seen all but a stop at once"


def test_without_retries_it_is_away_exactly_where_it_would_back_off() -> None:
    def those(target: Phase, *, tries_again: bool) -> set[Edge]:
        return {
            breaking(edge)._replace(
                circumstances=edge.circumstances - {"it tries again"}, target=target
            )
            for edge in EDGES
            if (edge.target, "it tries again" in edge.circumstances) == (target, tries_again)
            and not (issubclass(edge.kind, Control) or edge.phase is target)
        }

    backs_off = those(Phase.BACKOFF, tries_again=True)
    assert those(Phase.AWAY, tries_again=False) == {
        edge._replace(target=Phase.AWAY) for edge in backs_off
    }
    assert not those(Phase.AWAY, tries_again=True) | those(Phase.BACKOFF, tries_again=False)


def test_a_circumstance_that_decides_is_known_or_nothing_is_drawn() -> None:
    edge = next(edge for edge in EDGES if edge.word == "start")
    torn = {edge, edge._replace(target=edge.phase)}
    with pytest.raises(AssertionError, match="nothing that we know of decides"):
        life(torn)


def _some_life(random: Random) -> Iterator[Edge]:
    link, now = Link(random.choice(CHOICES), random.random), 1000.0
    yield from filter(None, [step(link, Start(), now)])
    for _ in range(300):
        until = min(link.deadline, now + 700)
        now = max(now, random.choice([now, random.uniform(now, until), until]))
        if edge := step(link, _anything(link, random), now):
            yield edge


def _anything(link: Link, random: Random) -> Input:
    if random.random() < 0.002:
        return Stop()
    if random.random() < 0.1:
        return random.choice(list(wishes()))
    connection = random.choice([link.live, link.probe, None])
    if connection is None:
        return Passed()
    why = random.choice([each for each in get_args(Failure) if each != "refused"])
    words: list[Input] = [
        Connected(connection, random.choice([1.0, 10.0, 25.0, 30.0])),
        Heard(connection),
        Level(connection),
        Failed(connection, "refused" if random.random() < 0.05 else why),
    ]
    return random.choices(words, [4, 6, 2, 1])[0]
