"""The live board: a row an outcome and a column a bookmaker, or a row a price."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Sequence
from math import inf
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from protipp_stream.core.filter import Filter
from protipp_stream.errors import (
    ConfigurationError,
    ConnectionLost,
    GatewayUnreachable,
    ProtippStreamError,
)
from protipp_stream.model import Event
from protipp_stream.ui.board import BoardFrames, Body, State, state_of
from protipp_stream.ui.choice import Choice, choice_of
from protipp_stream.ui.host import Component, check_height, check_odds, nothing_chosen
from protipp_stream.ui.pump import Source
from protipp_stream.ui.words import word_of

if TYPE_CHECKING:
    from protipp_stream.client.changes import Changes
    from protipp_stream.client.live import LiveOdds

__all__ = ["OddsTable"]

# How often a board is looked through for a name that is not there: it may be large.
LOOK_S = 1.0

# Tickets fetched at once: each holds a thread as long as the gateway keeps it waiting.
MOST_FETCHES = 16
MAX_ORIGIN = 300

# What may be otherwise soon; whom a gateway refuses it refuses a minute later too.
PASSING = (ConnectionLost, GatewayUnreachable)


class OddsTable(Component):
    """A live table of the odds.

    Show it as the last expression of a notebook cell, or put it into a Panel
    layout. One object may be on many pages at once: they share its frames. A served
    page has its prices from the gateway's own stream where the gateway allows its
    origin, and Python's frames otherwise.

    Parameters
    ----------
    odds : LiveOdds
        What is shown.
    layout : {"board", "flat"}
        A row an outcome and a column a bookmaker, the best price framed; or a row a
        price.
    sports, events, markets, bookmakers : str or sequence of str, optional
        What to show; all by default. An event by its id or name, a market by its kind
        (``"h2h"``) or itself (``"totals@7.5"``).
    significant_only : bool
        Begin with the rows that moved significantly in the last five minutes; a
        button changes it.
    max_height : str
        A CSS length: taller boards scroll inside the table.
    hz : float
        Frames a second, at most; up to 60.

    Raises
    ------
    ConfigurationError
        For what can't be: the message says which argument and what it takes.

    Examples
    --------
    >>> OddsTable(odds, markets=["h2h", "totals"])  # doctest: +SKIP
    """

    parts = (
        *("base", "grid", "grid_keys", "words", "said"),
        *("board_rows", "board_view", "gateway_link", "table"),
    )

    def __init__(
        self,
        odds: LiveOdds,
        *,
        layout: Literal["board", "flat"] = "board",
        sports: str | Sequence[str] | None = None,
        events: str | Sequence[str] | None = None,
        markets: str | Sequence[str] | None = None,
        bookmakers: str | Sequence[str] | None = None,
        significant_only: bool = False,
        max_height: str = "34rem",
        hz: float = 20,
    ) -> None:
        check_odds(odds)
        check_height(max_height)
        if layout not in ("board", "flat"):
            raise ConfigurationError(f"layout can't be {layout!r}.", hint="'board' or 'flat'.")
        self._odds = odds
        self._layout = layout
        self._choice = choice_of(
            sports=sports,
            events=events,
            markets=markets,
            bookmakers=bookmakers,
            significant_only=significant_only,
        )
        self._max_height = max_height
        self._fetches = threading.BoundedSemaphore(MOST_FETCHES)
        super().__init__(hz)

    @property
    def options(self) -> dict[str, Any]:
        """What the module is told once, when it is first drawn."""
        return {
            "max_height": self._max_height,
            "flat": self._layout == "flat",
            "choice": msgspec.to_builtins(self._choice),
            "gateway": True,
        }

    def source(self, choice: dict[str, Any]) -> Source:
        """Return what is drawn: all, or only how it is for a page that asks the gateway."""
        by_gateway = choice == {"way": "gateway"}
        if not by_gateway:
            nothing_chosen(choice)
        return _BoardSource(self._odds, self._choice, by_gateway=by_gateway)

    def act(self, action: dict[str, Any], tell: Callable[[str], None]) -> None:
        """Fetch a ticket for the page, which then asks the gateway itself."""
        origin = action.get("ticket")
        if not isinstance(origin, str) or not origin.isascii() or len(origin) > MAX_ORIGIN:
            super().act(action, tell)
            return

        def fetch() -> None:
            try:
                tell(json.dumps(self._ticket_for(origin)))
            finally:
                self._fetches.release()

        if not self._fetches.acquire(blocking=False):
            why = "Too many pages ask for a ticket at once."
            tell(json.dumps({"ticket": None, "why": why, "retry_ms": 10_000}))
            return
        # It waits for the network, and whoever called us must not.
        threading.Thread(target=fetch, name="protipp-ticket", daemon=True).start()

    def _ticket_for(self, origin: str) -> dict[str, Any]:
        try:
            ticket = self._odds.ticket(origin)
        except ProtippStreamError as error:
            # The page stays with Python's frames, and tries again later.
            retry_ms = 10_000 if isinstance(error, PASSING) else 60_000
            return {"ticket": None, "why": str(error), "retry_ms": retry_ms}
        wanted = _gateway_filter(self._choice, self._odds.wanted)
        return {"ticket": ticket, "url": self._odds.url, "filter": wanted}

    def __repr__(self) -> str:
        board = self._odds.board()
        shown = [q.selection for q in board.quotes]
        rows = {
            each if self._layout == "flat" else each[1:]
            for each in shown
            if self._choice.admits(each.bookmaker_id, each.market, _event(board, each.event_id))
        }
        state = word_of(self._odds.status).text.lower()
        why = "" if rows else self._choice.missing(_prices(board))
        words = f"<OddsTable of {self._odds.url}: {len(rows)} rows, {state}>"
        return f"{words[:-1]}. {why}>" if why else words


def _gateway_filter(choice: Choice, wanted: Filter) -> dict[str, list[str]]:
    """Return what the gateway can leave out; the page leaves out the rest.

    What `LiveOdds` itself does not follow, the page shall not show either.
    """
    asked = {
        "bookmakers": list(wanted.bookmakers) or choice.bookmakers,
        "events": list(wanted.events),
        "markets": list(wanted.markets) or choice.markets,
    }
    return {name: names for name, names in asked.items() if names}


def _event(board: Any, event_id: str) -> Event:
    return board.events.get(event_id) or Event(event_id, event_id, "")


def _prices(board: Any) -> list[tuple[str, str, Event]]:
    return [(q.bookmaker_id, q.market, _event(board, q.event_id)) for q in board.quotes]


class _BoardSource:
    """Watches `LiveOdds` for the pump."""

    def __init__(self, odds: LiveOdds, choice: Choice, *, by_gateway: bool) -> None:
        self._odds = odds
        self._choice = choice
        self._by_gateway = by_gateway
        self._frames = BoardFrames(choice)
        self._changes: Changes | None = None
        self._said = State()
        self._why, self._why_at = "", -inf

    def open(self) -> None:
        if not self._by_gateway:
            self._changes = self._odds.changes()
        self._frames = BoardFrames(self._choice)
        if self._changes and (first := self._changes.take()):
            self._frames.take(first)
        self._said = self._state()

    def news(self) -> Body | None:
        change = self._changes.take() if self._changes else None
        body = self._frames.take(change) if change else None
        state = self._state()
        if state != self._said:
            body = body or Body()
            body.state = self._said = state
        return body

    def whole(self) -> Body:
        now = self._odds.gateway_time
        body = Body(whole=True, way="gateway") if self._by_gateway else self._frames.whole(now)
        body.state = msgspec.structs.replace(self._said, now=now)
        return body

    def close(self) -> None:
        if self._changes is not None:
            self._changes.close()
            self._changes = None

    def _state(self) -> State:
        return state_of(
            self._odds.status,
            self._odds.sources,
            self._odds.bookmakers,
            url=self._odds.url,
            empty=self._empty(),
        )

    def _empty(self) -> str | None:
        """Say why there is no price, as far as the choice is the reason; None if there is."""
        if self._frames.size and not self._by_gateway:
            return None
        if not self._choice.is_all and time.monotonic() - self._why_at >= LOOK_S:
            self._why = self._choice.missing(_prices(self._odds.board()))
            self._why_at = time.monotonic()
        return self._why
