"""How it went: what there is, how fast it came, when it did not."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from protipp_stream.history.answers.answers import Answers
from protipp_stream.history.asking import asked
from protipp_stream.history.questions.events import events as described_events
from protipp_stream.history.questions.gaps import gaps as found_gaps
from protipp_stream.history.questions.latency import latency as latencies
from protipp_stream.history.questions.summary import summary as summed_up
from protipp_stream.history.questions.suspensions import suspensions as found_suspensions

if TYPE_CHECKING:
    import pandas as pd

    from protipp_stream.history.asking import Names, Time


__all__ = ["Operation"]


class Operation(Answers):
    """What there is, and what is missing."""

    def events(self, *, event: Names | None = None) -> pd.DataFrame:
        """Return what event ids stand for, by the newest description of each.

        Returns
        -------
        DataFrame
            ``event_id, name, sport`` (category), ``starts_at`` (datetime64[us, UTC]),
            ``home, away`` (category), ``described_at`` (when that was written down). An
            event that no source has described is not in it.
        """
        about = asked(event=event)
        return self._ask(about, lambda view: described_events(view, about))

    def summary(
        self,
        by: str = "bookmaker",
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> pd.DataFrame:
        """Return how much there is.

        Parameters
        ----------
        by : str
            ``bookmaker``, ``event``, ``market``, ``outcome`` or ``epoch``.

        Returns
        -------
        DataFrame
            The name (category), ``updates, suspensions, significant`` (int64),
            ``significant_share`` (0 to 1), ``first`` and ``last`` (received).
        """
        about = asked(event=event, bookmaker=bookmaker, market=market, since=since, until=until)
        return self._ask(about, lambda view: summed_up(view, about, by))

    def latency(
        self,
        by: str | Iterable[str] = "bookmaker",
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> pd.DataFrame:
        """Return how long updates took, in milliseconds.

        In a gateway's history it is the gateway's part. With ``publish_after="durable"`` an
        update then waits for the disk, which can't stand in what is being written: a
        client's record has all of it.

        Parameters
        ----------
        by : str or several
            ``bookmaker``, ``event``, ``market``, ``epoch``; and ``stage``: ``gateway``
            (from receipt to delivery, which is what is meant without it) and ``source``
            (from the bookmaker's own stamp to receipt; two clocks, unverified).

        Returns
        -------
        DataFrame
            The names (category), ``count`` (int64), ``p50, p95, p99`` (milliseconds).
        """
        about = asked(event=event, bookmaker=bookmaker, market=market, since=since, until=until)
        return self._ask(about, lambda view: latencies(view, about, by))

    def suspensions(
        self,
        *,
        event: Names | None = None,
        bookmaker: Names | None = None,
        market: Names | None = None,
        outcome: Names | None = None,
        since: Time | None = None,
        until: Time | None = None,
    ) -> pd.DataFrame:
        """Return when prices were taken off the board, and for how long.

        Returns
        -------
        DataFrame
            ``event_id, market, outcome, bookmaker_id`` (category), ``since``, ``until``
            (NaT: not before the end, or the gateway started anew), ``duration_s``,
            ``odds_before`` and ``odds_after`` (decimal).
        """
        about = asked(
            event=event,
            bookmaker=bookmaker,
            market=market,
            outcome=outcome,
            since=since,
            until=until,
        )
        return self._ask(about, lambda view: found_suspensions(view, about))

    def gaps(self, *, since: Time | None = None, until: Time | None = None) -> pd.DataFrame:
        """Return where the history has holes.

        That a feed connects within 5 s of its start is none. What a recording client was not
        shown one by one (``gap``) lies between when it had last written and ``until``, when it
        noticed; of a recording with filters nobody knows its ``count``.

        Returns
        -------
        DataFrame
            ``kind`` (category: ``gap``, ``lost``, ``torn``, ``restart``, ``outage`` of a
            feed, ``removed`` by a retention: whole days (UTC), ``count`` rows of all
            kinds, ``detail`` says why), ``since`` and ``until`` (NaT: it had not ended, or
            nobody was there to say), ``duration_s``, ``source`` (category), ``detail``
            (text), ``epoch``, ``first_seq, last_seq, count`` (Int64: where it is known what
            is missing).
        """
        about = asked(since=since, until=until)
        return self._ask(about, lambda view: found_gaps(view, about))
