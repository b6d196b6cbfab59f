"""Arbitrage in history: its lives, against a search through every combination of legs."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from protipp_stream.core.journal_line import JournalLine
from protipp_stream.core.moves import Move
from protipp_stream.history.history import History
from protipp_stream.model import Confirmation, Event, OddsUpdate
from tests.history.conftest import Told, tell
from tests.history.journals import BEGIN, Journal
from tests.history.oracles import Again, Price, begun, rows_of

AGE = timedelta(seconds=100)
# Nothing but age, margin and different bookmakers decides.
OPEN_TERMS = {"max_margin": 50.0, "max_gap": 4.0, "stake": 1e6, "unit": 0.01}
Place = tuple[str, str]
# By bookmaker and outcome: odds and when they were last said.
Board = dict[str, dict[str, tuple[float | None, datetime]]]


def best(board: Board, outcomes: frozenset[str], now: datetime) -> float | None:
    """The best margin above 0 of fresh prices at different bookmakers, legs tried all."""
    found = []
    # Only those that name the same outcomes are compared.
    whole = [maker for maker, quotes in board.items() if set(quotes) == outcomes]
    for makers in product(whole, repeat=len(outcomes)):
        if len(set(makers)) < len(makers):
            continue
        legs = [board[maker][outcome] for maker, outcome in zip(makers, outcomes, strict=True)]
        if all(odds and stamp > now - AGE for odds, stamp in legs):
            implied = sum(1 / odds for odds, _ in legs if odds)
            if implied < 1 - 1e-9:
                found.append(1 / implied - 1)
    return max(found, default=None)


def lives_of(lines: list[JournalLine]) -> list[tuple[Any, ...]]:
    """(event, market, first, last, best margin, end) of every arbitrage that there was."""
    rows = rows_of(lines)
    found: list[tuple[Any, ...]] = []
    last_session = max(begun(lines))
    for session in sorted({row.session for row in rows}):
        mine = [row for row in rows if row.session == session]
        found += session_lives(mine, "open" if session == last_session else "restart")
    return found


def session_lives(rows: list[Price | Again], end: str) -> list[tuple[Any, ...]]:
    boards: dict[Place, Board] = defaultdict(lambda: defaultdict(dict))
    lives: dict[tuple[Place, frozenset[str]], list[Any]] = {}
    found = []
    last = BEGIN

    def look(now: datetime) -> None:
        for place, board in boards.items():
            pools = {frozenset(quotes) for quotes in board.values()}
            pools |= {pool for where, pool in lives if where == place}
            for pool in pools:
                margin = best(board, pool, now) if len(pool) > 1 else None
                if margin is None:
                    if (place, pool) in lives:
                        since, most = lives.pop((place, pool))
                        found.append((*place, since, now, most, "closed"))
                elif (place, pool) in lives:
                    lives[place, pool][1] = max(lives[place, pool][1], margin)
                else:
                    lives[place, pool] = [now, margin]

    for number, row in enumerate(rows):
        at = max(last, moment(row)[1])
        # Prices grow stale between rows.
        due = {
            stamp + AGE
            for board in boards.values()
            for quotes in board.values()
            for _, stamp in quotes.values()
        }
        for now in sorted(each for each in due if last < each <= at):
            look(now)
        if isinstance(row, Price):
            quote, heard = row.quote, row.quote.timestamp or BEGIN
            mine = boards[quote.event_id, quote.market][quote.bookmaker_id]
            mine[quote.outcome] = quote.odds, min(quote.source_timestamp or heard, heard)
        else:
            mine = boards[row.selection[1:3]][row.selection[0]]
            odds, stamp = mine[row.selection.outcome]
            mine[row.selection.outcome] = odds, max(stamp, heard_again(row))
        last = at
        following = rows[number + 1] if number + 1 < len(rows) else None
        if following is None or moment(following) != moment(row):
            look(at)
    found += [(*place, since, last, most, end) for (place, _), (since, most) in lives.items()]
    return found


def heard_again(row: Again) -> datetime:
    return row.at if row.is_vouched or row.stamp is None else min(row.stamp, row.at)


def moment(row: Price | Again) -> tuple[bool, datetime]:
    return isinstance(row, Again), row.at if isinstance(
        row, Again
    ) else row.quote.timestamp or BEGIN


@pytest.fixture(params=[3, 38])
def unseen(request: pytest.FixtureRequest, tmp_path: Path, state: str) -> Told:
    return tell(tmp_path / "audit", int(request.param), state, images=False)


def test_lives_are_those_that_a_search_through_everything_finds(unseen: Told) -> None:
    expected = lives_of(unseen.lines)
    assert len(expected) > 5
    assert len({each[-1] for each in expected}) > 1
    found = unseen.history.arbitrage(AGE, **OPEN_TERMS)
    rows = [
        (r.event_id, r.market, r.active_since, r.last_seen, r.margin, r.end)
        for r in found.itertuples()
    ]
    for row, wanted in zip(sorted(rows), sorted(expected), strict=True):
        assert row[:4] == wanted[:4]
        assert row[4] == pytest.approx(wanted[4])
        assert row[5] == wanted[5]
    assert (found.duration_s == (found.last_seen - found.first_seen).dt.total_seconds()).all()


def journal_of(folder: Path) -> Journal:
    journal = Journal(folder)
    start = BEGIN + timedelta(hours=2)
    event = Event("ev", "A @ B", "x", start, "B", "A")
    journal.write(BEGIN, epoch="e", events=[event])
    return journal


def update(seq: int, bookmaker: str, outcome: str, odds: float | None, at: datetime) -> OddsUpdate:
    return OddsUpdate(f"e:{seq}", bookmaker, "ev", "h2h", outcome, None, odds, at, None, 0.0, False)


def second(count: float) -> datetime:
    return BEGIN + timedelta(seconds=count)


def one_arbitrage(folder: Path) -> Journal:
    """2.10 and 2.10 from second 10 on; better from 20; said again at 60; over at 500."""
    journal = journal_of(folder)
    rows = [
        update(1, "one", "home", 2.1, second(0)), update(2, "one", "away", 1.8, second(0)),
        update(3, "two", "home", 1.8, second(10)), update(4, "two", "away", 2.1, second(10)),
        update(5, "one", "home", 2.2, second(20)),
    ]  # fmt: skip
    journal.write(second(21), epoch="e", updates=rows)
    said = Confirmation("two", "ev", "h2h", ["away", "home"], second(60))
    journal.write(second(61), epoch="e", confirmed=[said])
    journal.write(second(501), epoch="e", updates=[update(6, "one", "away", 1.7, second(500))])
    return journal


def test_an_arbitrage_ends_when_its_oldest_leg_is_stale(tmp_path: Path) -> None:
    one_arbitrage(tmp_path / "audit")
    found = History(tmp_path / "audit").arbitrage("100s").iloc[0]
    assert (found.first_seen, found.last_seen) == (second(10), second(120))
    assert (found.duration_s, found.end, found.active) == (110, "closed", True)
    assert found.margin == pytest.approx(1 / (1 / 2.2 + 1 / 2.1) - 1)
    assert found.bookmakers == "two / one"
    assert found.legs == "back away at 2.1 / back home at 2.2"


def test_confirmations_keep_it_alive(tmp_path: Path) -> None:
    one_arbitrage(tmp_path / "audit")
    found = History(tmp_path / "audit").arbitrage("200s").iloc[0]
    assert found.last_seen == second(220)
    # The price that was said again would have been stale at 210 by itself.
    found = History(tmp_path / "audit").arbitrage("45s").iloc[0]
    assert found.last_seen == second(55)


def test_what_stands_at_the_end_is_open_and_until_is_an_end(tmp_path: Path) -> None:
    one_arbitrage(tmp_path / "audit")
    history = History(tmp_path / "audit")
    found = history.arbitrage("1h").iloc[0]
    assert (found.end, found.last_seen) == ("open", second(500))
    found = history.arbitrage("1h", until=second(50)).iloc[0]
    assert (found.end, found.margin) == ("open", pytest.approx(1 / (1 / 2.2 + 1 / 2.1) - 1))
    assert not len(history.arbitrage("100s", since=second(130)))
    assert len(history.arbitrage("100s", since=second(110))) == 1


def test_what_only_looked_like_one_is_shown_on_demand_with_why(tmp_path: Path) -> None:
    one_arbitrage(tmp_path / "audit")
    history = History(tmp_path / "audit")
    assert not len(history.arbitrage("1h", clones=[{"one", "two"}]))
    found = history.arbitrage("1h", clones=[{"one", "two"}], suppressed=True)
    assert not found.active.any()
    assert "copy one another" in found.reasons[0]
    assert pd.isna(found.active_since[0])


def test_long_work_tells_how_far_it_is(unseen: Told) -> None:
    told = unseen.history
    for question in (told.arbitrage, told.moves, told.steam, told.fair, told.lead_lag):
        heard: list[tuple[int, int]] = []
        question(progress=lambda done, total, heard=heard: heard.append((done, total)))
        assert heard
        assert heard[-1][0] == heard[-1][1] > 200


def test_a_rule_that_fails_says_so(unseen: Told) -> None:
    def wrong(move: Move) -> str | None:
        raise ZeroDivisionError("in my rule")

    with pytest.raises(ZeroDivisionError, match="in my rule"):
        unseen.history.moves(wrong)


def test_what_is_confirmed_in_the_line_of_its_price_comes_after_it(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "audit")
    rows = [
        update(1, "one", "home", 2.1, second(10)), update(2, "one", "away", 1.8, second(10)),
        update(3, "two", "home", 1.8, second(10)), update(4, "two", "away", 2.1, second(10)),
    ]  # fmt: skip
    said = [
        Confirmation(name, "ev", "h2h", ["home", "away"], second(30)) for name in ("one", "two")
    ]
    journal.write(second(31), epoch="e", updates=rows, confirmed=said)
    journal.write(second(501), epoch="e", updates=[update(5, "one", "away", 1.7, second(500))])
    found = History(tmp_path / "audit").arbitrage("45s")
    assert list(found.last_seen) == [second(75)]


def test_legs_that_a_feed_vouches_for_do_not_grow_old(tmp_path: Path) -> None:
    journal = journal_of(tmp_path / "audit")
    rows = [
        update(1, "one", "home", 2.1, second(10)), update(2, "one", "away", 1.8, second(10)),
        update(3, "two", "home", 1.8, second(10)), update(4, "two", "away", 2.1, second(10)),
    ]  # fmt: skip
    journal.write(second(11), epoch="e", updates=rows)
    said = [
        Confirmation(name, "ev", "h2h", ["home", "away"], second(40), second(9), True)
        for name in ("one", "two")
    ]
    journal.write(second(41), epoch="e", confirmed=said)
    journal.write(second(501), epoch="e", updates=[update(5, "one", "away", 1.7, second(500))])
    found = History(tmp_path / "audit").arbitrage("45s")
    assert list(found.last_seen) == [second(85)]
