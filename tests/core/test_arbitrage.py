"""Arbitrage by hand: what pays, what only seems to and why, and how long it lives."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.arbitrage import REASONS, WORDS, Arbitrage, ArbitrageFinder, Change, Terms
from protipp_stream.core.arbitrage.prices import Offer, base_market
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Event, OddsUpdate, Quote

from .arbitrage_oracle import pays_as_shown

NOW = datetime(2026, 8, 4, 18, 0, tzinfo=UTC)
_seq = count(1)


def after(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def said(
    bookmaker: str,
    *,
    at: datetime = NOW,
    received: datetime | None = None,
    market: str = "h2h",
    event: str = "game",
    commission: float = 0.0,
    **odds: float | None,
) -> list[OddsUpdate]:
    """Prices of one bookmaker by outcome, stamped ``at``."""
    return [
        OddsUpdate(
            f"e:{next(_seq)}", bookmaker, event, market, outcome, None, price, received or at,
            at, 0.0, False, None, commission,
        )
        for outcome, price in odds.items()
    ]  # fmt: skip


def found(*boards: list[OddsUpdate], finder: ArbitrageFinder | None = None) -> list[Arbitrage]:
    finder = finder or ArbitrageFinder()
    finder.take([update for board in boards for update in board], NOW)
    return finder.current


def suppressed(*boards: list[OddsUpdate], finder: ArbitrageFinder | None = None) -> Arbitrage:
    [only] = found(*boards, finder=finder)
    assert only.status == "suppressed"
    assert all(WORDS[reason] in only.words for reason in only.reasons)
    return only


def told(changes: Sequence[Change]) -> list[tuple[str, str, str]]:
    return [(c.what, c.arbitrage.kind, c.arbitrage.status) for c in changes]


PAIR = [*said("ada", home=2.1, away=1.8), *said("bob", home=1.8, away=2.05)]

LOPSIDED = [*said("ada", home=1.3, away=3.0), *said("bob", home=1.2, away=4.4)]


def test_two_prices_that_pay_whatever_happens() -> None:
    [active] = found(PAIR)
    assert (active.status, active.kind, active.reasons, active.words) == ("active", "sound", (), "")
    assert active.key == ("game", "h2h", ("away", "home"), "sound")
    assert {(leg.bookmaker_id, leg.outcome, leg.odds, leg.stake) for leg in active.legs} == {
        ("ada", "home", 2.1, 49.4),
        ("bob", "away", 2.05, 50.6),
    }
    assert active.margin == pytest.approx(1 / (1 / 2.1 + 1 / 2.05) - 1)
    assert (active.total, active.worst_case) == (100.0, 3.73)
    assert [leg.age_s(after(7)) for leg in active.legs] == [7.0, 7.0]


def test_a_sum_of_exactly_one_pays_nothing_and_is_not_reported() -> None:
    thirds = {"home": 3.0, "draw": 3.0, "away": 3.0}
    assert found(said("ada", **thirds), said("bob", **thirds), said("cyd", **thirds)) == []


def test_commission_makes_an_arbitrage_vanish() -> None:
    exchange = said("exchange", home=2.04, away=1.9, commission=0.05)
    other = said("bob", home=1.8, away=2.0)
    assert found(exchange, other) == []
    [active] = found(exchange, other, finder=ArbitrageFinder(Terms(commissions={"exchange": 0.0})))
    assert [leg.commission for leg in active.legs] == [0.0, 0.0]


def test_a_lay_of_one_of_three_covers_the_two_others() -> None:
    three = {"home": 3.2, "draw": 3.0, "away": 2.2}
    exchange = said("exchange", home=2.8, draw=3.0, away=2.2, commission=0.02)
    laid = said("exchange", market="h2h_lay", home=2.9, commission=0.02)
    [active] = found(said("ada", **three), exchange, laid)
    assert {(leg.bookmaker_id, leg.outcome, leg.side) for leg in active.legs} == {
        ("ada", "home", "back"),
        ("exchange", "home", "lay"),
    }
    assert active.market == "h2h"
    assert active.status == "active"
    assert pays_as_shown(active)


def test_a_lay_of_one_of_two_is_a_back_of_the_other() -> None:
    laid = said("exchange", market="h2h_lay", home=1.9, away=2.3)
    [active] = found(said("ada", home=2.1, away=1.7), laid)
    assert {(leg.outcome, leg.side) for leg in active.legs} == {("home", "back"), ("home", "lay")}


def test_lines_are_markets_of_their_own() -> None:
    over = said("ada", market="totals@7.5", over=2.2, under=1.7)
    assert found(over, said("bob", market="totals@8.5", over=1.7, under=2.2)) == []
    [active] = found(over, said("bob", market="totals_lay@7.5", over=2.0, under=2.5))
    assert active.market == "totals@7.5"


@pytest.mark.parametrize(
    ("market", "base"),
    [
        ("h2h", ("h2h", False)),
        ("h2h_lay", ("h2h", True)),
        ("spreads_lay@-2.5", ("spreads@-2.5", True)),
        ("overlay", ("overlay", False)),
    ],
)
def test_the_market_that_a_lay_market_lays(market: str, base: tuple[str, bool]) -> None:
    assert base_market(market) == base


# ------------------------------------------------------------- suppressed, and why


def test_an_old_price_is_stale_and_the_next_best_is_found_instead() -> None:
    old = said("old", at=after(-300), home=2.4, away=1.5)
    stale, active = sorted(found(PAIR, old), key=lambda each: each.kind)
    assert (stale.kind, stale.status, stale.reasons) == ("best", "suppressed", ("stale",))
    assert {leg.bookmaker_id for leg in stale.legs} == {"old", "bob"}
    assert (active.status, {leg.bookmaker_id for leg in active.legs}) == ("active", {"ada", "bob"})


def test_just_below_the_limit_a_price_is_fresh() -> None:
    [active] = found(PAIR, said("old", at=after(-299.999), home=2.4, away=1.5))
    assert (active.status, active.legs[1].bookmaker_id) == ("active", "old")


def test_a_bookmakers_clock_that_is_ahead_makes_its_prices_no_fresher() -> None:
    ahead = said("ada", at=after(3600), received=after(-301), home=2.1, away=1.8)
    assert suppressed(ahead, said("bob", home=1.8, away=2.05)).reasons == ("stale",)


def test_one_bookmaker_is_not_two() -> None:
    alone = suppressed(said("ada", home=2.1, away=2.1), said("bob", home=1.5, away=1.6))
    assert (alone.kind, alone.reasons) == ("best", ("one_bookmaker",))


def test_clones_count_as_one_bookmaker() -> None:
    finder = ArbitrageFinder(clones={"bob": "ada"})
    assert suppressed(PAIR, finder=finder).reasons == ("clones",)
    assert told(finder.use_clones({}, NOW)) == [
        ("opened", "sound", "active"),
        ("closed", "best", "expired"),
    ]
    assert told(finder.use_clones({"ada": "x", "bob": "x"}, NOW))[0][1:] == ("best", "suppressed")


def test_a_two_way_against_a_three_way_market() -> None:
    three_way = said("ada", home=2.6, draw=3.3, away=2.7)
    mixed = suppressed(three_way, said("bob", home=1.9, away=1.9))
    assert (mixed.kind, mixed.outcomes) == ("mixed", ("away", "home"))
    assert "outcomes_differ" in mixed.reasons
    assert "outcome_missing" in mixed.reasons
    assert mixed.worst_case is None
    assert {leg.stake for leg in mixed.legs} == {0.0}


def test_a_draw_that_nobody_prices_any_more_is_missing() -> None:
    boards = [said(name, home=2.6, draw=3.3, away=2.7) for name in ("ada", "bob")]
    finder = ArbitrageFinder()
    assert found(*boards, finder=finder) == []
    gone = [said(name, draw=None) for name in ("ada", "bob")]
    missing = suppressed(*gone, finder=finder)
    assert "outcome_missing" in missing.reasons
    assert "outcomes_differ" not in missing.reasons
    assert missing.outcomes == ("away", "draw", "home")
    assert told(finder.take(said("ada", draw=3.3), NOW)) == [("closed", "mixed", "expired")]


def test_a_favourite_at_eleven_and_a_half_is_a_mistake() -> None:
    # Recorded: fresh, and "+246 %".
    boards = [said(name, home=1.5, away=2.7) for name in ("ada", "bob", "cyd")]
    wild = suppressed(*boards, said("err", home=11.5, away=1.06))
    assert wild.reasons == ("palpable_error",)
    assert wild.margin > 1


def test_a_price_out_of_line_is_a_mistake_even_if_the_margin_is_credible() -> None:
    boards = [said(name, home=1.25, away=3.7) for name in ("ada", "bob", "cyd")]
    wild = suppressed(*boards, said("err", home=1.6, away=2.0))
    assert 0 < wild.margin < 0.2
    assert wild.reasons == ("palpable_error",)


def test_a_mistake_hides_no_arbitrage_among_the_others() -> None:
    wild, active = sorted(found(
        PAIR, said("cyd", home=2.0, away=1.9), said("err", home=11.5, away=1.06)
    ), key=lambda each: each.kind)  # fmt: skip
    assert wild.reasons == ("palpable_error",)
    assert active.status == "active"
    assert "err" not in {leg.bookmaker_id for leg in active.legs}


def test_of_two_bookmakers_who_disagree_wildly_neither_is_believed() -> None:
    wild = suppressed(said("ada", home=2.6, away=1.4), said("bob", home=1.4, away=2.6))
    assert (wild.kind, wild.reasons) == ("sound", ("palpable_error",))


def test_rounding_eats_it() -> None:
    eaten = suppressed(LOPSIDED, finder=ArbitrageFinder(Terms(unit=50.0)))
    assert eaten.reasons == ("rounding",)
    assert eaten.worst_case is not None
    assert eaten.worst_case <= 0


def test_limits_eat_it() -> None:
    small = ArbitrageFinder(Terms(unit=1.0, max_stakes={"ada": 1.5}))
    assert suppressed(PAIR, finder=small).reasons == ("limits",)
    [active] = found(PAIR, finder=ArbitrageFinder(Terms(max_stakes={"ada": 10.0})))
    assert active.max_total == pytest.approx(10 * active.implied * 2.1)
    assert active.total == pytest.approx(active.max_total, abs=0.01)
    assert max(leg.stake for leg in active.legs if leg.bookmaker_id == "ada") == 10.0


def test_every_reason_is_told_in_the_order_of_the_list() -> None:
    old = said("ada", at=after(-400), home=1.5, away=9.0)
    assert suppressed(old, finder=ArbitrageFinder(Terms(unit=60.0))).reasons == (
        "stale", "one_bookmaker", "palpable_error", "rounding",
    )  # fmt: skip
    assert set(WORDS) == set(REASONS)


def test_margins_below_the_one_asked_for_are_not_looked_at() -> None:
    assert found(PAIR, finder=ArbitrageFinder(Terms(min_margin=0.04))) == []
    assert len(found(PAIR, finder=ArbitrageFinder(Terms(min_margin=0.03)))) == 1


# --------------------------------------------------------------------- its life


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
    assert finder.deadline == after(300)
    assert finder.expire(after(299.9)) == []
    assert told(finder.expire(after(300))) == [
        ("opened", "best", "suppressed"),
        ("closed", "sound", "expired"),
    ]
    assert finder.deadline is None
    assert finder.current[0].active_since is None


def test_a_price_that_was_seen_again_is_as_fresh_as_that() -> None:
    finder = ArbitrageFinder()
    finder.take(PAIR, NOW)
    for name in ("ada", "bob"):
        finder.confirm(name, "game", "h2h", after(200), after(200))
    assert finder.confirm("ada", "game", "h2h", after(100), after(250)) == []
    assert finder.confirm("ada", "unknown", "h2h", after(100), after(250)) == []
    assert finder.deadline == after(500)
    assert finder.expire(after(499)) == []
    assert finder.current[0].status == "active"


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


# -------------------------------------------------------------------- and always


@given(st.data())
def test_every_active_one_pays_what_it_shows(data: st.DataObject) -> None:
    """Random books around a fair price, in hundredths, some of them exchanges."""
    chances = data.draw(st.lists(st.floats(0.1, 1), min_size=2, max_size=4))
    finder = ArbitrageFinder(Terms(
        unit=data.draw(st.sampled_from([0.01, 0.5, 1.0])),
        max_stakes={"m1": data.draw(st.floats(1, 60))},
    ))  # fmt: skip
    updates = []
    for maker in range(data.draw(st.integers(2, 5))):
        commission = data.draw(st.sampled_from([0.0, 0.02, 0.05]))
        for market in ("h2h", "h2h_lay") if commission else ("h2h",):
            odds = {
                f"o{number}": round(sum(chances) / chance * data.draw(st.floats(0.9, 1.15)), 2)
                for number, chance in enumerate(chances)
            }
            odds = {outcome: max(price, 1.01) for outcome, price in odds.items()}
            updates += said(f"m{maker}", market=market, commission=commission, **odds)
    finder.take(updates, NOW)
    for each in finder.active:
        assert pays_as_shown(each)
        assert each.worst_case is not None
        assert each.worst_case > 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"stake": 0.0},
        {"stake": float("nan")},
        {"unit": 0.0},
        {"unit": 200.0},
        {"max_age_s": 0.0},
        {"max_age_in_play_s": -1.0},
        {"min_margin": -0.1},
        {"min_margin": 0.3},
        {"max_gap": 0.0},
        {"commissions": {"exchange": 1.0}},
        {"max_stakes": {"ada": 0.0}},
    ],
)
def test_terms_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError, match="Terms of arbitrage"):
        Terms(**wrong)  # type: ignore[arg-type]
