"""The recorded baseball as the core sees it: fetches, and the moves that a book judges."""

from __future__ import annotations

import lzma
from collections.abc import Iterator
from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec

from protipp_stream.core.book import Book
from protipp_stream.core.moves import Move
from protipp_stream.feeds.image import ImageDiff
from protipp_stream.feeds.the_odds_api.body import decode_odds
from protipp_stream.model import Event, Quote


class Fetch(msgspec.Struct):
    """One line of a recording."""

    fetched_at: datetime
    body: msgspec.Raw


def fetches(path: Path) -> Iterator[tuple[datetime, list[Quote], list[Event]]]:
    """What each fetch said, and when."""
    images = ImageDiff()
    decoder = msgspec.json.Decoder(Fetch)
    with lzma.open(path) as lines:
        for line in lines:
            fetch = decoder.decode(line)
            reading = decode_odds(fetch.body, "american")
            yield fetch.fetched_at, images.quotes(reading.quotes), images.events(reading.events)


@cache
def recorded_moves(path: Path) -> tuple[Move, ...]:
    """Every move of the recording, in order."""
    moves: list[Move] = []
    book = Book("recorded", moves.append)
    for received_at, quotes, events in fetches(path):
        for event in events:
            book.know(event)
        book.apply(quotes, received_at)
    return tuple(moves)
