"""One view: nothing twice, nothing missing, whoever writes, seals or merges meanwhile."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.errors import TrailChanged
from protipp_stream.history import hot, reading
from protipp_stream.history.history import History
from tests.history.journals import BEGIN, Journal, World, ids, once, written
from tests.history.oracles import board_at, changes_of


@pytest.fixture
def world(tmp_path: Path) -> World:
    """One in which nothing has happened yet, in a trail of its own."""
    made = World(Journal(tmp_path / "audit"), 1)
    made.begin()
    return made


def test_what_is_appended_is_seen_at_the_next_question(tmp_path: Path, world: World) -> None:
    journal = world.journal
    history = History(tmp_path / "audit")
    assert not len(history.updates())
    for _ in range(5):
        world.play(3)
        assert ids(history) == written(journal)


def test_what_was_decoded_is_not_decoded_again(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = world.journal
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
    tmp_path: Path, world: World, more: int, is_replaced: bool
) -> None:
    """A full disk refuses a group after some of it was there; others follow in its place."""
    journal = world.journal
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
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = world.journal
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


def test_a_copy_of_a_trail_that_is_replaced_file_by_file_is_read_anew(
    tmp_path: Path, world: World
) -> None:
    journal = world.journal
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
