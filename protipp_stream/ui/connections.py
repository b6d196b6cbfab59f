"""Every connection in one view: the client's own with its controls, and all behind it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.errors import ConfigurationError
from protipp_stream.ui.connection_rows import Controls, Row, controls_of, rows_behind
from protipp_stream.ui.host import Component, check_height, check_odds, nothing_chosen
from protipp_stream.ui.pills import Pill, link_pills, past_pills
from protipp_stream.ui.pump import Source
from protipp_stream.ui.words import LIVE, origin_label, word_of

if TYPE_CHECKING:
    from protipp_stream.client.changes import Changes
    from protipp_stream.client.live import LiveOdds

__all__ = ["ConnectionManager"]


class Own(msgspec.Struct, frozen=True):
    """The client's own connection: its pills, and what can be done.

    Attributes
    ----------
    pills : list of Pill
    error : str
        The last, while it is not connected.
    latency_ms : float or None
        The median of delivery, while it is live.
    controls : Controls or None
        None where there are none.
    live : bool
    origin : str
        The label of prices that are no bookmaker's.
    """

    pills: list[Pill]
    error: str
    latency_ms: float | None
    controls: Controls | None
    live: bool
    origin: str


class Body(msgspec.Struct, frozen=True, omit_defaults=True):
    """The body of a frame; rows that are not in it stand as they were, unless it is whole.

    Attributes
    ----------
    now, gateway_now : float
        Unix seconds, by our clock and by the gateway's: the page's may be wrong.
    gone : list of str
        Keys of rows that are no more.
    """

    now: float
    gateway_now: float
    own: Own
    rows: list[Row]
    gone: list[str] = []
    whole: bool = False


class ConnectionManager(Component):
    """The client's own connection, its controls, and every source and bookmaker behind it.

    Connected is not fresh: a source that is connected and brings no prices says so. While
    the client's own link is down nobody knows how the others are, and they are grey.

    Parameters
    ----------
    odds : LiveOdds
        Whose connections.
    controls : bool
        Whether whoever sees it may disconnect, connect, ask for the whole board, and
        choose the transport. It is one connection for all who look: on a page that others
        see give False, and Python refuses what a page asks for, too.
    max_height : str
        Of the list, as CSS has it.

    Examples
    --------
    >>> ConnectionManager(odds)  # doctest: +SKIP
    """

    parts = (
        *("base", "grid", "words", "pills", "spark"),
        *("grid_keys", "connection_grid", "connections"),
    )

    def __init__(self, odds: LiveOdds, *, controls: bool = True, max_height: str = "20rem") -> None:
        check_odds(odds)
        check_height(max_height)
        self._odds = odds
        self._has_controls = bool(controls)
        self._height = max_height
        super().__init__(hz=4)

    @property
    def options(self) -> dict[str, Any]:
        """Where it leads, whether it is steered here, and how high the list may grow."""
        return {"url": self._odds.url, "controls": self._has_controls, "height": self._height}

    def source(self, choice: dict[str, Any]) -> Source:
        """Return what is drawn; there is nothing to choose."""
        nothing_chosen(choice)
        return _ConnectionsSource(self._odds, has_controls=self._has_controls)

    def act(self, action: dict[str, Any], tell: Callable[[str], None]) -> None:
        """Steer the client's own connection.

        Parameters
        ----------
        action : dict
            ``{"do": "connect"}``, ``disconnect``, ``refresh``, ``transport`` with its name
            as ``to``, or ``auto_reconnect`` with a bool as ``to``.

        Raises
        ------
        ConfigurationError
            For anything else, and for everything without controls.
        LinkClosed
            If the link has ended.
        """
        if not self._has_controls:
            raise ConfigurationError(
                "This page only shows the connection.",
                hint="Whoever made it can steer it, in Python.",
            )
        odds = self._odds
        match action:
            case {"do": "connect"}:
                odds.reconnect()
            case {"do": "disconnect"}:
                odds.disconnect()
            case {"do": "refresh"}:
                odds.refresh()
            case {"do": "transport", "to": str(name)}:
                odds.use_transport(name)
            case {"do": "auto_reconnect", "to": bool(is_on)}:
                odds.auto_reconnect = is_on
            case _:
                raise ConfigurationError(
                    f"That can't be done to a connection: {str(action)[:200]}.",
                    hint="Reload the page.",
                )

    def __repr__(self) -> str:
        odds = self._odds
        rows = rows_behind(odds.status, odds.sources, odds.bookmakers, {})
        well = sum(row.level == "good" for row in rows)
        own = word_of(odds.status).text
        return f"<ConnectionManager of {odds.url}: {own} · {well} of {len(rows)} behind it live>"


class _ConnectionsSource:
    """Reads `LiveOdds` for the pump."""

    def __init__(self, odds: LiveOdds, *, has_controls: bool) -> None:
        self._odds = odds
        self._has_controls = has_controls
        self._own: Own | None = None
        self._rows: dict[str, Row] = {}
        self._changes: Changes | None = None
        self._priced: dict[str, float] = {}

    def open(self) -> None:
        self._own, self._rows = None, {}
        self._changes = self._odds.changes()

    def news(self) -> Body | None:
        own, rows = self._read()
        changed = [row for key, row in rows.items() if self._rows.get(key) != row]
        gone = [key for key in self._rows if key not in rows]
        if own == self._own and not changed and not gone:
            return None
        self._own, self._rows = own, rows
        return self._body(own, changed, gone)

    def whole(self) -> Body:
        own, rows = self._read()
        return self._body(own, list(rows.values()), whole=True)

    def close(self) -> None:
        if self._changes is not None:
            self._changes.close()
            self._changes = None

    def _body(self, own: Own, rows: list[Row], gone: Sequence[str] = (), **kind: bool) -> Body:
        return Body(time.time(), self._odds.gateway_time, own, rows, list(gone), **kind)

    def _note_prices(self) -> None:
        """Take what changed on the board since the last frame: whose prices, and when."""
        change = self._changes.take() if self._changes is not None else None
        if change is None:
            return
        if change.snapshot:
            self._priced = {}
        said = [(quote.bookmaker_id, quote.timestamp) for quote in change.quotes]
        said += [(update.bookmaker_id, update.timestamp) for update in change.updates]
        for bookmaker, at in said:
            if at is not None and at.timestamp() > self._priced.get(bookmaker, 0.0):
                self._priced[bookmaker] = at.timestamp()

    def _read(self) -> tuple[Own, dict[str, Row]]:
        odds = self._odds
        self._note_prices()
        status, delivery = odds.status, odds.delivery
        is_live = word_of(status) is LIVE
        controls = None
        if self._has_controls:
            controls = controls_of(status, odds.transport, auto_reconnect=odds.auto_reconnect)
        own = Own(
            [
                *link_pills(status, delivery, since=odds.since, plan=odds.plan),
                *past_pills(status),
            ],
            error="" if is_live else status.last_error or "",
            latency_ms=round(delivery.p50_ms, 2) if delivery and is_live else None,
            controls=controls,
            live=is_live,
            origin=origin_label(odds.sources),
        )
        rows = rows_behind(status, odds.sources, odds.bookmakers, self._priced)
        return own, {row.key: row for row in rows}
