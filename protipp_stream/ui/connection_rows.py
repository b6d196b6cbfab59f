"""The sources and bookmakers behind a link as rows, and what its controls can do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

import msgspec

from protipp_stream.model import Quota, RealTimeConnection
from protipp_stream.ui.words import Level, kind_of, word_behind

__all__ = ["Controls", "Row", "controls_of", "rows_behind", "rows_of"]


class Row(msgspec.Struct, frozen=True, omit_defaults=True):
    """One connection.

    Attributes
    ----------
    key : str
        Unlike any other's.
    group : str
        ``source``, ``bookmaker`` or ``client``: they stand together.
    icon, state, level : str
        How it is; see `ui.words.Word`.
    heard, updated : float or None
        Unix time in seconds of the last sign of life, and of the last change of a price.
    latency_ms : float or None
    errors, attempts : int
    error : str
        The last, in words.
    quota : str
        What a paid source still allows, in words.
    origin : bool
        Its prices are no bookmaker's.
    """

    key: str
    group: str
    name: str
    kind: str
    icon: str
    state: str
    level: Level
    heard: float | None = None
    updated: float | None = None
    latency_ms: float | None = None
    errors: int = 0
    attempts: int = 0
    error: str = ""
    quota: str = ""
    origin: bool = False


def rows_behind(
    link: RealTimeConnection,
    sources: Mapping[str, RealTimeConnection],
    bookmakers: Mapping[str, RealTimeConnection],
    priced: Mapping[str, float],
) -> list[Row]:
    """Return every source and bookmaker behind a client's link, sources first.

    While the link is not live nobody knows how they are: they say what they were.

    Parameters
    ----------
    priced : dict of float
        When a price of each bookmaker last changed, in Unix seconds. A gateway tells how a
        bookmaker is when that changes, not with each of its prices.
    """
    rows = [_row("source", each, each.id, link) for each in _by_name(sources)]
    for each in _by_name(bookmakers):
        row = _row("bookmaker", each, each.bookmaker_id, link)
        at = priced.get(each.bookmaker_id)
        heard, updated = _later(row.heard, at), _later(row.updated, at)
        rows.append(msgspec.structs.replace(row, heard=heard, updated=updated))
    return rows


def rows_of(connections: Iterable[RealTimeConnection], asked: RealTimeConnection) -> list[Row]:
    """Return the connections of a gateway, as it says; ``asked`` is the way of the answer."""
    rows = []
    for each in connections:
        if each.connection_type == "bookmaker":
            rows.append(_row("bookmaker", each, each.bookmaker_id, asked))
        else:
            group = "client" if each.bookmaker_id == "client" else "source"
            rows.append(_row(group, each, each.id, asked))
    return rows


def _by_name(states: Mapping[str, RealTimeConnection]) -> list[RealTimeConnection]:
    return [states[name] for name in sorted(states)]


def _row(group: str, each: RealTimeConnection, name: str, link: RealTimeConnection) -> Row:
    word = word_behind(each, link)
    return Row(
        key=f"{group} {each.id}",
        group=group,
        name=name,
        kind=kind_of(each),
        icon=word.icon,
        state=word.text,
        level=word.level,
        heard=_seconds(each.last_heartbeat),
        updated=_seconds(each.last_update),
        # Finer than anyone reads would be another row with every frame.
        latency_ms=None if each.latency_ms is None else round(each.latency_ms, 1),
        errors=each.error_count,
        attempts=each.reconnect_attempts,
        error=each.last_error or "",
        quota=_allowed(each.quota),
        origin=each.connection_type in ("simulated", "replay"),
    )


def _seconds(at: datetime | None) -> float | None:
    return None if at is None else at.timestamp()


def _later(one: float | None, other: float | None) -> float | None:
    return max((at for at in (one, other) if at is not None), default=None)


def _allowed(quota: Quota | None) -> str:
    if quota is None:
        return ""
    said = {"left": quota.remaining, "used": quota.used}
    return ", ".join(f"{count:g} {what}" for what, count in said.items() if count is not None)


class Controls(msgspec.Struct, frozen=True):
    """What the controls show: for each why it can't be used now, or an empty string.

    Attributes
    ----------
    connect, disconnect, refresh, choose : str
        ``choose`` is for the transport and for automatic reconnection.
    transport : str
        What was chosen: ``auto`` or one transport.
    auto_reconnect : bool
    note : str
        Where what was chosen is not what is in use: why.
    """

    connect: str
    disconnect: str
    refresh: str
    choose: str
    transport: str
    auto_reconnect: bool
    note: str


def controls_of(status: RealTimeConnection, transport: str, *, auto_reconnect: bool) -> Controls:
    """Say which controls of a client's own connection make sense, and why not the others."""
    connect = disconnect = refresh = choose = ""
    match status.status, status.detail:
        case _, "terminal":
            connect = disconnect = refresh = choose = "It has ended: connect anew in Python."
        case _, "paused":
            disconnect, refresh = "It is disconnected already.", "It is disconnected: connect."
        case "connecting", _:
            connect = refresh = "It is connecting now."
        case "connected", "live":
            connect = "It is connected already."
        case _:
            pass  # stalled, or waiting for the next try: all of them help
    return Controls(
        connect,
        disconnect,
        refresh,
        choose,
        transport,
        auto_reconnect,
        _difference(status, transport),
    )


def _difference(status: RealTimeConnection, transport: str) -> str:
    in_use = status.connection_type
    if status.status != "connected" or transport in ("auto", in_use):
        return ""
    return (
        f"{kind_of(transport)} was chosen; {kind_of(in_use)} delivers until it is there. "
        "It may be blocked on the way."
    )
