"""Prices that stand are said again while the stream is healthy, and not while it is not."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from protipp_stream.core.book import Book
from protipp_stream.feeds import BetfairReplay
from protipp_stream.feeds.betfair import vouching
from protipp_stream.model import Batch, Quote
from tests.feeds.betfair.board import following, seen, until
from tests.feeds.betfair.conftest import ONE, Make
from tests.feeds.betfair.desk import NOW, Desk
from tests.feeds.betfair_server import T0, FakeBetfair, definition, prices, serving
from tests.feeds.conftest import drain


class Later(Desk):
    """One to which messages come as time goes by."""

    def after(self, seconds: float, *changes: dict[str, Any], **more: Any) -> list[list[Quote]]:
        """Hear a message after so many seconds; return what was said again, by batch."""
        self.now_s += seconds
        self.listener.received_at = at = NOW + timedelta(seconds=self.now_s)
        self.news.clear()
        self.hear(*changes, pt=at.timestamp() * 1000, **more)
        return [news.batch.quotes for news in self.news if news.is_confirmation]

    def image(self, *back: float) -> list[list[Quote]]:
        change = {"id": ONE, "img": True, "marketDefinition": definition()}
        rc = [prices(number, price, None) for number, price in enumerate(back, 1)]
        return self.after(0, change | {"rc": rc}, ct="SUB_IMAGE")


def beat(desk: Later, after_s: float, **more: Any) -> list[float | None]:
    return [q.odds for said in desk.after(after_s, ct="HEARTBEAT", **more) for q in said]


def test_heartbeats_alone_keep_a_price_good_for_as_long_as_they_come() -> None:
    desk, book = Later(), Book("t")
    said = [desk.image(1.5)]
    book.apply(desk.news[0].batch.quotes, NOW)
    for _ in range(400):
        said.append(desk.after(1, ct="HEARTBEAT"))
        for news in desk.news:
            book.apply(news.batch.quotes, news.batch.received_at)
            age = news.batch.received_at - (book.quotes()[0].good_at or NOW)
            assert age <= timedelta(seconds=20)
    assert len([batches for batches in said if batches]) == 20
    assert book.seq == 1
    assert said[20][0][0].source_timestamp is None
    assert said[20][0][0].commission == 0.05


def test_changes_are_signs_of_life_as_well() -> None:
    desk = Later()
    desk.image(1.5, 2.5)
    change = {"id": ONE, "rc": [prices(2, 2.6, None)]}
    [said] = desk.after(20, change)
    assert [(q.outcome, q.odds) for q in said] == [("1", 1.5), ("2", 2.6)]


def test_what_is_late_or_half_read_vouches_for_nothing() -> None:
    desk = Later()
    desk.image(1.5)
    assert beat(desk, 60, status=503) == []
    assert desk.after(1, {"id": ONE, "rc": []}, segmentType="SEG_NOW") == []
    assert beat(desk, 1) == [1.5]


def test_after_a_reconnection_the_image_vouches_and_no_heartbeat_before_it() -> None:
    desk = Later()
    assert desk.image(1.5) == []
    desk.listener.vouching.begin()
    assert beat(desk, 60) == []
    assert [[q.odds for q in said] for said in desk.after(1, ct="RESUB_DELTA")] == [[1.5]]
    assert beat(desk, 5) == []
    assert beat(desk, 15) == [1.5]


def test_what_does_not_stand_is_not_said_again() -> None:
    desk = Later()
    desk.image(1.0, 2.5)  # the first one can't be true
    assert beat(desk, 20) == [2.5]
    desk.after(1, {"id": ONE, "marketDefinition": definition(status="SUSPENDED")})
    assert beat(desk, 20) == []


def test_a_batch_has_a_bounded_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vouching, "SIZE", 2)
    desk = Later()
    change: dict[str, Any] = {"img": True, "rc": [prices(1, 1.5, None)]}
    markets = [
        change | {"id": f"1.{n}", "marketDefinition": definition(event=str(n))} for n in range(5)
    ]
    desk.after(0, *markets, ct="SUB_IMAGE")
    assert [len(said) for said in desk.after(20, ct="HEARTBEAT")] == [2, 2, 1]


async def test_the_feed_says_again_what_stands_by_its_own_clock_and_calls_it_no_update(
    fake: FakeBetfair, make: Make
) -> None:
    now = [0.0]
    async with serving(fake), following(make(clock=lambda: now[0])) as followed:
        await until(seen(followed, fake))
        updated_at = followed.feed.connection.last_update
        now[0] = 20.0
        await until(lambda: any(unstamped(batch) for batch in followed.batches))
        [batch] = [batch for batch in followed.batches if unstamped(batch)]
        assert [(q.market, q.odds) for q in batch.quotes] == [("h2h", 1.5), ("h2h_lay", 1.6)]
        assert followed.feed.connection.last_update == updated_at


async def test_a_resumed_stream_vouches_at_once_for_what_did_not_change(
    fake: FakeBetfair, make: Make
) -> None:
    async with serving(fake), following(make()) as followed:
        await until(seen(followed, fake))
        await fake.drop()
        await until(lambda: any(unstamped(batch) for batch in followed.batches))


@pytest.mark.parametrize("rebase", [True, False])
async def test_a_recording_says_again_by_recorded_time(tmp_path: Path, rebase: bool) -> None:
    path, market = tmp_path / "1.101", {"id": ONE, "marketDefinition": definition()}
    lines = [{"op": "mcm", "pt": T0 + 1000 * s, "clk": "c", "mc": []} for s in (0, 19, 20, 39, 41)]
    lines[0]["mc"] = [market | {"rc": [prices(1, 2.0, None)]}]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    batches: list[Batch] = []
    await drain(BetfairReplay(path, float("inf"), rebase), batches)
    assert [[q.odds for q in batch.quotes] for batch in batches] == [[2.0]] * 3
    assert [unstamped(batch) for batch in batches] == [False, True, True]
    if not rebase:
        ages = [(batch.received_at - NOW).total_seconds() for batch in batches]
        assert ages == [0, 20, 41]


def unstamped(batch: Batch) -> bool:
    return any(q.odds is not None and q.source_timestamp is None for q in batch.quotes)
