"""``arbitrage.js`` and ``calculator.js`` in a real browser, fed by hand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from protipp_stream.ui import ArbitrageTable
from tests.browser.stage import Stage

pytestmark = pytest.mark.browser

KEY = ["e1", "totals@8", ["Over", "Under"], "sound"]
NOW = 1785844800.0


def row(**changes: Any) -> dict[str, Any]:
    at = int(NOW * 1000)
    said = {
        "id": KEY, "event": "Nationals @ Phillies", "sport": "mlb", "market": "totals@8",
        "status": "active", "reasons": "", "margin": 0.0373, "stake": 99.0, "profit": 3.5,
        "floor": 0.0, "bets": [["bob", "Under", "back", 2.05], ["ada", "Over", "back", 2.1]],
        "oldest": at - 30_000, "until": at + 150_000, "first": at - 5_000, "starts": at + 3_600_000,
    }  # fmt: skip
    return {**said, **changes}


def bet(bookmaker: str, outcome: str, **changes: Any) -> dict[str, Any]:
    said = {
        "bookmaker": bookmaker, "outcome": outcome, "side": "back", "odds": 2.1, "commission": 0.0,
        "stake": 49.0, "risk": 49.0, "returns": 102.9,
    }  # fmt: skip
    return {**said, **changes}


def calculation(**changes: Any) -> dict[str, Any]:
    said = {
        "id": KEY, "event": "Nationals @ Phillies", "market": "totals@8", "status": "active",
        "bets": [
            bet("bob", "Under", odds=2.05, stake=50.0, risk=50.0, returns=102.5),
            bet("ada", "Over"),
        ],
        "total": 99.0, "worst": 3.5, "margin": 0.0373, "rounded": 0.03535,
    }  # fmt: skip
    return {**said, **changes}


def body(*rows: dict[str, Any], **changes: Any) -> dict[str, Any]:
    said = {"whole": True, "now": NOW, "rows": list(rows), "counts": [1, 2], "state": {}}
    return {**said, "stake": 100.0, "unit": 1.0, **changes}


@pytest.fixture
def stage(open_page: Callable[..., Any]) -> Stage:
    page = open_page(viewport={"width": 1700, "height": 700}, timezone_id="UTC").page
    wrong = datetime.fromtimestamp(NOW - 3600, UTC)  # the page's clock: Python's counts
    page.clock.install(time=wrong)
    page.clock.pause_at(wrong + timedelta(seconds=1))
    stage = Stage(page, ArbitrageTable.parts, stake=100.0, unit=1.0)
    page.clock.run_for(100)
    push(stage, body(row()))
    return stage


def push(stage: Stage, said: dict[str, Any]) -> None:
    """Hand over a frame; the page's clock stands still but for this."""
    stage.number += 1
    stage.page.evaluate("([n, body]) => push(JSON.stringify({ n, body }))", [stage.number, said])
    stage.page.clock.run_for(100)


def cells(stage: Stage) -> dict[str, str]:
    return dict(zip(stage.all(".head .cell"), stage.all(".row:not(.head) .cell"), strict=False))


def asked(stage: Stage) -> Any:
    return [said["what"] for said in stage.sent() if said["say"] == "choose"][-1]


def pick(stage: Stage) -> None:
    stage.page.locator(".canvas .cell").nth(1).click()
    stage.page.clock.run_for(100)


def test_a_row_says_everything_and_its_ages_count_by_pythons_clock(stage: Stage) -> None:
    said = cells(stage)
    assert said["Match"] == "Nationals @ Phillies"
    assert said["Market"] == "totals 8"
    assert said["Bookmakers"] == "bob / ada"
    assert (said["Margin"], said["Profit"], said["Stake"]) == ("3.73 %", "3.50", "99.00")
    assert (said["Expires"], said["Oldest price"], said["For"]) == ("in 2:30", "30 s", "5 s")
    assert (said["Status"], said["Sport"]) == ("● active", "mlb")
    assert stage.page.locator(".canvas .number").nth(1).get_attribute("title") == (
        "at the least 0.00, a push included"
    )
    assert stage.all(".tools [role=status]") == ["1 active"]
    stage.page.clock.run_for(10_000)
    assert cells(stage)["Expires"] in ("in 2:20", "in 2:21")


def test_what_has_started_is_over_or_too_old_is_said_in_words(stage: Stage) -> None:
    push(stage, body(row(in_play=True, until=int(NOW * 1000) - 1, status="suppressed")))
    said = cells(stage)
    assert (said["Starts"], said["Expires"], said["Status"]) == (
        *("▸ in play", "too old"),
        "◌ suppressed",
    )
    over = row(status="expired", ended=int(NOW * 1000) + 5_000)
    push(stage, {"rows": [over], "now": NOW})
    said = cells(stage)
    assert (said["Expires"], said["Status"], said["For"]) == ("over", "■ over", "10 s")
    assert said["Starts"] != "▸ in play", "what is left out is at its default"
    push(stage, {"gone": [KEY], "counts": [0, 2]})
    assert "2 only look like one" in stage.all(".empty:visible")[0]


def test_the_inputs_and_the_switch_ask_python_and_reckon_nothing(stage: Stage) -> None:
    stage.page.get_by_role("spinbutton", name="Stake", exact=True).fill("250")
    stage.page.clock.run_for(600)
    assert asked(stage) == {"stake": 250, "unit": 1, "suppressed": False, "calculator": None}
    assert cells(stage)["Stake"] == "99.00"
    before = len(stage.sent())
    stage.page.get_by_role("spinbutton", name="Stake", exact=True).fill("")
    stage.page.clock.run_for(600)
    assert len(stage.sent()) == before
    assert stage.page.locator("[aria-invalid=true]").count() == 1
    stage.page.get_by_role("button", name="Suppressed (2)").click()
    assert asked(stage)["suppressed"] is True


def test_enter_opens_the_calculator_and_close_gives_the_focus_back(stage: Stage) -> None:
    stage.page.locator(".canvas .cell").first.focus()
    stage.page.keyboard.press("Enter")
    assert asked(stage)["calculator"] == {"key": KEY, "locked": [], "taken": []}
    push(stage, body(row(), calculator=[calculation(floor=0.0)]))
    assert stage.all(".bets tbody tr:first-child td")[:7] == [
        *("bob", "Back Under", "2.05", "\N{EN DASH}"),
        *("50.00", "50.00", "102.50"),
    ]
    assert stage.all(".sums div:visible") == [
        "Total at risk\n99.00", "Worst case\n+3.50", "On a push, at the least\n0.00",
        "Margin after rounding\n3.54 %", "Margin before rounding\n3.73 %",
    ]  # fmt: skip
    stage.page.get_by_role("button", name="Close").click()
    assert asked(stage)["calculator"] is None
    assert stage.page.locator(".calculator:visible").count() == 0
    focused = "() => document.body.lastChild.shadowRoot.activeElement.getAttribute('role')"
    assert stage.page.evaluate(focused) == "gridcell"


def test_given_stakes_are_told_and_what_is_being_written_is_not_overwritten(stage: Stage) -> None:
    pick(stage)
    push(stage, body(row(), calculator=[calculation()]))
    given = stage.page.get_by_role("spinbutton", name="Stake on Over at ada")
    given.fill("6")
    push(stage, {"calculator": [calculation(total=98.0)]})
    assert given.input_value() == "6"
    given.fill("60")
    given.press("Enter")
    assert asked(stage)["calculator"]["locked"] == [["ada", "Over", "back", 60]]
    stage.page.get_by_role("checkbox", name="Give the stake on Under at bob").check()
    assert asked(stage)["calculator"]["locked"] == [
        ["bob", "Under", "back", 50],
        ["ada", "Over", "back", 60],
    ]


def test_a_given_bet_keeps_the_odds_at_which_it_was_given(stage: Stage) -> None:
    pick(stage)
    push(stage, body(row(), calculator=[calculation()]))
    given = stage.page.get_by_role("spinbutton", name="Stake on Under at bob")
    given.fill("60")
    given.press("Enter")
    assert asked(stage)["calculator"]["taken"] == [2.05]
    moved = calculation()
    moved["bets"][0].update(odds=2.05, now=1.9, is_locked=True)
    push(stage, {"calculator": [moved]})
    assert stage.all(".bets tbody tr:first-child td")[2] == "2.05 (now 1.90)"
    stage.page.get_by_role("checkbox", name="Give the stake on Over at ada").check()
    assert asked(stage)["calculator"]["taken"][0] == 2.05


def test_a_stake_that_can_not_be_is_said_and_not_told(stage: Stage) -> None:
    pick(stage)
    push(stage, body(row(), calculator=[calculation()]))
    given = stage.page.get_by_role("spinbutton", name="Stake on Over at ada")
    given.fill("60")
    given.press("Enter")
    before = len(stage.sent())
    given.fill("-7")
    given.press("Enter")
    stage.page.locator(".calculator .refusal", has_text="a number above 0").wait_for()
    assert given.get_attribute("aria-invalid") == "true"
    assert len(stage.sent()) == before
    given.fill("70")
    given.press("Enter")
    assert stage.page.locator(".calculator .refusal:visible").count() == 0
    assert asked(stage)["calculator"]["locked"] == [["ada", "Over", "back", 70]]


def test_figures_that_move_do_not_make_the_lines_anew(stage: Stage) -> None:
    pick(stage)
    push(stage, body(row(), calculator=[calculation()]))
    stage.page.evaluate(
        "() => { window.line = document.body.lastChild.shadowRoot.querySelector('.bets tbody tr') }"
    )
    push(
        stage, {"calculator": [calculation(bets=[bet("bob", "Under", odds=2.2), bet("c", "Over")])]}
    )
    assert stage.all(".bets td:nth-child(1)") == ["bob", "c"]
    assert stage.all(".bets td:nth-child(3)") == ["2.20", "2.10"]
    assert stage.page.evaluate("() => window.line.isConnected")


def test_when_it_is_over_the_last_figures_stay_greyed_and_it_is_said(stage: Stage) -> None:
    pick(stage)
    push(stage, body(row(), calculator=[calculation()]))
    over = calculation(status="expired", ended=int(NOW * 1000) - 20_000)
    push(stage, {"calculator": [over], "now": NOW})
    assert stage.page.get_by_role("status").filter(has_text="This is over, 20 s ago").count() == 1
    assert stage.page.locator(".calculator.over").count() == 1
    assert stage.all(".bets tbody td:nth-child(5)") == ["50.00", "49.00"]
    assert stage.page.locator(".bets input:enabled").count() == 0


def test_what_python_knows_no_more_is_said(stage: Stage) -> None:
    pick(stage)
    push(stage, body(row()))
    assert stage.all(".calculator .note:visible") == [
        "This is over, and its figures are kept no more."
    ]


def test_limits_flaws_and_a_lay_are_in_words(stage: Stage) -> None:
    pick(stage)
    bets = [
        bet("x", "Over", side="lay", stake=40.0, risk=60.0, commission=0.05, limit=50.0),
        bet("ada", "Over"),
    ]
    words = ["a price is too old"]
    said = calculation(status="suppressed", words=words, bets=bets, worst=-1234.5, rounded=-0.5)
    push(stage, body(row(), calculator=[said]))
    assert stage.all(".bets tbody tr:first-child td")[1:6] == [
        *("Lay Over", "2.10", "5.00 %", "40.00"),
        "60.00 ⚠ more than 50.00",
    ]
    assert stage.all(".calculator .note:visible") == [
        "Suppressed: this only looks like an arbitrage. · a price is too old"
    ]
    assert "Worst case\n\N{MINUS SIGN}1\N{THIN SPACE}234.50" in stage.all(".sums div:visible")


def test_it_leaves_nothing_behind(stage: Stage) -> None:
    stage.page.evaluate("() => window.dispose()")
    assert stage.sent()[-1]["say"] == "gone"
    assert stage.page.evaluate("() => document.body.children.length") == 0
