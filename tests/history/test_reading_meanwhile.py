"""One view while others seal, merge and write: of one moment, and never an endless loop."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.errors import TrailUnavailable
from protipp_stream.history import reading
from protipp_stream.history.history import History
from protipp_stream.history.merging import merge
from protipp_stream.history.reading import Trail
from tests.history.journals import BEGIN, Journal, World, ids, once, written


@pytest.mark.parametrize("moment", ["_refresh", "question"])
def test_sealing_in_the_midst_of_a_question_changes_nothing(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    history = History(journal.layout.folder)
    seal = once(lambda: journal.seal(including_last=False))
    if moment == "_refresh":
        # After the manifest was read, before the segments are.
        refresh = Trail._refresh

        def late(self: Trail, manifest: Any) -> Any:
            seal()
            return refresh(self, manifest)

        monkeypatch.setattr(Trail, "_refresh", late)
    else:
        table = reading.View.table

        def slow(self: reading.View, *args: Any, **more: Any) -> Any:
            seal()
            return table(self, *args, **more)

        monkeypatch.setattr(reading.View, "table", slow)
    assert ids(history) == written(journal)
    assert ids(history) == written(journal)


def test_merging_in_the_midst_of_a_question_starts_it_over(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        journal.seal(including_last=True)
        journal.write(BEGIN + timedelta(hours=3), epoch="more", notes=[])
    journal.seal(including_last=True)
    world = World(journal, 4)
    world.now = BEGIN + timedelta(hours=1)
    world.begin()
    world.play(9)
    journal.seal(including_last=True)
    history = History(journal.layout.folder)
    before = set(history.dataset().files)
    merged = once(lambda: merge(journal.layout.folder, now=BEGIN + timedelta(days=3)) and None)
    table = reading.View.table

    def slow(self: reading.View, *args: Any, **more: Any) -> Any:
        merged()
        return table(self, *args, **more)

    fresh = History(journal.layout.folder)
    monkeypatch.setattr(reading.View, "table", slow)
    assert ids(fresh) == written(journal)
    assert set(fresh.dataset().files) != before
    assert ids(history) == written(journal)


def days_of_journal(folder: Path) -> Journal:
    """Two days, of each some files, and a segment that is hot."""
    journal = Journal(folder)
    world = World(journal, 8)
    world.begin()
    for hours in (0, 1, 2, 30, 31):
        world.now = BEGIN + timedelta(hours=hours)
        world.play(6)
        journal.seal(including_last=True)
    world.play(4)
    return journal


@pytest.mark.parametrize("turn", range(12))
def test_batches_are_of_one_moment_whoever_seals_and_merges_meanwhile(
    tmp_path: Path, turn: int
) -> None:
    journal = days_of_journal(tmp_path / "audit")
    expected = sorted(written(journal))
    history = History(journal.layout.folder)
    files = set(history.dataset().files)
    found = []
    for number, frame in enumerate(history.batches(rows=10)):
        found += [f"{epoch}:{seq}" for epoch, seq in zip(frame.epoch, frame.seq, strict=True)]
        if number == turn:
            # Of a day that is given in part, of one to come, of what was hot; and more.
            journal.write(BEGIN + timedelta(hours=40), epoch="more", notes=[])
            again = World(journal, 9)
            again.session = 3
            again.now = BEGIN + timedelta(hours=32)
            again.begin()
            again.play(3)
            journal.seal(including_last=True)
            assert merge(journal.layout.folder, now=BEGIN + timedelta(days=9)).files > 1
            # Whoever asks meanwhile looks at the folder anew.
            assert len(history.updates()) == len(written(journal)) > len(expected)
    assert number > turn
    assert sorted(found) == expected
    assert files - set(history.dataset().files)


def test_batches_of_files_that_are_gone_for_good_are_no_endless_loop(journal: Journal) -> None:
    journal.seal(including_last=True)
    history = History(journal.layout.folder)
    files = history.dataset().files
    assert len(files) > 1
    batches = history.batches(rows=10)
    next(batches)
    for path in files:
        os.unlink(path)
    with pytest.raises(TrailUnavailable) as gone:
        list(batches)
    assert "verify" in gone.value.hint


def test_files_that_are_gone_for_good_are_no_endless_loop(journal: Journal) -> None:
    journal.seal(including_last=True)
    history = History(journal.layout.folder)
    os.unlink(history.dataset().files[0])
    with pytest.raises(TrailUnavailable) as gone:
        History(journal.layout.folder).updates()
    assert "verify" in gone.value.hint


def test_reading_waits_for_nobody_and_loses_nothing_across_processes(tmp_path: Path) -> None:
    """A process writes and seals while this one asks: every answer is a whole beginning."""
    folder = tmp_path / "audit"
    code = f"""
import sys
from pathlib import Path
from tests.history.journals import Journal, World
journal = Journal(Path({str(folder)!r}), lines_a_segment=5)
world = World(journal, 9)
world.begin()
print("begun", flush=True)
for turn in range(12):
    world.play(10)
    journal.seal(including_last=False)
world.play(7)
print(sum(len(line.updates) for line in journal.lines), flush=True)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True
    ) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "begun\n"
        history, counts = History(folder), [0]
        while writer.poll() is None:
            seqs = history.updates(columns=["seq"]).seq.tolist()
            assert seqs == list(range(1, len(seqs) + 1))
            assert len(seqs) >= counts[-1]
            counts.append(len(seqs))
        total = int(writer.stdout.readline())
    assert writer.returncode == 0
    assert len(history.updates()) == total
    assert len(set(counts)) > 3
