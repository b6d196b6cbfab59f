"""The feed of moves: every significant change of a price, the newest first, with its reason."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.core.moves import is_steam
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Event, OddsUpdate
from protipp_stream.ui.board import State, state_of
from protipp_stream.ui.choice import Choice, choice_of
from protipp_stream.ui.host import Component, check_height, check_odds, nothing_chosen
from protipp_stream.ui.pump import Source
from protipp_stream.ui.words import word_of

if TYPE_CHECKING:
    from protipp_stream.client.live import LiveOdds
    from protipp_stream.client.moves import Moved, Moves

__all__ = ["Feed", "FeedBody", "MovesFeed"]

MOST = 10_000
LOOK_S = 1.0

Row = tuple[
    str, float, str, str, str, str, float | None, float | None, float | None, str, int
]  # fmt: skip


class FeedBody(msgspec.Struct, omit_defaults=True):
    """The body of a frame of the feed; what is left out did not change.

    Attributes
    ----------
    whole : bool
        All that is kept is in it.
    events : list
        ``[event_id, name, sport]``.
    moves : list
        ``[id, when in ms, event_id, bookmaker, market, outcome, old odds, new odds,
        percentage points, reason, steam]``, the oldest first. Points are those of the
        implied probability ``1 / odds``; None where a price is not known.
    seen : int or None
        How many there have been, with those that are kept no more.
    left_out : int or None
        How many came faster than they could be taken.
    missing : int or None
        Updates that never came one by one, so that nobody knows which were significant.
    state : State or None
        What is said above the list.
    """

    whole: bool = False
    events: list[tuple[str, str, str]] = []
    moves: list[Row] = []
    seen: int | None = None
    left_out: int | None = None
    missing: int | None = None
    state: State | None = None


class Feed:
    """Turns what moved into bodies of frames. Pure: no thread, no clock.

    Parameters
    ----------
    choice : Choice
        Which moves are wanted.
    keep : int
        How many are kept, the newest.
    """

    def __init__(self, choice: Choice, keep: int) -> None:
        self._choice = choice
        self._moves: deque[Row] = deque(maxlen=keep)
        self._events: dict[str, Event] = {}
        self._seen = self._left_out = self._missing = 0

    def __len__(self) -> int:
        return len(self._moves)

    @property
    def newest_ms(self) -> float | None:
        """When the newest came, in ms since 1970; None before the first."""
        return self._moves[-1][1] if self._moves else None

    def take(self, moved: Moved) -> FeedBody | None:
        """Take what moved; return what a page must be told, None if that is nothing."""
        self._events.update((event.event_id, event) for event in moved.events)
        rows = [_row(each) for each in moved.updates if self._admits(each)]
        self._moves.extend(rows)
        self._seen += len(rows)
        self._left_out += moved.left_out
        self._missing += moved.missing
        shown = {row[2] for row in self._moves}
        named = {row[2] for row in rows} | {each.event_id for each in moved.events} & shown
        if not (rows or named or moved.left_out or moved.missing):
            return None
        # Of a burst no more than is kept is worth sending.
        rows = rows[-(self._moves.maxlen or 0) :]
        return self._body(named, rows)

    def whole(self) -> FeedBody:
        """Return all that is kept."""
        rows = list(self._moves)
        return self._body({row[2] for row in rows}, rows, whole=True)

    def _body(self, named: set[str], rows: list[Row], *, whole: bool = False) -> FeedBody:
        counts = self._seen, self._left_out, self._missing
        return FeedBody(whole, self._named(named), rows, *counts)

    def _named(self, event_ids: set[str]) -> list[tuple[str, str, str]]:
        events = (self._event(event_id) for event_id in sorted(event_ids))
        return [(event.event_id, event.name, event.sport) for event in events]

    def _admits(self, update: OddsUpdate) -> bool:
        event = self._event(update.event_id)
        return self._choice.admits(update.bookmaker_id, update.market, event)

    def _event(self, event_id: str) -> Event:
        return self._events.get(event_id) or Event(event_id, event_id, "")


def _row(update: OddsUpdate) -> Row:
    old, new = update.old_odds, update.new_odds
    points = None if not old or not new else round(100 / new - 100 / old, 2)
    return (
        update.id, round(update.timestamp.timestamp() * 1000), update.event_id,
        update.bookmaker_id, update.market, update.outcome, old, new, points,
        update.reason or "", int(is_steam(update.reason)),
    )  # fmt: skip


class MovesFeed(Component):
    """A list of the significant moves and of steam, the newest first, each with its reason.

    What counts as significant the gateway decides (``Gateway(…, rule=["h", "steam"])``);
    here no move is lost between two frames, and what had to be left out is counted.

    Parameters
    ----------
    odds : LiveOdds
        Whose prices.
    sports, events, markets, bookmakers : str or sequence of str, optional
        Whose moves to show; all by default. An event by its id or name, a market by its
        kind (``"h2h"``) or itself (``"totals@7.5"``).
    max_height : str
        A CSS length: longer lists scroll inside the component.
    keep : int
        How many moves stay in the list, from 1 to 10,000; the oldest go first.

    Raises
    ------
    ConfigurationError
        For what can't be: the message says which argument and what it takes.

    Examples
    --------
    >>> MovesFeed(odds, markets="h2h")  # doctest: +SKIP
    """

    parts = ("base", "grid", "grid_keys", "words", "said", "moves")

    def __init__(
        self,
        odds: LiveOdds,
        *,
        sports: str | Sequence[str] | None = None,
        events: str | Sequence[str] | None = None,
        markets: str | Sequence[str] | None = None,
        bookmakers: str | Sequence[str] | None = None,
        max_height: str = "24rem",
        keep: int = 500,
    ) -> None:
        check_odds(odds)
        check_height(max_height)
        if not isinstance(keep, int) or isinstance(keep, bool) or not 1 <= keep <= MOST:
            raise ConfigurationError(
                f"keep can't be {keep!r}.", hint=f"A number of moves, from 1 to {MOST}."
            )
        self._odds = odds
        self._choice = choice_of(
            sports=sports, events=events, markets=markets, bookmakers=bookmakers
        )
        self._max_height = max_height
        self._keep = keep
        super().__init__(hz=10)

    @property
    def options(self) -> dict[str, Any]:
        """What the module is told once, when it is first drawn."""
        return {"max_height": self._max_height, "keep": self._keep}

    def source(self, choice: dict[str, Any]) -> Source:
        """Return what is drawn; a viewer filters in its own browser."""
        nothing_chosen(choice)
        return _FeedSource(self._odds, self._choice, self._keep)

    def __repr__(self) -> str:
        moves, feed = self._odds.moves(), Feed(self._choice, self._keep)
        if moved := moves.take():
            feed.take(moved)
        moves.close()
        state = word_of(self._odds.status).text.lower()
        return f"<MovesFeed of {self._odds.url}: {len(feed)} significant moves, {state}>"


class _FeedSource:
    """Watches `LiveOdds` for the pump."""

    def __init__(self, odds: LiveOdds, choice: Choice, keep: int) -> None:
        self._odds = odds
        self._choice = choice
        self._keep = keep
        self._feed = Feed(choice, keep)
        self._moves: Moves | None = None
        self._empty: str | None = None
        self._look_due = 0.0
        self._said = State()

    def open(self) -> None:
        self._moves = self._odds.moves()
        self._feed = Feed(self._choice, self._keep)
        if moved := self._moves.take():
            self._feed.take(moved)
        self._look_due = 0.0
        self._said = self._state()

    def news(self) -> FeedBody | None:
        moved = self._moves.take() if self._moves else None
        body = self._feed.take(moved) if moved else None
        state = self._state()
        if state != self._said:
            body = body or FeedBody()
            body.state = self._said = state
        return body

    def whole(self) -> FeedBody:
        body = self._feed.whole()
        body.state = self._said
        return body

    def close(self) -> None:
        if self._moves is not None:
            self._moves.close()
            self._moves = None

    def _state(self) -> State:
        self._look()
        odds = self._odds
        return state_of(odds.status, odds.sources, odds.bookmakers, url=odds.url, empty=self._empty)

    def _look(self) -> None:
        """Find why nothing is here, as far as it is not that nothing moved."""
        if len(self._feed):
            self._empty = None
        elif (now := monotonic()) >= self._look_due:
            self._look_due = now + LOOK_S  # to go through a board takes milliseconds
            board = self._odds.board()
            prices = [
                (q.bookmaker_id, q.market, board.events.get(q.event_id) or _unnamed(q.event_id))
                for q in board.quotes
            ]
            why = "" if self._choice.is_all else self._choice.missing(prices)
            self._empty = why or (None if prices else "")


def _unnamed(event_id: str) -> Event:
    return Event(event_id, event_id, "")
