"""Rows: every one once, whatever is sealed; filters, columns and types."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.compute as pc
import pytest

from protipp_stream.core.filter import Filter
from protipp_stream.errors import ConfigurationError, TrailUnavailable
from protipp_stream.history.history import History
from protipp_stream.model import OddsUpdate
from tests.history.conftest import Told
from tests.history.journals import BEGIN, Journal, World
from tests.history.oracles import changes_of, prices_of


def ids(frame: pd.DataFrame) -> list[str]:
    return [f"{epoch}:{seq}" for epoch, seq in zip(frame.epoch, frame.seq, strict=True)]


def test_updates_are_those_that_were_written_row_for_row(told: Told) -> None:
    frame = told.history.updates()
    written = changes_of(told.lines)
    assert ids(frame) == [update.id for update in written]
    for row, update in zip(frame.itertuples(), written, strict=True):
        assert (row.bookmaker_id, row.event_id, row.market, row.outcome) == update.selection
        assert [None if pd.isna(v) else v for v in (row.old_odds, row.new_odds)] == [
            update.old_odds,
            update.new_odds,
        ]
        assert row.timestamp == update.timestamp
        assert (None if pd.isna(row.source_timestamp) else row.source_timestamp) == (
            update.source_timestamp
        )
        assert row.delivered_at == update.timestamp + timedelta(milliseconds=update.latency_ms)
        assert (row.latency_ms, row.is_significant) == (update.latency_ms, update.is_significant)
        assert (None if pd.isna(row.reason) else row.reason) == update.reason


@pytest.mark.parametrize(
    "wanted",
    [
        {"event": "ev-2"},
        {"event": ["ev-1", "ev-3"], "bookmaker": "beta"},
        {"market": "totals"},
        {"market": ["totals@7.5", "h2h"], "outcome": ["over", "home"]},
        {"since": BEGIN + timedelta(minutes=5), "until": "2026-11-23 00:01"},
        {"event": "ev-1", "since": "2026-11-22T23:45:00+00:00"},
    ],
)
def test_filters_leave_what_a_plain_loop_leaves(told: Told, wanted: dict[str, Any]) -> None:
    def many(name: str) -> tuple[str, ...]:
        given = wanted.get(name, ())
        return (given,) if isinstance(given, str) else tuple(given)

    known = Filter(many("bookmaker"), many("event"), many("market"))

    def is_wanted(update: OddsUpdate) -> bool:
        since, until = (
            pd.Timestamp(wanted[name]) if name in wanted else None for name in ("since", "until")
        )
        if until is not None and until.tzinfo is None:
            until = until.tz_localize("UTC")
        return (
            known.matches(update)
            and update.outcome in (many("outcome") or (update.outcome,))
            and (since is None or update.timestamp >= since)
            and (until is None or update.timestamp < until)
        )

    expected = [update.id for update in changes_of(told.lines) if is_wanted(update)]
    assert expected
    assert ids(told.history.updates(**wanted)) == expected
    chunks = list(told.history.batches(rows=7, **wanted))
    assert all(0 < len(chunk) <= 7 for chunk in chunks)
    assert sorted(each for chunk in chunks for each in ids(chunk)) == sorted(expected)


def test_since_is_included_and_until_is_not(told: Told) -> None:
    update = changes_of(told.lines)[20]
    after = update.timestamp + timedelta(microseconds=1)
    found = told.history.updates(since=update.timestamp, until=after)
    assert update.id in ids(found)
    assert set(found.timestamp) == {pd.Timestamp(update.timestamp)}
    assert update.id not in ids(told.history.updates(until=update.timestamp))


def test_kinds_of_rows_are_chosen_by_name(told: Told) -> None:
    rows = prices_of(told.lines)
    images = [row for row in rows if row.update is None]
    gone = [row for row in rows if row.update and row.quote.odds is None]
    assert images
    assert gone
    history = told.history
    assert len(history.updates(kind="image")) == len(images)
    assert len(history.updates(kind="suspension")) == len(gone)
    assert history.updates(kind="suspension").new_odds.isna().all()
    assert len(history.updates(kind=["image", "suspension"])) == len(images) + len(gone)
    assert len(history.updates(kind=["image", "price", "suspension"])) == len(rows)


def test_columns_are_those_that_were_asked_for_in_that_order(told: Told) -> None:
    frame = told.history.updates(columns=["new_odds", "event_id"])
    assert list(frame) == ["new_odds", "event_id"]
    assert len(frame) == len(changes_of(told.lines))


NAMES = {"event_id", "bookmaker_id", "market", "outcome", "epoch", "reason"}
TIMES = {"timestamp", "source_timestamp", "delivered_at"}


def test_types_are_documented_and_the_same_when_empty(told: Told) -> None:
    full, empty = told.history.updates(), told.history.updates(since="2030-01-01")
    assert len(full)
    assert not len(empty)
    assert list(full.dtypes.astype(str)) == list(empty.dtypes.astype(str))
    for name, kind in full.dtypes.astype(str).items():
        expected = {"seq": "int64", "line": "int64", "is_significant": "bool", "is_image": "bool"}
        assert kind == (
            "category"
            if name in NAMES
            else "datetime64[us, UTC]"
            if name in TIMES
            else expected.get(str(name), "float64")
        )
    assert list(full.bookmaker_id.cat.categories) == ["alpha", "beta", "delta", "gamma"]
    assert list(told.history.updates(event="ev-2").event_id.cat.categories) == ["ev-2"]


QUESTIONS: list[tuple[str, dict[str, Any]]] = [
    ("as_of", {"t": "2020-01-01"}),
    ("resample", {"until": "2020-01-01"}),
    ("open_close", {"until": "2020-01-01"}),
    ("overround", {"until": "2020-01-01"}),
    ("overround", {"by": None, "until": "2020-01-01"}),
    ("fair", {"until": "2020-01-01"}),
    ("moves", {"until": "2020-01-01"}),
    ("steam", {"until": "2020-01-01"}),
    ("arbitrage", {"until": "2020-01-01"}),
    ("lead_lag", {"until": "2020-01-01"}),
    ("latency", {"by": ["bookmaker", "stage"], "until": "2020-01-01"}),
    ("summary", {"until": "2020-01-01"}),
    ("suspensions", {"until": "2020-01-01"}),
    ("gaps", {"until": "2020-01-01"}),
    ("events", {}),
]
FULL: dict[str, dict[str, Any]] = {"as_of": {"t": "2026-11-22 23:40"}}


@pytest.mark.parametrize(("question", "nothing"), QUESTIONS)
def test_an_empty_answer_has_the_columns_and_types_of_a_full_one(
    tmp_path: Path, question: str, nothing: dict[str, Any]
) -> None:
    journal = Journal(tmp_path / "audit")
    world = World(journal, 5)
    empty_trail = getattr(History(tmp_path / "audit"), question)(**nothing)
    world.begin()
    world.play(40)
    history = History(tmp_path / "audit")
    settings = {key: value for key, value in nothing.items() if key not in {"until", "t"}}
    full = getattr(history, question)(**{**settings, **FULL.get(question, {})})
    empty = getattr(history, question)(**nothing)
    if question not in {"events", "gaps"}:
        assert len(full)
    for none in (empty, empty_trail):
        assert dict(full.dtypes.astype(str)) == dict(none.dtypes.astype(str))


@pytest.mark.parametrize(
    ("wanted", "hint"),
    [
        ({"event": "ev-11"}, "'ev-1'"),
        ({"event": "a @ b"}, "'ev-1'"),
        ({"bookmaker": "alhpa"}, "'alpha'"),
        ({"market": "h2h_3way"}, "'h2h_3_way'"),
        ({"outcome": "hoome"}, "'home'"),
    ],
)
def test_a_name_that_occurs_nowhere_is_refused_with_what_is_like_it(
    told: Told, wanted: dict[str, Any], hint: str
) -> None:
    for question in (told.history.updates, told.history.open_close, told.history.suspensions):
        with pytest.raises(ConfigurationError) as refused:
            question(**wanted)
        assert hint in refused.value.hint
    with pytest.raises(ConfigurationError):
        list(told.history.batches(**wanted))


@pytest.mark.parametrize(
    ("question", "wrong", "says"),
    [
        ("updates", {"since": "yesterdayish"}, "no time"),
        ("updates", {"since": "2026-11-23", "until": "2026-11-23"}, "Nothing lies between"),
        ("updates", {"event": []}, "names nothing"),
        ("updates", {"event": 3}, "names nothing"),
        ("updates", {"event": [3]}, "names nothing"),
        ("updates", {"columns": ["odds"]}, "no column 'odds'"),
        ("updates", {"kind": "prices"}, "kind 'prices'"),
        ("batches", {"rows": 0}, "rows=0"),
        ("resample", {"step": "0min"}, "step"),
        ("resample", {"stale": "for ever"}, "stale"),
        ("resample", {"stale": True}, "stale"),
        ("resample", {"stale": float("nan")}, "stale"),
        ("overround", {"by": "sport"}, "'sport'"),
        ("overround", {"by": ["market"]}, "'market'"),
        ("fair", {"method": "magic"}, "'magic'"),
        ("moves", {"rule": "magic"}, "'magic'"),
        ("moves", {"rule": []}, "no rule in the list"),
        ("moves", {"rule": 7}, "7 is no rule"),
        ("steam", {"bookmakers": 1}, "Steam of 1"),
        ("arbitrage", {"stakes": 5}, "'stakes'"),
        ("arbitrage", {"stake": -5}, "stake"),
        ("arbitrage", {"max_age": -5}, "max_age"),
        ("lead_lag", {"clock": "wall"}, "'wall'"),
        ("lead_lag", {"least_h": -1}, "least_h"),
        ("latency", {"by": "sport"}, "'sport'"),
        ("summary", {"by": "sport"}, "'sport'"),
        ("summary", {"by": ["market"]}, "'market'"),
        ("dataset", {"kind": "odds"}, "'odds'"),
        ("as_of", {"t": "never"}, "no time"),
        ("as_of", {"t": None}, "no time"),
        ("as_of", {"t": 1_790_000_000}, "a number"),
    ],
)
def test_an_argument_that_makes_no_sense_is_refused_with_what_to_do(
    tmp_path: Path, question: str, wrong: dict[str, Any], says: str
) -> None:
    World(Journal(tmp_path / "audit"), 1).begin()
    with pytest.raises(ConfigurationError) as refused:
        getattr(History(tmp_path / "audit"), question)(**wrong)
    assert says in refused.value.message
    assert refused.value.hint


def test_a_folder_that_is_no_trail_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TrailUnavailable, match="is no audit trail"):
        History(tmp_path)
    with pytest.raises(TrailUnavailable, match="does not exist"):
        History(tmp_path / "nowhere")


def test_the_dataset_is_what_is_sealed_for_whoever_reads_parquet(told: Told, state: str) -> None:
    dataset = told.history.dataset()
    expected = len(prices_of(told.lines))
    if state == "sealed":
        assert dataset.count_rows() == expected
        event = dataset.head(1).column("event_id")[0].as_py()
        wanted = pc.field("event_id") == event
        assert set(dataset.to_table(filter=wanted)["event_id"].to_pylist()) == {event}
        assert pd.read_parquet(dataset.files).shape[0] == expected
    else:
        assert dataset.count_rows() < expected


def test_the_repr_is_short_and_html_is_text(tmp_path: Path) -> None:
    folder = tmp_path / "<img src=x onerror=alert(1)>"
    journal = Journal(folder)
    assert "no updates yet" in repr(History(folder))
    world = World(journal, 3)
    world.begin()
    world.play(5)
    history = History(folder)
    count = len(changes_of(journal.lines))
    assert f"{count:,} updates" in repr(history)
    assert "2026-11-22 23:30 to 2026-11-22" in repr(history)
    assert "<img" not in history._repr_html_()
    assert "&lt;img" in history._repr_html_()
