"""How a feed makes the batches that it yields; what a feed is stands in `core.feed`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from protipp_stream.core.feed import Feed
from protipp_stream.model import Batch, Event, Quote

__all__ = ["Feed", "batch_now"]


def batch_now(quotes: Sequence[Quote], events: Sequence[Event] = ()) -> Batch:
    """Make a batch that arrived just now."""
    return Batch(list(quotes), datetime.now(UTC), time.monotonic(), list(events))
