"""The book against a plain dict, and its judgement of moves against sums done by hand."""

from __future__ import annotations

from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protipp_stream.core.book import Book
from protipp_stream.core.filter import Filter
from protipp_stream.core.mirror import Mirror
from protipp_stream.core.moves import Move, pct
from protipp_stream.model import Cursor, Event, Quote, Selection

from .strategies import START, batches, filters, log_of, quote, quotes


def changes_one_by_one(
    batches: list[list[Quote]],
) -> tuple[list[tuple[Selection, float | None, float | None]], dict[Selection, Quote]]:
    """The oracle: what is news when each quote is held against a plain dict."""
    board: dict[Selection, Quote] = {}
    changes = []
    for second, batch in enumerate(batches):
        for said in batch:
            known = board.get(said.selection)
            if known is None and said.odds is None:
                continue
            received_at = START + timedelta(seconds=second)
            stamp = said.source_timestamp
            if known is None or known.odds != said.odds:
                changes.append((said.selection, known.odds if known else None, said.odds))
                board[said.selection] = Quote(*said.selection, said.odds, stamp, received_at)
            elif said.odds is not None and is_newer(stamp, known.source_timestamp):
                board[said.selection] = known.confirmed(received_at, stamp)
    return changes, board


def is_newer(stamp: datetime | None, known: datetime | None) -> bool:
    """Whether a price that is said again is younger for it."""
    return stamp is None or known is None or stamp > known


@example(
    [
        [Quote("fanduel", "mets", "h2h", "away", 1.5)],
        # Said again by one source with the bookmaker's stamp, then by one without.
        [
            Quote("fanduel", "mets", "h2h", "away", 1.5, START),
            Quote("fanduel", "mets", "h2h", "away", 1.5),
        ],
    ]
)
@given(batches)
def test_the_book_is_a_dict_of_the_last_quotes(drawn: list[list[Quote]]) -> None:
    book = Book("e")
    log = log_of(book, drawn)
    changes, board = changes_one_by_one(drawn)
    assert [(u.selection, u.old_odds, u.new_odds) for u in log] == changes
    assert {q.selection: q for q in book.quotes()} == board
    assert len(book.quotes()) == len(book) == len(board)


@given(batches)
def test_the_sequence_is_dense_from_one(drawn: list[list[Quote]]) -> None:
    book = Book("e")
    log = log_of(book, drawn)
    assert [u.id for u in log] == [f"e:{n}" for n in range(1, len(log) + 1)]
    assert book.cursor == Cursor("e", len(log))


@given(batches)
def test_old_odds_are_the_new_odds_of_the_update_before(drawn: list[list[Quote]]) -> None:
    before: dict[Selection, float | None] = {}
    for update in log_of(Book("e"), drawn):
        assert update.old_odds == before.get(update.selection)
        assert update.old_odds != update.new_odds
        before[update.selection] = update.new_odds


@given(batches)
def test_a_batch_that_comes_again_brings_no_news(drawn: list[list[Quote]]) -> None:
    book = Book("e")
    log_of(book, drawn)
    last = {q.selection: q for q in book.quotes()}
    assert book.apply(list(last.values()), START + timedelta(hours=1)) == []


@given(batches, st.integers(0, 30), filters)
def test_changed_since_is_the_newest_of_each_selection_in_order(
    drawn: list[list[Quote]], seq: int, wanted: Filter
) -> None:
    book = Book("e")
    log = log_of(book, drawn)
    newest = {u.selection: u for u in log[seq:] if wanted.matches(u)}
    assert book.changed_since(seq, wanted) == sorted(newest.values(), key=lambda u: u.seq)


def test_the_first_sight_of_a_selection_has_no_old_odds() -> None:
    [update] = Book("e").apply([quote("home", 1.9)], START, latency_ms=0.25)
    assert (update.id, update.old_odds, update.new_odds) == ("e:1", None, 1.9)
    assert (update.timestamp, update.latency_ms) == (START, 0.25)
    assert not update.is_significant
    assert update.reason is None


def test_a_suspension_is_a_row_and_what_follows_it_has_no_old_odds() -> None:
    book = Book("e")
    log = log_of(book, [[quote("home", 1.9)], [quote("home", None)], [quote("home", 1.5)]])
    assert [(u.old_odds, u.new_odds) for u in log] == [(None, 1.9), (1.9, None), (None, 1.5)]
    assert not any(u.is_significant for u in log)


def test_the_suspension_of_an_unknown_selection_is_no_news() -> None:
    book = Book("e")
    assert book.apply([quote("home", None)], START) == []
    assert book.quotes() == []
    assert book.quotes() == []


def test_a_selection_twice_in_one_batch_is_two_moments() -> None:
    book = Book("e")
    log = book.apply([quote("home", 1.9), quote("home", 2.0), quote("home", 2.0)], START)
    assert [(u.seq, u.old_odds, u.new_odds) for u in log] == [(1, None, 1.9), (2, 1.9, 2.0)]


def test_a_confirmed_price_shows_the_newest_stamp_of_its_bookmaker_but_is_no_update() -> None:
    book = Book("e")
    later = START + timedelta(minutes=1)
    book.apply([quote("home", 1.9, source=START)], START)
    assert book.apply([quote("home", 1.9, source=later)], later) == []
    [shown] = book.quotes()
    assert (shown.source_timestamp, shown.timestamp) == (later, START)


def test_a_confirmation_without_a_stamp_keeps_the_older_stamp() -> None:
    book = Book("e")
    log_of(book, [[quote("home", 1.9, source=START)], [quote("home", 1.9)]])
    assert book.quotes()[0].source_timestamp == START


def test_what_a_bookmaker_said_long_ago_is_not_confirmed_by_being_repeated() -> None:
    book = Book("e")
    log_of(book, [[quote("home", 1.9, source=START)], [quote("home", 1.9, source=START)]])
    assert book.confirmations == 0
    assert book.quotes()[0].confirmed_at is None


@given(batches, st.integers(0, 5), filters)
def test_a_copy_that_is_told_changes_and_confirmations_is_the_book(
    drawn: list[list[Quote]], joins: int, wanted: Filter
) -> None:
    book, mirror = Book("e"), Mirror()
    mirror.reset(book.cursor, [])
    told = 0
    for second, batch in enumerate(drawn):
        prev = book.cursor
        updates = book.apply(batch, START + timedelta(seconds=second))
        if second == joins:
            mirror.reset(book.cursor, book.quotes(wanted))
        elif second > joins:
            mirror.apply(prev, book.cursor, [u for u in updates if wanted.matches(u)])
            if second % 2:
                mirror.confirm(book.confirmed_since(told, wanted))
        if second == joins or second % 2:
            told = book.confirmations
    if len(drawn) > joins:
        mirror.confirm(book.confirmed_since(told, wanted))
        assert mirror.quotes == {quote.selection: quote for quote in book.quotes(wanted)}


def test_another_commission_is_another_price() -> None:
    book = Book("e")
    log_of(book, [[quote("home", 1.9)]])
    dearer = msgspec.structs.replace(quote("home", 1.9), commission=0.05)
    [update] = book.apply([dearer], START)
    assert (update.old_odds, update.new_odds, update.commission) == (1.9, 1.9, 0.05)
    assert book.apply([dearer], START) == []


def test_a_new_price_forgets_the_confirmation_of_the_old_one() -> None:
    book = Book("e")
    later = START + timedelta(minutes=1)
    log_of(book, [[quote("home", 1.9)], [quote("home", 1.9, source=later)], [quote("home", 2.0)]])
    assert book.quotes()[0].source_timestamp is None


# h at p = 1/2 by hand: 2 asin(sqrt p) - pi/2 = asin(2p - 1), so h = asin(2p1 - 1) - asin(2p0 - 1).


def reasons_of(*batches: list[Quote]) -> dict[str, str | None]:
    """Reason per outcome of the last batch."""
    book = Book("e")
    for batch in batches:
        last = book.apply(batch, START)
    return {u.outcome: u.reason for u in last}


def test_the_margin_is_removed_when_the_whole_market_is_known() -> None:
    # S0 = 2/1.9, p0 = .5; S1 = 1/1.8 + 1/2 = 19/18, p1 = 10/19; h = asin(1/19) = .05266.
    reasons = reasons_of(
        [quote("home", 1.9), quote("away", 1.9)], [quote("home", 1.8), quote("away", 2.0)]
    )
    assert reasons == {
        "home": "h=+0.053 in 1 tick (margin removed)",
        "away": "h=-0.053 in 1 tick (margin removed)",
    }


def test_half_a_market_is_judged_by_raw_odds() -> None:
    # p0 = 1/1.9, p1 = 1/1.8: h = asin(1/9) - asin(1/19) = .11134 - .05266 = .05869.
    assert reasons_of([quote("home", 1.9)], [quote("home", 1.8)]) == {
        "home": "h=+0.059 in 1 tick (raw 1/odds)"
    }


def test_a_move_of_the_margin_alone_is_no_move() -> None:
    # Both sides from 1.9 to 1.7: p stays .5, where raw odds would say h = +.124.
    assert reasons_of(
        [quote("home", 1.9), quote("away", 1.9)], [quote("home", 1.7), quote("away", 1.7)]
    ) == {"home": None, "away": None}


@pytest.mark.parametrize(
    ("first", "then"),
    [
        pytest.param(
            [quote("home", 1.9), quote("away", 1.9)],
            [quote("home", 1.7), quote("draw", 10.0)],
            id="an outcome is new",
        ),
        pytest.param(
            [quote("home", 1.9), quote("away", 1.9), quote("draw", 10.0)],
            [quote("home", 1.7), quote("draw", None)],
            id="an outcome is suspended",
        ),
        pytest.param(
            [quote("home", 1.9), quote("away", 2.2)],
            [quote("home", 1.7), quote("away", 2.2)],
            id="below 1 before",
        ),
        pytest.param(
            [quote("home", 1.7), quote("away", 2.2)],
            [quote("home", 1.9), quote("away", 2.2)],
            id="below 1 after",
        ),
    ],
)
def test_the_margin_stays_when_an_outcome_may_be_missing(
    first: list[Quote], then: list[Quote]
) -> None:
    reason = reasons_of(first, then)["home"]
    assert reason is not None
    assert reason.endswith("(raw 1/odds)")


def test_a_market_sold_at_exactly_one_is_whole() -> None:
    reasons = reasons_of(
        [quote("home", 2.0), quote("away", 2.0)], [quote("home", 1.5), quote("away", 3.0)]
    )
    assert reasons["home"] == "h=+0.340 in 1 tick (margin removed)"  # asin(1/3) = .3398


def test_another_line_is_another_market() -> None:
    book = Book("e")
    book.apply([quote("home", 1.9, market="totals@7.5")], START)
    [update] = book.apply([quote("home", 1.5, market="totals@8.5")], START)
    assert update.old_odds is None


@given(st.lists(quotes, max_size=10), st.data())
def test_the_order_inside_a_batch_changes_no_reason(
    batch: list[Quote], data: st.DataObject
) -> None:
    first = data.draw(st.lists(quotes, max_size=10))
    once = list({q.selection: q for q in batch}.values())
    shuffled = data.draw(st.permutations(once))

    def judged(then: list[Quote]) -> dict[Selection, str | None]:
        book = Book("e")
        book.apply(first, START)
        return {u.selection: u.reason for u in book.apply(then, START)}

    # The sum of a market's 1/odds may differ in its last bit: three digits are printed.
    assert judged(once) == judged(shuffled)


def test_the_rule_is_told_both_prices_and_both_probabilities() -> None:
    moves: list[Move] = []

    def rule(move: Move) -> str | None:
        moves.append(move)
        return None

    book = Book("e", rule)
    log_of(book, [[quote("home", 1.6), quote("away", 2.0)], [quote("home", 2.0)]])
    [move] = moves
    assert (move.old_odds, move.new_odds, move.margin_removed) == (1.6, 2.0, True)
    assert move.old_probability == pytest.approx(0.625 / 1.125)
    assert move.new_probability == pytest.approx(0.5)


def test_the_book_follows_the_rule_it_was_given() -> None:
    book = Book("e", pct())
    log = log_of(book, [[quote("home", 2.0)], [quote("home", 2.1)]])
    assert log[1].reason == "odds +5.0% in 1 tick"
    assert log[1].is_significant


def fixture_at(starts_at: datetime | None) -> Event:
    return Event("phillies", "Mets @ Phillies", "baseball_mlb", starts_at)


def test_the_rule_is_told_whose_move_it_is_when_it_came_and_whether_in_play() -> None:
    moves: list[Move] = []
    book = Book("e", moves.append)
    book.know(fixture_at(START + timedelta(seconds=2)))
    log_of(book, [[quote("home", 1.6 + i / 10)] for i in range(4)])
    assert {m.selection for m in moves} == {Selection("fanduel", "phillies", "h2h", "home")}
    assert [m.at for m in moves] == [START + timedelta(seconds=s) for s in (1, 2, 3)]
    assert [m.in_play for m in moves] == [False, True, True]


def test_an_event_that_is_put_off_is_not_in_play_any_more() -> None:
    moves: list[Move] = []
    book = Book("e", moves.append)
    prices = iter(range(16, 99))

    def in_play_after(starts_at: datetime | None) -> bool:
        book.know(fixture_at(starts_at))
        book.apply([quote("home", next(prices) / 10)], START)
        return moves[-1].in_play

    book.apply([quote("home", 1.5)], START)
    assert in_play_after(START)
    assert not in_play_after(START + timedelta(days=1))
    assert in_play_after(START - timedelta(hours=1))
    assert not in_play_after(None)


def test_forgetting_an_event_forgets_its_start_and_what_its_moves_taught() -> None:
    class Remembering:
        def __init__(self) -> None:
            self.forgotten: list[str] = []
            self.in_play: list[bool] = []

        def __call__(self, move: Move) -> None:
            self.in_play.append(move.in_play)

        def forget(self, event_id: str) -> None:
            self.forgotten.append(event_id)

    rule = Remembering()
    book = Book("e", rule)
    book.know(fixture_at(START))
    log_of(book, [[quote("home", 1.6)], [quote("home", 1.7)]])
    book.forget({"phillies"})
    assert rule.forgotten == ["phillies"]
    log_of(book, [[quote("home", 1.6)], [quote("home", 1.7)]])
    assert rule.in_play == [True, False]


def test_a_plain_function_is_a_rule_and_has_nothing_to_forget() -> None:
    book = Book("e", lambda move: "up" if move.new_odds > move.old_odds else None)
    log = log_of(book, [[quote("home", 1.6)], [quote("home", 1.7)], [quote("home", 1.5)]])
    assert [u.reason for u in log] == [None, "up", None]
    book.forget({"phillies"})
    assert len(book) == 0


def test_a_slow_drift_is_flagged_by_the_book_as_it_stands() -> None:
    book = Book("e")
    log = log_of(book, [[quote("home", 2.0 - i / 50)] for i in range(8)])
    # asin(2 / 1.9 - 1) = .0526 after five ticks, .0417 after four.
    assert [u.reason for u in log if u.reason] == ["h=+0.053 in 5 ticks, 4 s (raw 1/odds)"]
