"""What a verification found: a status, and every finding in words."""

from __future__ import annotations

import msgspec

__all__ = ["CHANGED", "INTACT", "ROLLED_BACK", "UNSIGNED", "Finding", "Findings", "Report"]

INTACT = 0
CHANGED = 1
ROLLED_BACK = 2
UNSIGNED = 3

MAX_FINDINGS = 1000


class Finding(msgspec.Struct, frozen=True):
    """One thing that is not as it should be.

    Attributes
    ----------
    status : int
        What it makes of the whole; see `Report`.
    what : str
        ``changed``, ``missing``, ``unknown``, ``forged`` (a signature that is none),
        ``rolled back``, ``unsigned``, ``torn``, ``leftover`` or ``another's`` (of another
        trail).
    where : str
        A file, from the trail's folder, with the line where there is one.
    words : str
        A sentence.
    """

    status: int
    what: str
    where: str
    words: str


class Report(msgspec.Struct, frozen=True):
    """What `verify` says.

    Attributes
    ----------
    status : int
        0 intact; 1 changed; 2 truncated or rolled back; 3 all holds, but the end is not
        signed yet, or a crash left something. The worst of the findings counts: 1, then
        2, then 3.
    findings : tuple of Finding
        The first thousand.
    found : int
        How many there were.
    lines, rows, files, bytes : int
        What was read: lines of the journal (sealed ones too), sealed rows without those of
        ``groups`` (the lines' hashes), Parquet files, bytes of all files.
    """

    status: int
    findings: tuple[Finding, ...]
    found: int
    lines: int
    rows: int
    files: int
    bytes: int


class Findings:
    """Collects them, in bounded room."""

    def __init__(self) -> None:
        self.listed: list[Finding] = []
        self.found = 0
        self._statuses: set[int] = set()

    def add(self, status: int, what: str, where: str, words: str) -> None:
        """Note one."""
        self.found += 1
        self._statuses.add(status)
        if len(self.listed) < MAX_FINDINGS:
            self.listed.append(Finding(status, what, where, words))

    @property
    def status(self) -> int:
        """The worst."""
        return min(self._statuses, default=INTACT)
