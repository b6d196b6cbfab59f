"""``watch`` and ``replay``: print what a client receives."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from protipp_stream.cli.arguments import Insecure, Markets, Several, Speed, log_to_stderr, recorded
from protipp_stream.errors import ProtippStreamError, UpdatesMissed

if TYPE_CHECKING:
    from protipp_stream.client import LiveOdds
    from protipp_stream.client.stream import UpdateStream
    from protipp_stream.model import OddsUpdate, RealTimeConnection

__all__ = ["replay", "watch"]


class TransportChoice(StrEnum):
    """How a client follows a gateway."""

    AUTO = "auto"
    WEBSOCKET = "websocket"
    SSE = "sse"
    POLLING = "polling"


Url = Annotated[
    str | None, typer.Argument(help="The gateway; default: the environment's PROTIPP_URL.")
]
Transport = Annotated[TransportChoice, typer.Option(help="How to follow it.")]


def watch(
    url: Url = None,
    transport: Transport = TransportChoice.AUTO,
    count: Annotated[int | None, typer.Option(min=1, help="Stop after so many updates.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line.")] = False,
    since: Annotated[
        str | None, typer.Option(help="Resume after this cursor, an update's id.")
    ] = None,
    bookmaker: Several = None,
    event: Several = None,
    market: Markets = None,
    max_hz: Annotated[
        float | None,
        typer.Option(min=0.01, max=1000, help="At most so many frames a second, of the newest."),
    ] = None,
    insecure: Insecure = False,
) -> None:
    """Print updates as they come, a line each. The token comes from PROTIPP_TOKEN."""
    from protipp_stream.client.connect import live_odds

    log_to_stderr(logging.WARNING)
    # The notes on stderr say the same, and an error is one line.
    logging.getLogger("protipp_stream.client.transitions").setLevel(logging.ERROR)
    odds = live_odds(
        url,
        transport=transport.value,
        bookmakers=bookmaker or (),
        events=event or (),
        markets=market or (),
        since=since,
        max_hz=max_hz,
        insecure=insecure,
    )
    updates = odds.stream(on_gap="raise")
    odds.param.watch(_note_state, "status")
    with odds.start():
        for number, update in enumerate(_noting_gaps(updates), start=1):
            print(_as_json(update) if json else _as_text(odds, update), flush=True)
            if number == count:
                return


def replay(
    file: Annotated[Path, typer.Argument(help="A recording: .jsonl, .jsonl.xz, .gz, .bz2.")],
    speed: Speed = "max",
    summary: Annotated[bool, typer.Option("--summary", help="Print counts only.")] = False,
    transport: Transport = TransportChoice.WEBSOCKET,
) -> None:
    """Send a recording through a gateway and print what its client receives."""
    from protipp_stream.client import connect
    from protipp_stream.core.summary import Summary
    from protipp_stream.gateway import Gateway

    # The end of the feed is reported below, in one line.
    log_to_stderr(logging.CRITICAL)
    counted = Summary()
    fetches: set[object] = set()
    with Gateway() as gateway, connect(gateway, transport=transport.value) as odds:

        async def pace() -> None:
            await asyncio.to_thread(odds.wait_until, gateway.hub.cursor)

        feed = recorded(file, speed, rebase=False, pace=pace)
        updates = odds.stream(on_gap="raise")
        # The replay's state travels behind its updates: when its end has come
        # out of the client, so has everything before it.
        odds.param.watch(
            lambda change: _note_fetch(change.new[feed.connection.id], fetches, updates), "sources"
        )
        gateway.follow(feed)
        for update in _progress(updates, show=summary):
            counted.take(update)
            if not summary:
                print(_as_json(update))
        end = odds.sources[feed.connection.id]
    if end.status == "error":
        raise ProtippStreamError(end.last_error or "The replay failed.")
    if summary:
        print(counted.line(len(fetches)))


def _note_state(change: Any) -> None:
    """Say on stderr when the link breaks and when it is back."""
    old, new = change.old, change.new
    if old.status == "connected" and new.detail in {"backoff", "recovering"}:
        _note(f"{new.last_error} Trying again.")
    elif new.status == "connected" and old.status != "connected" and old.error_count:
        _note(f"connected again, over {new.connection_type}.")


def _noting_gaps(updates: UpdateStream) -> Iterator[OddsUpdate]:
    while True:
        try:
            update = updates.next()
        except UpdatesMissed as gap:
            _note(gap.message)
            continue
        if update is None:
            return
        yield update


def _note(words: str) -> None:
    print(f"note: {words}", file=sys.stderr, flush=True)


def _note_fetch(source: RealTimeConnection, fetches: set[object], updates: Any) -> None:
    if source.last_heartbeat is not None:
        fetches.add(source.last_heartbeat)
    if source.status in {"disconnected", "error"}:
        updates.close()


def _progress(updates: Iterable[OddsUpdate], *, show: bool) -> Iterator[OddsUpdate]:
    """Show on a terminal that something is going on; output stays clean."""
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    if not show or not console.is_terminal:
        yield from updates
        return
    yield from track(updates, "updates", total=None, console=console, transient=True)


def _as_json(update: OddsUpdate) -> str:
    from protipp_stream.core.wire import encode

    return encode(update).decode()


def _as_text(odds: LiveOdds, update: OddsUpdate) -> str:
    event = odds.event_name(update.event_id)
    old, new = (
        f"{price:.3f}" if price is not None else "-" for price in (update.old_odds, update.new_odds)
    )
    flag = f"  ! {update.reason}" if update.is_significant else ""
    return (
        f"{update.timestamp:%H:%M:%S.%f} {update.bookmaker_id:<14} {event} · {update.market} · "
        f"{update.outcome}: {old} → {new}{flag}"
    )
