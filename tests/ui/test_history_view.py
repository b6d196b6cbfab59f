"""The history on a page: what `History` says and nothing else, and words where it says nothing."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import protipp_stream as ps
from protipp_stream.errors import ConfigurationError
from protipp_stream.ui.history_body import Asked, Body, Chosen, Line, asked_in
from protipp_stream.ui.history_desk import Desk
from protipp_stream.ui.history_view import HistorySource, HistoryView
from tests.history.trails import TrailWriter
from tests.left_trails import FORMULA


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def desk(trail: Any, event: str | None = None, market: str = "h2h") -> Desk:
    return Desk(trail, event, market, Clock())


def shown(line: Line, at: float) -> float | None:
    """The odds that a reader sees at a moment; the page's own rule (history.js)."""
    for run in line.runs:
        if run[0][0] <= at <= run[-1][0]:
            return [odds for when, odds in run if when <= at][-1]
    return None


def test_what_is_drawn_is_what_stood(audit: str) -> None:
    history = ps.History(audit)
    body = desk(audit).answer(Asked(outcome="Blues"))
    assert body.chosen == Chosen("m1", "h2h", "Blues")
    assert body.drawing
    drawing = body.drawing
    gaps = [(band.begin, band.end) for band in drawing.bands]
    assert [line.name for line in drawing.lines] == ["acme", "bolt"]
    assert gaps, "the trail has a restart"
    corners = [at for line in drawing.lines for run in line.runs for at, _ in run]
    moments = [at + ago for at in corners for ago in (-0.5, 0.5, 40.0) if at + ago <= drawing.end]
    assert moments
    compared = 0
    for at in moments:
        # Where nobody recorded, `as_of` has the last prices before, and the lines have none.
        if any(begin - 1 <= at <= end + 1 for begin, end in gaps):
            continue
        board = history.as_of(pd.Timestamp(at, unit="ms", tz="UTC"), event="m1", outcome="Blues")
        stood = dict(zip(board["bookmaker_id"].astype(str), board["odds"], strict=True))
        assert {line.name: shown(line, at) for line in drawing.lines} == {
            line.name: stood.get(line.name) for line in drawing.lines
        }
        compared += 1
    assert compared > 4


def test_while_nobody_recorded_no_line_is_drawn(audit: str) -> None:
    drawing = desk(audit).answer(Asked(outcome="Blues")).drawing
    assert drawing
    restart = next(band for band in drawing.bands if band.words == "not recorded")
    middle = (restart.begin + restart.end) / 2
    assert [shown(line, middle) for line in drawing.lines] == [None, None]


def test_the_board_of_a_moment_is_as_of(audit: str) -> None:
    reader = desk(audit)
    first = reader.answer(Asked(outcome="Blues"))
    assert first.drawing
    assert first.moment
    assert {name: odds for name, odds, _ in first.moment.rows} == {"acme": 2.4, "bolt": 2.4}
    began = min(run[0][0] for line in first.drawing.lines for run in line.runs)
    early = reader.answer(Asked(outcome="Blues", at=began + 1)).moment
    assert early
    assert {name: odds for name, odds, _ in early.rows} == {"acme": 1.9, "bolt": 1.9}
    before = reader.answer(Asked(outcome="Blues", at=began - 1000)).moment
    assert before
    assert before.rows == []


def test_an_event_is_named_by_its_id_or_its_name_and_hostile_outcomes_are_only_names(
    audit: str,
) -> None:
    for name in ("m1", "Reds @ Blues"):
        body = desk(audit, name).answer(Asked(outcome=FORMULA))
        assert body.chosen == Chosen("m1", "h2h", FORMULA)
    assert body.drawing
    assert sorted(body.drawing.outcomes) == sorted(["Blues", "Reds", FORMULA])


def test_what_is_not_in_the_trail_is_said_with_what_is(audit: str) -> None:
    body = desk(audit).answer(Asked(event="nobody v nobody"))
    assert "No event “nobody v nobody”" in body.problem
    assert body.events == [("m1", "Reds @ Blues")]
    assert body.drawing is None
    assert "No totals of “Reds @ Blues”" in desk(audit).answer(Asked(market="totals")).problem
    usual = desk(audit, market="totals").answer(Asked())
    assert usual.note == "No market totals here: this is h2h."
    other = desk(audit).answer(Asked(outcome="Greens"))
    assert "No outcome Greens here" in other.note


def test_a_folder_that_is_not_there_yet_is_told_in_words_and_read_when_it_is(
    tmp_path: Path,
) -> None:
    source = HistorySource(desk(tmp_path / "audit"), Asked())
    source.read()
    body = source.news()
    assert body
    assert "does not exist" in body.problem
    TrailWriter(tmp_path / "audit").busy(3)
    source.read()
    body = source.news()
    assert body
    assert not body.problem
    assert body.drawing


def test_an_empty_trail_says_what_is_coming(tmp_path: Path) -> None:
    with ps.Gateway(history=tmp_path / "audit"):
        pass
    body = desk(tmp_path / "audit").answer(Asked())
    assert "no prices yet" in body.problem


def test_a_trail_that_was_changed_is_told_in_words(tmp_path: Path) -> None:
    TrailWriter(tmp_path / "audit").busy(3)
    segment = next((tmp_path / "audit" / "hot").glob("*.jsonl"))
    segment.write_bytes(segment.read_bytes().replace(b'"odds"', b'"edds"').replace(b":2", b":3"))
    source = HistorySource(desk(tmp_path / "audit"), Asked())
    source.read()
    body = source.news()
    assert body
    assert body.problem


def test_the_drawing_is_sent_once_and_again_when_the_trail_has_grown(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path / "audit")
    writer.busy(3)
    reader = desk(tmp_path / "audit")
    source = HistorySource(reader, Asked())
    source.read()
    first = source.news()
    assert first
    assert first.drawing
    assert source.news() is None
    has = HistorySource(reader, Asked(have=first.token))
    has.read()
    again = has.news()
    assert again
    assert (again.token, again.drawing) == (first.token, None)
    assert has.whole().drawing is None
    assert source.whole().drawing == first.drawing
    before = reader.growth
    writer.busy(30)
    assert reader.growth != before
    has.read()
    grown = has.news()
    assert grown
    assert grown.drawing
    assert grown.token != first.token


def test_a_long_history_is_thinned_and_says_how_much_was_left_out(tmp_path: Path) -> None:
    TrailWriter(tmp_path / "audit").busy(4000, 20)
    drawing = desk(tmp_path / "audit").answer(Asked()).drawing
    assert drawing
    kept = sum(len(run) for line in drawing.lines for run in line.runs)
    assert drawing.points - kept == drawing.left_out


def test_reading_happens_in_a_thread_of_its_own(audit: str) -> None:
    read = threading.Event()
    names: list[str] = []

    class Watched(Desk):
        def answer(self, asked: Asked, is_wanted: Callable[[], bool] = bool) -> Body:
            names.append(threading.current_thread().name)
            read.set()
            return super().answer(asked, is_wanted)

    source = HistorySource(Watched(audit, None, "h2h"), Asked())
    assert source.whole().reading
    source.open()
    assert read.wait(10)
    source.close()
    assert names[0] == "protipp-history"


def test_what_nobody_waits_for_any_more_is_not_read_nor_shown(audit: str) -> None:
    source = HistorySource(desk(audit), Asked())
    source.read()
    before = source.whole()
    assert before.drawing
    source.read(lambda: False)
    assert source.whole() == before
    unread = desk(audit).answer(Asked(), lambda: False)
    assert unread.reading
    assert unread.drawing is None


@pytest.mark.parametrize(
    "choice",
    [
        {"event": 7}, {"market": ["h2h"]}, {"outcome": {}}, {"at": "now"}, {"at": True},
        {"at": -1}, {"at": 1e300}, {"have": None}, {"since": 1}, {"at": float("nan")},
    ],
)  # fmt: skip
def test_choices_that_can_not_be_are_refused(choice: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        asked_in(choice)


def test_choices_that_can_be_are_taken() -> None:
    assert asked_in({}) == Asked()
    assert asked_in({"event": "m1", "at": 1_700_000_000_000}).at == 1.7e12


def test_arguments_that_can_not_be_are_refused() -> None:
    for wrong in ({"event": 3}, {"market": ""}, {"height": 300}):
        with pytest.raises(ConfigurationError):
            HistoryView("audit", **wrong)  # type: ignore[arg-type]
    with pytest.raises(ConfigurationError, match="no history"):
        HistoryView(object())  # type: ignore[arg-type]


def test_in_a_terminal_it_is_one_line_of_text(audit: str, tmp_path: Path) -> None:
    assert repr(HistoryView(audit)).startswith("<HistoryView of <History")
    assert "does not exist" in repr(HistoryView(tmp_path / "no"))
