"""The table of arbitrage as Panel serves it: each viewer's stakes are worked out in Python."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.browser.servers import free_port, serving
from tests.ui.hostile import FORMULA, MARKUP, RTL

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    port = free_port()
    page = "tests/browser/pages_arbitrage.py"
    arguments = ["panel", "serve", page, "--address", "127.0.0.1", "--port", str(port)]
    log = tmp_path_factory.mktemp("panel") / "log"
    url = f"http://127.0.0.1:{port}/pages_arbitrage"
    with serving(arguments, url, log):
        yield url


@pytest.fixture
def opened(address: str, open_page: Callable[..., Any]) -> Callable[[], Any]:
    def at_the_table() -> Any:
        watched = open_page(viewport={"width": 1400, "height": 800})
        watched.page.goto(address)
        row(watched.page, "Nationals @ Phillies").wait_for()
        return watched

    return at_the_table


def row(page: Any, event: str) -> Any:
    return page.locator(".canvas .row:not([hidden])").filter(has_text=event).first


def stakes(page: Any) -> list[float]:
    return [float(text) for text in page.locator(".bets tbody td:nth-child(6)").all_inner_texts()]


def fact(page: Any, label: str) -> float:
    text = page.locator(".sums div").filter(has_text=label).locator("dd").inner_text()
    return float(text.replace("\N{MINUS SIGN}", "-").replace("%", ""))


def open_calculator(page: Any, event: str = "Nationals @ Phillies") -> None:
    row(page, event).locator(".cell").nth(1).click()
    page.locator(".bets tbody tr").first.wait_for()


def test_the_calculators_stakes_add_up_to_the_total_and_the_worst_case_follows(
    opened: Any,
) -> None:
    page = opened().page
    open_calculator(page)
    assert stakes(page) == [50.0, 49.0]
    assert fact(page, "Total at risk") == 99.0
    # 49 at 2.1 return 102.90, 50 at 2.05 return 102.50.
    assert fact(page, "Worst case") == 3.5
    assert fact(page, "Margin after rounding") == 3.54
    assert fact(page, "Margin before rounding") == 3.73


def test_a_given_stake_splits_the_rest_anew(opened: Any) -> None:
    page = opened().page
    open_calculator(page)
    given = page.get_by_role("spinbutton", name="Stake on home at ada")
    given.fill("60")
    given.press("Enter")
    page.locator(".sums dd", has_text="121.00").wait_for()
    assert stakes(page) == [61.0, 60.0]
    assert fact(page, "Worst case") == 4.05
    assert page.get_by_role("checkbox", name="Give the stake on home at ada").is_checked()
    page.get_by_role("checkbox", name="Give the stake on home at ada").uncheck()
    page.locator(".sums dd", has_text="99.00").wait_for()
    assert stakes(page) == [50.0, 49.0]


def test_one_viewers_stake_changes_no_other_viewers(opened: Any) -> None:
    first, second = opened().page, opened().page
    open_calculator(first)
    open_calculator(second)
    stake = first.get_by_role("spinbutton", name="Stake", exact=True)
    stake.fill("1000")
    stake.press("Enter")
    first.get_by_role("spinbutton", name="Round to").fill("0.01")
    first.locator(".sums dd", has_text="999.99").wait_for()
    shown = row(first, "Nationals @ Phillies").locator(".cell.number").nth(2)
    assert shown.inner_text() == "999.99"
    second.wait_for_timeout(2500)  # more than a sign of life later
    assert fact(second, "Total at risk") == 99.0
    assert row(second, "Nationals @ Phillies").locator(".cell.number").nth(2).inner_text() == (
        "99.00"
    )
    assert second.get_by_role("spinbutton", name="Stake", exact=True).input_value() == "100"


def test_a_stake_that_can_not_be_is_refused_in_words_and_the_table_goes_on(opened: Any) -> None:
    page = opened().page
    unit = page.get_by_role("spinbutton", name="Round to")
    unit.fill("500")
    unit.press("Enter")
    page.get_by_role("alert").filter(has_text="unit can't be 500").wait_for()
    unit.fill("5")
    unit.press("Enter")
    page.locator(".cell.number", has_text="100.00").first.wait_for()
    assert page.locator(".refusal:visible").count() == 0


def test_hostile_names_are_text_in_the_table_and_in_the_calculator(opened: Any) -> None:
    watched = opened()
    page = watched.page
    open_calculator(page, MARKUP)
    names = page.locator(".bets tbody td:nth-child(1)").all_inner_texts()
    assert sorted(names) == sorted([FORMULA, RTL])
    assert f"Back {MARKUP}" in page.locator(".bets tbody td:nth-child(2)").all_inner_texts()
    assert MARKUP in page.locator(".calculator h3").inner_text()
    assert page.locator(".canvas .cell").filter(has_text=MARKUP).count() >= 3
    assert page.locator("img").count() == 0
    assert page.locator(".arbitrage a").count() == 0
    assert page.evaluate("() => window.fired") is None
    page.evaluate(  # the control: the weapon is sharp
        "(text) => { const div = document.createElement('div'); div.innerHTML = text;"
        " document.body.append(div); }",
        MARKUP,
    )
    page.wait_for_function("() => window.fired === 'name'")
    assert watched.outside == []
