"""Seal, merge and retain, cut off at any step: nothing is lost, nothing is there twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.errors import TrailUnavailable
from protipp_stream.history import (
    durable,
    leftovers,
    manifest,
    merging,
    parquet,
    retention,
    sealing,
)
from protipp_stream.history.manifest import read_manifest
from protipp_stream.history.merging import merge
from protipp_stream.history.report import INTACT, UNSIGNED
from protipp_stream.history.retention import OddsPolicy, retain
from protipp_stream.history.sealing import seal
from protipp_stream.history.verifying import verify
from tests.history.sealed_rows import all_of, trail
from tests.history.trails import TrailWriter

STEPS = ("publish", "append_line", "remove", "cut", "sync_folder")


class PowerCut(Exception):
    """The machine went off."""


def fail_at(patch: pytest.MonkeyPatch, step: int, *, done: bool) -> list[str]:
    """Let the machine go off before, or right after, a step; return the steps so far."""
    names: list[str] = []

    def instead(name: str, real: Callable[..., None]) -> Callable[..., None]:
        def perform(*args: Any) -> None:
            names.append(name)
            if len(names) - 1 == step:
                if done:
                    real(*args)
                elif name == "append_line":
                    path, line = args
                    with path.open("ab") as file:
                        file.write(line[: len(line) // 2])
                raise PowerCut

            real(*args)

        return perform

    for name in STEPS:
        replacement = instead(name, getattr(durable, name))
        for module in (leftovers, manifest, merging, parquet, retention, sealing):
            if hasattr(module, name):
                patch.setattr(module, name, replacement)
        if name == "remove":
            patch.setattr(durable, name, replacement)  # for `remove_dated`
    return names


def work(folder: Path, now: datetime) -> None:
    """Everything that changes sealed files."""
    seal(folder, now=now, including_last=True)
    merge(folder, now=now + timedelta(days=3))


def prepared(folder: Path) -> TrailWriter:
    writer = trail(folder, segments=2)
    seal(folder, now=writer.now, including_last=False)
    writer.begin_segment()
    writer.busy(4)
    return writer


def test_a_power_cut_at_any_step_loses_and_doubles_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = cuts = 0
    reached = True
    while reached:
        for done in (False, True):
            writer = prepared(tmp_path / f"{step}-{done}")
            folder = writer.layout.folder
            expected = all_of(writer.layout)
            with monkeypatch.context() as patch:
                names = fail_at(patch, step, done=done)
                try:
                    work(folder, writer.now)
                except PowerCut:
                    cuts += 1
            reached = len(names) == step + 1
            assert all_of(writer.layout) == expected, (step, names[-1], done)
            assert verify(folder).status in (INTACT, UNSIGNED)
            work(folder, writer.now)
            assert all_of(writer.layout) == expected, (step, names[-1], done)
            assert not list(writer.layout.hot.iterdir())
            named = set(read_manifest(writer.layout).files)
            there = {path.relative_to(folder).as_posix() for path in folder.rglob("*.parquet")}
            assert there == named
        step += 1
    assert cuts > 40


def test_a_power_cut_while_old_odds_go_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in range(3):
        for done in (False, True):
            writer = prepared(tmp_path / f"{step}-{done}")
            folder, later = writer.layout.folder, writer.now + timedelta(days=9)
            policy = OddsPolicy(odds_days=1)
            seal(folder, now=writer.now)
            groups = all_of(writer.layout)["groups"]
            with monkeypatch.context() as patch:
                fail_at(patch, step, done=done)
                with pytest.raises(PowerCut):
                    retain(folder, policy, now=later)
            retain(folder, policy, now=later)
            left = all_of(writer.layout)
            assert left.pop("groups") == groups
            assert not any(left.values())
            assert verify(folder).status == UNSIGNED


KILLED = """
import os, signal, sys
from datetime import datetime, UTC
from protipp_stream.history import durable, manifest, parquet, sealing

left = int(sys.argv[2])

def instead(real):
    def perform(*args):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(*args)
    return perform

parquet.publish = instead(durable.publish)
manifest.append_line = instead(durable.append_line)
sealing.remove = instead(durable.remove)
sealing.seal(sys.argv[1], now=datetime.now(UTC), including_last=True)
"""


@pytest.mark.parametrize("step", [0, 3, 5, 6])
def test_a_sealer_that_is_killed_leaves_no_lock_and_loses_nothing(
    tmp_path: Path, step: int
) -> None:
    writer = prepared(tmp_path)
    expected = all_of(writer.layout)
    run = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), str(step)], check=False, env=os.environ
    )
    assert run.returncode == -signal.SIGKILL
    assert all_of(writer.layout) == expected
    seal(tmp_path, now=writer.now)
    assert all_of(writer.layout) == expected
    assert not list(writer.layout.hot.iterdir())


def test_a_full_disk_is_said_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = prepared(tmp_path)
    expected = all_of(writer.layout)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("protipp_stream.history.durable.sync_data", full)
        with pytest.raises(TrailUnavailable, match="No space left"):
            seal(tmp_path, now=writer.now)
    assert read_manifest(writer.layout).torn == 0
    assert all_of(writer.layout) == expected
    seal(tmp_path, now=writer.now)
    assert all_of(writer.layout) == expected
