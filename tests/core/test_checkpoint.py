"""What is signed of a checkpoint: every member but the signature, the same wherever it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.checkpoint import Checkpoint, signed_bytes

digests = st.binary(min_size=32, max_size=32).map(bytes.hex)
zones = st.integers(-12, 12).map(lambda hours: timezone(timedelta(hours=hours)))
counts = st.integers(-1, 10**15)
checkpoints = st.builds(
    Checkpoint,
    journal=st.text(max_size=20),
    at=st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1), timezones=zones),
    n=counts,
    hash=digests,
    manifest_n=counts,
    manifest_hash=digests,
    access_n=counts,
    access_hash=digests,
    sig=st.text(max_size=8),
)


@given(checkpoints)
def test_what_is_signed_survives_every_file_and_heartbeat(checkpoint: Checkpoint) -> None:
    read = msgspec.json.decode(msgspec.json.encode(checkpoint), type=Checkpoint)
    assert read == checkpoint
    again = msgspec.json.decode(msgspec.json.encode(read), type=Checkpoint)
    assert signed_bytes(again) == signed_bytes(read) == signed_bytes(checkpoint)


@given(checkpoints, st.text(max_size=8))
def test_the_signature_is_no_part_of_what_is_signed(checkpoint: Checkpoint, sig: str) -> None:
    other = msgspec.structs.replace(checkpoint, sig=sig)
    assert signed_bytes(other) == signed_bytes(checkpoint)


CHANGES = {
    "journal": "other",
    "at": datetime(2026, 11, 23, 10, 0, 0, 1, UTC),
    "n": 8,
    "hash": "1" * 64,
    "manifest_n": 8,
    "manifest_hash": "1" * 64,
    "access_n": 8,
    "access_hash": "1" * 64,
}


def test_all_members_are_covered() -> None:
    assert {*CHANGES, "sig"} == set(Checkpoint.__struct_fields__)


@pytest.mark.parametrize("member", CHANGES)
def test_every_other_member_is_signed(member: str) -> None:
    plain = Checkpoint(journal="j", at=datetime(2026, 11, 23, 10, tzinfo=UTC), n=1, hash="0" * 64)
    other = msgspec.structs.replace(plain, **{member: CHANGES[member]})
    assert signed_bytes(other) != signed_bytes(plain)
