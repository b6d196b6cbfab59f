"""What odds-api.io says, read: names, lines, stamps, and what can't be read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.feeds.instants import WILD
from protipp_stream.feeds.odds_api_io.body import (
    UNREADABLE,
    MarketSaid,
    Sides,
    decode_fixtures,
    decode_frame,
    described,
    read_market,
)
from tests.feeds.odds_api_io_bodies import AFTER_S, AWAY, HOME, event, ml, said, spread, totals

TEAMS = Sides(HOME, AWAY)


def read(market: Any, sides: Sides = TEAMS) -> tuple[MarketSaid | None, list[str]]:
    faults: list[str] = []
    raw = msgspec.Raw(json.dumps(market).encode())
    return read_market(raw, "Bet365", "1", sides, datetime(2026, 1, 1, tzinfo=UTC), faults), faults


def prices(market: Any, sides: Sides = TEAMS) -> dict[tuple[str, str], float | None]:
    found, faults = read(market, sides)
    assert found is not None
    assert faults == []
    return {(quote.market, quote.outcome): quote.odds for quote in found.quotes}


def test_a_moneyline_has_the_teams_names() -> None:
    assert prices(ml()) == {("h2h", HOME): 1.9, ("h2h", AWAY): 2.0}


def test_without_a_description_the_sides_are_home_and_away() -> None:
    assert prices(ml(), Sides()) == {("h2h", "home"): 1.9, ("h2h", "away"): 2.0}


def test_three_ways_have_a_draw() -> None:
    line = {"home": "2.10", "draw": "3.40", "away": "3.60"}
    assert prices(ml(odds=[line]))["h2h", "Draw"] == 3.4


@pytest.mark.parametrize(
    ("hdp", "name"), [(-1.5, "-1.5"), ("2.25", "2.25"), (0, "0"), (-0.0, "0"), (10.0, "10")]
)
def test_the_line_of_a_spread_is_the_home_teams_for_both_sides(hdp: Any, name: str) -> None:
    both = {(f"spreads@{name}", HOME): 2.1, (f"spreads@{name}", AWAY): 1.75}
    assert prices(spread(hdp)) == both


def test_totals_have_one_market_a_line() -> None:
    assert prices(totals(8.5, 9)) == {
        ("totals@8.5", "Over"): 1.95,
        ("totals@8.5", "Under"): 1.87,
        ("totals@9", "Over"): 1.95,
        ("totals@9", "Under"): 1.87,
    }


@pytest.mark.parametrize("missing", [None, ""])
def test_a_side_without_a_price_is_not_offered(missing: Any) -> None:
    assert prices(ml(home=missing)) == {("h2h", AWAY): 2.0}


def test_a_price_that_is_no_number_is_one_fault() -> None:
    found, faults = read(ml(home="evens"))
    assert found is not None
    assert [quote.outcome for quote in found.quotes] == [AWAY]
    assert len(faults) == 1
    assert "evens" in faults[0]


@pytest.mark.parametrize("price", ["0", "1.00", "NaN", "inf", "99999999"])
def test_a_price_that_can_not_be_true_passes_through(price: str) -> None:
    found, faults = read(ml(home=price))
    assert found is not None
    assert len(found.quotes) == 2
    assert faults == []


@pytest.mark.parametrize("hdp", [None, "pk", "NaN"])
def test_a_spread_without_a_line_is_a_fault(hdp: Any) -> None:
    found, faults = read(spread(hdp))
    assert found is not None
    assert found.quotes == []
    assert len(faults) == 1


def test_a_bad_line_does_not_harm_the_others() -> None:
    market = totals(8.5)
    market["odds"].insert(0, ["no", "line"])
    found, faults = read(market)
    assert found is not None
    assert len(found.quotes) == 2
    assert len(faults) == 1


def test_a_market_is_stamped_by_itself_or_by_its_message() -> None:
    found, _ = read(ml())
    bare, _ = read(ml(updatedAt=None))
    wild, _ = read(ml(updatedAt="next week"))
    assert found is not None
    assert bare is not None
    assert wild is not None
    assert found.stamp == datetime(2026, 8, 4, 0, 0, 41, 500_000, tzinfo=UTC)
    assert bare.stamp == datetime(2026, 1, 1, tzinfo=UTC)
    assert wild.stamp == WILD


def test_other_markets_are_passed_over_in_silence() -> None:
    assert read(ml(name="Corners")) == (None, [])


def test_one_frame_may_hold_several_objects() -> None:
    faults: list[str] = []
    lines = [said("updated", ml()), {"type": "welcome"}, said("deleted")]
    frame = b"\n".join(json.dumps(line).encode() for line in lines)
    messages = decode_frame(b"\r\n" + frame + b"\n\n{half\n", faults)
    assert [message.type for message in messages] == ["updated", "welcome", "deleted", UNREADABLE]
    assert [message.event_id for message in messages] == ["1", "None", "1", "None"]
    assert messages[0].timestamp == AFTER_S
    assert len(faults) == 1


def test_an_event_is_described() -> None:
    faults: list[str] = []
    [fixture] = decode_fixtures(json.dumps([event()]).encode(), faults)
    found = described(fixture, faults)
    assert (found.event_id, found.sport, found.home, found.away) == ("1", "baseball", HOME, AWAY)
    assert found.name == f"{HOME} v {AWAY}"
    assert found.starts_at == datetime(2026, 8, 4, 2, 41, tzinfo=UTC)
    assert faults == []


def test_an_event_with_a_date_that_is_none_is_still_an_event() -> None:
    faults: list[str] = []
    [fixture] = decode_fixtures(json.dumps([event(date="soon", home=None)]).encode(), faults)
    found = described(fixture, faults)
    assert found.starts_at is None
    assert found.name == "1"
    assert len(faults) == 1


_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "id", "bookie", "timestamp", "markets", "name", "odds", "hdp"]),
        inner,
        max_size=4,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.binary(max_size=200) | _JSON.map(lambda value: json.dumps(value).encode()))
def test_no_frame_and_no_market_raises(body: bytes) -> None:
    faults: list[str] = []
    for message in decode_frame(body, faults):
        for raw in message.markets or []:
            read_market(raw, "b", "e", Sides(), None, faults)
    for line in body.split(b"\n"):
        if line.strip():
            read_market(msgspec.Raw(line), "b", "e", Sides(), None, faults)
