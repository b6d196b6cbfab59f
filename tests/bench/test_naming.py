"""Names: what it costs to ask of every quote whose it is.

The recording of four days of baseball, decoded beforehand, goes through a hub with
its naming and through one without. Then a second source tells the same again under
other ids: every quote of it is brought into the words of the first.
"""

from __future__ import annotations

import lzma
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from statistics import median

import msgspec
import pytest

from protipp_stream.core.naming import Named, Naming
from protipp_stream.feeds.the_odds_api.body import decode_odds
from protipp_stream.gateway.hub import Hub
from protipp_stream.model import Batch, Event, Quote
from tests.bench.tables import Table
from tests.scripted import HandClock

pytestmark = [pytest.mark.recording, pytest.mark.timeout(600)]


class _Fetch(msgspec.Struct):
    fetched_at: datetime
    body: msgspec.Raw


class _Unnamed(Naming):
    """Passes everything as it is."""

    def take(
        self, source_id: str, quotes: list[Quote], events: list[Event], received_at: datetime
    ) -> Named:
        return Named(quotes, events, [], [])


def test_a_gateway_with_one_source_pays_next_to_nothing(
    baseball: Path, tables: list[Table], is_full: bool
) -> None:
    batches = _batches(baseball, 10 if is_full else 200)
    rounds = 7 if is_full else 1
    quotes = sum(len(batch.quotes) for batch in batches)

    def through_hub(naming: type[Naming]) -> Callable[[], float]:
        def run() -> float:
            hub = Hub(names=naming(), clock=HandClock())
            return _timed(lambda batch: hub.take(batch, "replay"), batches)

        return run

    def naming_alone() -> float:
        naming = Naming()
        return _timed(lambda batch: _take(naming, "one", batch), batches)

    def second_source() -> float:
        naming = Naming()
        for batch in batches:
            _take(naming, "one", batch)
        others = [_retold(batch) for batch in batches]
        spent = _timed(lambda batch: _take(naming, "other", batch), others)
        assert naming.report()["other"].matched == naming.report()["one"].events
        return spent

    ways = {
        "hub without naming": through_hub(_Unnamed),
        "hub with naming, one source": through_hub(Naming),
        "naming alone, one source": naming_alone,
        "naming alone, a second source, every quote translated": second_source,
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            spent[name].append(run() / quotes * 1e6)
    table = Table(f"Names: {quotes:,} quotes of the baseball recording", ["", "µs CPU/quote"])
    for name, figures in spent.items():
        table.add(name, median(figures))
    tables.append(table)
    if is_full:
        share = median(spent["naming alone, one source"]) / median(spent["hub without naming"])
        assert share < 0.1


def _batches(baseball: Path, every: int) -> list[Batch]:
    with lzma.open(baseball) as lines:
        kept = [line for number, line in enumerate(lines) if number % every == 0]
    fetches = [msgspec.json.decode(line, type=_Fetch) for line in kept]
    batches = []
    for fetch in fetches:
        reading = decode_odds(fetch.body, "american")
        at = fetch.fetched_at
        batches.append(Batch(reading.quotes, at, at.timestamp(), reading.events))
    return batches


def _retold(batch: Batch) -> Batch:
    def renamed(item: Quote | Event) -> dict[str, str]:
        return {"event_id": f"other-{item.event_id}"}

    quotes = [msgspec.structs.replace(each, **renamed(each)) for each in batch.quotes]
    events = [msgspec.structs.replace(each, **renamed(each)) for each in batch.events]
    return Batch(quotes, batch.received_at, batch.arrived, events)


def _take(naming: Naming, source: str, batch: Batch) -> None:
    naming.take(source, batch.quotes, batch.events, batch.received_at)


def _timed(take: Callable[[Batch], object], batches: list[Batch]) -> float:
    begun = time.process_time()
    for batch in batches:
        take(batch)
    return time.process_time() - begun
