"""Whatever the disk refuses and whenever the power goes: a journal keeps what it promised.

Hypothesis draws what is put, when the thread gets to work, what fails and what a crash
leaves of the bytes that were not synced. In the end the disk works, and what is read back
is compared with what was put. ``PROTIPP_SOAK=2000`` draws so many schedules.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from protipp_stream.core.journal_line import Note
from protipp_stream.history.journal import Journal
from protipp_stream.history.reading import Trail
from protipp_stream.history.verifying import verify
from tests.history.disk import FAULTS, Disk, PowerCut
from tests.history.stepping import Hands, abandon, entry, lines_of, notes_of, rows_in, seqs_of, work

SCHEDULES = int(os.environ.get("PROTIPP_SOAK", "0")) or 60
DAMAGES = ("none", "cut", "zeros", "garbage", "hole")


class Faults(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self._patch = pytest.MonkeyPatch()
        self.hands, self.disk = Hands(self._patch), Disk(self._patch)
        self.folder = Path(tempfile.mkdtemp()) / "audit"
        # By epoch: what was taken, what was acknowledged of it, what was refused.
        self.taken: dict[str, list[int]] = {}
        self.safe: dict[str, int] = {}
        self.lost: dict[str, list[int]] = {}
        self.whole: dict[str, bool] = {}
        self.journal: Journal | None = None
        # Who reads all the while, also what is taken back in the next moment.
        self.reader: Trail | None = None
        self.disk.look = self.look

    @initialize()
    def begin(self) -> None:
        self._open()

    def _open(self) -> None:
        self.epoch = f"e{len(self.taken)}"
        self.taken[self.epoch], self.lost[self.epoch] = [], []
        self.safe[self.epoch], self.whole[self.epoch] = 0, False
        self.numbers: dict[int, int] = {}
        self.seq = self.last_number = 0
        self.journal = self.hands.journal(
            self.folder, commit_rows=5, segment_rows=12, segment_s=100, buffer_bytes=4_000
        )
        self.journal.on_durable = self._durable
        self.reader = self.reader or Trail(self.folder)

    @rule()
    def look(self) -> None:
        assert self.reader is not None
        for epoch, seqs in rows_in(self.reader).items():
            assert seqs == self.taken[epoch][: len(seqs)]
            assert len(seqs) >= self.safe[epoch]

    def _durable(self, number: int) -> None:
        assert number > self.last_number
        self.last_number = number
        self.safe[self.epoch] = self.numbers[number]

    @rule(rows=st.integers(1, 7))
    def put(self, rows: int) -> None:
        assert self.journal is not None
        first, self.seq = self.seq + 1, self.seq + rows
        before = self.journal.state.lost_rows
        number = self.journal.put(entry(self.epoch, first, self.seq))
        if number:
            assert number == max(self.numbers, default=0) + 1
            self.taken[self.epoch] += range(first, self.seq + 1)
            self.numbers[number] = len(self.taken[self.epoch])
        else:
            self.lost[self.epoch] += range(first, self.seq + 1)
            assert self.journal.state.lost_rows == before + rows

    @rule()
    def let_it_work(self) -> None:
        assert self.journal is not None
        try:
            work(self.journal)
        except PowerCut:
            self._crash("none", 0)
            return
        state = self.journal.state
        assert state.rows >= self.safe[self.epoch]
        if state.status == "writing":
            assert state.pending_rows == 0
            assert self.safe[self.epoch] == len(self.taken[self.epoch])
        else:
            assert state.last_error

    @rule(fault=st.sampled_from(FAULTS), code=st.sampled_from([errno.ENOSPC, errno.EFBIG]))
    def refuse(self, fault: str, code: int) -> None:
        self.disk.faults.add(fault)
        self.disk.error = code

    @rule()
    def take_again(self) -> None:
        self.disk.faults.clear()

    @rule(seconds=st.sampled_from([0.5, 2.0, 120.0]))
    def wait(self, seconds: float) -> None:
        self.hands.seconds += seconds

    @precondition(lambda self: not self.disk.faults)
    @rule(
        at=st.sampled_from(["write", "half", "sync", "begin", "folder", "checkpoint"]),
        damage=st.sampled_from(DAMAGES),
        share=st.floats(0, 1),
    )
    def cut_the_power(self, at: str, damage: str, share: float) -> None:
        assert self.journal is not None
        self.disk.dies_at = at
        with contextlib.suppress(PowerCut):
            work(self.journal)
        self._crash(damage, share)

    @precondition(lambda self: not self.disk.faults)
    @rule()
    def kill(self) -> None:
        self._crash("none", 0)

    @precondition(lambda self: not self.disk.faults)
    @rule()
    def restart(self) -> None:
        assert self.journal is not None
        self.journal.close()
        assert self.journal.state.status == "closed"
        self.whole[self.epoch] = True
        self._open()

    def _crash(self, damage: str, share: float) -> None:
        assert self.journal is not None
        self.disk.dies_at = None
        self.disk.faults.clear()
        segment = self.journal._writer._segment
        abandon(self.journal)
        if segment is not None:
            _spoil(segment.path, segment.size, damage, share)
        self._open()

    def teardown(self) -> None:
        try:
            if self.journal is not None:
                self._finish(self.journal)
        finally:
            self._patch.undo()
            shutil.rmtree(self.folder.parent)

    def _finish(self, journal: Journal) -> None:
        self.disk.faults.clear()
        journal.close()
        self.whole[self.epoch] = True
        assert (journal.state.status, journal.state.pending_rows) == ("closed", 0)
        lines = lines_of(self.folder)
        kept = seqs_of(lines)
        assert self.reader is not None
        assert rows_in(self.reader) == kept
        for epoch, taken in self.taken.items():
            seqs = kept.get(epoch, [])
            assert seqs == taken[: len(seqs)]
            assert len(seqs) >= self.safe[epoch]
            said = [note for note in notes_of(lines, "lost") if note.epoch == epoch]
            if self.whole[epoch]:
                assert seqs == taken
                assert sum(note.count or 0 for note in said) == len(self.lost[epoch])
                assert _stretches(said) == self.lost[epoch]
        report = verify(self.folder)
        assert report.status == 0, report.findings


def _stretches(notes: list[Note]) -> list[int]:
    stretches = [range(note.first_seq or 0, (note.last_seq or 0) + 1) for note in notes]
    return [seq for stretch in stretches for seq in stretch]


def _spoil(path: Path, safe: int, damage: str, share: float) -> None:
    """What a disk may hold of what was written and never synced."""
    data = path.read_bytes()
    rest = data[safe:]
    at = int(len(rest) * share)
    match damage:
        case "cut":
            rest = rest[:at]
        case "zeros":
            rest = rest[:at] + bytes(len(rest) - at)
        case "garbage":
            rest = rest[:at] + b"\xa5\n{}" * 9
        case "hole":
            rest = rest[:at] + bytes(len(rest[at : at + 40])) + rest[at + 40 :]
    path.write_bytes(data[:safe] + rest)


TestFaults = Faults.TestCase
TestFaults.settings = settings(max_examples=SCHEDULES, stateful_step_count=30, deadline=None)
