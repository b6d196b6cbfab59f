"""``history``: look after an audit trail. ``stats | verify | seal | retain | rotate``."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from protipp_stream.cli.progress import of_them, showing, size, to_the_second
from protipp_stream.cli.questions import query
from protipp_stream.cli.subjects import erase, export
from protipp_stream.cli.trail import AccessDays, AddressDays, Folder, OddsDays, Trail, limit
from protipp_stream.core.access import ACCESS_DAYS, ADDRESS_DAYS
from protipp_stream.errors import ProtippStreamError

__all__ = ["history"]

history = typer.Typer(help="Look after an audit trail, and ask it.")

COULD_NOT = 4


@history.command()
def stats(folder: Trail) -> None:
    """Say what is in a trail, without reading its rows."""
    from protipp_stream.history.access import access_stats
    from protipp_stream.history.stats import stats as of

    found = of(folder)
    hot = f"{size(found.hot_bytes)} in {of_them(found.segments, 'segment')}"
    if found.files:
        print(f"sealed      {size(found.sealed_bytes)} in {of_them(found.files, 'file')}")
        for kind, rows in found.rows.items():
            print(f"  {kind:<10}{rows:>14,} rows")
    else:
        print("sealed      nothing yet: a gateway does so hourly, `history seal` when none writes")
    print(f"not sealed  {hot}, {of_them(found.hot_lines, 'line')}")
    if found.bytes_a_row is not None:
        print(f"            {found.bytes_a_row:.1f} bytes an update, sealed")
    if found.first is not None and found.last is not None:
        print(f"from        {to_the_second(found.first)} UTC")
        print(f"to          {to_the_second(found.last)} UTC")
    if gone := sum(rows for kind, rows in found.removed.items() if kind != "groups"):
        print(f"removed     {of_them(gone, 'row')} by retention: `history query … gaps` says when")
    for kind, count in found.notes.items():
        print(f"  {kind:<10}{count:>14,} notes")
    print(f"head        line {found.head_n:,} {found.head_hash[:16]}")
    if found.checkpoint is not None:
        print(f"signed      line {found.checkpoint.n:,} at {to_the_second(found.checkpoint.at)}")
    if (access := access_stats(folder)) is not None:
        since = f" from {to_the_second(access.first)} UTC" if access.first is not None else ""
        print(f"access      {of_them(access.records, 'record')}{since}")
        print(f"            {access.subjects:,} with a name, {access.addresses:,} with an address")


class _Judging(TyperCommand):
    """Its exit code 2 says "rolled back", so a slip of the pen must have another."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except typer.TyperException as error:
            error.exit_code = COULD_NOT
            raise


@history.command(cls=_Judging)
def verify(
    folder: Folder,
    witness: Annotated[
        Path | None, typer.Option(help="Checkpoints that a client kept: connect(…, witness=FILE).")
    ] = None,
    public_key: Annotated[
        Path | None,
        typer.Option(help="The signing key's public half, from a place you trust more."),
    ] = None,
) -> None:
    """Say whether a trail is what was written, and if not, what was done to it and where.

    Exit codes: 0 intact; 1 changed; 2 truncated or rolled back; 3 all holds, but the end
    is not signed yet; 4 it could not be verified.
    """
    from protipp_stream.history.verifying import verify as judged

    try:
        with showing("verifying", "bytes") as progress:
            report = judged(folder, witness, public_key=public_key, progress=progress)
    except (ProtippStreamError, OSError) as error:
        # With a traceback the exit code would be 1, as if something had been changed.
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(COULD_NOT) from None
    for finding in report.findings:
        print(f"{finding.what}: {finding.where}: {finding.words}")
    if report.found > len(report.findings):
        print(f"… and {report.found - len(report.findings):,} more")
    verdict = {0: "intact", 1: "CHANGED", 2: "TRUNCATED OR ROLLED BACK", 3: "intact, end unsigned"}
    print(
        f"{verdict[report.status]}: {of_them(report.lines, 'line')},"
        f" {of_them(report.rows, 'sealed row')} in {of_them(report.files, 'file')},"
        f" {size(report.bytes)} read"
    )
    raise typer.Exit(report.status)


@history.command()
def seal(folder: Trail) -> None:
    """Turn finished segments into Parquet, and a past day's files into one.

    A gateway does so by itself; this is for a trail that nobody writes to any more.
    """
    from protipp_stream.history.merging import merge
    from protipp_stream.history.sealing import seal as sealed
    from protipp_stream.history.writer import signed_after

    now = datetime.now(UTC)
    with signed_after(folder):
        with showing("sealing", "bytes") as progress:
            done = sealed(folder, now=now, progress=progress)
        if done.segments:
            print(
                f"sealed {of_them(done.segments, 'segment')}, {of_them(done.rows, 'row')}:"
                f" {size(done.hot_bytes)} became {size(done.sealed_bytes)}"
            )
        elif done.written:
            print("nothing to seal yet: the gateway that writes the newest segment will seal it")
        else:
            print("nothing to seal")
        with showing("merging", "rows") as progress:
            merged = merge(folder, now=now, progress=progress)
        if merged.sources:
            print(f"merged {of_them(merged.sources, 'file')} into {merged.files}")


@history.command()
def retain(
    folder: Trail,
    odds_days: OddsDays = None,
    access_days: AccessDays = ACCESS_DAYS,
    address_days: AddressDays = ADDRESS_DAYS,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
) -> None:
    """Remove what is older than it shall be kept; the chain says what was removed."""
    from protipp_stream.history.access import AccessPolicy, retain_access
    from protipp_stream.history.layout import Layout
    from protipp_stream.history.retention import OddsPolicy
    from protipp_stream.history.retention import retain as retained
    from protipp_stream.history.writer import signed_after

    now = datetime.now(UTC)
    access = AccessPolicy(access_days=limit(access_days), address_days=limit(address_days))
    odds = OddsPolicy(odds_days=limit(odds_days))
    verb = "would remove" if dry_run else "removed"
    # First what is personal: it must not wait for whoever seals odds just now. What a
    # client recorded has none.
    if Layout(folder).personal.exists():
        with showing("reading access", "bytes") as progress:
            personal = retain_access(folder, access, now=now, dry_run=dry_run, progress=progress)
        print(f"{verb} {personal.records:,} access records and {personal.addresses:,} addresses")
    with nullcontext() if dry_run else signed_after(folder):
        gone = retained(folder, odds, now=now, dry_run=dry_run)
    print(
        f"{verb} {of_them(len(gone.files), 'file')} of odds, {of_them(gone.rows, 'row')},"
        f" {size(gone.bytes)}"
    )
    for name in gone.files if dry_run else ():
        print(f"  {name}")


@history.command()
def rotate(folder: Trail) -> None:
    """Wrap every subject's key with the newest privacy key; the old one can then go."""
    from protipp_stream.history.access import rotate as rotated

    print(f"wrapped {of_them(rotated(folder), 'key')} anew")


for command in (erase, export, query):
    history.command()(command)
