"""Verifying what is usual: torn tails, kills, writers and sealers at work meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from threading import Event
from typing import Any

import msgspec
import pytest

from protipp_stream.errors import TrailUnavailable
from protipp_stream.history import sealing, verifying, verifying_files
from protipp_stream.history.journal import Journal
from protipp_stream.history.layout import Layout
from protipp_stream.history.locking import sealing_alone, with_nobody_sealing
from protipp_stream.history.manifest import Manifest, kind_of, read_manifest
from protipp_stream.history.merging import merge
from protipp_stream.history.opening import opened
from protipp_stream.history.report import CHANGED, INTACT, UNSIGNED
from protipp_stream.history.retention import OddsPolicy, retain
from protipp_stream.history.sealing import seal
from protipp_stream.history.verifying import verify
from tests.history.trails import TrailWriter, contents, full_trail, witness_of


@pytest.fixture
def trail(tmp_path: Path) -> TrailWriter:
    return full_trail(tmp_path / "audit")


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def test_a_whole_trail_is_intact_and_counted(trail: TrailWriter, tmp_path: Path) -> None:
    report = verify(trail.layout.folder, witness_of(trail, tmp_path / "witness.jsonl"))
    assert (report.status, report.findings) == (INTACT, ())
    assert report.lines == trail.n
    manifest = read_manifest(trail.layout)
    assert manifest.gone
    assert manifest.removed_rows["updates"]
    rows = (file.rows for file in manifest.files.values() if kind_of(file.path) != "groups")
    assert report.rows == sum(rows)
    assert report.files == len(manifest.files) > 5


def test_progress_ends_at_the_total(trail: TrailWriter) -> None:
    heard: list[tuple[int, int]] = []
    report = verify(trail.layout.folder, progress=lambda done, total: heard.append((done, total)))
    assert heard == sorted(heard)
    assert heard[-1] == (report.bytes, report.bytes)


def test_half_a_line_at_the_end_is_a_torn_tail(trail: TrailWriter) -> None:
    append(trail.segment, b'{"n":99,"at"')
    report = verify(trail.layout.folder)
    assert (report.status, report.findings[0].what) == (UNSIGNED, "torn")


@pytest.mark.parametrize("hit", [0, 1, 2])
def test_what_a_power_cut_leaves_of_the_last_commit_is_torn_not_changed(
    trail: TrailWriter, hit: int
) -> None:
    """Lines that were written together reach the disk in any order."""
    signed = trail.segment.stat().st_size
    for _ in range(3):
        trail.rows(updates=[trail.update()])
    data = trail.segment.read_bytes()
    lines = data[signed:].splitlines(keepends=True)
    lines[hit] = bytes(len(lines[hit]))
    trail.segment.write_bytes(data[:signed] + b"".join(lines))
    report = verify(trail.layout.folder)
    assert report.status == UNSIGNED
    assert {found.what for found in report.findings} <= {"torn", "unsigned"}
    assert f"{sum(map(len, lines[hit:]))} bytes" in report.findings[0].words
    assert opened(trail.layout).torn_bytes == sum(map(len, lines[hit:]))
    trail.segment.write_bytes(data[: signed - 3] + b"x" + data[signed - 2 :])
    assert verify(trail.layout.folder).status == CHANGED


def test_a_journal_that_was_killed_before_its_first_checkpoint_is_unsigned(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    report = verify(writer.layout.folder)
    assert (report.status, report.found) == (UNSIGNED, 1)


def test_a_witness_of_lines_whose_hashes_were_removed_proves_nothing(
    trail: TrailWriter, tmp_path: Path
) -> None:
    retain(
        trail.layout.folder,
        OddsPolicy(odds_days=0, proof_days=0),
        now=trail.now + timedelta(days=9),
    )
    trail.checkpoint()
    witness = witness_of(trail, tmp_path / "witness.jsonl")
    assert verify(trail.layout.folder, witness).status == INTACT


def test_findings_are_listed_up_to_a_bound(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(1200, size=1)
    data = writer.segment.read_bytes().replace(b'"event_id":"event', b'"event_id":"evenT')
    writer.segment.write_bytes(data)
    report = verify(writer.layout.folder)
    assert report.status == CHANGED
    assert len(report.findings) == 1000 < report.found


def test_nobody_is_waited_for_where_nothing_is_wrong(trail: TrailWriter) -> None:
    with sealing_alone(trail.layout.sealer_lock):
        assert verify(trail.layout.folder).status == INTACT


def test_what_a_sealer_has_under_way_is_looked_at_again_when_it_is_done(
    trail: TrailWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = trail.layout.folder
    is_written, may_go_on = Event(), Event()
    real = sealing.append_entry

    def held_up(*args: Any) -> None:
        is_written.set()
        assert may_go_on.wait(30)
        real(*args)

    monkeypatch.setattr(sealing, "append_entry", held_up)
    heard: list[int] = []
    with ThreadPoolExecutor() as threads:
        seal_ = threads.submit(seal, folder, now=trail.now, including_last=False)
        assert is_written.wait(30)
        report = threads.submit(verify, folder, progress=lambda done, _: heard.append(done))
        with pytest.raises(TimeoutError):
            # Files lie there that no entry names: is it a crash that left them?
            report.result(0.5)
        may_go_on.set()
        assert {found.what for found in report.result(30).findings} == {"unsigned"}
        assert seal_.result().segments == 1
    assert heard != sorted(heard)


def test_what_was_sealed_under_its_eyes_is_no_change(
    trail: TrailWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, real = trail.layout.folder, verifying.manifest_lines

    def then_sealed(*args: Any) -> Manifest:
        monkeypatch.setattr(verifying, "manifest_lines", real)
        found = real(*args)
        assert seal(folder, now=trail.now, including_last=False).segments
        return found

    monkeypatch.setattr(verifying, "manifest_lines", then_sealed)
    report = verify(folder)
    assert {found.what for found in report.findings} == {"unsigned"}


def test_it_verifies_beside_those_who_seal_and_merge(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.checkpoint()

    def patiently(change: Callable[[], object]) -> None:
        while True:
            # A verification may keep sealers away for a moment.
            with suppress(TrailUnavailable):
                change()
                return

    def work() -> None:
        for _ in range(12):
            writer.busy(5)
            writer.begin_segment()
            writer.busy(1)
            patiently(lambda: seal(tmp_path, now=writer.now, including_last=False))
            patiently(lambda: merge(tmp_path, now=writer.now + timedelta(days=3)))

    with ThreadPoolExecutor() as threads:
        working = threads.submit(work)
        whats: set[str] = set()
        while not working.done():
            whats |= {found.what for found in verify(tmp_path).findings}
        working.result()
    assert whats <= {"unsigned", "torn"}


def test_two_may_verify_at_once_and_leave_nothing_behind(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(5)
    before = sorted(tmp_path.rglob("*"))
    assert verify(tmp_path).status == INTACT
    assert sorted(tmp_path.rglob("*")) == before
    writer.layout.sealer_lock.touch()
    with (
        with_nobody_sealing(writer.layout.sealer_lock) as one,
        with_nobody_sealing(writer.layout.sealer_lock) as other,
    ):
        assert (one, other) == (False, False)


def test_what_cannot_be_read_is_not_called_changed(
    trail: TrailWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(verifying_files, "digest_of", broken)
    with pytest.raises(TrailUnavailable, match="Input/output error"):
        verify(trail.layout.folder)


def test_a_name_that_is_no_number_to_python_is_no_segment(trail: TrailWriter) -> None:
    (trail.layout.hot / "\u00b2.jsonl").touch()
    report = verify(trail.layout.folder)
    assert (report.status, report.findings[0].what) == (CHANGED, "unknown")


def test_all_but_the_access_trail_removed_is_no_intact_trail(
    trail: TrailWriter, tmp_path: Path
) -> None:
    key = tmp_path / "kept.pub"
    key.write_bytes(trail.layout.public_key.read_bytes())
    for path in contents(trail.layout.folder):
        if path.parent != trail.layout.access_trail.parent:
            path.unlink()
    trail.layout.hot.rmdir()
    with pytest.raises(TrailUnavailable, match=r"signing.pub is gone"):
        verify(trail.layout.folder)
    assert verify(trail.layout.folder, public_key=key).status == CHANGED


def test_without_the_public_half_the_private_one_verifies(trail: TrailWriter) -> None:
    trail.layout.public_key.unlink()
    report = verify(trail.layout.folder)
    [finding] = report.findings
    assert (report.status, finding.what, finding.where) == (CHANGED, "missing", "signing.pub")
    assert "signing.key" in finding.words


def test_without_any_key_it_could_not_be_verified(trail: TrailWriter, tmp_path: Path) -> None:
    kept = tmp_path / "kept.pub"
    trail.layout.public_key.rename(kept)
    trail.layout.private_key.unlink()
    with pytest.raises(TrailUnavailable, match="--public-key"):
        verify(trail.layout.folder)
    assert [found.what for found in verify(trail.layout.folder, public_key=kept).findings] == [
        "missing"
    ]


def test_a_public_key_that_was_spoiled_is_one_finding_not_one_a_signature(
    trail: TrailWriter,
) -> None:
    trail.layout.public_key.write_bytes(b"nothing")
    report = verify(trail.layout.folder)
    assert report.status == CHANGED
    assert "forged" not in {found.what for found in report.findings}


def test_a_private_key_in_the_place_of_the_public_one_is_called_so(trail: TrailWriter) -> None:
    with pytest.raises(TrailUnavailable, match="is a private key") as refused:
        verify(trail.layout.folder, public_key=trail.layout.private_key)
    assert "signing.pub" in refused.value.hint


def another_journal(folder: Path) -> bytes:
    """A checkpoint of a trail that has nothing to do with any other."""
    Journal(folder).close()
    return Layout(folder).checkpoint.read_bytes()


def test_a_witness_of_another_trail_says_nothing_of_this_one(
    trail: TrailWriter, tmp_path: Path
) -> None:
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_bytes(another_journal(tmp_path / "other") * 3)
    with pytest.raises(TrailUnavailable, match=r"is of another trail \(journal [0-9a-f]+\)"):
        verify(trail.layout.folder, foreign)
    # Before there is a checkpoint to tell by, too.
    begun = TrailWriter(tmp_path / "begun")
    with pytest.raises(TrailUnavailable, match="another trail"):
        verify(begun.layout.folder, foreign)
    mixed = witness_of(trail, tmp_path / "mixed.jsonl")
    append(mixed, foreign.read_bytes())
    with pytest.raises(TrailUnavailable, match="3 checkpoints of this witness are of another"):
        verify(trail.layout.folder, mixed)


def test_a_witness_of_another_trail_hides_no_change(trail: TrailWriter, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign.jsonl"
    foreign.write_bytes(another_journal(tmp_path / "other"))
    append(next(trail.layout.odds.rglob("*.parquet")), b"x")
    report = verify(trail.layout.folder, foreign)
    assert report.status == CHANGED
    assert "another's" in {found.what for found in report.findings}


def test_a_folder_put_in_the_place_of_another_is_never_intact_to_the_old_witness(
    trail: TrailWriter, tmp_path: Path
) -> None:
    """Begun anew, with an identifier of its own: it can be the wrong file, and is said to be."""
    witness = witness_of(trail, tmp_path / "witness.jsonl")
    another_journal(tmp_path / "anew")
    with pytest.raises(TrailUnavailable, match="begun anew"):
        verify(tmp_path / "anew", witness)
    report = verify(tmp_path / "anew", witness, public_key=trail.layout.public_key)
    assert report.status == CHANGED


def test_a_witness_of_this_trail_with_a_wrong_signature_is_forged(
    trail: TrailWriter, tmp_path: Path
) -> None:
    said = msgspec.structs.replace(trail.checkpoints[-1], sig="00" * 64)
    witness = tmp_path / "witness.jsonl"
    witness.write_bytes(msgspec.json.encode(said) + b"\n")
    assert verify(trail.layout.folder, witness).status == CHANGED
    witness.write_bytes(msgspec.json.encode(trail.checkpoints[-1]) + b"\njunk\n")
    assert verify(trail.layout.folder, witness).status == CHANGED


@pytest.mark.parametrize("junk", [b"junk", b"junk\n", b'{"n":3}\n' * 3, bytes(range(256))])
def test_what_holds_no_checkpoint_is_no_witness(
    trail: TrailWriter, tmp_path: Path, junk: bytes
) -> None:
    path = tmp_path / "junk"
    path.write_bytes(junk)
    with pytest.raises(TrailUnavailable, match="holds no checkpoint"):
        verify(trail.layout.folder, path)


def test_the_half_line_that_a_client_has_under_way_is_passed_over(
    trail: TrailWriter, tmp_path: Path
) -> None:
    witness = witness_of(trail, tmp_path / "witness.jsonl")
    append(witness, b'{"journal":"fe')
    assert verify(trail.layout.folder, witness).status == INTACT


@pytest.mark.parametrize("what", [[], ["hot"], ["hot", "odds"], ["hot/list.json", "config.toml"]])
def test_a_folder_of_somebody_else_is_no_trail_and_stays_as_it_is(
    tmp_path: Path, what: list[str]
) -> None:
    """Nor is one in which a gateway died before it had made its key."""
    for name in what:
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch() if path.suffix else path.mkdir()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(TrailUnavailable, match="no audit trail"):
        verify(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_trail_of_odds_alone_is_whole(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(5)
    assert not writer.layout.access_trail.parent.exists()
    assert verify(tmp_path).status == INTACT


def test_no_trail_and_no_witness_are_said(tmp_path: Path, trail: TrailWriter) -> None:
    with pytest.raises(TrailUnavailable, match="no audit trail"):
        verify(tmp_path)
    assert not (tmp_path / "sealer.lock").exists()
    with pytest.raises(TrailUnavailable, match="witness"):
        verify(trail.layout.folder, tmp_path / "nothing.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(TrailUnavailable, match="no checkpoint"):
        verify(trail.layout.folder, tmp_path / "empty.jsonl")
