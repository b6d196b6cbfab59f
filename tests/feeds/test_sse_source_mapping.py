"""Rows of server-sent events, read by a mapping."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.instants import WILD, instant
from protipp_stream.feeds.sse.mapping import MAX_FIXTURES, OPTIC_ODDS, Doubt, SseMapping, SseReader
from protipp_stream.model import Event, Quote
from tests.feeds.sse_source_rows import AWAY, HOME, STAMP, row, status

KNOWN = Event("f1", "x", "baseball", None, HOME, AWAY)

FLAT = SseMapping(
    prices=frozenset({"message"}),
    bookmaker="bookie.name",
    event="match",
    market="type",
    outcome="pick",
    price="odd",
    line="handicap",
    timestamp="at",
    home="teams.home",
    away="teams.away",
    markets={"1X2": "h2h", "AH": "spreads"},
)


def read(*rows: Any, mapping: SseMapping = OPTIC_ODDS, **how: Any) -> tuple[list[Quote], list[str]]:
    faults: list[str] = []
    body = json.dumps({"data": list(rows)} if mapping is OPTIC_ODDS else list(rows))
    said = SseReader(mapping, [KNOWN]).prices(body, faults, **how)
    return [quote for quote in said if isinstance(quote, Quote)], faults


def test_a_row_is_a_quote() -> None:
    stamp = datetime.fromtimestamp(STAMP, UTC)
    quotes, faults = read(row(HOME, -230), row(AWAY, 198))
    assert quotes == [
        Quote("Pinnacle", "f1", "h2h", HOME, 1 + 100 / 230, stamp),
        Quote("Pinnacle", "f1", "h2h", AWAY, 2.98, stamp),
    ]
    assert faults == []


def test_a_total_loses_its_line_from_its_outcome() -> None:
    [over], _ = read(row("Over 8.5", -110, "Total Runs", 8.5))
    assert (over.market, over.outcome) == ("totals@8.5", "Over")


@pytest.mark.parametrize(("name", "points"), [(f"{HOME} -1.5", -1.5), (f"{AWAY} +1.5", 1.5)])
def test_both_sides_of_a_spread_have_the_home_teams_line(name: str, points: float) -> None:
    [side], _ = read(row(name, -110, "Run Line", points))
    assert side.market == "spreads@-1.5"
    assert side.outcome in (HOME, AWAY)


def test_a_number_that_is_not_the_line_stays_in_the_name() -> None:
    [side], _ = read(row("Schalke 04", 120))
    [other], _ = read(row("Over 04", -110, "Total Goals", 2.5))
    assert (side.outcome, other.outcome) == ("Schalke 04", "Over 04")


def test_a_spread_of_strangers_is_a_fault() -> None:
    quotes, faults = read(row(f"{HOME} -1.5", -110, "Run Line", -1.5, fixture_id="f2"))
    assert quotes == []
    assert "whose line" in faults[0]


def test_a_status_makes_the_home_team_known() -> None:
    reader, faults = SseReader(OPTIC_ODDS), list[str]()
    ended, [event] = reader.statuses(json.dumps({"data": status(None)}), faults)
    assert ended == []
    assert (event.home, event.away, event.sport) == (HOME, AWAY, "baseball")
    assert event.starts_at == datetime(2026, 8, 4, 2, 41, tzinfo=UTC)
    body = json.dumps({"data": [row(f"{HOME} -1.5", -110, "Run Line", -1.5)]})
    assert [q.market for q in reader.prices(body, faults)] == ["spreads@-1.5"]
    assert faults == []


def test_a_suspended_row_has_no_price_however_good_it_looks() -> None:
    [gone], faults = read(row(HOME, -230), suspended=True)
    assert gone.odds is None
    assert faults == []


@pytest.mark.parametrize("price", ["n/a", 50, [], True, "NaN"])
def test_a_price_that_can_not_be_read_is_a_fault_and_a_suspension(price: Any) -> None:
    [gone], faults = read(row(HOME, price))
    assert gone.odds is None
    assert len(faults) == 1


@pytest.mark.parametrize("odd", [1.0, 0, -3, "NaN", "inf", 1e300])
def test_a_decimal_price_that_can_not_be_true_passes_through(odd: Any) -> None:
    quotes, faults = read(flat(odd=odd), mapping=FLAT)
    assert len(quotes) == 1
    assert quotes[0].odds is not None
    assert faults == []


def flat(**more: Any) -> dict[str, Any]:
    teams = {"home": "A", "away": "B"}
    return {"bookie": {"name": "b"}, "match": 7, "type": "1X2", "pick": "A", "teams": teams} | more


def test_paths_go_into_a_row_and_names_may_be_numbers() -> None:
    [quote], faults = read(flat(odd="1.95", at="2026-08-04T00:00:00"), mapping=FLAT)
    assert quote == Quote("b", "7", "h2h", "A", 1.95, datetime(2026, 8, 4, tzinfo=UTC))
    [side], _ = read(flat(odd=2, type="AH", pick="B", handicap=0.5), mapping=FLAT)
    assert side.market == "spreads@-0.5"
    assert faults == []


def test_a_market_that_the_mapping_does_not_know_is_told_once() -> None:
    reader, faults = SseReader(OPTIC_ODDS), list[str]()
    body = json.dumps({"data": [row(HOME, 120, "1st Half Moneyline")] * 3})
    assert reader.prices(body, faults) == []
    assert reader.prices(body, faults) == []
    assert len(faults) == 1
    assert "1st Half Moneyline" in faults[0]


@pytest.mark.parametrize("missing", ["sportsbook", "fixture_id", "name", "market"])
def test_a_row_without_a_name_is_a_fault_and_harms_no_other(missing: str) -> None:
    quotes, faults = read(row(HOME, 120) | {missing: None}, row(AWAY, -130))
    assert [q.outcome for q in quotes] == [AWAY]
    assert len(faults) == 1


@pytest.mark.parametrize("data", ["{", "null", '"x"', "[1]", "[" * 100_000, '{"data": 3}'])
def test_an_event_that_is_no_list_of_rows_is_a_fault(data: str) -> None:
    faults: list[str] = []
    assert SseReader(OPTIC_ODDS).prices(data, faults) == [Doubt()]
    assert len(faults) == 1


def test_an_ended_fixture_has_no_prices_until_it_goes_on() -> None:
    reader, faults = SseReader(OPTIC_ODDS), list[str]()
    prices = json.dumps({"data": [row(HOME, 120)]})
    assert reader.statuses(json.dumps({"data": status("completed")}), faults)[0] == [Doubt("f1")]
    assert [q.odds for q in reader.prices(prices, faults)] == [None]
    assert reader.statuses(json.dumps({"data": status("live")}), faults)[0] == []
    assert [q.odds for q in reader.prices(prices, faults)] == [2.2]
    assert faults == []


def test_it_remembers_only_so_many_fixtures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("protipp_stream.feeds.sse.mapping.MAX_FIXTURES", 3)
    assert MAX_FIXTURES > 3
    reader = SseReader(OPTIC_ODDS)
    for number in range(10):
        for new in (None, "completed" if number % 2 else None):
            body = json.dumps({"data": status(new, fixture_id=f"f{number}")})
            reader.statuses(body, [])
    assert len(reader._sides) <= 3
    assert len(reader._ended) == 3


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (1785801641.5, datetime(2026, 8, 4, 0, 0, 41, 500_000, tzinfo=UTC)),
        (1785801641500, datetime(2026, 8, 4, 0, 0, 41, 500_000, tzinfo=UTC)),
        ("1785801641500", datetime(2026, 8, 4, 0, 0, 41, 500_000, tzinfo=UTC)),
        ("2026-08-04T00:00:00+02:00", datetime(2026, 8, 3, 22, tzinfo=UTC)),
        ("", None),
        (None, None),
        ("soon", WILD),
        (float("nan"), WILD),
        (1e300, WILD),
        (True, WILD),
        ([], WILD),
    ],
)
def test_a_time_is_read_as_it_is_written(said: Any, found: datetime | None) -> None:
    assert instant(said) == found


@pytest.mark.parametrize(
    "wrong", [{"odds_format": "fractional"}, {"price": ""}, {"markets": {}}, {"remembers_s": -1.0}]
)
def test_a_mapping_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        msgspec.structs.replace(OPTIC_ODDS, **wrong)


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["data", "fixture_id", "fixture", "market", "name", "price", "points"]),
        inner,
        max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(_JSON, st.dictionaries(st.sampled_from(sorted(row(HOME, 1))), _JSON, max_size=9))
def test_no_event_raises(body: Any, more: dict[str, Any]) -> None:
    reader, faults = SseReader(OPTIC_ODDS, [KNOWN]), list[str]()
    for data in (json.dumps(body), json.dumps({"data": [row(HOME, 120) | more]})):
        reader.prices(data, faults)
        reader.statuses(data, faults)
