"""``history erase`` and ``history export``: what a trail knows of one person."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Annotated

import typer

from protipp_stream.cli.progress import of_them, showing
from protipp_stream.cli.trail import Trail
from protipp_stream.errors import ConfigurationError

__all__ = ["erase", "export"]


def erase(
    folder: Trail,
    subject: Annotated[str, typer.Option(help="Whose: the `sub` of their tokens.")],
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
) -> None:
    """Destroy what names a person: their keys, names and addresses. It can't be undone."""
    from protipp_stream.history.access import erase as erased

    if not yes and not typer.confirm(f"Erase {subject!r} from {folder} for good?"):
        print("nothing was erased", file=sys.stderr)
        raise typer.Exit(1)
    gone = erased(folder, subject)
    if gone.records:
        entries = of_them(gone.ciphertexts, "personal part")
        print(
            f"erased: {entries} of {of_them(gone.records, 'record')}, {of_them(gone.keys, 'key')}"
        )
    else:
        print(f"nothing is known of {subject!r}: it is the `sub` of their tokens, to the letter")


def export(
    folder: Trail,
    subject: Annotated[str, typer.Option(help="Whose: the `sub` of their tokens.")],
    output: Annotated[Path | None, typer.Option(help="A file; default: the terminal.")] = None,
) -> None:
    """Write all that a trail knows of a person, as JSON."""
    import msgspec

    from protipp_stream.history.access import export as exported

    with showing("reading access", "bytes") as progress:
        record = exported(folder, subject, progress=progress)
    if not record["records"]:
        print(f"nothing is known of {subject!r}", file=sys.stderr)
    data = msgspec.json.format(msgspec.json.encode(record), indent=2)
    if output is None:
        print(data.decode())
        return
    try:
        # What it holds is personal: for its owner's eyes, also where a file was already.
        descriptor = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            if stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.fchmod(descriptor, 0o600)
            file.write(data + b"\n")
    except OSError as error:
        raise ConfigurationError(f"Can't write {output}: {error.strerror}.") from None
