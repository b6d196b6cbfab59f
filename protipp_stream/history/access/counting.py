"""How much there is in an access trail, and since when."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from protipp_stream.history.access.store import reading
from protipp_stream.history.access.trail_file import read_lines
from protipp_stream.history.heads import head_of
from protipp_stream.history.layout import Layout

__all__ = ["AccessStats", "access_stats"]


class AccessStats(NamedTuple):
    """What is in an access trail.

    Attributes
    ----------
    records : int
        Lines, tombstones among them.
    first : datetime or None
        UTC: when the first of them happened.
    subjects, addresses : int
        Records of which it is still kept who or from where it was.
    """

    records: int
    first: datetime | None
    subjects: int
    addresses: int


def access_stats(folder: Path | str) -> AccessStats | None:
    """Count; None where there is no access trail. It needs no key.

    Raises
    ------
    TrailUnavailable
        If it can't be read.
    TrailChanged
        If its first or last line was changed.
    """
    layout = Layout(folder)
    if not layout.personal.exists():
        return None
    with reading(layout) as personal:
        if not personal.is_begun:
            return None
        first = next(read_lines(layout.access_trail), None)
        records = head_of(layout.access_trail)[0] - first.n + 1 if first is not None else 0
        counts = personal.counts()
        return AccessStats(
            records, first.at if first else None, counts["subject"], counts["address"]
        )
