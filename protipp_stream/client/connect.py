"""`connect`: from an address and a token to live odds."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import msgspec

from protipp_stream.client.live import LiveOdds
from protipp_stream.core.filter import Filter
from protipp_stream.core.wire import MaxHz
from protipp_stream.errors import ConfigurationError
from protipp_stream.model import Cursor

__all__ = ["connect", "live_odds"]


@runtime_checkable
class HasUrl(Protocol):
    """A gateway in this process: it knows its address and makes tokens."""

    @property
    def url(self) -> str:
        """Where clients connect to."""
        ...

    def token(self) -> str:
        """Make a token that it accepts."""
        ...


def connect(
    gateway: str | HasUrl | None = None,
    token: str | Callable[[], str] | None = None,
    *,
    transport: str = "auto",
    auto_reconnect: bool = True,
    bookmakers: Sequence[str] = (),
    events: Sequence[str] = (),
    markets: Sequence[str] = (),
    max_hz: float | None = None,
    insecure: bool = False,
    record: Path | str | None = None,
    witness: Path | str | None = None,
    timeout: float | None = 20.0,
) -> LiveOdds:
    """Follow a gateway.

    Parameters
    ----------
    gateway : str or Gateway, optional
        An address like ``http://127.0.0.1:8700``, or a `Gateway` of this process.
        Default: the environment's ``PROTIPP_URL``.
    token : str or callable, optional
        A token, or a function that returns a fresh one. Default: the
        environment's ``PROTIPP_TOKEN``; a `Gateway` makes its own.
    transport : {"auto", "websocket", "sse", "polling"}
        ``auto`` tries them in this order; `LiveOdds.use_transport` changes it.
    auto_reconnect : bool
        Whether a connection that breaks is tried again by itself; see
        `LiveOdds.auto_reconnect`.
    bookmakers, events, markets : sequence of str
        What to follow; empty means all. A market is a kind (``totals``) or one
        line (``totals@7.5``).
    max_hz : float, optional
        Frames of odds that may come a second, at most: 0.01 to 1000. What changes more
        often is brought at its newest, so `LiveOdds.stream` hands out fewer updates and
        calls it no gap. They wait for it at the gateway, which counts as latency.
    insecure : bool
        Allow plain http to another machine.
    record : Path or str, optional
        Keep what comes in, in the folder of a journal of its own: read it with
        `ps.History`.
    witness : Path or str, optional
        A file to write down where the gateway's audit trail stands, as it says when we
        connect and every half minute: with it, ``protipp-stream history verify
        --witness`` finds out if somebody rolls the trail back.
    timeout : float or None
        Seconds to wait for the first board; None returns at once and keeps
        trying in the background.

    Raises
    ------
    ConfigurationError
        If address, token or transport are missing or make no sense.
    TrailUnavailable
        If there is no writing to ``record`` or ``witness``.
    TokenRefused, AccessForbidden, GatewayUnreachable, NotAGateway
        If there is no board to be had.

    Examples
    --------
    >>> import protipp_stream as ps
    >>> odds = ps.connect("http://127.0.0.1:8700", token="eyJ…")  # doctest: +SKIP
    >>> odds.quotes()  # doctest: +SKIP
    """
    odds = live_odds(
        gateway,
        token,
        transport=transport,
        auto_reconnect=auto_reconnect,
        bookmakers=bookmakers,
        events=events,
        markets=markets,
        max_hz=max_hz,
        insecure=insecure,
        record=record,
        witness=witness,
    )
    return odds.start(timeout)


def live_odds(
    gateway: str | HasUrl | None = None,
    token: str | Callable[[], str] | None = None,
    *,
    transport: str = "auto",
    auto_reconnect: bool = True,
    bookmakers: Sequence[str] = (),
    events: Sequence[str] = (),
    markets: Sequence[str] = (),
    since: Cursor | str | None = None,
    max_hz: float | None = None,
    insecure: bool = False,
    record: Path | str | None = None,
    witness: Path | str | None = None,
) -> LiveOdds:
    """Make live odds that are not started yet, for whoever must not miss the first.

    Parameters
    ----------
    since : Cursor or str, optional
        Resume after it, without a board of one's own: `LiveOdds.stream` then
        brings every update since, and the board holds these selections only.
    """
    url, credential = _whereto(gateway, token)
    return LiveOdds(
        url,
        credential,
        transport=transport,
        auto_reconnect=auto_reconnect,
        wanted=_filter(bookmakers, events, markets),
        since=since,
        max_hz=_pace(max_hz),
        insecure=insecure,
        record=record,
        witness=witness,
    )


def _whereto(
    gateway: str | HasUrl | None, token: str | Callable[[], str] | None
) -> tuple[str, str | Callable[[], str]]:
    if gateway is not None and not isinstance(gateway, str):
        if not isinstance(gateway, HasUrl):
            raise ConfigurationError(
                f"{gateway!r} is no gateway.", hint="Give an address or a Gateway."
            )
        return gateway.url, token or gateway.token
    url = gateway or os.environ.get("PROTIPP_URL")
    if not url:
        raise ConfigurationError(
            "No gateway to connect to.",
            hint="Give its address, for example http://127.0.0.1:8700, or set PROTIPP_URL.",
        )
    token = token or os.environ.get("PROTIPP_TOKEN")
    if not token:
        raise ConfigurationError(
            "No token to show to the gateway.",
            hint="Set PROTIPP_TOKEN (or pass token=…); `protipp-stream token --sub YOU` makes "
            "one where the gateway's secret is.",
        )
    return url, token


def _filter(bookmakers: Sequence[str], events: Sequence[str], markets: Sequence[str]) -> Filter:
    for name, value in (("bookmakers", bookmakers), ("events", events), ("markets", markets)):
        if isinstance(value, str):
            raise ConfigurationError(
                f"{name} is a list of names, not one string.", hint=f"Write {name}=[{value!r}]."
            )
    parts = {"bookmakers": list(bookmakers), "events": list(events), "markets": list(markets)}
    try:
        return msgspec.convert(parts, Filter)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            f"The filter can't be: {error}.", hint="At most 200 names of each, 256 characters each."
        ) from None


def _pace(max_hz: float | None) -> float | None:
    try:
        return msgspec.convert(max_hz, MaxHz | None)
    except msgspec.ValidationError:
        raise ConfigurationError(
            f"max_hz is a number from 0.01 to 1000, not {max_hz!r}.",
            hint="It says how many frames of odds may come a second; leave it out for all.",
        ) from None
