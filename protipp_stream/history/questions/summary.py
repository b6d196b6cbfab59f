"""How much there is, by bookmaker, event, market, outcome or epoch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from protipp_stream.errors import ConfigurationError
from protipp_stream.history.asking import Asked
from protipp_stream.history.frames import NAME, NUMBER, TIME, WHOLE, frame_of
from protipp_stream.history.reading import View

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["summary"]

_BY = {
    "bookmaker": "bookmaker_id",
    "event": "event_id",
    "market": "market",
    "outcome": "outcome",
    "epoch": "epoch",
}


def summary(view: View, asked: Asked, by: str) -> pd.DataFrame:
    """Return a row a group; see `History.summary`."""
    if by not in [*_BY]:
        raise ConfigurationError(f"There is no summary by {by!r}.", hint=f"By {', '.join(_BY)}.")
    name = _BY[by]
    columns = [name, "new_odds", "timestamp", "is_significant"]
    # A tenth of the time, for a column that says the same ten million times.
    if view.may_have_images:
        columns.append("is_image")
    table = view.table("updates", columns, asked)
    if view.may_have_images:
        table = table.filter(pc.invert(table.column("is_image")))
    found = table.group_by(name).aggregate(
        [
            ("new_odds", "count", pc.CountOptions(mode="all")),
            ("new_odds", "count", pc.CountOptions(mode="only_null")),
            ("is_significant", "sum"),
            ("timestamp", "min"),
            ("timestamp", "max"),
        ]
    )
    counted = [found.column(number) for number in range(found.num_columns)]
    key = counted.pop(found.column_names.index(name))
    updates, suspensions, significant, first, last = counted
    share = pc.divide(significant.cast(pa.float64()), updates.cast(pa.float64()))
    made = frame_of(
        {
            name: key,
            "updates": updates,
            "suspensions": suspensions,
            "significant": significant.cast(pa.int64()),
            "significant_share": share,
            "first": first,
            "last": last,
        },
        {
            name: NAME,
            "updates": WHOLE,
            "suspensions": WHOLE,
            "significant": WHOLE,
            "significant_share": NUMBER,
            "first": TIME,
            "last": TIME,
        },
    )
    return made.sort_values(name, ignore_index=True)
