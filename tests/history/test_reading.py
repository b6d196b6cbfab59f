"""One view: nothing twice, nothing missing, whoever writes, seals or merges meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history import hot, reading
from protipp_stream.history.history import History
from protipp_stream.history.merging import merge
from protipp_stream.history.reading import Trail
from tests.history.journals import BEGIN, Journal, World, random_journal
from tests.history.oracles import board_at, changes_of


def ids(history: History, **wanted: Any) -> list[str]:
    frame = history.updates(columns=["epoch", "seq"], **wanted)
    return [f"{epoch}:{seq}" for epoch, seq in zip(frame.epoch, frame.seq, strict=True)]


def written(journal: Journal) -> list[str]:
    return [update.id for update in changes_of(journal.lines)]


def once(before: Callable[[], None]) -> Callable[[], None]:
    """Do something at the first call only."""
    left = [before]
    return lambda: left.pop()() if left else None


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return random_journal(tmp_path / "audit", 1)[0]


def test_what_is_appended_is_seen_at_the_next_question(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 1)
    world.begin()
    history = History(tmp_path / "audit")
    assert not len(history.updates())
    for _ in range(5):
        world.play(3)
        assert ids(history) == written(journal)


def test_what_was_decoded_is_not_decoded_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 1)
    world.begin()
    world.play(20)
    history = History(tmp_path / "audit")
    decoded = []

    def count(line: bytes) -> Any:
        decoded.append(line)
        return decode(line)

    decode = hot.decode_journal_line
    monkeypatch.setattr(hot, "decode_journal_line", count)
    history.updates()
    assert len(decoded) == 21
    history.updates()
    assert len(decoded) == 21
    world.play(1)
    history.updates()
    assert len(decoded) == 22


def test_a_question_about_one_event_decodes_the_lines_that_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 1)
    world.begin()
    world.play(30)
    naming = {
        line.n
        for line in journal.lines
        if any(update.event_id == "ev-3" for update in line.updates)
    }
    decoded = []
    decode = hot.decode_journal_line

    def keep(line: bytes) -> Any:
        found = decode(line)
        decoded.append(found.n)
        return found

    monkeypatch.setattr(hot, "decode_journal_line", keep)
    found = History(tmp_path / "audit").updates(event="ev-3")
    assert len(found) == sum(u.event_id == "ev-3" for u in changes_of(journal.lines)) > 0
    assert naming <= set(decoded)
    assert len(decoded) < len(journal.lines)


@pytest.mark.parametrize("kept", [0, 1, 20, -2, -1])
def test_half_a_line_at_the_end_is_not_there_yet(journal: Journal, kept: int) -> None:
    path = journal.layout.segments()[-1][1]
    whole = path.read_bytes()
    before, _, last = whole.removesuffix(b"\n").rpartition(b"\n")
    text = last + b"\n"
    path.write_bytes(before + b"\n" + text[:kept])
    history = History(journal.layout.folder)
    all_of_them = written(journal)
    without = [update.id for update in changes_of(journal.lines[:-1])]
    assert len(without) < len(all_of_them)
    assert ids(history) == without
    with path.open("ab") as file:
        file.write(text[len(text[:kept]) :])
    assert ids(history) == all_of_them


def test_what_a_crash_left_may_be_cut_and_written_anew(journal: Journal) -> None:
    path = journal.layout.segments()[-1][1]
    whole = path.read_bytes()
    history = History(journal.layout.folder)
    path.write_bytes(whole + b'{"n":99,"at":"2026')
    assert ids(history) == written(journal)
    path.write_bytes(whole)
    journal.write(BEGIN + timedelta(hours=2), epoch="later", notes=[])
    assert ids(history) == written(journal)


@pytest.mark.parametrize("more", [0, 1, 5])
@pytest.mark.parametrize("is_replaced", [False, True])
def test_lines_that_were_taken_back_are_forgotten(
    tmp_path: Path, more: int, is_replaced: bool
) -> None:
    """A full disk refuses a group after some of it was there; others follow in its place."""
    journal = Journal(tmp_path / "audit")
    world = World(journal, 1)
    world.begin()
    world.play(3)
    path = journal.layout.segment(0)
    kept, lines, end = path.read_bytes(), len(journal.lines), (journal.n, journal.prev)
    world.play(4)
    history = History(tmp_path / "audit")
    assert ids(history) == written(journal)
    if is_replaced:
        # As rsync does: another file of the same name.
        os.rename(path, tmp_path / "old")
    path.write_bytes(kept)
    (journal.n, journal.prev), journal.lines = end, journal.lines[:lines]
    world.play(more)
    assert ids(history) == written(journal)
    world.play(2)
    assert ids(history) == written(journal)


def test_lines_that_are_taken_back_while_they_are_read_are_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 1)
    world.begin()
    world.play(3)
    path = journal.layout.segment(0)
    kept, lines, end = path.read_bytes(), len(journal.lines), (journal.n, journal.prev)
    world.play(4)

    @once
    def take_back() -> None:
        path.write_bytes(kept)
        (journal.n, journal.prev), journal.lines = end, journal.lines[:lines]
        world.play(6)

    table = reading.View.table

    def slow(self: reading.View, *args: Any, **more: Any) -> Any:
        take_back()
        return table(self, *args, **more)

    monkeypatch.setattr(reading.View, "table", slow)
    assert ids(History(tmp_path / "audit")) == written(journal)


def test_a_copy_of_a_trail_that_is_replaced_file_by_file_is_read_anew(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 1)
    world.begin()
    history = History(tmp_path / "audit")
    for _ in range(3):
        path = journal.layout.segment(0)
        path.write_bytes((copied := path.rename(tmp_path / "before")).read_bytes())
        copied.unlink()
        world.play(3)
        assert ids(history) == written(journal)


def test_a_line_that_was_changed_is_not_believed(journal: Journal) -> None:
    path = journal.layout.segments()[1][1]
    text = path.read_bytes()
    assert b'"market":"h2h"' in text
    for data, words in (
        (text.replace(b'"market":"h2h"', b'"market":"h2x"', 1), "was changed"),
        (b"no line\n" + text, "no line of a journal"),
    ):
        path.write_bytes(data)
        with pytest.raises(TrailChanged, match=words) as changed:
            History(journal.layout.folder).updates()
        assert str(path) in changed.value.message
        assert "verify" in changed.value.hint


def test_a_segment_that_was_sealed_but_is_still_there_counts_once(journal: Journal) -> None:
    leftovers = {path: path.read_bytes() for _, path in journal.layout.segments()[:3]}
    journal.seal(including_last=False)
    for path, text in leftovers.items():
        path.write_bytes(text)
    assert ids(History(journal.layout.folder)) == written(journal)


def test_a_file_that_no_entry_names_is_a_leftover(journal: Journal) -> None:
    journal.seal(including_last=True)
    history = History(journal.layout.folder)
    sealed = Path(history.dataset().files[0])
    (sealed.parent / "000000009000-000000009999.parquet").write_bytes(sealed.read_bytes())
    (sealed.parent / ".000000000000-000000000001.parquet").write_bytes(b"half a fil")
    assert ids(history) == written(journal)


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


@pytest.mark.parametrize("share", [0, 0.2, 0.999])
def test_a_sealed_file_that_is_none_any_more_says_so(journal: Journal, share: float) -> None:
    journal.seal(including_last=True)
    for name in History(journal.layout.folder).dataset().files:
        text = bytearray(Path(name).read_bytes())
        place = int(len(text) * share)
        text[place : place + 300] = bytes(len(text[place : place + 300]))
        Path(name).write_bytes(text)
    with pytest.raises(TrailChanged) as changed:
        History(journal.layout.folder).updates()
    assert "verify" in changed.value.hint
    with pytest.raises(TrailChanged):
        list(History(journal.layout.folder).batches())


def test_an_error_of_a_callers_own_is_not_the_trails(journal: Journal) -> None:
    heard = []

    def rule(move: Any) -> str | None:
        heard.append(move)
        raise FileNotFoundError("my-thresholds.json")

    with pytest.raises(FileNotFoundError, match=r"my-thresholds\.json"):
        History(journal.layout.folder).moves(rule)
    assert len(heard) == 1


def test_a_manifest_that_was_changed_is_not_believed(journal: Journal) -> None:
    journal.seal(including_last=True)
    text = journal.layout.manifest.read_bytes()
    journal.layout.manifest.write_bytes(text.replace(b'"rows":', b'"rows":9', 1))
    with pytest.raises(TrailChanged) as changed:
        History(journal.layout.folder).updates()
    assert str(journal.layout.manifest) in changed.value.message
    assert "verify" in changed.value.hint


def test_a_replay_told_twice_is_two_sessions_of_the_same_time(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "audit")
    for seed in (1, 2):
        world = World(journal, seed)
        world.session = seed
        later = World(journal, seed)
        # As a replay: rows are of long ago, the start is noted now.
        later.now = BEGIN + timedelta(days=90)
        later.session = seed
        later.begin()
        world.book, world._told = later.book, later._told
        world.play(15)
    for layout in ("hot", "sealed"):
        if layout == "sealed":
            journal.seal(including_last=True)
        history = History(journal.layout.folder)
        for minutes in (1, 4, 9, 14):
            at = BEGIN + timedelta(minutes=minutes)
            expected = board_at(journal.lines, at)
            found = history.as_of(at)
            assert len(found) == len(expected) > 0
            kept = {quote.selection: quote.odds for quote in expected.values()}
            for row in found.itertuples():
                odds = kept[row.bookmaker_id, row.event_id, row.market, row.outcome]
                assert row.odds == odds or (odds is None and row.odds != row.odds)


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
