"""The decoder of The Odds API: lines, stamps, and one bad outcome among good ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.quarantine import event_fault, quote_fault
from protipp_stream.feeds.the_odds_api.body import decode_odds, market_id
from protipp_stream.model import Event
from tests.feeds.bodies import (
    AWAY,
    HOME,
    STAMP,
    body,
    bookmaker,
    event,
    market,
    moneyline,
    outcome,
)

AT = datetime.fromisoformat(STAMP)
lines = st.integers(-800, 800).map(lambda quarters: quarters / 4)


def markets_of(*markets: dict[str, Any]) -> list[tuple[str, str]]:
    reading = decode_odds(body(event(bookmaker("b", *markets))), "decimal")
    assert reading.faults == []
    return [(quote.market, quote.outcome) for quote in reading.quotes]


# ------------------------------------------------------------------- the lines


def test_the_line_of_a_spread_is_the_home_teams() -> None:
    underdog = market("spreads", outcome(HOME, 1.9, 2.5), outcome(AWAY, 1.9, -2.5))
    assert markets_of(underdog) == [("spreads@2.5", HOME), ("spreads@2.5", AWAY)]
    favourite = market("spreads", outcome(AWAY, 1.9, 2.5), outcome(HOME, 1.9, -2.5))
    assert markets_of(favourite) == [("spreads@-2.5", AWAY), ("spreads@-2.5", HOME)]


@given(lines)
def test_both_sides_of_a_spread_are_one_market(line: float) -> None:
    home = market_id("spreads", HOME, line, HOME, AWAY)
    assert home == market_id("spreads", AWAY, -line, HOME, AWAY)
    assert float(home.partition("@")[2]) == line
    assert "-0" not in home.partition("@")[2].split(".")[0] or line < 0


@pytest.mark.parametrize(
    ("point", "name"),
    [(8, "totals@8"), (8.0, "totals@8"), (7.5, "totals@7.5"), (220.25, "totals@220.25")],
)
def test_a_line_is_written_in_its_shortest_form(point: float, name: str) -> None:
    total = market("totals", outcome("Over", 1.9, point), outcome("Under", 1.9, point))
    assert markets_of(total) == [(name, "Over"), (name, "Under")]


@pytest.mark.parametrize("zeros", [(0, 0), (0, -0.0), (-0.0, 0.0), (-0.0, -0.0)])
def test_a_spread_of_0_has_one_name(zeros: tuple[float, float]) -> None:
    level = market("spreads", outcome(HOME, 1.9, zeros[0]), outcome(AWAY, 1.9, zeros[1]))
    assert markets_of(level) == [("spreads@0", HOME), ("spreads@0", AWAY)]


def test_an_exchanges_lay_side_is_a_market_of_its_own() -> None:
    assert markets_of(market("h2h_lay", outcome(HOME, 2.0))) == [("h2h_lay", HOME)]


# ------------------------------------------------------------ stamps and events


def test_the_markets_stamp_counts_and_else_the_bookmakers() -> None:
    later = "2026-08-04T00:00:59Z"
    with_own = event(bookmaker("b", market("h2h", outcome(HOME, 2.0)), last_update=later))
    assert decode_odds(body(with_own), "decimal").quotes[0].source_timestamp == AT
    without = market("h2h", outcome(HOME, 2.0))
    del without["last_update"]
    of_bookmaker = event(bookmaker("b", without, last_update=STAMP))
    assert decode_odds(body(of_bookmaker), "decimal").quotes[0].source_timestamp == AT
    of_none = event(bookmaker("b", without))
    assert decode_odds(body(of_none), "decimal").quotes[0].source_timestamp is None


def test_stamps_may_be_seconds_since_1970() -> None:
    unix = market("h2h", outcome(HOME, 2.0), last_update=int(AT.timestamp()))
    reading = decode_odds(body(event(bookmaker("b", unix), commence_time=1785811260)), "decimal")
    assert reading.quotes[0].source_timestamp == AT
    assert reading.events[0].starts_at == datetime(2026, 8, 4, 2, 41, tzinfo=UTC)


def test_a_shift_moves_the_stamps() -> None:
    reading = decode_odds(body(moneyline()), "american", timedelta(hours=1))
    assert {q.source_timestamp for q in reading.quotes} == {AT + timedelta(hours=1)}


def test_an_event_is_described_in_words() -> None:
    assert decode_odds(body(moneyline()), "american").events == [
        Event(
            event_id="e1",
            name="Washington Nationals @ Philadelphia Phillies",
            sport="baseball_mlb",
            starts_at=datetime(2026, 8, 4, 2, 41, tzinfo=UTC),
            home=HOME,
            away=AWAY,
        )
    ]


def test_an_event_without_two_sides_is_named_by_its_sport() -> None:
    outright = event(home_team=None, away_team=None, sport_key="golf_masters")
    assert decode_odds(body(outright), "decimal").events[0].name == "golf_masters"


def test_fields_that_a_provider_adds_do_no_harm() -> None:
    extended = moneyline(link="https://example.test", venue={"roof": [1, 2]})
    assert len(decode_odds(body(extended), "american").quotes) == 2


# --------------------------------------------------------------------- faults

GOOD = [outcome(HOME, -120), outcome("Over", 110, 7.5), outcome("Under", -130, 7.5)]


@pytest.mark.parametrize(
    ("key", "bad"),
    [
        ("h2h", outcome(AWAY, "evens")),
        ("h2h", outcome(AWAY, None)),
        ("h2h", outcome(AWAY, True)),
        ("h2h", outcome(AWAY, 0)),
        ("h2h", outcome(AWAY, -99)),
        ("h2h", outcome(AWAY, 130, 2.5)),
        ("h2h", {"price": 130}),
        ("h2h", 7),
        ("totals", outcome("Over", 110)),
        ("totals", outcome("Over", 110, "7.5")),
        ("spreads", outcome(HOME, 110)),
        ("spreads", outcome("Draw", 110, 1.5)),
        ("alternate_lines", outcome("Over", 110, 7.5)),
    ],
)
def test_one_bad_outcome_is_one_fault_and_the_rest_is_unharmed(key: str, bad: Any) -> None:
    mixed = event(
        bookmaker("b", market(key, bad), market("h2h", GOOD[0]), market("totals", *GOOD[1:]))
    )
    reading = decode_odds(body(mixed), "american")
    assert [q.outcome for q in reading.quotes] == [HOME, "Over", "Under"]
    assert len(reading.faults) == 1


@pytest.mark.parametrize(
    "bad",
    [
        event(id=None),
        event(commence_time="tomorrow"),
        event(commence_time="2026-08-04T02:41:00"),
        event(commence_time=10**18),
        event(bookmakers=None),
        {},
        [],
        None,
    ],
)
def test_a_bad_event_is_a_fault_and_the_next_is_read(bad: Any) -> None:
    reading = decode_odds(json.dumps([bad, moneyline()]).encode(), "american")
    assert [e.event_id for e in reading.events] == ["e1"]
    assert len(reading.quotes) == 2
    assert len(reading.faults) == 1


@pytest.mark.parametrize(
    "bad",
    [
        bookmaker("b") | {"markets": "none"},
        {"key": "b"},
        bookmaker("b", market("h2h") | {"key": 1}),
    ],
)
def test_a_bad_bookmaker_or_market_is_a_fault(bad: Any) -> None:
    good = bookmaker("good", market("h2h", outcome(HOME, 2.0)))
    reading = decode_odds(body(event(bad, good)), "decimal")
    assert [q.bookmaker_id for q in reading.quotes] == ["good"]
    assert len(reading.faults) == 1


def test_bad_text_is_a_fault_where_it_stands() -> None:
    broken = body(moneyline(), moneyline(id="e2")).replace(HOME.encode(), b"\xff\xfe", 1)
    reading = decode_odds(broken, "american")
    assert reading.faults
    assert {q.event_id for q in reading.quotes} >= {"e2"}


def test_decimal_odds_go_on_as_they_are_for_the_quarantine_to_judge() -> None:
    reading = decode_odds(body(moneyline(0.5, 1.9)), "decimal")
    assert [quote_fault(q, AT) for q in reading.quotes] == ["odds", None]


@pytest.mark.parametrize("text", [b"", b"nonsense", b"{}", b"null", b"[1", b"\xff", b'"[]"'])
def test_what_is_no_list_is_an_error(text: bytes) -> None:
    with pytest.raises((msgspec.MsgspecError, UnicodeDecodeError)):
        decode_odds(text, "decimal")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(
    st.sampled_from(["event", "bookmaker", "market", "outcome", "price", "point", "time"]),
    json_values,
)
def test_whatever_stands_in_one_place_the_good_event_survives(place: str, odd: Any) -> None:
    rotten: dict[str, Any] = {
        "event": lambda: odd,
        "bookmaker": lambda: event(odd, id="odd"),
        "market": lambda: event(bookmaker("b", odd), id="odd"),
        "outcome": lambda: event(bookmaker("b", market("h2h", odd)), id="odd"),
        "price": lambda: event(bookmaker("b", market("h2h", outcome(HOME, odd))), id="odd"),
        "point": lambda: event(
            bookmaker("b", market("totals", {"name": "Over", "price": 2, "point": odd})), id="odd"
        ),
        "time": lambda: event(commence_time=odd, id="odd"),
    }[place]()
    reading = decode_odds(json.dumps([rotten, moneyline()]).encode(), "american")
    assert [q.outcome for q in reading.quotes if q.event_id == "e1"] == [HOME, AWAY]


prices = st.integers(100, 5000) | st.integers(-5000, -100)


@given(st.lists(st.tuples(prices, prices, lines, lines), max_size=6))
def test_every_sound_body_is_read_whole_and_passes_the_quarantine(
    rows: list[tuple[int, int, float, float]],
) -> None:
    events = [
        event(
            bookmaker(
                "b",
                market("h2h", outcome(HOME, one), outcome(AWAY, other)),
                market("spreads", outcome(HOME, one, line), outcome(AWAY, other, -line)),
                market("totals", outcome("Over", one, total), outcome("Under", other, total)),
            ),
            id=f"e{number}",
        )
        for number, (one, other, line, total) in enumerate(rows)
    ]
    reading = decode_odds(body(*events), "american")
    assert reading.faults == []
    assert len(reading.quotes) == 6 * len(rows)
    assert [quote_fault(q, AT) for q in reading.quotes] == [None] * len(reading.quotes)
    assert [event_fault(e) for e in reading.events] == [None] * len(rows)
    assert len({q.selection for q in reading.quotes}) == len(reading.quotes)
    assert len({(q.event_id, q.market) for q in reading.quotes}) == 3 * len(rows)
