"""Opening after a crash: what was acknowledged is there, what was torn is kept and said."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history.heads import read_checkpoint
from protipp_stream.history.journal import Journal
from protipp_stream.history.layout import Layout
from protipp_stream.history.manifest import read_manifest
from protipp_stream.history.opening import opened
from protipp_stream.history.reading import Trail
from protipp_stream.history.sealing import seal
from protipp_stream.history.verifying import verify
from tests.history.disk import Disk, PowerCut
from tests.history.stepping import (
    START,
    Hands,
    abandon,
    entry,
    hands,
    lines_of,
    notes_of,
    rows_in,
    seqs_of,
    work,
)
from tests.history.test_segment import slow_end


@pytest.fixture
def driven() -> Iterator[Hands]:
    with hands() as made:
        yield made


def wrote(driven: Hands, folder: Path, epoch: str) -> int:
    """Write, as a process that is killed; return the segment's size before its last commit.

    The last commit is of three lines, which are synced together.
    """
    journal = driven.journal(folder, commit_rows=2)
    journal.put(entry(epoch, 1, 3))
    work(journal)
    driven.seconds += 2
    journal.put(entry(epoch, 4, 4))
    work(journal)
    segment = journal._writer._segment
    assert segment is not None
    before = segment.size
    for first in range(5, 11, 2):
        journal.put(entry(epoch, first, first + 1))
    work(journal)
    abandon(journal)
    return before


DAMAGES: dict[str, Callable[[bytes, int, random.Random], bytes]] = {
    "truncated": lambda data, at, _: data[:at],
    "zeros": lambda data, at, _: data[:at] + bytes(len(data) - at),
    "garbage": lambda data, at, dice: data[:at] + dice.randbytes(len(data) - at),
    "a hole": lambda data, at, _: data[:at] + b"\0" + data[at + 1 :],
    "a block that was never written": lambda data, at, _: (
        data[:at] + bytes(len(data[at : at + 512])) + data[at + 512 :]
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_last_commit_torn_at_any_byte_is_cut_where_the_chain_ends(
    tmp_path: Path, driven: Hands, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = wrote(driven, tmp_path, "a")
    layout = Layout(tmp_path)
    path = layout.segment(0)
    whole, dice = path.read_bytes(), random.Random(5)
    # It takes no part in this, and some thousand times.
    monkeypatch.setattr("os.fsync", lambda descriptor: None)
    for at in range(before, len(whole)):
        spoilt = DAMAGES[damage](whole, at, dice)
        path.write_bytes(spoilt)
        end = slow_end(spoilt)
        assert end.link is not None
        assert opened(layout).head == (end.link.n, end.link.hash)
        kept = layout.torn(path, end.whole_bytes)
        assert path.read_bytes() == spoilt[: end.whole_bytes]
        assert (kept.read_bytes() if end.torn_bytes else b"") == spoilt[end.whole_bytes :]
        kept.unlink(missing_ok=True)


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_last_commit_torn_anywhere_takes_nothing_else(
    tmp_path: Path, driven: Hands, damage: str
) -> None:
    """Not one byte of the last commit was acknowledged; all before it is."""
    folder = tmp_path / "audit"
    before = wrote(driven, folder, "a")
    path = Layout(folder).segment(0)
    whole, dice = path.read_bytes(), random.Random(5)
    for at in range(before, len(whole), 97):
        copy = tmp_path / "copy"
        shutil.copytree(folder, copy)
        spoilt = DAMAGES[damage](whole, at, dice)
        (copy / "hot" / path.name).write_bytes(spoilt)
        journal = driven.journal(copy, commit_rows=2)
        journal.put(entry("b", 1, 2))
        journal.close()
        lines = lines_of(copy)
        seqs = seqs_of(lines)
        assert seqs["b"] == [1, 2]
        assert seqs["a"] == list(range(1, len(seqs["a"]) + 1))
        assert len(seqs["a"]) >= 4
        kept = b"".join(each.read_bytes() for each in (copy / "hot").glob("*.torn-*"))
        assert (copy / "hot" / path.name).read_bytes() + kept == spoilt
        said = [note.count for note in notes_of(lines, "torn")]
        assert said == [len(kept)] * bool(kept)
        assert verify(copy).status == 0
        shutil.rmtree(copy)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_journal_that_was_torn_is_intact_to_whoever_verifies(
    tmp_path: Path, driven: Hands, damage: str
) -> None:
    folder = tmp_path / "audit"
    before = wrote(driven, folder, "a")
    path = Layout(folder).segment(0)
    path.write_bytes(DAMAGES[damage](path.read_bytes(), before + 700, random.Random(1)))
    for _ in range(2):
        driven.journal(folder).close()
    report = verify(folder)
    assert report.status == 0, report.findings


def test_a_second_crash_before_the_note_keeps_what_the_first_has_torn(
    tmp_path: Path, driven: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "audit"
    before = wrote(driven, folder, "a")
    path = Layout(folder).segment(0)
    for torn in (b"one", b"two"):
        path.write_bytes(path.read_bytes()[:before] + torn)
        opened(Layout(folder))
    kept = Layout.torn(path, before)
    assert kept.read_bytes() == b"onetwo"


def test_the_chain_goes_on_over_restarts_and_segments(tmp_path: Path, driven: Hands) -> None:
    for epoch in "abcd":
        journal = driven.journal(tmp_path, commit_rows=2, segment_rows=4)
        for first in (1, 3, 5):
            journal.put(entry(epoch, first, first + 1))
            work(journal)
        journal.close()
    assert seqs_of(lines_of(tmp_path)) == {epoch: [1, 2, 3, 4, 5, 6] for epoch in "abcd"}
    assert len(Layout(tmp_path).segments()) == 8
    assert verify(tmp_path).status == 0


def test_what_was_written_and_never_synced_is_safe_before_the_journal_goes_on(
    tmp_path: Path, driven: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed writer leaves lines that only the kernel has; they may not go after newer ones."""
    wrote(driven, tmp_path, "a")
    with monkeypatch.context() as patch:
        disk = Disk(patch)
        journal = driven.journal(tmp_path)
        journal.put(entry("b", 1, 2))
        disk.dies_at = "sync"
        with pytest.raises(PowerCut):
            work(journal)
        abandon(journal)
    layout = Layout(tmp_path)
    [*_, (_, newest)] = layout.segments()
    synced: list[str] = []
    real = os.fsync

    def sync(descriptor: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{descriptor}"))
        real(descriptor)

    monkeypatch.setattr("os.fsync", sync)
    assert opened(layout).head[0] == lines_of(tmp_path)[-1].n
    assert seqs_of(lines_of(tmp_path))["b"] == [1, 2]
    assert str(newest) in synced


def test_a_segment_in_which_nothing_got_to_the_disk_goes(tmp_path: Path, driven: Hands) -> None:
    driven.journal(tmp_path).close()
    n = len(lines_of(tmp_path))
    layout = Layout(tmp_path)
    layout.segment(n).write_bytes(b"torn")
    driven.journal(tmp_path).close()
    assert Layout.torn(layout.segment(n), 0).read_bytes() == b"torn"
    assert [note.count for note in notes_of(lines_of(tmp_path), "torn")] == [4]


def test_who_reads_what_a_killed_writer_left_sees_what_the_next_one_writes(
    tmp_path: Path, driven: Hands
) -> None:
    driven.journal(tmp_path).close()
    layout, trail = Layout(tmp_path), Trail(tmp_path)
    layout.segment(len(lines_of(tmp_path))).write_bytes(b"torn")
    assert rows_in(trail) == {}
    journal = driven.journal(tmp_path)
    journal.put(entry("a", 1, 9))
    journal.close()
    assert rows_in(trail) == {"a": list(range(1, 10))}


def test_an_end_that_was_taken_away_is_refused_and_left_as_it_is(
    tmp_path: Path, driven: Hands
) -> None:
    journal = driven.journal(tmp_path)
    journal.put(entry("a", 1, 9))
    journal.close()
    path = Layout(tmp_path).segment(0)
    lines = path.read_bytes().splitlines(keepends=True)
    signed = read_checkpoint(Layout(tmp_path))
    assert signed is not None
    # The line that is signed, changed: what follows it can't be trusted, and is no tail.
    lines[signed.n] = lines[signed.n].replace(b"a", b"b", 1)
    for data in (b"".join(lines), b"".join(lines[: signed.n]), b""):
        path.write_bytes(data)
        with pytest.raises(TrailChanged, match=f"line {signed.n} was signed") as refused:
            Journal(tmp_path)
        assert "history verify" in refused.value.hint
        assert path.read_bytes() == data
        assert not list(path.parent.glob("*.torn-*"))
    path.unlink()
    with pytest.raises(TrailChanged):
        Journal(tmp_path)


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"journal":1}'])
def test_a_checkpoint_that_is_none_is_refused(tmp_path: Path, driven: Hands, data: bytes) -> None:
    driven.journal(tmp_path).close()
    Layout(tmp_path).checkpoint.write_bytes(data)
    with pytest.raises(TrailChanged, match="is no checkpoint"):
        Journal(tmp_path)


def test_without_its_checkpoint_a_journal_knows_its_name(tmp_path: Path, driven: Hands) -> None:
    driven.journal(tmp_path).close()
    layout = Layout(tmp_path)
    name = read_checkpoint(layout)
    layout.checkpoint.unlink()
    driven.journal(tmp_path).close()
    again = read_checkpoint(layout)
    assert name is not None
    assert again is not None
    assert name.journal == again.journal
    layout.checkpoint.unlink()
    first = layout.segment(0)
    first.write_bytes(first.read_bytes()[1:])
    with pytest.raises(TrailChanged, match="no whole line"):
        Journal(tmp_path)


def sealed_away(driven: Hands, folder: Path) -> Checkpoint:
    journal = driven.journal(folder, commit_rows=2, segment_rows=4)
    for first in range(1, 20, 2):
        journal.put(entry("a", first, first + 1))
        work(journal)
    journal.close()
    signed = read_checkpoint(Layout(folder))
    assert signed is not None
    seal(folder, now=START)
    assert not Layout(folder).segments()
    return signed


@pytest.mark.parametrize("has_checkpoint", [True, False])
def test_a_journal_that_was_sealed_away_goes_on_from_the_manifest(
    tmp_path: Path, driven: Hands, has_checkpoint: bool
) -> None:
    before = sealed_away(driven, tmp_path)
    layout = Layout(tmp_path)
    if not has_checkpoint:
        layout.checkpoint.unlink()
    journal = driven.journal(tmp_path)
    journal.put(entry("b", 1, 2))
    journal.close()
    [(first, _)] = layout.segments()
    # The seal may have signed what it did.
    assert first > before.n + 1
    after = read_checkpoint(layout)
    assert after is not None
    assert after.journal == before.journal
    assert after.manifest_n == read_manifest(layout).n
    assert verify(tmp_path).status == 0


@pytest.mark.parametrize("removed", [0, 1])
def test_segments_that_a_seal_had_no_time_to_remove_are_not_written_to(
    tmp_path: Path, driven: Hands, removed: int
) -> None:
    folder = tmp_path / "audit"
    journal = driven.journal(folder, commit_rows=2, segment_rows=4)
    for first in range(1, 20, 2):
        journal.put(entry("a", first, first + 1))
        work(journal)
    journal.close()
    shutil.copytree(folder / "hot", tmp_path / "hot")
    seal(folder, now=START)
    left_over = sorted((tmp_path / "hot").iterdir())
    for path in left_over[: len(left_over) - removed]:
        shutil.copy(path, folder / "hot")
    left = {path: path.read_bytes() for _, path in Layout(folder).segments()}
    journal = driven.journal(folder)
    journal.put(entry("b", 1, 2))
    journal.close()
    for path, data in left.items():
        assert path.read_bytes() == data
    seal(folder, now=START)
    driven.journal(folder).close()  # it signs what was sealed
    assert verify(folder).status == 0


def test_half_a_line_at_the_manifest_s_end_was_never_said(tmp_path: Path, driven: Hands) -> None:
    folder = tmp_path / "audit"
    sealed_away(driven, folder)
    journal = driven.journal(folder, commit_rows=2, segment_rows=2)
    journal.put(entry("b", 1, 2))
    journal.close()
    layout = Layout(folder)
    first = layout.manifest.read_bytes()
    head = opened(layout).head
    kept = {path: path.read_bytes() for _, path in layout.segments()}
    seal(folder, now=START)
    second = layout.manifest.read_bytes().removeprefix(first)
    for path, data in kept.items():
        path.write_bytes(data)
    layout.checkpoint.unlink()
    for end in range(len(second.splitlines()[0])):
        layout.manifest.write_bytes(first + second[:end])
        assert opened(layout).head == head


@pytest.mark.parametrize(
    "forged",
    [b"}\n", b'{"sealed":{"segments":[]}}\n', b"\0" * 40 + b"}\n", b"[" * 100_000 + b"}\n"],
)
def test_a_manifest_that_was_changed_is_refused_in_words(
    tmp_path: Path, driven: Hands, forged: bytes
) -> None:
    sealed_away(driven, tmp_path)
    layout = Layout(tmp_path)
    layout.manifest.write_bytes(layout.manifest.read_bytes() + forged)
    with pytest.raises(TrailChanged):
        Journal(tmp_path)


def test_two_do_not_write_one_folder(tmp_path: Path, driven: Hands) -> None:
    journal = driven.journal(tmp_path)
    before = lines_of(tmp_path)
    for _ in range(2):
        with pytest.raises(TrailUnavailable, match="Another process writes"):
            driven.journal(tmp_path)
    assert lines_of(tmp_path) == before
    journal.close()
    driven.journal(tmp_path).close()


def test_a_file_that_is_called_like_no_segment_is_none(tmp_path: Path, driven: Hands) -> None:
    driven.journal(tmp_path).close()
    (Layout(tmp_path).hot / "\N{SUPERSCRIPT TWO}.jsonl").write_bytes(b"anything")
    driven.journal(tmp_path).close()
    assert [first for first, _ in Layout(tmp_path).segments()] == [0]
    assert [finding.what for finding in verify(tmp_path).findings] == ["unknown"]


def test_a_torn_note_says_when(tmp_path: Path, driven: Hands) -> None:
    before = wrote(driven, tmp_path, "a")
    path = Layout(tmp_path).segment(0)
    path.write_bytes(path.read_bytes()[: before + 5])
    driven.seconds = 500
    driven.journal(tmp_path).close()
    [note] = notes_of(lines_of(tmp_path), "torn")
    assert (note.timestamp, note.count) == (START + timedelta(seconds=500), 5)


def test_a_checkpoint_is_what_was_signed(tmp_path: Path, driven: Hands) -> None:
    wrote(driven, tmp_path, "a")
    signed = read_checkpoint(Layout(tmp_path))
    assert signed is not None
    lines = lines_of(tmp_path)
    assert lines[signed.n].hash == signed.hash
    assert lines[signed.n + 1].checkpoint == signed
    assert msgspec.json.decode(Layout(tmp_path).checkpoint.read_bytes(), type=Checkpoint) == signed
