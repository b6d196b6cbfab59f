"""Rules of the user's own: refused when they are none, and harmless when they fail."""

from __future__ import annotations

import logging
from collections import Counter
from functools import partial
from typing import Any

import pytest

import protipp_stream as ps
from protipp_stream.core.filter import Filter
from protipp_stream.core.moves import Move, cusum, either, h, pct, steam
from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.base import batch_now
from protipp_stream.gateway.hub import Hub
from protipp_stream.gateway.judging import judged
from tests.gateway.outlets import KeptOutlet, rows
from tests.scripted import EVENT, HandClock, quote


def reasons(rule: Any, *odds: float) -> list[str | None]:
    """What subscribers read of these prices, one after another."""
    hub = Hub(clock=HandClock(), rule=rule)
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    for price in odds:
        hub.take(batch_now([quote(price)], [EVENT]))
    return [row.reason for row in rows(outlet.read_all())]


class WithMemory:
    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __call__(self, move: Move) -> str | None:
        assert move.selection is not None
        self.seen.add(move.selection.event_id)
        return "seen"

    def forget(self, event_id: str) -> None:
        self.seen.remove(event_id)


def test_a_rule_goes_by_its_name_and_several_are_either() -> None:
    assert reasons("pct", 2.0, 3.0)[1] == "odds +50.0% in 1 tick"
    said = reasons(["pct", "ticks"], 2.0, 3.0)[1]
    assert said is not None
    assert "%" in said
    assert "price steps" in said
    assert reasons([pct(0.9), lambda move: "mine"], 2.0, 3.0)[1] == "mine"


async def _waits(move: Move) -> str | None:
    return None


def _typo(move: Move) -> str | None:
    return "up" if move.odds > 2 else None  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("rule", "says"),
    [
        ("guess", "Known rules: h, pct"),
        (["h", "guess"], "Known rules"),
        ([], "no rule in the list"),
        (0.05, "0.05 is no rule"),
        ([0.05], "0.05 is no rule"),
        ({"h": 1}, "is no rule"),
        (h, "call it: h()"),
        (steam, "call it: steam()"),
        (either, "call it: either()"),
        (partial(h, threshold=0.1), "is called first: h()"),
        (lambda threshold=0.1: h(threshold), "is called first: h()"),
        (lambda name="h": h(), "call it"),
        (WithMemory, "call it: WithMemory()"),
        (lambda move: True, "returned True. Return the reason in words, or None."),
        (lambda move: 0.05, "returned 0.05"),
        (lambda move: "\ud800", "surrogates"),
        (lambda: None, "takes 0 positional arguments"),
        (_typo, "no attribute 'odds'"),
        (either(h, steam), "fails: TypeError"),
        (_waits, "write a plain def"),
    ],
)
def test_what_is_no_rule_is_refused_when_the_gateway_is_made(rule: Any, says: str) -> None:
    with pytest.raises(ConfigurationError) as refused:
        ps.Gateway(rule=rule)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    "rule",
    [h(), cusum(), WithMemory(), lambda move: {"totals": None}[move.selection.market]],
)
def test_what_is_a_rule_is_taken(rule: Any) -> None:
    ps.Gateway(rule=rule).stop()


def test_trying_a_rule_out_leaves_nothing_in_its_memory() -> None:
    mine = WithMemory()
    judge = judged(mine, Counter())
    assert judge is not None
    assert mine.seen == set()


def test_a_rule_that_fails_is_logged_once_and_costs_no_price(
    caplog: pytest.LogCaptureFixture,
) -> None:
    said: list[object] = [None]

    def moody(move: Move) -> str | None:
        answer = said[-1]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]

    hub = Hub(clock=HandClock(), rule=[moody, pct()])
    outlet = KeptOutlet()
    hub.subscribe("websocket", outlet, Filter())
    with caplog.at_level(logging.ERROR):
        for number, answer in enumerate([None, KeyError("x"), True, 3, "\ud800", "words"]):
            said.append(answer)
            hub.take(batch_now([quote(2.0 + 0.01 * number)], [EVENT]))
    told = rows(outlet.read_all())
    assert [row.reason for row in told] == [None, None, None, None, None, "words"]
    assert hub.audit.counts["rule_failed"] == 4
    [record] = [each for each in caplog.records if "has failed" in each.message]
    assert "moody" in record.message
    assert record.exc_info is not None


def test_other_rules_still_speak_where_one_fails() -> None:
    broken = iter([None])
    assert reasons([lambda move: next(broken), pct()], 2.0, 3.0)[1] == "odds +50.0% in 1 tick"


def test_a_rules_own_forgetting_is_asked_for_and_may_fail() -> None:
    counts: Counter[str] = Counter()
    mine = WithMemory()
    judge = judged([mine, pct()], counts)
    mine.seen.add("match")
    assert judge is not None
    judge.forget("match")  # type: ignore[attr-defined]
    assert (mine.seen, counts["rule_failed"]) == (set(), 0)
    judge.forget("match")  # type: ignore[attr-defined]
    assert counts["rule_failed"] == 1
