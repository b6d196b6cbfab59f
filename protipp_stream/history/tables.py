"""The columns of the sealed trail: what is in each Parquet dataset, with types and units.

Names repeat, so they are dictionaries; times are UTC with microseconds. ``line`` is the
number of the journal's line that brought a row: lines are written in order, so it orders
all rows of all datasets, across restarts, and within a line of updates ``seq`` does.
"""

from __future__ import annotations

import pyarrow as pa

__all__ = ["NAMES", "SCHEMAS", "SORTED_BY", "STORED"]

_NAME = pa.dictionary(pa.int32(), pa.string())
_TIME = pa.timestamp("us", tz="UTC")

_SELECTION = [("bookmaker_id", _NAME), ("event_id", _NAME), ("market", _NAME), ("outcome", _NAME)]

SCHEMAS: dict[str, pa.Schema] = {
    # A change of a price. `is_image` rows are no change: a client that recorded found
    # the price on the board when it came; `old_odds` is null then, and `seq` its cursor's.
    # `new_odds` null is a suspension. `delivered_at` is `timestamp` plus `latency_ms`.
    "updates": pa.schema(
        [
            ("epoch", _NAME),
            ("seq", pa.int64()),
            *_SELECTION,
            ("old_odds", pa.float64()),
            ("new_odds", pa.float64()),
            ("timestamp", _TIME),
            ("source_timestamp", _TIME),
            ("delivered_at", _TIME),
            ("latency_ms", pa.float64()),
            ("is_significant", pa.bool_()),
            ("reason", _NAME),
            ("commission", pa.float64()),
            ("is_image", pa.bool_()),
            ("line", pa.int64()),
        ]
    ),
    # What event ids stand for; the newest description counts.
    "events": pa.schema(
        [
            ("event_id", _NAME),
            ("name", _NAME),
            ("sport", _NAME),
            ("starts_at", _TIME),
            ("home", _NAME),
            ("away", _NAME),
            ("timestamp", _TIME),
            ("line", pa.int64()),
        ]
    ),
    # Prices that were said again, unchanged: one row a selection. `is_vouched`: not by the
    # bookmaker, whose stamp is the last one then, but by its feed.
    "confirmed": pa.schema(
        [
            *_SELECTION,
            ("timestamp", _TIME),
            ("source_timestamp", _TIME),
            ("is_vouched", pa.bool_()),
            ("line", pa.int64()),
        ]
    ),
    # What is no price: starts, stops, gaps, the state of feeds. See `journal.Note`.
    "notes": pa.schema(
        [
            ("timestamp", _TIME),
            ("kind", _NAME),
            ("source", _NAME),
            ("detail", pa.string()),
            ("epoch", _NAME),
            ("first_seq", pa.int64()),
            ("last_seq", pa.int64()),
            ("count", pa.int64()),
            ("line", pa.int64()),
        ]
    ),
    # Every line of the journal that was sealed, with its hash: witnesses are held against it.
    "groups": pa.schema(
        [
            ("line", pa.int64()),
            ("timestamp", _TIME),
            ("epoch", _NAME),
            ("rows", pa.int64()),
            ("hash", pa.binary(32)),
        ]
    ),
}

NAMES = sorted(
    {
        field.name
        for schema in SCHEMAS.values()
        for field in schema
        if pa.types.is_dictionary(field.type)
    }
)
"""The columns that are dictionaries."""


def _stored(schema: pa.Schema) -> pa.Schema:
    if "event_id" not in schema.names:
        return schema
    return schema.set(schema.get_field_index("event_id"), pa.field("event_id", pa.string()))


# As the files say it: Arrow, and pandas through it, passes over groups of rows by the least
# and greatest of a string, but not of a dictionary. In the file it is encoded as one anyway.
STORED: dict[str, pa.Schema] = {kind: _stored(schema) for kind, schema in SCHEMAS.items()}

SORTED_BY: dict[str, list[str]] = {
    # One event's rows lie together, in time: a question about it reads a few pages.
    "updates": ["event_id", "line", "seq"],
    "events": ["event_id", "line"],
    "confirmed": ["event_id", "line"],
    "notes": ["line"],
    "groups": ["line"],
}
