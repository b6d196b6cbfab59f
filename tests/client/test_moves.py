"""Between two looks no significant move is lost, and what is left out is counted."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.client.changes import Gap
from protipp_stream.client.listeners import Listeners
from protipp_stream.client.moves import Moves
from protipp_stream.model import Event, OddsUpdate
from tests.ui.fake import NOON, update

GAME = Event("e1", "Nationals @ Phillies", "mlb", NOON)


def move(seq: int, *, significant: bool = True) -> OddsUpdate:
    return update("a", "e1", "h2h", "X", 1.5 + seq / 100, seq=seq, significant=significant)


def collector(recent: list[OddsUpdate], **options: Any) -> Moves:
    return Moves(lambda: list(recent), lambda: {"e1": GAME}, lambda _: None, **options)


def seqs(moves: Moves) -> list[int]:
    moved = moves.take()
    return [each.seq for each in moved.updates] if moved else []


def test_two_moves_of_one_selection_are_two() -> None:
    moves = collector([])
    moves.on_updates([move(1), move(2, significant=False), move(3)], [])
    assert seqs(moves) == [1, 3]
    assert moves.take() is None


def test_it_begins_with_what_is_remembered() -> None:
    moves = collector([move(1), move(2, significant=False), move(3)])
    first = moves.take()
    assert first is not None
    assert [each.seq for each in first.updates] == [1, 3]
    assert first.events == [GAME]


@given(
    st.lists(st.booleans(), max_size=20),
    st.integers(0, 20),
    st.integers(0, 20),
    st.integers(0, 20),
)
def test_each_is_told_once_wherever_the_first_look_falls(
    significant: list[bool], watched: int, looked: int, remembered: int
) -> None:
    """Remembering and telling are two steps of another thread: either may be ahead."""
    log = [move(at, significant=each) for at, each in enumerate(significant)]
    moves = collector(log[: max(remembered, watched)])
    for each in log[watched : max(looked, watched)]:
        moves.on_updates([each], [])
    told = seqs(moves)
    for each in log[max(looked, watched) :]:
        moves.on_updates([each], [])
    told += seqs(moves)
    assert sorted(told) == [each.seq for each in log if each.is_significant]


def test_what_there_is_no_room_for_is_counted_and_the_newest_stay() -> None:
    moves = collector([], capacity=3)
    moves.take()
    for seq in range(5):
        moves.on_updates([move(seq)], [])
    moves.on_updates([move(seq) for seq in range(5, 10)], [])
    moved = moves.take()
    assert moved is not None
    assert [each.seq for each in moved.updates] == [7, 8, 9]
    assert moved.left_out == 7
    assert moves.take() is None


def test_updates_that_never_came_one_by_one_are_told() -> None:
    moves = collector([])
    moves.take()
    moves.on_gap(Gap("a pause", "e", 1, 10, came=4))
    moved = moves.take()
    assert moved is not None
    assert (moved.updates, moved.missing) == ([], 6)


def test_a_new_description_is_told_and_a_new_board_is_described_anew() -> None:
    moves = collector([])
    moves.take()
    renamed = Event("e1", "Game 2", "mlb", NOON)
    moves.on_updates([], [renamed])
    moved = moves.take()
    assert moved is not None
    assert moved.events == [renamed]
    moves.on_reset()
    moved = moves.take()
    assert moved is not None
    assert moved.events == [GAME]


def test_the_listeners_tell_it_until_it_is_closed() -> None:
    listeners = Listeners(lambda _: None, lambda _: None, lambda _: None)
    moves = Moves(lambda: [], lambda: {}, listeners.forget)
    listeners.watch(moves)
    listeners.on_updates([move(1)], [])
    assert seqs(moves) == [1]
    moves.close()
    listeners.on_updates([move(2)], [])
    assert moves.take() is None
