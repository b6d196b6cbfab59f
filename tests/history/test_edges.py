"""Cases that chance seldom makes: clocks put back, quiet restarts, boards found anew."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from protipp_stream.core.journal_line import Note
from protipp_stream.history import parquet
from protipp_stream.history.asking import Asked
from protipp_stream.history.history import History
from protipp_stream.history.sealed import SealedParquet
from protipp_stream.history.sessions import sessions_of
from protipp_stream.history.tables import SCHEMAS
from protipp_stream.model import Confirmation, Event, OddsUpdate, Quote
from tests.history.journals import BEGIN, Journal


def second(count: float) -> datetime:
    return BEGIN + timedelta(seconds=count)


def update(
    seq: int,
    outcome: str,
    odds: float | None,
    at: float,
    *,
    old: float | None = None,
    stamp: float | None = None,
    market: str = "h2h",
    epoch: str = "e",
) -> OddsUpdate:
    return OddsUpdate(
        f"{epoch}:{seq}", "one", "ev", market, outcome, old, odds, second(at),
        None if stamp is None else second(stamp), 0.0, False,
    )  # fmt: skip


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "audit")


def write(journal: Journal, at: float, **members: Any) -> None:
    journal.write(second(at), epoch=members.pop("epoch", "e"), **members)


def ask(journal: Journal) -> History:
    return History(journal.layout.folder)


def test_a_confirmation_older_than_the_price_in_front_says_nothing(journal: Journal) -> None:
    write(journal, 11, updates=[update(1, "home", 2.0, 10)])
    said = Confirmation("one", "ev", "h2h", ["home"], second(5))
    write(journal, 12, confirmed=[said])
    board = ask(journal).as_of(second(20))
    assert board.good_at[0] == second(10)
    assert not len(ask(journal).as_of(second(7)))


def test_a_price_is_good_until_its_own_stamp_or_its_confirmation(journal: Journal) -> None:
    write(journal, 11, updates=[update(1, "home", 2.0, 10, stamp=40)])
    write(journal, 31, confirmed=[Confirmation("one", "ev", "h2h", ["home"], second(30))])
    assert ask(journal).as_of(second(35)).good_at[0] == second(40)
    write(journal, 51, confirmed=[Confirmation("one", "ev", "h2h", ["home"], second(50))])
    assert ask(journal).as_of(second(60)).good_at[0] == second(50)
    # The bookmaker's own stamp counts more than when it was heard.
    said = Confirmation("one", "ev", "h2h", ["home"], second(70), second(66))
    write(journal, 71, confirmed=[said])
    board = ask(journal).as_of(second(80))
    assert (board.good_at[0], board.source_timestamp[0]) == (second(66), second(66))


def test_a_new_gateway_has_an_empty_board_before_its_first_price(journal: Journal) -> None:
    write(journal, 11, updates=[update(1, "home", 2.0, 10)])
    write(journal, 30, epoch="f", notes=[Note(kind="start", timestamp=second(30), epoch="f")])
    write(journal, 91, epoch="f", updates=[update(1, "away", 3.0, 90, epoch="f")])
    history = ask(journal)
    assert list(history.as_of(second(29)).outcome) == ["home"]
    assert not len(history.as_of(second(31)))
    assert list(history.as_of(second(90)).outcome) == ["away"]
    # Whoever asks about one selection gets the same board.
    assert not len(history.as_of(second(120), outcome="home"))
    found = history.resample("10s", "1h", outcome="home")
    assert list(found.odds.notna()) == [True, True] + [False] * (len(found) - 2)


def test_a_recorder_that_starts_anew_with_the_same_epoch_begins_a_session(
    journal: Journal,
) -> None:
    write(journal, 11, updates=[update(1, "home", 2.0, 10), update(2, "away", 2.0, 10)])
    found = Quote("one", "ev", "h2h", "home", 2.5, None, second(40))
    start = Note(kind="start", timestamp=second(60), epoch="e")
    write(journal, 60, notes=[start], images=[found], image_seq=9)
    board = ask(journal).as_of(second(61))
    assert list(board.outcome) == ["home"]
    assert (board.odds[0], board.timestamp[0]) == (2.5, second(40))


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_board_that_a_recorder_finds_again_does_not_replace_what_it_saw(
    journal: Journal, is_sealed: bool
) -> None:
    write(journal, 1, images=[Quote("one", "ev", "h2h", "away", 3.0, None, second(-50))])
    write(journal, 11, updates=[update(1, "home", 2.0, 10)])
    write(journal, 31, updates=[update(2, "home", 2.2, 30, old=2.0)])
    start = Note(kind="start", timestamp=second(60), epoch="e")
    board = [
        Quote("one", "ev", "h2h", outcome, odds, None, second(at))
        for outcome, odds, at in (("home", 2.2, 30), ("away", 3.0, -50))
    ]
    write(journal, 60, notes=[start])
    write(journal, 61, images=board, image_seq=2)
    if is_sealed:
        journal.seal(including_last=True)
    history = ask(journal)

    def odds_at(at: float) -> dict[str, float]:
        board = history.as_of(second(at))
        return dict(zip(board.outcome, board.odds, strict=True))

    # Else the board of second 20 would be that of second 61, without what changed between.
    assert odds_at(20) == {"home": 2.0, "away": 3.0}
    assert odds_at(62) == {"home": 2.2, "away": 3.0}
    # It found them on the board of a gateway of which it knew nothing.
    assert list(history.as_of(second(-40)).outcome) == ["away"]


@pytest.mark.parametrize("is_sealed", [False, True])
def test_from_a_time_on_means_every_session(journal: Journal, is_sealed: bool) -> None:
    """A replay that is told to the same folder is later in the journal, and long ago."""

    def market(epoch: str, at: float) -> list[OddsUpdate]:
        return [
            update(1, "home", 2.0, at, epoch=epoch), update(2, "away", 1.9, at, epoch=epoch),
            update(3, "home", 1.7, at + 20, old=2.0, epoch=epoch),
            update(4, "home", None, at + 40, old=1.7, epoch=epoch),
        ]  # fmt: skip

    write(journal, 100, epoch="live", updates=market("live", 1_000))
    write(journal, 200, epoch="replay", updates=market("replay", -9_000))
    if is_sealed:
        journal.seal(including_last=True)
    history = ask(journal)
    since = second(1_010)
    assert list(history.overround(None, since=since).timestamp) == [second(1_020)]
    # What the replay has left suspended is so still: its board is the newest.
    assert list(history.suspensions(since=since).since) == [second(-8_960), second(1_040)]
    assert list(history.moves("pct", since=since).timestamp) == [second(1_020)]


def test_a_market_with_an_outcome_suspended_is_not_whole(journal: Journal) -> None:
    rows = [update(1, "home", 1.6, 1), update(2, "draw", 5.0, 1), update(3, "away", 2.2, 1)]
    write(journal, 2, updates=rows)
    # 1/1.6 + 1/2.2 is above 1 by itself.
    write(journal, 3, updates=[update(4, "draw", None, 3, old=5.0)])
    write(journal, 5, updates=[update(5, "draw", 5.5, 4)])
    found = ask(journal).overround(None)
    assert list(found.timestamp) == [second(1), second(4)]
    assert list(found.outcomes) == [3, 3]
    assert set(ask(journal).fair().timestamp) == {second(1), second(4)}


def test_a_board_found_after_a_gap_is_where_moves_begin_and_none_itself(journal: Journal) -> None:
    write(journal, 2, updates=[update(1, "home", 2.0, 1)])
    write(journal, 6, images=[Quote("one", "ev", "h2h", "home", 3.0, None, second(5))], image_seq=7)
    write(journal, 9, updates=[update(8, "home", 3.6, 8, old=3.0)])
    found = ask(journal).moves("pct")
    assert list(found.timestamp) == [second(8)]
    assert (found.old_odds[0], found.new_odds[0]) == (3.0, 3.6)


def test_a_suspension_that_is_said_twice_is_one(journal: Journal) -> None:
    write(journal, 2, updates=[update(1, "home", 2.0, 1)])
    write(journal, 4, updates=[update(2, "home", None, 3, old=2.0)])
    write(
        journal, 6, images=[Quote("one", "ev", "h2h", "home", None, None, second(5))], image_seq=7
    )
    write(journal, 9, updates=[update(8, "home", 2.2, 8)])
    found = ask(journal).suspensions()
    assert len(found) == 1
    assert (found.since[0], found.until[0], found.duration_s[0]) == (second(3), second(8), 5.0)
    assert (found.odds_before[0], found.odds_after[0]) == (2.0, 2.2)


def test_what_a_line_describes_is_known_to_its_prices_and_they_to_its_confirmations(
    journal: Journal,
) -> None:
    event = Event("ev", "A @ B", "x", second(2), "B", "A")
    said = [Confirmation("one", "ev", "h2h", ["home"], second(5))]
    rows = [update(1, "home", 2.0, 4), update(2, "home", 3.0, 5, old=2.0)]
    write(journal, 6, events=[event], updates=rows, confirmed=said)
    assert list(ask(journal).moves("pct").in_play) == [True]
    heard: list[tuple[int, int]] = []
    ask(journal).arbitrage(progress=lambda done, total: heard.append((done, total)))
    assert heard == [(4, 4)]


def test_a_time_that_is_the_last_of_a_file_is_in_it() -> None:
    last = {"timestamp": (10, 20)}
    assert Asked(since=20).may_be_in(last)
    assert not Asked(since=21).may_be_in(last)
    assert Asked(until=11).may_be_in(last)
    assert not Asked(until=10).may_be_in(last)
    assert Asked(first_line=7).may_be_in({"line": (3, 7)})
    assert not Asked(first_line=8).may_be_in({"line": (3, 7)})


def test_a_question_about_one_event_reads_its_groups_of_rows_only(tmp_path: Path) -> None:
    rows = 1_000
    schema = SCHEMAS["updates"]
    columns = {
        "event_id": pa.array([f"ev-{number // 50:02d}" for number in range(rows)]),
        "timestamp": pa.array(range(rows)),
        "line": pa.array(range(rows)),
        "is_image": pa.array([False] * rows),
    }
    made = [
        columns[field.name].cast(field.type)
        if field.name in columns
        else pa.nulls(rows, field.type)
        for field in schema
    ]
    pq.write_table(pa.table(made, schema=schema), tmp_path / "x.parquet", row_group_size=100)
    file = SealedParquet(tmp_path / "x.parquet")

    def groups(asked: Asked) -> int:
        part = file.part(asked)
        return 0 if part is None else len(part.row_groups)

    assert groups(Asked()) == 10
    assert groups(Asked(events=frozenset({"ev-06"}))) == 1
    assert groups(Asked(events=frozenset({"ev-06", "ev-19"}))) == 2
    assert groups(Asked(events=frozenset({"ev-99"}))) == 0
    assert groups(Asked(since=250, until=300)) == 1
    assert file.bounds("is_image") == (False, False)


def test_times_are_utc_whatever_way_they_are_given(journal: Journal) -> None:
    write(journal, 2, updates=[update(1, "home", 2.0, 1)])
    history = ask(journal)
    at = second(1)
    given: list[Any] = [
        at, pd.Timestamp(at), at.replace(tzinfo=None), str(at.replace(tzinfo=None)),
        at.astimezone().isoformat(), at.date() - timedelta(days=1),
    ]  # fmt: skip
    for since in given:
        assert len(history.updates(since=since)) == 1
    assert not len(history.updates(since=at + timedelta(microseconds=1)))


def test_a_confirmation_without_its_price_is_nothing_that_stood(journal: Journal) -> None:
    """Retention may have removed the day on which the price was told."""
    said = [Confirmation("one", "ev", "h2h", ["home", "away"], second(5))]
    write(journal, 6, confirmed=said, updates=[update(2, "away", 3.0, 4)])
    history = ask(journal)
    assert list(history.as_of(second(9)).outcome) == ["away"]
    assert set(history.resample("1us", "3us", until=second(4.00001)).outcome) == {"away"}


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_price_that_its_feed_vouched_for_is_good_until_then(
    journal: Journal, is_sealed: bool
) -> None:
    write(journal, 11, updates=[update(1, "home", 2.0, 10, stamp=5)])
    said = Confirmation("one", "ev", "h2h", ["home"], second(50), second(8), True)
    write(journal, 51, confirmed=[said])
    if is_sealed:
        journal.seal(including_last=True)
    board = ask(journal).as_of(second(60))
    assert (board.good_at[0], board.source_timestamp[0]) == (second(50), second(8))


def feed(journal: Journal, *states: tuple[float, str]) -> None:
    for at, detail in states:
        note = Note(kind="feed", timestamp=second(at), source="sim", detail=detail)
        write(journal, at, notes=[note])


def test_a_feed_that_connects_is_no_gap_unless_it_takes_long_or_was_connected(
    journal: Journal,
) -> None:
    write(journal, 1, notes=[Note(kind="start", timestamp=second(0))])
    feed(journal, (1, "connecting"), (1.01, "connected"))
    assert not len(ask(journal).gaps())
    feed(journal, (50, "connecting"), (51, "connected"))
    assert list(ask(journal).gaps().since) == [second(50)]
    write(journal, 60, notes=[Note(kind="start", timestamp=second(60))])
    feed(journal, (61, "connecting"), (68, "connected"))
    write(journal, 70, notes=[Note(kind="start", timestamp=second(70))])
    feed(journal, (71, "connecting"), (72, "connecting, backoff: refused"), (73, "connected"))
    write(journal, 80, notes=[Note(kind="start", timestamp=second(80))])
    feed(journal, (81, "connecting"))
    outages = ask(journal).gaps().query("kind == 'outage'")
    assert list(outages.since) == [second(50), second(61), second(71), second(81)]
    assert list(outages.detail) == [
        "connecting", "connecting", "connecting, backoff: refused", "connecting",
    ]  # fmt: skip
    assert outages.until.isna().tolist() == [False, False, False, True]


@pytest.mark.parametrize("told_after_s", [0.1, 9e6], ids=["live", "replay"])
def test_a_board_knows_of_its_events_what_was_known_then(
    journal: Journal, told_after_s: float
) -> None:
    first = Event("ev", "A @ B", "x", second(500), "B", "A")
    moved = Event("ev", "A @ B", "x", second(900), "B", "A")
    late = told_after_s
    write(journal, 9 + late, updates=[update(1, "home", 2.0, 9)])
    write(journal, 10 + late, events=[first], updates=[update(2, "home", 2.1, 10, old=2.0)])
    write(journal, 50 + late, events=[moved], updates=[update(3, "home", 2.2, 50, old=2.1)])
    history = ask(journal)
    for at, starts_at in ((9.5, 500), (20, 500), (49.9, 500), (50.2, 900), (999, 900)):
        assert list(history.as_of(second(at)).starts_at) == [second(starts_at)]
    assert list(history.open_close().starts_at) == [second(900)]


def test_where_an_epoch_began_is_found_without_reading_every_line(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "GROUP_ROWS", 10)
    epochs = ["a"] * 33 + [None] * 12 + ["a"] * 20 + ["b"] * 41 + ["a"] * 9 + ["c"] * 8
    for number, epoch in enumerate(epochs):
        rows = [update(number + 1, "home", 2.0, number, epoch=epoch)] if epoch else []
        write(journal, number, epoch=epoch, updates=rows)
    journal.seal(including_last=True)
    for number in range(5):
        write(journal, 200 + number, epoch="cd"[number > 2], updates=[])
    read = []
    table = SealedParquet.table

    def counted(self: SealedParquet, columns: list[str], group: int | None = None) -> pa.Table:
        read.append(group)
        return table(self, columns, group)

    monkeypatch.setattr(SealedParquet, "table", counted)
    found = ask(journal)._trail.ask(sessions_of)
    assert found.lines.tolist() == [0, 65, 115, len(epochs) + 3]
    groups = -(-len(epochs) // 10)
    assert len([group for group in read if group is not None]) < groups / 2 + 2
