"""What prices meant: moves, steam, arbitrage, who leads."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from protipp_stream.core.arbitrage import Terms, terms_of
from protipp_stream.core.clones import merged, representatives
from protipp_stream.core.moves import SteamWatch
from protipp_stream.history.answers.answers import Answers
from protipp_stream.history.asking import asked, span
from protipp_stream.history.counting import Progress, quietly
from protipp_stream.history.questions.arbitrage import arbitrage as found_arbitrage
from protipp_stream.history.questions.lead_lag import Clock
from protipp_stream.history.questions.lead_lag import lead_lag as leads_and_lags
from protipp_stream.history.questions.moves import Rules, checked_rule
from protipp_stream.history.questions.moves import moves as found_moves
from protipp_stream.history.questions.moves import steam as found_steam

if TYPE_CHECKING:
    import pandas as pd

    from protipp_stream.history.asking import Names, Span, Time


__all__ = ["Judgements"]


class Judgements(Answers):
    """What the rules of the live board say of what was."""

    def moves(
        self,
        rule: Rules = "h",
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
        progress: Progress = quietly,
    ) -> pd.DataFrame:
        """Return the significant moves, judged by the book and the rules of the gateway.

        Parameters
        ----------
        rule : str, rule or several
            ``h`` (default), ``pct``, ``prob``, ``logit``, ``ticks``, ``ewma_z``,
            ``cusum``, or what takes a `core.moves.Move` and returns the reason or None.
            What the gateway's own rule said stands in `updates`, as ``is_significant``.
        progress : callable
            Hears how many rows are done, and of how many.

        Returns
        -------
        DataFrame
            ``timestamp, bookmaker_id, event_id, market, outcome``, ``old_odds, new_odds``
            (decimal), ``old_probability, new_probability`` (without the margin where
            ``margin_removed``), ``in_play`` (bool), ``h`` (Cohen's h of this change) and
            ``reason`` (text).
        """
        about = asked(event=event, bookmaker=bookmaker, market=market, since=since, until=until)
        checked_rule(rule)
        return self._ask(about, lambda view: found_moves(view, about, rule, progress))

    def steam(
        self,
        *,
        bookmakers: int = 3,
        window: Span = "2min",
        clones: Iterable[Iterable[str]] = (),
        event: Names | None = None,
        market: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
        progress: Progress = quietly,
    ) -> pd.DataFrame:
        """Return where several independent bookmakers moved one outcome one way.

        Parameters
        ----------
        bookmakers : int
            How many independent ones it takes.
        window : str, timedelta or float
            Within which they move; a number is seconds.
        clones : iterable of sets of str
            Bookmakers that copy one another: those of a group count as one.

        Returns
        -------
        DataFrame
            ``timestamp, event_id, market, outcome``, ``direction`` (``up``: likelier),
            ``bookmakers`` (text), ``independent`` (int64), ``since`` (the first of the
            moves), ``h`` (the median) and ``reason`` (text).
        """
        about = asked(event=event, market=market, since=since, until=until)
        seconds, groups = span(window, "window") / 1e6, merged(clones)

        def watch() -> SteamWatch:
            return SteamWatch(groups, bookmakers=bookmakers, window_s=seconds)

        watch()
        return self._ask(
            about,
            lambda view: found_steam(view, about, watch, progress),
            bookmakers=frozenset().union(*groups),
        )

    def arbitrage(
        self,
        max_age: Span | None = None,
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
        suppressed: bool = False,
        clones: Iterable[Iterable[str]] = (),
        terms: Terms | None = None,
        progress: Progress = quietly,
        **settings: Any,
    ) -> pd.DataFrame:
        """Return the arbitrages that there were, each with its life; information only.

        The finder that judges live prices is told them again, in their order.

        Parameters
        ----------
        bookmaker : str or several
            Those of them in which one of these has a leg, at its best; the other legs
            are of anybody.
        max_age : str, timedelta or float, optional
            A leg's price of this age is stale, in play as well; a number is seconds.
            Without it as in `core.arbitrage.Terms`: 180 s, in play 60 s.
        suppressed : bool
            Also what only looked like one, all its life; ``reasons`` says why.
        clones : iterable of sets of str
            Bookmakers that copy one another: those of a group count as one. None are
            looked for, as a live board does: what is asked about may be too little to
            prove it. `LiveArbitrage.clones` names whom that has found.
        terms, **settings
            As `core.arbitrage.Terms`: ``stake``, ``unit``, ``commissions``, …; a
            bookmaker that they name and nothing in the trail has is refused.

        Returns
        -------
        DataFrame
            ``event_id, market`` (category); at its best: ``bookmakers`` and ``legs``
            (text), ``margin`` (return on the total before rounding, 0.01 is 1 %),
            ``stake``, ``profit`` and ``floor`` (money, see `LiveArbitrage.table`),
            ``in_play`` and ``reasons``; its life: ``first_seen``, ``active_since`` (NaT:
            never), ``last_seen``, ``duration_s``, ``end`` (``closed``, ``restart``: the
            gateway started anew, ``open``: it stood at the end), ``starts_at``,
            ``active`` (bool: it ever was).
        """
        about = asked(event=event, bookmaker=bookmaker, market=market, since=since, until=until)
        if max_age is not None:
            seconds = span(max_age, "max_age") / 1e6
            settings = {"max_age_s": seconds, "max_age_in_play_s": seconds, **settings}
        wanted, copiers = terms_of(terms, settings), representatives(clones)
        return self._ask(
            about,
            lambda view: found_arbitrage(
                view, about, wanted, copiers, progress, suppressed=suppressed
            ),
            bookmakers=frozenset((*copiers, *wanted.commissions, *wanted.max_stakes)),
        )

    def lead_lag(
        self,
        within: Span = "5min",
        *,
        least_h: float = 0.015,
        clock: Clock = "received",
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
        progress: Progress = quietly,
    ) -> pd.DataFrame:
        """Return who moves first, a row for each ordered pair of bookmakers.

        A move of one is paired with the oldest unanswered move of the other: the same
        outcome, the same direction, at most ``within`` apart. Who was earlier led. That
        says who is first, not who causes: both may follow a third.

        Parameters
        ----------
        bookmaker : str or several
            The pairs that one of these is in, with anybody.
        within : str, timedelta or float
            A later move is no answer.
        least_h : float
            Smaller moves (Cohen's h of 1/odds) count for nobody.
        clock : str
            ``received``, the gateway's, to which bookmakers of one poll are simultaneous;
            ``source``, the bookmakers' own, unverified.

        Returns
        -------
        DataFrame
            ``bookmaker_id, other_id`` (category), ``n`` (pairs of moves), ``led``,
            ``followed``, ``together`` (int64), ``led_share`` (of n), ``median_lag_s``
            (seconds from its move to the other's; positive: it leads). Pairs of
            bookmakers without a pair of moves are not in it.
        """
        about = asked(event=event, bookmaker=bookmaker, market=market, since=since, until=until)
        window = span(within, "within")
        return self._ask(
            about, lambda view: leads_and_lags(view, about, window, least_h, clock, progress)
        )
