"""A file of chained lines: what `append` returned from is in it, and where it ends is found."""

from __future__ import annotations

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.chain import GENESIS, linked, read_link
from protipp_stream.errors import TrailChanged
from protipp_stream.history import segment as segment_module
from protipp_stream.history.segment import End, Segment, cut, end_of
from tests.history.disk import Disk, descriptors

AT = datetime(2026, 11, 23, 10, tzinfo=UTC)


def chain(count: int, size: int = 10) -> list[bytes]:
    lines, prev = [], GENESIS
    for n in range(count):
        line, prev = linked(n, AT, [b'"text":"%b"' % (b"x" * size)], prev)
        lines.append(line)
    return lines


def slow_end(data: bytes) -> End:
    """Read from the front: the longest start in which each line leads to the next."""
    at, link, prev = 0, None, GENESIS
    while (feed := data.find(b"\n", at)) >= 0:
        try:
            found = read_link(data[at : feed + 1])
        except TrailChanged:
            break
        if found.prev != prev:
            break
        at, link, prev = feed + 1, found, found.hash
    return End(link, at, len(data) - at)


@given(
    st.integers(0, 6), st.integers(0, 5), st.binary(max_size=30), st.integers(0, 2000), st.data()
)
def test_the_end_is_where_reading_from_the_front_would_find_it(
    tmp_path_factory: pytest.TempPathFactory,
    count: int,
    hole: int,
    tail: bytes,
    kept: int,
    data: st.DataObject,
) -> None:
    whole = b"".join(chain(count))
    spoilt = whole[: len(whole) - kept] if data.draw(st.booleans()) else whole
    if spoilt and hole:
        at = data.draw(st.integers(0, len(spoilt) - 1))
        spoilt = spoilt[:at] + bytes(len(spoilt[at : at + hole])) + spoilt[at + hole :]
    path = tmp_path_factory.mktemp("segment") / "000000000000.jsonl"
    path.write_bytes(spoilt + tail)
    assert end_of(path, since=-1) == slow_end(spoilt + tail)


def test_lines_longer_than_what_is_read_at_once_are_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = chain(4, size=700)
    for chunk in (1, 7, 500, 1 << 16):
        monkeypatch.setattr(segment_module, "_CHUNK", chunk)
        path = tmp_path / "a.jsonl"
        path.write_bytes(b"".join(lines) + b"half a line")
        end = end_of(path)
        assert end.link == read_link(lines[-1])
        assert end.torn_bytes == 11


def test_lines_that_are_known_to_be_safe_are_not_read_again(tmp_path: Path) -> None:
    lines = chain(5)
    lines[1] = lines[1].replace(b"x", b"y")
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(lines))
    assert end_of(path, since=2).link == read_link(lines[4])
    assert end_of(path, since=0).link == read_link(lines[0])


def test_what_is_cut_off_is_kept_twice_if_it_happens_twice(tmp_path: Path) -> None:
    [line] = chain(1)
    path = tmp_path / "000000000000.jsonl"
    for torn in (b"first", b"second"):
        path.write_bytes(line + torn)
        kept = cut(path, end_of(path))
        assert path.read_bytes() == line
    assert kept is not None
    assert kept.read_bytes() == b"firstsecond"
    assert cut(path, end_of(path)) is None


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT])
@pytest.mark.parametrize("fault", ["write", "half", "sync"])
@pytest.mark.parametrize("stuck", [False, True])
def test_what_was_refused_is_not_in_the_file_when_the_next_is(
    tmp_path: Path, disk: Disk, fault: str, code: int, stuck: bool
) -> None:
    segment = Segment(tmp_path / "a.jsonl")
    segment.append(b"one\n")
    disk.faults = {fault, "take back"} if stuck else {fault}
    disk.error = code
    for _ in range(3):
        with pytest.raises(OSError, match=r".") as refused:
            segment.append(b"two, which is refused\n")
        assert refused.value.errno == code
    if not stuck:
        assert segment.path.read_bytes() == b"one\n"
    disk.faults = set()
    assert segment.size == 4
    if segment.is_sound:
        segment.append(b"three\n")
    segment.finish()
    assert segment.path.read_bytes() == b"one\n" + b"three\n" * segment.is_sound
    # One that failed to sync may say that all is well though pages are gone.
    assert segment.is_sound == (fault != "sync" and code != errno.EFBIG)


def test_a_segment_that_failed_is_not_finished_while_it_can_not_be_cut(
    tmp_path: Path, disk: Disk
) -> None:
    segment = Segment(tmp_path / "a.jsonl")
    disk.faults = {"half", "take back"}
    with pytest.raises(OSError, match="No space"):
        segment.append(b"one\n")
    for faults in ({"take back"}, {"sync"}):
        disk.faults = faults
        with pytest.raises(OSError, match="No space"):
            segment.finish()
    disk.faults = set()
    segment.finish()
    segment.close()
    assert segment.path.read_bytes() == b""


def test_a_short_write_is_gone_on_with(tmp_path: Path, disk: Disk) -> None:
    segment = Segment(tmp_path / "a.jsonl")
    real = disk.write

    def bit_by_bit(descriptor: int, data: memoryview) -> int:
        return real(descriptor, data[:3])

    disk.write = bit_by_bit  # type: ignore[method-assign]
    segment.append(b"one line, three bytes at a time\n")
    segment.finish()
    assert segment.path.read_bytes() == b"one line, three bytes at a time\n"


def test_what_a_try_to_begin_has_left_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"never acknowledged\n")
    segment = Segment(tmp_path / "a.jsonl")
    segment.append(b"one\n")
    segment.finish()
    assert (tmp_path / "a.jsonl").read_bytes() == b"one\n"


def test_a_folder_that_can_not_be_synced_leaves_no_file_open(tmp_path: Path, disk: Disk) -> None:
    path = tmp_path / "a.jsonl"
    disk.faults = {"folder"}
    # The second finds the file there, and must sync its name all the same.
    for _ in range(2):
        with pytest.raises(OSError, match="No space"):
            Segment(path)
        assert str(path) not in descriptors()


def test_every_append_is_synced_once(tmp_path: Path, disk: Disk) -> None:
    segment = Segment(tmp_path / "a.jsonl")
    for number in range(1, 4):
        segment.append(b"line\n")
        assert disk.syncs == number
    segment.close()
