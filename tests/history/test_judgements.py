"""Moves, steam and who leads, against what was heard when it happened, and plain loops."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.core.moves import SteamWatch
from protipp_stream.core.moves.move import h_of
from protipp_stream.model import Selection
from tests.history.conftest import Told, tell
from tests.history.oracles import changes_of, prices_of, quantile, seconds


def selection(row: Any) -> Selection:
    return Selection(row.bookmaker_id, row.event_id, row.market, row.outcome)


@pytest.fixture
def unseen(tmp_path: Path, state: str) -> Told:
    """Without images: all that the gateway's rule was asked about is there."""
    return tell(tmp_path / "audit", 3, state, images=False)


def test_moves_are_what_the_gateway_flagged_when_it_happened(unseen: Told) -> None:
    flagged = [update for update in changes_of(unseen.lines) if update.is_significant]
    assert len(flagged) > 20
    found = unseen.history.moves()
    for row, update in zip(found.itertuples(), flagged, strict=True):
        assert selection(row) == update.selection
        assert (row.timestamp, row.reason) == (update.timestamp, update.reason)
        assert (row.old_odds, row.new_odds) == (update.old_odds, update.new_odds)
    since = flagged[10].timestamp
    later = unseen.history.moves(since=since)
    assert list(later.reason) == [u.reason for u in flagged if u.timestamp >= since]


def test_moves_are_told_to_any_rule_as_they_were_live(unseen: Told) -> None:
    heard = []
    unseen.history.moves(lambda move: heard.append(move))
    assert heard == [move for _, move in unseen.world.moves]
    assert any(move.margin_removed for move in heard)
    by_pct = unseen.history.moves("pct")
    both = unseen.history.moves(["h", "pct"])
    assert len(both) >= max(len(by_pct), len(unseen.history.moves("h"))) > 0


def test_a_board_that_was_found_is_no_move(told: Told) -> None:
    images = {row.quote.timestamp for row in prices_of(told.lines) if row.update is None}
    changed = {update.timestamp for update in changes_of(told.lines)}
    assert images
    assert set(told.history.moves(lambda move: "any").timestamp) <= changed


def test_steam_is_what_a_watch_says_of_all_moves(unseen: Told) -> None:
    watches: dict[int, SteamWatch] = {}
    expected = []
    for session, move in unseen.world.moves:
        watch = watches.setdefault(session, SteamWatch(bookmakers=2, window_s=600))
        if found := watch.take(move):
            expected.append((found.at, found.event_id, found.market, found.outcome, found.reason))
    assert len(expected) > 5
    steam = unseen.history.steam(bookmakers=2, window="10min")
    columns = ["timestamp", "event_id", "market", "outcome", "reason"]
    assert list(steam[columns].itertuples(index=False, name=None)) == expected


@pytest.mark.parametrize("within", [60, 600])
def test_leads_are_counted_move_by_move(told: Told, within: int) -> None:
    moved = [
        (update, h_of(1 / update.new_odds) - h_of(1 / update.old_odds))
        for update in changes_of(told.lines)
        if update.old_odds and update.new_odds
    ]
    lags: dict[tuple[str, str], list[float]] = defaultdict(list)
    places = {
        (update.event_id, update.market, update.outcome, size > 0)
        for update, size in moved
        if abs(size) >= 0.015
    }
    names = sorted({update.bookmaker_id for update, _ in moved})
    for one in names:
        for other in names:
            for place in places if one < other else ():
                unanswered: dict[str, list[datetime]] = {one: [], other: []}
                same = sorted(
                    (update.timestamp, update.bookmaker_id != one)
                    for update, size in moved
                    if (update.event_id, update.market, update.outcome, size > 0) == place
                    and abs(size) >= 0.015
                    and update.bookmaker_id in {one, other}
                )
                for at, is_other in sorted(same, key=lambda each: (each[0], not each[1])):
                    me, you = (other, one) if is_other else (one, other)
                    waiting = [
                        each for each in unanswered[you] if at - each <= timedelta(seconds=within)
                    ]
                    if waiting:
                        unanswered[you].remove(waiting[0])
                        lag = seconds(at - waiting[0])
                        lags[one, other].append(lag if me == other else -lag)
                        lags[other, one].append(-lag if me == other else lag)
                    else:
                        unanswered[me].append(at)
    found = told.history.lead_lag(timedelta(seconds=within))
    assert len(found) == len(lags) > 0
    for row in found.itertuples():
        mine = lags[row.bookmaker_id, row.other_id]
        counts = [sum(lag > 0 for lag in mine), sum(lag < 0 for lag in mine)]
        assert (row.n, row.led, row.followed) == (len(mine), *counts)
        assert row.together == len(mine) - sum(counts)
        assert row.led_share == counts[0] / len(mine)
        assert row.median_lag_s == pytest.approx(quantile(mine, 0.5))
