"""Random journals in every state of sealing: the answers must not depend on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from protipp_stream.core.journal_line import JournalLine
from protipp_stream.history.history import History
from tests.history.journals import Journal, World, random_journal


class Told(NamedTuple):
    """A history and what was written to it."""

    history: History
    lines: list[JournalLine]
    world: World


@pytest.fixture(params=["hot", "half", "sealed"])
def state(request: pytest.FixtureRequest) -> str:
    """How much of the journal is sealed."""
    return str(request.param)


@pytest.fixture(params=[1, 2])
def told(request: pytest.FixtureRequest, tmp_path: Path, state: str) -> Told:
    """Three sessions at random, with images."""
    return tell(tmp_path / "audit", int(request.param), state)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    """Three sessions at random, none of them sealed."""
    return random_journal(tmp_path / "audit", 1)[0]


def tell(folder: Path, seed: int, state: str, *, images: bool = True) -> Told:
    """Write a random journal and seal as much of it as is said."""
    journal, world = random_journal(folder, seed, images=images)
    if state == "sealed":
        journal.seal(including_last=True)
    elif state == "half":
        # Twice, so that there are files of different lines.
        hidden = sorted(journal.layout.hot.iterdir())[4:]
        for path in hidden:
            path.rename(path.with_suffix(".later"))
        journal.seal(including_last=True)
        for path in hidden:
            path.with_suffix(".later").rename(path)
        journal.seal(including_last=False)
    return Told(History(folder), journal.lines, world)


Teller = Callable[..., Told]
