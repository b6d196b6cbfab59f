"""DataFrames of what the client holds. pandas is imported when the first is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from protipp_stream.model import Event, OddsUpdate, Quote

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["quotes_frame", "updates_frame"]

_NAMES = ("bookmaker_id", "event_id", "event", "sport", "market", "outcome")
_TIMES = ("starts_at", "timestamp", "source_timestamp")


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


def _tidy(columns: dict[str, list[Any]]) -> pd.DataFrame:
    import pandas as pd

    made: dict[str, pd.Series] = {}
    for name, values in columns.items():
        if name in _TIMES:
            made[name] = pd.Series(pd.to_datetime(values, utc=True)).astype("datetime64[us, UTC]")
        elif name in _NAMES:
            made[name] = pd.Series(values, dtype="category")
        elif name in {"odds", "old_odds", "new_odds", "latency_ms"}:
            made[name] = pd.Series(values, dtype="float64")
        elif name == "is_significant":
            made[name] = pd.Series(values, dtype="bool")
        else:
            made[name] = pd.Series(values, dtype="str")
    return pd.DataFrame(made)
