"""The live board: a row an outcome, a column a bookmaker."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from protipp_stream.ui.board import BoardFrames, Body, State, market_filter, state_of
from protipp_stream.ui.host import Component, check_odds
from protipp_stream.ui.words import word_of

if TYPE_CHECKING:
    from protipp_stream.client.changes import Changes
    from protipp_stream.client.live import LiveOdds

__all__ = ["OddsTable"]


class OddsTable(Component):
    """A live table of the odds.

    Show it as the last expression of a notebook cell, or put it into a Panel
    layout. One object may be on many pages at once: they share its frames.

    Parameters
    ----------
    odds : LiveOdds
        What is shown.
    markets : sequence of str, optional
        Kinds (``"h2h"``) or markets (``"totals@7.5"``) to show; all by default.
    max_height : str
        A CSS length: taller boards scroll inside the table.
    hz : float
        Frames a second, at most; up to 60.

    Examples
    --------
    >>> OddsTable(odds, markets=["h2h", "totals"])  # doctest: +SKIP
    """

    module = "table"

    def __init__(
        self,
        odds: LiveOdds,
        *,
        markets: Sequence[str] | None = None,
        max_height: str = "34rem",
        hz: float = 20,
    ) -> None:
        check_odds(odds)
        self._odds = odds
        self._shown = market_filter(markets)
        self._max_height = max_height
        super().__init__(_BoardSource(odds, markets), hz)

    @property
    def options(self) -> dict[str, Any]:
        """What the module is told once, when it is first drawn."""
        return {"max_height": self._max_height}

    def __repr__(self) -> str:
        rows = {
            (quote.event_id, quote.market, quote.outcome)
            for quote in self._odds.board().quotes
            if self._shown(quote.market)
        }
        state = word_of(self._odds.status).text.lower()
        return f"<OddsTable of {self._odds.url}: {len(rows)} rows, {state}>"


class _BoardSource:
    """Watches `LiveOdds` for the pump."""

    def __init__(self, odds: LiveOdds, markets: Sequence[str] | None) -> None:
        self._odds = odds
        self._markets = markets
        self._frames = BoardFrames(markets)
        self._changes: Changes | None = None
        self._said = State()

    def open(self) -> None:
        self._changes = self._odds.changes()
        self._frames = BoardFrames(self._markets)
        if first := self._changes.take():
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
        body = self._frames.whole()
        body.state = self._said
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
            columns=self._frames.columns,
            empty=not self._frames.rows,
        )
