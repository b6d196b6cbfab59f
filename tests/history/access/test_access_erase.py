"""A subject is erased: nothing of it is in any file, and the trail verifies."""

from __future__ import annotations

import multiprocessing
import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.core.access import Requester
from protipp_stream.errors import TrailChanged, TrailUnavailable
from protipp_stream.history.access import Trail, erase, export, retain_access, verify_access
from protipp_stream.history.access.personal import Personal
from protipp_stream.history.access.store import reading
from protipp_stream.history.access.trail_file import TrailFile, read_lines
from protipp_stream.history.journal import Journal
from protipp_stream.history.layout import Layout
from protipp_stream.history.verifying import verify
from tests.history.access.conftest import ALICE, BOB, NOON, STRANGER, every_byte, record


def rows(folder: Path, query: str) -> list[Any]:
    with sqlite3.connect(Layout(folder).personal) as file:
        found = file.execute(query).fetchall()
    file.close()
    return found


def test_nothing_of_an_erased_subject_is_in_any_file(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(*(record(by=who, days=days) for days in range(90) for who in (ALICE, BOB, STRANGER)))
    with reading(Layout(tmp_path)) as personal:
        owner = personal.owner(ALICE.subject)
        ciphertexts = [stored.ciphertext for stored in personal.parts(owner)]
    wrapped = [
        row[0] for row in rows(tmp_path, f"SELECT wrapped FROM keys WHERE owner = x'{owner.hex()}'")
    ]
    there = every_byte(tmp_path)
    assert all(secret in there for secret in (*ciphertexts, *wrapped, owner)), "positive control"

    erased = erase(tmp_path, str(ALICE.subject), now=NOON)

    assert erased == (90, 180, len(wrapped))
    there = every_byte(tmp_path)
    names = [ALICE.subject, ALICE.address, ALICE.user_agent, ALICE.connection]
    gone = [*ciphertexts, *wrapped, owner, *(str(name).encode() for name in names)]
    assert not [secret for secret in gone if secret in there]
    assert not list(tmp_path.rglob("*-journal")) + list(tmp_path.rglob("*-wal"))
    assert verify_access(tmp_path) == []
    assert export(tmp_path, str(ALICE.subject))["records"] == []
    assert len(export(tmp_path, str(BOB.subject))["records"]) == 90


def test_nothing_is_in_clear_before_either(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(record(by=ALICE), record(by=STRANGER))
    there = every_byte(tmp_path)
    for who in (ALICE, STRANGER):
        for name in (who.subject, who.address, who.user_agent, who.connection):
            assert name is None or name.encode() not in there


def test_a_tombstone_says_how_many_and_not_who(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(record(by=ALICE), record(by=BOB), record(by=ALICE))
    erase(tmp_path, str(ALICE.subject), now=NOON)
    *_, last = read_lines(Layout(tmp_path).access_trail)
    assert (last.n, last.reason, last.count, last.personal, last.facts) == (3, "erased", 2, {}, {})


def test_equal_names_have_unequal_digests(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(*(record(by=ALICE) for _ in range(20)))
    lines = list(read_lines(Layout(tmp_path).access_trail))
    assert len({digest for line in lines for digest in line.personal.values()}) == 40


def test_erasing_nobody_changes_nothing(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(record(by=BOB))
    before = Layout(tmp_path).access_trail.read_bytes()
    assert erase(tmp_path, "nobody of that name") == (0, 0, 0)
    assert Layout(tmp_path).access_trail.read_bytes() == before
    erase(tmp_path, str(BOB.subject))
    assert erase(tmp_path, str(BOB.subject)) == (0, 0, 0)


def test_who_shares_an_address_and_a_browser_keeps_them(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    same = Requester("carol", ALICE.address, ALICE.user_agent, ALICE.connection)
    stranger = Requester(None, ALICE.address, ALICE.user_agent)
    keep(*(record(by=who) for _ in range(3) for who in (ALICE, same, stranger)))
    before = export(tmp_path, "carol")["records"]
    assert erase(tmp_path, str(ALICE.subject)) == (3, 6, 1)
    assert export(tmp_path, "carol")["records"] == before
    assert [each["address"] for each in before] == [ALICE.address] * 3
    assert verify_access(tmp_path) == []
    with reading(Layout(tmp_path)) as personal:
        told = [personal.read(stored) for stored in personal.parts(personal.owner(None))]
    assert told == [{"address": ALICE.address, "user_agent": ALICE.user_agent}] * 3


def test_an_export_does_not_wait_until_a_torn_line_is_cut_off(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(record(by=ALICE))
    with Layout(tmp_path).access_trail.open("ab") as file:
        file.write(b'{"n":1,"at":"2026-11-2')
    assert [each["n"] for each in export(tmp_path, str(ALICE.subject))["records"]] == [0]


def test_where_no_trail_is_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(TrailUnavailable, match="no access trail"):
        erase(tmp_path, "alice")
    assert list(tmp_path.iterdir()) == []


def test_the_export_holds_every_record_of_its_subject_and_no_other(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(record(by=BOB), record(by=ALICE), record("left", by=ALICE), record(by=STRANGER))
    told = export(tmp_path, str(ALICE.subject))
    assert told["records"][0] == {
        "n": 1,
        "at": "2026-11-23T12:00:00+00:00",
        "reason": "connected",
        "count": 1,
        "endpoint": "GET /api/v1/odds/stream",
        "facts": {"transport": "sse"},
        "subject": ALICE.subject,
        "connection": ALICE.connection,
        "address": ALICE.address,
        "user_agent": ALICE.user_agent,
    }
    assert [each["n"] for each in told["records"]] == [1, 2]


@pytest.mark.parametrize("fails", ["append", "settle", "vacuum"])
def test_an_erasure_that_breaks_off_is_finished_by_whoever_comes_next(
    tmp_path: Path,
    keep: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
    fails: str,
) -> None:
    keep(record(by=ALICE), record(by=BOB), record(by=ALICE))
    place: type = TrailFile if fails == "append" else Personal

    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(place, fails, broken)
        with pytest.raises(TrailUnavailable, match="No space left"):
            erase(tmp_path, str(ALICE.subject))
    assert {finding.status for finding in verify_access(tmp_path)} <= {3}
    keep(record(by=BOB))
    assert verify_access(tmp_path) == []
    reasons = [line.reason for line in read_lines(Layout(tmp_path).access_trail)]
    assert reasons == ["connected"] * 3 + ["erased", "connected"]
    assert export(tmp_path, str(ALICE.subject))["records"] == []


def test_what_is_destroyed_is_overwritten_even_before_the_file_is_written_anew(
    tmp_path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(*(record(by=who) for _ in range(50) for who in (ALICE, BOB)))
    with reading(Layout(tmp_path)) as personal:
        mine = list(personal.parts(personal.owner(ALICE.subject)))
    monkeypatch.setattr(Personal, "vacuum", lambda _: None)
    erase(tmp_path, str(ALICE.subject))
    there = every_byte(tmp_path)
    # Not even a piece of one: half a ciphertext would stand in a page that was moved.
    assert not [s for s in mine if s.ciphertext[12:28] in there or s.ciphertext[-16:] in there]


def test_a_ciphertext_opens_under_its_own_number_and_part_only(
    tmp_path: Path, keep: Callable[..., None]
) -> None:
    keep(record(by=ALICE), record(by=ALICE))
    with reading(Layout(tmp_path)) as personal:
        address, subject, *_ = personal.parts()
        assert personal.read(subject) == {"subject": ALICE.subject, "connection": ALICE.connection}
        for moved in (subject._replace(n=1), subject._replace(part="address")):
            with pytest.raises(TrailChanged, match="was changed"):
                personal.read(moved)
        assert personal.read(address)["address"] == ALICE.address


def test_a_running_trail_goes_on_behind_the_tombstone(
    tmp_path: Path, begin: Callable[..., Trail]
) -> None:
    trail = begin()
    trail.record(record(by=ALICE))
    trail.flush()
    erase(tmp_path, str(ALICE.subject))
    trail.record(record(by=ALICE))
    trail.record(record(by=BOB))
    trail.flush()
    reasons = [line.reason for line in read_lines(Layout(tmp_path).access_trail)]
    assert reasons == ["connected", "erased", "connected", "connected"]
    assert verify_access(tmp_path, [trail.head]) == []
    assert [each["n"] for each in export(tmp_path, str(ALICE.subject))["records"]] == [2]


def _write(folder: Path, name: str, count: int) -> None:
    trail = Trail(folder, group_s=0.001)
    for _ in range(count):
        trail.record(record(by=Requester(name, "203.0.113.1")))
        trail.flush()
    trail.close()


def test_two_writers_and_an_eraser_in_processes_of_their_own(tmp_path: Path) -> None:
    Trail(tmp_path).close()
    spawn = multiprocessing.get_context("spawn")
    writers = [spawn.Process(target=_write, args=(tmp_path, name, 60)) for name in ("ann", "ben")]
    for writer in writers:
        writer.start()
    erased = 0
    while any(writer.is_alive() for writer in writers):
        erased += erase(tmp_path, "ann").records
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    erased += erase(tmp_path, "ann").records
    assert erased == 60
    assert len(export(tmp_path, "ben")["records"]) == 60
    assert verify_access(tmp_path) == []
    lines = list(read_lines(Layout(tmp_path).access_trail))
    assert sum(line.reason == "connected" for line in lines) == 120


@pytest.mark.parametrize("how", ["erase", "retain"])
def test_who_calls_it_from_python_leaves_a_trail_that_verifies(
    tmp_path: Path, keep: Callable[..., None], how: str
) -> None:
    keep(record(by=ALICE), record(by=BOB))
    Journal(tmp_path).close()
    assert verify(tmp_path).status == 0
    if how == "erase":
        assert erase(tmp_path, str(ALICE.subject)).records == 1
    else:
        later = datetime.now(UTC) + timedelta(days=9999)
        assert retain_access(tmp_path, now=later, dry_run=True).records == 2
        assert verify(tmp_path).status == 0
        assert retain_access(tmp_path, now=later).records == 2
    assert verify(tmp_path).status == 0
    assert list(Layout(tmp_path).segments())[-1][0] <= 3
