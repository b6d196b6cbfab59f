"""Four recorded days of baseball through a gateway: what a client saw is what is kept.

Then the board as it was at random moments, against one rebuilt from the recording.
"""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import random
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest

import protipp_stream as ps
from protipp_stream.core.book import Book
from protipp_stream.feeds import Replay
from protipp_stream.gateway import Gateway
from protipp_stream.model import Event, OddsUpdate, Quote
from tests.core.recorded import fetches

pytestmark = [pytest.mark.recording, pytest.mark.slow, pytest.mark.timeout(1200)]

MOMENTS = 1000 if "PROTIPP_SOAK" in os.environ else 50
SELECTION = ["bookmaker_id", "event_id", "market", "outcome"]
SEEN = ["seq", *SELECTION, "old_odds", "new_odds"]
SEEN += ["timestamp", "source_timestamp"]


def played(path: Path, folder: Path) -> list[OddsUpdate]:
    """Play it through a gateway that records; what a client was told."""
    with Gateway(history=folder) as gateway, ps.connect(gateway) as odds:

        async def pace() -> None:
            # Once a second otherwise; a whole day is played in a few of them.
            gateway.hub.recording.confirm()  # type: ignore[union-attr]
            await asyncio.to_thread(odds.wait_until, gateway.hub.cursor)

        stream = odds.stream(on_gap="raise")
        feed = Replay(path, math.inf, rebase=False, pace=pace)
        gateway.follow(feed)
        seen = []
        while (
            not seen
            or gateway.hub.cursor.seq > len(seen)
            or feed.connection.status != "disconnected"
        ):
            if update := stream.next(0.1):
                seen.append(update)
        assert odds.wait_until(gateway.hub.cursor)
    return seen


def rows_of(updates: list[OddsUpdate]) -> pd.DataFrame:
    made = pd.DataFrame([[getattr(each, name) for name in SEEN] for each in updates], columns=SEEN)
    return made.astype({"old_odds": float, "new_odds": float})


def drawn(times: list[datetime], count: int) -> list[datetime]:
    """Random moments, but none that the recorder's clock, once put back, went through twice."""
    newest = list(itertools.accumulate(times, max))
    oldest = list(itertools.accumulate(reversed(times), min))[::-1]
    folds = [(low, high) for high, low in zip(newest, oldest[1:], strict=False) if low < high]
    chosen, moments = random.Random(5), []
    while len(moments) < count:
        at = oldest[0] + (newest[-1] - oldest[0]) * chosen.random()
        if not any(low <= at < high for low, high in folds):
            moments.append(at)
    return sorted(moments)


def test_what_is_kept_is_what_was_seen_and_what_stood(baseball: Path, tmp_path: Path) -> None:
    seen = played(baseball, tmp_path / "audit")
    history = ps.History(tmp_path / "audit")
    kept = history.updates(columns=SEEN)
    assert len(kept) == len(seen)
    prices = sum(update.new_odds is not None for update in seen)
    print(f"{len(kept):,} updates: {prices:,} prices, {len(seen) - prices:,} suspensions")  # noqa: T201
    expected = rows_of(seen)
    pd.testing.assert_frame_equal(kept.astype(expected.dtypes.to_dict()), expected)

    recorded = list(fetches(baseball))
    moments = drawn([received_at for received_at, _, _ in recorded], MOMENTS)
    rows = compared(history, recorded, moments)
    print(f"as_of at {MOMENTS} moments: {rows:,} rows, all equal")  # noqa: T201


def compared(
    history: ps.History,
    recorded: list[tuple[datetime, list[Quote], list[Event]]],
    moments: list[datetime],
) -> int:
    """Hold the board of each moment against the recording's; how many rows that were."""
    book, told, rows = Book("recorded"), iter(recorded), 0
    following = next(told, None)
    for at in moments:
        while following and following[0] <= at:
            received_at, quotes, events = following
            for event in events:
                book.know(event)
            book.apply(quotes, received_at, 1.0)
            following = next(told, None)
        found = history.as_of(at)
        prices = [None if pd.isna(odds) else odds for odds in found.odds.tolist()]
        names = (found[name].tolist() for name in SELECTION)
        board = dict(
            zip(zip(*names, strict=True), zip(prices, found.good_at, strict=True), strict=True)
        )
        assert board == {quote.selection: (quote.odds, quote.good_at) for quote in book.quotes()}
        rows += len(found)
    return rows
