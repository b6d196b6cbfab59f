"""A bookmaker is one, however each source writes it."""

from __future__ import annotations

import pytest

from protipp_stream.core.arbitrage import ArbitrageFinder
from protipp_stream.core.naming import Naming
from protipp_stream.errors import ConfigurationError

from .talk import GAME, THEIRS, Says, price


def ids(says: Says, source: str, *bookmakers: str) -> list[str]:
    named = says(source, *(price("a1", "?", bookmaker_id=each) for each in bookmakers))
    return [quote.bookmaker_id for quote in named.quotes]


def test_one_bookmaker_of_two_sources_is_no_arbitrage_with_itself() -> None:
    says = Says()
    finder = ArbitrageFinder()
    for source, event, bookmaker, odds in (
        ("a", GAME, "pinnacle", (2.05, 1.8)),
        ("b", THEIRS, "Pinnacle", (1.85, 2.05)),
    ):
        sides = zip(("Boston Red Sox", "New York Yankees"), odds, strict=True)
        quotes = [price(event.event_id, s, o, bookmaker_id=bookmaker) for s, o in sides]
        named = says(source, event, *quotes)
        assert {quote.bookmaker_id for quote in named.quotes} == {"pinnacle"}
        finder.take_quotes(named.quotes, says.clock)
    assert "b: bookmaker 'Pinnacle' is 'pinnacle'" in named.notes
    assert not [each for each in finder.current if each.status == "active"]


def test_case_spaces_and_punctuation_are_overlooked_and_who_came_first_gives_the_spelling() -> None:
    says = Says()
    assert ids(says, "a", "William Hill", "bet365") == ["William Hill", "bet365"]
    assert ids(says, "b", "williamhill", "Bet-365", "Unibet") == [
        "William Hill",
        "bet365",
        "Unibet",
    ]
    assert ids(says, "a", "unibet", "!", "?") == ["Unibet", "!", "?"]
    assert ids(says, "c", "UNIBET", "bet365 (no latency)") == ["Unibet", "bet365 (no latency)"]


def test_one_source_alone_keeps_every_spelling_though_others_come_later() -> None:
    says = Says()
    said = [price("a1", "?", bookmaker_id=each) for each in ("pinnacle", "Pinnacle")]
    named = says("a", *said)
    assert all(out is came for out, came in zip(named.quotes, said, strict=True))
    assert ids(says, "b", "PINNACLE") == ["pinnacle"]
    assert ids(says, "a", "pinnacle", "Pinnacle") == ["pinnacle", "Pinnacle"]


def test_a_table_says_what_no_rule_can_and_holds_for_the_first_source_too() -> None:
    says = Says(
        bookmakers={"1xBet": "onexbet"},
        sources={"b": {"bookmakers": {"Betfair": "betfair_ex_uk"}}},
    )
    assert ids(says, "a", "1XBET", "Betfair", "OneXBet") == ["onexbet", "Betfair", "onexbet"]
    assert ids(says, "b", "betfair", "1xbet") == ["betfair_ex_uk", "onexbet"]


@pytest.mark.parametrize(
    "table",
    [{"a": "b", "B": "c"}, {"a-b": "c", "AB": "d"}, {"!": "a"}, {"a": "!"}],
    ids=["chain", "two", "no letters", "for no letters"],
)
def test_a_table_of_bookmakers_that_makes_no_sense_is_refused(table: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError, match="bookmaker"):
        Naming({"bookmakers": table})
    with pytest.raises(ConfigurationError, match="bookmaker"):
        Naming({"sources": {"b": {"bookmakers": table}}})


def test_a_price_moves_with_its_event_under_our_bookmaker() -> None:
    says = Says()
    says("a", GAME, price("a1", "Boston Red Sox", bookmaker_id="pinnacle"))
    says("b", price("77", "BOS Red Sox", bookmaker_id="Pinnacle"))
    moved = says("b", THEIRS).moved
    assert [(quote.bookmaker_id, quote.event_id, quote.odds) for quote in moved] == [
        ("pinnacle", "77", None),
        ("pinnacle", "a1", 2.0),
    ]


def test_bookmakers_that_somebody_makes_up_fill_no_memory() -> None:
    says = Says()
    says("a", GAME)
    for number in range(0, 12_000, 1000):
        made_up = [f"made up {each}" for each in range(number, number + 1000)]
        assert ids(says, "publish", *made_up) == made_up
    assert len(says.naming._bookmakers._known["publish"]) == 10_000
    assert ids(says, "b", "made up: 7", "made up: 11999") == ["made up 7", "made up: 11999"]
