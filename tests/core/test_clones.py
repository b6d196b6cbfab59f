"""Who copies whom: by hand, by property, and on four recorded days of baseball."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.core.clones import CloneFinder, Outcome, merged, representatives
from protipp_stream.errors import ConfigurationError

from .recorded import fetches

Board = dict[Outcome, dict[str, float | None]]
names = st.sampled_from("abcdef")
groups = st.lists(st.sets(names, max_size=3), max_size=5)
boards = st.lists(
    st.dictionaries(
        st.tuples(st.sampled_from(["mets", "cubs"]), st.just("h2h"), st.sampled_from(["1", "2"])),
        st.dictionaries(names, st.sampled_from([None, 1.5, 1.9, 2.0])),
    ),
    max_size=8,
)


def board(market: str = "h2h", **prices: float | None) -> Board:
    return {("mets", market, "home"): dict(prices)}


def pairs_of(finder: CloneFinder) -> dict[tuple[str, str], tuple[int, int]]:
    return {(p.one, p.other): (p.paired, p.equal) for p in finder.pairs}


def test_a_pair_counts_anew_only_when_one_of_the_two_has_changed() -> None:
    finder = CloneFinder(min_pairs=1)
    for _ in range(5):
        finder.look(board(a=1.9, b=1.9, c=2.0))
    assert pairs_of(finder) == {("a", "b"): (1, 1), ("a", "c"): (1, 0), ("b", "c"): (1, 0)}
    finder.look(board(a=1.9, b=2.0, c=2.0))
    assert pairs_of(finder) == {("a", "b"): (2, 1), ("a", "c"): (1, 0), ("b", "c"): (2, 1)}


def test_a_suspended_price_is_no_price_and_counts_when_it_is_back() -> None:
    finder = CloneFinder(min_pairs=1)
    finder.look(board(a=1.9, b=None))
    assert pairs_of(finder) == {}
    finder.look(board(a=1.9, b=1.9))
    finder.look(board(a=None, b=None))
    finder.look(board(a=1.9, b=1.9))
    assert pairs_of(finder) == {("a", "b"): (2, 2)}


@pytest.mark.parametrize("market", ["spreads@-1.5", "totals@8.5", "h2h_lay"])
def test_only_moneylines_count(market: str) -> None:
    finder = CloneFinder(min_pairs=1)
    finder.look(board(market, a=1.91, b=1.91))
    assert finder.pairs == []


def test_a_group_needs_enough_pairs_and_a_large_enough_share() -> None:
    finder = CloneFinder(threshold=0.75, min_pairs=8)
    for i in range(7):
        finder.look(board(a=2 + i / 10, b=2 + i / 10, c=5.0))
    assert finder.groups == ()
    finder.look(board(a=3, b=3, c=5.0))
    assert finder.groups == (frozenset("ab"),)
    for i in range(2):
        finder.look(board(a=4 + i, b=9.0, c=5.0))
    assert finder.groups == (frozenset("ab"),), "8 of 10"
    finder.look(board(a=6.0, b=9.0, c=5.0))
    assert finder.groups == (), "8 of 11"


def test_whoever_is_alike_with_one_of_a_group_belongs_to_it() -> None:
    finder = CloneFinder(min_pairs=1, given=[{"d", "a"}, {"x", "y"}])
    finder.look({**board(a=1.9, b=1.9), ("cubs", "h2h", "home"): {"b": 1.5, "c": 1.5}})
    assert finder.groups == (frozenset("abcd"), frozenset("xy"))


def test_what_is_given_stays_however_its_prices_differ() -> None:
    finder = CloneFinder(min_pairs=1, given=[("a", "b")])
    for i in range(10):
        finder.look(board(a=2 + i, b=1.5))
    assert finder.groups == (frozenset("ab"),)


def test_an_event_that_is_gone_leaves_only_its_counts() -> None:
    finder = CloneFinder(min_pairs=1)
    finder.look(board(a=1.9, b=1.9))
    finder.look({})
    finder.look(board(a=1.9, b=1.9))
    assert pairs_of(finder) == {("a", "b"): (2, 2)}


@given(boards)
def test_counts_are_those_of_a_plain_count(drawn: list[Board]) -> None:
    finder = CloneFinder(min_pairs=1)
    counts: dict[tuple[str, str], list[int]] = {}
    before: Board = {}
    for look in drawn:
        finder.look(look)
        for outcome, prices in look.items():
            for one, other in combinations(sorted(n for n in prices if prices[n] is not None), 2):
                was = before.get(outcome, {})
                if (was.get(one), was.get(other)) != (prices[one], prices[other]):
                    count = counts.setdefault((one, other), [0, 0])
                    count[0] += 1
                    count[1] += prices[one] == prices[other]
        before = look
    assert pairs_of(finder) == {pair: (n, equal) for pair, (n, equal) in counts.items()}


@given(boards)
def test_the_caller_keeps_its_board(drawn: list[Board]) -> None:
    once, again = CloneFinder(min_pairs=1), CloneFinder(min_pairs=1)
    shared: Board = {}
    for look in drawn:
        once.look(look)
        # The same dict of dicts, changed in place from look to look, as a live board is.
        for outcome in [o for o in shared if o not in look]:
            del shared[outcome]
        for outcome, prices in look.items():
            kept = shared.setdefault(outcome, {})
            kept.clear()
            kept.update(prices)
        again.look(shared)
    assert once.pairs == again.pairs


@given(groups)
def test_merged_groups_are_disjoint_and_keep_everyone_together(drawn: list[set[str]]) -> None:
    joined = merged(drawn)
    assert all(len(group) > 1 for group in joined)
    assert sum(map(len, joined)) == len(frozenset().union(*joined))
    for group in drawn:
        assert len(group) < 2 or any(group <= together for together in joined)


@given(groups)
def test_merging_again_or_in_another_order_changes_nothing(drawn: list[set[str]]) -> None:
    assert merged(merged(drawn)) == merged(drawn) == merged(drawn[::-1])


def test_nobody_is_joined_without_a_reason() -> None:
    assert merged([{"a", "b"}, {"c", "d"}, {"e"}]) == (frozenset("ab"), frozenset("cd"))


def test_each_group_has_one_representative() -> None:
    assert representatives([{"lowvig", "betonlineag"}]) == {
        "lowvig": "betonlineag",
        "betonlineag": "betonlineag",
    }


@pytest.mark.parametrize("threshold", [0.5, 0.0, 1.01, float("nan")])
def test_a_threshold_that_proves_nothing_is_refused(threshold: float) -> None:
    with pytest.raises(ConfigurationError):
        CloneFinder(threshold)


def test_no_pairs_at_all_prove_nothing() -> None:
    with pytest.raises(ConfigurationError):
        CloneFinder(min_pairs=0)


@pytest.mark.recording
def test_on_the_recording_betonlineag_and_lowvig_are_one(
    baseball: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finder = CloneFinder()
    for _, quotes, _ in fetches(baseball):
        seen: Board = {}
        for quote in quotes:
            key = quote.event_id, quote.market, quote.outcome
            seen.setdefault(key, {})[quote.bookmaker_id] = quote.odds
        finder.look(seen)
    with capsys.disabled():
        print("\nequal prices of paired moneylines, one of the two being new:")  # noqa: T201
        for pair in finder.pairs[:8]:
            print(f"  {pair.share:.1%} of {pair.paired}: {pair.one} {pair.other}")  # noqa: T201
    assert finder.groups == (frozenset({"betonlineag", "lowvig"}),)
    assert finder.pairs[0].share > 0.85
    assert finder.pairs[1].share < 0.5
