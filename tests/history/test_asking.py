"""Times: what has one meaning is taken, what could have two is refused."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import numpy as np
import pandas as pd
import pytest

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import instant

SAID = datetime(2026, 11, 23, 18, 30, 15, 500000, UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-11-23", datetime(2026, 11, 23, tzinfo=UTC)),
        ("2026-11-23 18:30", datetime(2026, 11, 23, 18, 30, tzinfo=UTC)),
        ("2026-11-23T18:30:15.5", SAID),
        (" 2026-11-23 18:30:15.500000Z ", SAID),
        ("2026-11-23T19:30:15.5+01:00", SAID),
        ("2026-11-23T19:30:15.5+0100", SAID),
        ("2026-11-23 13:30:15.5-05", SAID),
        (str(pd.Timestamp(SAID)), SAID),
        ("2026-11-23T18:30:15.500000999Z", SAID),
        (date(2026, 11, 23), datetime(2026, 11, 23, tzinfo=UTC)),
        (SAID, SAID),
        (SAID.replace(tzinfo=None), SAID),
        (SAID.astimezone(timezone(timedelta(hours=3))), SAID),
        (pd.Timestamp(SAID), SAID),
        (np.datetime64("2026-11-23T18:30:15.5"), SAID),
    ],
)
def test_a_time_with_one_meaning_is_taken(given: Any, expected: datetime) -> None:
    assert instant(given, "since") == round(expected.timestamp() * 1_000_000)


@pytest.mark.parametrize(
    "given",
    [
        "05.12.2026", "5/6/2026", "05-12-2026", "14:54", "Nov 23", "November 23 2026", "today",
        "now", "2026", "2026-11", "2026-11-23 6pm", "2026-11-23 18", "2026-13-01", "2026-02-30",
        "2026-11-23 25:00", "2026-11-23 18:30 CET", "2026-11-23 18:30 Europe/Vienna",
        "2026-11-23T", "26-11-23", "٢٠٢٦-11-23", "", "NaT", 1_790_000_000, 1.5, True, None, pd.NaT,
        [SAID], timedelta(days=1),
    ],
)  # fmt: skip
def test_a_time_that_must_be_guessed_is_refused_and_shown_how(given: Any) -> None:
    with pytest.raises(ConfigurationError, match="is no time") as refused:
        instant(given, "since")
    assert '"2026-11-23 18:30"' in refused.value.hint
    assert not refused.value.message.endswith("..")
