"""What a subscriber wants to see, and what it does not."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given

from protipp_stream.core.filter import MAX_NAMES, Filter
from protipp_stream.model import Quote

from .strategies import filters, quote, quotes


@given(quotes)
def test_an_empty_filter_lets_everything_pass(drawn: Quote) -> None:
    assert Filter().is_empty
    assert Filter().matches(drawn)
    assert Filter().matches_event(drawn.event_id)


@given(quotes, filters)
def test_each_part_narrows_by_itself(drawn: Quote, wanted: Filter) -> None:
    parts = [
        Filter(bookmakers=wanted.bookmakers),
        Filter(events=wanted.events),
        Filter(markets=wanted.markets),
    ]
    assert wanted.matches(drawn) == all(part.matches(drawn) for part in parts)
    assert wanted.matches_event(drawn.event_id) or not wanted.matches(drawn)
    assert wanted.is_empty == (wanted == Filter())


@pytest.mark.parametrize(
    ("wanted", "market", "passes"),
    [
        ("totals", "totals@7.5", True),
        ("totals", "totals", True),
        ("totals@7.5", "totals@7.5", True),
        ("totals@7.5", "totals@8.5", False),
        ("totals@7.5", "totals", False),
        ("tot", "totals", False),
        ("h2h", "h2h_lay", False),
    ],
)
def test_a_market_is_a_kind_with_every_line_or_one_line(
    wanted: str, market: str, passes: bool
) -> None:
    assert Filter(markets=(wanted,)).matches(quote("Over", 1.9, market=market)) is passes


def test_an_event_that_is_not_wanted_does_not_pass() -> None:
    assert not Filter(events=("mets",)).matches_event("phillies")
    assert not Filter(events=("mets",)).matches(quote("home", 1.9))
    assert not Filter(bookmakers=("pinnacle",)).matches(quote("home", 1.9))


def test_a_filter_from_outside_has_at_most_200_names_a_part() -> None:
    names = [f"event {n}" for n in range(MAX_NAMES)]
    assert msgspec.convert({"events": names}, Filter).events == tuple(names)
    with pytest.raises(msgspec.ValidationError, match="length <= 200"):
        msgspec.convert({"events": [*names, "one more"]}, Filter)
