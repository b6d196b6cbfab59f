"""A gateway to follow, with a feed that says what a test tells it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest

from protipp_stream.gateway import Gateway
from tests.scripted import ScriptedFeed, quote


@pytest.fixture
def feed() -> ScriptedFeed:
    return ScriptedFeed()


@pytest.fixture
def gateway(feed: ScriptedFeed) -> Iterator[Gateway]:
    """A gateway with a board of two prices."""
    with Gateway(feed) as made:
        feed.tell([quote(2.0), quote(1.9, "Reds")])
        yield made


def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"did not happen within {seconds} s"
        time.sleep(0.005)
