"""Verifying the sealed files: bytes, rows, and that none is missing or too many."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from protipp_stream.history.attested import Chain
from protipp_stream.history.layout import Layout
from protipp_stream.history.leftovers import is_hidden, is_sealed_name
from protipp_stream.history.manifest import Manifest, SealedFile, kind_of
from protipp_stream.history.parquet import digest_of
from protipp_stream.history.report import CHANGED, UNSIGNED, Findings

__all__ = ["sealed_files", "unknown_files"]

Done = Callable[[int], None]


def sealed_files(
    layout: Layout, manifest: Manifest, findings: Findings, journal: Chain, done: Done
) -> int:
    """Verify every file that the manifest names; return how many rows they hold, as `Report`."""
    for segment in manifest.segments.values():
        journal.expect(segment.last, segment.last_hash, f"the manifest, of {segment.name}")
    rows = 0
    for file in manifest.files.values():
        if not _is_whole(layout, file, findings, done):
            continue
        with _readable(file.path, findings):
            found = pq.read_metadata(layout.folder / file.path).num_rows
            if found != file.rows:
                words = f"It holds {found} rows, not {file.rows}."
                findings.add(CHANGED, "changed", file.path, words)
            if kind_of(file.path) == "groups":
                _meet_groups(layout.folder / file.path, file.path, journal)
            else:
                rows += found
    named = sum(file.rows for file in manifest.of_kind("groups"))
    if named + manifest.removed_rows["groups"] != manifest.next_line:
        words = f"The sealed groups are {named}, of {manifest.next_line} lines."
        findings.add(CHANGED, "missing", "manifest.jsonl", words)
    return rows


def unknown_files(layout: Layout, manifest: Manifest, findings: Findings) -> None:
    """Look for what lies among the sealed files and is none.

    A leftover of a crash is told from what somebody put there by its name only, so it is
    never passed over in silence: who reads the folder as a plain dataset reads it, too.
    """
    for path in sorted(layout.odds.rglob("*")) if layout.odds.is_dir() else []:
        name = path.relative_to(layout.folder).as_posix()
        if path.is_dir() and not path.is_symlink():
            continue
        if path.is_symlink():
            findings.add(CHANGED, "unknown", name, "A link is no sealed file.")
        elif name in manifest.files:
            continue
        elif len(name.split("/")) == 4 and (is_sealed_name(path) or is_hidden(path)):
            words = (
                "The manifest does not name it (any more): a crash left it, or somebody put"
                " it there. The next seal removes it."
            )
            findings.add(UNSIGNED, "leftover", name, words)
        else:
            findings.add(CHANGED, "unknown", name, "It is no file of the trail.")


def _is_whole(layout: Layout, file: SealedFile, findings: Findings, done: Done) -> bool:
    path = layout.folder / file.path
    if not path.is_file():
        findings.add(CHANGED, "missing", file.path, "The manifest names it, but it is gone.")
        return False
    digest, size = digest_of(path, done)
    if (digest, size) != (file.sha256, file.bytes):
        words = f"It is not what was sealed: {size} bytes, {file.bytes} then."
        findings.add(CHANGED, "changed", file.path, words)
        return False
    return True


@contextmanager
def _readable(name: str, findings: Findings) -> Iterator[None]:
    try:
        yield
    # What Arrow raises for bytes that it can't make sense of; ArrowInvalid is a ValueError.
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        words = f"It is no Parquet file of the trail: {error}."
        findings.add(CHANGED, "changed", name, words)


def _meet_groups(path: Path, name: str, journal: Chain) -> None:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(columns=["line", "hash"]):
            lines, hashes = batch.column(0).to_numpy(), batch.column(1)
            for index in np.flatnonzero(np.isin(lines, journal.waiting())):
                journal.meet(int(lines[index]), hashes[int(index)].as_py().hex(), name)
