"""Flipped bits in sealed files: a question never gives another answer than the right one."""

from __future__ import annotations

import random
from pathlib import Path

import pandas as pd
import pyarrow.parquet as pq
import pytest

from protipp_stream.errors import TrailChanged
from protipp_stream.history.history import History
from protipp_stream.history.layout import KINDS, Layout
from protipp_stream.history.manifest import read_manifest
from protipp_stream.history.parquet import footer_of
from protipp_stream.history.retention import OddsPolicy, retain
from protipp_stream.history.sealing import seal
from protipp_stream.history.stats import stats
from tests.history.trails import TrailWriter


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("audit")
    writer = TrailWriter(folder)
    writer.busy(40)
    seal(folder, now=writer.now)
    return folder


@pytest.fixture(scope="module")
def right(folder: Path) -> dict[str, pd.DataFrame]:
    return asked(folder)


def asked(folder: Path) -> dict[str, pd.DataFrame]:
    history = History(folder)
    questions = {
        "updates": history.updates,
        "one": lambda: history.updates(event="event-03"),
        "events": history.events,
        "as_of": lambda: history.as_of("2026-11-22 23:00:20"),
        "gaps": history.gaps,
        "dataset": lambda: history.dataset().to_table().to_pandas(),
    }
    found = {}
    for name, question in questions.items():
        # The dataset is read by whoever asked for it: Arrow's own errors are not turned into ours.
        refusals = (TrailChanged, OSError) if name == "dataset" else (TrailChanged,)
        try:
            found[name] = question()
        except refusals:
            continue
    return found


def files(folder: Path, kind: str) -> list[Path]:
    return [folder / file.path for file in read_manifest(Layout(folder)).of_kind(kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_flipped_bit_is_another_answer(
    folder: Path, right: dict[str, pd.DataFrame], kind: str
) -> None:
    draw = random.Random(kind)
    path = files(folder, kind)[0]
    good = path.read_bytes()
    refused = 0
    try:
        for _ in range(12):
            bad = bytearray(good)
            bad[draw.randrange(len(bad))] ^= 1 << draw.randrange(8)
            path.write_bytes(bad)
            found = asked(folder)
            refused += len(found) < len(right)
            for name, answer in found.items():
                pd.testing.assert_frame_equal(answer, right[name])
    finally:
        path.write_bytes(good)
    assert refused > 4


def test_a_footer_is_refused_before_arrow_reads_it(folder: Path) -> None:
    # Of some of these bits Arrow ends the process: nothing that is asked may get so far.
    draw = random.Random(5)
    path = files(folder, "updates")[0]
    good = path.read_bytes()
    begin = len(good) - len(footer_of(path))
    try:
        for _ in range(10):
            bad = bytearray(good)
            bad[draw.randrange(begin, len(good))] ^= 1 << draw.randrange(8)
            path.write_bytes(bad)
            for question in (
                lambda: History(folder).updates(),
                lambda: History(folder).dataset(),
                lambda: repr(History(folder)),
                lambda: stats(folder),
                lambda: retain(folder, OddsPolicy(odds_days=1), now=pd.Timestamp.now("UTC")),
            ):
                with pytest.raises(TrailChanged) as refused:
                    question()
                assert "verify" in refused.value.hint
    finally:
        path.write_bytes(good)


def test_a_file_with_the_same_rows_is_not_the_one_that_was_sealed(tmp_path: Path) -> None:
    writer = TrailWriter(tmp_path)
    writer.busy(5)
    seal(tmp_path, now=writer.now)
    for path in files(tmp_path, "updates"):
        pq.write_table(pq.read_table(path, partitioning=None), path)
    with pytest.raises(TrailChanged):
        History(tmp_path).updates()
