"""What a feed is: something that yields what a source said, and knows how it is doing."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from typing import Protocol, runtime_checkable

from protipp_stream.model import Batch, Event, Quote, RealTimeConnection

__all__ = ["Feed", "batch_now"]


@runtime_checkable
class Feed(Protocol):
    """A source of quotes.

    The gateway iterates over it once. Trouble with the source is the feed's own
    business: it retries by itself, says so in `connection`, and yields an empty
    batch so that the gateway looks there. A feed that raises has ended.

    Attributes
    ----------
    connection : RealTimeConnection
        The state of the connection to the source. Replaced, never changed in
        place, when there is something to tell: the gateway sends it to every
        subscriber whenever it is a new object after a batch.
    """

    connection: RealTimeConnection

    def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield a batch for every read of the source."""
        ...


def batch_now(quotes: Sequence[Quote], events: Sequence[Event] = ()) -> Batch:
    """Make a batch that arrived just now."""
    return Batch(list(quotes), datetime.now(UTC), time.monotonic(), list(events))
