"""DataFrames of what the client holds. pandas is imported when the first is made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from math import nan
from typing import TYPE_CHECKING, Any

from protipp_stream.client.changes import Delivery
from protipp_stream.core.arbitrage import Arbitrage
from protipp_stream.model import Event, OddsUpdate, Quote

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "arbitrage_frame",
    "latency_frame",
    "legs_frame",
    "quotes_frame",
    "source_age_frame",
    "updates_frame",
]

_NAMES = {"bookmaker_id", "event_id", "event", "sport", "market", "outcome", "side", "status"}
_TIMES = {"starts_at", "timestamp", "source_timestamp", "first_seen", "last_seen"}
_NUMBERS = {"odds", "old_odds", "new_odds", "latency_ms", "commission", "age_s", "oldest_s"}
_MONEY = {"margin", "stake", "risk", "profit", "floor"}


def quotes_frame(quotes: Iterable[Quote], events: dict[str, Event]) -> pd.DataFrame:
    """Return the board as a DataFrame, a row a selection; see `LiveOdds.quotes`."""
    rows = list(quotes)
    described = [events.get(quote.event_id) for quote in rows]
    return _tidy(
        {
            "bookmaker_id": [quote.bookmaker_id for quote in rows],
            "event_id": [quote.event_id for quote in rows],
            "event": [event.name if event else None for event in described],
            "sport": [event.sport if event else None for event in described],
            "starts_at": [event.starts_at if event else None for event in described],
            "market": [quote.market for quote in rows],
            "outcome": [quote.outcome for quote in rows],
            "odds": [quote.odds for quote in rows],
            "timestamp": [quote.timestamp for quote in rows],
            "source_timestamp": [quote.source_timestamp for quote in rows],
        }
    )


def updates_frame(updates: Iterable[OddsUpdate]) -> pd.DataFrame:
    """Return updates as a DataFrame, a row each; see `LiveOdds.updates`."""
    rows = list(updates)
    fields = OddsUpdate.__struct_fields__
    return _tidy({name: [getattr(row, name) for row in rows] for name in fields})


def latency_frame(stages: Mapping[str, Delivery | None]) -> pd.DataFrame:
    """Return latency as a DataFrame, a row a stage; see `LiveOdds.latency`."""
    import pandas as pd

    unknown = Delivery(0, nan, nan, nan, nan)
    found = [known or unknown for known in stages.values()]
    return pd.DataFrame(
        {
            "count": [each.count for each in found],
            "p50": [each.p50_ms for each in found],
            "p95": [each.p95_ms for each in found],
            "p99": [each.p99_ms for each in found],
            "error_ms": [each.error_ms for each in found],
        },
        index=pd.Index(list(stages), name="stage"),
    )


def source_age_frame(quotes: Iterable[Quote], now: float) -> pd.DataFrame:
    """Return the bookmakers' own times as ages; see `LiveOdds.source_age`."""
    rows = list(quotes)
    said = [quote.source_timestamp for quote in rows]
    table = _tidy(
        {
            "bookmaker_id": [quote.bookmaker_id for quote in rows],
            "age_s": [now - at.timestamp() if at else nan for at in said],
            "timestamp": [quote.timestamp for quote in rows],
        }
    )
    grouped = table.groupby("bookmaker_id", observed=True)
    return grouped.agg(
        selections=("age_s", "size"),
        newest_s=("age_s", "min"),
        median_s=("age_s", "median"),
        last_update=("timestamp", "max"),
    )


def arbitrage_frame(
    found: Iterable[Arbitrage], events: Mapping[str, Event], now: datetime
) -> pd.DataFrame:
    """Return opportunities as a DataFrame, a row each; see `LiveArbitrage.table`."""
    rows = list(found)
    described = [events.get(each.event_id) for each in rows]
    # Of what is over: how old it was at its end.
    ages = [(each, each.last_seen if each.status == "expired" else now) for each in rows]
    return _tidy(
        {
            "event_id": [each.event_id for each in rows],
            "event": [event.name if event else None for event in described],
            "sport": [event.sport if event else None for event in described],
            "starts_at": [each.starts_at for each in rows],
            "in_play": [each.is_in_play for each in rows],
            "market": [each.market for each in rows],
            "bookmakers": [" / ".join(leg.bookmaker_id for leg in each.legs) for each in rows],
            "status": [each.status for each in rows],
            "reasons": [each.words for each in rows],
            "margin": [each.margin for each in rows],
            "stake": [nan if each.worst_case is None else each.total for each in rows],
            "profit": [each.worst_case for each in rows],
            "floor": [each.floor for each in rows],
            "oldest_s": [max(leg.age_s(at) for leg in each.legs) for each, at in ages],
            "first_seen": [each.first_seen for each in rows],
            "last_seen": [each.last_seen for each in rows],
        }
    )


def legs_frame(found: Iterable[Arbitrage], now: datetime) -> pd.DataFrame:
    """Return the bets of opportunities, a row each; see `LiveArbitrage.legs`."""
    rows = [(each, leg) for each in found for leg in each.legs]
    return _tidy(
        {
            "event_id": [each.event_id for each, _ in rows],
            "market": [each.market for each, _ in rows],
            "bookmaker_id": [leg.bookmaker_id for _, leg in rows],
            "outcome": [leg.outcome for _, leg in rows],
            "side": [leg.side for _, leg in rows],
            "odds": [leg.odds for _, leg in rows],
            "commission": [leg.commission for _, leg in rows],
            "stake": [leg.stake for _, leg in rows],
            "risk": [leg.risk for _, leg in rows],
            "age_s": [leg.age_s(now) for _, leg in rows],
        }
    )


def _tidy(columns: dict[str, list[Any]]) -> pd.DataFrame:
    import pandas as pd

    made: dict[str, pd.Series] = {}
    for name, values in columns.items():
        if name in _TIMES:
            made[name] = pd.Series(pd.to_datetime(values, utc=True)).astype("datetime64[us, UTC]")
        elif name in _NAMES:
            made[name] = pd.Series(values, dtype="category")
        elif name in _NUMBERS | _MONEY:
            made[name] = pd.Series(values, dtype="float64")
        elif name in {"is_significant", "in_play"}:
            made[name] = pd.Series(values, dtype="bool")
        else:
            made[name] = pd.Series(values, dtype="str")
    return pd.DataFrame(made)
