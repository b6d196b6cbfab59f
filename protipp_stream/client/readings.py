"""What live odds can be asked at any moment, from any thread: the board, and how late it is."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING

from protipp_stream.client import dataframes
from protipp_stream.client.arrival import now
from protipp_stream.client.changes import Board, Delivery
from protipp_stream.client.follower import Follower
from protipp_stream.client.plan import Plan
from protipp_stream.client.timing import STAGES
from protipp_stream.client.transitions import Transitions
from protipp_stream.model import Cursor, RealTimeConnection

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Readings"]


class Readings:
    """Reads what a follower has; the reading half of `LiveOdds`."""

    status: RealTimeConnection
    _follower: Follower
    _transitions: Transitions

    @property
    def since(self) -> datetime:
        """Since when the link is live; where it is not, since when it is not (UTC)."""
        return self._transitions.since

    @property
    def plan(self) -> Plan | None:
        """What the link does next by itself, over which transport and when.

        None where nothing is planned: it is live on the best transport, was left with
        `LiveOdds.disconnect`, or has ended.
        """
        return self._follower.plan

    @property
    def cursor(self) -> Cursor | None:
        """Where in the gateway's log the board stands; resume with it."""
        return self._follower.applier.cursor

    @property
    def delivery(self) -> Delivery | None:
        """Milliseconds from the gateway's receipt to here; None before the first."""
        return self._follower.applier.latency("total")

    @property
    def behind_ms(self) -> float | None:
        """Milliseconds that frames come later now than the quickest of ten minutes did.

        It needs no clock but ours and a gateway's that runs evenly: a queue that
        grows somewhere on the way shows here, and ``latency()`` says where. A
        lower bound; None before the first frame, and while the link is not live.
        """
        if self.status.stale:
            return None
        return self._follower.applier.behind_ms

    def latency(self) -> pd.DataFrame:
        """Return where the time goes, stage by stage.

        Returns
        -------
        DataFrame
            Index ``stage``. ``gateway``: from its receipt of a price to the
            sending of the frame, on one clock. ``network``: from there to the
            arrival of the frame here, over two clocks. ``client``: from its
            arrival to the board. ``total``: all three, which is an update's
            ``latency_ms``. Columns ``count`` (frames for network and client,
            which all updates of a frame share; else updates), ``p50, p95, p99``
            and ``error_ms``: milliseconds as float64 over the newest 2,000, NaN
            where not known yet. A figure may be wrong by ``error_ms``, and so may
            lie below zero by as much; see `core.latency.bounded` for how to
            write it. What was missed and is caught up on is not measured, nor
            are recorded times.
        """
        applier = self._follower.applier
        return dataframes.latency_frame({stage: applier.latency(stage) for stage in STAGES})

    def source_age(self) -> pd.DataFrame:
        """Return how old each bookmaker says its prices are.

        By the bookmaker's own clock, which nobody has verified: it is no part of
        the latency and never mixed into it.

        Returns
        -------
        DataFrame
            Index ``bookmaker_id``. Columns ``selections`` (on the board),
            ``newest_s`` and ``median_s`` (seconds since ``source_timestamp``,
            float64; NaN where it does not say) and ``last_update`` (when the
            gateway last received another price, datetime64[us, UTC]).
        """
        return dataframes.source_age_frame(self.board().quotes, self.gateway_time)

    def board(self) -> Board:
        """Return a consistent copy of the board."""
        return self._follower.applier.board()

    def quotes(self) -> pd.DataFrame:
        """Return the board as a DataFrame, a row a selection.

        Returns
        -------
        DataFrame
            ``bookmaker_id, event_id, event, sport`` (category), ``starts_at``
            (datetime64[us, UTC]), ``market, outcome`` (category), ``odds``
            (float64, decimal; NaN when suspended), ``timestamp`` (when the gateway
            received it) and ``source_timestamp`` (datetime64[us, UTC]).
        """
        board = self.board()
        return dataframes.quotes_frame(board.quotes, board.events)

    def updates(self) -> pd.DataFrame:
        """Return the newest updates since the start, at most 10,000, oldest first.

        Returns
        -------
        DataFrame
            The fields of `OddsUpdate`: odds and ``latency_ms`` (milliseconds) as
            float64, times as datetime64[us, UTC], names as category.
        """
        return dataframes.updates_frame(list(self._follower.applier.recent))

    @property
    def gateway_time(self) -> float:
        """Seconds since 1970 by the gateway's clock; by ours until it is known."""
        arrived = now()
        offset = self._follower.applier.offset(arrived)
        return time.time() if offset is None else arrived + offset.offset_s
