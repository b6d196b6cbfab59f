"""The manifest: what its entries come to, and what in it makes no sense."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.chain import GENESIS, linked
from protipp_stream.errors import TrailChanged
from protipp_stream.history.layout import KINDS, Layout
from protipp_stream.history.manifest import (
    Entry,
    Merged,
    Removed,
    Sealed,
    SealedFile,
    SealedSegment,
    append_entry,
    day_of,
    decode_manifest_line,
    kind_of,
    lines_of,
    read_manifest,
    sealed_path,
)
from tests.history.trails import START

DAY = "2026-11-23"


def file(first: int, last: int, rows: int = 5) -> SealedFile:
    return SealedFile(sealed_path("updates", DAY, first, last), "a" * 64, rows, 100)


def segment(first: int, last: int) -> SealedSegment:
    return SealedSegment(f"{first:012d}.jsonl", first, last, "b" * 64, "c" * 64)


def written(folder: Path, *entries: Entry) -> Layout:
    layout = Layout(folder)
    for entry in entries:
        append_entry(layout, read_manifest(layout), entry, START)
    return layout


def test_what_was_sealed_merged_and_removed_comes_to_what_is_there(tmp_path: Path) -> None:
    layout = written(
        tmp_path,
        Sealed([segment(0, 4)], [file(0, 4)]),
        Sealed([segment(5, 9)], [file(5, 9, 7)]),
        Merged([file(0, 4).path, file(5, 9).path], [file(0, 9, 12)]),
        Sealed([segment(10, 12)], [file(10, 12)]),
        Removed([file(0, 9).path], "retention", 12, 0, 9),
    )
    manifest = read_manifest(layout)
    assert list(manifest.files) == [file(10, 12).path]
    assert manifest.gone == {file(0, 4).path, file(5, 9).path, file(0, 9).path}
    assert (manifest.next_line, manifest.last_hash) == (13, "b" * 64)
    assert manifest.removed_rows == {"updates": 12}
    assert (manifest.n, manifest.size) == (4, layout.manifest.stat().st_size)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Sealed([segment(6, 9)], []), "does not begin at line 5"),
        (Sealed([segment(5, 4)], []), "does not begin"),
        (Sealed([segment(5, 9)], [file(0, 4)]), "named twice"),
        (Merged([file(7, 8).path], [file(5, 9)]), "not there"),
        (Merged([file(0, 4).path], [file(0, 9, 6)]), "other rows"),
        (Removed([file(0, 4).path], "x", 4, 0, 4), "counts other rows"),
    ],
)
def test_what_makes_no_sense_is_a_change(tmp_path: Path, entry: Entry, words: str) -> None:
    layout = written(tmp_path, Sealed([segment(0, 4)], [file(0, 4)]))
    before = layout.manifest.read_bytes()
    with pytest.raises(TrailChanged, match=words):
        append_entry(layout, read_manifest(layout), entry, START)
    assert layout.manifest.read_bytes() == before
    name = type(entry).__name__.lower().encode()
    member = b'"%b":%b' % (name, msgspec.json.encode(entry))
    line, _ = linked(1, START, [member], read_manifest(layout).hash)
    layout.manifest.write_bytes(before + line)
    with pytest.raises(TrailChanged, match=words):
        read_manifest(layout)


@pytest.mark.parametrize(
    "path",
    ["../x", "odds/updates/../../x.parquet", "/etc/passwd", "odds/other/date=2026-11-23/x.parquet"],
)
def test_no_entry_reaches_out_of_the_folder(path: str) -> None:
    member = b'"removed":' + msgspec.json.encode(Removed([path], "x", 0, 0, 0))
    line, _ = linked(0, START, [member], GENESIS)
    with pytest.raises(TrailChanged, match="no line of a manifest"):
        decode_manifest_line(line)


@pytest.mark.parametrize("members", [[], [b'"sealed":null'], [b'"other":1']])
def test_an_entry_says_one_thing(members: list[bytes]) -> None:
    line, _ = linked(0, START, members, GENESIS)
    with pytest.raises(TrailChanged, match="none or several"):
        decode_manifest_line(line)


def test_half_a_line_is_counted_and_not_read(tmp_path: Path) -> None:
    layout = written(tmp_path, Sealed([segment(0, 4)], [file(0, 4)]))
    whole = layout.manifest.read_bytes()
    layout.manifest.write_bytes(whole + whole[:70])
    manifest = read_manifest(layout)
    assert (manifest.n, manifest.size, manifest.torn) == (0, len(whole), 70)


@given(st.sampled_from(KINDS), st.dates(), st.integers(0, 10**15), st.integers(0, 10**15))
def test_a_path_says_what_it_was_made_of(kind: str, day: object, first: int, last: int) -> None:
    path = sealed_path(kind, f"{day}", first, last)
    assert (kind_of(path), day_of(path), lines_of(path)) == (kind, f"{day}", (first, last))
    msgspec.convert({"path": path, "sha256": "0" * 64, "rows": 0, "bytes": 0}, SealedFile)
