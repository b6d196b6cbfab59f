"""The pump: numbered frames to every viewer, a thread only while somebody looks."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from math import inf
from typing import Any

import pytest

from protipp_stream.ui.pump import BURST_BYTES, BYTES_PER_S, Allowance, Pump

SOON = 5.0


class Source:
    def __init__(self) -> None:
        self.opened = self.closed = 0
        self.waiting: list[Any] = []

    def open(self) -> None:
        self.opened += 1

    def news(self) -> Any:
        return self.waiting.pop(0) if self.waiting else None

    def whole(self) -> Any:
        return {"whole": True}

    def close(self) -> None:
        self.closed += 1


class Viewer:
    keyframe_s = inf

    def __init__(self) -> None:
        self.frames: list[dict[str, Any]] = []
        self._came = threading.Condition()

    def send(self, frame: str) -> None:
        with self._came:
            self.frames.append(json.loads(frame))
            self._came.notify_all()

    def wait_for(self, enough: Callable[[list[dict[str, Any]]], bool]) -> None:
        with self._came:
            assert self._came.wait_for(lambda: enough(self.frames), SOON), self.frames


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "protipp-ui"]


@pytest.fixture
def source() -> Source:
    return Source()


def test_a_viewer_begins_with_a_whole_frame_and_then_gets_the_news_in_order(source: Source) -> None:
    pump, viewer = Pump(source, hz=60), Viewer()
    pump.join(viewer)
    source.waiting += [{"a": 1}, {"a": 2}]
    viewer.wait_for(lambda frames: len(frames) >= 3)
    pump.leave(viewer)
    assert viewer.frames[:3] == [
        {"n": 0, "body": {"whole": True}},
        {"n": 1, "body": {"a": 1}},
        {"n": 2, "body": {"a": 2}},
    ]


def test_all_viewers_share_one_thread_one_source_and_the_same_frames(source: Source) -> None:
    pump, first, second = Pump(source, hz=60), Viewer(), Viewer()
    pump.join(first)
    pump.join(second)
    assert (source.opened, len(threads())) == (1, 1)
    source.waiting.append({"a": 1})
    for viewer in (first, second):
        viewer.wait_for(lambda frames: frames[-1]["body"] == {"a": 1})
    assert first.frames[-1] == second.frames[-1]
    pump.leave(first)
    pump.leave(second)


def test_the_last_viewer_that_leaves_ends_the_thread_and_closes_the_source(source: Source) -> None:
    pump, viewer = Pump(source, hz=60), Viewer()
    pump.join(viewer)
    (thread,) = threads()
    pump.leave(viewer)
    pump.leave(viewer)
    thread.join(SOON)
    assert not thread.is_alive()
    assert (source.closed, pump.viewers) == (1, 0)


def test_joining_again_brings_another_whole_frame(source: Source) -> None:
    pump, viewer = Pump(source, hz=60), Viewer()
    pump.join(viewer)
    pump.join(viewer)
    assert [frame["body"] for frame in viewer.frames[:2]] == [{"whole": True}] * 2
    assert (source.opened, pump.viewers) == (1, 1)
    pump.leave(viewer)


def test_a_viewer_that_breaks_is_dropped_with_a_word_and_the_others_go_on(
    source: Source, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(Viewer):
        def send(self, frame: str) -> None:
            raise RuntimeError("gone")

    pump, broken, sound = Pump(source, hz=60), Broken(), Viewer()
    pump.join(sound)
    pump.join(broken, hand=lambda _frame: None)
    source.waiting += [{"a": 1}, {"a": 2}]
    sound.wait_for(lambda frames: frames[-1]["body"] == {"a": 2})
    assert pump.viewers == 1
    assert "could not be reached" in caplog.text
    pump.leave(sound)


def test_a_viewer_with_a_keyframe_gets_a_whole_frame_unasked(source: Source) -> None:
    pump, viewer = Pump(source, hz=60), Viewer()
    viewer.keyframe_s = 0.0
    pump.join(viewer)
    source.waiting.append({"a": 1})
    viewer.wait_for(lambda frames: len(frames) == 2)
    assert viewer.frames[1] == {"n": 1, "body": {"whole": True}}
    pump.leave(viewer)


def test_after_a_frame_that_failed_pages_find_a_hole_in_the_numbers(source: Source) -> None:
    pump, viewer = Pump(source, hz=60), Viewer()
    pump.join(viewer)
    source.waiting += [{"a": object()}, {"a": 2}]  # what was taken first can't be written
    viewer.wait_for(lambda frames: frames[-1]["body"] == {"a": 2})
    pump.leave(viewer)
    assert viewer.frames[1]["n"] > viewer.frames[0]["n"] + 1


def test_a_whole_frame_that_fails_does_not_end_the_thread(source: Source) -> None:
    pump, viewer, other = Pump(source, hz=60), Viewer(), Viewer()
    pump.join(viewer)
    pump.join(other)
    source.whole = lambda: object()  # type: ignore[method-assign]
    other.keyframe_s = 0.0
    source.waiting.append({"a": 1})
    viewer.wait_for(lambda frames: frames[-1]["body"] == {"a": 1})
    other.keyframe_s = inf
    source.waiting.append({"a": 2})
    viewer.wait_for(lambda frames: frames[-1]["body"] == {"a": 2})
    pump.leave(viewer)
    pump.leave(other)


def test_silence_is_broken_by_a_sign_of_life(
    source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("protipp_stream.ui.pump.SIGN_OF_LIFE_S", 0.0)
    pump, viewer = Pump(source, hz=60), Viewer()
    pump.join(viewer)
    viewer.wait_for(lambda frames: len(frames) >= 2)
    pump.leave(viewer)
    assert viewer.frames[1] == {"n": 1, "body": None}


def test_an_allowance_lets_a_burst_pass_and_then_so_many_bytes_a_second() -> None:
    allowance = Allowance()
    assert allowance.spend(BURST_BYTES, 100.0) == 0.0
    assert allowance.spend(BYTES_PER_S, 100.0) == 1.0, "all of it is above the burst"
    assert allowance.spend(0, 100.5) == pytest.approx(0.5)
    assert allowance.spend(0, 101.0) == pytest.approx(0.0)
    assert allowance.spend(BURST_BYTES, 200.0) == 0.0, "rest is no credit"
    assert allowance.spend(BYTES_PER_S, 200.0) == pytest.approx(1.0)


def test_over_a_long_time_no_more_than_the_allowance_is_sent() -> None:
    allowance, now, sent = Allowance(), 0.0, 0
    while now < 60:
        sent += 40_000
        now += max(1 / 60, allowance.spend(40_000, now))
    assert sent <= 60 * BYTES_PER_S + BURST_BYTES + 40_000
    assert sent >= 0.95 * 60 * BYTES_PER_S, "and it is used"


def test_large_frames_come_less_often(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    class Counting(Allowance):
        def spend(self, sent: int, now: float) -> float:
            waits.append(super().spend(sent, 100.0))  # on a busy machine, rest would pay
            return waits[-1]

    monkeypatch.setattr("protipp_stream.ui.pump.Allowance", Counting)
    pump, viewer = Pump(source, hz=60), Viewer()
    pump.join(viewer)
    source.waiting += [{"a": "x" * BURST_BYTES}, {"a": "x" * 35_000}, {"a": 3}]
    viewer.wait_for(lambda frames: frames[-1]["body"] == {"a": 3})
    pump.leave(viewer)
    assert waits[0] < 0.001
    assert waits[1] > 0
