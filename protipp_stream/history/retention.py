"""Retention of odds: whole sealed files that have grown old go, and a tombstone says so.

Files hold the rows of one day, so a row goes when the newest of its day is old enough: up
to a day late, never early. What an event is stays until it has begun that long ago: it is
said once, and prices go on. Rows that are not sealed yet stay. What access holds is kept
and forgotten by rules of its own (`history.access`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.durable import remove_dated
from protipp_stream.history.layout import KINDS, Layout
from protipp_stream.history.leftovers import changing
from protipp_stream.history.manifest import (
    Manifest,
    Removed,
    SealedFile,
    append_entry,
    day_of,
    kind_of,
    lines_of,
)
from protipp_stream.history.parquet import times_in

__all__ = ["OddsPolicy", "Removal", "retain"]


_DATED_BY = {"events": ("timestamp", "starts_at")}


class OddsPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How long what is sealed is kept.

    Attributes
    ----------
    odds_days : float or None
        Days that updates, events, confirmations and notes are kept; None: for ever.
    proof_days : float or None
        Days that the hashes of the journal's lines are kept (``groups``), against which
        a witness is held: some 36 bytes a line. None: for ever.
    """

    odds_days: float | None = None
    proof_days: float | None = None


class Removal(msgspec.Struct, frozen=True):
    """What went, or would go.

    Attributes
    ----------
    files : tuple of str
        Paths from the trail's folder.
    rows, bytes : int
        In them.
    oldest_kept : str or None
        The earliest day of which something stays.
    """

    files: tuple[str, ...] = ()
    rows: int = 0
    bytes: int = 0
    oldest_kept: str | None = None


def retain(
    folder: Path | str, policy: OddsPolicy, *, now: datetime, dry_run: bool = False
) -> Removal:
    """Remove sealed files all of whose rows are older than the policy keeps them.

    Parameters
    ----------
    folder : path
        Of the trail.
    policy : OddsPolicy
    now : datetime
        UTC.
    dry_run : bool
        Only say what would go.

    Raises
    ------
    ConfigurationError
        If a policy is no number of days.
    TrailUnavailable
        If another process seals, there is no trail, or the disk refuses.
    TrailChanged
        If the manifest was changed or is older than the folder, or a file is no Parquet.
    """
    layout = Layout(folder)
    with changing(layout, "removing what is old") as manifest:
        removed: list[SealedFile] = []
        for days, kinds in (
            (policy.odds_days, [kind for kind in KINDS if kind != "groups"]),
            (policy.proof_days, ["groups"]),
        ):
            old = _old(layout, manifest, kinds, days, now)
            removed += old
            if old and not dry_run:
                words = "odds" if len(kinds) > 1 else "proofs"
                _remove(layout, manifest, old, f"retention: {words} older than {days:g} days", now)
        gone = {file.path for file in removed}
        kept = [day_of(path) for path in manifest.files if path not in gone]
        return Removal(
            files=tuple(file.path for file in removed),
            rows=sum(file.rows for file in removed),
            bytes=sum(file.bytes for file in removed),
            oldest_kept=min(kept, default=None),
        )


def _old(
    layout: Layout, manifest: Manifest, kinds: Sequence[str], days: float | None, now: datetime
) -> list[SealedFile]:
    if days is None:
        return []
    if not 0 <= days < 1e6:
        raise ConfigurationError(
            f"Odds can't be kept for {days} days.", hint="Give days, or None for ever."
        )
    before = now - timedelta(days=days)
    return [
        file
        for kind in kinds
        for file in manifest.of_kind(kind)
        if max(_times_in(layout, file)) < before
    ]


def _times_in(layout: Layout, file: SealedFile) -> list[datetime]:
    columns = _DATED_BY.get(kind_of(file.path), ())
    return times_in(layout.folder / file.path, *columns, footer=file.footer)


def _remove(
    layout: Layout, manifest: Manifest, old: Sequence[SealedFile], why: str, now: datetime
) -> None:
    stretches = [lines_of(file.path) for file in old]
    stone = Removed(
        files=[file.path for file in old],
        why=why,
        rows=sum(file.rows for file in old),
        first_line=min(first for first, _ in stretches),
        last_line=max(last for _, last in stretches),
    )
    append_entry(layout, manifest, stone, now)
    for file in old:
        remove_dated(layout.folder / file.path)
