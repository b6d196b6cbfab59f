"""What prices were: the board, lines over time, margins."""

from __future__ import annotations

from typing import TYPE_CHECKING

from protipp_stream.history.answers.answers import Answers
from protipp_stream.history.asking import asked, instant, span
from protipp_stream.history.counting import Progress, quietly
from protipp_stream.history.questions.board import as_of as board_at
from protipp_stream.history.questions.fair_prices import fair as fair_prices
from protipp_stream.history.questions.open_close import open_close as opened_and_closed
from protipp_stream.history.questions.overround import overround as margins
from protipp_stream.history.questions.resampling import resample as resampled

if TYPE_CHECKING:
    import pandas as pd

    from protipp_stream.history.asking import Names, Span, Time


__all__ = ["Prices"]


class Prices(Answers):
    """What stood when."""

    def as_of(
        self,
        t: Time,
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        outcome: Names | None = None,
    ) -> pd.DataFrame:
        """Return the board as it was at a time, that moment included.

        It is the board of the newest gateway that had started by then: a new one begins
        with an empty board. Selections stay until then, suspended ones with NaN; so do
        events that are over, which no source says reliably. Who wants what could have been
        bet on asks for young prices: ``board[board.age_s < 300]``.

        Returns
        -------
        DataFrame
            ``bookmaker_id, event_id, event, sport, market, outcome`` (category),
            ``starts_at`` (as it was known then); ``odds`` (decimal, NaN: suspended),
            ``commission``; ``timestamp`` (when this price was received),
            ``source_timestamp``, ``good_at`` (when it was last said, confirmations
            included, as `Quote.good_at`) and ``age_s`` (seconds from then to ``t``).
        """
        about = asked(event=event, bookmaker=bookmaker, market=market, outcome=outcome)
        at = instant(t, "t")
        return self._ask(about, lambda view: board_at(view, about, at))

    def resample(
        self,
        step: Span = "1min",
        stale: Span = "5min",
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        outcome: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> pd.DataFrame:
        """Return prices at regular times: what stood then, if it was young enough.

        Parameters
        ----------
        step : str, timedelta or float
            ``"1min"``; a number is seconds. Times are its whole multiples.
        stale : str, timedelta or float
            A price that was last said longer ago than this is NaN: nothing is carried
            forward without end. What was confirmed meanwhile is younger.

        Returns
        -------
        DataFrame
            ``timestamp``, ``bookmaker_id, event_id, market, outcome`` (category), ``odds``
            (NaN: suspended, stale, or the gateway had started anew) and ``age_s``
            (seconds); for each selection from its first price to ``stale`` after its last.
        """
        about = asked(
            event=event,
            bookmaker=bookmaker,
            market=market,
            outcome=outcome,
            since=since,
            until=until,
        )
        every, old = span(step, "step"), span(stale, "stale")
        return self._ask(about, lambda view: resampled(view, about, every, old))

    def open_close(
        self,
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        outcome: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> pd.DataFrame:
        """Return the first and the last price before the start, of every selection.

        Where nobody has said when an event starts, its last price is the close. A
        suspension is no price; what a recorder found on the board is one.

        Returns
        -------
        DataFrame
            ``event_id, market, outcome, bookmaker_id`` (category), ``starts_at``,
            ``opened_at`` and ``open``, ``closed_at`` and ``close``, ``low`` and ``high``
            (decimal odds), ``prices`` (how many there were, int64).
        """
        about = asked(
            event=event,
            bookmaker=bookmaker,
            market=market,
            outcome=outcome,
            since=since,
            until=until,
        )
        return self._ask(about, lambda view: opened_and_closed(view, about))

    def overround(
        self,
        by: str | None = "bookmaker",
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> pd.DataFrame:
        """Return the margin of whole markets: ``sum(1 / odds) - 1``, 0.05 is 5 %.

        A market is whole at a bookmaker while every outcome that it has named since the
        start has a price, there are two or more, and the margin is not below 0. It counts
        once for each moment at which one of its prices changed.

        Parameters
        ----------
        by : str or None
            ``bookmaker``, ``event``, ``market``; None for every moment.

        Returns
        -------
        DataFrame
            The name (category), ``count`` (int64), ``mean, median, min, max`` (float64).
            For None: ``timestamp, bookmaker_id, event_id, market, outcomes`` (how many)
            and ``overround``.
        """
        about = asked(event=event, bookmaker=bookmaker, market=market, since=since, until=until)
        return self._ask(about, lambda view: margins(view, about, by))

    def fair(
        self,
        method: str = "power",
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
        progress: Progress = quietly,
    ) -> pd.DataFrame:
        """Return fair probabilities of every outcome of a whole market, at every change.

        Parameters
        ----------
        method : str
            ``power``, ``multiplicative``, ``additive`` or ``shin``: see `core.fair`.

        Returns
        -------
        DataFrame
            ``timestamp, bookmaker_id, event_id, market, outcome``, ``odds`` (decimal),
            ``probability`` (NaN where the method finds none) and ``overround`` (of the
            market, as in `overround`).
        """
        about = asked(event=event, bookmaker=bookmaker, market=market, since=since, until=until)
        return self._ask(about, lambda view: fair_prices(view, about, method, progress))
