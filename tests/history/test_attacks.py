"""What somebody does who can write a trail's folder, or even holds its key: verify finds it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest

from protipp_stream.core.chain import linked
from protipp_stream.history.access import AccessPolicy, erase, retain_access
from protipp_stream.history.manifest import Removed, append_entry, read_manifest
from protipp_stream.history.report import CHANGED, INTACT, ROLLED_BACK, UNSIGNED
from protipp_stream.history.sealing import seal
from protipp_stream.history.verifying import verify
from tests.history.trails import TrailWriter, contents, full_trail, witness_of


@pytest.fixture
def trail(tmp_path: Path) -> TrailWriter:
    return full_trail(tmp_path / "audit")


def append(path: Path, data: bytes) -> None:
    path.write_bytes(path.read_bytes() + data)


def older(trail: TrailWriter, tmp_path: Path) -> Path:
    """The folder as it is now, for later."""
    kept = tmp_path / "older"
    shutil.copytree(trail.layout.folder, kept)
    return kept


def test_only_a_witness_finds_that_all_was_put_back(trail: TrailWriter, tmp_path: Path) -> None:
    kept = older(trail, tmp_path)
    trail.busy(10)
    trail.checkpoint()
    witness = witness_of(trail, tmp_path / "witness.jsonl")
    assert verify(kept).status == INTACT
    report = verify(kept, witness)
    assert report.status == ROLLED_BACK
    assert {finding.what for finding in report.findings} == {"rolled back"}


def test_a_witness_finds_that_a_sealed_trail_was_put_back(
    trail: TrailWriter, tmp_path: Path
) -> None:
    kept = older(trail, tmp_path)
    trail.busy(5)
    trail.begin_segment()
    seal(trail.layout.folder, now=trail.now, including_last=True)
    trail.checkpoint()
    report = verify(kept, witness_of(trail, tmp_path / "witness.jsonl"))
    assert report.status == ROLLED_BACK


def test_a_trail_begun_anew_is_found_by_a_witness_or_the_true_key(
    trail: TrailWriter, tmp_path: Path
) -> None:
    forged = full_trail(tmp_path / "forged")
    assert verify(forged.layout.folder).status == INTACT
    witness = witness_of(trail, tmp_path / "witness.jsonl")
    assert verify(forged.layout.folder, witness).status == CHANGED
    report = verify(forged.layout.folder, public_key=trail.layout.public_key)
    assert report.status == CHANGED
    assert "forged" in {finding.what for finding in report.findings}


def test_another_trail_with_the_same_key_is_another_trail(
    trail: TrailWriter, tmp_path: Path
) -> None:
    said = trail.signer.sign(msgspec.structs.replace(trail.checkpoints[-1], journal="other"))
    trail.layout.checkpoint.write_bytes(msgspec.json.encode(said))
    assert verify(trail.layout.folder).status == CHANGED


def test_lines_made_up_after_the_last_checkpoint_are_counted(trail: TrailWriter) -> None:
    trail.rows(updates=[trail.update()])
    trail.rows(updates=[trail.update()])
    report = verify(trail.layout.folder)
    assert report.status == UNSIGNED
    assert "2 lines of the odds journal" in report.findings[0].words


def test_what_replaces_the_line_of_the_last_checkpoint_is_found(trail: TrailWriter) -> None:
    path = trail.segment
    *lines, last = path.read_bytes().splitlines(keepends=True)
    said = trail.checkpoints[-1]
    forged, _ = linked(trail.n - 1, trail.now, [b'"epoch":"x"'], said.hash)
    path.write_bytes(b"".join(lines) + forged)
    assert last != forged
    assert verify(trail.layout.folder).status == CHANGED


def test_rows_beside_the_last_checkpoint_are_found(trail: TrailWriter) -> None:
    path = trail.segment
    *lines, _ = path.read_bytes().splitlines(keepends=True)
    said = trail.checkpoints[-1]
    members = [
        b'"updates":[' + msgspec.json.encode(trail.update()) + b"]",
        b'"checkpoint":' + msgspec.json.encode(said),
    ]
    forged, _ = linked(trail.n - 1, trail.now, members, said.hash)
    path.write_bytes(b"".join(lines) + forged)
    assert verify(trail.layout.folder).status == CHANGED


def test_a_made_up_removal_is_said_to_be_unsigned(trail: TrailWriter) -> None:
    layout = trail.layout
    manifest = read_manifest(layout)
    victim = manifest.of_kind("updates")[-1]
    stone = Removed([victim.path], "retention: odds", victim.rows, 0, 9)
    append_entry(layout, manifest, stone, trail.now)
    (layout.folder / victim.path).unlink()
    report = verify(layout.folder)
    assert report.status == UNSIGNED
    assert "1 entry of the manifest" in report.findings[0].words


def test_a_changed_file_with_its_manifest_made_anew_is_found(trail: TrailWriter) -> None:
    """He fixes the digest, and every hash after it: the signed checkpoints remain."""
    layout = trail.layout
    manifest = read_manifest(layout)
    victim = manifest.of_kind("updates")[0]
    append(layout.folder / victim.path, b"x")
    lines = layout.manifest.read_bytes().splitlines()
    prev, made = "0" * 64, []
    for n, line in enumerate(lines):
        body = line.replace(victim.sha256.encode(), b"0" * 64)
        member = body[body.index(b"Z") + 3 : body.rindex(b',"prev"')]
        text, prev = linked(n, trail.now, [member], prev)
        made.append(text)
    layout.manifest.write_bytes(b"".join(made))
    assert verify(layout.folder).status == CHANGED


def segments(trail: TrailWriter) -> Iterator[Path]:
    return (path for _, path in trail.layout.segments())


def test_the_last_segment_dropped_is_a_truncation(trail: TrailWriter) -> None:
    *_, last = segments(trail)
    last.unlink()
    assert verify(trail.layout.folder).status == ROLLED_BACK


def test_a_segment_dropped_in_the_middle_is_a_change(trail: TrailWriter) -> None:
    first, *_ = segments(trail)
    first.unlink()
    assert verify(trail.layout.folder).status == CHANGED


def test_cut_at_the_end_of_any_line_is_a_truncation(trail: TrailWriter) -> None:
    *_, last = segments(trail)
    lines = last.read_bytes().splitlines(keepends=True)
    for count in range(len(lines)):
        last.write_bytes(b"".join(lines[:count]))
        assert verify(trail.layout.folder).status == ROLLED_BACK


def test_without_checkpoint_json_it_may_have_been_rolled_back(trail: TrailWriter) -> None:
    trail.layout.checkpoint.unlink()
    assert verify(trail.layout.folder).status == ROLLED_BACK


def test_all_but_the_key_removed_is_no_intact_trail(trail: TrailWriter) -> None:
    for path in contents(trail.layout.folder):
        if path != trail.layout.public_key:
            path.unlink()
    assert verify(trail.layout.folder).status == UNSIGNED


def test_the_beginning_of_the_access_trail_may_go_only_with_a_tombstone(
    trail: TrailWriter,
) -> None:
    path, folder = trail.layout.access_trail, trail.layout.folder
    whole = path.read_bytes()
    path.write_bytes(b"".join(whole.splitlines(keepends=True)[2:]))
    assert verify(folder).status == CHANGED
    path.write_bytes(whole)
    assert retain_access(folder, AccessPolicy(access_days=1), now=trail.now).records
    assert verify(folder).status == INTACT


def test_a_changed_ciphertext_is_found_and_an_erased_one_is_explained(trail: TrailWriter) -> None:
    folder = trail.layout.folder
    whole = trail.layout.personal.read_bytes()
    with sqlite3.connect(trail.layout.personal) as file:
        file.execute("UPDATE parts SET ciphertext = zeroblob(40) WHERE n = 1 AND part = 'address'")
    file.close()
    report = verify(folder)
    assert (report.status, report.findings[0].where) == (CHANGED, "access record 1")
    trail.layout.personal.write_bytes(whole)
    assert erase(folder, "alice").records == 6
    assert verify(folder).status == INTACT


def test_access_records_that_no_checkpoint_names_are_unsigned(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.checkpoint()
    assert verify(tmp_path).status == INTACT
    writer.access(2)
    report = verify(tmp_path)
    assert (report.status, report.findings[0].where) == (UNSIGNED, "access")


def rehashed(line: bytes, old: bytes, new: bytes) -> bytes:
    """A line changed by somebody who knows how its own hash is made."""
    body = line[:-76].replace(old, new)
    assert body != line[:-76]
    return body + b',"hash":"' + sha256(body).hexdigest().encode() + b'"}\n'


def test_a_line_with_its_own_hash_made_anew_does_not_fit_the_next(trail: TrailWriter) -> None:
    lines = trail.segment.read_bytes().splitlines(keepends=True)
    lines[0] = rehashed(lines[0], b'"latency_ms":0.', b'"latency_ms":7.')
    trail.segment.write_bytes(b"".join(lines))
    report = verify(trail.layout.folder)
    assert report.status == CHANGED
    assert "does not follow" in report.findings[0].words


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_witness_finds_another_past_made_with_the_key(
    trail: TrailWriter, tmp_path: Path, is_sealed: bool
) -> None:
    forged = TrailWriter(tmp_path / "forged", seed=2)
    honest = TrailWriter(tmp_path / "honest")
    for path in (forged.layout.private_key, forged.layout.public_key):
        shutil.copy(honest.layout.folder / path.name, path)
    forged.signer = honest.signer
    for writer in (forged, honest):
        writer.busy(20)
    if is_sealed:
        forged.begin_segment()
        seal(forged.layout.folder, now=forged.now, including_last=True)
        forged.checkpoint()
    else:
        forged.checkpoint()
    assert verify(forged.layout.folder).status == INTACT
    witness = witness_of(honest, tmp_path / "witness.jsonl")
    report = verify(forged.layout.folder, witness)
    assert report.status == CHANGED
    assert "is another one than witness.jsonl" in report.findings[0].words
