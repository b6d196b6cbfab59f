"""Latency over time: bounds are called bounds, outages leave gaps, the budget is in sight."""

from __future__ import annotations

from math import nan
from typing import Any

import pandas as pd
import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.ui import latency
from protipp_stream.ui.latency import LINES, LatencyChart, LatencySource, Stages, said_of, sample_of
from tests.ui.fake import FakeOdds, connection


def stages(p50: float, p95: float, error: float = 0.4, count: int = 100) -> Stages:
    row = {"count": float(count), "p50": p50, "p95": p95, "p99": p95, "error_ms": error}
    exact = {**row, "p50": 0.02, "error_ms": 0.0}
    return {"gateway": exact, "network": row, "client": exact, "total": row}


def unknown() -> Stages:
    none = {"count": 0.0, "p50": nan, "p95": nan, "p99": nan, "error_ms": nan}
    return dict.fromkeys(latency.STAGES, none)


class Odds(FakeOdds):
    def __init__(self, known: Stages) -> None:
        super().__init__()
        self.known = known

    def latency(self) -> pd.DataFrame:
        return pd.DataFrame.from_dict(self.known, orient="index")


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(latency, "time", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def figure(stage: str, quantile: str, known: Stages) -> Any:
    return sample_of(known, connection(), 0.0).figures[LINES.index((stage, quantile))]


def test_a_figure_beyond_its_error_is_drawn_where_it_is() -> None:
    found = figure("total", "p95", stages(2.0, 7.25))
    assert (found.ms, found.is_bound, found.text) == (7.25, False, "7.2 ± 0.4 ms")


@pytest.mark.parametrize(("value", "bound"), [(0.3, 0.7), (-0.2, 0.4), (0.0, 0.4)])
def test_a_figure_within_its_error_is_drawn_as_the_bound_it_lies_below(
    value: float, bound: float
) -> None:
    found = figure("total", "p50", stages(value, 9.0))
    assert found.is_bound
    assert found.ms == pytest.approx(bound)
    assert found.text == f"≤ {bound} ms"


def test_what_is_too_quick_for_the_scale_stands_on_its_floor_as_a_bound() -> None:
    found = figure("client", "p50", stages(2.0, 3.0))
    assert (found.ms, found.is_bound, found.text) == (0.1, True, "≤ 0.1 ms")


def test_while_the_link_is_down_nothing_is_drawn_and_it_is_said_why() -> None:
    for status in (
        connection(status="disconnected"),
        connection(status="connecting", reconnect_attempts=2),
        connection(detail="stalled"),
    ):
        sample = sample_of(stages(2.0, 3.0), status, 0.0)
        assert sample.figures == [None] * len(LINES)
        assert sample.down
        said = said_of(stages(2.0, 3.0), status)
        assert said.verdict.startswith(sample.down)
        assert said.old


def test_what_was_not_measured_yet_is_not_drawn_and_not_called_zero() -> None:
    assert sample_of(unknown(), connection(), 0.0).figures == [None] * len(LINES)
    said = said_of(unknown(), connection())
    assert said.verdict == latency.EMPTY
    assert said.rows[0] == ["gateway", "not known yet", "not known yet", "not known yet", "0"]


@pytest.mark.parametrize(
    ("p95", "error", "level"),
    [(10.0, 0.4, "good"), (60.0, 0.4, "amber"), (99.9, 0.4, "amber"), (101.0, 0.4, "red")],
)
def test_the_verdict_is_of_the_slow_end_and_minds_the_clocks(
    p95: float, error: float, level: str
) -> None:
    said = said_of(stages(2.0, p95, error), connection())
    assert said.level == level
    assert ("Within" in said.verdict) == (p95 + error < 100)


def test_the_words_say_of_how_many_updates_and_how_wrong() -> None:
    words = said_of(stages(2.0, 3.0, 0.4, 12_345), connection()).words
    assert words[:2] == [
        "Figures of the newest 2,000 of 12,345 updates",
        "the two clocks are known to ± 0.4 ms",
    ]


def test_samples_are_taken_while_somebody_looks_and_old_ones_go(clock: Clock) -> None:
    source = LatencySource(Odds(stages(2.0, 3.0)), 10)  # type: ignore[arg-type]
    source.open()
    for _ in range(20):
        clock.now += 1
        assert len(source.news().samples) == 1
    kept = [sample.at for sample in source.whole().samples]
    assert kept == [1000 * second for second in range(1010, 1021)]
    source.close()
    clock.now += 5
    source.open()
    assert [sample.at for sample in source.whole().samples][-2:] == [1_020_000, 1_025_000]


def test_budget_and_figures_are_both_on_the_scale(clock: Clock) -> None:
    for worst in (0.2, 30.0, 4000.0):
        source = LatencySource(Odds(stages(0.15, worst, 0.05)), 10)  # type: ignore[arg-type]
        source.open()
        scale = source.whole().scale
        assert scale.log
        assert scale.low <= 0.1
        assert scale.high > max(worst, 100.0)
        assert 2 <= len(scale.ticks) <= 6


@pytest.mark.parametrize("seconds", [0, 9, 3601, 60.0, True, "60"])
def test_lengths_that_can_not_be_are_refused(seconds: Any) -> None:
    with pytest.raises(ConfigurationError, match="seconds"):
        LatencyChart(FakeOdds(), seconds=seconds)  # type: ignore[arg-type]


def test_a_height_without_a_unit_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="height can't be 300"):
        LatencyChart(FakeOdds(), height=300)  # type: ignore[arg-type]


def test_in_a_terminal_it_is_one_line_of_text() -> None:
    text = repr(LatencyChart(Odds(stages(2.0, 3.0))))  # type: ignore[arg-type]
    assert text.startswith(
        "<LatencyChart of http://127.0.0.1:8765: Within the budget of 100 ms: p50 2.0"
    )
