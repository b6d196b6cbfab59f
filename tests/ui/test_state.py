"""What the board says beside its prices: how old, whose, and what is coming."""

from __future__ import annotations

from typing import Any

from protipp_stream.ui.board import State, state_of
from tests.ui.fake import connection


def _state(
    status: Any = None, sources: Any = None, bookmakers: Any = None, *, empty: str | None = None
) -> State:
    return state_of(
        status or connection(),
        sources if sources is not None else {},
        bookmakers or {},
        url="ws://g",
        empty=empty,
    )


def test_a_live_board_has_nothing_to_say() -> None:
    assert _state() == State()


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


def test_one_dead_source_fades_its_bookmaker_and_all_dead_dim_the_board() -> None:
    dead = connection(id="fd", bookmaker_id="fanduel", status="error")
    alive = connection(id="ok")
    one = _state(sources={"fd": dead, "ok": alive})
    assert (one.old, one.faded) == (False, ["fanduel"])
    assert "fd: failing" in one.note
    assert _state(sources={"fd": dead}).old


def test_a_stale_bookmaker_of_a_feed_that_works_fades() -> None:
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
    assert (said.old, said.faded) == (False, ["fanduel"])
    assert said.note == "No news of fanduel for long."


def test_an_empty_board_says_what_is_coming() -> None:
    assert _state(sources={"demo": connection()}, empty="").empty == (
        "Waiting for the first prices from demo …"
    )
    assert _state(connection(status="connecting"), empty="").empty == "Connecting to ws://g …"
    refused = connection(status="error", detail="terminal", last_error="Token refused.")
    assert _state(refused, empty="").empty == "No prices: Token refused."
    left = connection(status="disconnected", detail="paused")
    assert _state(left, empty="").empty == "No prices: you have disconnected"


def test_a_choice_that_leaves_nothing_is_the_reason() -> None:
    assert _state(empty="No prices here of the market “x”.").empty == (
        "No prices here of the market “x”."
    )
