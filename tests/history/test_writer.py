"""The end of a journal: segments begin and end where they should, and every error is got over."""

from __future__ import annotations

import contextlib
import errno
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from protipp_stream.core.chain import GENESIS, linked
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history import locking
from protipp_stream.history import writer as writer_module
from protipp_stream.history.group import Pending
from protipp_stream.history.heads import read_checkpoint
from protipp_stream.history.layout import Layout
from protipp_stream.history.reading import Trail
from protipp_stream.history.sealing import seal
from protipp_stream.history.signing import ENVIRONMENT, read_public_key, verified
from protipp_stream.history.verifying import verify
from protipp_stream.history.writer import Writer, sign_now, signed_after
from tests.history.disk import FAULTS, Disk
from tests.history.stepping import START, entry, lines_of, rows_in, seqs_of
from tests.history.trails import contents


class Wall:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> datetime:
        return START + timedelta(seconds=self.seconds)


@pytest.fixture
def wall() -> Wall:
    return Wall()


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def writer(tmp_path: Path, wall: Wall, disk: Disk) -> Iterator[Writer]:
    made = Writer(tmp_path / "audit", 10, 60.0, wall)
    yield made
    made.close()


def stage(writer: Writer, first: int, last: int, most: int = 3) -> None:
    pending = Pending(most)
    for seq in range(first, last + 1):
        pending.add(entry("e", seq, seq))
    writer.stage_all(pending)


def segment_rows(folder: Path) -> list[int]:
    return [path.read_bytes().count(b'"bookmaker_id"') for _, path in Layout(folder).segments()]


def test_a_segment_ends_with_the_commit_that_fills_it(tmp_path: Path, writer: Writer) -> None:
    for first in range(1, 36, 5):
        stage(writer, first, first + 4)
        writer.flush()
    assert segment_rows(tmp_path / "audit") == [10, 10, 10, 5]
    assert writer.segments_finished == 3
    assert seqs_of(lines_of(tmp_path / "audit")) == {"e": list(range(1, 36))}


def test_a_segment_ends_with_its_time(tmp_path: Path, writer: Writer, wall: Wall) -> None:
    for seq, at in enumerate([0.0, 59.9, 60.0, 119.9, 120.0, 3600.0], 1):
        wall.seconds = at
        stage(writer, seq, seq)
        writer.flush()
    assert segment_rows(tmp_path / "audit") == [2, 2, 1, 1]


def test_a_clock_that_is_set_back_loses_nothing(tmp_path: Path, writer: Writer, wall: Wall) -> None:
    for seq, at in enumerate([100.0, -5000.0, -4990.0, -4930.0], 1):
        wall.seconds = at
        stage(writer, seq, seq)
        writer.flush()
    assert seqs_of(lines_of(tmp_path / "audit")) == {"e": [1, 2, 3, 4]}
    # Nor does a segment last until the clock is there again.
    assert segment_rows(tmp_path / "audit") == [0, 1, 2, 1]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EFBIG])
@pytest.mark.parametrize("when", ["in a segment", "between two", "at its first line"])
def test_after_every_error_it_goes_on_without_a_gap_or_a_double(
    tmp_path: Path, writer: Writer, disk: Disk, wall: Wall, fault: str, code: int, when: str
) -> None:
    stage(writer, 1, 4)
    writer.flush()
    if when != "in a segment":
        wall.seconds += 100
    if when == "at its first line":
        disk.faults, disk.error = {"sync"}, code
        stage(writer, 5, 5)
        for _ in range(2):
            with pytest.raises(OSError, match=r"."):
                writer.flush()
    # What can't be taken back as well is the worst that a disk can do.
    disk.faults, disk.error = {fault, "take back"}, code
    stage(writer, 6 if when == "at its first line" else 5, 9)
    for _ in range(3):
        before = writer.head
        with contextlib.suppress(OSError):
            writer.flush()
            writer.sign()
        assert writer.head >= before
    assert writer.staged[0] in {0, 5}
    disk.faults = set()
    writer.flush()
    writer.sign()
    writer.close()
    folder = tmp_path / "audit"
    assert seqs_of(lines_of(folder)) == {"e": list(range(1, 10))}
    assert read_checkpoint(Layout(folder)) == writer.checkpoint
    assert verify(folder).status == 0


@pytest.mark.parametrize("fault", ["half", "sync"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EFBIG])
@pytest.mark.parametrize("when", ["in a segment", "at its first line"])
def test_who_reads_while_the_disk_refuses_never_has_a_row_twice(
    tmp_path: Path, writer: Writer, disk: Disk, wall: Wall, fault: str, code: int, when: str
) -> None:
    stage(writer, 1, 4)
    writer.flush()
    trail = Trail(tmp_path / "audit")
    if when == "at its first line":
        writer.close()
        writer = Writer(tmp_path / "audit", 10, 60.0, wall)
    looked: list[list[int]] = []
    disk.look = lambda: looked.append(rows_in(trail)["e"])
    disk.faults, disk.error = {fault}, code
    stage(writer, 5, 30)
    for _ in range(3):
        with pytest.raises(OSError, match=r"."):
            writer.flush()
        # What is there and what is taken back again: it was never acknowledged.
        assert rows_in(trail) == {"e": [1, 2, 3, 4]}
    assert max(map(len, looked)) > 4
    disk.faults = set()
    writer.flush()
    looked.append(rows_in(trail)["e"])
    assert looked[-1] == list(range(1, 31))
    writer.close()
    assert all(seqs == list(range(1, len(seqs) + 1)) for seqs in looked)


def test_a_part_gets_there_where_there_is_room_for_a_part(
    tmp_path: Path, writer: Writer, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "_PIECE_BYTES", 1)
    stage(writer, 1, 9)
    real, written = disk.write, []

    def write(descriptor: int, data: memoryview) -> int:
        if len(written) == 2:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(len(data))
        return real(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write", write)
        with pytest.raises(OSError, match="No space"):
            writer.flush()
    assert seqs_of(lines_of(tmp_path / "audit")) == {"e": [1, 2, 3, 4, 5, 6]}
    assert writer.staged[0] == 3
    assert writer.head[0] == lines_of(tmp_path / "audit")[-1].n
    writer.flush()
    assert seqs_of(lines_of(tmp_path / "audit")) == {"e": list(range(1, 10))}


def test_a_commit_is_synced_once(writer: Writer, disk: Disk) -> None:
    before = disk.syncs
    stage(writer, 1, 9)
    writer.flush()
    assert disk.syncs == before + 1
    writer.flush()
    assert disk.syncs == before + 1


def test_a_checkpoint_file_that_could_not_be_replaced_is_tried_again(
    tmp_path: Path, writer: Writer, disk: Disk
) -> None:
    layout = Layout(tmp_path / "audit")
    old = read_checkpoint(layout)
    stage(writer, 1, 1)
    writer.flush()
    disk.faults = {"checkpoint"}
    for _ in range(3):
        with pytest.raises(OSError, match="No space"):
            writer.sign()
        assert not writer.is_signed
        assert read_checkpoint(layout) == old
    disk.faults = set()
    writer.sign()
    assert writer.is_signed
    made = read_checkpoint(layout)
    assert made == writer.checkpoint
    assert made is not None
    assert verified(made, read_public_key(layout.public_key))
    # One line, though it took four tries.
    assert sum(line.checkpoint == made for line in lines_of(tmp_path / "audit")) == 1


def test_an_entry_of_the_manifest_is_safe_before_it_is_signed(
    tmp_path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its sealer may have written it and not synced it yet."""
    layout = Layout(tmp_path / "audit")
    synced: list[Path] = []
    monkeypatch.setattr(writer_module, "sync_file", synced.append)
    line, digest = linked(0, START, [b'"sealed":{}'], GENESIS)
    layout.manifest.write_bytes(line)
    for _ in range(2):
        stage(writer, 1, 1)
        writer.flush()
        writer.sign()
        assert writer.checkpoint is not None
        assert (writer.checkpoint.manifest_n, writer.checkpoint.manifest_hash) == (0, digest)
        # Once: it only grows.
        assert synced == [layout.manifest]


def test_a_folder_that_can_not_be_begun_is_begun_later(
    tmp_path: Path, wall: Wall, disk: Disk
) -> None:
    for fault in FAULTS:
        if fault == "take back":
            continue
        folder = tmp_path / fault
        disk.faults = {fault}
        # Where only signing failed, its first line is there, and the second try goes on.
        for _ in range(1 if fault == "checkpoint" else 2):
            with pytest.raises(TrailUnavailable, match="No space left on device"):
                Writer(folder, 10, 60.0, wall)
        disk.faults = set()
        Writer(folder, 10, 60.0, wall).close()
        assert sign_now(folder)
        assert verify(folder).status == 0, fault
        assert sum(b'"journal":{' in p.read_bytes() for _, p in Layout(folder).segments()) == 1


@pytest.mark.parametrize("is_first", [True, False])
def test_signing_and_beginning_to_write_do_not_get_in_each_other_s_way(
    tmp_path: Path, writer: Writer, wall: Wall, monkeypatch: pytest.MonkeyPatch, is_first: bool
) -> None:
    """Somebody signs just when a gateway starts: each has its turn."""
    folder = tmp_path / "audit"
    writer.close()
    begun: list[Writer] = []

    def begin() -> None:
        begun.append(Writer(folder, 10, 60.0, wall))

    real = locking.fcntl.flock

    def flock(descriptor: int, operation: int) -> None:
        real(descriptor, operation)
        if not waiting:
            waiting.append(threading.Thread(target=begin))
            waiting[0].start()

    waiting: list[threading.Thread] = []
    if is_first:
        monkeypatch.setattr(locking.fcntl, "flock", flock)
        assert sign_now(folder)
        waiting[0].join()
    else:
        begin()
        assert not sign_now(folder)
    begun[0].close()
    assert verify(folder).status == 0


def test_a_trail_that_somebody_writes_is_signed_by_them(tmp_path: Path, writer: Writer) -> None:
    assert not sign_now(tmp_path / "audit")
    stage(writer, 1, 1)
    writer.flush()
    writer.close()
    assert sign_now(tmp_path / "audit")
    assert verify(tmp_path / "audit").status == 0


def test_what_is_signed_is_not_signed_again(tmp_path: Path, writer: Writer) -> None:
    folder = tmp_path / "audit"
    writer.close()
    assert sign_now(folder)
    seal(folder, now=START)
    assert sign_now(folder)
    before = contents(folder)
    assert sign_now(folder)
    assert contents(folder) == before


def test_a_key_that_is_none_leaves_no_folder(
    tmp_path: Path, wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "nowhere.pem"))
    with pytest.raises(TrailUnavailable, match="nowhere"):
        Writer(tmp_path / "new", 10, 60.0, wall)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_done_whose_signature_is_not_at_hand(
    tmp_path: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "audit"
    Layout(folder).private_key.rename(tmp_path / "elsewhere.pem")
    # Where a gateway writes, it signs.
    with signed_after(folder):
        pass
    writer.close()
    done = []
    with pytest.raises(TrailUnavailable, match="not there"), signed_after(folder):
        done.append(1)
    assert not done
    monkeypatch.setenv(ENVIRONMENT, str(tmp_path / "elsewhere.pem"))
    with signed_after(folder):
        pass


def test_who_can_not_sign_any_more_says_that_it_was_done(tmp_path: Path, writer: Writer) -> None:
    folder = tmp_path / "audit"
    writer.close()
    with pytest.raises(TrailUnavailable, match="It was done, but"), signed_after(folder):
        Layout(folder).private_key.unlink()


def test_where_no_journal_is_none_is_begun_for_a_signature(tmp_path: Path) -> None:
    with signed_after(tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
