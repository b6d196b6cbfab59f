"""The checker finds what it is there to find: lost, doubled, reordered, spliced, altered."""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec
import pytest

from protipp_stream.client import Board, Change
from protipp_stream.core.filter import Filter
from protipp_stream.model import Cursor, Event, OddsUpdate, Quote
from tests.faults.checker import Checker
from tests.faults.script import SELECTIONS, Script

SCRIPTS = {"e": Script(0), "f": Script(1)}
ACME = Filter(bookmakers=("acme",))


def update(n: int, epoch: str = "e") -> OddsUpdate:
    script = SCRIPTS[epoch]
    return OddsUpdate(
        f"{epoch}:{n}",
        *script.selection(n),
        script.old_odds(n),
        script.odds(n),
        datetime.now(UTC),
        None,
        0.0,
        False,
    )


def checked(*told: int | str | OddsUpdate, wanted: Filter | None = None, start: int = 0) -> Checker:
    """A checker that was told of updates (by number) and gaps (by words)."""
    checker = Checker(SCRIPTS, wanted or Filter(), Cursor("e", start))
    for word in told:
        if isinstance(word, str):
            checker.announce(word)
        else:
            checker.take(update(word) if isinstance(word, int) else word)
    return checker


def merged(count: int, kind: str = "patch") -> str:
    return f"{kind}: of {count} selections only the newest update"


def snapshot(after: str, before: str) -> str:
    return f"we were away for too long; a snapshot at {after} replaced the board of {before}"


def test_what_is_whole_passes() -> None:
    checker = checked(*range(1, 301))
    assert not checker.wrong
    assert checker.delivered == 300


def test_a_filter_leaves_holes_that_are_none() -> None:
    wanted = list(SCRIPTS["e"].matching(0, 300, ACME))
    assert 60 < len(wanted) < 90
    assert not checked(*wanted, wanted=ACME).wrong
    assert checked(*wanted[:5], *wanted[6:], wanted=ACME).wrong == {"lost": 1}
    assert checked(1, 2, 3, 4, wanted=ACME).wrong["unwanted"] == 3


@pytest.mark.parametrize(
    ("told", "wrong"),
    [
        ([1, 2, 4, 5], {"lost": 1}),
        ([2, 3], {"lost": 1}),
        ([1, 2, 2, 3], {"doubled": 1}),
        ([1, 2, 3, 1, 2, 3, 4], {"doubled": 3}),
        ([1, 3, 2, 4], {"out of order": 1}),
        ([1, 2, update(3, "f")], {"spliced": 1}),
        ([1, msgspec.structs.replace(update(2), new_odds=7.77)], {"altered": 1}),
        ([1, msgspec.structs.replace(update(2), old_odds=7.77)], {"altered": 1}),
        ([1, msgspec.structs.replace(update(2), outcome="Away")], {"altered": 1}),
        ([msgspec.structs.replace(update(1), id="g:1")], {"altered": 1}),
        ([1, "somebody sneezed", 2], {"unknown gap": 1}),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, dict) else None,
)
def test_what_must_not_be_is_found(
    told: list[int | str | OddsUpdate], wrong: dict[str, int]
) -> None:
    assert +checked(*told).wrong == wrong


def test_an_end_before_the_end_is_a_loss() -> None:
    checker = checked(1, 2, 3)
    checker.change(Change(True, quotes(5), [], []))
    checker.settle(Cursor("e", 5), SCRIPTS["e"].board(5, Filter()))
    assert checker.wrong == {"lost": 2}


def quotes(until: int) -> list[Quote]:
    return [SCRIPTS["e"].quote(n) for n in SCRIPTS["e"].newest(0, until, Filter())]


def test_a_patch_has_the_newest_of_each_selection() -> None:
    assert len(SELECTIONS) == 40
    newest = list(range(161, 201))
    assert not checked(1, 2, merged(40), *newest, 201).wrong
    few = list(range(3, 8))
    assert not checked(1, 2, merged(5, "slow"), *few, 8, 9).wrong


@pytest.mark.parametrize(
    ("rows", "wrong"),
    [
        ([*range(161, 170), *range(171, 201)], {"lost": 1}),
        ([120, *range(161, 200)], {"lost": 79, "doubled": 1}),
        ([*range(161, 201), 200], {"doubled": 1}),
        ([162, 161, *range(163, 201)], {"out of order": 1}),
    ],
    ids=["a selection is missing", "not the newest", "twice", "in another order"],
)
def test_a_patch_that_lies_is_found(rows: list[int], wrong: dict[str, int]) -> None:
    found = checked(1, 2, merged(len(rows)), *rows).wrong
    assert found.keys() == wrong.keys() or found["lost"]
    assert found


def test_a_patch_that_is_cut_short_is_found() -> None:
    assert checked(1, 2, merged(3), 3, 4, snapshot("e:9", "e:4")).wrong["lost"]
    short = checked(1, 2, merged(3), 3, 4)
    short.change(Change(True, quotes(4), [], []))
    short.settle(Cursor("e", 4), SCRIPTS["e"].board(4, Filter()))
    assert short.wrong["lost"]


def test_a_snapshot_excuses_what_it_says_and_nothing_more() -> None:
    assert not checked(1, 2, snapshot("e:50", "e:2"), 51, 52).wrong
    assert not checked(1, 2, snapshot("f:9", "e:2"), update(10, "f")).wrong
    # Four was on the board that was replaced, but nobody was handed it.
    assert checked(1, 2, snapshot("e:50", "e:4"), 51).wrong == {"lost": 2}
    assert checked(1, 2, snapshot("e:50", "e:2"), 52).wrong == {"lost": 1}
    assert checked(1, 2, snapshot("e:50", "e:2"), 50).wrong == {"doubled": 1}
    assert checked(*range(1, 9), snapshot("e:5", "e:8")).wrong == {"out of order": 1}
    assert checked(1, 2, snapshot("e:50", "f:2")).wrong == {"spliced": 1}


def test_a_board_that_never_was_is_found() -> None:
    checker = checked()
    events: dict[str, Event] = {}
    checker.look(Board(Cursor("e", 90), quotes(90), events))
    assert not checker.wrong
    checker.look(Board(Cursor("e", 91), quotes(90), events))
    checker.look(Board(Cursor("e", 90), quotes(90)[1:], events))
    checker.look(Board(Cursor("f", 90), quotes(90), events))
    assert checker.wrong == {"wrong board": 3}


def test_changes_make_the_board() -> None:
    checker = checked(*range(1, 101))
    checker.change(Change(True, quotes(60), [], []))
    checker.change(Change(False, [], [update(n) for n in range(61, 101)], []))
    checker.settle(Cursor("e", 100), SCRIPTS["e"].board(100, Filter()))
    assert not checker.wrong
    checker.change(Change(False, [], [update(60)], []))
    assert checker.wrong == {"out of order": 1}
    checker.settle(Cursor("e", 100), SCRIPTS["e"].board(100, Filter()))
    assert checker.wrong["wrong board"] == 1
