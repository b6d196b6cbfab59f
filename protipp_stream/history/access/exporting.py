"""Handing a subject all that the access trail knows of them."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

from protipp_stream.history.access.record import TrailLine
from protipp_stream.history.access.store import reading
from protipp_stream.history.access.trail_file import read_lines
from protipp_stream.history.counting import Progress, quietly
from protipp_stream.history.layout import Layout

__all__ = ["export"]


def export(folder: Path | str, subject: str, *, progress: Progress = quietly) -> dict[str, Any]:
    """Return every record of a subject, decrypted; ready for `json.dump`.

    May be called while a gateway writes; that waits meanwhile.

    Parameters
    ----------
    folder : Path or str
        Of the audit trail.
    subject : str
        As it stands in tokens.
    progress : callable
        Told what is read, and what there is to read, in bytes.

    Returns
    -------
    dict
        ``{"subject": …, "records": [{"n", "at", "reason", "count", "endpoint", "facts",
        "subject", "connection", "address", "user_agent"}, …]}``. Times are ISO 8601, UTC.
        What is not known, or forgotten already, is None.

    Raises
    ------
    TrailUnavailable
        If there is no trail, or no key to read it with.
    TrailChanged
        If a record is not what was written.
    """
    layout = Layout(folder)
    with reading(layout) as personal:
        told: dict[int, dict[str, str]] = defaultdict(dict)
        for stored in list(personal.parts(personal.owner(subject))):
            told[stored.n] |= personal.read(stored)
        lines = read_lines(layout.access_trail, progress)
        records = [_record(line, told[line.n]) for line in lines if line.n in told]
    return {"subject": subject, "records": records}


def _record(line: TrailLine, told: dict[str, str]) -> dict[str, Any]:
    return {
        "n": line.n,
        "at": line.at.isoformat(),
        "reason": line.reason,
        "count": line.count,
        "endpoint": line.endpoint,
        "facts": line.facts,
        **{name: told.get(name) for name in ("subject", "connection", "address", "user_agent")},
    }
