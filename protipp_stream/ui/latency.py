"""How late updates are, stage by stage, second by second, against the budget."""

from __future__ import annotations

from collections import deque
from math import isnan
from time import time
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.core.latency import bounded
from protipp_stream.errors import ConfigurationError
from protipp_stream.ui.host import Component, check_odds, nothing_chosen
from protipp_stream.ui.pills import BUDGET_MS, FAST_MS
from protipp_stream.ui.pump import Source
from protipp_stream.ui.scale import Scale, check_length, log_scale
from protipp_stream.ui.words import Level, Word, word_of

if TYPE_CHECKING:
    from protipp_stream.client.live import LiveOdds
    from protipp_stream.model import RealTimeConnection

__all__ = ["LatencyChart"]

FLOOR_MS = 0.1  # what is quicker is drawn here, and called "≤ 0.1 ms"
STAGES = ("gateway", "network", "client", "total")
QUANTILES = ("p50", "p95", "p99")
LINES = (
    ("total", "p95"),
    ("total", "p50"),
    ("network", "p50"),
    ("gateway", "p50"),
    ("client", "p50"),
)
Stages = dict[str, dict[str, float]]
EMPTY = "No update was measured yet: the first figures come with the next updates."


class Figure(msgspec.Struct, frozen=True, array_like=True):
    """One figure at one moment.

    Attributes
    ----------
    ms : float
        Where it is drawn: the figure, or the bound that it lies below.
    is_bound : bool
        It is within the error of the clocks, so only the bound is known.
    text : str
        As it is told.
    """

    ms: float
    is_bound: bool
    text: str


class Sample(msgspec.Struct, frozen=True, array_like=True):
    """What was known at one moment.

    Attributes
    ----------
    at : float
        Unix time, milliseconds.
    down : str
        Why nothing comes, in words; empty while the link is up.
    figures : list of Figure or None
        One a line of `LINES`; None where it is not known.
    """

    at: float
    down: str
    figures: list[Figure | None]


class Said(msgspec.Struct, frozen=True):
    """What is written beside the chart.

    Attributes
    ----------
    verdict, icon, level : str
        How the slow end of it stands to the budget.
    words : list of str
        What the figures are of, and what they may be wrong by.
    rows : list of list of str
        The figures as a table: stage, p50, p95, p99, how many.
    """

    verdict: str
    icon: str
    level: Level
    words: list[str]
    rows: list[list[str]]
    old: bool


class Body(msgspec.Struct, frozen=True):
    """The body of a frame: new samples, or all that are kept."""

    samples: list[Sample]
    scale: Scale
    said: Said
    now: float
    whole: bool = False


class LatencyChart(Component):
    """Latency by stage over the last minutes, with the budget of 100 ms.

    Show it as the last expression of a notebook cell, or put it into a Panel
    layout. It takes a sample a second while somebody looks, and only then; while the
    link is down there is a gap.

    Parameters
    ----------
    odds : LiveOdds
        Whose updates.
    seconds : int
        How far back it shows: 10 to 3,600.
    height : str
        A CSS length.

    Raises
    ------
    ConfigurationError
        For what can't be: the message says which argument and what it takes.

    Examples
    --------
    >>> LatencyChart(odds, seconds=60)  # doctest: +SKIP
    """

    parts = ("base", "words", "chart", "latency")

    def __init__(self, odds: LiveOdds, *, seconds: int = 300, height: str = "14rem") -> None:
        check_odds(odds)
        check_length("height", height)
        is_count = isinstance(seconds, int) and not isinstance(seconds, bool)
        if not is_count or not 10 <= seconds <= 3600:
            raise ConfigurationError(
                f"seconds can't be {seconds!r}.", hint="A whole number from 10 to 3600."
            )
        self._odds = odds
        self._seconds = seconds
        self._height = height
        super().__init__(hz=1)

    @property
    def options(self) -> dict[str, Any]:
        """What the module is told once, when it is first drawn."""
        return {
            "height": self._height,
            "seconds": self._seconds,
            "lines": [" ".join(line) for line in LINES],
            "rules": [[BUDGET_MS, f"budget {BUDGET_MS:g} ms"], [FAST_MS, f"{FAST_MS:g} ms"]],
        }

    def source(self, choice: dict[str, Any]) -> Source:
        """Return what is drawn; there is nothing to choose."""
        nothing_chosen(choice)
        return LatencySource(self._odds, self._seconds)

    def __repr__(self) -> str:
        said = said_of(stages_of(self._odds), self._odds.status)
        return f"<LatencyChart of {self._odds.url}: {said.verdict}>"


def stages_of(odds: LiveOdds) -> Stages:
    """Return the figures of each stage, by stage and column of `LiveOdds.latency`."""
    frame = odds.latency().astype(float)
    return {
        str(stage): dict(zip(frame.columns, row, strict=True))
        for stage, row in zip(frame.index, frame.to_numpy().tolist(), strict=True)
    }


def sample_of(stages: Stages, status: RealTimeConnection, at: float) -> Sample:
    """Return what is drawn for one moment; nothing while the link is down."""
    if down := _down(status):
        return Sample(at * 1000, down, [None] * len(LINES))
    return Sample(at * 1000, "", [_figure(stages, *line) for line in LINES])


def said_of(stages: Stages, status: RealTimeConnection) -> Said:
    """Return the figures in words and as a table."""
    worst, error = stages["total"]["p95"], stages["total"]["error_ms"]
    down = _down(status)
    rows = [_row(stages, stage) for stage in STAGES]
    if down:
        return Said(f"{down}: nothing is measured", "✕", "orange", _words(stages), rows, old=True)
    if isnan(worst):
        return Said(EMPTY, "◌", "grey", [], rows, old=False)
    grade = _grade(worst, error)
    verdict = f"{grade.text}: p50 {_text(stages, 'total', 'p50')}, p95 {bounded(worst, error)}"
    return Said(verdict, grade.icon, grade.level, _words(stages), rows, old=False)


def _grade(worst: float, error: float) -> Word:
    # What may be over it by the clocks' error is not called within it.
    if worst + error < BUDGET_MS:
        return Word(
            "▮▮▮" if worst < FAST_MS else "▮▮▯",
            f"Within the budget of {BUDGET_MS:g} ms",
            "good" if worst < FAST_MS else "amber",
        )
    if worst - error < BUDGET_MS:
        return Word("▮▮▯", f"At the budget of {BUDGET_MS:g} ms, within the clocks' error", "amber")
    return Word("▮▯▯", f"Over the budget of {BUDGET_MS:g} ms", "red")


def _down(status: RealTimeConnection) -> str:
    is_up = status.status == "connected" and status.detail != "stalled"
    return "" if is_up else word_of(status).text


def _figure(stages: Stages, stage: str, quantile: str) -> Figure | None:
    value, error = stages[stage][quantile], stages[stage]["error_ms"]
    if isnan(value) or isnan(error):
        return None
    text = _written(value, error)
    is_bound = text.startswith("≤")
    drawn = max(value + error, error) if is_bound else value
    return Figure(round(max(drawn, FLOOR_MS), 3), is_bound, text)


def _written(value: float, error: float) -> str:
    # On one clock: exact, as far as it is written.
    return f"{value:.1f} ms" if not error and value >= 0.05 else bounded(value, error)


def _text(stages: Stages, stage: str, quantile: str) -> str:
    value, error = stages[stage][quantile], stages[stage]["error_ms"]
    return "not known yet" if isnan(value) or isnan(error) else _written(value, error)


def _row(stages: Stages, stage: str) -> list[str]:
    texts = [_text(stages, stage, quantile) for quantile in QUANTILES]
    return [stage, *texts, f"{int(stages[stage]['count']):,}"]


def _words(stages: Stages) -> list[str]:
    count, error = int(stages["total"]["count"]), stages["total"]["error_ms"]
    if not count:
        return []
    of = f"the newest {2000:,} of {count:,} updates" if count > 2000 else f"{count:,} updates"
    return [
        f"Figures of {of}",
        f"the two clocks are known to ± {max(error, 0.1):.1f} ms",
        "dotted: no more than this, the figure is within that error",
    ]


class LatencySource:
    """Takes a sample of `LiveOdds` for each frame of the pump.

    Parameters
    ----------
    odds : LiveOdds
    seconds : int
        How long samples are kept.
    """

    def __init__(self, odds: LiveOdds, seconds: int) -> None:
        self._odds = odds
        self._seconds = seconds
        self._samples: deque[Sample] = deque()
        self._said: Said | None = None

    def open(self) -> None:
        """Take the first sample; those of an earlier look are still there."""
        self._take()

    def news(self) -> Body:
        """Take another sample."""
        return self._body([self._take()])

    def whole(self) -> Body:
        """Return all samples that are kept."""
        return self._body(list(self._samples), whole=True)

    def close(self) -> None:
        """Nothing is watched between samples, so there is nothing to stop."""

    def _take(self) -> Sample:
        now = time()
        stages, status = stages_of(self._odds), self._odds.status
        sample = sample_of(stages, status, now)
        self._said = said_of(stages, status)
        self._samples.append(sample)
        while self._samples[0].at < (now - self._seconds) * 1000:
            self._samples.popleft()
        return sample

    def _body(self, samples: list[Sample], *, whole: bool = False) -> Body:
        assert self._said is not None
        values = [f.ms for sample in self._samples for f in sample.figures if f is not None]
        scale = log_scale(values, FLOOR_MS, 2 * BUDGET_MS)
        return Body(samples, scale, self._said, time(), whole)
