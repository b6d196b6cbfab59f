"""Choosing and acting: viewers that chose the same share frames, and a refusal is told."""

from __future__ import annotations

import json
from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.ui.host import Component, Views
from protipp_stream.ui.pump import Source


class _Fixed:
    """Always says what it was made for."""

    def __init__(self, choice: dict[str, Any]) -> None:
        self.choice = choice
        self.is_open = False

    def open(self) -> None:
        self.is_open = True

    def news(self) -> None:
        return None

    def whole(self) -> dict[str, Any]:
        return {"whole": True, "choice": self.choice}

    def close(self) -> None:
        self.is_open = False


class Stakes(Component):
    """A component with a choice and an act."""

    parts = ("base",)

    def __init__(self) -> None:
        self.made: list[_Fixed] = []
        super().__init__(60)

    def source(self, choice: dict[str, Any]) -> Source:
        if not isinstance(choice.get("stake", 1), int):
            raise ConfigurationError("stake must be a number.", hint="10, for example.")
        self.made.append(_Fixed(choice))
        return self.made[-1]

    def act(self, action: dict[str, Any], tell: Callable[[str], None]) -> None:
        if "echo" not in action:
            super().act(action, tell)
        tell(json.dumps(action))


class Viewer:
    keyframe_s = inf

    def __init__(self) -> None:
        self.heard: list[Any] = []

    def send(self, frame: str) -> None:
        self.heard.append(json.loads(frame))

    def choices(self) -> list[Any]:
        return [said["body"]["choice"] for said in self.heard if said.get("body")]


@pytest.fixture
def stakes() -> Stakes:
    return Stakes()


def viewer_of(stakes: Stakes, *, wants: bool = True) -> tuple[Views, Viewer]:
    viewer = Viewer()
    views = Views(stakes, viewer)
    if wants:
        views.hear({"say": "want", "view": "v"})
    return views, viewer


def choose(views: Views, **what: Any) -> None:
    views.hear({"say": "choose", "view": "v", "what": what})


def test_a_choice_brings_a_whole_frame_of_it(stakes: Stakes) -> None:
    views, viewer = viewer_of(stakes)
    choose(views, stake=5)
    choose(views)
    assert viewer.choices() == [{}, {"stake": 5}, {}]
    assert stakes.viewers == 1
    views.end()
    assert not any(source.is_open for source in stakes.made)


def test_viewers_that_chose_the_same_share_a_source(stakes: Stakes) -> None:
    one, two, three = (viewer_of(stakes) for _ in range(3))
    choose(one[0], stake=5, side="home")
    choose(two[0], side="home", stake=5)  # the order of the words is no difference
    choose(three[0], stake=6, side="home")
    assert len(stakes.made) == 3
    assert stakes.pump({"stake": 5, "side": "home"}).viewers == 2
    assert stakes.viewers == 3
    for views, _ in (one, two, three):
        views.end()


def test_choices_that_nobody_follows_any_more_are_forgotten(stakes: Stakes) -> None:
    views, _ = viewer_of(stakes)
    for stake in range(50):
        choose(views, stake=stake)
    assert len(stakes._pumps) <= 3
    assert sum(source.is_open for source in stakes.made) == 1
    views.end()


def test_a_word_that_comes_after_the_end_serves_nobody(stakes: Stakes) -> None:
    views, _ = viewer_of(stakes)
    views.end()
    views.hear({"say": "want", "view": "v"})
    assert stakes.viewers == 0


def test_a_choice_before_the_first_view_waits_for_it(stakes: Stakes) -> None:
    views, viewer = viewer_of(stakes, wants=False)
    choose(views, stake=5)
    assert viewer.heard == []
    views.hear({"say": "want", "view": "v"})
    assert viewer.choices() == [{"stake": 5}]
    views.end()


def test_a_choice_that_can_not_be_is_refused_and_the_old_one_stays(stakes: Stakes) -> None:
    views, viewer = viewer_of(stakes)
    choose(views, stake=5)
    choose(views, stake="ten")
    assert "stake must be a number." in viewer.heard[-1]["refused"]
    assert "10, for example." in viewer.heard[-1]["refused"], "and what to do"
    views.hear({"say": "want", "view": "v"})
    assert viewer.choices()[-1] == {"stake": 5}
    views.end()


def test_an_act_answers_the_one_who_asked(stakes: Stakes) -> None:
    (asking, viewer), (other, bystander) = viewer_of(stakes), viewer_of(stakes)
    asking.hear({"say": "act", "view": "v", "what": {"echo": 7}})
    assert viewer.heard[-1] == {"echo": 7}
    assert all("echo" not in said for said in bystander.heard)
    asking.hear({"say": "act", "view": "v", "what": {"rm": "*"}})
    assert "There is nothing to do here: ['rm']." in viewer.heard[-1]["refused"]
    asking.end()
    other.end()


@pytest.mark.parametrize("what", [None, 7, "stake", [1], {}])
@pytest.mark.parametrize("say", ["choose", "act", "want", 7, None])
@pytest.mark.parametrize("view", [None, 7, "v"])
def test_anything_may_come_from_a_browser(stakes: Stakes, say: Any, what: Any, view: Any) -> None:
    views, _ = viewer_of(stakes)
    views.hear({"say": say, "view": view, "what": what})
    assert stakes.viewers == 1
    views.end()
