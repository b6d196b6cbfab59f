"""Arbitrage on a live board, in step with every update, and as DataFrames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from protipp_stream.client import dataframes
from protipp_stream.client.changes import Board, Gap
from protipp_stream.core.arbitrage import Arbitrage, ArbitrageFinder, Terms
from protipp_stream.core.clones import MONEYLINES, CloneFinder, Outcome, representatives
from protipp_stream.model import Confirmation, Event, OddsUpdate, RealTimeConnection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LiveArbitrage"]

LOOK_S, COMPARE_S = 1.0, 5.0


def _moneylines(board: Board) -> dict[Outcome, dict[str, float | None]]:
    prices: dict[Outcome, dict[str, float | None]] = {}
    for quote in board.quotes:
        if quote.market in MONEYLINES:
            outcome = quote.event_id, quote.market, quote.outcome
            prices.setdefault(outcome, {})[quote.bookmaker_id] = quote.odds
    return prices


class LiveArbitrage:
    """Arbitrage among the prices of live odds; made by `LiveOdds.arbitrage`.

    It takes every update when the board does, so what lives for a tenth of a second is
    found, too. What looks like an arbitrage and is none is kept beside it, suppressed,
    with the reasons. Information only: no bet is placed.

    Parameters
    ----------
    board : callable
        Returns the board.
    seconds : callable
        The gateway's time, in seconds since 1970: prices' ages count to it.
    terms : Terms
        What to stake, and what counts.
    clones : iterable of sets of str
        Bookmakers that copy one another, known beforehand: those of a group count as
        one. Others are found, by what the board shows when this is read, at most every
        5 s: it takes 200 changed moneyline prices of a pair to prove it.
    forget : callable
        Called by `close`.
    """

    def __init__(
        self,
        board: Callable[[], Board],
        seconds: Callable[[], float],
        terms: Terms,
        clones: Iterable[Iterable[str]],
        forget: Callable[[LiveArbitrage], None],
    ) -> None:
        self._board = board
        self._seconds = seconds
        self._forget = forget
        self._lock = threading.Lock()
        self._copiers = CloneFinder(given=clones)
        self._finder = ArbitrageFinder(terms, representatives(self._copiers.groups))
        self._comparing = threading.Lock()
        self._look_due = self._compare_due = 0.0
        self._is_closed = False
        self._names: dict[str, Event] = {}

    @property
    def terms(self) -> Terms:
        """What it stakes, and what counts."""
        return self._finder.terms

    def use_terms(self, terms: Terms) -> None:
        """Judge the whole board by other terms."""
        with self._lock:
            self._finder.use_terms(terms, self._now())

    @property
    def clones(self) -> tuple[frozenset[str], ...]:
        """Groups of bookmakers that count as one each, given and found."""
        self._refresh()
        return self._copiers.groups

    @property
    def active(self) -> list[Arbitrage]:
        """Those that stand now, the best margin first."""
        return self._found(["active"])

    @property
    def suppressed(self) -> list[Arbitrage]:
        """Those that only look like arbitrage now, the best margin first; see `reasons`."""
        return self._found(["suppressed"])

    @property
    def expired(self) -> list[Arbitrage]:
        """The newest of those that are over, at most 200, the last one first."""
        return self._found(["expired"])

    def found(self, *, suppressed: bool = False, expired: bool = False) -> list[Arbitrage]:
        """Return those that stand, all as they are at one moment.

        Parameters
        ----------
        suppressed, expired : bool
            Those as well, after them: see `suppressed` and `expired`.
        """
        return self._found(["active", *["suppressed"] * suppressed, *["expired"] * expired])

    def event(self, event_id: str) -> Event:
        """Return what is known of an event; its id in place of its name if nothing is."""
        with self._lock:
            return self._names.get(event_id) or Event(event_id, event_id, "")

    def table(self, *, suppressed: bool = False, expired: bool = False) -> pd.DataFrame:
        """Return a row for each that stands now.

        Parameters
        ----------
        suppressed, expired : bool
            Those as well; ``status`` and ``reasons`` say which and why.

        Returns
        -------
        DataFrame
            ``event_id, event, sport`` (category), ``starts_at`` (datetime64[us, UTC]),
            ``in_play`` (bool: prices of two moments of a game look like arbitrage easily),
            ``market`` (category), ``bookmakers`` (of the legs), ``status`` (category),
            ``reasons`` (in words), ``margin`` (the return on the total before rounding,
            0.01 is 1 %), ``stake`` (money at risk in all: stakes of backs, liabilities of
            lays), ``profit`` (what the worst outcome leaves of the rounded stakes) and
            ``floor`` (the same, were it a push: a whole line's returns the stakes), as
            float64, NaN where nothing should be staked; ``oldest_s`` (seconds since the
            oldest leg's bookmaker stood by its price, float64), ``first_seen`` and
            ``last_seen`` (datetime64[us, UTC]).
        """
        found = self.found(suppressed=suppressed, expired=expired)
        return dataframes.arbitrage_frame(found, self._names, self._now())

    def legs(self, *, suppressed: bool = False) -> pd.DataFrame:
        """Return a row for each bet of those that stand now.

        Returns
        -------
        DataFrame
            ``event_id, market, bookmaker_id, outcome`` and ``side`` (``back`` or ``lay``)
            as category; ``odds`` (decimal, as quoted), ``commission`` (part of the net
            winnings), ``stake`` (of a lay: the backer's), ``risk`` (what is lost if it
            loses: of a lay, the liability) and ``age_s`` (seconds) as float64.
        """
        found = self.found(suppressed=suppressed)
        return dataframes.legs_frame(found, self._now())

    def close(self) -> None:
        """Stop; what was found stays readable, as it was then."""
        self._forget(self)
        self._is_closed = True

    def __repr__(self) -> str:
        active = self.active
        best = f", best {active[0].margin:.2%}" if active else ""
        return f"<LiveArbitrage {len(active)} active{best}, {len(self.suppressed)} suppressed>"

    # --------------------------------------------------- on the client's thread

    def on_updates(self, updates: Sequence[OddsUpdate], events: Sequence[Event]) -> None:
        """Take what has changed."""
        now = self._now()
        with self._lock:
            if events:
                self._names.update((event.event_id, event) for event in events)
                self._finder.describe(events, now)
            self._finder.take(updates, now)
            self._look(now)

    def on_confirmed(self, confirmations: Sequence[Confirmation]) -> None:
        """Take which prices are younger than they look."""
        now = self._now()
        with self._lock:
            self._finder.confirm(confirmations, now)
            self._look(now)

    def on_gap(self, gap: Gap) -> None:
        """Nothing to do: what matters is what stands now."""

    def on_source(self, source: RealTimeConnection) -> None:
        """Nothing to do: each price says how old it is."""

    def on_reset(self) -> None:
        """Take the board anew."""
        with self._lock:
            # Inside: an update that comes between would be undone by an older board.
            board = self._board()
            self._names = dict(board.events)
            self._finder.reset(board.quotes, self._now(), board.events.values())

    # ------------------------------------------------------------------ inside

    def _found(self, wanted: Sequence[str]) -> list[Arbitrage]:
        """Return those of these states at one moment, in this order."""
        self._refresh()
        with self._lock:
            known = [*self._finder.current, *self._finder.expired]
        found: list[Arbitrage] = []
        for status in wanted:
            those = [each for each in known if each.status == status]
            if status != "expired":  # which come the last one first
                those.sort(key=lambda each: -each.margin)
            found += those
        return found

    def _refresh(self) -> None:
        """Notice what has grown stale, and who copies whom."""
        now = self._now()
        with self._lock:
            if not self._is_closed:
                self._finder.expire(now)
        with self._comparing:
            if self._is_closed or now.timestamp() < self._compare_due:
                return
            self._compare_due = now.timestamp() + COMPARE_S
            before = self._copiers.groups
            # On the reader's thread, and without what the stream waits for: to go
            # through a board takes milliseconds.
            self._copiers.look(_moneylines(self._board()))
            groups = self._copiers.groups
        if groups != before:
            with self._lock:
                self._finder.use_clones(representatives(groups), now)

    def _look(self, now: datetime) -> None:
        # What has grown too old ends when it does, not when somebody looks.
        if now.timestamp() >= self._look_due:
            self._look_due = now.timestamp() + LOOK_S
            self._finder.expire(now)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._seconds(), UTC)
