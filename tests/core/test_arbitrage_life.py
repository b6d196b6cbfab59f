"""The life of an arbitrage: detected, active, stale, expired, forgotten."""

from __future__ import annotations

import gc
from datetime import datetime

import msgspec
import pytest

from protipp_stream.core.arbitrage import ArbitrageFinder, Terms
from protipp_stream.core.arbitrage.market import Offer
from protipp_stream.core.book import Book
from protipp_stream.core.filter import Filter
from protipp_stream.model import Confirmation, Event, Quote

from .arbitrage_boards import LOPSIDED, NOW, PAIR, after, said, told


def test_a_life_from_detection_to_expiry() -> None:
    finder = ArbitrageFinder()
    assert told(finder.take(PAIR, NOW)) == [("opened", "sound", "active")]
    assert finder.take(said("cyd", at=after(5), home=1.7, away=1.7), after(5)) == []
    [change] = finder.take(said("ada", at=after(10), home=2.2), after(10))
    assert (change.what, change.arbitrage.first_seen) == ("changed", NOW)
    [change] = finder.take(said("ada", at=after(20), home=2.1), after(20))
    assert change.arbitrage.margin < change.arbitrage.best_margin
    [over] = finder.take(said("ada", at=after(30), home=1.9), after(30))
    life = over.arbitrage
    assert (over.what, life.status) == ("closed", "expired")
    assert (life.first_seen, life.active_since, life.last_seen) == (NOW, NOW, after(30))
    assert finder.current == []
    assert finder.expired == [life]


def test_a_leg_that_grows_old_is_noticed_without_a_word_from_anybody() -> None:
    finder = ArbitrageFinder()
    finder.take(PAIR, NOW)
    assert finder.deadline == after(180)
    assert finder.expire(after(179.9)) == []
    assert told(finder.expire(after(180))) == [
        ("opened", "best", "suppressed"),
        ("closed", "sound", "expired"),
    ]
    assert finder.deadline is None
    assert finder.current[0].active_since is None


def test_a_price_that_was_seen_again_is_as_fresh_as_that() -> None:
    finder = ArbitrageFinder()
    finder.take(PAIR, NOW)
    both = ["home", "away"]
    finder.confirm([Confirmation(n, "game", "h2h", both, after(100)) for n in ("ada", "bob")], NOW)
    finder.confirm(
        [Confirmation(n, "game", "h2h", both, after(200)) for n in ("ada", "bob")], after(200)
    )
    late = [Confirmation("ada", event, "h2h", both, after(100)) for event in ("game", "unknown")]
    assert finder.confirm(late, after(250)) == []
    assert finder.deadline == after(380)
    assert finder.expire(after(379)) == []
    assert finder.current[0].status == "active"


def test_a_confirmation_by_a_clock_that_is_ahead_is_as_old_as_its_receipt() -> None:
    finder = ArbitrageFinder()
    finder.take(PAIR, NOW)
    for name in ("ada", "bob"):
        ahead = Confirmation(name, "game", "h2h", ["home", "away"], after(50), after(3600))
        finder.confirm([ahead], after(100))
    assert {leg.stamp for leg in finder.current[0].legs} == {after(50)}
    assert finder.deadline == after(230)


def board(stamp: datetime | None, received: datetime, confirmed: datetime | None) -> list[Quote]:
    """What a snapshot may say of the pair."""
    rows = [("ada", "home", 2.1), ("ada", "away", 1.8), ("bob", "home", 1.8), ("bob", "away", 2.05)]
    return [
        Quote(maker, "game", "h2h", outcome, odds, stamp, received, 0.0, confirmed)
        for maker, outcome, odds in rows
    ]


def test_in_a_snapshot_a_clock_that_is_ahead_makes_no_price_fresher_than_its_receipt() -> None:
    finder = ArbitrageFinder()
    finder.reset(board(after(3000), after(-600), None), NOW)
    [late] = finder.current
    assert late.reasons == ("stale",)
    assert {leg.stamp for leg in late.legs} == {after(-600)}


def test_in_a_snapshot_a_price_that_its_feed_vouched_for_is_as_fresh_as_that() -> None:
    finder = ArbitrageFinder()
    for stamp in (None, after(-700), after(3000)):
        finder.reset(board(stamp, after(-600), after(-5)), NOW)
        [active] = finder.active
        assert {leg.stamp for leg in active.legs} == {after(-5)}


def test_a_price_of_unknown_receipt_is_as_old_as_its_bookmaker_says_or_new() -> None:
    finder = ArbitrageFinder()
    for stamp, shown in ((None, NOW), (after(-9), after(-9)), (after(9), NOW)):
        quotes = [msgspec.structs.replace(q, timestamp=None) for q in board(stamp, NOW, None)]
        finder.reset(quotes, NOW)
        assert {leg.stamp for leg in finder.active[0].legs} == {shown}


@pytest.mark.parametrize("ahead_s", [0, 3600])
def test_a_price_that_its_bookmaker_confirmed_is_in_a_snapshot_what_it_was_live(
    ahead_s: float,
) -> None:
    live, again, book = ArbitrageFinder(), ArbitrageFinder(), Book("e")
    told = book.apply(board(NOW, NOW, None), NOW)
    live.take(told, NOW)
    book.apply(board(after(170 + ahead_s), after(175), None), after(175))
    live.confirm(book.confirmed_since(0, Filter()), after(175))
    again.reset(book.quotes(), after(200))
    stamps = [{leg.stamp for leg in finder.current[0].legs} for finder in (live, again)]
    assert stamps == [{min(after(170 + ahead_s), after(175))}] * 2


def test_once_it_has_started_a_price_is_stale_after_a_minute() -> None:
    finder = ArbitrageFinder()
    finder.describe([Event("game", "Away @ Home", "soccer", after(100))], NOW)
    finder.take(PAIR, NOW)
    assert finder.deadline == after(100)
    finder.expire(after(100))
    [late] = finder.current
    assert (late.reasons, late.is_in_play) == (("stale",), True)
    postponed = Event("game", "Away @ Home", "soccer", after(5000))
    assert ("opened", "sound", "active") in told(finder.describe([postponed], after(110)))
    assert finder.current[0].starts_at == after(5000)


def test_a_suppressed_one_that_turns_active_was_detected_before() -> None:
    finder = ArbitrageFinder(Terms(unit=50.0))
    finder.take(LOPSIDED, NOW)
    [change] = finder.use_terms(Terms(), after(9))
    assert change.what == "changed"
    assert (change.arbitrage.first_seen, change.arbitrage.active_since) == (NOW, after(9))


def test_a_snapshot_replaces_everything_but_lets_opportunities_live_on() -> None:
    finder = ArbitrageFinder()
    other = [*said("ada", event="x", home=2.1, away=1.8), *said("bob", event="x", away=2.05)]
    finder.take([*PAIR, *other, *said("bob", event="x", home=1.7)], NOW)
    assert len(finder.active) == 2
    changes = finder.reset([update.quote for update in PAIR], after(1))
    assert told(changes) == [("closed", "sound", "expired")]
    assert changes[0].arbitrage.event_id == "x"
    assert [each.first_seen for each in finder.active] == [NOW]
    assert finder.price_count == 4


def test_prices_as_they_stand_are_taken_without_forgetting_the_others() -> None:
    finder = ArbitrageFinder()
    half = [Quote("ada", "game", "h2h", "home", 2.1), Quote("ada", "game", "h2h", "away", 1.8)]
    assert finder.take_quotes(half, NOW) == []
    rest = [Quote("bob", "game", "h2h", "home", 1.8), Quote("bob", "game", "h2h", "away", 2.05)]
    assert told(finder.take_quotes(rest, after(1))) == [("opened", "sound", "active")]


def test_the_best_margin_comes_first() -> None:
    finder = ArbitrageFinder()
    better = [
        *said("ada", event="x", home=2.2, away=1.7),
        *said("bob", event="x", home=1.7, away=2.1),
    ]
    finder.take([*PAIR, *better], NOW)
    assert [each.event_id for each in finder.active] == ["x", "game"]


def test_of_an_event_that_was_forgotten_nothing_is_left() -> None:
    finder = ArbitrageFinder(keep=3)
    sizes = []
    for number in range(10):
        event = f"game {number}"
        finder.describe([Event(event, event, "soccer", after(60))], NOW)
        lays = said("bob", market="h2h_lay", event=event, home=2.0)
        pair = [*said("ada", event=event, home=2.1, away=1.8), *lays]
        finder.take([*pair, *said("bob", event=event, home=1.8, away=2.05)], NOW)
        assert told(finder.forget(event, after(1))) == [("closed", "sound", "expired")]
        sizes.append(
            (finder.price_count, len(finder.current), len(finder._starts), finder.deadline)
        )
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, Offer)]
    assert set(sizes) == {(0, 0, 0, None)}
    assert len(finder.expired) == 3
    assert finder.expired[0].event_id == "game 9"
    assert finder.forget("unknown", NOW) == []


def test_both_sides_of_a_batch_are_known_before_it_is_judged() -> None:
    # One by one, home and away of a three-way market would look like a two-way one.
    finder = ArbitrageFinder()
    boards = [said(name, away=2.7, home=2.6, draw=3.3) for name in ("ada", "bob")]
    assert finder.take([*boards[0], *boards[1]], NOW) == []


def test_a_price_that_its_feed_vouches_for_is_as_fresh_live_as_in_a_snapshot() -> None:
    live, again, book = ArbitrageFinder(), ArbitrageFinder(), Book("e")
    live.take(book.apply(board(NOW, NOW, None), NOW), NOW)
    # The bookmaker's own stamp goes along, as old as it was.
    book.apply(board(None, after(175), None), after(175))
    live.confirm(book.confirmed_since(0, Filter()), after(175))
    again.reset(book.quotes(), after(200))
    stamps = [{leg.stamp for leg in finder.current[0].legs} for finder in (live, again)]
    assert stamps == [{after(175)}] * 2
