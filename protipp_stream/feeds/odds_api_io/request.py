"""What odds-api.io can be asked for."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.odds_api_io.body import KINDS

__all__ = ["MARKETS", "check", "socket_filter"]

MARKETS = tuple(KINDS)
STATUSES = ("live", "prematch")
MAX_LEAGUES, MAX_EVENT_IDS = 20, 50


def socket_filter(
    markets: Sequence[str],
    sport: str | None,
    leagues: Sequence[str],
    event_ids: Sequence[str | int],
    status: str | None,
) -> str:
    """Return the query of the WebSocket, without the key."""
    asked = {
        "markets": ",".join(markets),
        "sport": sport,
        "leagues": ",".join(leagues),
        "eventIds": ",".join(str(event_id) for event_id in event_ids),
        "status": status,
    }
    return urlencode({name: value for name, value in asked.items() if value}, safe=",")


def check(
    markets: Sequence[str],
    sport: str | None,
    leagues: Sequence[str],
    event_ids: Sequence[str | int],
    status: str | None,
    bookmakers: Sequence[str] | None,
) -> None:
    """Say what makes no sense.

    Raises
    ------
    ConfigurationError
        With what to write instead.
    """
    lists = (("leagues", leagues), ("event_ids", event_ids), ("bookmakers", bookmakers))
    for name, value in lists:
        if isinstance(value, str):
            raise ConfigurationError(f"{name} must be a list.", hint=f"Write {name}=[{value!r}].")
    if isinstance(markets, str) or not markets or not set(markets) <= set(MARKETS):
        raise ConfigurationError(
            f"These markets can't be read: {markets!r}.", hint=f"A list of: {', '.join(MARKETS)}."
        )
    if status not in (None, *STATUSES):
        raise ConfigurationError(
            f"There is no status {status!r}.", hint=f"One of: {', '.join(STATUSES)}; or none."
        )
    if leagues and event_ids:
        raise ConfigurationError("leagues and event_ids can't be asked for together.")
    if not sport and not event_ids:
        raise ConfigurationError("Name a sport, or event_ids.", hint='E.g. sport="baseball".')
    if len(leagues) > MAX_LEAGUES or len(event_ids) > MAX_EVENT_IDS:
        raise ConfigurationError(
            f"At most {MAX_LEAGUES} leagues, or {MAX_EVENT_IDS} event_ids, can be asked for."
        )
