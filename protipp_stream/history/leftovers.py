"""What a crash may leave in a trail's folder, and how it is known from what counts.

The manifest is true; so whoever changes the trail first makes the folder agree with it:

- half a line at the manifest's end is cut: what it would have said did not happen;
- a Parquet file that no entry names was written, but not taken in: its rows are still
  where they were, and it goes;
- a file that an entry merged or removed, and a segment that it sealed, go.

None goes whose rows are nowhere else: then the manifest is older than the folder, and a
person has to look.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from protipp_stream.errors import TrailChanged
from protipp_stream.history.durable import cut, disk_errors, remove, remove_dated
from protipp_stream.history.layout import KINDS, Layout
from protipp_stream.history.locking import sealing_alone
from protipp_stream.history.manifest import Manifest, lines_of, read_manifest
from protipp_stream.history.parquet import digest_of

_NAME = re.compile(r"[0-9]{12,18}-[0-9]{12,18}\.parquet")
_HINT = "Run `protipp-stream history verify`; bring the newest manifest.jsonl back from a copy."


@contextmanager
def changing(layout: Layout, doing: str) -> Iterator[Manifest]:
    """Be the only one who seals, merges or removes; the folder agrees with the manifest.

    Raises
    ------
    TrailUnavailable
        If another does, there is no such folder, or the disk refuses.
    TrailChanged
        If the manifest was changed, or is older than what lies in the folder.
    """
    with disk_errors(doing), sealing_alone(layout.sealer_lock):
        manifest = read_manifest(layout)
        _refuse_older(layout, manifest)
        if manifest.torn:
            cut(layout.manifest, manifest.size)
            manifest.torn = 0
        _clean(layout, manifest)
        yield manifest


def files_in(layout: Layout) -> Iterator[tuple[str, Path]]:
    """Return all that lies in the datasets' day folders, each with its path from the trail's."""
    for kind in KINDS:
        for path in sorted(layout.dataset(kind).glob("date=*/*")):
            yield path.relative_to(layout.folder).as_posix(), path


def is_sealed_name(path: Path) -> bool:
    """Say whether it is called as a sealed file is."""
    return _NAME.fullmatch(path.name) is not None


def _refuse_older(layout: Layout, manifest: Manifest) -> None:
    for name in manifest.files:
        if not (layout.folder / name).is_file():
            raise TrailChanged(f"{name} is gone.", hint=_HINT)
    unsealed = [path for _, path in layout.segments() if path.name not in manifest.segments]
    if unsealed:
        if int(unsealed[0].stem) == manifest.next_line:
            return
        raise TrailChanged(
            f"The manifest ends with line {manifest.next_line - 1} of the journal, but the first"
            f" segment is {unsealed[0].name}.",
            hint=_HINT,
        )
    for name, path in files_in(layout):
        if is_sealed_name(path) and lines_of(name)[1] >= manifest.next_line:
            raise TrailChanged(f"{name} is in no manifest, and in no segment.", hint=_HINT)


def _clean(layout: Layout, manifest: Manifest) -> None:
    for name, path in files_in(layout):
        if name not in manifest.files and (is_sealed_name(path) or is_hidden(path)):
            remove_dated(path)
    for _, path in layout.segments():
        sealed = manifest.segments.get(path.name)
        if sealed is None:
            continue
        if digest_of(path)[0] != sealed.sha256:
            raise TrailChanged(f"{path.name} was sealed, but is not what was sealed.", hint=_HINT)
        remove(path)


def is_hidden(path: Path) -> bool:
    """Say whether it is called as a file that is being written."""
    return path.name.startswith(".") and _NAME.fullmatch(path.name[1:]) is not None
