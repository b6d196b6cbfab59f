"""Master keys: where they come from, and how they are changed under a running gateway."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from protipp_stream.errors import TrailUnavailable
from protipp_stream.history import durable
from protipp_stream.history.access import (
    Trail,
    erase,
    export,
    rotate,
    rotating,
    verify_access,
)
from protipp_stream.history.access.keys import write_keys
from protipp_stream.history.access.personal import Personal
from tests.history.access.conftest import ALICE, BOB, record

OLD, NEW = (Fernet.generate_key().decode() for _ in range(2))


def who_is_exported(folder: Path) -> list[int]:
    return [each["n"] for each in export(folder, str(ALICE.subject))["records"]]


def test_a_key_of_our_own_is_replaced_and_the_old_one_opens_nothing(
    tmp_path: Path, begin: Callable[..., Trail]
) -> None:
    ours = tmp_path / "access" / "privacy.keys"
    trail = begin()
    trail.record(record(by=ALICE))
    trail.record(record(by=BOB))
    trail.flush()
    old = ours.read_bytes()
    assert rotate(tmp_path) == 4  # two people's, and two of the file's own
    assert ours.read_bytes() != old
    assert ours.stat().st_mode & 0o777 == 0o600
    # It runs on, with the key that it has not seen yet.
    trail.record(record(by=ALICE, days=40))
    trail.flush()
    assert trail.pseudonym_key == begin().pseudonym_key
    assert who_is_exported(tmp_path) == [0, 2]
    assert verify_access(tmp_path) == []
    ours.write_bytes(old)
    with pytest.raises(TrailUnavailable, match="don't open"):
        export(tmp_path, str(ALICE.subject))


@pytest.mark.parametrize("step", ["before", "rewrap", "vacuum", "after"])
def test_a_rotation_that_breaks_off_closes_nothing_and_is_done_again(
    tmp_path: Path, begin: Callable[..., Trail], monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    trail = begin()
    trail.record(record(by=ALICE))
    trail.flush()
    ours = tmp_path / "access" / "privacy.keys"
    first = ours.read_bytes().split()
    calls = []

    def broken(*_: object) -> None:
        calls.append(step)
        if step != "after" or len(calls) == 2:
            raise OSError(28, "No space left on device")
        write_keys(*_)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        if step in {"before", "after"}:
            patched.setattr(rotating, "write_keys", broken)
        else:
            patched.setattr(Personal, step, broken)
        with pytest.raises(TrailUnavailable, match="No space left"):
            rotate(tmp_path)
    trail.record(record(by=ALICE, days=40))
    trail.flush()
    assert who_is_exported(tmp_path) == [0, 1]
    assert verify_access(tmp_path) == []
    assert rotate(tmp_path) == 4
    [last] = ours.read_bytes().split()
    assert last not in first
    trail.record(record(by=ALICE, days=70))
    trail.flush()
    assert who_is_exported(tmp_path) == [0, 1, 2]
    assert sorted(path.name for path in ours.parent.iterdir()) == [
        "personal.sqlite",
        "privacy.keys",
        "trail.jsonl",
        "trail.lock",
    ]


def test_a_first_key_that_could_not_be_written_is_made_the_next_time(
    tmp_path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(durable, "publish", broken)
        with pytest.raises(TrailUnavailable, match="No space left"):
            keep()
    assert verify_access(tmp_path) == []
    keep(record(by=ALICE))
    assert who_is_exported(tmp_path) == [0]


def test_given_keys_are_rotated_from_old_to_new(
    tmp_path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS", OLD)
    keep(record(by=ALICE))
    assert not (tmp_path / "access" / "privacy.keys").exists()
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS", f"{NEW},{OLD}")
    keep(record(by=ALICE))
    rotate(tmp_path)
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS", NEW)
    assert who_is_exported(tmp_path) == [0, 1]
    assert erase(tmp_path, str(ALICE.subject)).records == 2
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS", OLD)
    with pytest.raises(TrailUnavailable, match="don't open"):
        keep(record(by=ALICE))


def test_a_rotation_without_the_old_key_changes_nothing(
    tmp_path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS", OLD)
    keep(record(by=ALICE))
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS", NEW)
    with pytest.raises(TrailUnavailable, match="don't open"):
        rotate(tmp_path)
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS", OLD)
    assert who_is_exported(tmp_path) == [0]


def test_keys_may_stand_in_a_file(
    tmp_path: Path, keep: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "keys"
    elsewhere.write_text(f"{NEW}\n{OLD}\n")
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS_FILE", str(elsewhere))
    keep(record(by=ALICE))
    assert who_is_exported(tmp_path) == [0]
    elsewhere.unlink()
    with pytest.raises(TrailUnavailable, match="can't be read"):
        keep(record())


def test_what_is_no_key_is_refused_without_being_printed(
    begin: Callable[..., Trail], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROTIPP_PRIVACY_KEYS", "not-a-key-canary")
    with pytest.raises(TrailUnavailable, match="no Fernet keys") as raised:
        begin()
    assert "canary" not in str(raised.value)


def test_a_lost_key_is_not_replaced_by_another(tmp_path: Path, keep: Callable[..., None]) -> None:
    keep(record(by=ALICE))
    (tmp_path / "access" / "privacy.keys").unlink()
    with pytest.raises(TrailUnavailable, match="can't be read"):
        keep(record(by=ALICE))
    assert not (tmp_path / "access" / "privacy.keys").exists()
