"""Latency by stage, against a real gateway whose clock is wrong: right to within its bound."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

import protipp_stream as ps
from protipp_stream.client import LiveOdds
from protipp_stream.client.arrival import now
from protipp_stream.client.transports import LADDER
from protipp_stream.gateway import Gateway
from protipp_stream.gateway.clock import SystemClock
from protipp_stream.model import Batch
from tests.client.conftest import until
from tests.scripted import EVENT, ScriptedFeed, quote

COLUMNS = {"count": "int64", "p50": "float64", "p95": "float64", "p99": "float64"}
COUNT = 8


class WrongClock(SystemClock):
    """Ahead of this machine's by ``skew`` seconds, and further ahead with time."""

    def __init__(self, skew: float, drift: float) -> None:
        self._skew = skew
        self._drift = drift
        self._began = time.monotonic()

    def wall(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.ahead())

    def ahead(self) -> float:
        return self._skew + self._drift * (time.monotonic() - self._began)

    def set(self, by: float) -> None:
        self._skew += by


class OnItsClock(ScriptedFeed):
    """A feed of a gateway that has another time than we."""

    def __init__(self, clock: WrongClock) -> None:
        super().__init__()
        self._clock = clock

    def tell_at(self, odds: float) -> float:
        """Tell one price; return when, by our clock."""
        at = time.monotonic()
        self._put(Batch([quote(odds)], self._clock.wall(), self._clock.monotonic(), [EVENT]))
        return at


def follow(odds: LiveOdds, feed: OnItsClock) -> Iterator[tuple[float, float]]:
    """Tell prices; yield what is said of the latency of each, and what it was at most."""
    until(lambda: odds._follower.applier.offset(now()) is not None)
    updates = odds.stream(on_gap="raise")
    for number in range(COUNT):
        told = feed.tell_at(3.0 + number / 100)
        update = next(updates)
        yield update.latency_ms, (time.monotonic() - told) * 1000


@pytest.mark.parametrize("transport", LADDER)
@pytest.mark.parametrize(("skew", "drift"), [(300.0, 200e-6), (-300.0, -200e-6)])
def test_figures_are_right_to_within_their_bound_however_wrong_the_gateways_clock_is(
    transport: str, skew: float, drift: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # By its name in sys.modules: the package has a function of the same name.
    polls = sys.modules["protipp_stream.client.transports.polling"]
    monkeypatch.setattr(polls, "INTERVAL_S", 0.1)
    clock = WrongClock(skew, drift)
    feed = OnItsClock(clock)
    with Gateway(feed, clock=clock) as gateway:
        feed.tell_at(2.0)
        with ps.connect(gateway, transport=transport) as odds:
            measured = list(follow(odds, feed))
            until(lambda: odds.latency()["count"]["total"] == COUNT)
            table = odds.latency()
            behind = odds.behind_ms
    assert list(table.index) == ["gateway", "network", "client", "total"]
    assert {name: str(table[name].dtype) for name in COLUMNS} == COLUMNS
    error = table.error_ms
    assert error["gateway"] == error["client"] == 0
    assert 0 < error["network"] == error["total"] < 1000
    longest = max(at_most for _, at_most in measured)
    for said, at_most in measured:
        assert -error["total"] <= said <= at_most + error["total"]
    for stage in table.index:
        figures = table.loc[stage, ["p50", "p95", "p99"]]
        assert figures.is_monotonic_increasing
        assert figures.iloc[0] >= -error[stage]
        assert figures.iloc[2] <= longest + error[stage]
    # One clock each: neither can come out below zero, nor at it.
    assert table.p50["gateway"] > 0
    assert table.p50["client"] > 0
    assert behind is not None
    assert 0 <= behind <= longest


def test_a_total_is_the_sum_of_its_stages() -> None:
    clock = WrongClock(-300.0, 0.0)
    feed = OnItsClock(clock)
    with Gateway(feed, clock=clock) as gateway, ps.connect(gateway) as odds:
        until(lambda: odds._follower.applier.offset(now()) is not None)
        feed.tell_at(2.0)
        until(lambda: odds.latency()["count"]["total"] == 1)
        p50 = odds.latency().p50
        assert p50["total"] == pytest.approx(p50["gateway"] + p50["network"] + p50["client"])
        assert odds.updates().latency_ms.iloc[-1] == p50["total"]


def test_a_clock_that_is_set_leaves_the_figure_open_until_it_is_asked_again() -> None:
    clock = WrongClock(0.0, 0.0)
    feed = OnItsClock(clock)
    with Gateway(feed, clock=clock) as gateway, ps.connect(gateway) as odds:
        # All five of the first pings: the next would come in ten seconds.
        applier = odds._follower.applier
        until(lambda: len(applier._timing.clock._pings) == 5)
        feed.tell_at(2.0)
        until(lambda: odds.latency()["count"]["total"] == 1)
        clock.set(by=60.0)
        feed.tell_at(2.5)
        until(lambda: odds.latency()["count"]["gateway"] == 2)
        table = odds.latency()
        # A frame from the future would be 60 s early; it is not measured instead.
        assert table["count"]["total"] == 1
        assert table.p50["total"] < 60_000
        assert applier.offset(now()) is None
        assert odds.updates().latency_ms.iloc[-1] < 60_000


def test_before_the_first_update_nothing_is_known(gateway: Gateway) -> None:
    with ps.connect(gateway) as odds:
        table = odds.latency()
    assert list(table["count"]) == [0, 0, 0, 0]
    assert table[["p50", "p95", "p99", "error_ms"]].isna().all(axis=None)
    assert str(table.p50.dtype) == "float64"


# ------------------------------------------------------------------- source age


def test_source_age_is_what_the_bookmaker_says_and_nothing_where_it_does_not() -> None:
    clock = WrongClock(300.0, 0.0)
    feed = OnItsClock(clock)
    with Gateway(feed, clock=clock) as gateway:
        aged = [quote(2.0), quote(1.9, "Reds"), quote(3.0, "Draw")]
        said = clock.wall()
        stamped = [
            ps.Quote(*q.selection, q.odds, said - timedelta(seconds=age))
            for q, age in zip(aged, (10, 60, 20), strict=True)
        ]
        silent = quote(2.2, bookmaker_id="silent")
        feed._put(Batch([*stamped, silent], said, clock.monotonic(), [EVENT]))
        with ps.connect(gateway) as odds:
            until(lambda: odds._follower.applier.offset(now()) is not None)
            ages = odds.source_age()
    assert list(ages.index) == ["acme", "silent"]
    assert ages.index.name == "bookmaker_id"
    assert list(ages.selections) == [3, 1]
    assert ages.newest_s["acme"] == pytest.approx(10, abs=5)
    assert ages.median_s["acme"] == pytest.approx(20, abs=5)
    assert ages.loc["silent", ["newest_s", "median_s"]].isna().all()
    assert set(ages.last_update) == {said}
    assert str(ages.last_update.dtype) == "datetime64[us, UTC]"


def test_an_empty_board_has_no_source_age() -> None:
    with Gateway() as gateway, ps.connect(gateway) as odds:
        ages = odds.source_age()
    assert list(ages.columns) == ["selections", "newest_s", "median_s", "last_update"]
    assert len(ages) == 0
