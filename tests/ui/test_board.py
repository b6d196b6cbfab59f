"""Changes of the board become frames of numbers, and nothing is lost or invented on the way."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from protipp_stream.model import Event
from protipp_stream.ui.board import BoardFrames, Body, state_of
from tests.ui.fake import NOON, change, connection, quote, update

GAME = Event("e1", "Nationals @ Phillies", "mlb", NOON, "Phillies", "Nationals")


def cells(body: Body) -> dict[tuple[int, int], tuple[float | None, int]]:
    flat: list[Any] = list(body.cells)
    return {(flat[at], flat[at + 1]): (flat[at + 2], flat[at + 3]) for at in range(0, len(flat), 4)}


def outcomes(body: Body) -> list[str]:
    named = {row[0]: row[3] for row in body.rows}
    return [named[number] for number in body.order or []]


def board(*quotes: Any, events: list[Event] | None = None, **options: Any) -> BoardFrames:
    frames = BoardFrames(**options)
    frames.take(change(quotes=list(quotes), events=events or [GAME]))
    return frames


def test_a_snapshot_says_everything() -> None:
    body = BoardFrames().take(
        change(
            quotes=[
                quote("b", "e1", "h2h", "Phillies", 1.8),
                quote("a", "e1", "h2h", "Nationals", None),
            ],
            events=[GAME],
        )
    )
    assert body.whole
    assert body.columns == ["a", "b"]
    assert body.events == [("e1", "Nationals @ Phillies", int(NOON.timestamp() * 1000), "mlb")]
    assert outcomes(body) == ["Nationals", "Phillies"]
    assert cells(body) == {(0, 1): (1.8, 0), (1, 0): (None, 0)}


def test_a_move_travels_as_four_numbers() -> None:
    frames = board(quote("a", "e1", "h2h", "Phillies", 1.8))
    body = frames.take(
        change(updates=[update("a", "e1", "h2h", "Phillies", 1.9, significant=True)])
    )
    assert body == Body(cells=[0, 0, 1.9, 1])


def test_a_new_bookmaker_gets_the_next_column_and_old_columns_stay() -> None:
    frames = board(quote("m", "e1", "h2h", "Phillies", 1.8))
    body = frames.take(change(updates=[update("a", "e1", "h2h", "Phillies", 1.9)]))
    assert body.columns == ["m", "a"]
    assert cells(body) == {(0, 1): (1.9, 0)}


def test_a_new_row_comes_with_its_event_and_its_place() -> None:
    frames = board(quote("a", "e1", "totals@8.5", "Over", 1.8))
    body = frames.take(change(updates=[update("a", "e1", "h2h", "Phillies", 1.9)]))
    assert body.rows == [(1, "e1", "h2h", "Phillies", 0)]
    assert body.events[0][1] == "Nationals @ Phillies"
    assert body.order == [1, 0]


def test_a_row_keeps_its_number_through_a_snapshot_and_a_lost_one_goes() -> None:
    frames = board(
        quote("a", "e1", "h2h", "Phillies", 1.8), quote("a", "e1", "h2h", "Nationals", 2.1)
    )
    body = frames.take(change(quotes=[quote("a", "e1", "h2h", "Nationals", 2.2)]))
    assert body.order == [1]
    assert cells(body) == {(1, 0): (2.2, 0)}


def test_rows_stand_by_start_then_market_then_line_then_the_order_of_the_name() -> None:
    late = Event("e0", "A @ B", "mlb", NOON + timedelta(hours=1), "B", "A")
    frames = board(
        quote("a", "e0", "h2h", "B", 1.8),
        quote("a", "e1", "totals@10.5", "Over", 1.8),
        quote("a", "e1", "totals@8.5", "Under", 1.8),
        quote("a", "e1", "totals@8.5", "Over", 1.8),
        quote("a", "e1", "h2h", "Draw", 1.8),
        quote("a", "e1", "h2h", "Phillies", 1.8),
        quote("a", "e1", "h2h", "Nationals", 1.8),
        quote("a", "unknown", "h2h", "X", 1.8),
        events=[late, GAME],
    )
    assert outcomes(frames.whole()) == [
        *("Nationals", "Phillies", "Draw"),
        *("Over", "Under", "Over"),
        "B",
        "X",
    ]


def test_a_later_description_renames_the_event_without_any_price() -> None:
    frames = board(quote("a", "e1", "h2h", "Phillies", 1.8))
    renamed = Event("e1", "Game 2", "mlb", NOON)
    body = frames.take(change(events=[renamed]))
    assert body.events[0][1] == "Game 2"
    assert body.cells == []


def test_only_the_wanted_markets_are_shown() -> None:
    quotes = [quote("a", "e1", m, "Over", 1.8) for m in ("h2h", "totals@7.5", "totals@8.5")]
    assert board(*quotes, markets=["totals"]).rows == 2
    assert board(*quotes, markets=["totals@8.5", "h2h"]).rows == 2
    assert board(*quotes, markets="h2h").rows == 1
    frames = board(*quotes, markets=["h2h"])
    assert frames.take(change(updates=[update("a", "e1", "totals@9.5", "Over", 2.0)])) == Body()


def test_what_is_no_price_is_shown_as_suspended() -> None:
    frames = board(quote("a", "e1", "h2h", "Phillies", 1.8))
    for wrong in (float("nan"), float("inf"), -float("inf"), 0.0, 1.0, -3.0):
        body = frames.take(change(updates=[update("a", "e1", "h2h", "Phillies", wrong)]))
        assert body.cells == [0, 0, None, 0]


def test_in_a_lay_market_the_lowest_price_is_best() -> None:
    body = board(
        quote("x", "e1", "h2h_lay", "Phillies", 1.8), quote("x", "e1", "h2h", "Phillies", 1.7)
    ).whole()
    assert {row[2]: row[4] for row in body.rows} == {"h2h": 0, "h2h_lay": 1}


PRICES = st.one_of(st.none(), st.floats(1.01, 1000))
MOVES = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from(["X", "Y", "Z"]), PRICES), max_size=30
)


@given(MOVES, st.integers(0, 30))
def test_frames_add_up_to_the_whole(moves: list[Any], snapshot_at: int) -> None:
    """A page that takes every frame shows what a page shows that came just now."""
    frames = BoardFrames()
    shown: dict[tuple[int, int], float | None] = {}
    truth: dict[tuple[str, str], float | None] = {}
    for at, (bookmaker, outcome, odds) in enumerate(moves):
        truth[bookmaker, outcome] = odds
        if at == snapshot_at:
            quotes = [quote(b, "e1", "h2h", o, price) for (b, o), price in truth.items()]
            body = frames.take(change(quotes=quotes))
            shown.clear()
        else:
            body = frames.take(change(updates=[update(bookmaker, "e1", "h2h", outcome, odds)]))
        shown.update({place: cell[0] for place, cell in cells(body).items()})
    whole = frames.whole()
    assert {place: cell[0] for place, cell in cells(whole).items()} == shown
    assert len(shown) == len(truth)
    assert sorted(whole.order or []) == sorted(row[0] for row in whole.rows)


def _state(
    status: Any = None, sources: Any = None, bookmakers: Any = None, *, empty: bool = False
) -> Any:
    return state_of(
        status or connection(),
        sources if sources is not None else {},
        bookmakers or {},
        url="ws://g",
        columns={"fanduel": 3},
        empty=empty,
    )


def test_a_live_board_has_nothing_to_say() -> None:
    said = _state()
    assert (said.old, said.note, said.origin, said.empty) == (False, "", "", "")


def test_invented_and_recorded_prices_are_labelled() -> None:
    simulated = connection(id="s", connection_type="simulated")
    replay = connection(id="r", connection_type="replay")
    assert _state(sources={"s": simulated}).origin == "SIMULATED — invented prices"
    assert "REPLAY" in _state(sources={"s": simulated, "r": replay}).origin


def test_a_board_that_can_not_be_trusted_dims_and_says_why() -> None:
    for changes in (
        {"detail": "stalled"},
        {"stale": True},
        {"status": "disconnected", "detail": "backoff"},
        {"status": "error", "detail": "terminal"},
    ):
        said = _state(connection(**changes))
        assert said.old
        assert "may be old" in said.note


def test_one_dead_source_fades_its_column_and_all_dead_dim_the_board() -> None:
    dead = connection(id="fd", bookmaker_id="fanduel", status="error")
    alive = connection(id="ok")
    one = _state(sources={"fd": dead, "ok": alive})
    assert (one.old, one.faded) == (False, [3])
    assert "fd: failing" in one.note
    assert _state(sources={"fd": dead}).old


def test_a_stale_bookmaker_of_a_feed_that_works_fades_its_column() -> None:
    def known(bookmaker: str, *, stale: bool) -> Any:
        return connection(
            id=f"feed/{bookmaker}",
            bookmaker_id=bookmaker,
            connection_type="bookmaker",
            stale=stale,
        )

    fanduel, other = known("fanduel", stale=True), known("other", stale=False)
    said = _state(
        sources={"feed": connection(id="feed")}, bookmakers={"fanduel": fanduel, "other": other}
    )
    assert (said.old, said.faded) == (False, [3])
    assert said.note == "No news of fanduel for long."


def test_an_empty_board_says_what_is_coming() -> None:
    assert _state(sources={"demo": connection()}, empty=True).empty == (
        "Waiting for the first prices from demo …"
    )
    assert _state(connection(status="connecting"), empty=True).empty == "Connecting to ws://g …"
    refused = connection(status="error", detail="terminal", last_error="Token refused.")
    assert _state(refused, empty=True).empty == "No prices: Token refused."
