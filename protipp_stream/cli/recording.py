"""``record``: follow a gateway and keep what comes, for `ps.History`."""

from __future__ import annotations

import logging
import signal
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from protipp_stream.cli.arguments import Insecure, Markets, Several, log_to_stderr
from protipp_stream.cli.following import Transport, TransportChoice, Url
from protipp_stream.errors import ConnectionEnded, TrailUnavailable, UpdatesMissed

if TYPE_CHECKING:
    from protipp_stream.client import LiveOdds
    from protipp_stream.history.journal import JournalState
    from protipp_stream.model import RealTimeConnection

__all__ = ["record"]

SAY_S = 10.0
# The detail of a link that has ended for good: its token was refused, for example.
ENDED = "terminal"


def record(
    folder: Annotated[Path, typer.Argument(help="Where to; made if it is not there.")],
    url: Url = None,
    transport: Transport = TransportChoice.AUTO,
    bookmaker: Several = None,
    event: Several = None,
    market: Markets = None,
    witness: Annotated[
        Path | None, typer.Option(help="Also keep where the gateway's own trail stood.")
    ] = None,
    duration: Annotated[
        float | None, typer.Option(help="Stop after so many seconds; default: at Ctrl-C.")
    ] = None,
    insecure: Insecure = False,
) -> None:
    """Keep what a gateway sends until Ctrl-C. The token comes from PROTIPP_TOKEN."""
    from protipp_stream.client import connect

    log_to_stderr(logging.WARNING)
    began = datetime.now(UTC)
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with connect(
        url,
        transport=transport.value,
        bookmakers=bookmaker or (),
        events=event or (),
        markets=market or (),
        insecure=insecure,
        record=folder,
        witness=witness,
    ) as odds:
        print(f"recording {odds.url} to {folder}", file=sys.stderr, flush=True)
        odds.param.watch(lambda change: _if_ended(change.new, stopped), "status")
        _if_ended(odds.status, stopped)
        left_s = duration if duration is not None else float("inf")
        while left_s > 0 and not stopped.wait(min(SAY_S, left_s)):
            left_s -= SAY_S
            if _say(odds).status == "failed":
                break  # nothing is kept any more
        last = odds.status
    kept = _say(odds)
    if witness is not None and odds.checkpoint is None:
        print(f"{witness}: this gateway has no trail to witness", file=sys.stderr)
    if kept.lost_rows or kept.last_error:
        raise TrailUnavailable(
            f"Not all is in {folder}: {kept.last_error or 'the disk refused it for too long'}.",
            hint="Make room, or name a folder on another disk.",
        )
    _tell_gaps(folder, began)
    if last.detail == ENDED:
        raise ConnectionEnded(last.last_error or "The link has ended.")


def _tell_gaps(folder: Path, since: datetime) -> None:
    """Say what the gateway had and we were not given, one by one.

    Raises
    ------
    UpdatesMissed
        If there is any.
    """
    from protipp_stream.history import History

    gaps = History(folder).gaps(since=since).query("kind == 'gap'")
    if len(gaps):
        many = f"{gaps['count'].sum():,} or more" if gaps["count"].notna().any() else "some"
        raise UpdatesMissed(
            f"Updates are missing in {folder}: {many}, in {len(gaps)} gaps.",
            hint="Say `protipp-stream history query FOLDER gaps`, or ps.History(FOLDER).gaps().",
        )


def _if_ended(status: RealTimeConnection, stopped: threading.Event) -> None:
    if status.detail == ENDED:
        stopped.set()


def _say(odds: LiveOdds) -> JournalState:
    state = odds.recording
    assert state is not None  # it was asked for
    trouble = f", {state.last_error}" if state.last_error else ""
    lost = f", {state.lost_rows:,} LOST" if state.lost_rows else ""
    words = f"{state.rows:,} rows kept{lost}, {state.status}{trouble}"
    print(words, file=sys.stderr, flush=True)
    return state
