"""How the gateway is, by its own figures: who follows it, what comes in, what it keeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.model import RealTimeConnection
from protipp_stream.ui.connection_rows import Row, rows_of
from protipp_stream.ui.gateway_asking import Heard, Questions
from protipp_stream.ui.gateway_figures import Section, sections_of
from protipp_stream.ui.host import Component, check_height, check_odds, nothing_chosen
from protipp_stream.ui.pump import Source

if TYPE_CHECKING:
    from protipp_stream.client.live import LiveOdds

__all__ = ["GatewayView"]

LIMITED = (
    "Your token lacks the scope status:read, so the gateway tells counts only. Whoever runs it "
    "makes one that has it: protipp-stream token --sub YOU --scope odds:read,status:read"
)


class Body(msgspec.Struct, frozen=True):
    """The body of a frame: all of it, every time.

    Attributes
    ----------
    now, gateway_now : float
        Unix seconds, by our clock and by the gateway's: the page's may be wrong.
    limited : str
        Why there is not more, and what to do; empty where all is told.
    trouble : str
        Why the figures are old; ``since`` says since when, in Unix seconds.
    answered_at : float or None
        Of which moment they are.
    """

    now: float
    gateway_now: float
    sections: list[Section]
    rows: list[Row]
    limited: str
    trouble: str
    since: float | None
    answered_at: float | None
    whole: bool = True


class GatewayView(Component):
    """The figures that a gateway has of itself, asked for every 2 s while somebody looks.

    Subscribers by transport, updates, selections, what was conflated, quarantined and
    refused and why, how names were matched, how its audit trail is, and every connection.
    With a token of scope ``status:read``; with any other the counts.

    Parameters
    ----------
    odds : LiveOdds
        Whose gateway. It is asked even while the link itself is down.
    max_height : str
        Of the list of connections, as CSS has it.

    Examples
    --------
    >>> GatewayView(odds)  # doctest: +SKIP
    """

    parts = ("base", "grid", "words", "spark", "grid_keys", "connection_grid", "gateway_view")

    def __init__(self, odds: LiveOdds, *, max_height: str = "20rem") -> None:
        check_odds(odds)
        check_height(max_height)
        self._odds = odds
        self._height = max_height
        self._questions = Questions(odds.gateway_status)
        super().__init__(hz=4)

    @property
    def options(self) -> dict[str, Any]:
        """Which gateway, and how high the list may grow."""
        return {"url": self._odds.url, "height": self._height}

    def source(self, choice: dict[str, Any]) -> Source:
        """Return what is drawn; there is nothing to choose."""
        nothing_chosen(choice)
        return _GatewaySource(self._questions)

    def __repr__(self) -> str:
        heard = self._questions.heard
        said = "not asked yet"
        if (told := heard.told) is not None:
            subscribers = sum(told.subscribers.values())
            said = f"{subscribers} subscribers · {told.updates} updates"
        if heard.trouble:
            said += f" · no answer: {heard.trouble}"
        return f"<GatewayView of {self._odds.url}: {said}>"


class _GatewaySource:
    """Reads what was answered, for the pump; asks nothing itself, so it can't hang."""

    def __init__(self, questions: Questions) -> None:
        self._questions = questions
        self._said: Heard | None = None

    def open(self) -> None:
        self._said = None
        self._questions.begin()

    def news(self) -> Body | None:
        heard = self._questions.heard
        if heard == self._said:
            return None
        self._said = heard
        return _body(heard)

    def whole(self) -> Body:
        return _body(self._questions.heard)

    def close(self) -> None:
        self._questions.end()


def _body(heard: Heard) -> Body:
    told, now = heard.told, time.time()
    return Body(
        now=now,
        gateway_now=now + heard.ahead_s,
        sections=[] if told is None else sections_of(told, list(heard.rates)),
        rows=[] if told is None else rows_of(told.connections or [], _asked(heard)),
        limited=LIMITED if told is not None and told.is_limited else "",
        trouble=heard.trouble,
        since=heard.since,
        answered_at=heard.answered_at,
    )


def _asked(heard: Heard) -> RealTimeConnection:
    """Return the way of the answer: where it is broken, nobody knows how the others are."""
    return RealTimeConnection(
        id="status",
        bookmaker_id="gateway",
        connection_type="polling",
        status="disconnected" if heard.trouble else "connected",
        detail="backoff" if heard.trouble else "live",
    )
