"""Chained lines: what is written is read back, and whatever is changed is found."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.chain import GENESIS, linked, pieces, read_link
from protipp_stream.errors import TrailChanged

AT = datetime(2026, 11, 23, 10, 0, 0, 123456, UTC)
texts = st.text(max_size=30)
members = st.dictionaries(st.sampled_from(["rows", "notes", "epoch", "prev2"]), texts, max_size=3)
moments = st.datetimes(datetime(1970, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))
digests = st.binary(min_size=32, max_size=32).map(bytes.hex)


def encoded(said: dict[str, str]) -> list[bytes]:
    return [b'"%b":%b' % (name.encode(), msgspec.json.encode(text)) for name, text in said.items()]


@given(st.integers(0, 10**17), moments, members, digests)
def test_a_line_is_json_and_is_read_back(
    n: int, at: datetime, said: dict[str, str], prev: str
) -> None:
    line, digest = linked(n, at, encoded(said), prev)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    link = read_link(line)
    assert link == read_link(line.removesuffix(b"\n")) == (n, at, prev, digest)
    read = json.loads(line)
    assert datetime.fromisoformat(read.pop("at")) == at
    assert read == {"n": n, **said, "prev": prev, "hash": digest}


def test_the_digest_is_what_the_documentation_says() -> None:
    line, digest = linked(17, AT, [b'"rows":[1,2]'], GENESIS)
    body = b'{"n":17,"at":"2026-11-23T10:00:00.123456Z","rows":[1,2],"prev":"' + b"0" * 64 + b'"'
    assert digest == sha256(body).hexdigest()
    assert line == body + b',"hash":"' + digest.encode() + b'"}\n'


def test_a_time_of_another_zone_is_written_in_utc() -> None:
    line, _ = linked(0, AT.astimezone(timezone(timedelta(hours=2))), [], GENESIS)
    assert b'"at":"2026-11-23T10:00:00.123456Z"' in line


@given(members, st.data())
def test_whatever_byte_is_changed_is_found(said: dict[str, str], data: st.DataObject) -> None:
    line = linked(4, AT, encoded(said), GENESIS)[0].removesuffix(b"\n")
    place = data.draw(st.integers(0, len(line) - 1))
    other = data.draw(st.integers(0, 255).filter(lambda byte: byte != line[place]))
    with pytest.raises(TrailChanged):
        read_link(line[:place] + bytes([other]) + line[place + 1 :])


def test_no_part_of_a_line_is_a_line() -> None:
    line, _ = linked(4, AT, [b'"rows":["x"]'], GENESIS)
    for end in range(len(line) - 1):
        with pytest.raises(TrailChanged):
            read_link(line[:end])
    for start in range(1, len(line)):
        with pytest.raises(TrailChanged):
            read_link(line[start:])


@pytest.mark.parametrize("said", ["2026-13-01T10:00:00.0Z", "20260-1-1T1:1:1:1:1Z"])
def test_a_line_without_a_time_is_none_though_its_hash_is_right(said: str) -> None:
    body = b'{"n":1,"at":"%b","prev":"%b"' % (said.encode(), GENESIS.encode())
    digest = sha256(body).hexdigest().encode()
    with pytest.raises(TrailChanged, match="no time"):
        read_link(body + b',"hash":"' + digest + b'"}')


@given(st.lists(st.integers() | texts, max_size=5))
def test_an_array_holds_the_rows_as_they_were(rows: list[int | str]) -> None:
    member = b",".join(pieces("rows", [msgspec.json.encode(row) for row in rows]))
    assert json.loads(b"{" + member + b"}") == {"rows": rows}
