"""Sealing: segments of the journal that are finished become Parquet.

In this order, so that a crash between any two steps loses nothing and doubles nothing:
the files are written under hidden names, made safe, named; an entry of the manifest says
so (from then on it is true); the segments go. What a crash leaves is a leftover
(`leftovers`), and the next seal begins by clearing it away.

It reads what the writer does not write any more, so it runs in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import msgspec

from protipp_stream.core.chain import GENESIS
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.journal_line import JournalLine, decode_journal_line
from protipp_stream.errors import TrailChanged
from protipp_stream.history.columns import Columns, by_day
from protipp_stream.history.counting import Progress, adding, quietly
from protipp_stream.history.durable import remove
from protipp_stream.history.heads import read_checkpoint
from protipp_stream.history.layout import SEE_VERIFY, Layout
from protipp_stream.history.leftovers import changing
from protipp_stream.history.locking import held
from protipp_stream.history.manifest import (
    Manifest,
    Sealed,
    SealedFile,
    SealedSegment,
    append_entry,
    sealed_path,
)
from protipp_stream.history.parquet import write_file
from protipp_stream.history.segment import end_of

__all__ = ["Sealing", "seal"]

# About a million rows of JSON: what is turned into columns at a time.
SEAL_BYTES = 256 << 20
_HEARD_BYTES = 4 << 20
# In which a line's number, its time and the name of its first member stand.
_HEAD_BYTES = 80
# `sign_now` leaves a line a segment: one of so many has been a gateway's.
_MOST_SIGNED = 10


class Sealing(msgspec.Struct, frozen=True):
    """What a seal did.

    Attributes
    ----------
    segments, lines, rows, files : int
        How many; rows without those of ``groups``.
    hot_bytes, sealed_bytes : int
        How large it was before, and is now.
    written : int
        Segments that were left to whoever writes them: the newest, or none.
    """

    segments: int = 0
    lines: int = 0
    rows: int = 0
    files: int = 0
    hot_bytes: int = 0
    sealed_bytes: int = 0
    written: int = 0

    def __add__(self, other: Sealing) -> Sealing:
        ours, theirs = msgspec.structs.astuple(self), msgspec.structs.astuple(other)
        return Sealing(*(mine + more for mine, more in zip(ours, theirs, strict=True)))


def seal(
    folder: Path | str,
    *,
    now: datetime,
    including_last: bool | None = None,
    progress: Progress = quietly,
) -> Sealing:
    """Turn the finished segments of a trail into Parquet.

    Parameters
    ----------
    folder : path
        Of the trail.
    now : datetime
        UTC; what the manifest's entries are dated.
    including_last : bool, optional
        Whether the newest segment is finished, too. None: if nobody writes (the writer's
        lock is held while that one is sealed, so that nobody begins to). True: the caller
        holds that lock and has closed the segment. False: no.
    progress : callable
        Hears of bytes read.

    Returns
    -------
    Sealing
        All 0 where nothing was written but signatures: each seal is signed in its turn.

    Raises
    ------
    TrailChanged
        If a segment is not what was written. It is left where it is, and so are those
        after it and those that would have been sealed together with it.
    TrailUnavailable
        If another process seals, there is no trail, or no room.
    """
    layout, result = Layout(folder), Sealing()
    with changing(layout, "sealing") as manifest:
        paths = [path for _, path in layout.segments()]
        if including_last is None and _has_only_signatures(layout, paths):
            return result
        heard = adding(sum(path.stat().st_size for path in paths), progress)
        for batch in _batches(paths[:-1]):
            result += _seal_batch(layout, manifest, batch, now, heard)
        with _writer_kept_away(layout, including_last) as is_finished:
            if paths and not is_finished:
                result += Sealing(written=1)
            elif paths and _ends_well(layout, paths[-1]):
                result += _seal_batch(layout, manifest, paths[-1:], now, heard)
    return result


@contextmanager
def _writer_kept_away(layout: Layout, including_last: bool | None) -> Iterator[bool]:
    """Say whether the newest segment may be sealed."""
    if including_last is None:
        with held(layout.writer_lock) as nobody_writes:
            yield nobody_writes
    else:
        yield including_last


def _has_only_signatures(layout: Layout, paths: Sequence[Path]) -> bool:
    """Whether nobody writes, and nothing is left but what seals before this were signed with.

    Sealing that would leave the next signature, and so on each time.
    """
    with held(layout.writer_lock) as nobody_writes:
        return nobody_writes and all(map(_only_signs, paths))


def _only_signs(path: Path) -> bool:
    with path.open("rb") as file:
        signs = [b',"checkpoint":{' in line[:_HEAD_BYTES] for line in islice(file, _MOST_SIGNED)]
    return 0 < len(signs) < _MOST_SIGNED and all(signs)


def _ends_well(layout: Layout, newest: Path) -> bool:
    """Whether a writer that was killed left nothing at its end for the next one to cut off."""
    checkpoint = read_checkpoint(layout)
    end = end_of(newest, since=checkpoint.n + 1 if checkpoint else -1)
    return end.link is not None and not end.torn_bytes


def _batches(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Part segments so that few files are made of many small ones, in bounded memory."""
    batch: list[Path] = []
    size = 0
    for path in paths:
        more = path.stat().st_size
        if batch and size + more > SEAL_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(path)
        size += more
    if batch:
        yield batch


def _seal_batch(
    layout: Layout,
    manifest: Manifest,
    paths: list[Path],
    now: datetime,
    done: Callable[[int], None],
) -> Sealing:
    columns, segments = Columns(), []
    checkpoint: Checkpoint | None = None
    at = _Place(manifest.next_line, manifest.last_hash)
    for path in paths:
        segment, newest = _read(path, at, columns, done)
        checkpoint = newest or checkpoint
        at = _Place(segment.last + 1, segment.last_hash)
        segments.append(segment)
    hot = sum(path.stat().st_size for path in paths)
    files = _write(layout, columns, segments[0].first, segments[-1].last)
    append_entry(layout, manifest, Sealed(segments, files, checkpoint), now)
    for path in paths:
        remove(path)
    return Sealing(
        segments=len(segments),
        lines=segments[-1].last - segments[0].first + 1,
        rows=columns.rows,
        files=len(files),
        hot_bytes=hot,
        sealed_bytes=sum(file.bytes for file in files),
    )


class _Place(NamedTuple):
    """Where a chain goes on: the number of the next line, the hash of the last."""

    n: int
    hash: str = GENESIS


def _read(
    path: Path, at: _Place, columns: Columns, done: Callable[[int], None]
) -> tuple[SealedSegment, Checkpoint | None]:
    """Read a segment, which must go on from a place, into columns."""
    digest, checkpoint, first, unheard = sha256(), None, at.n, 0
    if int(path.stem) != first:
        raise TrailChanged(f"{path.name} should begin with line {first}.", hint=SEE_VERIFY)
    with path.open("rb") as file:
        for text in file:
            digest.update(text)
            line = _next_line(path, text, at)
            columns.add(line)
            at = _Place(line.n + 1, line.hash)
            checkpoint = line.checkpoint or checkpoint
            unheard += len(text)
            if unheard >= _HEARD_BYTES:
                done(unheard)
                unheard = 0
    done(unheard)
    if at.n == first:
        raise TrailChanged(f"{path.name} is empty.", hint=SEE_VERIFY)
    return SealedSegment(path.name, first, at.n - 1, at.hash, digest.hexdigest()), checkpoint


def _next_line(path: Path, text: bytes, at: _Place) -> JournalLine:
    if not text.endswith(b"\n"):
        raise TrailChanged(f"{path.name} can't be sealed: it ends in half a line.", hint=SEE_VERIFY)
    try:
        line = decode_journal_line(text)
    except TrailChanged as error:
        raise TrailChanged(
            f"{path.name} can't be sealed: {error.message}", hint=SEE_VERIFY
        ) from None
    if (line.n, line.prev) != at:
        raise TrailChanged(
            f"{path.name} can't be sealed: line {line.n} does not follow on line {at.n - 1}.",
            hint=SEE_VERIFY,
        )
    return line


def _write(layout: Layout, columns: Columns, first: int, last: int) -> list[SealedFile]:
    files = []
    tables = columns.tables()
    while tables:
        kind, table = tables.popitem()
        for day, part in by_day(kind, table):
            files.append(write_file(layout, sealed_path(kind, day, first, last), [part]))
    return sorted(files, key=lambda file: file.path)
