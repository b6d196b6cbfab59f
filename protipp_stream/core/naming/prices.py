"""A listing's prices in our words, and what must be said when they move."""

from __future__ import annotations

from datetime import datetime

import msgspec

from protipp_stream.core.naming.fixtures import Listing
from protipp_stream.core.naming.outcome_names import Perspective, Words
from protipp_stream.core.naming.report import Tally
from protipp_stream.model import Quote, Selection

__all__ = ["in_our_words", "moves", "remember", "shown"]

# Lines that are quoted and withdrawn all day must not fill our memory.
SPARE_WORDS = 1024


def remember(listing: Listing, quote: Quote, received_at: datetime) -> None:
    """Keep a live price where it may have to move; one that is withdrawn is forgotten."""
    last = listing.last
    if last is not None:
        key = (quote.bookmaker_id, quote.market, quote.outcome)
        if quote.odds is None:
            last.pop(key, None)
        else:
            last[key] = (quote, received_at)


def in_our_words(listing: Listing, quote: Quote, tally: Tally) -> Quote:
    """Return a quote of a listing under our names."""
    event_id = listing.fixture.event_id or listing.source_id
    if listing.view is None:
        if event_id == quote.event_id:
            return quote
        return msgspec.structs.replace(quote, event_id=event_id)
    words = listing.words.get((quote.market, quote.outcome))
    if words is None:
        words = _translated(listing, quote, listing.view, tally)
    return msgspec.structs.replace(
        quote, event_id=event_id, market=words.market, outcome=words.outcome
    )


def _translated(listing: Listing, quote: Quote, view: Perspective, tally: Tally) -> Words:
    live = listing.last or {}
    if len(listing.words) >= SPARE_WORDS + 2 * len(live):
        kept = {(market, outcome) for _, market, outcome in live}
        listing.words = {name: words for name, words in listing.words.items() if name in kept}
    words = view.words(quote.market, quote.outcome)
    listing.words[quote.market, quote.outcome] = words
    if words.unknown is not None:
        name = quote.market if words.unknown == "market" else f"{quote.market} {quote.outcome}"
        tally.unknown(words.unknown, name)
    return words


def shown(listing: Listing, tally: Tally) -> dict[Selection, Quote]:
    """Return its live prices as they stand on the board."""
    board = {}
    for quote, received_at in list((listing.last or {}).values()):
        named = in_our_words(listing, quote, tally)
        if named.source_timestamp is None:
            named = msgspec.structs.replace(named, source_timestamp=received_at)
        board[named.selection] = named
    return board


def moves(before: dict[Selection, Quote], after: dict[Selection, Quote]) -> list[Quote]:
    """Return what must be said so that a board which shows the one shows the other."""
    gone = [quote for selection, quote in before.items() if selection not in after]
    # Where sides are swapped, a spread's two lines take each other's place.
    new = [quote for selection, quote in after.items() if before.get(selection) != quote]
    return [*(msgspec.structs.replace(quote, odds=None) for quote in gone), *new]
