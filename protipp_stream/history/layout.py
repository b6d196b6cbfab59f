"""What lies where in the folder of an audit trail.

::

    audit/
      signing.pub            Ed25519 public key, PEM
      signing.key            the private one, unless it is kept elsewhere (mode 0600)
      checkpoint.json        the newest checkpoint; replaced, never appended to
      writer.lock            held by the process that writes
      sealer.lock            held by the process that seals or removes
      hot/                   segments of the odds journal, JSON lines, the newest appended to
        000000000000.jsonl   named for the number of its first line
        000000000000.jsonl.torn-4711   what a crash left half written after byte 4711, cut off
      manifest.jsonl         the chain of what was sealed, merged, removed
      odds/                  an ordinary Parquet dataset a kind, hive-partitioned by day (UTC)
        updates/date=2026-11-23/000000000000-000000035999.parquet
        events/ confirmed/ notes/ groups/
      access/
        trail.jsonl          the access trail, one record a line
        personal.sqlite      what of it is personal, encrypted
        privacy.keys         what with, unless it is kept elsewhere (mode 0600)
"""

from __future__ import annotations

import re
from pathlib import Path

__all__ = ["KINDS", "NAME_A_TRAIL", "SEE_VERIFY", "Layout"]

KINDS = ("updates", "events", "confirmed", "notes", "groups")
"""The datasets under ``odds/``; see `tables`."""
SEE_VERIFY = "Run `protipp-stream history verify` to see what else is wrong."
"""What to do about a file that is not as it was."""
NAME_A_TRAIL = "Name the folder that a gateway (`history=`) or a client (`record=`) writes to."
"""What to do about a folder without a trail."""

_TORN = re.compile(r"[0-9]{12,18}\.jsonl\.torn-[0-9]+")


class Layout:
    """Paths in the folder of a trail.

    Parameters
    ----------
    folder : Path or str
        It need not be there yet.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        self.public_key = self.folder / "signing.pub"
        self.private_key = self.folder / "signing.key"
        self.checkpoint = self.folder / "checkpoint.json"
        self.writer_lock = self.folder / "writer.lock"
        self.sealer_lock = self.folder / "sealer.lock"
        self.hot = self.folder / "hot"
        self.manifest = self.folder / "manifest.jsonl"
        self.odds = self.folder / "odds"
        self.access_trail = self.folder / "access" / "trail.jsonl"
        self.personal = self.folder / "access" / "personal.sqlite"

    @property
    def is_begun(self) -> bool:
        """Whether a trail was begun here, or something is left of one."""
        parts = (self.public_key, self.checkpoint, self.manifest, self.access_trail)
        return any(path.is_file() for path in parts) or bool(self.segments())

    def segment(self, first: int) -> Path:
        """Return the hot segment whose first line has that number."""
        return self.hot / f"{first:012d}.jsonl"

    def segments(self) -> list[tuple[int, Path]]:
        """Return the hot segments, each with the number of its first line, in order."""
        found = self.hot.glob("*.jsonl") if self.hot.is_dir() else ()
        numbered = ((int(path.stem), path) for path in found if path.stem.isdecimal())
        return sorted(each for each in numbered if self.segment(each[0]) == each[1])

    @staticmethod
    def torn(segment: Path, at: int) -> Path:
        """Return where is kept what was cut off a segment after so many bytes."""
        return segment.with_name(f"{segment.name}.torn-{at}")

    @staticmethod
    def is_torn(path: Path) -> bool:
        """Say whether a file is named as what was cut off: no part of the journal."""
        return _TORN.fullmatch(path.name) is not None

    def dataset(self, kind: str) -> Path:
        """Return the folder of a Parquet dataset."""
        return self.odds / kind
