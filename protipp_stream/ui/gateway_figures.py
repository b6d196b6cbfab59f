"""A gateway's answer about itself as sections of figures. Pure.

The answer comes from another machine, maybe of another version: what is not in it is not
shown, and what can't be read is said.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from protipp_stream.model import Instant, RealTimeConnection
from protipp_stream.ui.words import Level, kind_of

__all__ = ["Figure", "Section", "Told", "sections_of", "told_in"]

MANY = 12
"""Reasons that are listed; the rest is summed up."""


class Names(msgspec.Struct, frozen=True):
    """How a source's names fit; see `core.naming.NameReport`."""

    events: int = 0
    matched: int = 0
    unmatched: dict[str, int] = {}
    unknown: dict[str, int] = {}
    examples: list[str] = []


class Journal(msgspec.Struct, frozen=True):
    """How the odds journal is; see `history.journal.JournalState`."""

    status: str = ""
    line: int = 0
    rows: int = 0
    pending_rows: int = 0
    lost_rows: int = 0
    last_commit: Instant | None = None
    last_error: str | None = None
    segments_finished: int = 0


class Access(msgspec.Struct, frozen=True):
    """How the access trail is."""

    line: int = 0
    waiting: int = 0
    lost: int = 0
    last_error: str | None = None


class Upkeep(msgspec.Struct, frozen=True):
    """What is done to the trails meanwhile."""

    sealed_at: Instant | None = None
    retained_at: Instant | None = None
    last_error: str | None = None


class Trails(msgspec.Struct, frozen=True):
    """The audit trails."""

    odds: Journal | None = None
    access: Access | None = None
    upkeep: Upkeep | None = None


class Told(msgspec.Struct, frozen=True):
    """The answer to ``GET /api/v1/realtime/status``; None for what a token may not read."""

    status: str = ""
    subscribers: dict[str, int] = {}
    feeds: dict[str, int] = {}
    selections: int = 0
    updates: int = 0
    cursor: str | None = None
    started_at: Instant | None = None
    now: Instant | None = None
    conflations: int | None = None
    quarantined: dict[str, int] | None = None
    names: dict[str, Names] | None = None
    audit: dict[str, int] | None = None
    history: Trails | None = None
    connections: list[RealTimeConnection] | None = None

    @property
    def is_limited(self) -> bool:
        """Whether the token lacks ``status:read``: there are counts only."""
        return self.cursor is None


def told_in(answer: Any) -> Told:
    """Read an answer.

    Raises
    ------
    msgspec.ValidationError
        If it can't be read.
    """
    return msgspec.convert(answer, Told)


class Figure(msgspec.Struct, frozen=True, omit_defaults=True):
    """One figure: a name, a value in words, and how bad that is.

    Attributes
    ----------
    at : float or None
        Unix time in seconds: the page writes how long ago in place of the value; for
        ``for`` as ``value``, how long it has been.
    hint : str
        More of it, shown on hover.
    """

    name: str
    value: str = ""
    level: Level | str = ""
    icon: str = ""
    at: float | None = None
    hint: str = ""


class Section(msgspec.Struct, frozen=True, omit_defaults=True):
    """Figures that belong together.

    Attributes
    ----------
    rates : list of float
        Of the first figure, its last values: drawn as a line.
    """

    title: str
    figures: list[Figure]
    rates: list[float] = []


def sections_of(told: Told, rates: list[float]) -> list[Section]:
    """Return all that an answer says.

    Parameters
    ----------
    rates : list of float
        The last rates of updates, a second, the newest last.
    """
    sections = [_traffic(told, rates), _subscribers(told), _feeds(told)]
    if told.history is not None:
        sections += _trails(told.history)
    elif not told.is_limited:
        figure = Figure("Kept", "nothing", "amber", "▲", hint="Start it with history= to keep one")
        sections.append(Section("Audit trail", [figure]))
    if told.quarantined is not None:
        sections.append(_reasons("Quarantined", told.quarantined, level="amber"))
    if told.audit is not None:
        sections.append(_reasons("At the door", told.audit))
    for source, names in sorted((told.names or {}).items()):
        sections.append(_names(source, names))
    return sections


def _traffic(told: Told, rates: list[float]) -> Section:
    rate = f"{rates[-1]:,.1f}" if rates else "measuring …"
    figures = [
        Figure("Updates a second", rate),
        Figure("Updates", _count(told.updates), hint="Since it began to count"),
        Figure("Selections", _count(told.selections), hint="Prices on its board"),
    ]
    if told.conflations is not None:
        hint = "Updates that a slow subscriber did not get one by one"
        figures.append(Figure("Conflations", _count(told.conflations), hint=hint))
    if told.started_at is not None:
        figures.append(Figure("Running", "for", at=told.started_at.timestamp()))
    if told.cursor is not None:
        figures.append(Figure("Cursor", told.cursor, hint="Where its log stands"))
    is_draining = told.status == "draining"
    if is_draining:
        hint = "It sends everybody away and stops"
        figures.insert(0, Figure("State", "draining", "orange", "↻", hint=hint))
    return Section("Traffic", figures, [] if is_draining else rates)


def _subscribers(told: Told) -> Section:
    total = Figure("All", _count(sum(told.subscribers.values())))
    each = [Figure(kind_of(way), _count(n)) for way, n in told.subscribers.items()]
    return Section("Subscribers", [total, *each])


_LEVELS: dict[str, tuple[Level, str]] = {
    "connected": ("good", "●"),
    "connecting": ("orange", "↻"),
    "disconnected": ("orange", "↻"),
    "error": ("red", "✕"),
}


def _feeds(told: Told) -> Section:
    if not told.feeds:
        return Section("Feeds", [Figure("All", "none", "grey", "■")])
    figures = []
    for status, n in told.feeds.items():
        level, icon = _LEVELS.get(status, ("grey", "■"))
        figures.append(Figure(status.capitalize(), _count(n), level, icon))
    return Section("Feeds", figures)


def _reasons(title: str, counts: dict[str, int], *, level: Level | str = "") -> Section:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    figures = [Figure(reason, _count(n), level) for reason, n in ranked[:MANY]]
    if rest := ranked[MANY:]:
        what = ", ".join(reason for reason, _ in rest)
        figures.append(Figure(f"{len(rest)} more", _count(sum(n for _, n in rest)), hint=what))
    return Section(title, figures or [Figure("All", "none")])


def _names(source: str, names: Names) -> Section:
    matched = f"{_count(names.matched)} of {_count(names.events)}"
    examples = "\n".join(names.examples)
    figures = [Figure("Events matched", matched, hint="That another source names, too")]
    for reason, n in sorted(names.unmatched.items()):
        figures.append(Figure(f"Unmatched: {reason}", _count(n), hint=examples))
    for what, n in sorted(names.unknown.items()):
        figures.append(Figure(f"Unknown {what}", _count(n), "amber", "▲", hint=examples))
    return Section(f"Names of {source}", figures)


def _trails(trails: Trails) -> list[Section]:
    sections = []
    if (odds := trails.odds) is not None:
        level: Level = "good" if odds.status == "writing" else "red"
        icon = "●" if level == "good" else "✕"
        figures = [
            Figure("State", odds.status, level, icon, hint=odds.last_error or ""),
            Figure("Rows kept", _count(odds.rows)),
            Figure("Not safe yet", _count(odds.pending_rows), hint="Rows on their way to the disk"),
            _lost(odds.lost_rows),
            _ago("Last safe", odds.last_commit),
            Figure("Segments to seal", _count(odds.segments_finished), hint="Since it was opened"),
        ]
        if (upkeep := trails.upkeep) is not None:
            figures.append(_ago("Last seal", upkeep.sealed_at))
            if upkeep.last_error:
                failed = Figure("Upkeep", "failing", "red", "✕", hint=upkeep.last_error)
                figures.append(failed)
        if odds.last_error:
            figures.append(Figure("Error", odds.last_error, "red", "✕"))
        sections.append(Section("Odds trail", figures))
    if (access := trails.access) is not None:
        figures = [
            Figure("Records", _count(access.line)),
            Figure("Not safe yet", _count(access.waiting)),
            _lost(access.lost),
        ]
        if access.last_error:
            figures.append(Figure("Error", access.last_error, "red", "✕"))
        sections.append(Section("Access trail", figures))
    return sections


def _lost(rows: int) -> Figure:
    return Figure("Lost", _count(rows), *(("red", "✕") if rows else ("", "")))


def _ago(name: str, at: datetime | None) -> Figure:
    return Figure(name, "not yet") if at is None else Figure(name, at=at.timestamp())


def _count(number: int) -> str:
    return f"{number:,}"
