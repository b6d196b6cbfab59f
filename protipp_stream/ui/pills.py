"""Statements about a connection, each a pill: an icon, words, a level. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec

from protipp_stream.core.latency import bounded
from protipp_stream.model import RealTimeConnection
from protipp_stream.ui.words import Level, Word, kind_of, word_behind, word_of

if TYPE_CHECKING:
    from protipp_stream.client.changes import Delivery
    from protipp_stream.client.plan import Plan

__all__ = ["BUDGET_MS", "FAST_MS", "Pill", "graded", "link_pills", "past_pills", "pills"]

FAST_MS, BUDGET_MS = 50.0, 100.0


class Pill(msgspec.Struct, frozen=True, omit_defaults=True):
    """One statement of the line: an icon, words, a level.

    Attributes
    ----------
    ago, since, due : float or None
        Unix time in seconds: the page appends how long ago that was, for how long it
        has been so, or in how many seconds it will be; ticking.
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
    since: float | None = None
    due: float | None = None
    hint: str = ""
    origin: bool = False


def pills(
    status: RealTimeConnection,
    sources: Mapping[str, RealTimeConnection],
    delivery: Delivery | None,
    *,
    since: datetime | None = None,
    plan: Plan | None = None,
) -> list[Pill]:
    """Say the state of a connection and of the gateway's feeds, statement by statement."""
    line = link_pills(status, delivery, since=since, plan=plan)
    return line + [_source(source, status) for source in sources.values()]


def link_pills(
    status: RealTimeConnection,
    delivery: Delivery | None,
    *,
    since: datetime | None = None,
    plan: Plan | None = None,
) -> list[Pill]:
    """Say the state of a client's own connection, and what comes next.

    Parameters
    ----------
    since : datetime or None
        When it became so; see `LiveOdds.since`.
    plan : Plan or None
        What happens next by itself; see `LiveOdds.plan`.
    """
    line = [
        _state(status, since),
        Pill("transport", kind_of(status), hint="How the updates travel"),
        _latency(delivery, is_now=status.detail == "live"),
    ]
    if status.reconnect_attempts:
        count = status.reconnect_attempts
        line.append(
            Pill("attempts", f"attempt {count}", "↻", "orange", hint="Tries since it last worked")
        )
    if plan is not None:
        line.append(_plan(plan))
    line.append(_heartbeat(status))
    return line


def past_pills(status: RealTimeConnection) -> list[Pill]:
    """Say what a connection has been through: its last change of a price, and its errors."""
    hint = "When a price last changed, whoever's it was"
    updated = Pill("updated", "no price yet", hint=hint)
    if status.last_update is not None:
        updated = Pill("updated", "prices changed", ago=status.last_update.timestamp(), hint=hint)
    if not status.error_count:
        return [updated, Pill("errors", "no errors")]
    count = f"{status.error_count} error{'s' * (status.error_count > 1)}"
    last = status.last_error or ""
    # While it is down its error stands beside in full.
    words = f"{count}, the last: {last}" if last and status.detail == "live" else count
    return [updated, Pill("errors", words, "▲", hint=last)]


def graded(p95_ms: float) -> Word:
    """Grade a latency by its slow end, in milliseconds: fast, fair or slow."""
    return _GRADES[0 if p95_ms < FAST_MS else 1 if p95_ms < BUDGET_MS else 2]


_GRADES = (Word("▮▮▮", "fast", "good"), Word("▮▮▯", "fair", "amber"), Word("▮▯▯", "slow", "red"))


def _state(status: RealTimeConnection, since: datetime | None) -> Pill:
    word = word_of(status)
    at = None if since is None else since.timestamp()
    # What has ended did so at a moment; anything else lasts.
    ended, lasting = (at, None) if status.detail == "terminal" else (None, at)
    return Pill("state", word.text, word.icon, word.level, ago=ended, since=lasting)


def _latency(delivery: Delivery | None, *, is_now: bool) -> Pill:
    hint = "From the gateway's receipt of a price to here; ± is the error of the clocks"
    if delivery is None:
        return Pill("latency", "latency not measured yet", hint=hint)
    p50, p95 = (bounded(value, delivery.error_ms) for value in (delivery.p50_ms, delivery.p95_ms))
    if not is_now:
        return Pill("latency", f"was p50 {p50} · p95 {p95}", hint=hint)
    word = graded(delivery.p95_ms)
    return Pill("latency", f"{word.text} · p50 {p50} · p95 {p95}", word.icon, word.level, hint=hint)


_PLANS = {
    "retry": "retrying over {}",
    "wait": "waiting for an answer over {}, giving up",
    "drop": "nothing heard over {}, giving it up",
    "climb": "trying {} again",
    "probe": "trying {} beside it",
}


def _plan(plan: Plan) -> Pill:
    words = _PLANS[plan.step].format(kind_of(plan.transport))
    due = None if plan.at is None else plan.at.timestamp()
    level: Level = "grey" if plan.step in ("climb", "probe") else "orange"
    return Pill("plan", words, "→", level, due=due, hint="What happens next, by itself")


def _heartbeat(status: RealTimeConnection) -> Pill:
    hint = "The last sign of life of the gateway"
    if status.last_heartbeat is None:
        return Pill("heartbeat", "no sign of life yet", hint=hint)
    return Pill("heartbeat", "heard", "♥", ago=status.last_heartbeat.timestamp(), hint=hint)


def _source(source: RealTimeConnection, link: RealTimeConnection) -> Pill:
    word = word_behind(source, link)
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
