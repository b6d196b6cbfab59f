"""The link's state machine: every sentence of its manual."""

from __future__ import annotations

import pytest

from protipp_stream.core.link import BESIDE, TRANSITIONS, IllegalTransition, Link
from protipp_stream.core.link_words import (
    Close,
    Connected,
    Failed,
    Heard,
    Level,
    Open,
    Passed,
    Phase,
    Promote,
    Start,
)
from tests.core.link_driver import HEARTBEAT_S, Driver


def connected(rung: int = 0) -> Driver:
    driver = Driver()
    driver.start()
    for _ in range(rung):
        driver.fail("blocked")
    driver.connect()
    assert (driver.link.phase, driver.link.rung) == (Phase.LIVE, rung)
    return driver


def test_connected_is_when_the_frame_came_not_when_a_socket_opened() -> None:
    driver = Driver()
    driver.start()
    assert driver.done == [Open(1, 0)]
    driver.tell(Heard(1))
    assert driver.link.phase is Phase.CONNECTING
    driver.connect()
    assert driver.link.phase is Phase.LIVE


def test_a_proxy_that_swallows_frames_is_noticed_in_five_seconds() -> None:
    driver = Driver()
    driver.start()
    driver.wait(4.999)
    assert driver.link.rung == 0
    driver.wait(0.001)
    assert driver.done[1:] == [Close(1), Open(2, 1)]


def test_a_blocked_transport_gives_way_to_the_next_at_once() -> None:
    driver = Driver()
    driver.start()
    assert driver.fail("blocked") == [Close(1), Open(2, 1)]
    assert driver.fail("blocked") == [Close(2), Open(3, 2)]
    assert driver.fail("blocked") == [Close(3)]
    assert (driver.link.phase, driver.link.rung) == (Phase.BACKOFF, 0)


def test_where_nothing_answers_the_transport_stays() -> None:
    driver = connected(rung=1)
    driver.fail("lost")
    driver.wait(1.0)
    assert driver.fail("unreachable") == [Close(driver.link._opened)]
    assert (driver.link.phase, driver.link.rung) == (Phase.BACKOFF, 1)


def test_backoff_doubles_to_sixteen_seconds_and_stays_there() -> None:
    driver = Driver()
    driver.start()
    waits = []
    for _ in range(8):
        driver.fail("unreachable")
        waits.append(driver.link.deadline - driver.now)
        driver.wait(waits[-1])
    assert waits == [1, 2, 4, 8, 16, 16, 16, 16]


def test_a_gateways_wish_wins_over_our_backoff() -> None:
    driver = Driver()
    driver.start()
    driver.fail("lost", 30.0)
    assert driver.link.deadline == driver.now + 30.0


def test_attempts_are_forgotten_after_thirty_stable_seconds_not_before() -> None:
    driver = Driver()
    driver.start()
    for expected in (1, 2, 3):
        driver.connect()
        driver.wait(29.9, hearing=True)
        driver.fail("lost")
        assert driver.link.attempts == expected
        driver.wait(driver.link.deadline - driver.now)
    driver.connect()
    driver.wait(30.0, hearing=True)
    assert driver.link.attempts == 0


def test_silence_is_shown_as_stalled_and_then_is_death() -> None:
    driver = connected()
    driver.wait(34.9)
    assert driver.link.phase is Phase.LIVE
    driver.wait(0.1)
    assert driver.link.phase is Phase.STALLED
    driver.tell(Heard(driver.live()))
    assert driver.link.phase is Phase.LIVE
    driver.wait(39.9)
    assert driver.link.phase is Phase.STALLED
    driver.wait(0.1)
    assert driver.link.phase is Phase.BACKOFF
    driver.wait(1.0)
    assert driver.link.phase is Phase.CONNECTING


def test_a_word_from_an_old_connection_is_ignored() -> None:
    driver = connected()
    old = driver.live()
    driver.fail("lost")
    driver.wait(1.0)
    for word in (Connected(old, 1.0), Heard(old), Failed(old, "refused"), Level(old)):
        assert driver.tell(word) == []
    assert driver.link.phase is Phase.CONNECTING


@pytest.mark.parametrize("phase", [Phase.CONNECTING, Phase.LIVE, Phase.STALLED])
def test_a_refusal_ends_it_whatever_it_was_doing(phase: Phase) -> None:
    driver = Driver()
    driver.start()
    if phase is not Phase.CONNECTING:
        driver.connect()
    if phase is Phase.STALLED:
        driver.wait(36.0)
    assert driver.link.phase is phase
    assert driver.fail("refused") == [Close(1)]
    assert driver.link.phase is Phase.ENDED
    assert driver.link.deadline == float("inf")


def test_what_is_no_gateway_on_any_transport_ends_it() -> None:
    driver = Driver()
    driver.start()
    driver.fail("stranger")
    driver.fail("stranger")
    assert driver.link.phase is Phase.CONNECTING
    driver.fail("stranger")
    assert driver.link.phase is Phase.ENDED


def test_strangers_count_only_in_a_row_and_only_before_the_first_connection() -> None:
    driver = Driver()
    driver.start()
    for why in ("stranger", "blocked", "stranger"):
        driver.fail(why)  # type: ignore[arg-type]
    driver.wait(1.0)
    driver.fail("stranger")
    assert driver.link.phase is Phase.CONNECTING
    driver.connect()
    for _ in range(9):
        if driver.link.phase is Phase.BACKOFF:
            driver.wait(driver.link.deadline - driver.now)
        driver.fail("stranger")
    assert driver.link.phase is not Phase.ENDED


def test_a_gap_is_asked_for_again_at_once_but_not_for_ever() -> None:
    driver = connected()
    assert driver.fail("gap") == [Close(1), Open(2, 0)]
    driver.connect()
    assert driver.fail("gap") == [Close(2)]
    assert driver.link.phase is Phase.BACKOFF


def test_probes_come_after_30_60_120_up_to_600_seconds() -> None:
    driver = connected(rung=1)
    gaps, last = [], driver.now
    while len(gaps) < 7:
        driver.wait(1.0, hearing=True)
        if driver.link.probe is not None:
            gaps.append(round(driver.now - last))
            driver.tell(Failed(driver.beside(), "blocked"))
            last = driver.now
    assert gaps == [30, 60, 120, 240, 480, 600, 600]


def test_on_the_best_transport_nothing_is_probed() -> None:
    driver = connected()
    driver.wait(3600.0, hearing=True)
    assert driver.done == [Open(1, 0)]


def test_climbing_back_makes_before_it_breaks() -> None:
    driver = connected(rung=2)
    old = driver.live()
    driver.wait(31.0, hearing=True)
    beside = driver.beside()
    driver.tell(Level(beside))
    assert driver.live() == old  # level before `connected` means nothing
    driver.tell(Connected(beside, HEARTBEAT_S))
    assert driver.live() == old
    assert driver.tell(Level(beside)) == [Promote(beside), Close(old)]
    assert (driver.live(), driver.link.rung, driver.link.probe) == (beside, 0, None)


def test_where_the_best_stays_blocked_the_second_best_is_tried_in_the_same_round() -> None:
    driver = connected(rung=2)
    driver.wait(31.0, hearing=True)
    first = driver.beside()
    effects = driver.tell(Failed(first, "blocked"))
    assert effects == [Close(first), Open(first + 1, 1)]
    driver.tell(Connected(driver.beside(), HEARTBEAT_S))
    driver.tell(Level(driver.beside()))
    assert driver.link.rung == 1


def test_a_probe_that_is_silent_is_dropped() -> None:
    driver = connected(rung=1)
    driver.wait(30.0, hearing=True)
    beside = driver.beside()
    driver.wait(5.0, hearing=True)
    assert driver.link.probe is None
    assert driver.done[-1] == Close(beside)


def test_a_live_one_that_dies_is_followed_by_the_one_beside_it() -> None:
    driver = connected(rung=1)
    driver.wait(31.0, hearing=True)
    old, beside = driver.live(), driver.beside()
    driver.tell(Connected(beside, HEARTBEAT_S))
    assert driver.fail("lost") == [Promote(beside), Close(old)]
    assert driver.link.phase is Phase.LIVE


def test_a_live_one_that_dies_before_the_one_beside_it_is_there_backs_off() -> None:
    driver = connected(rung=1)
    driver.wait(31.0, hearing=True)
    old, beside = driver.live(), driver.beside()
    assert driver.fail("lost") == [Close(beside), Close(old)]
    assert driver.link.phase is Phase.BACKOFF


@pytest.mark.parametrize("phase", Phase)
def test_a_pair_that_is_not_in_the_table_raises_and_changes_nothing(phase: Phase) -> None:
    for word in (Start(), Passed(), Connected(1, 1.0), Heard(1), Level(1), Failed(1, "lost")):
        link = Link(range(3), lambda: 0.5)
        link.phase, link.live = phase, 1
        before = vars(link).copy()
        if (phase, type(word)) in TRANSITIONS:
            continue
        with pytest.raises(IllegalTransition):
            link.receive(word, 0.0)
        assert vars(link) == before


def test_only_a_live_link_has_one_beside_it() -> None:
    assert {phase for phase, _ in BESIDE} == {Phase.LIVE, Phase.STALLED}
