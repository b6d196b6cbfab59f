"""``doctor``: how a gateway is reached from here, and how late its odds are.

All transports are tried side by side, each for the same seconds: no fallback and
no second try, so what is wrong with one of them is said in its own error's words.
A latency that crosses machines is corrected by the clock offset of that
connection's best ping, and is shown with the offset's bound.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING, Annotated

import msgspec
import typer

from protipp_stream.cli.arguments import Insecure, log_to_stderr
from protipp_stream.cli.following import Url
from protipp_stream.core.connections import FIRST_FRAME_S
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import ClockOffset, bounded
from protipp_stream.core.wire import Connected, Snapshot, Source, Updates
from protipp_stream.errors import ConnectionLost, ProtippStreamError
from protipp_stream.model import Cursor, RealTimeConnection

if TYPE_CHECKING:
    from rich.table import Table

    from protipp_stream.client.arrival import Received
    from protipp_stream.client.endpoint import Endpoint

__all__ = ["Examination", "Stage", "Trial", "doctor", "verdicts"]

LATE_MS = 100.0
CLOCK_WRONG_MS = 1000.0
HEAD_START_S = 0.5


class Stage(msgspec.Struct, frozen=True):
    """Milliseconds that updates spent on one part of their way.

    Attributes
    ----------
    error_ms : float
        Each figure is right to within this; 0 where one clock measured both ends.
    """

    count: int
    p50: float
    p95: float
    p99: float
    error_ms: float


class Trial(msgspec.Struct):
    """What one transport did.

    Attributes
    ----------
    error : str or None
        Why it did not work, or how it broke off, in words.
    connected_ms, board_ms : float or None
        From the first byte of the connection to ``connected``, and to the board.
    offset_ms, offset_error_ms, rtt_ms : float or None
        The gateway's clock minus ours, within the error; the shortest round trip.
    stages : dict of Stage
        ``gateway`` (received to sent), ``network`` (sent to here), ``client``
        (here) and ``total``; empty when no update came.
    """

    transport: str
    error: str | None = None
    connected_ms: float | None = None
    board_ms: float | None = None
    selections: int = 0
    updates: int = 0
    offset_ms: float | None = None
    offset_error_ms: float | None = None
    rtt_ms: float | None = None
    stages: dict[str, Stage] = {}

    @property
    def works(self) -> bool:
        """Whether it brought the board and did not break off."""
        return self.board_ms is not None and self.error is None


class Examination(msgspec.Struct):
    """What was found: a trial for each transport, in the order in which auto tries them."""

    url: str
    seconds: float
    trials: list[Trial]
    sources: list[RealTimeConnection] = []
    is_in_clear: bool = False

    @property
    def chosen(self) -> Trial | None:
        """The transport that ``auto`` would stay on; None if there is none."""
        return next((trial for trial in self.trials if trial.works), None)


def doctor(
    url: Url = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=3600, help="How long to look.")] = 10.0,
    json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
    insecure: Insecure = False,
) -> None:
    """Say how a gateway is reached from here, and how late its odds are."""
    from rich.console import Console

    log_to_stderr(logging.CRITICAL)
    endpoint = _endpoint(url, insecure=insecure)
    with Console(stderr=True).status(f"Looking at {endpoint.base} for {seconds:g} s …"):
        found, errors = asyncio.run(_examine(endpoint, seconds))
    nothing_works = len(errors) == len(found.trials)
    if not (nothing_works and _are_alike(errors)):
        _print(found, as_json=json)
    if nothing_works:
        raise errors[-1]


def _are_alike(errors: Sequence[ProtippStreamError]) -> bool:
    """Whether one line says it all; how each way was lost is worth the table."""
    return len({type(error) for error in errors}) == 1 and not isinstance(errors[0], ConnectionLost)


def _endpoint(url: str | None, *, insecure: bool) -> Endpoint:
    from protipp_stream.client.connect import live_odds
    from protipp_stream.client.endpoint import endpoint_of

    # The same defaults and the same words as for everyone who connects.
    odds = live_odds(url, insecure=insecure)
    return endpoint_of(odds.url, os.environ["PROTIPP_TOKEN"], insecure=insecure)


# ------------------------------------------------------------------ the trials


async def _examine(
    endpoint: Endpoint, seconds: float
) -> tuple[Examination, list[ProtippStreamError]]:
    from protipp_stream.client.transports import LADDER

    observers, watching = [], []
    for name, transport in LADDER.items():
        observer = _Observer(name)
        frames = transport(endpoint, None, Filter(), observer.clock)
        observers.append(observer)
        watching.append(asyncio.create_task(observer.watch(frames, seconds)))
        # One after the other, or each would time the others' connecting too.
        await observer.settled(HEAD_START_S)
    for observer in observers:
        observer.begin()
    errors = await asyncio.gather(*watching)
    sources = {source.id: source for observer in observers for source in observer.sources.values()}
    found = Examination(
        endpoint.base,
        seconds,
        [observer.trial() for observer in observers],
        list(sources.values()),
        is_in_clear=endpoint.base.startswith("http://") and not endpoint.is_loopback,
    )
    return found, [error for error in errors if error is not None]


class _Observer:
    """Watches the frames of one transport and writes down when they came."""

    def __init__(self, transport: str) -> None:
        from protipp_stream.client.timing import Timing

        self.sources: dict[str, RealTimeConnection] = {}
        self._timing = Timing()
        self._found = Trial(transport)
        self._live_from = 0
        self._settled = asyncio.Event()

    @property
    def clock(self) -> ClockOffset:
        """The gateway's clock, as measured over this transport."""
        return self._timing.clock

    def begin(self) -> None:
        """Measure from here on: before, our own connecting would stand in the figures."""
        from protipp_stream.client.timing import Timing

        measured, self._timing = self.clock, Timing()
        self._timing.clock = measured
        self._found.updates = 0

    async def settled(self, seconds: float) -> None:
        """Wait until it has brought the board or failed, at most so long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._settled.wait()

    async def watch(
        self, frames: AsyncGenerator[Received, None], seconds: float
    ) -> ProtippStreamError | None:
        """Watch for so long; return why it ended before."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        patience_s = min(FIRST_FRAME_S, seconds)
        try:
            async with aclosing(frames), asyncio.timeout(patience_s) as limit:
                async for received in frames:
                    limit.reschedule(began + seconds)
                    self._take(received, (loop.time() - began) * 1000)
        except TimeoutError:
            if self._found.connected_ms is not None:
                return None
            return self._failed(_held_back(self._found.transport, patience_s))
        except ProtippStreamError as error:
            return self._failed(error)
        finally:
            self._settled.set()
        return None

    def _failed(self, error: ProtippStreamError) -> ProtippStreamError:
        self._found.error = str(error)
        return error

    def _take(self, received: Received, after_ms: float) -> None:
        frame, found = received.frame, self._found
        match frame:
            case Connected():
                found.connected_ms = after_ms
                joined = Cursor.parse(frame.cursor)
                self._live_from = joined.seq if joined else 0
            case Snapshot():
                found.board_ms = found.board_ms or after_ms
                found.selections = len(frame.quotes)
                self._settled.set()
            case Updates():
                # What was missed and is caught up on says nothing of the way.
                live = [update for update in frame.updates if update.seq > self._live_from]
                found.updates += len(live)
                self._timing.complete(frame.sent_at, received.arrived, live)
            case Source():
                self.sources[frame.connection.id] = frame.connection

    def trial(self) -> Trial:
        """Return what was found."""
        from protipp_stream.client.arrival import now
        from protipp_stream.client.timing import STAGES

        found, offset = self._found, self.clock.at(now())
        if offset is not None:
            # Against our wall clock: that of `arrival` counts from when we were switched on.
            found.offset_ms = (offset.offset_s + now() - time.time()) * 1000
            found.offset_error_ms = offset.error_s * 1000
        if (round_trip_s := self.clock.round_trip_s) is not None:
            found.rtt_ms = round_trip_s * 1000
        for name in STAGES:
            if (seen := self._timing.stage(name)) is not None:
                found.stages[name] = Stage(
                    seen.count, seen.p50_ms, seen.p95_ms, seen.p99_ms, seen.error_ms
                )
        return found


def _held_back(transport: str, seconds: float) -> ConnectionLost:
    hint = "Something on the way takes connections and does not answer."
    if transport != "polling":
        hint = "A proxy on the way may keep the stream back until its buffer is full."
    return ConnectionLost(f"No frame came over {transport} within {seconds:g} s.", hint=hint)


# ------------------------------------------------------------------ in words


def verdicts(found: Examination) -> list[str]:
    """Say what the figures mean: which transport ``auto`` would use, and what is odd."""
    said = [_choice(found)]
    said += [f"{trial.transport}: {trial.error}" for trial in found.trials if trial.error]
    said += [
        f"source {source.id}: {source.last_error or 'stale'}"
        for source in found.sources
        if source.stale or source.status == "error"
    ]
    said += _about_clock(found)
    if found.chosen is not None:
        said += _about_delivery(found.chosen, found.seconds)
    if found.is_in_clear:
        said.append("The token travels in clear: this is plain http to another machine.")
    return said


def _choice(found: Examination) -> str:
    chosen = found.chosen
    if chosen is None:
        return "No transport works from here."
    failed = [trial.transport for trial in found.trials[: found.trials.index(chosen)]]
    because = f", because {' and '.join(failed)} can't be used" if failed else ""
    return f"transport=auto would use {chosen.transport}{because}."


def _about_clock(found: Examination) -> list[str]:
    offsets = [trial.offset_ms for trial in found.trials if trial.offset_ms is not None]
    if not offsets:
        connected = any(trial.connected_ms is not None for trial in found.trials)
        return ["The clocks could not be compared: no delivery figures."] if connected else []
    smallest = min(offsets, key=abs)
    if abs(smallest) <= CLOCK_WRONG_MS:
        return []
    return [
        f"This machine's clock and the gateway's are {abs(smallest) / 1000:.1f} s apart. The "
        "figures are corrected for it, the times of updates are not: set both by NTP."
    ]


def _about_delivery(trial: Trial, seconds: float) -> list[str]:
    if not trial.updates:
        return [f"No update came in {seconds:g} s: no delivery figures. Try a longer --seconds."]
    total = trial.stages.get("total")
    if total is None:
        return []
    shown = bounded(total.p95, total.error_ms)
    if total.p95 - total.error_ms <= LATE_MS:
        return [f"95 % of updates arrive within {shown} of the gateway's receipt."]
    if trial.transport == "polling":
        where = "because a poll asks only now and then"
    elif trial.stages["gateway"].p95 > trial.stages["network"].p95:
        where = "most of it in the gateway"
    else:
        where = "most of it on the way here"
    return [f"Updates are late: p95 is {shown}, {where}."]


def _print(found: Examination, *, as_json: bool) -> None:
    if as_json:
        chosen = found.chosen
        facts = {"auto": chosen.transport if chosen else None, "verdicts": verdicts(found)}
        print(msgspec.json.encode(msgspec.to_builtins(found) | facts).decode())
        return
    from rich.console import Console

    console = Console(highlight=False)
    console.print(_table(found, framed=console.is_terminal))
    for line in verdicts(found):
        # Not by rich: it would wrap lines and read brackets as markup.
        print(f"- {line}")


def _table(found: Examination, *, framed: bool) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    table = Table(box=SIMPLE_HEAD if framed else None, pad_edge=False)
    table.add_column(found.url, no_wrap=True)
    for trial in found.trials:
        table.add_column(trial.transport, justify="right", no_wrap=True)
    for title, cell in _ROWS.items():
        table.add_row(title, *(cell(trial) for trial in found.trials))
    return table


def _ms(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} ms"


def _quantile(stage: str, which: str) -> Callable[[Trial], str]:
    def cell(trial: Trial) -> str:
        measured = trial.stages.get(stage)
        if measured is None:
            return "-"
        value: float = getattr(measured, which)
        return bounded(value, measured.error_ms) if measured.error_ms else _ms(value)

    return cell


_ROWS: dict[str, Callable[[Trial], str]] = {
    "works": lambda trial: "yes" if trial.works else "no",
    "connected after": lambda trial: _ms(trial.connected_ms),
    "first board after": lambda trial: _ms(trial.board_ms),
    "prices on it": lambda trial: str(trial.selections) if trial.board_ms else "-",
    "gateway's clock": lambda trial: (
        "-"
        if trial.offset_ms is None
        else f"{trial.offset_ms:+.1f} ± {trial.offset_error_ms:.1f} ms"
    ),
    "shortest round trip": lambda trial: _ms(trial.rtt_ms),
    "updates seen": lambda trial: str(trial.updates) if trial.board_ms else "-",
    "delivery p50": _quantile("total", "p50"),
    "delivery p95": _quantile("total", "p95"),
    "delivery p99": _quantile("total", "p99"),
    "gateway p95": _quantile("gateway", "p95"),
    "network p95": _quantile("network", "p95"),
    "client p95": _quantile("client", "p95"),
}
