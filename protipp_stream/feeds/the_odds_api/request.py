"""How The Odds API v4 is asked: the address, the parameters, the price of a call."""

from __future__ import annotations

import math
from collections.abc import Sequence

import httpx

from protipp_stream.errors import ConfigurationError
from protipp_stream.feeds.keyed import address
from protipp_stream.feeds.polling import Refresh
from protipp_stream.feeds.the_odds_api.answers import NAME

__all__ = ["MARKETS", "cost", "odds_url", "parameters", "refresh"]

MARKETS = ("h2h", "spreads", "totals", "h2h_lay")
BOOKMAKERS_A_REGION = 10
# What the provider says of itself: exchanges are read twice as often.
BOOKMAKERS_REFRESH = Refresh(before_s=60.0, in_play_s=40.0)
EXCHANGES_REFRESH = Refresh(before_s=30.0, in_play_s=20.0)
_EXCHANGES = frozenset(
    {
        "betfair_ex_au",
        "betfair_ex_eu",
        "betfair_ex_uk",
        "betopenly",
        "kalshi",
        "matchbook",
        "novig",
        "polymarket",
        "prophetx",
        "smarkets",
    }
)


def odds_url(base_url: str, sport: str) -> httpx.URL:
    """Return where the odds of a sport are.

    Raises
    ------
    ConfigurationError
        If the key would travel in clear, or that is no sport key.
    """
    base = address(NAME, base_url, ("https", "http"))
    if not sport.replace("_", "").isalnum():
        raise ConfigurationError(
            f"{sport!r} is no sport key.", hint="They look like baseball_mlb; or take upcoming."
        )
    return base.copy_with(path=f"{base.path.rstrip('/')}/v4/sports/{sport}/odds", query=None)


def parameters(
    regions: Sequence[str],
    markets: Sequence[str],
    odds_format: str,
    bookmakers: Sequence[str] | None,
) -> dict[str, str]:
    """Return the query, without the key.

    Raises
    ------
    ConfigurationError
        If a list is none, or empty, or a market is not of `MARKETS`.
    """
    _check_markets(markets)
    for name, value in (("regions", regions), ("bookmakers", bookmakers)):
        if isinstance(value, str):
            raise ConfigurationError(f"{name} must be a list.", hint=f"Write {name}=[{value!r}].")
    if not regions and not bookmakers:
        raise ConfigurationError("Name at least one region or bookmaker.")
    query = {
        "markets": ",".join(markets),
        "oddsFormat": odds_format,
        "dateFormat": "iso",
    }
    if bookmakers:
        return query | {"bookmakers": ",".join(bookmakers)}
    return query | {"regions": ",".join(regions)}


def _check_markets(markets: Sequence[str]) -> None:
    unknown = [market for market in markets if market not in MARKETS]
    if isinstance(markets, str) or unknown or not markets:
        raise ConfigurationError(
            f"These markets can't be read: {markets!r}.",
            hint=f"A list of: {', '.join(MARKETS)}.",
        )


def cost(regions: Sequence[str], markets: Sequence[str], bookmakers: Sequence[str] | None) -> int:
    """Return the credits of a call: markets times regions, ten bookmakers for a region."""
    places = math.ceil(len(bookmakers) / BOOKMAKERS_A_REGION) if bookmakers else len(regions)
    return len(markets) * places


def refresh(
    regions: Sequence[str], markets: Sequence[str], bookmakers: Sequence[str] | None
) -> Refresh:
    """Return how often there is news: that of exchanges where they were asked for as such.

    A region that happens to hold an exchange is no reason to pay twice as much.
    """
    named = _EXCHANGES.intersection(bookmakers or ())
    asks_exchanges = "h2h_lay" in markets or (bool(named) if bookmakers else "us_ex" in regions)
    return EXCHANGES_REFRESH if asks_exchanges else BOOKMAKERS_REFRESH
