"""What a user may want of a link: to leave, to come back, another way, no more tries."""

from __future__ import annotations

from math import inf

import pytest

from protipp_stream.core.link_words import (
    Choose,
    Close,
    ComeBack,
    Connected,
    Failed,
    KeepTrying,
    Leave,
    Level,
    Open,
    Phase,
    Promote,
    Renew,
    Stop,
)
from tests.core.link_driver import HEARTBEAT_S, Driver

AUTO, WEBSOCKET, SSE, POLLING = range(3), range(1), range(1, 2), range(2, 3)


def connected() -> Driver:
    driver = Driver()
    driver.start()
    driver.connect()
    return driver


def moved_to(rung: int) -> Driver:
    """Over a worse transport, with the better ones to climb back to."""
    driver = Driver()
    driver.start()
    for _ in range(rung):
        driver.fail("blocked")
    driver.connect()
    return driver


def take_over(driver: Driver) -> None:
    driver.tell(Connected(driver.beside(), HEARTBEAT_S))
    driver.tell(Level(driver.beside()))


# ------------------------------------------------------------- away and back


def test_who_leaves_is_away_and_nothing_is_waited_for() -> None:
    driver = connected()
    assert driver.tell(Leave()) == [Close(1)]
    driver.wait(1e6)
    assert (driver.link.phase, driver.link.deadline) == (Phase.AWAY, inf)
    assert driver.done == [Open(1, 0), Close(1)]


def test_who_leaves_closes_the_one_beside_too() -> None:
    driver = moved_to(1)
    driver.wait(30.0, hearing=True)
    beside, live = driver.beside(), driver.live()
    assert driver.tell(Leave()) == [Close(beside), Close(live)]
    assert driver.link.deadline == inf


def test_coming_back_from_away_opens_at_once_where_it_was() -> None:
    driver = moved_to(1)
    driver.tell(Leave())
    assert driver.tell(ComeBack()) == [Open(3, 1)]
    driver.connect()
    assert driver.link.phase is Phase.LIVE


def test_coming_back_does_not_wait_for_the_deadline_and_counts_anew() -> None:
    driver = Driver()
    driver.start()
    for _ in range(5):
        driver.fail("unreachable")
        driver.wait(driver.link.deadline - driver.now)
    driver.fail("unreachable")
    assert driver.link.attempts == 6
    assert driver.tell(ComeBack()) == [Open(7, 0)]
    assert driver.link.attempts == 0
    driver.fail("unreachable")
    assert driver.link.deadline == driver.now + 1


def test_coming_back_keeps_what_lives_and_replaces_what_is_stalled() -> None:
    driver = connected()
    assert driver.tell(ComeBack()) == []
    assert driver.link.phase is Phase.LIVE
    driver.wait(36.0)
    assert driver.link.phase is Phase.STALLED
    assert driver.tell(ComeBack()) == [Close(1), Open(2, 0)]


def test_a_fresh_connection_replaces_the_live_one() -> None:
    driver = moved_to(1)
    assert driver.tell(Renew()) == [Close(2), Open(3, 1)]
    assert driver.link.phase is Phase.CONNECTING


def test_who_is_away_is_not_brought_back_by_anything_else() -> None:
    driver = connected()
    driver.tell(Leave())
    for wish in (Renew(), Choose(SSE), KeepTrying(False), KeepTrying(True), Leave()):
        assert driver.tell(wish) == []
    assert driver.link.phase is Phase.AWAY
    assert driver.tell(ComeBack()) == [Open(2, 1)]


@pytest.mark.parametrize(
    "wish", [Leave(), ComeBack(), Renew(), Choose(SSE), KeepTrying(False)], ids=repr
)
def test_what_has_ended_stays_ended(wish: Leave) -> None:
    driver = connected()
    driver.tell(Stop())
    assert driver.tell(wish) == []
    assert driver.link.phase is Phase.ENDED


# --------------------------------------------------------- another transport


@pytest.mark.parametrize("chosen", [SSE, POLLING])
def test_another_transport_is_made_before_the_old_one_breaks(chosen: range) -> None:
    driver = connected()
    assert driver.tell(Choose(chosen)) == [Open(2, chosen.start)]
    assert (driver.link.phase, driver.live(), driver.link.rung) == (Phase.LIVE, 1, 0)
    driver.tell(Connected(2, HEARTBEAT_S))
    assert driver.tell(Level(2)) == [Promote(2), Close(1)]
    assert (driver.live(), driver.link.rung) == (2, chosen.start)
    driver.wait(3600.0, hearing=True)
    assert driver.link.rung == chosen.start, "there is nothing to climb back to"


def test_back_to_all_of_them_climbs_at_once() -> None:
    driver = connected()
    driver.tell(Choose(POLLING))
    take_over(driver)
    assert driver.tell(Choose(AUTO)) == [Open(3, 0)]
    assert driver.tell(Failed(3, "blocked")) == [Close(3), Open(4, 1)]
    take_over(driver)
    assert driver.link.rung == 1


def test_to_choose_what_is_in_use_changes_nothing_but_the_ladder() -> None:
    driver = connected()
    assert driver.tell(Choose(WEBSOCKET)) == []
    assert driver.fail("lost") == [Close(1)]
    driver.wait(1.0)
    assert driver.fail("blocked") == [Close(2)], "there is no other to fall to"


def test_what_can_not_be_had_leaves_the_live_one_and_is_tried_again() -> None:
    driver = connected()
    driver.tell(Choose(SSE))
    assert driver.tell(Failed(2, "blocked")) == [Close(2)]
    driver.wait(29.9, hearing=True)
    assert (driver.link.phase, driver.live(), driver.link.probe) == (Phase.LIVE, 1, None)
    driver.wait(0.1, hearing=True)
    assert driver.done[-1] == Open(3, 1)
    take_over(driver)
    assert driver.link.rung == 1


def test_when_the_old_one_breaks_first_the_chosen_one_is_tried() -> None:
    driver = connected()
    driver.tell(Choose(POLLING))
    driver.fail("lost")
    driver.wait(1.0)
    assert driver.done[-1] == Open(3, 2)


def test_a_changed_mind_drops_what_was_opened() -> None:
    driver = connected()
    driver.tell(Choose(SSE))
    assert driver.tell(Choose(POLLING)) == [Close(2), Open(3, 2)]
    assert driver.tell(Choose(AUTO)) == [Close(3)]
    assert driver.tell(Choose(AUTO)) == []


@pytest.mark.parametrize(("chosen", "is_kept"), [(SSE, False), (AUTO, True), (WEBSOCKET, True)])
def test_while_connecting_the_try_goes_on_where_it_was_chosen(chosen: range, is_kept: bool) -> None:
    driver = Driver()
    driver.start()
    assert driver.tell(Choose(chosen)) == ([] if is_kept else [Close(1), Open(2, chosen.start)])


def test_in_backoff_another_transport_is_tried_at_once() -> None:
    driver = Driver()
    driver.start()
    driver.fail("unreachable")
    assert driver.tell(Choose(AUTO)) == []
    assert driver.tell(Choose(POLLING)) == [Open(2, 2)]


def test_strangers_are_counted_on_the_chosen_ladder() -> None:
    driver = Driver()
    driver.start()
    driver.fail("stranger")
    driver.fail("stranger")
    driver.tell(Choose(WEBSOCKET))
    driver.fail("stranger")
    assert driver.link.phase is Phase.ENDED


# ---------------------------------------------------------- without retries


@pytest.mark.parametrize("why", ["lost", "unreachable", "blocked", "stranger"])
def test_without_retries_what_breaks_is_away_until_somebody_asks(why: str) -> None:
    driver = connected()
    driver.tell(KeepTrying(False))
    assert driver.fail(why) == [Close(1)]  # type: ignore[arg-type]
    driver.wait(1e6)
    assert driver.link.phase is Phase.AWAY
    assert driver.tell(ComeBack()) == [Open(2, 0)]
    driver.fail("lost")
    assert driver.link.phase is Phase.AWAY


def test_without_retries_silence_is_death_too() -> None:
    driver = connected()
    driver.tell(KeepTrying(False))
    driver.wait(41.0)
    assert driver.link.phase is Phase.AWAY


def test_without_retries_one_try_still_goes_down_the_ladder() -> None:
    driver = Driver()
    driver.start()
    driver.tell(KeepTrying(False))
    assert driver.fail("blocked") == [Close(1), Open(2, 1)]
    assert driver.fail("blocked") == [Close(2), Open(3, 2)]
    assert driver.fail("blocked") == [Close(3)]
    assert (driver.link.phase, driver.link.rung) == (Phase.AWAY, 0)


def test_without_retries_a_gap_is_asked_for_once() -> None:
    driver = connected()
    driver.tell(KeepTrying(False))
    assert driver.fail("gap") == [Close(1), Open(2, 0)]
    driver.connect()
    assert driver.fail("gap") == [Close(2)]
    assert driver.link.phase is Phase.AWAY


def test_to_want_no_more_tries_ends_the_waiting_for_one() -> None:
    driver = Driver()
    driver.start()
    driver.fail("lost")
    assert driver.tell(KeepTrying(False)) == []
    assert (driver.link.phase, driver.link.deadline) == (Phase.AWAY, inf)
