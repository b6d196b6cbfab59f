"""What a link says it does next, for who watches."""

from __future__ import annotations

from math import inf

from protipp_stream.core.link_words import Connected, Leave, Next, Stop
from tests.core.link_driver import HEARTBEAT_S, Driver


def test_what_comes_next_is_said_in_every_phase() -> None:
    driver = Driver()
    assert driver.link.next_step is None
    driver.start()
    assert driver.link.next_step == Next("wait", 0, driver.now + 5)
    driver.fail("unreachable")
    assert driver.link.next_step == Next("retry", 0, driver.now + 1)
    driver.wait(1)
    driver.connect()
    assert driver.link.next_step is None
    driver.wait(HEARTBEAT_S * 7 / 6)
    due = driver.now + HEARTBEAT_S * (4 / 3 - 7 / 6)
    assert driver.link.next_step == Next("drop", 0, due)
    driver.tell(Leave())
    assert driver.link.next_step is None
    driver.tell(Stop())
    assert driver.link.next_step is None


def test_climbing_back_is_announced_and_then_being_done() -> None:
    driver = Driver()
    driver.start()
    driver.fail("blocked")
    assert driver.link.next_step == Next("wait", 1, driver.now + 5)
    driver.connect()
    assert driver.link.next_step == Next("climb", 0, driver.now + 30)
    driver.wait(30)
    assert driver.link.next_step == Next("probe", 0, inf)
    driver.tell(Connected(driver.beside(), HEARTBEAT_S))
    assert driver.link.next_step == Next("probe", 0, inf)
