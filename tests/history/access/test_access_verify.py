"""Whoever changes an access trail, or what is personal in it, is found out."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history.access import Trail, erase, export, retain_access, verify_access
from protipp_stream.history.access.trail_file import read_lines
from protipp_stream.history.heads import Head
from protipp_stream.history.layout import Layout
from tests.history.access.conftest import ALICE, BOB, NOON, STRANGER, record


@pytest.fixture
def trail(tmp_path: Path, keep: Callable[..., None]) -> Path:
    """A trail's file: half a year of three people, one of them erased, the old removed."""
    keep(*(record(by=who, days=d) for d in (200, 100, 20, 1) for who in (ALICE, BOB, STRANGER)))
    erase(tmp_path, str(ALICE.subject), now=NOON)
    retain_access(tmp_path, now=NOON)
    keep(record(by=BOB))
    assert verify_access(tmp_path) == []
    return Layout(tmp_path).access_trail


def statuses(folder: Path, *heads: tuple[int, str]) -> set[int]:
    return {finding.status for finding in verify_access(folder, heads)}


def change(folder: Path, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(Layout(folder).personal)) as file, file:
        assert file.execute(statement, values).rowcount != 0


def newest(trail: Path) -> Head:
    *_, line = read_lines(trail)
    return Head(line.n, line.hash)


def test_every_flipped_bit_of_the_trail_is_found(tmp_path: Path, trail: Path) -> None:
    whole = trail.read_bytes()
    dice = random.Random(5)
    for _ in range(300):
        place = dice.randrange(len(whole))
        changed = bytearray(whole)
        changed[place] ^= 1 << dice.randrange(8)
        trail.write_bytes(changed)
        assert 1 in statuses(tmp_path) or place == len(whole) - 1, place
    trail.write_bytes(whole)
    assert verify_access(tmp_path) == []


def test_every_dropped_doubled_or_swapped_line_is_found(tmp_path: Path, trail: Path) -> None:
    lines = trail.read_bytes().splitlines(keepends=True)
    head = newest(trail)
    for i in range(len(lines)):
        trail.write_bytes(b"".join(lines[:i] + lines[i + 1 :]))
        assert statuses(tmp_path, head) & {1, 2}, f"dropped {i}"
        trail.write_bytes(b"".join(lines[: i + 1] + lines[i:]))
        assert 1 in statuses(tmp_path, head), f"doubled {i}"
        if i:
            swapped = [*lines[: i - 1], lines[i], lines[i - 1], *lines[i + 1 :]]
            trail.write_bytes(b"".join(swapped))
            assert 1 in statuses(tmp_path, head), f"swapped {i}"


def test_every_truncation_is_found_against_a_checkpoint(tmp_path: Path, trail: Path) -> None:
    whole, head = trail.read_bytes(), newest(trail)
    for size in (*range(0, len(whole), 97), len(whole) - 1):
        trail.write_bytes(whole[:size])
        assert 2 in statuses(tmp_path, head), size


def test_a_trail_that_was_written_anew_is_found_against_a_checkpoint(
    tmp_path: Path, trail: Path, keep: Callable[..., None]
) -> None:
    head = newest(trail)
    for path in trail.parent.iterdir():
        path.unlink()
    keep(*(record(by=BOB) for _ in range(head.n + 1)))
    assert statuses(tmp_path) == set()
    assert statuses(tmp_path, head) == {1}


def test_lines_that_no_checkpoint_has_seen_are_a_tail(tmp_path: Path, trail: Path) -> None:
    *_, before, last = read_lines(trail)
    assert statuses(tmp_path, (before.n, before.hash)) == {3}
    assert statuses(tmp_path, (before.n, before.hash), (last.n, last.hash)) == set()
    assert statuses(tmp_path, (-1, "0" * 64)) == {3}


def test_checkpoints_of_removed_lines_are_no_reproach(tmp_path: Path, trail: Path) -> None:
    first, *_, last = read_lines(trail)
    assert first.n == 3
    sound = [(1, "f" * 64), (2, first.prev), (last.n, last.hash)]
    assert statuses(tmp_path, *sound) == set()
    assert statuses(tmp_path, (2, "f" * 64), (last.n, last.hash)) == {1}


def test_a_ciphertext_that_vanished_without_a_tombstone_is_reported(
    tmp_path: Path, trail: Path
) -> None:
    with closing(sqlite3.connect(Layout(tmp_path).personal)) as file:
        there = file.execute("SELECT n, part, key, ciphertext FROM parts").fetchall()
    assert len(there) == 9
    for n, part, *rest in there:
        change(tmp_path, "DELETE FROM parts WHERE n = ? AND part = ?", n, part)
        assert any(
            finding.status == 1 and f"1 of {part} are gone" in finding.what
            for finding in verify_access(tmp_path)
        ), (n, part)
        change(tmp_path, "INSERT INTO parts VALUES (?, ?, ?, ?)", n, part, *rest)
    assert verify_access(tmp_path) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE parts SET ciphertext = randomblob(60) WHERE n = 7",
        "UPDATE parts SET ciphertext = (SELECT ciphertext FROM parts WHERE n = 10) WHERE n = 7",
        "UPDATE parts SET n = 6 WHERE n = 7",
        "UPDATE parts SET part = 'other' WHERE n = 7 AND part = 'subject'",
        "UPDATE parts SET key = (SELECT key FROM parts WHERE n = 8) WHERE n = 7",
        "UPDATE keys SET owner = randomblob(32) WHERE length(owner)",
        "UPDATE keys SET wrapped = randomblob(140)",
        "DELETE FROM keys",
        "INSERT INTO parts VALUES (12, 'subject', 1, randomblob(60))",
        "INSERT INTO parts VALUES (5, 'address', 1, randomblob(60))",
        "INSERT INTO parts VALUES (0, 'subject', 1, randomblob(60))",
        "DELETE FROM parts",
        "DROP TABLE parts",
        "UPDATE parts SET ciphertext = 'no bytes' WHERE n = 7",
        "UPDATE keys SET wrapped = 5",
        "UPDATE secrets SET wrapped = randomblob(140) WHERE name = 'index'",
        "UPDATE secrets SET wrapped = 'no bytes'",
        "DELETE FROM secrets",
        "INSERT INTO pending VALUES (99, 'no time', x'00')",
        "INSERT INTO pending VALUES (99, '2026-11-23T00:00:00+00:00', x'00')",
    ],
)
def test_a_change_of_what_is_personal_is_found(tmp_path: Path, trail: Path, statement: str) -> None:
    change(tmp_path, statement)
    assert statuses(tmp_path) == {1}


def test_flipped_bytes_of_ciphertexts_are_found_without_a_key(tmp_path: Path, trail: Path) -> None:
    (trail.parent / "privacy.keys").unlink()
    assert verify_access(tmp_path) == []
    whole = Layout(tmp_path).personal.read_bytes()
    with closing(sqlite3.connect(Layout(tmp_path).personal)) as file:
        for (ciphertext,) in file.execute("SELECT ciphertext FROM parts").fetchall():
            place = whole.index(ciphertext) + len(ciphertext) // 2
            changed = whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :]
            Layout(tmp_path).personal.write_bytes(changed)
            assert statuses(tmp_path) == {1}
    Layout(tmp_path).personal.write_bytes(whole)


def test_who_was_erased_and_is_there_again_is_found(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(record(by=ALICE), record(by=BOB))
    before = Layout(tmp_path).personal.read_bytes()
    erase(tmp_path, str(ALICE.subject))
    Layout(tmp_path).personal.write_bytes(before)
    whats = [finding.what for finding in verify_access(tmp_path)]
    assert whats == [
        f"1 of {part} are there again that were erased" for part in ("subject", "address")
    ]


def test_an_index_that_hides_what_is_there_is_found(tmp_path: Path, trail: Path) -> None:
    # Whose keys an index does not lead to could never be erased.
    with closing(sqlite3.connect(Layout(tmp_path).personal)) as file, file:
        file.execute("PRAGMA writable_schema = ON")
        file.execute("DELETE FROM sqlite_master WHERE name = 'parts_of_a_key'")
        [text] = file.execute("SELECT sql FROM sqlite_master WHERE name = 'parts'").fetchone()
        assert "CREATE TABLE" in text
    assert statuses(tmp_path) == {1}


def test_a_trail_shorter_than_what_was_safe_is_found_without_a_checkpoint(
    tmp_path: Path, trail: Path
) -> None:
    whole = trail.read_bytes()
    trail.write_bytes(whole[: whole.rindex(b"\n", 0, -1) + 1])
    assert 2 in statuses(tmp_path)


def test_a_database_that_a_crash_left_unbegun_is_no_reproach(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    personal = Layout(tmp_path).personal
    personal.parent.mkdir()
    personal.touch()
    assert verify_access(tmp_path) == []
    keep(record(by=ALICE))
    assert verify_access(tmp_path) == []
    personal.write_bytes(b"")
    assert statuses(tmp_path) == {1}


def test_a_database_that_can_not_be_read_was_not_changed_for_that(
    tmp_path: Path, trail: Path
) -> None:
    personal = Layout(tmp_path).personal
    personal.unlink()
    personal.mkdir()
    with pytest.raises(TrailUnavailable, match="can't be read: unable to open"):
        verify_access(tmp_path)


def test_a_missing_database_is_found(tmp_path: Path, trail: Path) -> None:
    Layout(tmp_path).personal.unlink()
    assert statuses(tmp_path) == {1}


def test_a_folder_without_an_access_trail_is_in_order_unless_a_checkpoint_saw_one(
    tmp_path: Path,
) -> None:
    assert verify_access(tmp_path) == []
    assert statuses(tmp_path, (3, "f" * 64)) == {2}
    assert list(tmp_path.iterdir()) == []


def test_an_export_of_what_was_changed_is_refused(tmp_path: Path, trail: Path) -> None:
    change(tmp_path, "UPDATE parts SET ciphertext = randomblob(60) WHERE n = 7")
    with pytest.raises(TrailChanged):
        export(tmp_path, str(BOB.subject))


def test_verifying_waits_for_nobody_and_changes_nothing(
    tmp_path: Path, begin: Callable[..., Trail]
) -> None:
    trail = begin()
    for _ in range(20):
        trail.record(record(by=ALICE))
        trail.flush()
        assert verify_access(tmp_path, [trail.head]) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_can_only_be_read_is_verified(tmp_path: Path, trail: Path) -> None:
    (trail.parent / "trail.lock").unlink()
    trail.parent.chmod(0o500)
    try:
        assert verify_access(tmp_path) == []
    finally:
        trail.parent.chmod(0o700)


def test_findings_are_sentences(tmp_path: Path, trail: Path) -> None:
    lines = trail.read_bytes().splitlines(keepends=True)
    trail.write_bytes(b"".join([lines[0].replace(b"Z", b"z", 1), *lines[1:]]))
    assert not any(finding.what.endswith(".") for finding in verify_access(tmp_path))
    (tmp_path / "access" / "personal.sqlite").unlink()
    whats = {finding.what for finding in verify_access(tmp_path)}
    assert "the file personal.sqlite is gone" in whats
