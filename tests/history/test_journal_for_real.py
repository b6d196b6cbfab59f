"""The journal on real disks and in real processes: full, limited, and gone without a word."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from protipp_stream.errors import TrailUnavailable
from protipp_stream.history import journal as journal_module
from protipp_stream.history.journal import Journal, JournalSettings
from protipp_stream.history.layout import Layout
from protipp_stream.history.verifying import verify
from tests.history.stepping import entry, lines_of, notes_of, seqs_of
from tests.small_disk import SmallDisk, small_disk


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "RETRY_S", 0.01)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    with small_disk(tmp_path / "small") as made:
        yield made


def test_a_program_that_just_ends_leaves_nothing_behind(tmp_path: Path) -> None:
    program = (
        "import sys; from protipp_stream.history.journal import Journal, JournalSettings;"
        "from tests.history.stepping import entry;"
        "Journal(sys.argv[1], JournalSettings(commit_s=60.0)).put(entry('e', 1, 9))"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=True, timeout=60)
    assert seqs_of(lines_of(tmp_path)) == {"e": list(range(1, 10))}
    assert verify(tmp_path).status == 0


@pytest.mark.parametrize("limit", [64_000, 20_000, 1_500])
def test_files_that_may_not_grow_are_followed_by_others(tmp_path: Path, limit: int) -> None:
    command = [sys.executable, "-m", "tests.history.limited", str(tmp_path), str(limit), "60"]
    told = subprocess.run(command, check=True, timeout=100, capture_output=True, text=True)
    said = [line.split(maxsplit=3) for line in told.stdout.splitlines()]
    assert [int(number) for number, *_ in said] == list(range(1, 61))
    unsafe = [each for each in said if each[1] != "True"]
    if limit > 2_000:
        assert not unsafe
        assert all(path.stat().st_size <= limit for _, path in Layout(tmp_path).segments())
        assert len(Layout(tmp_path).segments()) >= 60 * 10 * 250 // limit
    else:
        assert unsafe[0][2:] == ["refused", "File too large"]
    assert seqs_of(lines_of(tmp_path)) == {"e": list(range(1, 601))}
    assert verify(tmp_path).status == 0


@pytest.mark.usefixtures("quick")
def test_a_full_disk_is_got_over_when_there_is_room_again(small: SmallDisk) -> None:
    folder = small.folder / "audit"
    refused, durable = threading.Event(), [0]
    journal = Journal(folder, JournalSettings(commit_s=0.0, buffer_bytes=200_000))
    journal.on_trouble = lambda _: refused.set()
    journal.on_durable = lambda number: durable.append(number)
    numbers: dict[int, int] = {}
    small.fill()
    first, lost = 1, []
    while not refused.is_set() or len(lost) < 3:
        number = journal.put(entry("e", first, first + 49))
        if number:
            numbers[number] = first + 49
        else:
            lost.append(first)
        first += 50
        assert first < 100_000
    promised = numbers.get(durable[-1], 0)
    assert journal.state.status == "refused"
    assert journal.state.last_error == "No space left on device"
    small.empty()
    last = max(numbers)
    assert journal.wait(last, 30)
    number = journal.put(entry("e", first, first))
    assert journal.wait(number, 30)
    assert journal.state.status == "writing"
    journal.close()
    lines = lines_of(folder)
    kept = seqs_of(lines)["e"]
    gone = {seq for start in lost for seq in range(start, start + 50)}
    assert kept == [seq for seq in range(1, first + 1) if seq not in gone]
    assert promised in kept or promised == 0
    said = notes_of(lines, "lost")
    assert sum(note.count or 0 for note in said) == len(gone) == journal.state.lost_rows
    assert verify(folder).status == 0


@pytest.mark.usefixtures("quick")
def test_closing_on_a_full_disk_ends_and_what_was_promised_is_there(small: SmallDisk) -> None:
    folder = small.folder / "audit"
    journal = Journal(folder, JournalSettings(commit_s=0.0))
    assert journal.wait(journal.put(entry("e", 1, 50)), 30)
    small.fill()
    number = journal.put(entry("e", 51, 150))
    journal.close()
    assert journal.durable == number - 1
    assert (journal.state.status, journal.state.lost_rows) == ("closed", 100)
    with pytest.raises(TrailUnavailable, match="No space left on device"):
        Journal(small.folder / "another")
    small.empty()
    Journal(small.folder / "another").close()
    Journal(folder).close()
    assert seqs_of(lines_of(folder)) == {"e": list(range(1, 51))}
    assert verify(folder).status == 0
