"""Random journals, made by the gateway's own book and written as the format says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.core.book import Book
from protipp_stream.core.chain import GENESIS, linked, pieces
from protipp_stream.core.filter import Filter
from protipp_stream.core.journal_line import JournalLine, Note, decode_journal_line
from protipp_stream.core.moves import Move, h
from protipp_stream.history.layout import Layout
from protipp_stream.history.sealing import seal
from protipp_stream.model import Event, Quote
from tests.history.oracles import changes_of

if TYPE_CHECKING:
    from protipp_stream.history.history import History

BEGIN = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
BOOKMAKERS = ["alpha", "beta", "gamma", "delta"]
MARKETS = {
    "h2h": ["home", "away"],
    "h2h_3_way": ["home", "draw", "away"],
    "totals@7.5": ["over", "under"],
}
EVENTS = [
    Event("ev-1", "A @ B", "baseball_mlb", BEGIN + timedelta(minutes=50), "B", "A"),
    Event("ev-2", "Ünïted v City", "soccer", None, "Ünïted", "City"),
    Event("ev-3", "C @ D", "baseball_mlb", BEGIN + timedelta(hours=9), "D", "C"),
]


def line_bytes(n: int, at: datetime, prev: str, **members: Any) -> tuple[bytes, str]:
    """Encode a line; a list of rows is an array, whatever else a member."""
    encode = msgspec.json.encode
    parts: list[bytes] = []
    for name, value in members.items():
        if isinstance(value, list) and value:
            parts += pieces(name, [encode(row) for row in value])
        elif value not in ([], None):
            parts.append(b'"%b":%b' % (name.encode(), encode(value)))
    return linked(n, at, parts, prev)


class Journal:
    """A folder to which lines are written, some to a segment."""

    def __init__(self, folder: Path, lines_a_segment: int = 10_000) -> None:
        self.layout = Layout(folder)
        self.layout.hot.mkdir(parents=True)
        self.n = 0
        self.prev = GENESIS
        self.lines: list[JournalLine] = []
        self._lines_a_segment = lines_a_segment
        self._path = self.layout.segment(0)

    def write(self, at: datetime, **members: Any) -> JournalLine:
        """Write a line; return it as it is read back."""
        if self.n % self._lines_a_segment == 0:
            self._path = self.layout.segment(self.n)
        text, self.prev = line_bytes(self.n, at, self.prev, **members)
        with self._path.open("ab") as file:
            file.write(text)
        self.n += 1
        self.lines.append(decode_journal_line(text))
        return self.lines[-1]

    def seal(self, *, including_last: bool) -> None:
        """Let the real sealer do its work."""
        seal(self.layout.folder, now=BEGIN + timedelta(days=1), including_last=including_last)
        if including_last:
            self._path = self.layout.segment(self.n)


class World:
    """Prices at random, told to a book as a gateway tells them.

    Attributes
    ----------
    moves : list of (int, Move)
        Every move that the rule was asked about, and in which session.
    """

    def __init__(self, journal: Journal, seed: int, *, events: Iterable[Event] = EVENTS) -> None:
        self.random = random.Random(seed)
        self.journal = journal
        self.events = list(events)
        self.now = BEGIN
        self.session = -1
        self.moves: list[tuple[int, Move]] = []
        self._prices: dict[tuple[str, str, str], float] = {}

    def begin(self, *, images: bool = False, note: bool = True) -> None:
        """Start a gateway with a new epoch; with images as a recorder that comes late."""
        self.session += 1
        epoch = f"epoch{self.session}"
        rule = h()

        def judge(move: Move) -> str | None:
            self.moves.append((self.session, move))
            return rule(move)

        self.book = Book(epoch, judge)
        for event in self.events:
            self.book.know(event)
        found = []
        if images:
            for _ in range(15):
                quotes = self._quotes()
                self.book.apply(quotes, self._tick())
            found = self.book.quotes()
            self.moves.clear()
        self._told = self.book.confirmations
        notes = [Note(kind="start", timestamp=self.now, epoch=epoch)] if note else []
        self.journal.write(
            self.now, epoch=epoch, events=self.events, notes=notes, images=found,
            image_seq=self.book.seq,
        )  # fmt: skip

    def play(self, lines: int) -> None:
        """Write so many lines of updates and confirmations."""
        for _ in range(lines):
            updates = []
            for _ in range(self.random.randint(1, 4)):
                updates += self.book.apply(
                    self._quotes(), self._tick(), self.random.choice([0.5, 1.25, 3.0])
                )
            said = self.book.confirmed_since(self._told, Filter())
            self._told = self.book.confirmations
            self.journal.write(
                self.now + timedelta(milliseconds=70), epoch=self.book.epoch, updates=updates,
                confirmed=said,
            )  # fmt: skip

    def note(self, kind: Any, **what: Any) -> None:
        """Write a note."""
        note = Note(kind=kind, timestamp=self._tick(), epoch=self.book.epoch, **what)
        self.journal.write(self.now, epoch=self.book.epoch, notes=[note])

    def _tick(self) -> datetime:
        self.now += timedelta(
            microseconds=self.random.choice([0, 1, 700_000, 20_000_000, 55_000_000])
        )
        return self.now

    def _quotes(self) -> list[Quote]:
        """One bookmaker's read of one market; never twice at one moment."""
        bookmaker = self._next_bookmaker()
        event = self.random.choice(self.events).event_id
        market = self.random.choice(list(MARKETS))
        stamp = self.random.choice([None, self.now - timedelta(seconds=self.random.randint(0, 90))])
        outcomes = MARKETS[market]
        if self.random.random() < 0.3:
            outcomes = [self.random.choice(outcomes)]
        return [
            Quote(bookmaker, event, market, outcome, self._odds(event, market, outcome), stamp)
            for outcome in outcomes
        ]

    def _next_bookmaker(self) -> str:
        # In turn, so that two reads of one bookmaker never share a moment.
        self._turn = (getattr(self, "_turn", -1) + 1) % len(BOOKMAKERS)
        if self._turn == 0:
            self.now += timedelta(microseconds=1)
        return BOOKMAKERS[self._turn]

    def _odds(self, event: str, market: str, outcome: str) -> float | None:
        if self.random.random() < 0.08:
            return None
        fair = 3.2 if market == "h2h_3_way" else 2.05
        key = event, market, outcome
        drifted = self._prices.get(key, fair) * self.random.choice([0.93, 1, 1, 1, 1.07])
        self._prices[key] = min(max(drifted, 1.2), 8.0)
        return round(self._prices[key] * self.random.choice([0.96, 0.99, 1.0, 1.03]), 2)


def random_journal(folder: Path, seed: int, *, images: bool = True) -> tuple[Journal, World]:
    """Three sessions with notes between, in segments of a few lines."""
    journal = Journal(folder, lines_a_segment=9)
    world = World(journal, seed)
    world.begin()
    world.play(14)
    world.note("feed", source="sim", detail="no answer")
    world.play(9)
    world.note("feed", source="sim", detail="connected")
    world.note("stop")
    world.now += timedelta(minutes=3)
    world.begin(images=images)
    world.play(16)
    world.note("gap", first_seq=3, last_seq=9, count=7)
    world.now += timedelta(seconds=40)
    # A start that nobody noted: the epoch tells.
    world.begin(note=False)
    world.play(15)
    return journal, world


def ids(history: History, **wanted: Any) -> list[str]:
    """The updates that a history shows."""
    frame = history.updates(columns=["epoch", "seq"], **wanted)
    return [f"{epoch}:{seq}" for epoch, seq in zip(frame.epoch, frame.seq, strict=True)]


def written(journal: Journal) -> list[str]:
    """The updates that were written."""
    return [update.id for update in changes_of(journal.lines)]


def once(before: Callable[[], None]) -> Callable[[], None]:
    """Do something at the first call only."""
    left = [before]
    return lambda: left.pop()() if left else None
