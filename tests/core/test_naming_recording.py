"""Four days of real baseball, told by two sources that name everything differently.

The recording is one source. Its second telling gives every event another id, calls
every other home team the away team, abbreviates cities and starts a little later;
brought into our names, it must be the recording again, price by price.
"""

from __future__ import annotations

import lzma
from datetime import timedelta
from itertools import combinations
from pathlib import Path

import msgspec
import pytest

from protipp_stream.core.naming import Naming
from protipp_stream.feeds.the_odds_api.body import Reading, decode_odds
from protipp_stream.model import Event, Quote

from .strategies import START

pytestmark = pytest.mark.recording

EVERY = 40
SHORT = {
    "New York Yankees": "NY Yankees",
    "New York Mets": "NY Mets",
    "Los Angeles Dodgers": "L.A. Dodgers",
    "Los Angeles Angels": "LA Angels",
    "San Francisco Giants": "SF Giants",
    "St. Louis Cardinals": "STL Cardinals",
    "Chicago White Sox": "CHI White Sox",
    "Athletics": "Oakland Athletics",
}
# Both tell of the same bookmakers.
TABLES = {"aliases": {short: name for name, short in SHORT.items()}, "owner_silent_s": 0.0}


@pytest.fixture(scope="module")
def readings(baseball: Path) -> list[Reading]:
    with lzma.open(baseball) as lines:
        fetches = [line for number, line in enumerate(lines) if number % EVERY == 0]
    return [
        decode_odds(msgspec.json.decode(each, type=_Fetch).body, "american") for each in fetches
    ]


class _Fetch(msgspec.Struct):
    body: msgspec.Raw


class Other:
    """Tells the recording in other words."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def number(self, event_id: str) -> int:
        return self._numbers.setdefault(event_id, len(self._numbers))

    def event(self, event: Event) -> Event:
        number = self.number(event.event_id)
        home, away = (
            SHORT.get(event.home or "", event.home),
            SHORT.get(event.away or "", event.away),
        )
        assert event.starts_at is not None
        return Event(
            str(number),
            f"{home} @ {away}" if number % 2 else f"{home} v {away}",
            "7511",
            event.starts_at + timedelta(minutes=number % 25),
        )

    def quote(self, quote: Quote) -> Quote:
        number = self.number(quote.event_id)
        kind, at, line = quote.market.partition("@")
        if kind == "spreads" and number % 2:
            line = f"{0.0 - float(line):.10g}"
        outcome = SHORT.get(quote.outcome, quote.outcome).upper()
        return msgspec.structs.replace(
            quote, event_id=str(number), market=f"{kind}{at}{line}", outcome=outcome
        )


def doubled(event: Event, games: dict[frozenset[str | None], dict[str, int]]) -> Event:
    """Play a series on one day, a game every three and a half hours."""
    series = games.setdefault(frozenset((event.home, event.away)), {})
    number = series.setdefault(event.event_id, len(series))
    return msgspec.structs.replace(event, starts_at=START + timedelta(hours=3.5 * number))


def test_a_second_telling_of_the_recording_is_the_recording_again(
    readings: list[Reading],
) -> None:
    naming, other = Naming(TABLES), Other()
    count = 0
    for quotes, events, faults in readings:
        assert faults == []
        first = naming.take("first", quotes, events, START)
        assert (first.quotes, first.events) == (quotes, events)
        told = [other.quote(quote) for quote in quotes]
        second = naming.take("second", told, [other.event(each) for each in events], START)
        assert second.quotes == quotes
        assert second.events == second.moved == []
        count += len(quotes)
    assert count > 20_000
    for report in naming.report().values():
        assert report.matched == report.events >= 70
        assert not report.unmatched
        assert not report.unknown


def test_real_series_as_doubleheaders_are_kept_apart(readings: list[Reading]) -> None:
    naming, other = Naming(TABLES), Other()
    games: dict[frozenset[str | None], dict[str, int]] = {}
    for quotes, events, _ in readings:
        events = [doubled(each, games) for each in events]
        naming.take("first", [], events, START)
        told = [other.quote(quote) for quote in quotes]
        second = naming.take("second", told, [other.event(each) for each in events], START)
        assert second.quotes == quotes
    assert max(map(len, games.values())) >= 3
    for report in naming.report().values():
        assert report.matched == report.events


def test_the_recording_itself_holds_no_doubleheader(readings: list[Reading]) -> None:
    """So that who reads the tests knows why one is made up; the nearest are 18 h apart."""
    starts = {each.event_id: each for _, events, _ in readings for each in events}
    gaps = [
        abs(one.starts_at - other.starts_at)
        for one, other in combinations(starts.values(), 2)
        if {one.home, one.away} == {other.home, other.away} and one.starts_at and other.starts_at
    ]
    assert timedelta(hours=13) < min(gaps) < timedelta(hours=24)
