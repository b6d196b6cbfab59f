"""What can't be true is named; what is sound passes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from math import inf, nan, nextafter
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protipp_stream.core.quarantine import event_fault, quote_fault
from protipp_stream.model import Event, Quote

from .strategies import START


def quote(**changed: Any) -> Quote:
    sound = {
        "bookmaker_id": "fanduel",
        "event_id": "phillies",
        "market": "totals@7.5",
        "outcome": "Over",
        "odds": 1.91,
    }
    return Quote(**(sound | changed))


def event(**changed: Any) -> Event:
    sound = {"event_id": "phillies", "name": "Nationals @ Phillies", "sport": "baseball_mlb"}
    return Event(**(sound | changed))


@pytest.mark.parametrize("odds", [None, nextafter(1.0, 2), 1.01, 2, 1e6])
def test_a_price_above_one_passes_and_so_does_a_suspension(odds: float | None) -> None:
    assert quote_fault(quote(odds=odds), START) is None


@pytest.mark.parametrize(
    "odds",
    [
        1.0,
        1,
        0.0,
        -0.0,
        0.5,
        -2.0,
        nan,
        inf,
        -inf,
        nextafter(1e6, inf),
        10**400,
        True,
        False,
        "2.0",
        b"2.0",
        "",
        Decimal("2.0"),
        [2.0],
        2 + 0j,
    ],
    ids=lambda odds: f"{odds!r:.20}",
)
def test_what_is_no_price_is_named_odds(odds: Any) -> None:
    assert quote_fault(quote(odds=odds), START) == "odds"


NO_NAMES = {
    "empty": "",
    "257 long": "a" * 257,
    "line feed": "a\nb",
    "last line feed": "a\n",
    "carriage return": "a\r",
    "nul": "\0",
    "escape": "\x1b[31m",
    "delete": "a\x7f",
    "next line": "a\x85",
    "line separator": "a\u2028",
    "paragraph separator": "\u2029a",
    "lone surrogate": "\ud800",
    "none": None,
    "number": 7,
    "bytes": b"a",
    "list": ["a"],
}


@pytest.mark.parametrize("part", ["bookmaker_id", "event_id", "market", "outcome"])
@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES.keys())
def test_what_is_no_name_is_named_name(part: str, name: Any) -> None:
    assert quote_fault(quote(**{part: name}), START) == "name"


@pytest.mark.parametrize("part", ["event_id", "name", "sport", "home", "away"])
@pytest.mark.parametrize("name", NO_NAMES.values(), ids=NO_NAMES.keys())
def test_what_is_no_name_in_an_event_is_named_name(part: str, name: Any) -> None:
    if name is None and part in ("home", "away"):
        assert event_fault(event(**{part: name})) is None
    else:
        assert event_fault(event(**{part: name})) == "name"


@given(st.text(max_size=4) | st.text("ab\n\r\x85\u2028", max_size=3))
@example("a" * 256)
@example("a" * 257)
@example("Atlético Nacional - Once Caldas (♀) 🏆")
def test_the_quarantine_and_the_decoder_agree_about_names(name: str) -> None:
    fault = quote_fault(quote(outcome=name), START)
    try:
        msgspec.convert({**msgspec.structs.asdict(quote()), "outcome": name}, Quote)
    except msgspec.ValidationError:
        assert fault == "name"
    else:
        assert fault is None


@given(st.floats() | st.integers())
def test_the_quarantine_and_the_decoder_agree_about_prices(odds: float) -> None:
    fault = quote_fault(quote(odds=odds), START)
    try:
        msgspec.convert({**msgspec.structs.asdict(quote()), "odds": odds}, Quote)
    except msgspec.ValidationError:
        # NaN passes no comparison: to the decoder that is "not refused".
        assert fault == "odds"
    else:
        assert fault == ("odds" if odds != odds else None)


EAST = timezone(timedelta(hours=14))
WEST = timezone(timedelta(hours=-12))


@pytest.mark.parametrize(
    "stamp",
    [
        None,
        START,
        START - timedelta(days=400),
        datetime(2000, 1, 1, tzinfo=UTC),
        START + timedelta(days=1),
        START.astimezone(EAST),
    ],
)
def test_a_sound_stamp_passes(stamp: datetime | None) -> None:
    assert quote_fault(quote(source_timestamp=stamp), START) is None


@pytest.mark.parametrize(
    "stamp",
    [
        START.replace(tzinfo=None),
        START + timedelta(days=1, microseconds=1),
        datetime(2087, 1, 1, tzinfo=UTC),
        datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC),
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime.max.replace(tzinfo=WEST),
        datetime.min.replace(tzinfo=EAST),
        "2026-08-04T18:00:00Z",
        1_785_866_400,
        date(2026, 8, 4),
    ],
    ids=str,
)
def test_a_naive_or_wild_stamp_is_named_timestamp(stamp: Any) -> None:
    assert quote_fault(quote(source_timestamp=stamp), START) == "timestamp"


@pytest.mark.parametrize(
    "starts_at", [START.replace(tzinfo=None), "2026-08-04T18:00:00Z", date(2026, 8, 4)], ids=str
)
def test_an_event_that_starts_at_no_instant_is_named_timestamp(starts_at: Any) -> None:
    assert event_fault(event(starts_at=starts_at)) == "timestamp"


def test_a_sound_event_passes() -> None:
    assert event_fault(event()) is None
    assert event_fault(event(starts_at=START, home="Phillies", away="Nationals")) is None
