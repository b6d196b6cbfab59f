"""The state of the connection, in one line: is it live, how fast, and if not, why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.ui.host import Component, check_odds, nothing_chosen
from protipp_stream.ui.pills import Pill, pills
from protipp_stream.ui.pump import Source

if TYPE_CHECKING:
    from protipp_stream.client.live import LiveOdds

__all__ = ["RealTimeStatus"]


class Line(msgspec.Struct, frozen=True):
    """The body of a frame: all of it, every time."""

    pills: list[Pill]
    error: str
    now: float
    whole: bool = True


class RealTimeStatus(Component):
    """One line that says how the connection is.

    State and since when, transport, latency with the bound of its error, attempts, what
    happens next and in how many seconds, the last sign of life, and the gateway's sources.
    Show it as the last expression of a notebook cell, or put it into a Panel layout.

    Parameters
    ----------
    odds : LiveOdds
        Whose connection.

    Examples
    --------
    >>> RealTimeStatus(odds)  # doctest: +SKIP
    """

    parts = ("base", "words", "pills", "status")

    def __init__(self, odds: LiveOdds) -> None:
        check_odds(odds)
        self._odds = odds
        super().__init__(hz=4)

    def source(self, choice: dict[str, Any]) -> Source:
        """Return what is drawn; there is nothing to choose."""
        nothing_chosen(choice)
        return _StatusSource(self._odds)

    def __repr__(self) -> str:
        said = _pills_of(self._odds)
        return f"<RealTimeStatus of {self._odds.url}: {' · '.join(pill.text for pill in said)}>"


def _pills_of(odds: LiveOdds) -> list[Pill]:
    return pills(odds.status, odds.sources, odds.delivery, since=odds.since, plan=odds.plan)


class _StatusSource:
    """Reads `LiveOdds` for the pump."""

    def __init__(self, odds: LiveOdds) -> None:
        self._odds = odds
        self._said: tuple[list[Pill], str] | None = None

    def open(self) -> None:
        self._said = None

    def news(self) -> Line | None:
        said = self._read()
        if said == self._said:
            return None
        self._said = said
        return self._line(said)

    def whole(self) -> Line:
        return self._line(self._read())

    def close(self) -> None:
        """Nothing is watched between frames, so there is nothing to stop."""

    def _read(self) -> tuple[list[Pill], str]:
        status = self._odds.status
        error = "" if status.status == "connected" else status.last_error or ""
        return _pills_of(self._odds), error

    @staticmethod
    def _line(said: tuple[list[Pill], str]) -> Line:
        # The page's clock may be wrong; ages are told against this one.
        return Line(*said, now=datetime.now(UTC).timestamp())
