"""What is in an audit trail, at a glance: from names, footers and ends of files."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import msgspec
import pyarrow.compute as pc
import pyarrow.parquet as pq

from protipp_stream.core.chain import Link
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import TrailUnavailable
from protipp_stream.history.heads import read_checkpoint
from protipp_stream.history.hot import times_between
from protipp_stream.history.layout import KINDS, NAME_A_TRAIL, Layout
from protipp_stream.history.manifest import Manifest, read_manifest
from protipp_stream.history.parquet import check_footer, sound, times_in
from protipp_stream.history.segment import end_of

__all__ = ["Stats", "stats"]


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a trail.

    Attributes
    ----------
    rows : dict of str to int
        Sealed rows of every dataset.
    files : int
        Parquet files.
    sealed_bytes, hot_bytes : int
        Sealed, and not sealed yet.
    bytes_a_row : float or None
        Bytes of all sealed files, by their updates.
    segments, hot_lines : int
        Not sealed yet.
    removed : dict of str to int
        Rows of every dataset that a retention removed, where it did.
    first, last : datetime or None
        UTC: when the oldest and the newest update were received.
    notes : dict of str to int
        Sealed notes by kind: ``gap``, ``lost``, ``torn``, ``start``, …
    head_n, head_hash : int, str
        The last line of the journal that is whole; -1 if there is none.
    manifest_n : int
        The last entry of the manifest.
    checkpoint : Checkpoint or None
        The newest copy; not verified.
    """

    rows: Mapping[str, int]
    files: int
    sealed_bytes: int
    hot_bytes: int
    bytes_a_row: float | None
    segments: int
    hot_lines: int
    removed: Mapping[str, int]
    first: datetime | None
    last: datetime | None
    notes: Mapping[str, int]
    head_n: int
    head_hash: str
    manifest_n: int
    checkpoint: Checkpoint | None


def stats(folder: Path | str) -> Stats:
    """Say what is in a trail, without reading its rows but for the times of the hot ones.

    Raises
    ------
    TrailUnavailable
        If there is no trail, or it changed again and again meanwhile.
    TrailChanged
        If the manifest, ``checkpoint.json`` or a file's footer was changed.
    """
    layout = Layout(folder)
    if not layout.is_begun:
        raise TrailUnavailable(
            f"There is no audit trail in {layout.folder}.",
            hint=NAME_A_TRAIL,
        )
    for _ in range(10):
        try:
            return _stats(layout)
        except FileNotFoundError:
            # Sealed or merged since the manifest was read: it says where to.
            continue
    raise TrailUnavailable(
        "The trail's files change faster than they can be counted.",
        hint="If nothing seals it just now, run `protipp-stream history verify`.",
    )


def _stats(layout: Layout) -> Stats:
    manifest = read_manifest(layout)
    segments = [path for _, path in layout.segments() if path.name not in manifest.segments]
    head = _last_line(segments)
    rows = {kind: sum(file.rows for file in manifest.of_kind(kind)) for kind in KINDS}
    sealed = sum(file.bytes for file in manifest.files.values())
    times = [
        at
        for file in manifest.of_kind("updates")
        for at in times_in(layout.folder / file.path, footer=file.footer)
    ]
    times += [at for path in segments for at in _times_of(path)]
    head_n = head.n if head else manifest.next_line - 1
    return Stats(
        rows=rows,
        files=len(manifest.files),
        sealed_bytes=sealed,
        hot_bytes=sum(path.stat().st_size for path in segments),
        bytes_a_row=sealed / rows["updates"] if rows["updates"] else None,
        segments=len(segments),
        hot_lines=head_n - manifest.next_line + 1,
        removed=dict(manifest.removed_rows),
        first=min(times, default=None),
        last=max(times, default=None),
        notes=_notes(layout, manifest),
        head_n=head_n,
        head_hash=head.hash if head else manifest.last_hash,
        manifest_n=manifest.n,
        checkpoint=read_checkpoint(layout),
    )


def _notes(layout: Layout, manifest: Manifest) -> dict[str, int]:
    counts: dict[str, int] = {}
    for file in manifest.of_kind("notes"):
        # Of what is no price there are few rows.
        path = layout.folder / file.path
        check_footer(path, file.footer)
        with sound(path):
            kinds = pq.read_table(
                path, columns=["kind"], partitioning=None, page_checksum_verification=True
            )
        for found in pc.value_counts(kinds["kind"].cast("string")).to_pylist():
            counts[found["values"]] = counts.get(found["values"], 0) + found["counts"]
    return counts


def _last_line(segments: list[Path]) -> Link | None:
    """The last whole line; the newest segment may be empty, or end in half a line."""
    return next((link for path in reversed(segments) if (link := end_of(path).link)), None)


def _times_of(segment: Path) -> list[datetime]:
    with segment.open("rb") as file:
        end = os.fstat(file.fileno()).st_size - end_of(segment).torn_bytes
        return times_between(file.fileno(), 0, end)
