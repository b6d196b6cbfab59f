"""The manifest: a chain of what was sealed, merged and removed. What it says is true.

A Parquet file that it does not name is a leftover of a crash, and so is a hot segment
that it says was sealed. Its lines are of `core.chain`; each has one member of three::

    {"n":0,"at":…,"sealed":{"segments":[…],"files":[…],"checkpoint":{…}},"prev":…,"hash":…}
    {"n":1,"at":…,"merged":{"from":["odds/…"],"files":[…]},"prev":…,"hash":…}
    {"n":2,"at":…,"removed":{"files":["odds/…"],"why":…,"rows":…,…},"prev":…,"hash":…}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from protipp_stream.core.chain import GENESIS, decode_line, linked
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.errors import TrailChanged
from protipp_stream.history.durable import append_line
from protipp_stream.history.layout import KINDS, SEE_VERIFY, Layout
from protipp_stream.model import Instant

__all__ = [
    "Entry",
    "Manifest",
    "ManifestLine",
    "Merged",
    "Removed",
    "Sealed",
    "SealedFile",
    "SealedSegment",
    "append_entry",
    "day_of",
    "decode_manifest_line",
    "kind_of",
    "lines_of",
    "read_manifest",
    "sealed_path",
]

# What an entry names is read, counted and removed: a forged one must not reach out of
# the folder.
_PATH = (
    rf"^odds/(?:{'|'.join(KINDS)})/date=[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}"
    r"/[0-9]{12,18}-[0-9]{12,18}\.parquet\Z"
)
FilePath = Annotated[str, msgspec.Meta(pattern=_PATH)]
SegmentName = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{12,18}\.jsonl\Z")]
Digest = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0)]


class SealedSegment(msgspec.Struct, frozen=True):
    """A hot segment that became Parquet; first, last: the numbers of its lines."""

    name: SegmentName
    first: Count
    last: Count
    last_hash: Digest
    sha256: Digest


class SealedFile(msgspec.Struct, frozen=True, omit_defaults=True):
    """A Parquet file: its path from the trail's folder, with ``/``.

    ``footer`` is the SHA-256 of its footer (`parquet.footer_of`), which says what is where:
    Parquet has checksums for all but that.
    """

    path: FilePath
    sha256: Digest
    rows: Count
    bytes: Count
    footer: Digest | None = None


class Sealed(msgspec.Struct, frozen=True):
    """Hot segments became files; ``checkpoint`` is the newest that they held."""

    segments: Annotated[list[SealedSegment], msgspec.Meta(min_length=1)]
    files: list[SealedFile]
    checkpoint: Checkpoint | None = None


class Merged(msgspec.Struct, frozen=True, rename={"sources": "from"}):
    """Small files of one day and kind became fewer, with the same rows."""

    sources: list[FilePath]
    files: list[SealedFile]


class Removed(msgspec.Struct, frozen=True):
    """A tombstone: files that are gone on purpose, and why."""

    files: list[FilePath]
    why: str
    rows: Count
    first_line: Count
    last_line: Count


Entry = Sealed | Merged | Removed
_NAMES: dict[type, str] = {Sealed: "sealed", Merged: "merged", Removed: "removed"}


class ManifestLine(msgspec.Struct, frozen=True):
    """A line of the manifest as it is read back."""

    n: int
    at: Instant
    prev: str
    hash: str
    sealed: Sealed | None = None
    merged: Merged | None = None
    removed: Removed | None = None

    @property
    def entry(self) -> Entry:
        """What it says."""
        found = self.sealed or self.merged or self.removed
        assert found is not None  # `decode_manifest_line` lets no other through
        return found


_lines = msgspec.json.Decoder(ManifestLine)


def decode_manifest_line(line: bytes) -> ManifestLine:
    """Read a line, having checked that its hash is its own.

    Raises
    ------
    TrailChanged
        If it is no whole line of a manifest, or was changed.
    """
    found = decode_line(line, _lines, "a manifest")
    if sum(part is not None for part in (found.sealed, found.merged, found.removed)) != 1:
        raise TrailChanged(f"Line {found.n} of the manifest says none or several things.")
    return found


class Manifest:
    """What the entries so far come to.

    Attributes
    ----------
    hashes : list of str
        Of its lines, in order.
    files : dict of str to SealedFile
        What is there now, by path, in the order of sealing.
    gone : set of str
        Paths that were merged into others or removed.
    removed_rows : Counter
        How many rows of each dataset were removed.
    removals : list of Removed
        Of what: the tombstones, in order.
    removed_lines : list of range
        Stretches of the journal of which some hashes were removed (``groups``).
    segments : dict of str to SealedSegment
        Hot segments that became files, by name.
    next_line : int
        The number of the first line of the journal that is not sealed.
    last_hash : str
        The hash of the line before that.
    checkpoint : Checkpoint or None
        The newest one in what was sealed.
    size : int
        Bytes of its whole lines.
    torn : int
        Bytes after them: half a line, which a crash left.
    """

    def __init__(self) -> None:
        self.hashes: list[str] = []
        self.files: dict[str, SealedFile] = {}
        self.gone: set[str] = set()
        self.removed_rows: Counter[str] = Counter()
        self.removals: list[Removed] = []
        self.removed_lines: list[range] = []
        self.segments: dict[str, SealedSegment] = {}
        self.next_line = 0
        self.last_hash = GENESIS
        self.checkpoint: Checkpoint | None = None
        self.size = 0
        self.torn = 0

    @property
    def n(self) -> int:
        """The number of the last line, -1 while there is none."""
        return len(self.hashes) - 1

    @property
    def hash(self) -> str:
        """The hash of the last line."""
        return self.hashes[-1] if self.hashes else GENESIS

    def of_kind(self, kind: str) -> list[SealedFile]:
        """Return the files of one dataset, by day, then by line."""
        found = (file for file in self.files.values() if kind_of(file.path) == kind)
        return sorted(found, key=lambda file: (day_of(file.path), lines_of(file.path)))

    def add(self, line: ManifestLine) -> None:
        """Take the next line.

        Raises
        ------
        TrailChanged
            If it does not follow from those before. It has been taken nonetheless, as
            far as it makes sense, so that whoever verifies can go on.
        """
        wrong = []
        if (line.n, line.prev) != (self.n + 1, self.hash):
            wrong.append(f"Line {line.n} of the manifest does not follow on line {self.n}.")
        self.hashes.append(line.hash)
        match line.entry:
            case Sealed() as sealed:
                wrong += self._seal(sealed)
            case Merged() as merged:
                wrong += self._merge(merged)
            case Removed() as removed:
                wrong += self._remove(removed)
        if wrong:
            raise TrailChanged(" ".join(wrong))

    def _seal(self, sealed: Sealed) -> list[str]:
        wrong = []
        for segment in sealed.segments:
            if segment.first != self.next_line or segment.last < segment.first:
                wrong.append(f"Segment {segment.name} does not begin at line {self.next_line}.")
            self.segments[segment.name] = segment
            self.next_line, self.last_hash = segment.last + 1, segment.last_hash
        self.checkpoint = sealed.checkpoint or self.checkpoint
        return wrong + self._take_in(sealed.files)

    def _merge(self, merged: Merged) -> list[str]:
        wrong, old = self._let_go(merged.sources)
        wrong += self._take_in(merged.files)
        if _rows(old) != _rows(merged.files):
            wrong.append("A merge has other rows than what it was made of.")
        return wrong

    def _remove(self, removed: Removed) -> list[str]:
        wrong, old = self._let_go(removed.files)
        self.removed_rows += _rows(old)
        self.removals.append(removed)
        for file in old:
            if kind_of(file.path) == "groups":
                first, last = lines_of(file.path)
                self.removed_lines.append(range(first, last + 1))
        if sum(file.rows for file in old) != removed.rows:
            wrong.append("A removal counts other rows than it removed.")
        return wrong

    def _take_in(self, files: Sequence[SealedFile]) -> list[str]:
        wrong = []
        for file in files:
            if file.path in self.files or file.path in self.gone:
                wrong.append(f"{file.path} is named twice.")
            self.files[file.path] = file
        return wrong

    def _let_go(self, paths: Sequence[str]) -> tuple[list[str], list[SealedFile]]:
        old = [self.files.pop(path) for path in paths if path in self.files]
        self.gone.update(paths)
        wrong = [] if len(old) == len(paths) else ["Files go that were not there."]
        return wrong, old


def _rows(files: Iterable[SealedFile]) -> Counter[str]:
    rows: Counter[str] = Counter()
    for file in files:
        rows[kind_of(file.path)] += file.rows
    return rows


def read_manifest(layout: Layout) -> Manifest:
    """Read the manifest of a trail; without one, it is empty.

    Raises
    ------
    TrailChanged
        If a line was changed, dropped or moved. Half a line at the end is none: it is
        counted in ``torn``.
    """
    manifest = Manifest()
    try:
        file = layout.manifest.open("rb")
    except FileNotFoundError:
        return manifest
    with file:
        for line in file:
            if not line.endswith(b"\n"):
                manifest.torn = len(line)
                break
            try:
                manifest.add(decode_manifest_line(line))
            except TrailChanged as error:
                raise TrailChanged(f"{layout.manifest}: {error.message}", hint=SEE_VERIFY) from None
            manifest.size += len(line)
    return manifest


def append_entry(layout: Layout, manifest: Manifest, entry: Entry, at: datetime) -> None:
    """Say it in the manifest: from now on it is true.

    Raises
    ------
    TrailChanged
        If it makes no sense after what was said before: nothing is written.
    """
    name = _NAMES[type(entry)].encode()
    member = b'"%b":%b' % (name, msgspec.json.encode(entry))
    line, _ = linked(manifest.n + 1, at, [member], manifest.hash)
    decoded = decode_manifest_line(line)
    manifest.add(decoded)
    append_line(layout.manifest, line)
    manifest.size += len(line)


def sealed_path(kind: str, day: str, first: int, last: int) -> str:
    """Return the path of a sealed file with rows of so many lines, ends included."""
    return f"odds/{kind}/date={day}/{first:012d}-{last:012d}.parquet"


def kind_of(path: str) -> str:
    """Return the dataset that a sealed file belongs to."""
    return path.split("/")[1]


def day_of(path: str) -> str:
    """Return the UTC day that a sealed file's rows are of, ``2026-11-23``."""
    return path.split("/")[2].removeprefix("date=")


def lines_of(path: str) -> tuple[int, int]:
    """Return the first and last line of the journal that a sealed file has rows of."""
    first, _, last = path.rpartition("/")[2].removesuffix(".parquet").partition("-")
    return int(first), int(last)
