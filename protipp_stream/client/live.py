"""`LiveOdds`: live odds as an object in a notebook."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import param

from protipp_stream.client.arbitrage import LiveArbitrage
from protipp_stream.client.asking import Asking
from protipp_stream.client.background import Background
from protipp_stream.client.changes import Changes
from protipp_stream.client.controls import Controls
from protipp_stream.client.endpoint import endpoint_of
from protipp_stream.client.follower import Follower
from protipp_stream.client.listeners import Listeners
from protipp_stream.client.moves import Moves
from protipp_stream.client.readings import Readings
from protipp_stream.client.recording import Recorder, Witness
from protipp_stream.client.refusals import unreachable
from protipp_stream.client.sources import Sources
from protipp_stream.client.stream import OnGap, UpdateStream
from protipp_stream.client.transitions import Transitions
from protipp_stream.client.transports import rungs_of
from protipp_stream.core.arbitrage import Terms, terms_of
from protipp_stream.core.checkpoint import Checkpoint
from protipp_stream.core.filter import Filter
from protipp_stream.core.latency import bounded
from protipp_stream.errors import (
    ConfigurationError,
    GatewayUnreachable,
    LinkClosed,
    LinkError,
    ProtippStreamError,
)
from protipp_stream.model import Cursor, OddsUpdate, RealTimeConnection, Status

if TYPE_CHECKING:
    from protipp_stream.history.journal import JournalState

__all__ = ["LiveOdds"]

_log = logging.getLogger(__name__)


class LiveOdds(Readings, Controls, Asking, param.Parameterized):
    """A board of odds that keeps itself level with a gateway.

    Made by `connect`. It works in a background thread: a cell that computes for
    a minute finds a board that is up to date. `status`, `sources` and `bookmakers`
    are ``param`` parameters, so that Panel can bind to them.

    Attributes
    ----------
    status : RealTimeConnection
        The state of the link to the gateway.
    sources : dict of RealTimeConnection
        The state of the gateway's feeds, by id.
    bookmakers : dict of RealTimeConnection
        The state of each bookmaker whose prices the feeds bring, by its id, where
        the gateway tells it: which is stale, and since when.
    url : str
        The gateway's address.
    wanted : Filter
        What of its odds are followed; empty for all.
    """

    status: RealTimeConnection = param.Parameter(doc="State of the link to the gateway.")
    sources: dict[str, RealTimeConnection] = param.Dict(
        default={}, doc="State of the gateway's feeds."
    )
    bookmakers: dict[str, RealTimeConnection] = param.Dict(
        default={}, doc="State of each bookmaker whose prices the feeds bring."
    )

    def __init__(
        self,
        url: str,
        token: str | Callable[[], str],
        *,
        transport: str = "auto",
        auto_reconnect: bool = True,
        wanted: Filter | None = None,
        since: Cursor | str | None = None,
        max_hz: float | None = None,
        insecure: bool = False,
        record: Path | str | None = None,
        witness: Path | str | None = None,
    ) -> None:
        if record is not None and max_hz is not None:
            raise ConfigurationError(
                "max_hz= leaves out updates that record= is to keep.",
                hint="Record with one connection, and watch with another.",
            )
        endpoint = self._endpoint = endpoint_of(url, token, insecure=insecure)
        rungs = rungs_of(transport)
        cursor = _read_cursor(since) if isinstance(since, str) else since
        self._sources = Sources()
        self._listeners = Listeners(self._show_status, self._show_source, self._show_epoch)
        self.wanted = wanted or Filter()
        self._follower = Follower(endpoint, rungs, self.wanted, cursor, self._listeners, max_hz)
        super().__init__(status=self._follower.status)
        self.url = endpoint.base
        self._failure: ProtippStreamError | None = None
        self._closed = False
        self._ended = threading.Event()
        self._begin_controls(transport, auto_reconnect=auto_reconnect)
        self._transitions = Transitions(self.url, self._follower.status)
        self._background = Background(self._follower.run, self._end)
        if witness is not None:
            self._listeners.witness = Witness(witness).on_checkpoint
        self._recorder: Recorder | None = None
        if record is not None:
            is_filtered = wanted is not None and not wanted.is_empty
            self._recorder = Recorder(record, self.board, is_filtered=is_filtered)
            self._listeners.watch(self._recorder)

    # ------------------------------------------------------------- its life

    def start(self, timeout: float | None = 20.0) -> Self:
        """Begin to follow.

        Parameters
        ----------
        timeout : float or None
            Seconds to wait for the first board; None returns at once and keeps
            trying in the background.

        Raises
        ------
        LinkError
            If there is no board in that time, or never can be: the error says why.
        """
        if self._background.has_started or self._closed:
            raise ConfigurationError(
                "These odds have been started or closed already.", hint="Connect anew."
            )
        self._background.start()
        if timeout is not None:
            try:
                self._wait_for_board(timeout)
            except BaseException:  # Ctrl-C too: nobody holds it, so nobody could close it
                self.close()
                raise
        return self

    def close(self) -> None:
        """Leave the gateway and stop; the last board stays readable."""
        if self._closed:
            return
        self._closed = True
        self._background.stop()
        self._ended.set()
        self._listeners.end(self._failure)
        if self._recorder is not None:
            # Its thread may bring a last frame, if it is that which closes.
            self._listeners.forget(self._recorder)
            self._recorder.close()

    @property
    def recording(self) -> JournalState | None:
        """How the journal of ``record=`` is doing; None without one."""
        return None if self._recorder is None else self._recorder.state

    @property
    def checkpoint(self) -> Checkpoint | None:
        """Where the gateway's audit trail stood when it last said so, signed by it."""
        return self._listeners.checkpoint

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def wait_until(self, cursor: Cursor, timeout: float | None = None) -> bool:
        """Wait until everything up to ``cursor`` is on the board, in `updates` and in streams.

        Returns
        -------
        bool
            False if ``timeout`` seconds passed before.

        Raises
        ------
        LinkError
            If the link ends first.
        """
        self._listeners.wait(lambda: self._has_reached(cursor) or self._ended.is_set(), timeout)
        if not self._has_reached(cursor) and self._ended.is_set():
            raise self._failure or LinkClosed("These odds have been closed.")
        return self._has_reached(cursor)

    def on_transition(self, callback: Callable[[RealTimeConnection], None]) -> Callable[[], None]:
        """Be told when the link gets better or worse.

        Parameters
        ----------
        callback : callable
            Called on the client's thread with the new `status` whenever its status,
            detail or transport is another one; not for each sign of life. It should
            be quick: the stream waits for it. Its errors are logged.

        Returns
        -------
        callable
            Removes the callback.
        """
        return self._transitions.on(callback)

    # ------------------------------------------------------ following its board

    def changes(self) -> Changes:
        """Return a collector of what changes, for whoever draws the board."""
        return self._listeners.changes(self.board)

    def stream(self, *, on_gap: OnGap = "warn") -> UpdateStream:
        """Return an iterator over every update from now on.

        Parameters
        ----------
        on_gap : {"warn", "raise"}
            What to do where updates can't be handed out one by one. That ``max_hz``
            leaves out what is not the newest is no gap: it was asked for.
        """
        return self._listeners.stream(on_gap)

    def moves(self) -> Moves:
        """Return a collector of significant moves: what is remembered, then every one.

        `changes` has the newest of each selection; this leaves out none of them, and
        counts those that it could not have. Hold it: nobody else does.
        """
        recent = self._follower.applier.recent
        made = Moves(lambda: list(recent), lambda: self.board().events, self._listeners.forget)
        self._listeners.watch(made)
        return made

    def arbitrage(
        self,
        terms: Terms | None = None,
        *,
        clones: Iterable[Iterable[str]] = (),
        **settings: Any,
    ) -> LiveArbitrage:
        """Follow the arbitrage among these prices, as long as you hold what this returns.

        Parameters
        ----------
        terms : Terms, optional
            What to stake and what counts: `core.arbitrage.Terms`.
        clones : iterable of sets of str
            Bookmakers that copy one another, as far as you know them: ``[{"lowvig",
            "betonlineag"}]``. Those of a group count as one; others are found.
        **settings
            Fields of `Terms` instead: ``stake=200, unit=1, max_age_s=120,
            commissions={"betfair": 0.02}``.

        Raises
        ------
        ConfigurationError
            For settings that are none of `Terms`, or can't be.
        LinkClosed
            If the link has ended.

        Examples
        --------
        >>> found = odds.arbitrage(stake=200, unit=1)  # doctest: +SKIP
        >>> found.table(suppressed=True)  # doctest: +SKIP
        """
        if self._ended.is_set():
            raise LinkClosed("These odds have ended: there is nothing to follow.")
        forget, seconds = self._listeners.forget, lambda: self.gateway_time
        asked = terms_of(terms, settings)
        made = LiveArbitrage(self.board, seconds, asked, clones, forget)
        self._listeners.watch(made)
        made.on_reset()
        return made

    def __iter__(self) -> Iterator[OddsUpdate]:
        return self.stream()

    def __aiter__(self) -> UpdateStream:
        return self.stream()

    # --------------------------------------------------------------- in words

    def event_name(self, event_id: str) -> str:
        """Return an event's name for people; its id where it has none."""
        return self._follower.applier.event_name(event_id)

    def __repr__(self) -> str:
        board, status = self.board(), self.status
        state = f"{status.status} ({status.detail or '-'}) over {status.connection_type}"
        parts = [
            f"<LiveOdds {self.url}",
            "closed" if self._closed else state,
            f"{len(board.quotes)} selections of {len(board.events)} events",
        ]
        if delivery := self.delivery:
            parts.append(f"latency p50 {bounded(delivery.p50_ms, delivery.error_ms)}")
        if any(source.connection_type == "simulated" for source in self.sources.values()):
            parts.append("SIMULATED")
        if status.last_error and status.status != "connected":
            parts.append(status.last_error)
        return " · ".join(parts) + ">"

    def __str__(self) -> str:
        return repr(self)

    # ------------------------------------------------- on the client's thread

    def _end(self, error: Exception | None) -> None:
        try:
            if isinstance(error, ProtippStreamError):
                self._failure = error
            elif error is not None:
                _log.error("the client has failed", exc_info=error)
                hint = "This is a bug."
                self._failure = LinkError(f"The client has failed: {error!r}.", hint=hint)
            status: Status = "disconnected" if error is None else "error"
            why = None if self._failure is None else str(self._failure)
            self._show_status(self._follower.ended(status, why))
        finally:
            self._ended.set()
            self._listeners.end(self._failure)

    def _show_status(self, status: RealTimeConnection) -> None:
        self._show(status=status)
        self._transitions.take(status)

    def _show_source(self, source: RealTimeConnection) -> None:
        if changed := self._sources.take(source):
            self._show(**changed)

    def _show_epoch(self, sources: Sequence[RealTimeConnection]) -> None:
        if changed := self._sources.start_anew(sources):
            self._show(**changed)

    def _show(self, **values: object) -> None:
        try:
            self.param.update(**values)
        except Exception:  # noqa: BLE001 - logged
            # Whoever watches runs here; a mistake of theirs must not cost the link.
            _log.exception("a callback on %s has failed", ", ".join(values))

    # ------------------------------------------------------------------ inside

    def _wait_for_board(self, timeout: float) -> None:
        """Wait for the first board, or for the first reason why there is none."""
        self._listeners.wait(lambda: self._has_board() or self._gives_up(), timeout)
        if self._has_board():
            return
        if self._failure is not None:
            raise _bare(self._failure)
        if self._follower.last_error is not None:
            raise _bare(self._follower.last_error)
        raise unreachable(self.url, f"no board within {timeout:g} s")

    def _has_board(self) -> bool:
        return self._follower.applier.has_board

    def _gives_up(self) -> bool:
        # Nothing listens there now: whoever calls wants to know at once. Nor does
        # anything come while nobody tries.
        is_paused = self._follower.status.detail == "paused"
        is_unreachable = isinstance(self._follower.last_error, GatewayUnreachable)
        return self._ended.is_set() or is_paused or is_unreachable

    def _has_reached(self, cursor: Cursor) -> bool:
        mine = self._follower.applier.handed_on
        return mine is not None and mine.epoch == cursor.epoch and mine.seq >= cursor.seq


def _read_cursor(text: str) -> Cursor:
    cursor = Cursor.parse(text)
    if cursor is None:
        raise ConfigurationError(
            f"{text!r} is no cursor.", hint="A cursor is an update's id, like 9f2c51d07a3e:1234."
        )
    return cursor


def _bare(error: ProtippStreamError) -> ProtippStreamError:
    """Drop where on the client's thread it came from: its words say what to do."""
    error.__cause__ = None
    return error.with_traceback(None)
