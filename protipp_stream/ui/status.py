"""The state of the connection, in one line: is it live, how fast, and if not, why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from protipp_stream.core.latency import bounded
from protipp_stream.model import RealTimeConnection
from protipp_stream.ui.host import Component, check_odds
from protipp_stream.ui.words import Level, Word, word_of

if TYPE_CHECKING:
    from protipp_stream.client.changes import Delivery
    from protipp_stream.client.live import LiveOdds

__all__ = ["RealTimeStatus"]

TRANSPORTS = {"websocket": "WebSocket", "sse": "SSE", "polling": "Polling"}
FAST_MS, BUDGET_MS = 50.0, 100.0


class Pill(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement of the line: an icon, words, a level.

    Attributes
    ----------
    ago : float or None
        Unix time in seconds: the page appends how long ago that was, ticking.
    hint : str
        What it means, shown on hover and to screen readers.
    origin : bool
        A source whose prices are no bookmaker's: it must not look like one.
    """

    name: str
    text: str
    icon: str = ""
    level: Level = "grey"
    ago: float | None = None
    hint: str = ""
    origin: bool = False


class Line(msgspec.Struct, frozen=True):
    """The body of a frame: all of it, every time."""

    pills: list[Pill]
    error: str
    now: float
    whole: bool = True


class RealTimeStatus(Component):
    """One line that says how the connection is.

    Show it as the last expression of a notebook cell, or put it into a Panel
    layout.

    Parameters
    ----------
    odds : LiveOdds
        Whose connection.

    Examples
    --------
    >>> RealTimeStatus(odds)  # doctest: +SKIP
    """

    module = "status"

    def __init__(self, odds: LiveOdds) -> None:
        check_odds(odds)
        self._odds = odds
        super().__init__(_StatusSource(odds), hz=4)

    @property
    def options(self) -> dict[str, Any]:
        """What the module is told once: nothing."""
        return {}

    def __repr__(self) -> str:
        odds = self._odds
        said = pills(odds.status, odds.sources, odds.delivery)
        return f"<RealTimeStatus of {odds.url}: {' · '.join(pill.text for pill in said)}>"


def pills(
    status: RealTimeConnection,
    sources: dict[str, RealTimeConnection],
    delivery: Delivery | None,
) -> list[Pill]:
    """Say the state of a connection and of the gateway's feeds, statement by statement."""
    word = word_of(status)
    transport = TRANSPORTS.get(status.connection_type, status.connection_type)
    line = [
        Pill("state", word.text, word.icon, word.level),
        Pill("transport", transport, hint="How the updates travel"),
        _latency(delivery),
    ]
    if status.reconnect_attempts:
        count = status.reconnect_attempts
        line.append(
            Pill("attempts", f"attempt {count}", "↻", "orange", hint="Tries since it last worked")
        )
    line.append(_heartbeat(status))
    line += [_source(source) for source in sources.values()]
    return line


def _latency(delivery: Delivery | None) -> Pill:
    hint = "From the gateway's receipt of a price to here; ± is the error of the clocks"
    if delivery is None:
        return Pill("latency", "latency not measured yet", hint=hint)
    p50, p95 = (bounded(value, delivery.error_ms) for value in (delivery.p50_ms, delivery.p95_ms))
    worst = delivery.p95_ms
    word = _GRADES[0 if worst < FAST_MS else 1 if worst < BUDGET_MS else 2]
    return Pill("latency", f"{word.text} · p50 {p50} · p95 {p95}", word.icon, word.level, hint=hint)


_GRADES = (Word("▮▮▮", "fast", "good"), Word("▮▮▯", "fair", "amber"), Word("▮▯▯", "slow", "red"))


def _heartbeat(status: RealTimeConnection) -> Pill:
    hint = "The last sign of life of the gateway"
    if status.last_heartbeat is None:
        return Pill("heartbeat", "no sign of life yet", hint=hint)
    return Pill("heartbeat", "heard", "♥", ago=status.last_heartbeat.timestamp(), hint=hint)


def _source(source: RealTimeConnection) -> Pill:
    word = word_of(source)
    text = [f"{source.id}: {word.text.lower()}"]
    made = source.connection_type in ("simulated", "replay")
    if made and source.connection_type != source.id:
        text.append(source.connection_type)
    if source.quota and source.quota.remaining is not None:
        text.append(f"{source.quota.remaining:g} requests left")
    hint = source.last_error or f"A source of the gateway, by {source.connection_type}"
    return Pill(
        f"source {source.id}", " · ".join(text), word.icon, word.level, hint=hint, origin=made
    )


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
        odds = self._odds
        status, sources = odds.status, odds.sources
        return (
            pills(status, sources, odds.delivery),
            "" if status.status == "connected" else status.last_error or "",
        )

    @staticmethod
    def _line(said: tuple[list[Pill], str]) -> Line:
        # The page's clock may be wrong; ages are told against this one.
        return Line(*said, now=datetime.now(UTC).timestamp())
