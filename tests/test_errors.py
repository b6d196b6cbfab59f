"""The tree of errors is the one that is drawn, and each says what to do."""

from __future__ import annotations

import inspect
import re

import pytest

from protipp_stream import errors
from protipp_stream.errors import FeedThrottled, LinkError, ProtippStreamError

CLASSES = [getattr(errors, name) for name in errors.__all__]


def drawn_parents(drawing: str) -> dict[str, str | None]:
    """Read the tree in a docstring: the parent of each name."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in drawing.splitlines():
        found = re.match(r" {4}((?:│   |    )*)(├── |└── )?(\w+)", line)
        if not found or not (found[2] or found[3] == "ProtippStreamError"):
            continue
        depth = len(found[1]) // 4 + bool(found[2])
        assert found[3] not in parents, f"{found[3]} is drawn twice"
        parents[found[3]] = path[depth - 1] if depth else None
        path[depth:] = [found[3]]
    return parents


def test_every_error_is_drawn_in_the_tree_under_its_parent() -> None:
    real = {kind.__name__: kind.__base__.__name__ for kind in CLASSES}
    assert drawn_parents(str(errors.__doc__)) == {**real, "ProtippStreamError": None}


def test_the_tree_is_read_as_it_is_drawn() -> None:
    drawing = (
        "Text.\n"
        "    ProtippStreamError\n"
        "    ├── A   yours\n"
        "    ├── B   theirs\n"
        "    │   ├── C  x\n"
        "    │   └── D  x\n"
        "    └── E   x\n"
        "        └── F   x\n"
    )
    assert drawn_parents(drawing) == {
        "ProtippStreamError": None,
        "A": "ProtippStreamError",
        "B": "ProtippStreamError",
        "C": "B",
        "D": "B",
        "E": "ProtippStreamError",
        "F": "E",
    }


def test_every_error_of_the_module_is_public() -> None:
    defined = {
        name
        for name, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    }
    assert defined == set(errors.__all__)
    assert errors.__all__ == sorted(errors.__all__)


def made(kind: type[ProtippStreamError], message: str, hint: str) -> ProtippStreamError:
    if issubclass(kind, FeedThrottled):
        return kind(message, retry_after=2.5, hint=hint)
    return kind(message, hint=hint)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_hint_is_part_of_what_is_said(kind: type[ProtippStreamError]) -> None:
    error = made(kind, "There is no file x.", "Set PROTIPP_RECORDINGS.")
    assert str(error) == "There is no file x. Set PROTIPP_RECORDINGS."
    assert (error.message, error.hint) == ("There is no file x.", "Set PROTIPP_RECORDINGS.")
    assert str(made(kind, "There is no file x.", "")) == "There is no file x."


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_is_caught_by_the_base_and_is_documented(
    kind: type[ProtippStreamError],
) -> None:
    assert issubclass(kind, ProtippStreamError)
    assert kind.__doc__


def test_what_the_other_side_asked_for_is_carried() -> None:
    assert FeedThrottled("Slow down.", retry_after=2.5).retry_after == 2.5
    for kind in CLASSES:
        if issubclass(kind, LinkError):
            assert kind("x").retry_after is None
            assert kind("x", retry_after=1.5).retry_after == 1.5


def test_a_throttled_feed_always_says_for_how_long() -> None:
    with pytest.raises(TypeError, match="retry_after"):
        FeedThrottled("Slow down.")  # type: ignore[call-arg]
