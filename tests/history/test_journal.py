"""The journal's promises: what it acknowledged is on the disk, what it lost it says."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from protipp_stream.core.journal_line import Note
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.group import Entry
from protipp_stream.history.journal import Journal
from protipp_stream.history.verifying import verify
from protipp_stream.history.writer import Writer
from tests.history.disk import FAULTS, Disk
from tests.history.stepping import START, Hands, entry, hands, lines_of, notes_of, seqs_of, work


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def driven(disk: Disk) -> Iterator[Hands]:
    with hands() as made:
        yield made


# ------------------------------------------------------------- what is promised


def test_a_number_is_safe_when_it_is_called_so_and_not_before(
    tmp_path: Path, driven: Hands
) -> None:
    said: list[int] = []
    journal = driven.journal(tmp_path, commit_rows=2)
    journal.on_durable = said.append
    assert [journal.put(entry("e", seq, seq)) for seq in (1, 2, 3)] == [1, 2, 3]
    assert (journal.durable, said, seqs_of(lines_of(tmp_path))) == (0, [], {})
    assert not journal.wait(1, 0)
    work(journal)
    assert (journal.durable, said) == (3, [3])
    assert journal.wait(3, 0)
    assert not journal.wait(4, 0)
    assert not journal.wait(0)
    assert seqs_of(lines_of(tmp_path)) == {"e": [1, 2, 3]}
    journal.close()
    assert said == [3]


@pytest.mark.parametrize("fault", ["write", "half", "sync"])
@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_nothing_is_acknowledged_while_the_disk_refuses(
    tmp_path: Path, driven: Hands, disk: Disk, fault: str, code: int
) -> None:
    said: list[int] = []
    troubles: list[OSError] = []
    journal = driven.journal(tmp_path)
    journal.on_durable, journal.on_trouble = said.append, troubles.append
    disk.faults, disk.error = {fault}, code
    for seq in (1, 2, 3):
        journal.put(entry("e", seq, seq))
        work(journal)
    state = journal.state
    assert (state.status, state.last_error) == ("refused", os.strerror(code))
    assert (state.pending_rows, state.lost_rows, state.rows) == (3, 0, 0)
    assert (said, journal.durable, len(troubles)) == ([], 0, 1)
    disk.faults = set()
    work(journal)
    state = journal.state
    assert (state.status, state.last_error) == ("writing", None)
    assert (state.pending_rows, state.lost_rows, state.rows) == (0, 0, 3)
    assert said[-1] == journal.durable == 3
    assert state.line == lines_of(tmp_path)[-1].n
    assert seqs_of(lines_of(tmp_path)) == {"e": [1, 2, 3]}
    # Trouble that comes again is told again.
    disk.faults = {fault}
    journal.put(entry("e", 4, 4))
    work(journal)
    assert len(troubles) == 2
    disk.faults = set()
    journal.close()
    assert verify(tmp_path).status == 0


def test_what_is_safe_is_acknowledged_though_it_can_not_be_signed(
    tmp_path: Path, driven: Hands, disk: Disk
) -> None:
    journal = driven.journal(tmp_path)
    disk.faults = {"checkpoint"}
    for seq in (1, 2, 3):
        driven.seconds += 5
        journal.put(entry("e", seq, seq))
        work(journal)
        assert journal.durable == seq
        assert journal.state.status == "refused"
    disk.faults = set()
    journal.close()
    assert verify(tmp_path).status == 0


def test_what_no_memory_was_left_for_stands_where_it_is_missing(
    tmp_path: Path, driven: Hands, disk: Disk
) -> None:
    journal = driven.journal(tmp_path, buffer_bytes=1)
    disk.faults = {"write"}
    assert journal.put(entry("e", 1, 2))
    work(journal)
    fact = Entry("e", "notes", [msgspec.json.encode(Note(kind="feed", timestamp=START))])
    assert journal.put(entry("e", 3, 4)) == 0
    # What is no update has no place among the sequence numbers.
    assert journal.put(fact) == 0
    assert journal.put(entry("f", 1, 7)) == 0
    assert journal.put(entry("e", 5, 6)) == 0
    assert journal.put(fact) == 0
    for _ in range(5):
        driven.seconds += 1
        work(journal)
    assert journal.state.lost_rows == 13
    disk.faults = set()
    work(journal)
    assert journal.state.status == "writing"
    assert journal.put(entry("e", 7, 7))
    journal.close()
    lines = lines_of(tmp_path)
    assert seqs_of(lines) == {"e": [1, 2, 7]}
    said = [(n.epoch, n.first_seq, n.last_seq, n.count) for n in notes_of(lines, "lost")]
    assert said == [("e", 3, 6, 6), ("f", 1, 7, 7)]
    # In order: what came before, what is missing, what came after.
    kinds = ["lost" if line.notes else "rows" for line in lines if line.notes or line.updates]
    assert kinds in (["rows", "lost", "lost", "rows"], ["rows", "lost", "lost", "lost", "rows"])
    assert journal.state.lost_rows == 13
    assert verify(tmp_path).status == 0


def test_a_loss_that_nothing_follows_is_written_down_all_the_same(
    tmp_path: Path, driven: Hands, disk: Disk
) -> None:
    journal = driven.journal(tmp_path, buffer_bytes=1)
    disk.faults = {"sync"}
    journal.put(entry("e", 1, 1))
    work(journal)
    assert journal.put(entry("e", 2, 9)) == 0
    disk.faults = set()
    journal.close()
    [note] = notes_of(lines_of(tmp_path), "lost")
    assert (note.first_seq, note.last_seq, note.count) == (2, 9, 8)


def test_a_loss_is_written_down_before_what_is_put_as_soon_as_there_is_room(
    tmp_path: Path, driven: Hands, disk: Disk
) -> None:
    journal = driven.journal(tmp_path, buffer_bytes=1, commit_rows=1)
    disk.faults = {"sync"}
    journal.put(entry("e", 1, 1))
    work(journal)
    assert journal.put(entry("e", 2, 2)) == 0
    disk.faults = set()
    # The moment at which memory is free again, and before the thread looks around.
    journal.on_durable = lambda number: number == 1 and journal.put(entry("e", 3, 3))
    work(journal)
    journal.close()
    lines = [line for line in lines_of(tmp_path) if line.notes or line.updates]
    assert [len(line.updates) for line in lines] == [1, 0, 1]
    [note] = lines[1].notes
    assert (note.kind, note.first_seq, note.last_seq) == ("lost", 2, 2)


def test_a_long_outage_does_not_fill_memory_with_notes(
    tmp_path: Path, driven: Hands, disk: Disk
) -> None:
    journal = driven.journal(tmp_path, buffer_bytes=1)
    disk.faults = {"write"}
    journal.put(entry("e", 1, 1))
    work(journal)
    before = journal._writer.staged
    for seq in range(2, 500):
        assert journal.put(entry("e", seq, seq)) == 0
        work(journal)
    assert journal._writer.staged == before
    disk.faults = set()
    journal.close()
    assert len(notes_of(lines_of(tmp_path), "lost")) == 1


@pytest.mark.parametrize("fault", [*FAULTS, "none"])
def test_closing_ends_whatever_the_disk_does_and_says_what_is_lost(
    tmp_path: Path, driven: Hands, disk: Disk, fault: str, caplog: pytest.LogCaptureFixture
) -> None:
    journal = driven.journal(tmp_path)
    journal.put(entry("e", 1, 5))
    work(journal)
    driven.seconds += 4000  # a new segment is due
    journal.put(entry("e", 6, 9))
    disk.faults = {fault}
    caplog.clear()
    journal.close()
    journal.close()
    state = journal.state
    kept = seqs_of(lines_of(tmp_path))["e"]
    assert state.status == "closed"
    assert (state.pending_rows, state.lost_rows) == (0, 9 - len(kept))
    assert kept == list(range(1, 10)) if journal.durable == 2 else [1, 2, 3, 4, 5]
    assert not journal.wait(2) or len(kept) == 9
    errors = [each.message for each in caplog.records if each.levelno >= logging.ERROR]
    if fault in {"write", "half", "sync", "begin", "folder", "take back"}:
        assert "the journal is closed; 4 rows are not in it" in errors
    with pytest.raises(TrailUnavailable, match="closed"):
        journal.put(entry("e", 10, 10))
    disk.faults = set()
    driven.journal(tmp_path).close()
    assert verify(tmp_path).status == 0


def test_all_is_signed_a_second_after_it_was_written(tmp_path: Path, driven: Hands) -> None:
    journal = driven.journal(tmp_path)
    work(journal)
    first = journal.checkpoint
    journal.put(entry("e", 1, 1))
    driven.seconds += 0.5
    work(journal)
    assert journal.checkpoint == first
    driven.seconds += 0.5
    work(journal)
    assert journal.checkpoint is not None
    assert journal.checkpoint.n == journal.state.line - 1
    n = journal.state.line
    driven.seconds += 50
    work(journal)  # nothing new, nothing signed
    assert journal.state.line == n
    journal.close()


# ------------------------------------------------------------ with its own thread


def test_a_journal_that_fails_takes_nothing_more_and_lets_nobody_wait(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    troubles: list[OSError] = []
    journal = Journal(tmp_path, on_durable=fails, on_trouble=troubles.append)
    journal.put(entry("e", 1, 1))
    assert journal.wait(2, 10) is False
    journal._thread.join(10)
    state = journal.state
    assert (state.status, state.last_error) == ("failed", "the journal has failed; see the log")
    assert "the journal has failed" in caplog.text
    [trouble] = troubles
    assert trouble.strerror == "the journal has failed; see the log"
    with pytest.raises(TrailUnavailable, match="has failed"):
        journal.put(entry("e", 2, 6))
    assert journal.state.lost_rows == 5
    journal.close()
    assert journal.state.status == "failed"
    Journal(tmp_path).close()


@pytest.mark.parametrize("error", [RuntimeError("a bug"), SystemExit(3), MemoryError()])
def test_whatever_ends_its_thread_is_told_though_the_disk_had_refused_before(
    tmp_path: Path, driven: Hands, disk: Disk, error: BaseException
) -> None:
    troubles: list[str] = []
    journal = driven.journal(tmp_path)
    journal.on_trouble = lambda trouble: troubles.append(trouble.strerror)
    journal.put(entry("e", 1, 3))
    disk.faults = {"write"}
    work(journal)
    disk.faults = set()

    def ends(_: int) -> None:
        raise error

    journal.on_durable = ends
    journal._run()
    assert journal.state.status == "failed"
    assert troubles == ["No space left on device", "the journal has failed; see the log"]
    assert not journal.wait(2)
    Journal(tmp_path).close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_nobody_waits_though_who_is_told_of_trouble_fails_too(tmp_path: Path) -> None:
    journal = Journal(tmp_path, on_durable=fails, on_trouble=fails)
    journal.put(entry("e", 1, 1))
    assert journal.wait(2, 10) is False
    assert journal.state.status == "failed"
    journal.close()


def fails(_: object) -> None:
    raise RuntimeError("a bug")


def test_what_can_not_be_looked_at_is_trouble_and_no_end(
    tmp_path: Path, driven: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder that is away for a while, say, from any moment on."""
    journal = driven.journal(tmp_path, commit_s=0.0)
    driven.seconds += 2
    work(journal)
    with monkeypatch.context() as patch:
        patch.setattr(Writer, "_manifest_size", refuses)
        number = journal.put(entry("e", 1, 1))
        journal._wait_for_work()
        driven.seconds += 2
        work(journal)
        state = journal.state
        assert (state.status, state.last_error) == ("refused", "Input/output error")
        assert journal.durable == number
    work(journal)
    assert journal.state.status == "writing"
    journal.close()
    assert verify(tmp_path).status == 0


def refuses(_: object) -> int:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_who_listens_when_there_is_trouble_already_is_told(
    tmp_path: Path, driven: Hands, disk: Disk
) -> None:
    """A gateway opens the journal first: its disk may be full by then."""
    journal = driven.journal(tmp_path)
    disk.faults = {"write"}
    journal.put(entry("e", 1, 1))
    work(journal)
    troubles: list[OSError] = []
    journal.on_trouble = troubles.append
    work(journal)
    work(journal)
    assert len(troubles) == 1
    disk.faults = set()
    journal.close()
