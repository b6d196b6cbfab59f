"""Verifying the chains of the odds: the manifest and the hot journal, line by line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.journal_line import JournalLine, decode_journal_line
from protipp_stream.errors import TrailChanged
from protipp_stream.history.attested import Attested
from protipp_stream.history.columns import row_count
from protipp_stream.history.layout import Layout
from protipp_stream.history.manifest import Manifest, decode_manifest_line
from protipp_stream.history.parquet import digest_of
from protipp_stream.history.report import CHANGED, UNSIGNED, Findings
from protipp_stream.history.segment import end_of

__all__ = ["HotJournal", "begun_as", "manifest_lines", "segments_of"]

Done = Callable[[int], None]
# Longer than any line that is written: what has no line feed must not fill the memory.
MAX_LINE = 256 << 20
_JOURNAL_ID = re.compile(rb',"journal":\{"format":"[^"]*","id":"([^"]{1,128})"\}')


def _lines(path: Path, size: int, done: Done) -> Iterator[bytes]:
    """Return the lines in a file's first bytes: its writer may add more meanwhile."""
    with path.open("rb") as file:
        while size > 0 and (line := file.readline(min(size, MAX_LINE))):
            size -= len(line)
            done(len(line))
            yield line


def manifest_lines(layout: Layout, findings: Findings, attested: Attested, done: Done) -> Manifest:
    """Verify the manifest; return what it says, as far as it makes sense."""
    manifest = Manifest()
    if not layout.manifest.exists():
        return manifest
    for number, text in enumerate(_lines(layout.manifest, layout.manifest.stat().st_size, done)):
        where = f"manifest.jsonl line {number}"
        if not text.endswith(b"\n"):
            findings.add(UNSIGNED, "torn", where, "Half a line at its end, which a crash left.")
            break
        try:
            line = decode_manifest_line(text)
            attested.manifest.meet(line.n, line.hash, where)
            if line.sealed and line.sealed.checkpoint:
                attested.add(line.sealed.checkpoint, where)
            manifest.add(line)
        except TrailChanged as error:
            findings.add(CHANGED, "changed", where, error.message)
    return manifest


def segments_of(layout: Layout, manifest: Manifest, findings: Findings, done: Done) -> list[Path]:
    """Return the segments that are not sealed; look at those that should be gone."""
    paths, known = [], {path for _, path in layout.segments()}
    for path in sorted(layout.hot.glob("*")) if layout.hot.is_dir() else []:
        where = f"hot/{path.name}"
        sealed = manifest.segments.get(path.name)
        if path.is_file() and layout.is_torn(path):
            continue
        if path not in known or not path.is_file():
            findings.add(CHANGED, "unknown", where, "It is no segment of the journal.")
        elif sealed is None:
            paths.append(path)
        elif digest_of(path, done)[0] == sealed.sha256:
            words = "It was sealed, and a crash left it: the next seal removes it."
            findings.add(UNSIGNED, "leftover", where, words)
        else:
            findings.add(CHANGED, "changed", where, "It was sealed, but is not what was sealed.")
    return sorted(paths, key=lambda path: int(path.stem))


def begun_as(layout: Layout) -> str | None:
    """Return what the journal's first line names it, if that is not sealed yet."""
    first = layout.segment(0)
    if not first.is_file():
        return None
    with first.open("rb") as file:
        return _named(file.readline(MAX_LINE))


def _named(line: bytes) -> str | None:
    found = _JOURNAL_ID.search(line)
    return None if found is None else found[1].decode("utf-8", "replace")


class HotJournal:
    """Verifies the lines that are not sealed, in order.

    Attributes
    ----------
    n : int
        The last line.
    signed_line : int
        The last line that holds a signed checkpoint.
    has_copy : bool
        Whether a line holds the checkpoint of ``checkpoint.json``.
    """

    def __init__(
        self,
        manifest: Manifest,
        newest: Checkpoint | None,
        findings: Findings,
        attested: Attested,
    ) -> None:
        self.n, self.hash = manifest.next_line - 1, manifest.last_hash
        self.signed_line = -1
        self.has_copy = False
        self._newest = newest
        self._findings = findings
        self._attested = attested

    def segment(self, path: Path, size: int, is_last: bool, done: Done) -> None:
        """Verify a segment, up to a size that its writer may have passed since."""
        name = f"hot/{path.name}"
        if int(path.stem) != self.n + 1:
            words = f"It should begin with line {self.n + 1}: a segment is missing or renamed."
            self._findings.add(CHANGED, "missing", name, words)
        whole = self._whole(path, size) if is_last else size
        for number, text in enumerate(_lines(path, whole, done), 1):
            where = f"{name} line {number}"
            if text.endswith(b"\n"):
                self._line(text, where)
            elif is_last:
                words = "Half a line at its end, which a crash left or a writer has under way."
                self._findings.add(UNSIGNED, "torn", where, words)
            else:
                self._findings.add(CHANGED, "changed", where, "Half a line in the middle.")

        if whole < size:
            words = (
                f"{size - whole} bytes at its end are no whole lines: a crash left them, or a"
                " writer has them under way."
            )
            self._findings.add(UNSIGNED, "torn", name, words)
            done(size - whole)

    def _whole(self, path: Path, size: int) -> int:
        """Return where a journal that is opened cuts off what a crash left of a commit.

        Its lines were written together, and a power cut may leave the last of them and not
        the first. What was signed was safe before: no crash harms it.
        """
        signed = self._newest.n + 1 if self._newest else -1
        end = end_of(path, since=signed)
        last = end.link.n if end.link else int(path.stem) - 1
        return min(size, end.whole_bytes) if last >= signed else size

    def _line(self, text: bytes, where: str) -> None:
        try:
            line = decode_journal_line(text)
        except TrailChanged as error:
            self._findings.add(CHANGED, "changed", where, error.message)
            return
        if (line.n, line.prev) != (self.n + 1, self.hash):
            words = f"Line {line.n} does not follow on line {self.n}."
            self._findings.add(CHANGED, "changed", where, words)
        self.n, self.hash = line.n, line.hash
        self._attested.journal.meet(line.n, line.hash, where)
        if line.n == 0:
            self._begins(text, where)
        if line.checkpoint is not None:
            self._checkpoint(line, line.checkpoint, where)

    def _begins(self, text: bytes, where: str) -> None:
        journal = _named(text)
        if journal is None:
            words = "The first line does not name its journal."
            self._findings.add(CHANGED, "changed", where, words)
        else:
            self._attested.of_journal(journal, where)

    def _checkpoint(self, line: JournalLine, checkpoint: Checkpoint, where: str) -> None:
        if (checkpoint.n, checkpoint.hash) != (line.n - 1, line.prev):
            words = "Its checkpoint is not about the line before."
            self._findings.add(CHANGED, "changed", where, words)
        # Nobody signs the line that holds the signature: it must hold nothing else.
        if row_count(line):
            words = "A line with a checkpoint holds rows, too."
            self._findings.add(CHANGED, "changed", where, words)
        if self._attested.add(checkpoint, where, in_place=True):
            self.signed_line = line.n
            self.has_copy |= checkpoint == self._newest
