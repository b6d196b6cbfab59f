"""What a feed is: something that yields what a source said, and knows how it is doing."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol, runtime_checkable

from protipp_stream.model import Batch, RealTimeConnection

__all__ = ["Feed"]


@runtime_checkable
class Feed(Protocol):
    """A source of quotes.

    The gateway iterates over it once. Trouble with the source is the feed's own
    business: it retries by itself, says so in `connection`, and yields an empty
    batch so that the gateway looks there. A feed that raises has ended.

    A feed that is silent for long on purpose says for how long in ``interval_s``
    (seconds); without it, 30 s of silence are shown as stale.

    Attributes
    ----------
    connection : RealTimeConnection
        The state of the connection to the source; its ``id`` is the feed's own.
        Replaced, never changed in place, when there is something to tell: the
        gateway sends it to every subscriber whenever it is a new object after
        a batch.
    """

    connection: RealTimeConnection

    def __aiter__(self) -> AsyncIterator[Batch]:
        """Yield a batch for every read of the source."""
        ...
