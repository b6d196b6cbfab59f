"""Changes of the board become frames of numbers, and nothing is lost or invented on the way."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.model import Event
from protipp_stream.ui.board import BoardFrames, Body
from protipp_stream.ui.choice import choice_of
from tests.ui.fake import NOON, change, quote, update

GAME = Event("e1", "Nationals @ Phillies", "mlb", NOON, "Phillies", "Nationals")
NOON_S = NOON.timestamp()


class Page:
    """What a page knows that takes every body, as table.js does."""

    def __init__(self) -> None:
        self.prices: dict[tuple[str, ...], float | None] = {}
        self.events: dict[str, tuple[str, int | None, str]] = {}
        self._names: dict[int, tuple[str, ...]] = {}

    def take(self, body: Body) -> None:
        if body.whole:
            self.prices, self._names = {}, {}
        self.events.update((each[0], each[1:]) for each in body.events)
        self._names.update((each[0], each[1:]) for each in body.selections)
        flat: list[Any] = list(body.cells)
        for at in range(0, len(flat), 3):
            name = self._names[flat[at]]
            assert name[1] in self.events, "a price without its event"
            self.prices[name] = flat[at + 1]


def frames_of(*quotes: Any, **choice: Any) -> BoardFrames:
    frames = BoardFrames(choice_of(**choice))
    frames.take(change(quotes=list(quotes), events=[GAME]))
    return frames


def test_a_snapshot_says_everything() -> None:
    body = BoardFrames().take(
        change(
            quotes=[
                quote("b", "e1", "h2h", "Phillies", 1.8),
                quote("a", "e1", "h2h", "Nationals", None),
            ],
            events=[GAME, Event("e2", "without a price", "mlb")],
        )
    )
    assert body.whole
    assert body.events == [("e1", "Nationals @ Phillies", int(NOON_S * 1000), "mlb")]
    assert body.selections == [
        (0, "b", "e1", "h2h", "Phillies"),
        (1, "a", "e1", "h2h", "Nationals"),
    ]
    assert body.cells == [0, 1.8, 0, 1, None, 0]


def test_a_move_travels_as_three_numbers() -> None:
    frames = frames_of(quote("a", "e1", "h2h", "Phillies", 1.8))
    body = frames.take(
        change(updates=[update("a", "e1", "h2h", "Phillies", 1.9, significant=True)])
    )
    assert body == Body(cells=[0, 1.9, 1])


def test_a_new_selection_comes_with_its_names_and_its_event() -> None:
    frames = frames_of(quote("a", "e1", "totals@8.5", "Over", 1.8))
    body = frames.take(change(updates=[update("z", "e1", "h2h", "Phillies", 1.9)]))
    assert body.selections == [(1, "z", "e1", "h2h", "Phillies")]
    assert body.events[0][1] == "Nationals @ Phillies"
    unknown = frames.take(change(updates=[update("z", "e9", "h2h", "X", 1.9)]))
    assert unknown.events == [("e9", "e9", None, "")], "better its id than nothing"


def test_a_later_description_renames_the_event_without_any_price() -> None:
    frames = frames_of(quote("a", "e1", "h2h", "Phillies", 1.8))
    body = frames.take(change(events=[Event("e1", "Game 2", "mlb", NOON)]))
    assert body == Body(events=[("e1", "Game 2", int(NOON_S * 1000), "mlb")])


def test_a_whole_body_tells_how_old_its_prices_are_by_the_gateways_time() -> None:
    frames = frames_of(
        quote("a", "e1", "h2h", "Phillies", 1.8), quote("b", "e1", "h2h", "Phillies", 1.8)
    )
    assert frames.whole(NOON_S + 7.26).ages == [7.3, 7.3]
    assert frames.whole(NOON_S - 5).ages == [0.0, 0.0], "clocks differ; the future is no age"
    assert frames.whole(None).ages == []


def test_only_what_was_chosen_is_shown() -> None:
    quotes = [quote("a", "e1", m, "Over", 1.8) for m in ("h2h", "totals@7.5", "totals@8.5")]
    assert frames_of(*quotes, markets="totals").size == 2
    assert frames_of(*quotes, markets=["totals@8.5", "h2h"]).size == 2
    assert frames_of(*quotes, sports="mlb", events="Nationals @ Phillies").size == 3
    assert frames_of(*quotes, sports="nba").size == 0
    frames = frames_of(*quotes, markets="h2h")
    assert frames.take(change(updates=[update("a", "e1", "totals@9.5", "Over", 2.0)])) == Body()
    assert frames.size == 1


def test_what_is_no_price_is_shown_as_suspended() -> None:
    frames = frames_of(quote("a", "e1", "h2h", "Phillies", 1.8))
    for wrong in (float("nan"), float("inf"), -float("inf"), 0.0, 1.0, -3.0):
        body = frames.take(change(updates=[update("a", "e1", "h2h", "Phillies", wrong)]))
        assert body.cells == [0, None, 0]


PRICES = st.one_of(st.none(), st.floats(1.01, 1000))
MOVES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["X", "Y", "Z"]), PRICES), max_size=30
)


@given(MOVES, st.integers(0, 30))
def test_frames_add_up_to_the_whole(moves: list[Any], snapshot_at: int) -> None:
    """A page that takes every frame shows what a page shows that came just now."""
    frames, page = BoardFrames(), Page()
    truth: dict[tuple[str, ...], float | None] = {}
    for at, (bookmaker, outcome, odds) in enumerate(moves):
        truth[bookmaker, "e1", "h2h", outcome] = odds
        if at == snapshot_at:
            truth = dict(list(truth.items())[-2:])  # the others are gone
            quotes = [quote(*name, odds=price) for name, price in truth.items()]  # type: ignore[misc,arg-type]
            page.take(frames.take(change(quotes=quotes)))
        else:
            page.take(frames.take(change(updates=[update(bookmaker, "e1", "h2h", outcome, odds)])))
    newcomer = Page()
    newcomer.take(frames.whole(None))
    assert newcomer.prices == page.prices == truth
