"""How the prices of one event moved, and the board at any moment of it."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.errors import ConfigurationError, ProtippStreamError
from protipp_stream.ui.history_body import Asked, Body, asked_in
from protipp_stream.ui.host import Component
from protipp_stream.ui.pump import Source
from protipp_stream.ui.scale import check_length

if TYPE_CHECKING:
    from protipp_stream.history import History
    from protipp_stream.ui.history_desk import Desk

__all__ = ["HistoryView"]

GROWTH_S = 2.0  # between two looks whether the trail has grown
logger = logging.getLogger(__name__)


class HistoryView(Component):
    """The line movement of one event, with a slider over time.

    Show it as the last expression of a notebook cell, or put it into a Panel
    layout. Event, market, outcome and moment are chosen in the browser; at the live end
    it follows the trail as it grows.

    Parameters
    ----------
    history : History, str or Path
        An audit trail or its folder, which need not be there yet.
    event : str, optional
        What to begin with, by id or name; by default what moved last.
    market : str
        The market to begin with, where the event has it.
    height : str
        A CSS length: of the chart.

    Raises
    ------
    ConfigurationError
        For what can't be: the message says which argument and what it takes.

    Examples
    --------
    >>> HistoryView("audit/", event="mlb-1")  # doctest: +SKIP
    """

    parts = ("base", "words", "chart", "history", "history_view")

    def __init__(
        self,
        history: History | str | Path,
        *,
        event: str | None = None,
        market: str = "h2h",
        height: str = "22rem",
    ) -> None:
        if not isinstance(history, str | Path) and not hasattr(history, "as_of"):
            raise ConfigurationError(
                f"{history!r} is no history.",
                hint='Give ps.History("audit/") or the folder of an audit trail.',
            )
        if event is not None and (not isinstance(event, str) or not event):
            raise ConfigurationError(f"event can't be {event!r}.", hint="An id, a name, or None.")
        if not isinstance(market, str) or not market:
            raise ConfigurationError(f"market can't be {market!r}.", hint="For example 'h2h'.")
        check_length("height", height)
        # What it takes to read a trail (pyarrow, pandas) is loaded by who shows one.
        from protipp_stream.ui.history_desk import Desk

        self._desk = Desk(history, event, market)
        self._height = height
        super().__init__(hz=20)

    @property
    def options(self) -> dict[str, Any]:
        """What the module is told once, when it is first drawn."""
        return {"height": self._height}

    def source(self, choice: dict[str, Any]) -> Source:
        """Return the lines and the board of those who chose this event and moment."""
        return HistorySource(self._desk, asked_in(choice))

    def __repr__(self) -> str:
        from protipp_stream.history import History

        try:
            return f"<HistoryView of {History(self._desk.folder)!r}>"
        except ProtippStreamError as error:
            return f"<HistoryView: {error}>"


class HistorySource:
    """Reads a trail in a thread of its own: neither a page nor a frame waits for a disk.

    Parameters
    ----------
    desk : Desk
    asked : Asked
    """

    def __init__(self, desk: Desk, asked: Asked) -> None:
        self._desk = desk
        self._asked = asked
        self._lock = threading.Lock()
        self._body = Body(asked.at, reading=True)
        self._told = self._body
        self._ended: threading.Event | None = None

    def open(self) -> None:
        """Begin to read."""
        self._ended = threading.Event()
        threading.Thread(
            target=self._follow, args=(self._ended,), name="protipp-history", daemon=True
        ).start()

    def news(self) -> Body | None:
        """Return what was read since; without a drawing that the page has."""
        with self._lock:
            body, told, self._told = self._body, self._told, self._body
        if body is told:
            return None
        has = body.token in (told.token, self._asked.have)
        return msgspec.structs.replace(body, drawing=None) if has else body

    def whole(self) -> Body:
        """Return what is known; a page that says what it has is not sent it again."""
        with self._lock:
            body = self._body
        has = body.token == self._asked.have
        return msgspec.structs.replace(body, drawing=None if has else body.drawing, whole=True)

    def close(self) -> None:
        """Stop to read."""
        if self._ended is not None:
            self._ended.set()

    def read(self, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Read what was asked for; what can't be read is told in words."""
        try:
            body = self._desk.answer(self._asked, is_wanted)
        except ProtippStreamError as error:
            body = Body(self._asked.at, problem=str(error))
        except Exception as error:
            # Without words the page would say that it is reading, for ever.
            logger.exception("a history could not be read")
            body = Body(self._asked.at, problem=f"The history could not be read: {error!r}")
        with self._lock:
            # A slow old reading must not stand in place of a newer one.
            if is_wanted():
                self._body = body

    def _follow(self, ended: threading.Event) -> None:
        seen = None
        while not ended.is_set():
            growth = self._growth()
            if growth is None or growth != seen:
                seen = growth
                self.read(lambda: not ended.is_set())
            ended.wait(GROWTH_S)

    def _growth(self) -> Any:
        try:
            return self._desk.growth
        except OSError:
            return None  # whoever reads says what is wrong with it
