"""Every question against a slow and obvious computation of the same thing."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from math import nan
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from protipp_stream.core.fair import fair
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Selection
from tests.history.conftest import Told, tell
from tests.history.journals import BEGIN, EVENTS
from tests.history.oracles import (
    Price,
    board_at,
    changes_of,
    prices_of,
    quantile,
    rows_of,
    seconds,
    states_of,
)

SELECTION = ["bookmaker_id", "event_id", "market", "outcome"]


def known(value: Any) -> Any:
    """None for what pandas calls nothing."""
    return None if pd.isna(value) else value


def selection(row: Any) -> Selection:
    return Selection(*(getattr(row, name) for name in SELECTION))


def moments(told: Told, count: int = 40) -> list[datetime]:
    chosen = random.Random(7)
    written = [row.quote.timestamp or BEGIN for row in prices_of(told.lines)]
    exact = chosen.sample(written, count // 2)
    span = (written[-1] - written[0]).total_seconds() + 200
    between = [
        written[0] + timedelta(seconds=round(chosen.uniform(-100, span), 3)) for _ in range(count)
    ]
    return exact + between


def test_the_board_at_any_time_is_the_one_rebuilt_by_hand(told: Told) -> None:
    sizes = set()
    for at in moments(told):
        expected = board_at(told.lines, at)
        sizes.add(len(expected))
        found = told.history.as_of(at)
        assert {selection(row) for row in found.itertuples()} == set(expected)
        for row in found.itertuples():
            quote = expected[selection(row)]
            assert known(row.odds) == quote.odds
            assert known(row.source_timestamp) == quote.source_timestamp
            assert (row.timestamp, row.good_at) == (quote.timestamp, quote.good_at)
            assert row.age_s == seconds(at - row.good_at.to_pydatetime())
    assert len(sizes) > 10


def test_a_filter_only_leaves_rows_of_the_board_out(told: Told) -> None:
    for at in moments(told, 6):
        whole = told.history.as_of(at)
        wanted = whole[(whole.event_id == "ev-2") & (whole.bookmaker_id == "beta")]
        found = told.history.as_of(at, event="ev-2", bookmaker="beta")
        pd.testing.assert_frame_equal(
            found.astype(dict.fromkeys(SELECTION, str)),
            wanted.reset_index(drop=True).astype(dict.fromkeys(SELECTION, str)),
            check_categorical=False,
        )


def test_confirmed_prices_are_younger(told: Told) -> None:
    last = max(row.quote.timestamp or BEGIN for row in prices_of(told.lines))
    board = told.history.as_of(last + timedelta(hours=1))
    assert (board.good_at > board.timestamp).any()


@pytest.mark.parametrize(("step", "stale"), [(60, 300), (17, 40)])
def test_resampled_prices_are_those_of_the_board_unless_stale(
    told: Told, step: int, stale: int
) -> None:
    found = told.history.resample(f"{step}s", timedelta(seconds=stale))
    seen: dict[Selection, list[datetime]] = defaultdict(list)
    front: dict[tuple[int, Selection], Price] = {}
    for row in rows_of(told.lines):
        if isinstance(row, Price):
            front[row.session, row.quote.selection] = row
            seen[row.quote.selection].append(row.quote.timestamp or BEGIN)
        elif (price := front.get((row.session, row.selection))) and price.quote.odds is not None:
            seen[row.selection].append(row.at)
    expected = {}
    boards: dict[datetime, Any] = {}
    for each, times in seen.items():
        number = -(-int(min(times).timestamp() * 1_000_000) // (step * 1_000_000))
        while (at := datetime.fromtimestamp(number * step, UTC)) <= max(times) + timedelta(
            seconds=stale
        ):
            board = boards.setdefault(at, None) or board_at(told.lines, at)
            boards[at] = board
            quote = board.get(each)
            odds = quote.odds if quote else None
            age = seconds(at - quote.good_at) if quote and quote.good_at else nan
            expected[at, each] = (odds, age) if odds is not None and age <= stale else (None, None)
            number += 1
    assert len(found) == len(expected)
    assert found.odds.isna().any()
    assert found.odds.notna().any()
    for row in found.itertuples():
        odds, age = expected[row.timestamp.to_pydatetime(), selection(row)]
        assert known(row.odds) == odds
        assert known(row.age_s) == age


def test_resampling_from_a_time_on_knows_what_stood_before(told: Told) -> None:
    since = BEGIN + timedelta(minutes=9)
    whole = told.history.resample(event="ev-1")
    later = told.history.resample(event="ev-1", since=since)
    expected = whole[whole.timestamp >= pd.Timestamp(since)]
    assert len(later)
    pd.testing.assert_frame_equal(
        later.astype(dict.fromkeys(SELECTION, str)),
        expected.reset_index(drop=True).astype(dict.fromkeys(SELECTION, str)),
    )


def test_open_and_close_are_the_first_and_last_price_before_the_start(told: Told) -> None:
    starts = {event.event_id: event.starts_at for event in EVENTS}
    prices: dict[Selection, list[tuple[datetime, float]]] = defaultdict(list)
    for row in prices_of(told.lines):
        quote, at = row.quote, row.quote.timestamp or BEGIN
        start = starts[quote.event_id]
        if quote.odds is not None and (start is None or at < start):
            prices[quote.selection].append((at, quote.odds))
    found = told.history.open_close()
    assert len(found) == len(prices)
    for row in found.itertuples():
        mine = prices[selection(row)]
        assert (row.opened_at, row.open) == mine[0]
        assert (row.closed_at, row.close) == mine[-1]
        assert (row.low, row.high) == (min(o for _, o in mine), max(o for _, o in mine))
        assert row.prices == len(mine)
        assert known(row.starts_at) == starts[row.event_id]


def test_a_close_is_before_the_start_though_prices_go_on(tmp_path: Path) -> None:
    told = tell(tmp_path / "audit", 4, "half")
    start = EVENTS[0].starts_at
    assert start is not None
    told.world.now = start
    told.world.play(12)
    assert any(u.event_id == "ev-1" and u.timestamp >= start for u in changes_of(told.lines))
    found = told.history.open_close(event="ev-1")
    assert (found.closed_at < start).all()


def test_overrounds_are_sums_over_whole_markets(told: Told) -> None:
    expected = [
        (at, *place, len(odds), sum(1 / price for price in odds.values()) - 1)
        for at, place, odds in states_of(told.lines)
    ]
    assert len(expected) > 20
    found = told.history.overround(None)
    columns = ["timestamp", "bookmaker_id", "event_id", "market", "outcomes", "overround"]
    rows = sorted(found[columns].itertuples(index=False, name=None))
    for row, wanted in zip(rows, sorted(expected), strict=True):
        assert row[:-1] == wanted[:-1]
        assert row[-1] == pytest.approx(wanted[-1], abs=1e-12)
    by = told.history.overround("bookmaker").set_index("bookmaker_id")
    for name in by.index:
        mine = [row[-1] for row in expected if row[1] == name]
        assert by.loc[name, "count"] == len(mine)
        assert by.loc[name, "mean"] == pytest.approx(sum(mine) / len(mine), abs=1e-12)
        assert by.loc[name, "median"] == pytest.approx(quantile(mine, 0.5), abs=1e-12)
        assert (by.loc[name, "min"], by.loc[name, "max"]) == pytest.approx((min(mine), max(mine)))


@pytest.mark.parametrize("method", ["power", "multiplicative", "additive", "shin"])
def test_fair_probabilities_are_those_of_the_core(told: Told, method: str) -> None:
    expected = {}
    for at, place, odds in states_of(told.lines):
        shares = fair(list(odds.values()), method)
        for (outcome, price), share in zip(odds.items(), shares, strict=True):
            expected[at, *place, outcome] = price, share
    found = told.history.fair(method)
    assert len(found) == len(expected) > 40
    for row in found.itertuples():
        key = (row.timestamp, row.bookmaker_id, row.event_id, row.market, row.outcome)
        assert (row.odds, row.probability) == pytest.approx(expected[key], abs=1e-12)
    since = found.timestamp[len(found) // 2]
    later = told.history.fair(method, since=since)
    assert len(later) == (found.timestamp >= since).sum()


def test_latency_is_a_quantile_between_neighbours(told: Told) -> None:
    stages: dict[str, Callable[[Any], float | None]] = {
        "gateway": lambda update: update.latency_ms,
        "source": lambda update: (
            None
            if update.source_timestamp is None
            else seconds(update.timestamp - update.source_timestamp) * 1000
        ),
    }
    found = told.history.latency(["bookmaker", "stage"])
    assert len(found) == 8
    for row in found.itertuples():
        mine = [
            taken
            for update in changes_of(told.lines)
            if update.bookmaker_id == row.bookmaker_id
            and (taken := stages[row.stage](update)) is not None
        ]
        assert row.count == len(mine)
        for share, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
            assert getattr(row, name) == pytest.approx(quantile(mine, share))
    simple = told.history.latency()
    assert list(simple["count"].astype(int)) == list(
        found[found.stage == "gateway"]["count"].astype(int)
    )
    assert len(told.history.latency("stage")) == 2


@pytest.mark.parametrize("by", ["bookmaker", "event", "market", "outcome", "epoch"])
def test_a_summary_counts(told: Told, by: str) -> None:
    name = by if by in {"market", "outcome", "epoch"} else f"{by}_id"
    found = told.history.summary(by)
    groups = defaultdict(list)
    for update in changes_of(told.lines):
        key = update.id.partition(":")[0] if by == "epoch" else getattr(update, name)
        groups[key].append(update)
    assert list(found[name]) == sorted(groups)
    for row in found.itertuples():
        mine = groups[getattr(row, name)]
        assert row.updates == len(mine)
        assert row.suspensions == sum(update.new_odds is None for update in mine)
        assert row.significant == sum(update.is_significant for update in mine)
        assert row.significant_share == pytest.approx(row.significant / len(mine))
        assert (row.first, row.last) == (
            min(update.timestamp for update in mine),
            max(update.timestamp for update in mine),
        )


def test_suspensions_last_until_the_next_price(told: Told) -> None:
    expected: list[tuple[Any, ...]] = []
    rows = prices_of(told.lines)
    for number, row in enumerate(rows):

        def same(each: Price, row: Price = row) -> bool:
            return (each.session, each.quote.selection) == (row.session, row.quote.selection)

        before = next((each for each in reversed(rows[:number]) if same(each)), None)
        if row.quote.odds is not None or (before and before.quote.odds is None):
            continue
        after = next((e for e in rows[number + 1 :] if same(e) and e.quote.odds is not None), None)
        expected.append(
            (
                row.quote.timestamp, after.quote.timestamp if after else None,
                row.quote.selection, before.quote.odds if before else None,
                after.quote.odds if after else None,
            )
        )  # fmt: skip
    assert len(expected) > 5
    found = [
        (r.since, known(r.until), selection(r), known(r.odds_before), known(r.odds_after))
        for r in told.history.suspensions().itertuples()
    ]
    order = lambda each: (each[0], each[2])  # noqa: E731
    assert sorted(found, key=order) == sorted(expected, key=order)
    for r in told.history.suspensions().itertuples():
        if not pd.isna(r.until):
            assert r.duration_s == (r.until - r.since).total_seconds()


def test_gaps_are_the_notes_the_restarts_and_the_outages(told: Told) -> None:
    notes = [note for line in told.lines for note in line.notes]
    down, up = [note for note in notes if note.kind == "feed"]
    stop = next(note for note in notes if note.kind == "stop")
    gap = next(note for note in notes if note.kind == "gap")
    start = [note for note in notes if note.kind == "start"][1]
    found = told.history.gaps()
    assert list(found.kind) == ["outage", "restart", "gap"]
    outage, restart, missing = found.itertuples()
    assert (outage.since, outage.until, outage.source) == (down.timestamp, up.timestamp, "sim")
    assert outage.detail == "no answer"
    assert outage.duration_s == seconds(up.timestamp - down.timestamp)
    assert (restart.since, restart.until) == (stop.timestamp, start.timestamp)
    assert restart.detail == "stopped"
    assert (missing.first_seq, missing.last_seq, missing.count) == (3, 9, 7)
    # Between the last line before it, and when it was noticed.
    place = next(i for i, line in enumerate(told.lines) if gap in line.notes)
    wrote = [line for line in told.lines[:place] if line.updates or line.notes or line.confirmed]
    assert (missing.since, missing.until) == (min(wrote[-1].at, gap.timestamp), gap.timestamp)
    only = told.history.gaps(since=start.timestamp + timedelta(microseconds=1))
    assert list(only.kind) == ["gap"]


def test_a_gateway_that_broke_off_was_last_heard_with_its_last_line(tmp_path: Path) -> None:
    told = tell(tmp_path / "audit", 2, "half")
    world, last = told.world, told.lines[-1].at
    world.note("feed", source="sim", detail="stale")
    broke = world.journal.lines[-1].at
    world.now += timedelta(minutes=5)
    world.begin()
    world.note("torn", count=17)
    found = told.history.gaps(since=last)
    assert list(found.kind) == ["outage", "restart", "torn"]
    assert pd.isna(found.until[0])
    assert found.since[1] == broke
    assert found.detail[1] == "broke off"
    assert found["count"][2] == 17


def test_events_are_described_by_what_was_said_last(told: Told) -> None:
    world = told.world
    moved = EVENTS[2].__class__("ev-3", "C @ D", "baseball_mlb", BEGIN, "D", "C")
    world.journal.write(world.now, epoch=world.book.epoch, events=[moved])
    found = told.history.events()
    assert list(found.event_id) == ["ev-1", "ev-2", "ev-3"]
    assert known(found.starts_at[1]) is None
    assert found.starts_at[2] == BEGIN
    assert found.name[1] == "Ünïted v City"
    assert list(told.history.events(event="ev-2").home) == ["Ünïted"]
    with pytest.raises(ConfigurationError, match="no event 'ev-22'"):
        told.history.events(event="ev-22")
