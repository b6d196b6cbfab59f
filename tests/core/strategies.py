"""What hypothesis draws: quotes of a small world, in which everything repeats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from protipp_stream.core.book import Book
from protipp_stream.core.filter import Filter
from protipp_stream.model import OddsUpdate, Quote, Selection

START = datetime(2026, 8, 4, 18, 0, tzinfo=UTC)
PRICES = (1.5, 1.9, 2.0, 2.1, 3.0, 10.0)

bookmakers = st.sampled_from(["fanduel", "pinnacle"])
events = st.sampled_from(["phillies", "mets"])
markets = st.sampled_from(["h2h", "totals@7.5", "totals@8.5"])
outcomes = st.sampled_from(["home", "away", "draw"])
stamps = st.none() | st.integers(0, 5).map(lambda s: START + timedelta(seconds=s))

quotes = st.builds(
    Quote,
    bookmaker_id=bookmakers,
    event_id=events,
    market=markets,
    outcome=outcomes,
    odds=st.none() | st.sampled_from(PRICES),
    source_timestamp=stamps,
)
batches = st.lists(st.lists(quotes, max_size=12), max_size=8)

filters = st.builds(
    Filter,
    bookmakers=st.lists(bookmakers, max_size=1).map(tuple),
    events=st.lists(events, max_size=1).map(tuple),
    markets=st.lists(markets | st.just("totals"), max_size=2).map(tuple),
)


def quote(
    outcome: str, odds: float | None, *, market: str = "h2h", source: datetime | None = None
) -> Quote:
    """One price of FanDuel for the Phillies' game."""
    return Quote("fanduel", "phillies", market, outcome, odds, source)


def log_of(book: Book, drawn: list[list[Quote]]) -> list[OddsUpdate]:
    """Apply every batch, a second apart; return all updates."""
    log: list[OddsUpdate] = []
    for second, batch in enumerate(drawn):
        log += book.apply(batch, START + timedelta(seconds=second))
    return log


Board = dict[Selection, tuple[float | None, datetime | None]]


def board_after(log: list[OddsUpdate], seq: int, wanted: Filter | None = None) -> Board:
    """The board as it stood at ``seq``: a plain dict, which takes the updates in turn."""
    return {
        update.selection: (update.new_odds, update.timestamp)
        for update in log[:seq]
        if wanted is None or wanted.matches(update)
    }


def board_of(shown: list[Quote]) -> Board:
    """What quotes say, without the bookmaker's confirmations."""
    board = {quote.selection: (quote.odds, quote.timestamp) for quote in shown}
    assert len(board) == len(shown), "a selection stands twice on the board"
    return board
