"""The same answers, slowly: plain loops over the lines as they were written."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from protipp_stream.core.journal_line import JournalLine
from protipp_stream.model import OddsUpdate, Quote, Selection


class Price(NamedTuple):
    """A row of updates: a change or an image."""

    session: int
    line: int
    seq: int
    quote: Quote
    update: OddsUpdate | None


class Again(NamedTuple):
    """A row of confirmed."""

    session: int
    line: int
    selection: Selection
    at: datetime
    stamp: datetime | None
    is_vouched: bool = False


def rows_of(lines: list[JournalLine]) -> list[Price | Again]:
    """All prices and confirmations in order, each with its session."""
    found: list[Price | Again] = []
    epochs: set[str] = set()
    session = -1
    for line in lines:
        is_start = any(note.kind == "start" for note in line.notes)
        is_new = line.epoch is not None and line.epoch not in epochs
        if session < 0 or is_start or is_new:
            session += 1
        if line.epoch is not None:
            epochs.add(line.epoch)
        for quote in line.images:
            found_then = msgspec.structs.replace(quote, confirmed_at=None)
            found.append(Price(session, line.n, line.image_seq, found_then, None))
            if quote.confirmed_at:
                found.append(Again(session, line.n, quote.selection, quote.confirmed_at, None))
        for update in line.updates:
            found.append(Price(session, line.n, update.seq, update.quote, update))
        for said in line.confirmed:
            for outcome in said.outcomes:
                selection = Selection(said.bookmaker_id, said.event_id, said.market, outcome)
                found.append(
                    Again(
                        session,
                        line.n,
                        selection,
                        said.received_at,
                        said.source_timestamp,
                        said.is_vouched,
                    )
                )
    return found


def prices_of(lines: list[JournalLine]) -> list[Price]:
    """Changes and images in order."""
    return [row for row in rows_of(lines) if isinstance(row, Price)]


def changes_of(lines: list[JournalLine]) -> list[OddsUpdate]:
    """Updates in order."""
    return [update for line in lines for update in line.updates]


def begun(lines: list[JournalLine]) -> dict[int, datetime]:
    """When each session had begun."""
    times: dict[int, list[datetime]] = {}
    epochs: set[str] = set()
    session, is_known = -1, False
    for line in lines:
        starts = [note.timestamp for note in line.notes if note.kind == "start"]
        is_new = line.epoch is not None and line.epoch not in epochs
        if session < 0 or starts or is_new:
            session += 1
            is_known = session > 0 and not is_new
        if line.epoch is not None:
            epochs.add(line.epoch)
        mine = times.setdefault(session, [])
        mine += starts + [update.timestamp for update in line.updates]
        if not is_known:
            mine += [quote.timestamp for quote in line.images if quote.timestamp is not None]
    return {session: min(each) for session, each in times.items() if each}


def board_at(lines: list[JournalLine], at: datetime) -> dict[Selection, Quote]:
    """What stood at a time."""
    current = max((s for s, since in begun(lines).items() if since <= at), default=None)
    board: dict[Selection, Quote] = {}
    front: dict[Selection, Quote] = {}
    for row in rows_of(lines):
        if row.session != current:
            continue
        if isinstance(row, Price):
            assert row.quote.timestamp is not None
            selection = row.quote.selection
            front[selection] = row.quote
            if row.quote.timestamp <= at:
                board[selection] = row.quote
            continue
        price = front.get(row.selection)
        if price is None or price.odds is None or price.timestamp is None:
            continue
        if price.timestamp <= row.at <= at:
            board[row.selection] = price.confirmed(row.at, row.stamp, row.is_vouched)
    return board


def states_of(
    lines: list[JournalLine],
) -> Iterator[tuple[datetime, tuple[str, str, str], dict[str, float]]]:
    """Every whole market after every moment at which a price of it changed."""
    rows = prices_of(lines)
    kept: dict[Any, dict[str, float | None]] = {}
    for number, row in enumerate(rows):
        quote = row.quote
        place = quote.bookmaker_id, quote.event_id, quote.market
        market = kept.setdefault((row.session, *place), {})
        market[quote.outcome] = quote.odds
        later = (
            each.quote.timestamp
            for each in rows[number + 1 :]
            if (each.session, each.quote.bookmaker_id, each.quote.event_id, each.quote.market)
            == (row.session, *place)
        )
        if next(later, None) == quote.timestamp:
            continue
        odds = {outcome: price for outcome, price in market.items() if price is not None}
        if len(odds) == len(market) >= 2 and sum(1 / price for price in odds.values()) >= 1:
            assert quote.timestamp is not None
            yield quote.timestamp, place, odds


def quantile(values: list[float], share: float) -> float:
    """Between the two nearest, in proportion."""
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def seconds(span: timedelta) -> float:
    """A length in seconds."""
    return span / timedelta(seconds=1)
