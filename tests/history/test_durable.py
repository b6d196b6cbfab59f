"""Steps on a disk: done when the call returns, or not at all, whatever fails in between."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from protipp_stream.history import durable
from protipp_stream.history.durable import append_line


class Steps:
    """What is asked of the disk, in order; it refuses one kind of it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.said: list[str] = []
        self.refuses: str | None = None
        write, sync, folder = os.write, durable.sync_data, durable.sync_folder
        patch.setattr(durable.os, "write", lambda *a: (self.meet("write"), write(*a))[1])
        patch.setattr(durable, "sync_data", lambda *a: (self.meet("sync"), sync(*a))[1])
        patch.setattr(durable, "sync_folder", lambda *a: (self.meet("folder"), folder(*a))[1])

    def meet(self, step: str) -> None:
        self.said.append(step)
        if step == self.refuses:
            raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    return Steps(monkeypatch)


@pytest.mark.parametrize("refused", ["write", "sync", "folder"])
@pytest.mark.parametrize("before", [b"", b"one\n"])
def test_a_line_that_was_refused_is_not_there(
    tmp_path: Path, steps: Steps, refused: str, before: bytes
) -> None:
    path = tmp_path / "a.jsonl"
    if before:
        append_line(path, before)
    steps.refuses = refused
    if refused == "folder" and before:
        return append_line(path, b"two\n")  # its name has been safe since the first
    with pytest.raises(OSError, match="No space"):
        append_line(path, b"two\n")
    assert path.read_bytes() == before
    steps.refuses = None
    append_line(path, b"three\n")
    assert path.read_bytes() == before + b"three\n"
    return None


def test_the_name_of_a_first_line_s_file_is_safe_though_an_earlier_try_has_made_it(
    tmp_path: Path, steps: Steps
) -> None:
    path = tmp_path / "a.jsonl"
    steps.refuses = "write"
    with pytest.raises(OSError, match="No space"):
        append_line(path, b"one\n")
    steps.refuses, steps.said = None, []
    append_line(path, b"one\n")
    assert steps.said == ["folder", "write", "sync"]
    append_line(path, b"two\n")
    assert steps.said[3:] == ["write", "sync"]
